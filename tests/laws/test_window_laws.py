"""What a month is made from is what it reads: for every table and metric asset, none of which is named here.

Rows outside the declared windows are dropped, changed and added: the month's rows stay as they are, and so does what
the month is said to be made from. Rows inside are changed: the month is stale. And a month alone, and any piece of the
range, gives the rows of the whole range, in companies whose days have been thrown into disorder.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.months.content import Content, content_rows
from pipelines.months.nodes import nodes, offsets
from pipelines.months.readers import UNPARTITIONED
from schemas.config import Config
from schemas.contract import Contract
from schemas.tables import CANONICAL, FACTS
from tests.integration.small_company import MONTHS, SETTINGS
from tests.laws.world import World
from transforms.calendar import add_months
from transforms.declaration import History, Months, Whole, Window
from transforms.visible import seen_on

NODES = [node.name for node in nodes(Config.model_validate({**SETTINGS, "sources": {"all": {"form": "canonical"}}}))]
ASKED = [MONTHS[0], MONTHS[9], MONTHS[-1]]
DISORDERS = (1, 2)
"""Seeds of companies in disorder."""

every_node = pytest.mark.parametrize("name", NODES)
every_month = pytest.mark.parametrize("month", ASKED, ids=lambda month: f"{month:%Y-%m}")
Change = Callable[[pl.DataFrame, pl.Series], pl.DataFrame]
"""From a table's rows, and which of them lie outside a window, to other rows."""


# --- which rows lie outside, told from the declaration in words and by plain loops ------------------------------------


def month_of_day(day: dt.date) -> dt.date:
    return day.replace(day=1)


def end_of(month: dt.date) -> dt.date:
    return add_months(month, 1) - dt.timedelta(days=1)


def days_of(row: dict[str, object], contract: type[Contract], config: Config) -> dict[str, dt.date | None]:
    """The row's dates and instants as days in the reporting time zone."""
    days: dict[str, dt.date | None] = {}
    for name, value in row.items():
        if isinstance(value, dt.datetime):
            local = value.replace(tzinfo=dt.UTC).astimezone(config.reporting.zone)
            days[name] = local.date() if value.year > 1 else value.date()
        elif isinstance(value, dt.date):
            days[name] = value
    return days


def own_day_of(row: dict[str, object], contract: type[Contract], config: Config) -> dt.date | None:
    days = days_of(row, contract, config)
    return next((days[name] for name in contract.dated_by() if days.get(name)), None)


def is_outside(
    row: dict[str, object], contract: type[Contract], window: Window, month: dt.date, config: Config
) -> bool:
    if isinstance(window, Whole):
        return False
    by = window.by if isinstance(window, Months) else None
    day = days_of(row, contract, config).get(by) if by else own_day_of(row, contract, config)
    if day is None:
        return by is not None
    if isinstance(window, Months):
        assert isinstance(window.ahead, int) and not callable(window.back)
        first = dt.date.min if window.back is None else add_months(month, -window.back)
        if window.earlier != 0 and month == MONTHS[0]:
            assert not callable(window.earlier)
            first = dt.date.min if window.earlier is None else add_months(month, -max(window.earlier, window.back or 0))
        return not first <= month_of_day(day) <= add_months(month, window.ahead)
    assert isinstance(window.ahead, int)
    return day > end_of(add_months(month, window.ahead))


def outside(world: World, windows: frozenset[Window], table: str, month: dt.date) -> pl.Series:
    """Of each row of a table, whether no window that a node has on it covers it."""
    frame = world.tables[table]
    if table not in UNPARTITIONED:
        back, ahead = offsets(windows)
        first = dt.date.min if back is None else add_months(month, -back)
        return ~frame["month"].is_between(first, add_months(month, ahead))
    uncovered = [outside_one(world, table, window, month) for window in windows]
    return pl.DataFrame({f"{nth}": one for nth, one in enumerate(uncovered)}).select(pl.all_horizontal(pl.all()))["0"]


@cache
def outside_one(world: World, table: str, window: Window, month: dt.date) -> pl.Series:
    """Of each row of a table without months, whether the window does not cover it."""
    contract = world.contracts[table]
    rows = world.tables[table].iter_rows(named=True)
    return pl.Series([is_outside(row, contract, window, month, world.config) for row in rows], dtype=pl.Boolean)


# --- three ways to change what lies there -----------------------------------------------------------------------------


def dropped(frame: pl.DataFrame, there: pl.Series) -> pl.DataFrame:
    return frame.filter(~there)


def exchanged(frame: pl.DataFrame, there: pl.Series) -> pl.DataFrame:
    """The rows outside have each other's values, but for their dates."""
    rows = frame.filter(there)
    kept = [name for name, dtype in frame.schema.items() if dtype.is_temporal()]
    other = [name for name in frame.columns if name not in kept]
    turned = pl.concat([rows.select(kept), rows.select(other).reverse()], how="horizontal")
    return pl.concat([frame.filter(~there), turned.select(frame.columns)])


