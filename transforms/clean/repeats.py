"""Rows with one key: what a source says twice, and which of it counts."""

import polars as pl

from schemas.contract import Contract
from schemas.keys import is_repeated
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
            key = list(contract.grain())
            return latest_by_key(rows, key) if key and is_repeated(rows, key) else rows
        case "last", by:
            return latest_by_key(rows, [*contract.grain(), by])
        case _:
            return of_each(rows, contract)


def contradictory(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """The rows of one source that say different things under one key in the newest exports, which are of one time.

    What a writer wrote twice at one time, in two parts of one run, is no contradiction: the later part counts.
    """
    key = list(contract.grain())
    if "row_written_at" in key:
        return rows.clear()
    if not key or contract.repeats() is not None or not is_repeated(rows, key):
        return rows.clear()
    return contradictions(of_one_time(rows, key), key)


def repeated(rows: pl.DataFrame, contract: type[Contract], time_zone: str) -> pl.DataFrame:
    """The rows of one source with the id of an event or answer of which another row counts."""
    if contract.repeats() is None:
        return rows.clear()
    counting = speaking(rows, contract, time_zone)
    return rows.join(counting, on=LINE, how="anti") if counting.height < rows.height else rows.clear()
