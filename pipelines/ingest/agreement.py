"""Two exports that say different things of one thing are refused by name: nobody can tell which is right."""

import polars as pl

from schemas.contract import Contract
from transforms.clean.contradictions import PROVENANCE, contradictions
from transforms.clean.repeats import contradictory
from transforms.clean.snapshots import latest_by_key
from warehouse.errors import ExportError

SAID_ONCE = {
    "account_links": (["source", "source_account_id"], ["account_id"]),
    "fx_rates": (["month", "currency"], ["rate"]),
}
"""Tables whose keys are no ids of a source, so that all sources speak of the same things; and what they say of one."""


def refuse_contradictory(rows: pl.DataFrame, contract: type[Contract]) -> None:
    """Raise ExportError if two files of one source and one time say different things under one key."""
    refuse(contradictory(rows, contract), contract)


def refuse(found: pl.DataFrame, contract: type[Contract]) -> None:
    """Raise ExportError if there are rows that contradict each other, which were found before."""
    _refuse_of_one_time(found, list(contract.grain()), contract.table())


def refuse_contradictory_versions(rows: pl.DataFrame, key: list[str], table: str) -> None:
    """Raise ExportError if two files of one source and one time tell different things of one version, or of one row."""
    _refuse_of_one_time(contradictions(rows, [*key, "exported_at"]), key, table)


def _refuse_of_one_time(found: pl.DataFrame, key: list[str], table: str) -> None:
    way_out = "correct one, or give the files the days of their exports in their names"
    _refuse(found, key, f"{table}, of files exported at one time", way_out)


def said_once(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Of rows with one key in several sources the newest; they say the same.

    Raises:
        ExportError: they do not.
    """
    key, said = SAID_ONCE[table]
    _refuse(contradictions(rows.select(*key, *said, *PROVENANCE), key), key, table, "take one of them out")
    return latest_by_key(rows, key)


def _refuse(found: pl.DataFrame, key: list[str], what: str, way_out: str) -> None:
    """Raise for the first two rows; their files and lines name them, never a value, which may be a person's."""
    if found.is_empty():
        return
    places = found.select("export_source", "export_file", "export_line").rows()[:2]
    one, other = (f"{file} (source {source}), line {line}" for source, file, line in places)
    keys = found.select(key).n_unique()
    named = ", ".join(name for name in key if name not in PROVENANCE)
    more = f" ({keys} keys in all)" if keys > 1 else ""
    raise ExportError(f"{what}: {one} and {other} say different things of one {named}{more}; {way_out}")