def doubled(frame: pl.DataFrame, there: pl.Series) -> pl.DataFrame:
    """Beside each row outside there is another one, under other ids."""
    rows = frame.filter(there)
    ids = [name for name, dtype in frame.schema.items() if name.endswith("_id") and dtype == pl.String]
    return pl.concat([frame, rows.with_columns(pl.col(ids) + "~")])


CHANGES = {"dropped": dropped, "exchanged": exchanged, "doubled": doubled}


# --- the worlds -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(facts: World) -> World:
    """The small company with everything built."""
    return facts.build(only=set(NODES) - {*FACTS, "dim_account_month"})


def disorder(world: World, seed: int) -> World:
    """The company with a third of its days moved by up to four months, as far as contracts allow."""
    chance = random.Random(seed)

    def moved(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name not in CANONICAL or name == "fx_rates":
            return frame
        contract = CANONICAL[name]
        days = [c for c, dtype in frame.schema.items() if dtype.is_temporal() and c not in {"exported_at", "month"}]
        for column in days:
            by = [chance.randint(-120, 120) if chance.random() < 0.33 else 0 for _ in range(frame.height)]
            shift = pl.Series(by, dtype=pl.Int64)
            frame = frame.with_columns(pl.col(column) + pl.duration(days=shift))
        for _, _, right in contract.row_rules():
            frame = frame.filter(right)
        if name == "subscription_items":
            # Versions begin with the item, and the start is the same in all of them.
            first = pl.col("valid_from") == pl.col("valid_from").min().over("subscription_id", "item_id")
            start = pl.col("started_on").first().over("subscription_id", "item_id", order_by="valid_from")
            frame = frame.with_columns(started_on=start).with_columns(
                valid_from=pl.when(first).then("started_on").otherwise(pl.max_horizontal("valid_from", "started_on"))
            )
            frame = frame.filter((pl.col("ended_on") >= pl.col("started_on")).fill_null(value=True))
        return frame.unique(list(contract.grain()), keep="first", maintain_order=True)

    return world.changed(moved)


@pytest.fixture(scope="module", params=DISORDERS, ids=lambda seed: f"disorder {seed}")
def disordered(staged: World, request: pytest.FixtureRequest) -> World:
    return disorder(staged, request.param).build()


def same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    columns = sorted(left.columns)
    assert_frame_equal(left.select(columns).sort(columns), right.select(columns).sort(columns), check_exact=True)


def of_month(frame: pl.DataFrame, month: dt.date) -> pl.DataFrame:
    """A month's rows; with the first month go the facts that were filed before it."""
    return frame.filter(pl.col("month") <= month if month == MONTHS[0] else pl.col("month") == month)


# --- the laws ---------------------------------------------------------------------------------------------------------


@every_node
@every_month
def test_rows_outside_the_windows_leave_the_month_as_it_is(world: World, name: str, month: dt.date) -> None:
    node = world.nodes[name]
    before = of_month(world.built(node), month)
    of = {table: outside(world, node.windows[table], table, month) for table in node.windows if table in world.tables}
    # Where nothing lies outside all changes leave the same: the tables that it reads, and no others.
    changes = CHANGES if any(there.any() for there in of.values()) else {"dropped": dropped}
    for change in changes.values():
        other = world.changed(lambda table, frame, c=change: c(frame, of[table]) if table in of else frame.clear())
        same(other.rows(node, [month]), before)


@every_node
@every_month
def test_values_and_parts_outside_the_windows_leave_the_month_as_it_is(world: World, name: str, month: dt.date) -> None:
    """Of the metrics that a table or metric reads."""
    node = world.nodes[name]
    read = {metric.name for other in world.nodes.values() for metric in other.metrics if other.name in node.windows}
    if not read:
        assert not any(reader.metrics for reader in node.readers)
        return
    back, ahead = offsets({window for table in node.windows if table in world.nodes for window in node.windows[table]})
    first = MONTHS[0] if back is None else add_months(month, -back)
    near = pl.col("month").is_between(first, add_months(month, ahead))
    store = replace(
        world.store,
        told={metric: rows.filter(near) for metric, rows in world.store.told.items() if metric in read},
        made={metric: rows.filter(near) for metric, rows in world.store.made.items() if metric in read},
    )
    same(replace(world, store=store).rows(node, [month]), of_month(world.built(node), month))


@every_node
@every_month
def test_what_a_month_is_made_from_changes_with_the_rows_inside_and_with_no_others(
    world: World, name: str, month: dt.date
) -> None:
    node = world.nodes[name]
    for table in sorted(node.windows.keys() & UNPARTITIONED):
        assert wrongly_counted(world, node.windows[table], table, month) == [], table


@cache
def wrongly_counted(world: World, windows: frozenset[Window], table: str, month: dt.date) -> list[str]:
    """What is wrong with what a month is made from; asked once for all nodes with the same windows on a table."""
    there, rows = outside(world, windows, table, month), world.tables[table]
    before = shown(world, windows, table, month, rows)
    wrong = [
        f"a row outside counts: {name}"
        for name, change in CHANGES.items()
        if shown(world, windows, table, month, change(rows, there)) != before
    ]
    if (~there).any() and shown(world, windows, table, month, rows.filter(there)) == before:
        wrong.append("rows inside do not count")
    return wrong


def shown(world: World, windows: frozenset[Window], table: str, month: dt.date, frame: pl.DataFrame) -> list[str]:
    """What the windows of a node on a table show to a month, in fingerprints."""
    contract, config = world.contracts[table], world.config
    seen = seen_on(frame, contract, world.as_of, config.reporting.time_zone)
    content = Content(content_rows(seen, contract, windows, list(MONTHS), config))
    shifted = {distance: add_months(month, distance) for distance in range(-200, 200)}
    return [content.shown(table, window, month, shifted) for window in sorted(windows, key=str)]


@every_month
@pytest.mark.parametrize("table", sorted(CANONICAL))
def test_every_cell_that_is_handed_over_counts(world: World, table: str, month: dt.date) -> None:
    """Of each window of each node one cell, drawn from the rows given, changes what the month is made from."""
    chance = random.Random(f"{table} {month}")
    for node in world.nodes.values():
        for window in node.windows.get(table, ()):
            given = world.inputs.rows(table, window, [month])
            if given.is_empty():
                continue
            row, column = chance.randrange(given.height), chance.choice(given.columns)
            key = [name for name in world.contracts[table].grain() if name in given.columns]
            changed = with_other_value(world.tables[table], given.row(row, named=True), key, column)
            if changed is not None:
                one = frozenset({window})
                was = shown(world, one, table, month, world.tables[table])
                assert shown(world, one, table, month, changed) != was, f"{node.name}: {table}.{column}"


def with_other_value(frame: pl.DataFrame, row: dict[str, object], key: list[str], column: str) -> pl.DataFrame | None:
    """The frame with another value in the column of the row with the key; None where there is no other to put."""
    if column in key or row[column] is None or row[column] == dt.date(9999, 12, 31) or not key:
        return None
    is_row = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(row[name])) for name in key)
    dtype = frame.schema[column]
    if dtype == pl.Boolean:
        other = ~pl.col(column)
    elif dtype == pl.String:
        other = pl.col(column) + "~"
    elif dtype.is_temporal():
        other = pl.col(column) - pl.duration(days=1)
    else:
        other = (pl.col(column) + 1).cast(dtype)
    return frame.with_columns(pl.when(is_row).then(other).otherwise(pl.col(column)).alias(column))


