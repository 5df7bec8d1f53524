"""What a change of the exports, the config or the day restates, what it leaves, and what is refused meanwhile.

The small company, in process; each test works on a copy of one that is built and published.
"""

import datetime as dt
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.months.build import MonthRun
from pipelines.months.nodes import nodes, offsets
from schemas.tables import EXPLANATIONS, FACTS, VALUES
from tests.integration.small_company import (
    LAST,
    MONTHS,
    RUN,
    Row,
    SmallCompany,
    exports,
    ordered,
    published_once,
    small_company,
)
from transforms.catalogue import CATALOGUE
from transforms.declaration import parameters
from warehouse.errors import AuditError, ExportError, StaleError
from warehouse.upkeep import forget_but_keys
from warehouse.versions import current_version

MRR_TABLES = {"fct_mrr_account_month", "fct_mrr_account_currency_month"}
WITHOUT_TICKETS = {
    *MRR_TABLES, "fct_invoice", "fct_usage_account_month", "fct_feature_account_month", "fct_milestone",
    "fct_csm_activity", "dim_account_month", "mrr", "churn_rate", "grr", "nrr", "mau", "clv", "ttv", "ces", "nps",
    "stickiness",
}  # fmt: skip
"""Tables and metrics that no ticket has a part in (surveys may take their account from one)."""


