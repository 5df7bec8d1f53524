"""What arrives later: readers find what a run from nothing over all the files makes, in DuckDB and in Parquet."""

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.integration.small_company import SmallCompany, exports, ordered, published_once, small_company
from warehouse.parquet import VIEWS_BY_MONTH

OF_ITS_RUN = {"account_key", "metric_key", "run_id", "landed_at", "exported_at", "rejected_at", "published_at"}
"""Columns that tell when and by which run something was made, and numbers that are given as things come."""
Shown = dict[str, pl.DataFrame]


def readers_find(company: SmallCompany) -> Shown:
    """Every table and view of the newest version, but for the list of versions."""
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        listed = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        names = {name for (name,) in readers.execute(listed).fetchall()} - {"publication"}
        return {name: comparable(readers.sql(f'SELECT * FROM main."{name}"').pl()) for name in names}


def in_parquet(company: SmallCompany) -> Shown:
    """The same of the files beside it."""
    folder = company.project().folders.published_database.resolve().parent / "parquet"
    found = {path.name: sorted(path.glob("*.parquet")) for path in folder.iterdir() if path.is_dir()}
    found |= {path.stem: [path] for path in folder.glob("*.parquet") if path.stem != "publication"}
    return {name: comparable(pl.read_parquet(files, hive_partitioning=False)) for name, files in found.items()}


def comparable(frame: pl.DataFrame) -> pl.DataFrame:
    return ordered(frame.drop(OF_ITS_RUN & set(frame.columns)))


@pytest.mark.parametrize("large", [False, True], ids=["few rows", "many rows"])
def test_an_event_that_arrives_makes_readers_find_what_a_run_from_nothing_makes(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    company = published_once(tmp_path_factory, tmp_path / "company")
    before = readers_find(company)
    if large:
        # As tables of many rows are looked at.
        monkeypatch.setattr("transforms.visible.MANY", 0)
    one_more(company)
    company.run()
    assert company.publish() == 2
    monkeypatch.undo()
    anew = small_company(tmp_path / "anew")
    one_more(anew)
    anew.run()
    anew.publish()
    found, expected = readers_find(company), readers_find(anew)
    assert not found["fct_feature_account_month"].equals(before["fct_feature_account_month"])
    assert {name for name in found if not found[name].equals(expected[name])} == set()
    files = in_parquet(company)
    assert files.keys() >= set(VIEWS_BY_MONTH)
    assert {name for name in files if not files[name].equals(found[name])} == set()


def one_more(company: SmallCompany) -> None:
    """Events are exported again, with one more in the last month."""
    events = exports()["usage_events"]
    last = max((event for event in events if not event["is_internal"]), key=lambda event: event["occurred_at"])
    more = {**last, "event_id": "one more", "occurred_at": last["occurred_at"] + dt.timedelta(hours=1)}
    company.export("usage_events", [*events, more])
