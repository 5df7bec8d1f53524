"""What a transform cannot go on with."""


class UndefinedError(Exception):
    """The config or an export lacks what a definition needs; the message says what, and where to put it."""

    tables: tuple[str, ...] = ()
    """Canonical tables of which something is missing: whoever tells it also tells what of them was quarantined."""


class DeclarationError(Exception):
    """A function declares what cannot be given to it: a fault of the program, told when it is loaded."""
