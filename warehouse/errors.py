"""Errors that tell a person what to do; none carries a value of the data."""

import re


class WarehouseError(Exception):
    """Something a person must mend; the message says what, where, and how."""


class ConfigError(WarehouseError):
    """The config is wrong: what, where, and what was expected."""


class ExportError(WarehouseError):
    """A file cannot be used as a whole: names file and column."""


class StaleError(WarehouseError):
    """Something that is needed is not built, or was built from something else; names the command that mends it."""


class DamagedError(WarehouseError):
    """Something of our own in the data folder is lost or is not what was written; names what mends it."""


class LockedError(WarehouseError):
    """Another run holds the data folder."""


class AuditError(WarehouseError):
    """The audit refuses to publish."""


def in_use(what: str, said: BaseException) -> str:
    """That a database is open elsewhere, by which process where the engine said so, and how to go on."""
    by = re.search(r"PID (\d+)", str(said))
    who = f"process {by[1]}" if by else "another process"
    return f"{what} is in use by {who}, as it is during a run; wait until that ends, and try again"
