"""A metric's value and a slice of the published file are one number, whichever of the two is asked for.

Values come from Python (`transforms.metrics.roll_up`), slices from SQL (`slice_metric`). Both are asked for every
metric of the catalogue, none of which is named here: by columns of every kind, over periods of one to twelve months,
in companies in disorder, that lack exports, and whose metrics follow other rules over time.

The Python road knows months and segments only. It is led over a period by laying the period's account-months into one
month, each as an account of its own, so that each counts under what the column said of it in its own month.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import isclose
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from pipelines.months.values import Values
from pipelines.publish.glossary import glossary
from schemas.config import MarginFrom
from schemas.customers import UNKNOWN
from schemas.metrics import NULL_REASONS
from schemas.tables import CANONICAL, FACTS, PUBLISHED
from tests.integration.small_company import MONTHS
from tests.laws.test_window_laws import disorder
from tests.laws.world import World
from transforms.calendar import add_months, calendar, gross_margins, months_between
from transforms.catalogue import CATALOGUE, metric_assets
from transforms.declaration import window_of
from transforms.exported import Exported
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import Derived, Median, Metric
from transforms.metrics.revenue import HISTORY
from transforms.metrics.roll_up import Surroundings, derive, medians, null_with, roll_up
from warehouse.database import WorkingDatabase
from warehouse.folders import Folders
from warehouse.publishing import publish
from warehouse.upkeep import prepare

Told = tuple[float | None, float | None, float | None, str | None]
Slices = dict[str, Told]
"""Of each slice value, numerator, denominator and null_reason."""
POOLED = {"flow", "mean_rate"}
DRAWS = 8
"""Of a column and a period, in each company, for each way in which metrics come to a value; at least one a metric."""
OBSERVED = {name for metric in CATALOGUE.values() for name in metric.observed} & FACTS.keys()
"""Facts that slices read: those with the observations of medians."""

# --- the companies ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """How a company differs from the small one."""

    change: Callable[[World], World]
    rules: Mapping[str, str]
    """Of each metric how months make a period."""
    first: dt.date
    """First published month."""


def thinned(world: World, seed: int) -> World:
    """The company without half of what happened, and of what is told by month without half of the months."""
    chance = random.Random(seed)
    kept = {"accounts", "account_links", "fx_rates", "subscription_items"}

    def fewer(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name not in CANONICAL or name in kept:
            return frame
        if "month" in frame.columns:
            return frame.filter(pl.col("month").is_in(chance.sample(MONTHS, len(MONTHS) // 2)))
        return frame.sample(fraction=0.5, seed=chance.randrange(10**6))

    return world.changed(fewer)


def lacking(world: World, seed: int) -> World:
    """The company without some of what metrics need, and without margin."""
    chance = random.Random(seed)
    columns = dict(world.exported.columns)
    for need in chance.sample(sorted({need for metric in CATALOGUE.values() for need in metric.needs}), 6):
        table, _, column = need.partition(".")
        if column and table in columns:
            columns[table] = columns[table] - {column}
        else:
            columns.pop(table, None)
    finance = world.config.finance.model_copy(update={"gross_margin": ()})
    config = world.config.model_copy(update={"finance": finance})
    return replace(world, exported=Exported(columns), config=config)


def half_without_history(world: World) -> World:
    """The company with a second billing system, which has half of the accounts and tells no versions."""
    second = pl.col("account_id").str.slice(-1).is_in(["1", "4", "6", "8", "9"])

    def change(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(has_history=~second) if name == "dim_account" else frame

    exported = replace(world.exported, partly=frozenset({HISTORY}))
    return replace(world.changed(change), exported=exported)


def without_segments(world: World) -> World:
    plain = {name: contract for name, contract in PUBLISHED.items() if name in world.contracts}
    config = world.config.model_copy(update={"segments": ()})
    return replace(world, config=config, contracts={**world.contracts, **plain})


def by_lot(seed: int) -> dict[str, str]:
    """Other rules over time than the metrics declare: every formula pools, if what it is made of does."""
    chance, pooled = random.Random(seed), sorted(POOLED)
    return {
        name: chance.choice(pooled if isinstance(metric, Derived) else [*pooled, "stock", "none"])
        for name, metric in CATALOGUE.items()
    }


DECLARED = {name: metric.over_time for name, metric in CATALOGUE.items()}
KINDS = {
    "in disorder": Kind(lambda world: half_without_history(thinned(disorder(world, 3), 3)), DECLARED, MONTHS[3]),
    "by other rules": Kind(lambda world: without_segments(thinned(disorder(world, 4), 4)), by_lot(7), MONTHS[1]),
    "lacking": Kind(lambda world: lacking(world, 104), DECLARED, MONTHS[0]),
}
MARGINS = tuple(MarginFrom(month=month, share=share) for month, share in ((MONTHS[0], 0.7), (MONTHS[9], 0.8)))

every_company = pytest.mark.parametrize("kind", list(KINDS))
every_metric = pytest.mark.parametrize("name", list(CATALOGUE))

ODD: dict[str, tuple[pl.DataType, list[object]]] = {
    "odd_text": (pl.String(), ["", "it's", 'say "hi"', "null", UNKNOWN, "Größe\n2", "{}", None]),
    "odd_flag": (pl.Boolean(), [True, False, None]),
    "odd_number": (pl.Int64(), [-1, 0, 10, None]),
    "odd_share": (pl.Float64(), [0.5, -1.25, None]),
    "odd_day": (pl.Date(), [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None]),
    "odd_nothing": (pl.String(), [None]),
}
"""Columns that accounts may have, with what each month may say of an account."""


@dataclass(frozen=True, eq=False)
class Company:
    """A company with its published file."""

    world: World
    rules: Mapping[str, str]
    first: dt.date
    read: duckdb.DuckDBPyConnection

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """Rows of dim_account_month."""
        return self.read.sql("SELECT * FROM dim_account_month").pl()

    @cached_property
    def months(self) -> list[dt.date]:
        return months_between(self.first, MONTHS[-1])

    def metric(self, name: str) -> Metric:
        return replace(CATALOGUE[name], over_time=self.rules[name])

    def slices(self, name: str, first: dt.date, last: dt.date, column: str) -> Slices:
        """As SQL tells them."""
        rows = self.read.execute(
            "SELECT slice, value, numerator, denominator, null_reason FROM slice_metric(?, ?, ?, ?)",
            [name, first, last, column],
        ).fetchall()
        assert len({row[0] for row in rows}) == len(rows), "a slice has one row"
        return {row[0]: row[1:] for row in rows}

    def values(self, name: str, month: dt.date, dimension: str) -> Slices:
        """As metric_month tells them."""
        rows = self.read.execute(
            "SELECT segment, value, numerator, denominator, null_reason FROM metric_month "
            "WHERE metric = ? AND month = ? AND dimension = ?",
            [name, month, dimension],
        ).fetchall()
        return {row[0]: row[1:] for row in rows}


def published(world: World, rules: Mapping[str, str], first: dt.date, folder: Path) -> Path:
    """The file that is published of the world's rows."""
    folders, store = Folders(folder), world.store
    contracts = {name: contract for name, contract in world.contracts.items() if name not in CANONICAL}
    database = WorkingDatabase(folders.working_database, contracts)
    prepare(database)
    project = SimpleNamespace(
        config=world.config,
        database=database,
        exported=lambda: world.exported,
        as_of=lambda: world.as_of,
        months=lambda _: MONTHS,
    )
    months = calendar(MONTHS, world.as_of).join(gross_margins(MONTHS, world.config.finance), on="month")
    parts = pl.concat(store.made.values())
    with database.kept_open():
        told = glossary(project)
        keys = database.account_keys(parts["account_id"].unique().to_list())
        dimensions = ("dim_account", "dim_account_month")
        frames = {
            **{name: database.numbered(contracts[name], store.tables[name]) for name in dimensions},
            **{name: store.tables[name] for name in OBSERVED},
            **told,
            "dim_metric": told["dim_metric"].with_columns(over_time=pl.col("metric").replace_strict(rules)),
            "dim_month": months,
            "metric_month": pl.concat(store.told.values()),
            "metric_part": parts.join(keys, on="account_id").join(database.metric_keys(list(CATALOGUE)), on="metric"),
        }
        database.write_whole(frames)
        add_odd_columns(database, frames["dim_account_month"])
        words = dict.fromkeys(("run_id", "code_version", "config_sha256", "content"), "")
        row = {**words, "as_of": world.as_of, "first_month": first, "last_month": MONTHS[-1], "currency": "EUR"}
        publish(database, folders, row, 1, {})
    return folders.published_database


