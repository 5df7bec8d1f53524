"""What the sources export, and so what can be known at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Exported:
    """The columns that the sources export, of each canonical table that there is."""

    columns: Mapping[str, frozenset[str]]
    partly: frozenset[str] = frozenset()
    """Columns (`tickets.reopens`) that some of their table's sources export and others don't."""

    def missing(self, needs: Sequence[str]) -> str | None:
        """Why what needs these tables (`tickets`) and columns (`tickets.reopens`) cannot be known, or None."""
        for need in needs:
            table, _, name = need.partition(".")
            if table not in self.columns:
                return "source_missing"
            if name and name not in self.columns[table]:
                return "not_exported"
        return None

    def only(self, needs: Iterable[str]) -> "Exported":
        """The same, of no more than these tables and columns."""
        named: dict[str, set[str]] = {}
        for need in needs:
            table, _, name = need.partition(".")
            named.setdefault(table, set()).update({name} - {""})
        columns = {table: self.columns[table] & names for table, names in named.items() if table in self.columns}
        told = {f"{table}.{name}" for table, names in columns.items() for name in names}
        return Exported(columns, self.partly & told)
