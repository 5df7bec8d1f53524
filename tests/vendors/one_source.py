"""A company with one source of a vendor's files, ingested; its rows, and what became of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from tests.integration.small_company import SmallCompany

SETTINGS = {
    "company": "Vendored",
    "as_of": "2026-10-31",
    "first_month": "2026-01-01",
    "history_from": "2026-01-01",
    "reporting": {"currency": "EUR", "time_zone": "Europe/Berlin"},
}


@dataclass(frozen=True)
class Ingested:
    """What an ingest left."""

    company: SmallCompany

    def rows(self, table: str) -> pl.DataFrame:
        """A canonical table as it was staged."""
        return self.company.project().staged(table)

    def values(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of it, sorted."""
        return sorted(self.rows(table).select(columns).rows(), key=str)

    def exported(self, table: str) -> frozenset[str]:
        """The columns that the source exports."""
        return self.company.project().exported().columns.get(table, frozenset())

    def rejects(self) -> list[tuple[Any, ...]]:
        """What was rejected: file, line, column, reason; once, be it of several tables."""
        told = self.company.project().database.read("quarantine")
        return sorted(set(told.select("file", "line", "column_name", "reason").rows()), key=str)

    def left_out(self, table: str) -> dict[str, int]:
        """Rows that reach nothing, by reason."""
        rows = self.company.project().database.read("left_out", where={"table_name": [table]})
        return dict(rows.select("reason", "rows").rows())


def ingested(
    folder: Path, files: Mapping[str, str | bytes], source: Mapping[str, Any], tables: Iterable[str], **settings: Any
) -> Ingested:
    """Write the files below a folder `sent`, and ingest these canonical tables of them."""
    for name, content in files.items():
        path = folder / "sent" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    company = SmallCompany(folder)
    company.data.mkdir(parents=True, exist_ok=True)
    sources = {"it": {"folder": "sent", **source}}
    company.config.write_text(yaml.safe_dump({**SETTINGS, **settings, "sources": sources}))
    company.ingest(tables)
    return Ingested(company)
