"""What the published file says of its own numbers: slices, the accounts behind, and what moved them.

The bundled company, as the main job published it.
"""

import datetime as dt

import duckdb
import pytest

from transforms.catalogue import CATALOGUE

MONTH = dt.date(2026, 9, 1)
WITH_PARTS = sorted(m.name for m in CATALOGUE.values() if m.rollup in {"sum", "ratio"})


@pytest.mark.parametrize("metric", sorted(CATALOGUE))
def test_a_slice_of_one_month_by_a_segment_is_the_published_value(published, metric):
    sliced = published.execute(
        "SELECT slice, value, null_reason FROM slice_metric(?, ?, ?, 'industry')", [metric, MONTH, MONTH]
    )
    found = {name: (value, reason) for name, value, reason in sliced.fetchall()}
    told = published.execute(
        "SELECT segment, value, null_reason FROM metric_month "
        "WHERE metric = ? AND month = ? AND dimension = 'industry'",
        [metric, MONTH],
    ).fetchall()
    assert told
    for segment, value, reason in told:
        assert found[segment] == (pytest.approx(value, rel=1e-9) if value is not None else None, reason)


def test_a_quarter_of_a_flow_is_the_sum_of_its_months(published):
    quarter = published.execute(
        "SELECT sum(value) FROM slice_metric('new_mrr', '2026-07-01', '2026-09-01', 'region')"
    ).fetchall()
    months = published.execute(
        "SELECT sum(new_cents) FROM fct_mrr_account_month WHERE month BETWEEN DATE '2026-07-01' AND DATE '2026-09-01'"
    ).fetchall()
    assert quarter[0][0] == months[0][0] > 0


def test_a_quarter_of_a_stock_is_its_last_month_and_unique_users_do_not_add_up(published):
    stock = published.execute(
        "SELECT sum(value) FROM slice_metric('mrr', '2026-07-01', '2026-09-01', 'csm_owner')"
    ).fetchall()
    closing = published.execute(
        "SELECT sum(closing_cents) FROM fct_mrr_account_month WHERE month = ?", [MONTH]
    ).fetchall()
    assert stock == closing
    users = published.execute(
        "SELECT DISTINCT value, null_reason FROM slice_metric('mau', '2026-07-01', '2026-09-01', 'region')"
    )
    assert users.fetchall() == [(None, "not_additive")]


@pytest.mark.parametrize("metric", sorted(CATALOGUE))
def test_a_slice_by_all_is_the_company(published, metric):
    """Also of what is in no segment: costs of the company as a whole, answers without an account."""
    sliced = published.execute(
        "SELECT slice, value, null_reason FROM slice_metric(?, ?, ?, 'all')", [metric, MONTH, MONTH]
    ).fetchall()
    ((value, reason),) = published.execute(
        "SELECT value, null_reason FROM metric_month WHERE metric = ? AND month = ? AND dimension = 'all'",
        [metric, MONTH],
    ).fetchall()
    assert sliced == [("all", pytest.approx(value, rel=1e-9) if value is not None else None, reason)]


@pytest.mark.parametrize(
    "asked", ["slice_metric('mrrr', '2026-09-01', '2026-09-01', 'region')", "explain_metric('mrrr', '2026-09-01')"]
)
def test_a_metric_that_there_is_not_is_told(published, asked):
    with pytest.raises(duckdb.Error, match="there is no metric mrrr; dim_metric lists them"):
        published.execute(f"SELECT * FROM {asked}").fetchall()


def test_every_macro_says_what_it_gives_and_its_example_works(published):
    found = published.execute(
        "SELECT function_name, comment FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal"
    ).fetchall()
    assert sorted(name for name, _ in found) == ["explain_metric", "slice_metric"]
    for name, comment in found:
        _, _, example = comment.partition("Example: ")
        assert name in example
        assert published.execute(f"SELECT count(*) FROM ({example})").fetchall()[0][0] > 1


def test_a_column_that_accounts_do_not_have_is_told(published):
    with pytest.raises(duckdb.Error, match="dim_account_month has no column colour"):
        published.execute("SELECT * FROM slice_metric('mrr', '2026-09-01', '2026-09-01', 'colour')").fetchall()


@pytest.mark.parametrize("metric", WITH_PARTS)
def test_the_accounts_behind_a_number_add_up_to_it(published, metric):
    behind = published.execute("SELECT sum(numerator) FROM explain_metric(?, ?)", [metric, MONTH]).fetchall()[0][0] or 0
    value = published.execute(
        "SELECT numerator FROM metric_month WHERE metric = ? AND month = ? AND dimension = 'all'", [metric, MONTH]
    ).fetchall()[0][0]
    assert behind == pytest.approx(value or 0, rel=1e-9, abs=1e-9)


def test_drivers_of_each_dimension_add_up_to_the_change(published):
    worst = published.execute(
        "SELECT max(abs(gap)) FROM (SELECT sum(effect) - any_value(company_change) AS gap "
        "FROM metric_driver GROUP BY metric, month, dimension)"
    ).fetchall()[0][0]
    assert worst < 1e-9