def add_odd_columns(database: WorkingDatabase, accounts: pl.DataFrame) -> None:
    chance = random.Random(accounts.height)
    drawn = [
        pl.Series(name, [chance.choice(values) for _ in range(accounts.height)], dtype)
        for name, (dtype, values) in ODD.items()
    ]
    with database.connect() as connection:
        connection.register("incoming", accounts.with_columns(drawn).to_arrow())
        connection.execute("CREATE OR REPLACE TABLE dim_account_month AS SELECT * FROM incoming")
        connection.unregister("incoming")


@pytest.fixture(scope="module")
def company(
    staged: World, facts: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Company]]:
    """Each kind of company, made once."""
    finance = staged.config.finance.model_copy(update={"gross_margin": MARGINS})
    config = staged.config.model_copy(update={"finance": finance})
    staged, facts = replace(staged, config=config), replace(facts, config=config)
    with ExitStack() as opened:

        @cache
        def made(kind: str) -> Company:
            change, rules, first = KINDS[kind].change, KINDS[kind].rules, KINDS[kind].first
            changed = change(staged)
            if changed.store is staged.store:
                # What is exported of the same facts makes no other facts, nor does what the config says of margins.
                built = change(facts).build(only=metric_assets())
            else:
                built = changed.build(only={*FACTS, "dim_account_month", *metric_assets()})
            path = published(built, rules, first, tmp_path_factory.mktemp("slices"))
            read = opened.enter_context(duckdb.connect(str(path), read_only=True))
            read.execute("SET threads = 1")
            return Company(built, rules, first, read)

        yield made


