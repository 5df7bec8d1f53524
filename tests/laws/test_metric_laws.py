"""Laws that hold for every metric of the catalogue, whatever it measures. None is named here: a new one is tested too.

The facts are those of the small company, built once; the laws read the metric's function and its declared windows.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas.config import Config, Minimums
from schemas.customers import COMPANY
from schemas.metrics import UNITS, Parts
from schemas.tables import CANONICAL, DIMENSIONS, FACTS
from tests.integration.small_company import MONTHS, SETTINGS
from tests.laws.world import World, shuffled
from transforms.calendar import gross_margins
from transforms.catalogue import CATALOGUE, metric_assets
from transforms.declaration import INTERMEDIATES, SECTIONS, Months, depth, parameters
from transforms.exported import Exported
from transforms.metrics.definition import Derived, Median, Ratio

KEYS = ["month", "dimension", "segment"]
AT_HAND = {"as_of", "time_zone", "currency", "segments", "exported", "dim_month", "gross_margin"}
WITH_PARTS = [name for name, metric in CATALOGUE.items() if metric.rollup in {"sum", "ratio"}]
DERIVED = [name for name, metric in CATALOGUE.items() if metric.rollup == "derived"]
ALONE = [MONTHS[0], MONTHS[7], MONTHS[12], MONTHS[-1]]
UNKNOWABLE = {"source_missing", "not_exported"}

every_metric = pytest.mark.parametrize("name", list(CATALOGUE))
every_metric_with_parts = pytest.mark.parametrize("name", WITH_PARTS)
every_derived_metric = pytest.mark.parametrize("name", DERIVED)


def settings() -> Config:
    return Config.model_validate({**SETTINGS, "sources": {"all": {"form": "canonical"}}})


def company_only(name: str) -> bool:
    metric = CATALOGUE[name]
    return isinstance(metric, Ratio) and metric.company_only


def independent(name: str) -> bool:
    metric = CATALOGUE[name]
    return isinstance(metric, Ratio) and metric.independent


@pytest.fixture(scope="module")
def world(facts: World) -> World:
    """The facts of the small company, as a run makes them."""
    empty = [name for name, frame in facts.tables.items() if frame.is_empty()]
    assert not empty, f"laws over empty tables say nothing: {empty}"
    return facts


@pytest.fixture(scope="module")
def known(world: World) -> Callable[[str], pl.DataFrame]:
    """Each metric's values, computed once."""
    return cache(world.values)


@pytest.fixture(scope="module")
def parts_of(world: World) -> Callable[[str], pl.DataFrame]:
    """Each metric's parts, computed once."""
    return cache(world.parts)


@pytest.fixture(scope="module")
def empty_world(world: World) -> World:
    """The same accounts and months, but nothing ever happened."""
    return world.changed(lambda name, frame: frame if name == "dim_account_month" else frame.clear())


@pytest.fixture(scope="module")
def twice(world: World) -> World:
    """The company and its double: a copy of every fact under other accounts, persons, tickets and surveys."""
    return world.changed(_doubled)


