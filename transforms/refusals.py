"""What a transform cannot go on with."""


class UndefinedError(Exception):
    """The config or an export lacks what a definition needs; the message says what, and where to put it."""

    lacks: str | None = None
    """The canonical table that lacks it: rows that were rejected may have had it."""


class DeclarationError(Exception):
    """A function declares what cannot be given to it: a fault of the program, told when it is loaded."""