# --- the Python road --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Period:
    """Some months of a company as one, by one column."""

    company: Company
    asked: Metric
    first: dt.date
    last: dt.date
    column: str

    def slices(self) -> Slices:
        rows = self.values(self.asked.name).filter(pl.col("dimension") == "slice")
        told = rows.select("segment", "value", "numerator", "denominator", "null_reason").rows()
        if self.asked.over_time == "none" and self.first < self.last:
            return {row[0]: (None, None, None, "not_additive") for row in told}
        return {row[0]: row[1:] for row in told}

    def values(self, name: str) -> pl.DataFrame:
        """Rows of metric_month, of the last month."""
        metric, around, world = self.company.metric(name), self._around(name), self.company.world
        if isinstance(metric, Derived):
            found = derive(metric, pl.concat([self.values(n) for n in metric.operands if n in CATALOGUE]), around)
        elif isinstance(metric, Median):
            seen = metric.observations
            facts = world.inputs.rows(seen.table, window_of(seen.table, metric.reads), self._months(metric))
            found = medians(metric, self._laid(facts, metric, seen.month), around)
        else:
            found = roll_up(metric, self._laid(world.store.made[name].drop("metric"), metric, "month"), around)
        return null_with(found, self.values(metric.null_with)) if metric.null_with else found

    def _months(self, metric: Metric) -> list[dt.date]:
        """Of a flow or a pooled rate every published month, if what is asked for is one too; else the last."""
        pools = {metric.over_time, self.asked.over_time} <= POOLED
        return months_between(max(self.first, self.company.first) if pools else self.last, self.last)

    def _laid(self, rows: pl.DataFrame, metric: Metric, month: str) -> pl.DataFrame:
        """The rows of the months in the last one, under account-months instead of accounts."""
        account_month = pl.concat_str("account_id", pl.col(month).cast(pl.String), separator=" ")
        within = rows.filter(pl.col(month).is_in(self._months(metric)))
        return within.with_columns(account_month.alias("account_id")).with_columns(pl.lit(self.last).alias(month))

    @cached_property
    def _accounts(self) -> pl.DataFrame:
        text = pl.col(self.column).cast(pl.String).fill_null(UNKNOWN)
        return self._laid(
            self.company.accounts.select("month", "account_id", "has_history", slice=text), self.asked, "month"
        )

    def _around(self, name: str) -> Surroundings:
        """What a run gives the roll-up of the last month, but for the accounts and the column to slice by."""
        world, metric = self.company.world, CATALOGUE[name]
        node = replace(world.nodes[metric.asset], metrics=(metric,))
        around = Values(node, world.inputs, [self.last], lambda _: pl.DataFrame())._surroundings()
        return replace(around, accounts=AccountSegments(self._accounts, ("slice",)))