def month(text: str) -> dt.date:
    return dt.date.fromisoformat(f"{text}-01")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Every month built, and version 1 published."""
    return published_once(tmp_path_factory, tmp_path_factory.mktemp("restatement") / "company")


@pytest.fixture
def company(built: SmallCompany, tmp_path: Path) -> SmallCompany:
    """A copy of it."""
    return built.copy(tmp_path / "company")


@pytest.fixture
def anew(tmp_path: Path) -> Callable[[SmallCompany], SmallCompany]:
    """The exports and config of a company, built from nothing elsewhere."""

    def build(company: SmallCompany) -> SmallCompany:
        other = company.copy(tmp_path / "anew")
        for path in (other.project().folders.working_database, *other.project().folders.staged.iterdir()):
            path.unlink()
        other.ingest()
        other.build()
        return other

    return build


def same(left: SmallCompany, right: SmallCompany, *, but: tuple[str, ...] = ()) -> None:
    """Every table of the two has the same rows."""
    one, other = left.frames(), right.frames()
    for name in one.keys() - set(but):
        assert_frame_equal(one[name], other[name], check_exact=True)


def stale(company: SmallCompany) -> dict[str, set[dt.date]]:
    """The stale months by table."""
    found: dict[str, set[dt.date]] = {}
    for entry in company.stale():
        found.setdefault(entry.table, set()).add(entry.month)
    return found


def changed_rows(before: SmallCompany, after: SmallCompany) -> set[tuple[str, dt.date]]:
    """Tables and months in which the two differ; of metrics, their assets."""
    one, other = before.frames([*FACTS, "dim_account_month", *VALUES, *EXPLANATIONS]), after.frames()
    found = set()
    for name, frame in one.items():
        key = "metric" if name in VALUES else None
        for only, against in ((frame, other[name]), (other[name], frame)):
            rows = only.join(against, on=only.columns, how="anti", nulls_equal=True)
            for row in rows.select("month", *([key] if key else [])).unique().iter_rows(named=True):
                found.add((CATALOGUE[row[key]].asset if key else name, row["month"]))
    return found


def from_month(first: str) -> set[dt.date]:
    return {m for m in MONTHS if m >= month(first)}


def changed(rows: list[Row], key: str, value: str, **to: object) -> list[Row]:
    """The rows, with those of the key changed."""
    assert any(row[key] == value for row in rows)
    return [{**row, **to} if row[key] == value else row for row in rows]


# --- the same again ---------------------------------------------------------------------------------------------------


def test_running_months_again_gives_the_same_rows(company: SmallCompany, built: SmallCompany) -> None:
    company.build([month("2024-02"), month("2024-03")])
    assert company.stale() == []
    same(company, built)


def test_ingesting_unchanged_files_again_leaves_everything_as_it_is(company: SmallCompany, built: SmallCompany) -> None:
    staged = company.project().folders.staged
    before = {path.name: path.stat().st_mtime_ns for path in staged.iterdir()}
    company.ingest()
    assert {path.name: path.stat().st_mtime_ns for path in staged.iterdir()} == before
    assert company.stale() == []
    same(company, built)


def test_the_same_rows_in_another_order_and_file_time_restate_nothing(company: SmallCompany) -> None:
    for table in ("tickets", "usage_events", "invoices", "subscription_items"):
        company.export(table, list(reversed(exports()[table])))
    company.ingest()
    assert company.stale() == []


def test_a_rebuild_gives_the_same_values_and_the_same_account_keys(company: SmallCompany, tmp_path: Path) -> None:
    # An account that came later, and whose number would be another if all were numbered anew.
    company.export("accounts", [*exports()["accounts"], {**exports()["accounts"][0], "account_id": "A00"}])
    company.run()
    before = company.copy(tmp_path / "before")
    project = company.project()
    forget_but_keys(project.database)
    assert project.database.read("fct_mrr_account_month").is_empty()
    for path in project.folders.staged.glob("*.parquet"):
        path.unlink()
    company.run()
    assert company.stale() == []
    same(company, before)
    for name in ("dim_account", "metric_part"):
        one, other = (ordered(c.project().database.read(name)) for c in (company, before))
        assert_frame_equal(one, other)
    keys = dict(project.database.read("dim_account").select("account_id", "account_key").iter_rows())
    assert keys["A00"] == max(keys.values())


# --- what a change restates -------------------------------------------------------------------------------------------


def test_a_changed_ticket_of_march_restates_march_and_what_looks_back_at_it(
    company: SmallCompany, built: SmallCompany, anew: Callable[[SmallCompany], SmallCompany]
) -> None:
    tickets = changed(exports()["tickets"], "ticket_id", "T1-2403", is_escalated=False, is_merged=True)
    company.export("tickets", tickets)
    company.ingest()
    found = stale(company)
    assert found["fct_ticket"] == {month("2024-03")}
    assert found["tickets_per_account"] == {month("2024-03")}
    assert found["art"] == found["escalation_rate"] == from_month("2024-03")  # solved later than created
    assert found["fcr"] == from_month("2024-02")  # looks a month ahead for follow-ups
    assert found["fct_survey_response"] == from_month("2024-03")
    assert not WITHOUT_TICKETS & (found.keys() - {"ces", "nps", "csat"}), "made without a ticket"
    assert not {m for months in found.values() for m in months} - from_month("2024-02")

    company.mend()
    assert company.stale() == []
    same(company, anew(company))
    restated = changed_rows(built, company)
    assert restated, "the change shows"
    assert restated <= {(table, m) for table, months in found.items() for m in months}


def test_a_new_end_of_a_subscription_in_june_leaves_january_as_it_was(
    company: SmallCompany, built: SmallCompany, anew: Callable[[SmallCompany], SmallCompany]
) -> None:
    items = changed(exports()["subscription_items"], "subscription_id", "S10", ended_on="2024-06-12")
    company.export("subscription_items", items)
    company.ingest()
    found = stale(company)
    assert found["fct_mrr_account_month"] == found["mrr"] == found["churn_rate"] == {month("2024-06")}
    # Whether a trial was followed by payment is looked up for three months; nothing else looks ahead at it.
    assert not {m for months in found.values() for m in months} - from_month("2024-03")
    company.mend()
    assert company.value("mrr", "2024-06")[0] == built.value("mrr", "2024-06")[0] - 5_500
    same(company, anew(company))


def test_a_new_price_from_april_restates_april_and_after(company: SmallCompany, built: SmallCompany) -> None:
    items = exports()["subscription_items"]
    second = next(row for row in items if row["subscription_id"] == "S2" and row["item_id"] == "I1")
    company.export("subscription_items", [*items, {**second, "valid_from": "2024-04-10", "unit_amount": 6_000}])
    company.ingest()
    found = stale(company)
    assert found["fct_mrr_account_month"] == found["mrr"] == from_month("2024-04")
    company.mend()
    assert company.value("expansion_mrr", "2024-04")[0] == built.value("expansion_mrr", "2024-04")[0] + 1_000
    assert changed_rows(built, company) <= {(table, m) for table, months in found.items() for m in months}


def test_a_rate_corrected_in_november_restates_the_money_from_november_on(
    company: SmallCompany, built: SmallCompany, anew: Callable[[SmallCompany], SmallCompany]
) -> None:
    company.export("fx_rates", changed(exports()["fx_rates"], "month", month("2023-11"), rate="0.5"))
    company.ingest()
    found = stale(company)
    assert found["fct_mrr_account_month"] == from_month("2023-11")
    company.mend()
    same(company, anew(company))
    restated = changed_rows(built, company)
    assert ("fct_mrr_account_month", month("2023-11")) in restated
    assert ("fct_mrr_account_month", month("2023-12")) in restated, "November's closing is December's opening"
    assert restated <= {(table, m) for table, months in found.items() for m in months}


def test_a_corrected_event_restates_its_month_and_the_windows_that_reach_back_to_it(
    company: SmallCompany, built: SmallCompany, anew: Callable[[SmallCompany], SmallCompany]
) -> None:
    events = changed(exports()["usage_events"], "event_id", "E-A01-2308-0-0", user_id="u-new")
    company.export("usage_events", events)
    company.ingest()
    found = stale(company)
    # A week that ends in September may begin in August.
    assert found["fct_usage_account_month"] == {month("2023-08"), month("2023-09")}
    assert found["mau"] == {month("2023-08"), month("2023-09")}
    company.mend()
    same(company, anew(company))
    restated = changed_rows(built, company)
    assert ("mau", month("2023-08")) in restated
    assert restated <= {(table, m) for table, months in found.items() for m in months}


def test_another_weight_of_health_restates_health_alone(company: SmallCompany, built: SmallCompany) -> None:
    inputs = {
        "sentiment": {"weight": 30, "zero_at": 1, "full_at": 5},
        "milestones": {"weight": 10, "zero_at": 0, "full_at": 1},
    }
    company.configure(health={"coverage": 0.2, "inputs": inputs})
    company.ingest()
    health = {
        "fct_health_input",
        "fct_health_score",
        *(m.asset for m in CATALOGUE.values() if "fct_health_score" in parameters(m.function)),
    }
    found = stale(company)
    assert found.keys() - EXPLANATIONS.keys() == health
    assert all(months == set(MONTHS) for months in found.values())
    company.mend()
    assert company.stale() == []
    restated = changed_rows(built, company)
    assert health <= {table for table, _ in restated}
    assert restated <= {(table, m) for table, months in found.items() for m in months}


def test_a_process_that_goes_on_sees_that_the_config_changed(company: SmallCompany) -> None:
    """As Dagster's daemon does, in which the sensors ask again and again."""
    assert company.stale() == []
    company.configure(minimums={"churned_accounts": 3})
    assert stale(company), "as a new process would say"


