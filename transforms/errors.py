"""What a transform cannot go on with."""


class UndefinedError(Exception):
    """The config or an export lacks what a definition needs; the message says what, and where to put it."""
