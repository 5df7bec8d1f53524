"""What a transform cannot go on with, and what it warns of."""


class UndefinedError(Exception):
    """The config or an export lacks what a definition needs; the message says what, and where to put it."""

    lacks: str | None = None
    """The canonical table that lacks it: rows that were rejected may have had it."""


class DeclarationError(Exception):
    """A function declares what cannot be given to it: a fault of the program, told when it is loaded."""


class DataWarning(UserWarning):
    """The data keeps its contract and looks wrong all the same: for a person to see."""