def test_a_day_later_only_open_months_are_stale(
    company: SmallCompany, anew: Callable[[SmallCompany], SmallCompany]
) -> None:
    """The data speaks for June 29. A month is open until it is over, and while a table of it waits or looks ahead."""
    company.configure(as_of="2024-06-30")
    company.ingest()
    found = stale(company)
    last_days = {m: (m + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1) for m in MONTHS}
    is_open: dict[str, set[dt.date]] = {}
    for node in nodes(company.project().config):
        ahead = max((offsets(windows)[1] for table, windows in node.windows.items() if table in is_open), default=0)
        waits = dt.timedelta(days=node.provisional_days)
        is_open[node.name] = {m for m in MONTHS if last_days[m] + waits > dt.date(2024, 6, 29)} | set(
            MONTHS[-1 - ahead :]
        )
    assert is_open["mrr"] == is_open["fct_ticket"] == {LAST}
    assert is_open["survey_response_rate"] == is_open["fcr"] == {month("2024-05"), LAST}
    # What explains metrics is as open as any of them.
    by_others = {name: found.pop(name) for name in EXPLANATIONS.keys() & found.keys()}
    assert found == {name: months for name, months in is_open.items() if name not in EXPLANATIONS}
    assert by_others.keys() and all(months <= set(MONTHS[-2:]) for months in by_others.values())
    company.mend()
    same(company, anew(company))


def test_what_is_dated_after_the_day_of_the_data_changes_nothing_until_its_day(company: SmallCompany) -> None:
    late = {**exports()["tickets"][0], "ticket_id": "T-late", "created_at": dt.datetime(2024, 7, 2, 9, 0)}
    company.export("tickets", [*exports()["tickets"], {**late, "first_replied_at": None, "last_solved_at": None}])
    company.ingest()
    assert company.stale() == []


# --- what is refused --------------------------------------------------------------------------------------------------