@cache
def alone(world: World, name: str) -> dict[dt.date, pl.DataFrame]:
    """The rows of a node in the months asked, each made on its own."""
    return {month: world.rows(world.nodes[name], [month]) for month in ASKED}


@every_node
def test_a_month_alone_is_the_month_of_the_whole_range(disordered: World, name: str) -> None:
    whole = disordered.built(disordered.nodes[name])
    for month, rows in alone(disordered, name).items():
        same(rows, of_month(whole, month))


def test_of_what_was_filed_before_the_first_month_that_is_kept_which_is_not_over_by_then(disordered: World) -> None:
    """So that the other laws say something of such facts; by plain loops over the days that a row names."""
    later = ("first_replied_at", "last_solved_at", "satisfaction_at")
    earlier = disordered.tables["fct_ticket"].filter(pl.col("month") < MONTHS[0])
    assert earlier.height
    for row in earlier.iter_rows(named=True):
        days = days_of(row, disordered.contracts["fct_ticket"], disordered.config)
        assert max(day for column in later if (day := days.get(column))) >= MONTHS[0]


@every_node
def test_pieces_of_the_range_together_are_the_whole_range(disordered: World, name: str) -> None:
    """Long ones, and between them and at the end a month alone."""
    node, single = disordered.nodes[name], alone(disordered, name)
    long = [disordered.rows(node, piece) for piece in (MONTHS[:9], MONTHS[10:14])]
    same(pl.concat([long[0], single[MONTHS[9]], long[1], single[MONTHS[14]]]), disordered.built(node))


def test_a_history_shows_what_was_known_and_nothing_later(world: World) -> None:
    """By plain loops over the rows that any node is given of a history."""
    found = 0
    for node in world.nodes.values():
        for table, windows in node.windows.items():
            for window in windows:
                if not isinstance(window, History) or table not in CANONICAL:
                    continue
                contract = world.contracts[table]
                for month in ASKED:
                    assert isinstance(window.ahead, int) and isinstance(window.plans, int)
                    known, planned = add_months(month, window.ahead), add_months(month, window.ahead + window.plans)
                    for row in world.inputs.rows(table, window, [month]).iter_rows(named=True):
                        found += 1
                        for field in contract.fields():
                            value = row.get(field.name)
                            if field.moment == "happened" and isinstance(value, dt.date):
                                assert value <= end_of(known)
                            if field.moment == "planned" and isinstance(value, dt.date):
                                assert value <= end_of(planned) or value == dt.date(9999, 12, 31)
    assert found > 100