def _doubled(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    if name == "fx_rates":
        return frame
    texts = [c for c, dtype in frame.schema.items() if c.endswith("_id") and dtype == pl.String]
    keys = [c for c in frame.columns if c == "account_key"]
    # Costs have no account: the double costs the same again.
    return pl.concat([frame, frame.with_columns(pl.col(texts) + "~", pl.col(keys) + 10_000)])


def exact(left: pl.DataFrame, right: pl.DataFrame) -> None:
    assert_frame_equal(left.sort(KEYS), right.sort(KEYS), check_exact=True, check_column_order=False)


# --- definitions ------------------------------------------------------------------------------------------------------


@every_metric
def test_a_metric_says_what_it_is(name: str) -> None:
    metric = CATALOGUE[name]
    assert name.isidentifier() and name == name.lower()
    assert metric.definition.endswith("."), "a definition is a sentence"
    assert len(metric.definition) > 12 or isinstance(metric, Derived)
    assert not {"{", "}"} & set(metric.defined(settings())), "what the config says stands in the definition"
    assert metric.title[0].isupper() and len(metric.title) <= 40
    assert not metric.title.endswith(".")
    assert [m.title for m in CATALOGUE.values()].count(metric.title) == 1, "two metrics under one title"


@every_metric
def test_unit_roll_up_and_period_fit_together(name: str) -> None:
    metric = CATALOGUE[name]
    assert metric.unit in UNITS
    if metric.unit in {"share", "ratio", "points", "score"}:
        assert metric.rollup in {"ratio", "derived"}, "a rate has a denominator"
    if metric.unit in {"hours", "days", "months", "minutes"}:
        assert metric.rollup != "sum"
    assert (isinstance(metric, Ratio) and metric.scale != 1) == (metric.unit == "points")
    if metric.rollup == "median":
        assert metric.over_time == "none", "no medians of months make that of a longer period"
    if independent(name):
        assert metric.unit == "share", "Wilson's interval is that of a counted share"
    for window in metric.reads.values():
        if isinstance(window, Months):
            back, ahead = depth(window.back, settings()), depth(window.ahead, settings())
            assert (back is None or back >= 0) and ahead is not None and ahead >= 0


@every_metric
def test_what_a_metric_names_exists(name: str) -> None:
    metric = CATALOGUE[name]
    tables = {**CANONICAL, **FACTS, **DIMENSIONS}
    for need in metric.needs:
        table, _, column = need.partition(".")
        assert table in CANONICAL, need
        assert not column or column in CANONICAL[table].dtypes(), need
    for parameter in parameters(metric.function):
        assert parameter in {*tables, *AT_HAND, *SECTIONS, *INTERMEDIATES}, parameter
    for operand in metric.operands:
        assert operand in CATALOGUE or operand in DIMENSIONS["dim_month"].dtypes(), operand
    for absent in metric.without if isinstance(metric, Derived) else ():
        table, _, column = absent.partition(".")
        assert table in CANONICAL and (not column or column in CANONICAL[table].dtypes()), absent
    if isinstance(metric, Median):
        columns = tables[metric.observations.table].dtypes()
        assert columns[metric.observations.value].is_numeric()
        assert columns[metric.observations.month] == pl.Date
        assert "account_id" in columns
    assert metric.null_with is None or metric.null_with in CATALOGUE
    assert not isinstance(metric, Ratio) or metric.minimum is None or metric.minimum in Minimums.model_fields
    assert metric.asset in CATALOGUE, "an asset is a metric the field has a name for"
    assert name in [member.name for member in metric_assets()[metric.asset]]


# --- parts ------------------------------------------------------------------------------------------------------------


@every_metric_with_parts
def test_parts_have_one_row_per_account_and_month_and_none_that_says_nothing(
    parts_of: Callable[[str], pl.DataFrame], name: str
) -> None:
    parts, metric = parts_of(name), CATALOGUE[name]
    Parts.validate(parts, lazy=True)
    assert parts.columns == list(Parts.dtypes())
    assert parts.select("month", "account_id").is_unique().all()
    assert parts["numerator"].is_finite().all()
    assert parts.filter((pl.col("numerator") == 0) & (pl.col("denominator").fill_null(0) == 0)).is_empty()
    if metric.rollup == "sum":
        assert parts["denominator"].null_count() == parts.height
    else:
        assert parts["denominator"].null_count() == 0
        assert (parts["denominator"].is_finite() & (parts["denominator"] >= 0)).all()


@every_metric_with_parts
def test_the_small_company_gives_every_metric_something_to_say(
    parts_of: Callable[[str], pl.DataFrame], name: str
) -> None:
    """Else the laws below would hold of nothing."""
    assert not parts_of(name).is_empty()


@every_metric_with_parts
def test_every_part_is_of_an_account_of_the_month_or_of_the_company(
    world: World, parts_of: Callable[[str], pl.DataFrame], name: str
) -> None:
    of_month = world.tables["dim_account_month"].select("month", "account_id")
    stray = parts_of(name).join(of_month, on=["month", "account_id"], how="anti")
    assert set(stray["account_id"]) <= ({COMPANY} if company_only(name) else set())


@every_metric_with_parts
def test_a_counted_subset_is_a_subset_in_every_account(parts_of: Callable[[str], pl.DataFrame], name: str) -> None:
    if independent(name):
        parts = parts_of(name)
        assert ((parts["numerator"] >= 0) & (parts["numerator"] <= parts["denominator"])).all()
        whole = (parts["numerator"] % 1 == 0) & (parts["denominator"] % 1 == 0)
        assert whole.all(), "what is counted is whole"


# --- values -----------------------------------------------------------------------------------------------------------


@every_metric
def test_a_value_is_there_or_the_reason_why_not(known: Callable[[str], pl.DataFrame], name: str) -> None:
    values = known(name)
    assert (values["value"].is_null() == values["null_reason"].is_not_null()).all()
    for column in ("value", "numerator", "denominator", "ci_low", "ci_high"):
        assert values[column].drop_nulls().is_finite().all(), column


@every_metric
def test_a_row_for_the_company_and_every_segment_of_an_account_of_the_month(
    world: World, known: Callable[[str], pl.DataFrame], name: str
) -> None:
    expected = {(month, "all", "all") for month in MONTHS}
    for row in world.tables["dim_account_month"].iter_rows(named=True):
        expected |= {(row["month"], segment, row[segment]) for segment in world.config.segments}
    assert sorted(known(name).select(KEYS).rows()) == sorted(expected)


@every_metric
def test_segments_add_up_to_the_company(world: World, known: Callable[[str], pl.DataFrame], name: str) -> None:
    if company_only(name):
        assert (known(name).filter(pl.col("dimension") != "all")["null_reason"] == "company_only").all()
        return
    sums: dict[tuple[dt.date, str], list[float]] = {}
    company: dict[dt.date, list[float]] = {}
    for row in known(name).iter_rows(named=True):
        amounts = [row["numerator"] or 0.0, row["denominator"] or 0.0, float(row["observations"] or 0)]
        if row["dimension"] == "all":
            company[row["month"]] = amounts
        else:
            total = sums.setdefault((row["month"], row["dimension"]), [0.0, 0.0, 0.0])
            sums[row["month"], row["dimension"]] = [a + b for a, b in zip(total, amounts, strict=True)]
    assert len(sums) == len(MONTHS) * len(world.config.segments)
    for (month, dimension), total in sums.items():
        assert total == pytest.approx(company[month], rel=1e-9), f"{dimension} in {month}"


@every_metric
def test_shares_lie_between_nothing_and_all(known: Callable[[str], pl.DataFrame], name: str) -> None:
    """Only money may come to more than there was."""
    metric, values = CATALOGUE[name], known(name)["value"].drop_nulls()
    if metric.unit == "share":
        assert (values >= 0).all()
        assert metric.perspective == "financial" or (values <= 1).all()
    if metric.unit == "points" and isinstance(metric, Ratio):
        assert values.is_between(-metric.scale, metric.scale).all()
    if metric.unit == "score":
        assert values.is_between(0, 100).all()


@every_metric
def test_the_interval_is_wilsons_and_holds_the_value(known: Callable[[str], pl.DataFrame], name: str) -> None:
    """Both ends are the shares from which the observed one is 1.96 standard deviations away."""
    values = known(name)
    if not independent(name):
        assert values["ci_low"].null_count() == values["ci_high"].null_count() == values.height
        return
    for row in values.iter_rows(named=True):
        if row["value"] is None:
            assert row["ci_low"] is None and row["ci_high"] is None
            continue
        assert 0 <= row["ci_low"] <= row["value"] + 1e-12 and row["value"] - 1e-12 <= row["ci_high"] <= 1
        for end in (row["ci_low"], row["ci_high"]):
            deviations = (row["value"] - end) ** 2 * row["denominator"]
            assert deviations == pytest.approx(1.959964**2 * end * (1 - end), rel=1e-5, abs=1e-9)


@every_derived_metric
def test_what_is_derived_follows_from_its_operands(
    world: World, known: Callable[[str], pl.DataFrame], name: str
) -> None:
    """The expression reads the same in Python; an unknown operand makes it unknown, for the operand's reason."""
    metric = CATALOGUE[name]
    assert isinstance(metric, Derived)
    months = {row["month"]: row for row in gross_margins(MONTHS, world.config.finance).iter_rows(named=True)}
    operands = {
        operand: {tuple(row[key] for key in KEYS): row for row in known(operand).iter_rows(named=True)}
        for operand in metric.operands
        if operand in CATALOGUE
    }
    in_expression = pl.sql_expr(metric.expression).meta.root_names()
    for row in known(name).iter_rows(named=True):
        key = tuple(row[k] for k in KEYS)
        given = {n: operands[n][key]["value"] if n in operands else months[row["month"]][n] for n in in_expression}
        reasons = {operands[n][key]["null_reason"] for n in in_expression if n in operands} - {None}
        if None in given.values():
            assert row["value"] is None
            assert row["null_reason"] in (reasons or UNKNOWABLE)
            continue
        try:
            expected = eval(metric.expression, {"__builtins__": {}}, given)
        except ZeroDivisionError:
            assert row["null_reason"] == "zero_denominator"
        else:
            assert row["value"] == pytest.approx(expected, rel=1e-12)


# --- laws of change ---------------------------------------------------------------------------------------------------


@every_metric
def test_of_nothing_there_is_no_value_and_no_sum_but_nought(empty_world: World, name: str) -> None:
    metric, values = CATALOGUE[name], empty_world.values(name)
    assert values["value"].drop_nulls().is_in([0.0]).all()
    assert (values["value"].is_null() == values["null_reason"].is_not_null()).all()
    if metric.rollup == "sum" and not metric.null_with:
        assert values["value"].null_count() == 0
    if metric.rollup in {"ratio", "median"}:
        assert values["value"].null_count() == values.height
    if metric.rollup in {"sum", "ratio"}:
        assert empty_world.parts(name).is_empty()


@every_metric
def test_of_no_account_at_all_only_the_company_has_a_row(empty_world: World, name: str) -> None:
    nobody = empty_world.changed(lambda _, frame: frame.clear())
    values = nobody.values(name)
    assert values.select(KEYS).sort(KEYS).rows() == [(month, "all", "all") for month in MONTHS]
    assert (values["value"].is_null() == values["null_reason"].is_not_null()).all()


@every_metric
def test_the_order_of_rows_never_matters(world: World, known: Callable[[str], pl.DataFrame], name: str) -> None:
    chance = random.Random(name)
    for _ in range(3):
        other = replace(world.changed(lambda _, frame: shuffled(frame, chance)), shuffled=True)
        exact(other.values(name), known(name))


@every_metric
@pytest.mark.parametrize("month", ALONE, ids=lambda month: f"{month:%Y-%m}")
def test_a_month_alone_is_the_month_in_a_range(
    world: World, known: Callable[[str], pl.DataFrame], name: str, month: dt.date
) -> None:
    """With no more of the facts than the look-back and look-ahead that the metric declares."""
    exact(world.values(name, [month]), known(name).filter(pl.col("month") == month))


@every_metric
def test_two_equal_companies_have_twice_the_sums_and_the_same_rates(
    twice: World, known: Callable[[str], pl.DataFrame], name: str
) -> None:
    metric = CATALOGUE[name]
    both = known(name).join(twice.values(name), on=KEYS, suffix="_twice", nulls_equal=True)
    assert both.height == known(name).height
    times = {n: 2.0 if CATALOGUE[n].rollup == "sum" else 1.0 for n in CATALOGUE if CATALOGUE[n].rollup != "derived"}
    for row in both.iter_rows(named=True):
        was, now = row["value"], row["value_twice"]
        if was is None:
            # Only what there was too little of may be known of two.
            assert now is None or row["null_reason"] == "insufficient_history"
            continue
        if metric.rollup == "derived":
            assert now == pytest.approx(was * _times(name, times), rel=1e-9)
        else:
            assert now == pytest.approx(was * times[name], rel=1e-9, abs=1e-12)
        if metric.rollup in {"sum", "ratio"}:
            assert row["numerator_twice"] == pytest.approx(2 * row["numerator"], rel=1e-9)


def _times(name: str, times: dict[str, float]) -> float:
    """By how much a derived metric grows when its operands grow so: a product of powers, tried at one point."""
    if name in times:
        return times[name]
    metric = CATALOGUE[name]
    text = metric.expression if isinstance(metric, Derived) else ""
    names = pl.sql_expr(text).meta.root_names()
    grown = {n: 3.0 * (_times(n, times) if n in CATALOGUE else 1.0) for n in names}
    scope: dict[str, object] = {"__builtins__": {}}
    return eval(text, scope, grown) / eval(text, scope, dict.fromkeys(names, 3.0))


# --- what is not exported ---------------------------------------------------------------------------------------------


@every_metric
def test_without_what_it_needs_a_metric_is_null_and_says_why(world: World, name: str) -> None:
    for need in CATALOGUE[name].needs:
        table, _, column = need.partition(".")
        columns = dict(world.exported.columns)
        if column:
            columns[table] = columns[table] - {column}
        else:
            del columns[table]
        lacking = replace(world, exported=replace(world.exported, columns=columns))
        values = lacking.values(name)
        assert (values["null_reason"] == ("not_exported" if column else "source_missing")).all(), need
        assert values["value"].null_count() == values.height
        assert values["numerator"].null_count() == values["denominator"].null_count() == values.height


@every_metric
def test_a_company_without_any_source_has_no_value_of_anything(empty_world: World, name: str) -> None:
    """A missing source is never 0."""
    nothing = replace(empty_world, exported=Exported({}))
    values = nothing.values(name)
    assert values["value"].null_count() == values.height
    assert values["null_reason"].null_count() == 0
    if CATALOGUE[name].needs:
        assert (values["null_reason"] == "source_missing").all()
