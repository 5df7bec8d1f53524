"""What was quarantined, for who looks for it in vain: nothing is missing that was rejected."""

from schemas.operations import Quarantine
from warehouse.database import WorkingDatabase

NAMED = 3
"""So many rejected rows are named."""


def rejected_of(database: WorkingDatabase, table: str) -> str:
    """The rejected rows of a canonical table, in words for the end of a message."""
    rows = database.read(Quarantine.table(), where={"table_name": [table]}).sort("file", "line", "column_name")
    if rows.is_empty():
        return f"; no row of {table} was quarantined"
    number = rows.select("file", "line").unique().height
    named = "; ".join(
        f"{file}, line {line}{f', {column}' if column else ''}: {reason}"
        for file, line, column, reason in rows.select("file", "line", "column_name", "reason").head(NAMED).iter_rows()
    )
    count = f"{number} rows of {table} were" if number > 1 else f"1 row of {table} was"
    return f". It may be among what was rejected: {count} quarantined ({named}); mend the file, or its form"