def test_the_audit_refuses_stale_months_and_names_the_command(company: SmallCompany) -> None:
    company.export("usage_events", changed(exports()["usage_events"], "event_id", "E-A01-2403-0-0", user_id="u-new"))
    company.ingest()
    first, last = min(e.month for e in company.stale()), max(e.month for e in company.stale())
    assert (first, last) == (month("2024-03"), LAST)
    with pytest.raises(AuditError, match=r"2024-03.*make run MONTHS=2024-03\.\.2024-06"):
        company.publish()
    assert current_version(company.project().folders) == 1
    company.mend()
    assert company.publish() == 2


def test_a_metric_picked_by_hand_is_not_built_on_stale_facts(company: SmallCompany) -> None:
    company.export("tickets", changed(exports()["tickets"], "ticket_id", "T1-2403", is_merged=True))
    company.ingest()
    project = company.project()
    values = project.database.read("metric_month", where={"metric": ["tickets_per_account"]})
    assert MonthRun(project, RUN).stale("fct_ticket", MONTHS) == [month("2024-03")]
    with pytest.raises(StaleError, match=r"fct_ticket .*2024-03.*make run MONTHS=2024-03$"):
        MonthRun(project, RUN).build("tickets_per_account", [month("2024-03")])
    after = project.database.read("metric_month", where={"metric": ["tickets_per_account"]})
    assert_frame_equal(ordered(after), ordered(values))
    MonthRun(project, RUN).build("fct_ticket", [month("2024-03")])
    MonthRun(project, RUN).build("tickets_per_account", [month("2024-03")])
    assert "tickets_per_account" not in stale(company)


def test_a_look_back_into_months_that_are_not_built_is_an_error_and_never_empty(company: SmallCompany) -> None:
    project = company.project()
    with project.database.connect() as connection:
        connection.execute(
            "DELETE FROM lineage.build WHERE table_name = 'fct_usage_account_month' AND month = '2024-02-01'"
        )
    with pytest.raises(StaleError, match=r"fct_usage_account_month .*2024-02; .*make run MONTHS=2024-02$"):
        MonthRun(project, RUN).build("fct_health_input", [month("2024-04")])
    MonthRun(project, RUN).build("fct_health_input", [month("2024-06")])  # looks back to March only


def test_a_month_that_the_data_does_not_have_is_refused(company: SmallCompany) -> None:
    with pytest.raises(StaleError, match="2024-07 is not among the data's months: 2023-04 to 2024-06"):
        MonthRun(company.project(), RUN).build("fct_ticket", [month("2024-07")])


