"""An id belongs to its source: a company is the same whether or not its sources number their things alike.

The small company, its exports of every table split over two sources by account. In the one every id is used once; in
the other each source numbers its accounts, subscriptions, tickets, persons and so on from 1. Neither tables nor metrics
are named: a new one is held to it too.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from schemas.customers import UNKNOWN
from schemas.tables import FACTS
from tests.integration.small_company import SETTINGS, SOURCES, Row, SmallCompany, Tables, exports, ordered
from tests.laws.world import World, world_of
from transforms.catalogue import CATALOGUE

SIDES = ("odd", "even")
IN_THE_OPEN = {"privacy": {"publish_person_ids": True}}
"""Hashes of persons would tell two sources apart where an id alone does not."""
KINDS = {"account_id": "account", "source_account_id": "account", "customer_id": "account"}
"""Columns of ids that name the same kind of thing; any other column of ids names a kind of its own."""


def given() -> Tables:
    """The small company's exports, with a churn and a link also of an account with an even number."""
    tables = exports()
    churn, link = tables["churn_events"][0], tables["account_links"][0]
    tables["churn_events"].append({**churn, "churn_event_id": "X3", "account_id": "A02", "reason": "budget"})
    tables["identities"].append({**tables["identities"][0], "customer_id": "A02", "domain": "a02.example"})
    tables["account_links"].append({**link, "source_account_id": "cus_8", "account_id": "A08"})
    return tables


def ids_of(row: Row) -> Iterator[tuple[str, str, str]]:
    """The ids in a row: column, kind of thing, id."""
    for name, value in row.items():
        if name.endswith("_id") and value is not None:
            yield name, KINDS.get(name, name), value


def side_of(table: str, number: int, row: Row) -> str:
    """That of the account's number, or, without an account, of the ticket's; of what has neither by turns."""
    named = next((row[name] for name in ("account_id", "ticket_id", "customer_id") if row.get(name)), f"x{number}")
    digits = "".join(c if c.isdigit() else " " for c in named).split()
    return SIDES[(int(digits[0]) + 1) % 2]


def split() -> dict[str, Tables]:
    """The exports of each side, all ids as they are."""
    sides: dict[str, Tables] = {side: {table: [] for table in given()} for side in SIDES}
    for table, rows in given().items():
        for number, row in enumerate(rows):
            side = side_of(table, number, row)
            sides[side][table].append({**row, "source": side} if table == "account_links" else row)
    return sides


def numbered_alike(tables: Tables) -> Tables:
    """The exports with the things of each kind numbered from 1, in the order of their ids."""
    found = {(kind, value) for rows in tables.values() for row in rows for _, kind, value in ids_of(row)}
    count: dict[str, int] = {}
    numbers = {}
    for kind, value in sorted(found):
        count[kind] = count.get(kind, 0) + 1
        numbers[kind, value] = f"{count[kind]:05d}"
    return {
        table: [row | {name: numbers[kind, value] for name, kind, value in ids_of(row)} for row in rows]
        for table, rows in tables.items()
    }


def built(folder: Path, sides: dict[str, Tables]) -> World:
    """A company of two sources, each with a file of every table of which it has rows."""
    folder.mkdir()
    room = {table: source for source, tables in SOURCES.items() for table in tables}
    sources = {}
    for side, tables in sides.items():
        there = {table: rows for table, rows in tables.items() if rows}
        for table, rows in there.items():
            SmallCompany(folder / side).export(table, rows)
        files = {table: f"{room[table]}/{table}.csv" for table in there}
        sources[side] = {"form": "canonical", "folder": side, "files": files}
    company = SmallCompany(folder)
    company.config.write_text(yaml.safe_dump({**SETTINGS, **IN_THE_OPEN, "sources": sources}, sort_keys=False))
    return world_of(company).build()


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The company whose ids are all different."""
    return built(tmp_path_factory.mktemp("apart") / "company", split())


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The company whose two sources use the same ids."""
    sides = {side: numbered_alike(tables) for side, tables in split().items()}
    return built(tmp_path_factory.mktemp("alike") / "company", sides)


def nameless(world: World, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with accounts under the names of their companies, and without any other id."""
    names = world.tables["dim_account"].select("account_id", name=pl.coalesce("account_name", pl.lit("no name")))
    if "account_id" in frame.columns:
        told = frame.join(names, on="account_id", how="left", maintain_order="left")
        frame = told.with_columns(account_id=pl.coalesce("name", pl.lit(UNKNOWN))).drop("name")
    others = [name for name in frame.columns if name.endswith("_id") and name != "account_id"]
    return ordered(frame.drop(others))


def test_both_sources_have_rows_of_every_table_and_use_the_same_ids():
    sides = {side: numbered_alike(tables) for side, tables in split().items()}
    told = {
        side: {(kind, value) for rows in tables.values() for row in rows for _, kind, value in ids_of(row)}
        for side, tables in sides.items()
    }
    kinds = {kind for kind, _ in told["odd"] | told["even"]}
    assert {kind for kind, _ in told["odd"] & told["even"]} == kinds
    assert all(sides[side][table] for side in SIDES for table in exports())


@pytest.mark.parametrize("table", FACTS)
def test_equal_ids_of_two_sources_change_no_row_of_a_fact(apart, alike, table):
    assert_frame_equal(nameless(alike, alike.tables[table]), nameless(apart, apart.tables[table]))


@pytest.mark.parametrize("metric", CATALOGUE)
def test_equal_ids_of_two_sources_change_no_value_of_a_metric(apart, alike, metric):
    assert_frame_equal(ordered(alike.store.told[metric]), ordered(apart.store.told[metric]))


def test_no_fact_is_empty(apart):
    """Two companies without rows are alike, and that says nothing."""
    assert [table for table in FACTS if apart.tables[table].is_empty()] == []


def test_accounts_of_two_crms_with_one_id_are_two_accounts(apart, alike):
    assert alike.tables["dim_account"].height == apart.tables["dim_account"].height
    assert alike.tables["dim_account"]["account_id"].is_unique().all()
