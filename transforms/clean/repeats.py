"""Rows with one key: what a source says twice, and which of it counts."""

import polars as pl

from schemas.contract import Contract
from transforms.clean.contradictions import contradictions, of_one_time
from transforms.clean.snapshots import latest_by_key
from transforms.visible import of_each, speaking

LINE = ("export_file", "export_line")


def spoken(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows of one source that count, of all its files.

    Of rows with one key that of the newest export, if files of one time don't contradict each other; of events with one
    id the earliest. Answers that were given again stay, each once: which of them is the last depends on the day from
    which is looked.
    """
    match contract.repeats():
        case None:
            return latest_by_key(rows, list(contract.grain()))
        case "last", by:
            return latest_by_key(rows, [*contract.grain(), by])
        case _:
            return of_each(rows, contract)


def contradictory(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows of one source that say different things under one key in the newest exports, which are of one time."""
    key = list(contract.grain())
    return contradictions(of_one_time(rows, key), key) if key and contract.repeats() is None else rows.clear()


def repeated(rows: pl.DataFrame, contract: type[Contract], time_zone: str) -> pl.DataFrame:
    """The rows of one source with the id of an event or answer of which another row counts."""
    if contract.repeats() is None:
        return rows.clear()
    return rows.join(speaking(rows, contract, time_zone), on=LINE, how="anti")