def close(one: Told, other: Told) -> bool:
    numbers = zip(one[:3], other[:3], strict=True)
    return one[3] == other[3] and all(
        a is b if a is None or b is None else isclose(a, b, rel_tol=1e-12, abs_tol=0) for a, b in numbers
    )


def differences(one: Slices, other: Slices) -> dict[str, tuple[Told | None, Told | None]]:
    """Where two roads tell another thing, or one tells nothing."""
    names = sorted({*one, *other})
    return {
        n: (one.get(n), other.get(n)) for n in names if n not in one or n not in other or not close(one[n], other[n])
    }


def way(metric: Metric) -> tuple[object, ...]:
    """What the roll-up looks at of a metric."""
    looks = ("rollup", "scale", "minimum", "company_only", "when_empty", "null_with", "history_months", "operands")
    return tuple(getattr(metric, look, None) for look in looks)


WAYS = Counter(way(metric) for metric in CATALOGUE.values())

# --- the laws ---------------------------------------------------------------------------------------------------------


@every_company
@every_metric
def test_a_slice_of_a_period_is_what_the_roll_up_makes_of_it(
    company: Callable[[str], Company], kind: str, name: str
) -> None:
    its, chance = company(kind), random.Random(f"{kind} {name}")
    for _ in range(max(1, DRAWS // WAYS[way(CATALOGUE[name])])):
        column, last = chance.choice(its.accounts.columns), chance.choice(its.months)
        first = max(add_months(last, -chance.randrange(12)), min(its.months))
        days = dt.timedelta(chance.randrange(28))
        told = its.slices(name, first + days, last + days, column)
        assert told, "each month has accounts"
        expected = Period(its, its.metric(name), first, last, column).slices()
        assert differences(told, expected) == {}, f"by {column}, {first:%Y-%m} to {last:%Y-%m}: SQL, Python"


@every_company
@every_metric
def test_a_slice_of_a_month_by_a_segment_is_the_value_of_the_segment(
    company: Callable[[str], Company], kind: str, name: str
) -> None:
    its, chance = company(kind), random.Random(f"{name} {kind}")
    segments = its.world.config.segments
    if segments:
        month, column = chance.choice(its.months), chance.choice(segments)
        value = its.values(name, month, column)
        assert value
        assert differences(its.slices(name, month, month, column), value) == {}, f"by {column}, {month:%Y-%m}"


def test_the_companies_have_values_and_every_reason_for_having_none(company: Callable[[str], Company]) -> None:
    """Else the laws above would hold of nothing."""
    reasons = set()
    for kind in KINDS:
        counted = company(kind).read.execute("SELECT null_reason, count(*) FROM metric_month GROUP BY ALL").fetchall()
        assert dict(counted)[None] > 500
        reasons |= dict(counted).keys()
    assert reasons == {None, *NULL_REASONS} - {"not_additive"}, "what is not additive is so over a period"


def test_what_the_macro_takes_for_granted_holds_of_the_catalogue() -> None:
    """It asks a derived metric's operands alone why it is unknown, and NULLs go along from what has parts alone."""
    for metric in CATALOGUE.values():
        if isinstance(metric, Derived):
            assert set(metric.needs) <= {need for n in metric.operands if n in CATALOGUE for need in CATALOGUE[n].needs}
            assert metric.history_months == 0 and metric.null_with is None and metric.unknown_when is None
        if metric.null_with:
            assert not isinstance(CATALOGUE[metric.null_with], Derived) and not CATALOGUE[metric.null_with].null_with
