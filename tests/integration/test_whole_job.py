"""The main job over the bundled company, from its exports to the published file, run once as a user runs it.

What is published is held against the ledger, the exports as plain CSV, and itself; the pipeline's code is not asked.
"""

import csv
import datetime as dt
import json
import math
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import duckdb
import pytest
import yaml

from tests.integration.whole_job import AGAIN, ROOT, Job

COMPANY = ROOT / "examples" / "company"
LEDGER = json.loads((COMPANY / "ledger.json").read_text())
FIRST, LAST = dt.date(2024, 5, 1), dt.date(2026, 10, 1)
SEGMENTS = ["industry", "country", "region", "size"]
TYPES = {"DATE", "BIGINT", "INTEGER", "SMALLINT", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP"}

pytestmark = pytest.mark.xdist_group("whole job")


def rows(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, list(values)).fetchall()


def records(file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The line on which each record of an export starts, and its values."""
    with (COMPANY / file).open(newline="", encoding="utf-8") as opened:
        reader = csv.reader(opened)
        header, start = next(reader), reader.line_num + 1
        for row in reader:
            yield start, dict(zip(header, row, strict=True))
            start = reader.line_num + 1


def months() -> list[dt.date]:
    return [dt.date(2024 + n // 12, n % 12 + 1, 1) for n in range(4, 34)]


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_job_runs_to_its_end_and_says_what_it_did(job: Job) -> None:
    told = job.commands["run"]
    assert told["exit"] == 0, told["out"] + told["err"]
    assert told["version"] == "versions/000001/customer_success.duckdb"
    assert "months built: 2024-05 to 2026-10" in told["out"]
    assert "published version 1" in told["out"]
    assert "Traceback" not in told["out"] + told["err"]


def test_a_second_run_builds_nothing_and_publishes_nothing(job: Job) -> None:
    told = job.commands["run again"]
    assert told["exit"] == 0, told["out"] + told["err"]
    assert "months built: none" in told["out"]
    assert "nothing new to publish" in told["out"]
    assert told["version"] == "versions/000001/customer_success.duckdb"


def test_nothing_is_stale_after_a_run(job: Job) -> None:
    told = job.commands["plan"]
    assert told["exit"] == 0
    assert told["out"].splitlines() == ["Nothing is stale."]


def test_the_doctor_finds_nothing_wrong(job: Job) -> None:
    told = job.commands["doctor"]
    assert told["exit"] == 0
    assert "WRONG" not in told["out"]
    assert told["out"].count("ok ") >= 5


def test_a_month_run_again_is_built_anew_with_the_same_rows(job: Job) -> None:
    told = job.commands["run a month"]
    assert told["exit"] == 0, told["out"] + told["err"]
    assert f"months built: {AGAIN}" in told["out"]
    assert told["version"] == "versions/000001/customer_success.duckdb", "nothing new to publish"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{job.before}' AS before (READ_ONLY)")
        connection.execute(f"ATTACH '{job.data / 'working.duckdb'}' AS after (READ_ONLY)")
        built = rows(
            connection,
            "SELECT b.month = DATE '2026-05-01', count(*), count(*) FILTER (b.run_id <> a.run_id) "
            "FROM before.lineage.build b JOIN after.lineage.build a USING (table_name, month) "
            "GROUP BY ALL ORDER BY ALL",
        )
        assert built[0][2] == 0, "other months were left alone"
        assert built[1][1] == built[1][2] > 0, "the month was built anew"
        tables = [
            name
            for (name,) in rows(
                connection,
                "SELECT table_name FROM duckdb_columns() WHERE database_name = 'before' AND schema_name = 'main' "
                "AND column_name = 'month' AND table_name NOT IN ('invariant', 'quarantine')",
            )
        ]
        assert len(tables) > 12
        for table in tables:
            for one, other in (("before", "after"), ("after", "before")):
                lost = f"SELECT * FROM {one}.main.{table} EXCEPT ALL SELECT * FROM {other}.main.{table}"
                assert rows(connection, f"SELECT count(*) FROM ({lost})") == [(0,)], table


# --- the published interface ------------------------------------------------------------------------------------------

TICKET = (
    "ticket_id account_id requester_id topic channel priority status created_at first_replied_at last_solved_at "
    "public_agent_replies reopens is_escalated is_merged is_spam satisfaction_score scale_min scale_max satisfaction_at"
)
USAGE = "month account_id active_users user_days events minutes errors"
INTERFACE = {
    "dim_account": "account_id account_name industry country region size csm_owner signup_on first_paid_on",
    "dim_account_month": "account_id month account_name industry country region size csm_owner signup_on first_paid_on "
    "plan interval",
    "dim_milestone": "milestone position within_days is_value",
    "upcoming_renewal": "account_id subscription_id renewal_id term_ended_on mrr_cents",
    "open_renewal": "account_id subscription_id due_on mrr_cents health_score health_band csm_owner",
    "open_invoice": "account_id invoice_id issued_on due_on currency open_cents",
    "dim_month": "month month_end is_provisional",
    "dim_metric": "metric title definition unit better signal perspective rollup over_time",
    "fct_mrr_account_month": "account_id month opening_cents new_cents reactivation_cents expansion_cents upsell_cents "
    "cross_sell_cents contraction_cents churned_cents fx_cents closing_cents",
    "fct_mrr_account_currency_month": "account_id month currency",
    "fct_mrr_item_month": "month account_id subscription_id item_id plan interval quantity seats currency "
    "closing_native_cents closing_cents",
    "fct_cost_month": "month category cost_cents",
    "fct_ticket": f"month {TICKET}",
    "fct_survey_response": "month response_id account_id respondent_id ticket_id kind score scale_min scale_max "
    "direction comment sent_at responded_at",
    "fct_renewal": "month renewal_id account_id subscription_id term_started_on term_ended_on renewed_on outcome "
    "mrr_amount renewed_mrr_amount currency",
    "fct_trial": "month account_id",
    "fct_milestone": "month account_id milestone reached_on",
    "fct_csm_activity": "month activity_id account_id kind due_on held_on executive_present csm_thumb "
    "customer_thumb rating",
    "fct_invoice": "month invoice_id account_id issued_on due_on paid_on status amount one_off_amount refunded "
    "currency",
    "fct_usage_account_month": f"{USAGE} user_weeks days weeks seats",
    "fct_feature_account_month": f"{USAGE} feature",
    "fct_health_score": "month account_id score band previous_score coverage",
    "fct_health_input": "month account_id input raw score weight",
    "metric_account_month": "metric month account_id numerator denominator",
    "metric_part": "month metric_key account_key numerator denominator",
    "metric_month": "metric month dimension segment value numerator denominator observations ci_low ci_high "
    "is_provisional null_reason basis",
    "scorecard": "metric month value previous_month same_month_last_year target status",
    "quarantine": "source file line column_name reason run_id rejected_at",
    "export_file": "source file sha256 bytes rows_read rows_loaded rows_quarantined exported_at landed_at",
    "invariant": "name month expected actual passed",
    "publication": "version published_at as_of run_id code_version config_sha256 first_month last_month",
}
"""Tables and the columns that must be there, as the design names them."""
GRAINS = {
    "dim_account": "account_id",
    "dim_account_month": "account_id, month",
    "dim_month": "month",
    "dim_metric": "metric",
    "fct_mrr_account_month": "account_id, month",
    "fct_mrr_account_currency_month": "account_id, month, currency",
    "fct_mrr_item_month": "month, source, subscription_id, item_id",
    "fct_cost_month": "month, category",
    "dim_milestone": "milestone",
    "upcoming_renewal": "source, renewal_id",
    "open_renewal": "source, renewal_id",
    "open_invoice": "source, invoice_id",
    "fct_ticket": "ticket_id",
    "fct_survey_response": "response_id",
    "fct_renewal": "renewal_id",
    "fct_milestone": "account_id, milestone",
    "fct_csm_activity": "activity_id",
    "fct_invoice": "invoice_id",
    "fct_usage_account_month": "account_id, month",
    "fct_feature_account_month": "account_id, month, feature",
    "fct_health_score": "account_id, month",
    "fct_health_input": "account_id, month, input",
    "metric_account_month": "metric, month, account_id",
    "metric_part": "metric_key, month, account_key",
    "metric_month": "metric, month, dimension, segment",
    "scorecard": "metric, month",
    "export_file": "source, file",
    "invariant": "name, month",
    "publication": "version",
}


@pytest.mark.parametrize("table", INTERFACE)
def test_a_table_of_the_published_interface_is_there_with_its_columns(
    published: duckdb.DuckDBPyConnection, table: str
) -> None:
    found = {
        name for (name,) in rows(published, "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", table)
    }
    assert set(INTERFACE[table].split()) <= found


@pytest.mark.parametrize("table", GRAINS)
def test_a_table_has_rows_and_one_for_each_key(published: duckdb.DuckDBPyConnection, table: str) -> None:
    whole = rows(published, f"SELECT count(*) FROM {table}")[0][0]
    assert whole > 0
    assert rows(published, f"SELECT count(*) FROM (SELECT DISTINCT {GRAINS[table]} FROM {table})") == [(whole,)]


def test_only_types_that_every_tool_reads_are_published(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        published,
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal",
    )
    assert len(found) > 200
    assert [row for row in found if row[2] not in TYPES] == []


def test_every_table_view_and_column_says_what_it_is(published: duckdb.DuckDBPyConnection) -> None:
    unsaid = []
    for kind, name in (("duckdb_tables", "table_name"), ("duckdb_views", "view_name")):
        found = rows(published, f"SELECT {name}, comment FROM {kind}() WHERE schema_name = 'main' AND NOT internal")
        assert found
        unsaid += [table for table, comment in found if not (comment or "").strip()]
    columns = rows(
        published,
        "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal",
    )
    unsaid += [f"{table}.{name}" for table, name, comment in columns if not (comment or "").strip()]
    assert unsaid == []


def test_no_number_is_nan_or_infinite(published: duckdb.DuckDBPyConnection) -> None:
    columns = rows(
        published,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal "
        "AND data_type = 'DOUBLE'",
    )
    assert len(columns) > 20
    for table, name in columns:
        assert rows(published, f'SELECT count(*) FROM {table} WHERE NOT isfinite("{name}")') == [(0,)], (
            f"{table}.{name}"
        )


def test_the_file_is_for_reading_only_and_nothing_lies_beside_it_half_done(job: Job) -> None:
    assert job.published.is_symlink()
    assert stat.S_IMODE(job.published.stat().st_mode) == 0o440
    names = sorted(path.name for path in job.published.parent.iterdir())
    assert names == ["customer_success.duckdb", "parquet", "versions"]
    (version,) = (job.published.parent / "versions").iterdir()
    assert sorted(path.name for path in version.iterdir()) == ["customer_success.duckdb", "parquet"]


def test_months_are_those_of_the_config_through_that_of_as_of(published: duckdb.DuckDBPyConnection) -> None:
    assert [month for (month,) in rows(published, "SELECT month FROM dim_month ORDER BY month")] == months()
    for table in ("metric_month", "fct_mrr_account_month", "dim_account_month", "fct_ticket", "fct_health_score"):
        assert [m for (m,) in rows(published, f"SELECT DISTINCT month FROM {table} ORDER BY 1")] == months(), table
    (publication,) = rows(published, "SELECT version, as_of, first_month, last_month FROM publication")
    assert publication == (1, dt.date(2026, 10, 31), FIRST, LAST)


def test_parquet_beside_it_holds_the_same_tables(job: Job, published: duckdb.DuckDBPyConnection) -> None:
    folder = job.published.parent / "parquet"
    named = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'"
    tables = {name for (name,) in rows(published, f"{named} UNION ALL {views}")}
    assert {path.name.removesuffix(".parquet") for path in folder.iterdir()} - {"files.json"} == tables
    for table in sorted(tables):
        whole = folder / f"{table}.parquet"
        source = whole if whole.exists() else folder / table / "month=*.parquet"
        # A table by month may have no row at all.
        if not whole.exists() and not list((folder / table).iterdir()):
            assert rows(published, f"SELECT count(*) FROM {table}") == [(0,)]
            continue
        read = f"(SELECT * FROM read_parquet('{source}', hive_partitioning = false))"
        for one, other in ((table, read), (read, table)):
            lost = f"SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other}"
            assert rows(published, f"SELECT count(*) FROM ({lost})") == [(0,)], table
        if not whole.exists():
            for path in (folder / table).iterdir():
                month = path.name.removeprefix("month=").removesuffix(".parquet")
                assert rows(published, f"SELECT DISTINCT CAST(month AS VARCHAR) FROM '{path}'") == [(month,)]


# --- rows in ----------------------------------------------------------------------------------------------------------


def test_the_faults_of_the_ledger_are_what_is_in_quarantine(published: duckdb.DuckDBPyConnection) -> None:
    """But for the survey that stands there twice: it is no fault that an answer is sent again."""
    found = rows(published, "SELECT table_name, file, line, column_name FROM quarantine")
    planted = {(fault["table"], fault["file"], fault["line"], fault["column"]) for fault in _faults()}
    assert set(found) == planted


def test_the_survey_that_stands_there_twice_is_counted_as_a_repeat(published: duckdb.DuckDBPyConnection) -> None:
    (twice,) = (fault for fault in LEDGER["faults"] if fault not in _faults())
    repeats = rows(published, "SELECT file, rows_repeated FROM export_file WHERE rows_repeated <> 0")
    assert repeats == [(twice["file"], 1)]
    key = dict(records(twice["file"]))[twice["line"]]["response_id"]
    assert rows(published, f"SELECT count(*) FROM fct_survey_response WHERE response_id = '{key}'") == [(1,)]


def _faults() -> list[dict[str, Any]]:
    """The faults for which rows are rejected."""
    return [fault for fault in LEDGER["faults"] if "twice" not in fault["what"]]


def test_every_row_of_every_file_was_read_and_is_loaded_or_in_quarantine(
    published: duckdb.DuckDBPyConnection,
) -> None:
    rejected = Counter(dict(rows(published, "SELECT file, count(DISTINCT line) FROM quarantine GROUP BY file")))
    found = rows(published, "SELECT file, table_name, rows_read, rows_loaded, rows_quarantined FROM export_file")
    files = {f"{path.parent.name}/{path.name}" for path in COMPANY.glob("*/*.csv")}
    assert {row[0] for row in found} == files
    for file, _, read, loaded, quarantined in found:
        assert read == sum(1 for _ in records(file)), file
        assert quarantined == rejected[file]
        assert loaded == read - quarantined


def test_tickets_that_are_no_internal_accounts_and_no_fault_are_all_there(
    published: duckdb.DuckDBPyConnection,
) -> None:
    bad = {fault["line"] for fault in LEDGER["faults"] if fault["table"] == "tickets"}
    internal = set(LEDGER["internal_accounts"])
    expected = sorted(
        row["ticket_id"]
        for line, row in records("support/tickets.csv")
        if line not in bad and row["account_id"] not in internal
    )
    assert [key for (key,) in rows(published, "SELECT ticket_id FROM fct_ticket ORDER BY 1")] == expected


def test_our_own_accounts_are_in_nothing(published: duckdb.DuckDBPyConnection) -> None:
    internal = set(LEDGER["internal_accounts"])
    assert internal
    tables = rows(
        published,
        "SELECT DISTINCT table_name FROM duckdb_columns() WHERE schema_name = 'main' AND column_name = 'account_id'",
    )
    for (table,) in tables:
        found = {account for (account,) in rows(published, f"SELECT DISTINCT account_id FROM {table}")}
        assert not found & internal, table


# --- numbers ----------------------------------------------------------------------------------------------------------


def _ledger_mrr(day: str, month: str) -> dict[str, int]:
    """Cents of each account on a day, from the ledger's steps: the last on or before the day of each item and money."""
    last: dict[tuple[str, str, str], tuple[str, Fraction]] = {}
    for step in LEDGER["steps"]:
        key = (step["account_id"], step["item"], step["currency"])
        if step["day"] <= day and (key not in last or last[key][0] <= step["day"]):
            last[key] = step["day"], Fraction(step["numerator"], step["denominator"])
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for (account, _, currency), (_, amount) in last.items():
        if account not in LEDGER["internal_accounts"]:
            home = currency == LEDGER["reporting_currency"]
            rate = Fraction(1) if home else Fraction(LEDGER["fx_rates"][currency][f"{month}-01"])
            sums[account] += amount / 10 ** LEDGER["minor_units"][currency] * rate * 100
    cents = {account: math.floor(total + Fraction(1, 2)) for account, total in sums.items()}
    return {account: amount for account, amount in cents.items() if amount}


@pytest.mark.parametrize("day", ["2026-10-31", "2026-05-31", "2025-02-28", "2024-05-31"])
def test_mrr_is_that_of_the_ledger_account_by_account(published: duckdb.DuckDBPyConnection, day: str) -> None:
    expected = _ledger_mrr(day, day[:7])
    first = f"{day[:7]}-01"
    found = rows(
        published,
        "SELECT account_id, closing_cents FROM fct_mrr_account_month WHERE month = ? AND closing_cents > 0",
        first,
    )
    assert dict(found) == expected
    total = rows(
        published, "SELECT value FROM metric_month WHERE metric = 'mrr' AND dimension = 'all' AND month = ?", first
    )
    assert total == [(float(sum(expected.values())),)]


def test_a_value_is_null_exactly_where_a_reason_stands(published: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(*) FROM metric_month WHERE (value IS NULL) <> (null_reason IS NOT NULL)"
    assert rows(published, query) == [(0,)]
    reasons = {reason for (reason,) in rows(published, "SELECT DISTINCT null_reason FROM metric_month")} - {None}
    assert reasons <= {
        "zero_denominator", "source_missing", "not_exported", "insufficient_history", "company_only", "not_additive",
    }  # fmt: skip
    assert "not_exported" not in reasons, "the company exports every column"


def test_only_the_cost_of_the_month_without_costs_has_no_source(published: duckdb.DuckDBPyConnection) -> None:
    """June 2024 has no rows in costs.csv; in other months it is of segments alone that nobody knows the cost."""
    june = dt.date(2024, 6, 1)
    assert f"{june}" not in {row["month"] for _, row in records("finance/costs.csv")}
    lacking = rows(
        published, "SELECT metric, month, dimension, segment FROM metric_month WHERE null_reason = 'source_missing'"
    )
    places = rows(published, "SELECT dimension, segment FROM metric_month WHERE metric = 'mrr' AND month = ?", june)
    assert {dimension for dimension, _ in places} == {"all", *SEGMENTS}
    assert sorted(lacking) == sorted((metric, june, *place) for metric in ("crc", "crc_share") for place in places)
    apart = rows(
        published,
        "SELECT metric, count(*) FILTER (dimension = 'all'), count(*) FROM metric_month "
        "WHERE null_reason = 'company_only' GROUP BY metric ORDER BY metric",
    )
    query = "SELECT count(*) FROM metric_month WHERE metric = 'mrr' AND dimension <> 'all' AND month <> ?"
    segments = rows(published, query, june)[0][0]
    assert apart == [("crc", 0, segments), ("crc_share", 0, segments)]


def test_every_metric_has_a_row_for_the_company_in_every_month(published: duckdb.DuckDBPyConnection) -> None:
    metrics = {name for (name,) in rows(published, "SELECT metric FROM dim_metric")}
    assert len(metrics) >= 50
    found = rows(published, "SELECT metric, count(*) FROM metric_month WHERE dimension = 'all' GROUP BY metric")
    assert dict(found) == dict.fromkeys(metrics, len(months()))


def test_twelve_month_metrics_are_unknown_until_a_year_of_data_lies_behind(
    published: duckdb.DuckDBPyConnection,
) -> None:
    found = rows(
        published,
        "SELECT metric, month, value, null_reason FROM metric_month WHERE metric LIKE '%\\_12m' ESCAPE '\\' "
        "AND dimension = 'all'",
    )
    assert {row[0] for row in found} >= {"churn_rate_12m", "crr_12m", "grr_12m", "nrr_12m"}
    for metric, month, value, reason in found:
        if month < dt.date(2025, 5, 1):
            assert (value, reason) == (None, "insufficient_history"), f"{metric} in {month}"
        else:
            assert value is not None and reason is None, f"{metric} in {month}"


def _values(published: duckdb.DuckDBPyConnection) -> dict[tuple[str, dt.date, str, str], tuple[Any, ...]]:
    found = rows(
        published,
        "SELECT v.metric, v.month, v.dimension, v.segment, v.numerator, v.denominator, v.value, v.null_reason, "
        "d.rollup, d.unit FROM metric_month AS v JOIN dim_metric AS d USING (metric) "
        "WHERE d.rollup IN ('sum', 'ratio')",
    )
    return {row[:4]: row[4:] for row in found}


def test_segments_of_each_dimension_add_up_to_the_company(published: duckdb.DuckDBPyConnection) -> None:
    sums: dict[tuple[str, dt.date, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    values = _values(published)
    company_only = {key[0] for key, row in values.items() if row[3] == "company_only"}
    for (metric, month, dimension, _), (numerator, denominator, *_) in values.items():
        sums[metric, month, dimension][0] += numerator or 0
        sums[metric, month, dimension][1] += denominator or 0
    dimensions = {dimension for _, _, dimension in sums}
    assert dimensions == {"all", *SEGMENTS}
    checked = 0
    for (metric, month, dimension), total in sums.items():
        if dimension != "all" and metric not in company_only:
            assert total == pytest.approx(sums[metric, month, "all"], rel=1e-9, abs=1e-9), (
                f"{metric} {month} {dimension}"
            )
            checked += 1
    assert checked > 4 * 30 * 40


def test_parts_of_accounts_recompute_every_sum_and_ratio_in_every_slice(
    published: duckdb.DuckDBPyConnection,
) -> None:
    parts = rows(
        published,
        "SELECT p.metric, p.month, p.numerator, p.denominator, d.account_id, d.industry, d.country, d.region, d.size "
        "FROM metric_account_month AS p LEFT JOIN dim_account_month AS d USING (account_id, month)",
    )
    sums: dict[tuple[str, dt.date, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for metric, month, numerator, denominator, account, *segments in parts:
        slices = [("all", "all"), *(zip(SEGMENTS, segments, strict=True) if account else [])]
        for dimension, segment in slices:
            sums[metric, month, dimension, segment][0] += numerator
            sums[metric, month, dimension, segment][1] += denominator or 0
    values = _values(published)
    assert sums.keys() <= values.keys()
    known = 0
    for key, (_, _, value, reason, rollup, unit) in values.items():
        numerator, denominator = sums.get(key, [0.0, 0.0])
        if value is not None:
            known += 1
            expected = numerator if rollup == "sum" else numerator / denominator * (100 if unit == "points" else 1)
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-12), key
        elif reason == "zero_denominator":
            assert denominator == 0, key
    assert known > 10_000


def test_an_account_without_an_attribute_is_in_the_unknown_segment(published: duckdb.DuckDBPyConnection) -> None:
    known = {row["account_id"]: row for _, row in records("crm/accounts.csv")}
    present = rows(
        published, "SELECT account_id, industry, country, region, size FROM dim_account_month WHERE month = ?", LAST
    )
    assert "billing:cus_9" in {row[0] for row in present}, "the billing customer that the CRM doesn't know"
    for account, *segments in present:
        told = [known[account][name] if account in known else "" for name in SEGMENTS]
        assert segments == [value or "(unknown)" for value in told], account
    assert {row[0] for row in present} >= known.keys() - set(LEDGER["internal_accounts"])
    for dimension in SEGMENTS:
        found = rows(
            published,
            "SELECT count(*) FROM metric_month WHERE metric = 'mrr' AND dimension = ? AND segment = '(unknown)'",
            dimension,
        )
        assert found == [(len(months()),)], dimension


# --- persons ----------------------------------------------------------------------------------------------------------


def _persons() -> set[str]:
    """Ids of requesters, respondents and users."""
    named = {
        "support/tickets.csv": "requester_id",
        "surveys/survey_responses.csv": "respondent_id",
        "product/usage_events.csv": "user_id",
    }
    return {row[column] for file, column in named.items() for _, row in records(file)} - {""}


def _comments() -> set[str]:
    files = ("surveys/survey_responses.csv", "crm/churn_events.csv")
    return {row["comment"] for file in files for _, row in records(file)} - {""}


def test_no_persons_id_and_no_comment_is_in_any_published_text(published: duckdb.DuckDBPyConnection) -> None:
    secrets = _persons() | _comments()
    assert len(secrets) > 1000
    columns = rows(
        published,
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE data_type = 'VARCHAR' AND NOT internal",
    )
    assert len(columns) > 80
    for schema, table, name in columns:
        told = {text for (text,) in rows(published, f'SELECT DISTINCT "{name}" FROM {schema}.{table}')}
        assert not told & secrets, f"{schema}.{table}.{name}"
    assert (
        rows(published, "SELECT count(*), count(comment) FROM fct_survey_response WHERE score IS NOT NULL")[0][1] == 0
    )


def test_a_person_has_one_hash_in_every_table_so_that_joins_hold(published: duckdb.DuckDBPyConnection) -> None:
    raw: dict[str, set[str]] = defaultdict(set)
    for _, row in records("support/tickets.csv"):
        if row["requester_id"]:
            raw[row["requester_id"]].add(row["ticket_id"])
    hashed: dict[str, set[str]] = defaultdict(set)
    for person, ticket in rows(
        published, "SELECT requester_id, ticket_id FROM fct_ticket WHERE requester_id IS NOT NULL"
    ):
        hashed[person].add(ticket)
    everyone = {ticket for tickets in hashed.values() for ticket in tickets}
    assert sorted(map(sorted, hashed.values())) == sorted(sorted(t & everyone) for t in raw.values() if t & everyone)
    assert all(len(person) >= 16 for person in hashed)


def _rejected() -> list[str]:
    """The values at fault, as they stand in the exports; those too short to be told apart left out."""
    values = []
    for fault in _faults():
        by_line = {line: row[fault["column"]] for line, row in records(fault["file"])}
        values.append(by_line[fault["line"]])
    telling = [value for value in values if len(value) > 5]
    assert {"31/02/2025", "1234,50", "resolvd"} <= set(telling)
    return telling


def test_no_rejected_value_is_in_any_published_text(published: duckdb.DuckDBPyConnection) -> None:
    """Nor in the reasons of the quarantine."""
    rejected = _rejected()
    columns = rows(
        published,
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE data_type = 'VARCHAR' AND NOT internal",
    )
    for schema, table, name in columns:
        for (text,) in rows(published, f'SELECT DISTINCT "{name}" FROM {schema}.{table}'):
            assert not [value for value in rejected if value in (text or "")], f"{schema}.{table}.{name}"


def test_nothing_of_persons_and_no_rejected_value_is_in_dagsters_home(job: Job) -> None:
    files = [path for path in (job.data / "dagster").rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files}
    assert any(b"fct_survey_response" in content for content in contents.values()), "what is logged can be found so"
    requester = next(row["requester_id"] for _, row in records("support/tickets.csv") if row["requester_id"])
    user = next(row["user_id"] for _, row in records("product/usage_events.csv") if row["user_id"])
    mails = [word.strip(".,") for text in _comments() for word in text.split() if "@" in word]
    assert len(mails) == 3
    for secret in (requester, user, *mails, *_rejected()):
        found = [path.name for path, content in contents.items() if secret.encode() in content]
        assert found == [], secret
        assert not [name for name, told in job.commands.items() if secret in told["out"] + told["err"]], secret


def test_what_is_private_is_readable_by_its_owner_only(job: Job) -> None:
    for room in ("landed", "staged", "quarantine", "dagster"):
        assert stat.S_IMODE((job.data / room).stat().st_mode) == 0o700, room
    assert stat.S_IMODE((job.data / "person_id.key").stat().st_mode) == 0o600


def test_raw_values_of_rejected_rows_stay_in_the_private_quarantine(job: Job) -> None:
    told = "".join(path.read_text() for path in (job.data / "quarantine").iterdir())
    for value in ("1234,50", "resolvd", "31/02/2025", "maybe"):
        assert value in told


def test_telemetry_is_off(job: Job) -> None:
    settings = yaml.safe_load((job.data / "dagster" / "dagster.yaml").read_text())
    assert settings["telemetry"]["enabled"] is False
