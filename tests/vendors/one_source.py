"""A company with one source of a vendor's files, ingested; its rows, and what became of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipelines.project import Project
from tests.integration.small_company import SmallCompany
from tests.vendors.one_duckdb import one_duckdb
from warehouse.staging import read_staged

SETTINGS = {
    "company": "Vendored",
    "as_of": "2026-10-31",
    "first_month": "2026-01-01",
    "history_from": "2026-01-01",
    "reporting": {"currency": "EUR", "time_zone": "Europe/Berlin"},
}


ASKED = ("ingest", "quarantine", "left_out")
"""Tables of the working database that tests of an ingest ask."""


@dataclass(frozen=True)
class Looked:
    """A project, and what its working database said while its file was written at a time."""

    project: Project
    told: Mapping[str, pl.DataFrame]

    @classmethod
    def into(cls, project: Project) -> "Looked":
        with project.database.kept_open():
            return cls(project, {name: project.database.read(name) for name in ASKED})


@dataclass(frozen=True)
class Ingested:
    """What an ingest left."""

    company: SmallCompany
    looked: dict[int, Looked] = field(default_factory=dict)
    """By the time at which the file of the working database was written; another ingest writes it anew."""

    def look(self) -> Looked:
        if (found := self.looked.get(written := self.written())) is None:
            found = self.looked[written] = Looked.into(self.company.project())
        return found

    def written(self) -> int:
        return self.company.project().folders.working_database.stat().st_mtime_ns

    def rows(self, table: str) -> pl.DataFrame:
        """A canonical table as it was staged."""
        looked = self.look()
        hashes = dict(looked.told["ingest"].select("table_name", "staged_sha256").rows())
        return read_staged(looked.project.folders, table, looked.project.contracts[table], hashes[table])

    def values(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of it, sorted."""
        return sorted(self.rows(table).select(columns).rows(), key=str)

    def exported(self, table: str) -> frozenset[str]:
        """The columns that the source exports."""
        told = self.look().told["ingest"].filter(pl.col("exported_columns").is_not_null())
        exported = dict(told.select("table_name", "exported_columns").rows())
        return frozenset(exported[table].split(",")) if table in exported else frozenset()

    def rejects(self) -> list[tuple[Any, ...]]:
        """What was rejected: file, line, column, reason; once, be it of several tables."""
        told = self.look().told["quarantine"]
        return sorted(set(told.select("file", "line", "column_name", "reason").rows()), key=str)

    def left_out(self, table: str) -> dict[str, int]:
        """Rows that reach nothing, by reason."""
        rows = self.look().told["left_out"].filter(table_name=table)
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
    return ingested_of(company, tables)


def ingested_of(company: SmallCompany, tables: Iterable[str]) -> Ingested:
    """Ingest these canonical tables of a company."""
    looked: list[Looked] = []
    with one_duckdb():
        company.ingest(tables, lambda project: looked.append(Looked.into(project)))
    found = Ingested(company)
    found.looked[found.written()] = looked[0]
    return found