@pytest.mark.parametrize("fault", ["lacks a column", "is empty", "is missing"])
def test_a_file_that_cannot_be_used_stops_the_run_and_readers_keep_what_they_have(
    company: SmallCompany, built: SmallCompany, fault: str
) -> None:
    path = company.folder / "support" / "tickets.csv"
    if fault == "lacks a column":
        company.export("tickets", exports()["tickets"], without=["created_at"])
        told = "support/tickets.csv.*created_at"
    elif fault == "is empty":
        path.write_text("")
        told = "support/tickets.csv: the file is empty.*created_at"
    else:
        path.unlink()
        told = "support.tickets: there is no file support/tickets.csv"
    with pytest.raises(ExportError, match=told):
        company.ingest()
    with pytest.raises(AuditError, match=rf"nothing is published, as the last ingest failed: .*{told}"):
        company.publish()
    folders = company.project().folders
    assert current_version(folders) == 1
    with duckdb.connect(str(folders.published_database), read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM fct_ticket").fetchall() == [(75,)]

    company.export("tickets", exports()["tickets"][:-1])
    company.run()
    assert company.publish() == 2
    with duckdb.connect(str(folders.published_database), read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM fct_ticket").fetchall() == [(74,)]


# --- what is published ------------------------------------------------------------------------------------------------


def test_first_month_limits_what_is_published_and_nothing_that_is_computed(
    company: SmallCompany, built: SmallCompany
) -> None:
    company.configure(first_month="2024-02-01")
    company.ingest()
    assert company.stale() == [], "no number depends on what is shown"
    company.publish()
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as connection:
        for table in (*FACTS, *VALUES, "dim_account_month", "dim_month", "metric_account_month", "scorecard"):
            months = {m for (m,) in connection.sql(f"SELECT DISTINCT month FROM {table}").fetchall()}
            assert months <= from_month("2024-02"), table
            assert table not in {"dim_month", "metric_month", "fct_ticket"} or months == from_month("2024-02")
        shown = connection.sql("SELECT * FROM metric_month").pl()
        # A05 left in September and was back in February: only who knows of September calls it a reactivation.
        back = connection.sql("SELECT value FROM metric_month WHERE metric = 'reactivation_mrr' AND dimension = 'all' "
                              "AND month = '2024-02-01'").fetchall()  # fmt: skip
    whole = built.frames(["metric_month"])["metric_month"].filter(pl.col("month") >= month("2024-02"))
    assert_frame_equal(ordered(shown), whole, check_exact=True)
    assert back == [(9_000.0,)]


# --- snapshots --------------------------------------------------------------------------------------------------------

SNAPSHOTS = {"subscription_items": "subscription_items-*.csv"}
PRESENT = ["valid_from"]
MONEY = {"dim_account_month", "fct_mrr_account_month", "mrr", "churn_rate", "nrr", "grr"}


def items_of_the_present() -> list[Row]:
    """What an export without versions shows: the last version of each item, before A02 buys more."""
    last = {(row["subscription_id"], row["item_id"]): row for row in exports()["subscription_items"]}
    return list(last.values())


def test_an_upgrade_shows_once_a_second_snapshot_of_the_subscriptions_has_landed(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company", files=SNAPSHOTS, as_of="2024-05-31")
    company.export(
        "subscription_items", items_of_the_present(), name="subscription_items-2024-05-31.csv", without=PRESENT
    )
    company.run(MONEY)
    for metric in ("expansion_mrr", "contraction_mrr", "nrr", "grr"):
        assert company.value(metric, "2024-05") == (None, "not_exported")
    assert company.value("mrr", "2024-05")[1] is None
    assert company.value("churn_rate", "2024-04")[1] is None

    more = changed(items_of_the_present(), "subscription_id", "S10", unit_amount=7_700)
    company.export("subscription_items", more, name="subscription_items-2024-06-20.csv", without=PRESENT)
    company.configure(files=SNAPSHOTS)  # and so to June 29
    company.run(MONEY)
    assert not MONEY & stale(company).keys()
    assert company.value("expansion_mrr", "2024-06") == (2_200.0, None)
    assert company.value("upsell_mrr", "2024-06") == (2_200.0, None)
    facts = company.project().database.read("fct_mrr_account_month").filter(pl.col("account_id") == "A10")
    assert facts.select("month", "opening_cents", "expansion_cents", "closing_cents").sort("month").rows() == [
        (month("2024-03"), 0, 0, 5_500),
        (month("2024-04"), 5_500, 0, 5_500),
        (month("2024-05"), 5_500, 0, 5_500),
        (month("2024-06"), 5_500, 2_200, 7_700),
    ]


def test_an_account_that_moves_to_another_segment_stays_where_it_was_in_earlier_months(tmp_path: Path) -> None:
    files = {"accounts": "accounts-*.csv"}
    company = small_company(tmp_path / "company", files=files)
    company.export("accounts", exports()["accounts"], name="accounts-2024-03-15.csv")
    moved = changed(exports()["accounts"], "account_id", "A01", region="Moon", tier="platinum")
    company.export("accounts", moved, name="accounts-2024-05-10.csv")
    company.ingest()
    company.build(only=["dim_account_month", *MRR_TABLES, "mrr"])
    rows = company.project().database.read("dim_account_month").filter(pl.col("account_id") == "A01").sort("month")
    assert rows["month"].to_list()[-15:] == MONTHS
    told = dict(rows.select("month", pl.concat_str("region", "tier", separator=" ")).iter_rows())
    assert {told[m] for m in MONTHS if m < month("2024-05")} == {"Americas gold"}
    assert {told[m] for m in from_month("2024-05")} == {"Moon platinum"}
    assert company.value("mrr", "2024-05", "region", "Moon") == (15_000.0, None)
    database = company.project().database.read("metric_month", where={"metric": ["mrr"], "segment": ["Moon"]})
    assert set(database["month"]) == from_month("2024-05")
    latest = company.project().database.read("dim_account").filter(pl.col("account_id") == "A01")
    assert latest["region"].to_list() == ["Moon"]


def test_a_later_snapshot_of_the_accounts_restates_only_the_months_it_speaks_for(company: SmallCompany) -> None:
    path = company.export("accounts", changed(exports()["accounts"], "account_id", "A01", region="Moon"))
    shown = dt.datetime(2024, 6, 10, 12, 0, tzinfo=dt.UTC).timestamp()
    os.utime(path, (shown, shown))
    # The first snapshot was exported when it was written; let it be of the first of June.
    with closing(sqlite3.connect(company.project().folders.landed / "landed.sqlite")) as connection, connection:
        moment = ("2024-06-01 00:00:00", "accounts")
        connection.execute("UPDATE landed_file SET exported_at = ? WHERE raw_table = ?", moment)
    company.ingest()
    found = stale(company)
    assert found["dim_account_month"] == {LAST}
    assert {m for months in found.values() for m in months} == {LAST}


def test_an_account_deleted_in_the_crm_changes_no_history(company: SmallCompany, built: SmallCompany) -> None:
    company.export("accounts", [row for row in exports()["accounts"] if row["account_id"] != "A02"])
    company.ingest()
    assert company.stale() == []
    company.build(only=["dim_account_month", *MRR_TABLES, "mrr"])
    same(company, built)


def test_an_account_that_turns_out_to_be_our_own_is_out_of_everything(company: SmallCompany) -> None:
    company.export("accounts", changed(exports()["accounts"], "account_id", "A07", is_internal=True))
    company.run()
    for name, frame in company.frames().items():
        assert "account_id" not in frame.columns or "A07" not in frame["account_id"].to_list(), name


# --- sources that come later ------------------------------------------------------------------------------------------

FEW = {
    *MRR_TABLES, "dim_account_month", "fct_ticket", "fct_usage_account_month", "mrr", "mau", "fcr", "art",
    "reopen_rate", "escalation_rate", "tickets_per_account", "active_account_rate", "product_usage_rate",
    "time_on_platform",
}  # fmt: skip


def test_a_table_that_is_not_exported_is_source_missing_until_it_comes(tmp_path: Path, built: SmallCompany) -> None:
    company = small_company(tmp_path / "company")
    company.configure(without=["tickets", "usage_events"])
    company.run(FEW)
    for metric in ("fcr", "art", "tickets_per_account", "mau", "active_account_rate"):
        assert company.value(metric, "2024-05") == (None, "source_missing"), metric
    assert company.value("mrr", "2024-05") == built.value("mrr", "2024-05")
    mrr = company.frames(MRR_TABLES)
    company.configure()
    company.ingest()
    assert not MRR_TABLES & stale(company).keys()
    company.mend()
    assert company.stale() == []
    same(company, built)
    assert {name: frame.equals(mrr[name]) for name, frame in built.frames(MRR_TABLES).items()} == dict.fromkeys(
        MRR_TABLES, True
    )


def test_a_column_that_is_not_exported_says_so_and_is_known_once_it_comes(tmp_path: Path, built: SmallCompany) -> None:
    company = small_company(tmp_path / "company")
    company.export("tickets", exports()["tickets"], without=["reopens"])
    company.export("usage_events", exports()["usage_events"], without=["user_id"])
    company.run(FEW)
    for metric in ("fcr", "reopen_rate", "mau", "stickiness", "product_usage_rate"):
        assert company.value(metric, "2024-05") == (None, "not_exported"), metric
    assert company.value("escalation_rate", "2024-05") == built.value("escalation_rate", "2024-05")
    assert company.value("active_account_rate", "2024-05") == built.value("active_account_rate", "2024-05")
    company.export("tickets", exports()["tickets"])
    company.export("usage_events", exports()["usage_events"])
    company.ingest()
    found = stale(company)
    assert found["fcr"] == found["reopen_rate"] == found["mau"] == set(MONTHS)
    company.mend()
    same(company, built)


def test_an_empty_column_that_appears_makes_its_metrics_known(tmp_path: Path) -> None:
    """Nothing in the rows changed; that it is exported did."""
    company = small_company(tmp_path / "company")
    events = [{**row, "seconds": None} for row in exports()["usage_events"]]
    company.export("usage_events", events, without=["seconds"])
    company.run(FEW)
    assert company.value("time_on_platform", "2024-05") == (None, "not_exported")
    company.export("usage_events", events)
    company.ingest()
    assert stale(company)["time_on_platform"] == set(MONTHS)
    company.mend(FEW)
    assert company.value("time_on_platform", "2024-05") == (0.0, None)
