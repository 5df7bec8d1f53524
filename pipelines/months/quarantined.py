"""What is missing is told together with what of it was quarantined: a rejected row is no row that was never sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.operations import Quarantine
from transforms.refusals import UndefinedError
from warehouse.database import WorkingDatabase

TOLD = 3
"""Places of rejected rows that a message names."""


@contextmanager
def with_what_was_rejected(database: WorkingDatabase) -> Iterator[None]:
    """Add to what is said to be missing of a canonical table which rows of it were rejected, and why."""
    try:
        yield
    except UndefinedError as fault:
        if not fault.tables:
            raise
        raise type(fault)(f"{fault}; {_rejected(database, fault.tables)}") from None


def _rejected(database: WorkingDatabase, tables: tuple[str, ...]) -> str:
    named = " and ".join(tables)
    rows = database.read(Quarantine.table(), where={"table_name": list(tables)}).sort("file", "line", "column_name")
    count = rows.select("file", "line").unique().height
    if not count:
        return f"no row of {named} was quarantined"
    places = [
        f"{file}, line {line}{f', {column}' if column else ''}: {reason}"
        for file, line, column, reason in rows.select("file", "line", "column_name", "reason").head(TOLD).iter_rows()
    ]
    more = "; …" if rows.height > TOLD else ""
    return f"{count} row{'' if count == 1 else 's'} of {named} {'was' if count == 1 else 'were'} quarantined: " + (
        "; ".join(places) + more
    )
