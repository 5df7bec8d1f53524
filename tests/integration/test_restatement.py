"""What a change of the exports, the config or the day restates, what it leaves, and what is refused meanwhile.

The small company, in process; a test works on a copy of one that is built and published, or asks what came of changes
that one such copy saw one after the other (`story`), as each of them costs an ingest and each build from nothing more.
"""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.months.build import MonthRun
from pipelines.months.nodes import nodes, offsets
from pipelines.publish.release import fingerprints
from schemas.tables import EXPLANATIONS, FACTS, SUMS, VALUES
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
from warehouse.lineage import Stale
from warehouse.upkeep import forget_but_keys
from warehouse.versions import current_version

Frames = dict[str, pl.DataFrame]
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
    """Every month built, and version 1 published; nobody changes it."""
    return published_once(tmp_path_factory, tmp_path_factory.mktemp("restatement") / "company")


@pytest.fixture(scope="module")
def as_built(built: SmallCompany) -> Frames:
    """Its tables."""
    return built.frames()


@pytest.fixture
def company(built: SmallCompany, tmp_path: Path) -> SmallCompany:
    """A copy of it."""
    return built.copy(tmp_path / "company")


def same(one: Frames, other: Frames, *, but: tuple[str, ...] = ()) -> None:
    """Every table of the two has the same rows."""
    for name in one.keys() - set(but):
        assert_frame_equal(one[name], other[name], check_exact=True)


def stale(company: SmallCompany) -> dict[str, set[dt.date]]:
    """The stale months by table."""
    return by_table(company.stale())


def by_table(entries: list[Stale]) -> dict[str, set[dt.date]]:
    """The months that they name by table."""
    found: dict[str, set[dt.date]] = {}
    for entry in entries:
        found.setdefault(entry.table, set()).add(entry.month)
    return found


def changed_rows(before: Frames, after: Frames) -> set[tuple[str, dt.date]]:
    """Tables and months in which the two differ; of metrics, their assets."""
    found = set()
    for name in (*FACTS, "dim_account_month", *VALUES, *SUMS, *EXPLANATIONS):
        key = "metric" if name in VALUES else None
        for only, against in ((before[name], after[name]), (after[name], before[name])):
            rows = only.join(against, on=only.columns, how="anti", nulls_equal=True)
            for row in rows.select("month", *([key] if key else [])).unique().iter_rows(named=True):
                found.add((CATALOGUE[row[key]].asset if key else name, row["month"]))
    return found


def told(frames: Frames, metric: str, month_of: str) -> tuple[float | None, str | None]:
    """A metric's value and null_reason for the whole company."""
    rows = frames["metric_month"].filter(metric=metric, month=month(month_of), dimension="all")
    found: tuple[float | None, str | None] = rows.select("value", "null_reason").row(0)
    return found


def from_month(first: str) -> set[dt.date]:
    return {m for m in MONTHS if m >= month(first)}


def changed(rows: list[Row], key: str, value: str, **to: object) -> list[Row]:
    """The rows, with those of the key changed."""
    assert any(row[key] == value for row in rows)
    return [{**row, **to} if row[key] == value else row for row in rows]


# --- the story --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A change that was ingested, and what was stale then built: which months that was, and all tables around it."""

    stale: dict[str, set[dt.date]]
    before: Frames
    after: Frames

    @property
    def restated(self) -> set[tuple[str, dt.date]]:
        """Tables and months in which a row changed."""
        return changed_rows(self.before, self.after)

    @property
    def stale_rows(self) -> set[tuple[str, dt.date]]:
        """Tables and months that were stale."""
        return {(table, m) for table, months in self.stale.items() for m in months}

    def grew(self, metric: str, month_of: str) -> float:
        """By how much a metric of the whole company did."""
        before, after = (told(frames, metric, month_of)[0] for frames in (self.before, self.after))
        assert before is not None and after is not None
        return after - before


@dataclass
class Story:
    """Changes that come one after the other to one company."""

    company: SmallCompany
    frames: Frames
    """As they were after the last change."""
    steps: dict[str, Step] = field(default_factory=dict)

    def tell(self, name: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Ingest what was changed, and build what is stale then and nothing else."""
        self.company.ingest()
        meanwhile()
        before, found = self.frames, by_table(self.company.mend())
        self.frames = self.company.frames()
        self.steps[name] = Step(found, before, self.frames)


@pytest.fixture(scope="module")
def story(built: SmallCompany, as_built: Frames, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """What is wide comes first: a month that a step forgot would be mended by a later one that builds it again."""
    folder = tmp_path_factory.mktemp("story")
    company = built.copy(folder / "company")
    story = Story(company, as_built)
    # At its end the story is published, and closed months may move in it.
    company.configure(as_of="2024-06-30", change_limit={"default": 1.0})
    story.tell("a day later")
    items = exports()["subscription_items"]
    second = next(row for row in items if row["subscription_id"] == "S2" and row["item_id"] == "I1")
    items = [*items, {**second, "valid_from": "2024-04-10", "unit_amount": 6_000}]
    company.export("subscription_items", items)
    story.tell("a price from April on")
    company.export("fx_rates", changed(exports()["fx_rates"], "month", month("2023-11"), rate="0.5"))
    story.tell("a rate of November")
    events = changed(exports()["usage_events"], "event_id", "E-A01-2308-0-0", user_id="u-new")
    company.export("usage_events", events)
    story.tell("an event of August")
    tickets = changed(exports()["tickets"], "ticket_id", "T1-2403", is_escalated=False, is_merged=True)
    company.export("tickets", tickets)
    story.tell("a ticket of March", lambda: company.copy(folder / "unbuilt"))
    company.export("subscription_items", changed(items, "subscription_id", "S10", ended_on="2024-06-12"))
    story.tell("an end in June")
    return story


@pytest.fixture
def unbuilt(story: Story, tmp_path: Path) -> SmallCompany:
    """The company as its ticket of March was ingested, and what is stale by it not built yet."""
    return SmallCompany(story.company.folder.with_name("unbuilt")).copy(tmp_path / "unbuilt")


def test_after_all_changes_everything_is_what_a_build_from_nothing_makes(story: Story, tmp_path: Path) -> None:
    assert story.company.stale() == []
    anew = story.company.copy(tmp_path / "anew")
    anew.project().folders.working_database.unlink()
    shutil.rmtree(anew.project().folders.staged)
    anew.ingest()
    anew.build()
    same(story.frames, anew.frames())


# --- the same again ---------------------------------------------------------------------------------------------------


def test_running_months_again_gives_the_same_rows(company: SmallCompany, as_built: Frames) -> None:
    company.build([month("2024-02"), month("2024-03")])
    assert company.stale() == []
    same(company.frames(), as_built)


def test_ingesting_unchanged_files_again_leaves_everything_as_it_is(company: SmallCompany, as_built: Frames) -> None:
    staged = company.project().folders.staged
    before = {path: path.stat().st_mtime_ns for path in staged.rglob("*")}
    company.ingest()
    assert {path: path.stat().st_mtime_ns for path in staged.rglob("*")} == before
    assert staged / "tickets" / "2024-03.parquet" in before
    assert company.stale() == []
    same(company.frames(), as_built)


def test_the_same_rows_in_another_order_and_file_time_restate_nothing(company: SmallCompany) -> None:
    for table in ("tickets", "usage_events", "invoices", "subscription_items"):
        company.export(table, list(reversed(exports()[table])))
    company.ingest()
    assert company.stale() == []


@pytest.fixture(scope="module")
def other_accounts(story: Story, tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """The company of the story, in which A07 turns out to be our own, and an account comes.

    Its number would be another if all were numbered anew.
    """
    company = story.company.copy(tmp_path_factory.mktemp("accounts") / "company")
    accounts = changed(exports()["accounts"], "account_id", "A07", is_internal=True)
    company.export("accounts", [*accounts, {**accounts[0], "account_id": "A00"}])
    company.run()
    return company


def test_a_rebuild_gives_the_same_values_and_the_same_account_keys(
    other_accounts: SmallCompany, tmp_path: Path
) -> None:
    company = other_accounts.copy(tmp_path / "company")
    project = company.project()
    before, keyed = company.frames(), with_keys(company)
    forget_but_keys(project.database)
    assert project.database.read("fct_mrr_account_month").is_empty()
    for path in project.folders.staged.rglob("*.parquet"):
        path.unlink()
    company.run()
    assert company.stale() == []
    same(company.frames(), before)
    same(with_keys(company), keyed)
    keys = dict(project.database.read("dim_account").select("account_id", "account_key").iter_rows())
    assert keys["A00"] == max(keys.values())


def with_keys(company: SmallCompany) -> Frames:
    """Tables with the keys of their accounts."""
    database = company.project().database
    return {name: ordered(database.read(name)) for name in ("dim_account", "metric_part")}


def test_an_account_that_turns_out_to_be_our_own_is_out_of_everything(other_accounts: SmallCompany) -> None:
    for name, frame in other_accounts.frames().items():
        assert "account_id" not in frame.columns or "A07" not in frame["account_id"].to_list(), name


# --- what a change restates -------------------------------------------------------------------------------------------


def test_a_changed_ticket_of_march_restates_march_and_what_looks_back_at_it(story: Story) -> None:
    step = story.steps["a ticket of March"]
    found = step.stale
    assert found["fct_ticket"] == {month("2024-03")}
    assert found["tickets_per_account"] == {month("2024-03")}
    assert found["art"] == found["escalation_rate"] == from_month("2024-03")  # solved later than created
    assert found["fcr"] == from_month("2024-02")  # looks a month ahead for follow-ups
    assert found["fct_survey_response"] == from_month("2024-03")
    assert not WITHOUT_TICKETS & (found.keys() - {"ces", "nps", "csat"}), "made without a ticket"
    assert not {m for months in found.values() for m in months} - from_month("2024-02")
    assert step.restated, "the change shows"
    assert step.restated <= step.stale_rows


def test_a_new_end_of_a_subscription_in_june_leaves_january_as_it_was(story: Story) -> None:
    step = story.steps["an end in June"]
    found = step.stale
    assert found["fct_mrr_account_month"] == found["mrr"] == found["churn_rate"] == {month("2024-06")}
    # Whether a trial was followed by payment is looked up for three months; nothing else looks ahead at it.
    assert not {m for months in found.values() for m in months} - from_month("2024-03")
    assert step.grew("mrr", "2024-06") == -5_500


def test_a_new_price_from_april_restates_april_and_after(story: Story) -> None:
    step = story.steps["a price from April on"]
    assert step.stale["fct_mrr_account_month"] == step.stale["mrr"] == from_month("2024-04")
    assert step.grew("expansion_mrr", "2024-04") == 1_000
    assert step.restated <= step.stale_rows


def test_a_rate_corrected_in_november_restates_the_money_from_november_on(story: Story) -> None:
    step = story.steps["a rate of November"]
    assert step.stale["fct_mrr_account_month"] == from_month("2023-11")
    assert ("fct_mrr_account_month", month("2023-11")) in step.restated
    assert ("fct_mrr_account_month", month("2023-12")) in step.restated, "November's closing is December's opening"
    assert step.restated <= step.stale_rows


def test_a_corrected_event_restates_its_month_and_the_windows_that_reach_back_to_it(story: Story) -> None:
    step = story.steps["an event of August"]
    # A week that ends in September may begin in August.
    assert step.stale["fct_usage_account_month"] == {month("2023-08"), month("2023-09")}
    assert step.stale["mau"] == {month("2023-08"), month("2023-09")}
    assert ("mau", month("2023-08")) in step.restated
    assert step.restated <= step.stale_rows


def test_another_weight_of_health_restates_health_alone(company: SmallCompany, as_built: Frames) -> None:
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
    assert found.keys() - EXPLANATIONS.keys() - SUMS.keys() == health
    assert all(months == set(MONTHS) for months in found.values())
    company.mend()
    assert company.stale() == []
    restated = changed_rows(as_built, company.frames())
    assert health <= {table for table, _ in restated}
    assert restated <= {(table, m) for table, months in found.items() for m in months}


def test_readers_files_of_parts_by_account_are_others_where_an_account_is_called_otherwise(
    company: SmallCompany,
) -> None:
    def files() -> dict[dt.date, str]:
        """Of what the Parquet file of each month of metric_account_month is made."""
        told = fingerprints(company.project())
        return {month: made for (name, month), made in told.items() if name == "metric_account_month"}

    before, accounts = files(), exports()["accounts"]
    assert before.keys() == set(MONTHS)
    company.export("accounts", [*accounts, {**accounts[0], "account_id": "A00", "signup_on": "2024-06-20"}])
    company.ingest()
    assert files() == before, "who comes in June is in no month before, and June is not built yet"
    with company.project().database.connect() as connection:
        connection.execute("UPDATE dim_account SET account_name = 'Another' WHERE account_id = 'A10'")
    same = {month for month, made in files().items() if made == before[month]}
    assert same == set()


def test_a_process_that_goes_on_sees_that_the_config_changed(company: SmallCompany) -> None:
    """As Dagster's daemon does, in which the sensors ask again and again."""
    assert company.stale() == []
    company.configure(minimums={"churned_accounts": 3})
    assert stale(company), "as a new process would say"


def test_a_day_later_only_open_months_are_stale(story: Story) -> None:
    """The data spoke for June 29. A month is open until it is over, and while a table of it waits or looks ahead."""
    found = dict(story.steps["a day later"].stale)
    last_days = {m: (m + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1) for m in MONTHS}
    is_open: dict[str, set[dt.date]] = {}
    for node in nodes(story.company.project().config):
        ahead = max((offsets(windows)[1] for table, windows in node.windows.items() if table in is_open), default=0)
        waits = dt.timedelta(days=node.provisional_days)
        is_open[node.name] = {m for m in MONTHS if last_days[m] + waits > dt.date(2024, 6, 29)} | set(
            MONTHS[-1 - ahead :]
        )
    assert is_open["mrr"] == is_open["fct_ticket"] == {LAST}
    assert is_open["survey_response_rate"] == is_open["fcr"] == {month("2024-05"), LAST}
    # What explains metrics is as open as any of them.
    by_others = {name: found.pop(name) for name in {**SUMS, **EXPLANATIONS}.keys() & found.keys()}
    assert found == {name: months for name, months in is_open.items() if name not in {**SUMS, **EXPLANATIONS}}
    assert by_others.keys() and all(months <= set(MONTHS[-2:]) for months in by_others.values())


def test_what_is_dated_after_the_day_of_the_data_changes_nothing_until_its_day(company: SmallCompany) -> None:
    late = {**exports()["tickets"][0], "ticket_id": "T-late", "created_at": dt.datetime(2024, 7, 2, 9, 0)}
    company.export("tickets", [*exports()["tickets"], {**late, "first_replied_at": None, "last_solved_at": None}])
    company.ingest()
    assert company.stale() == []


# --- what is refused --------------------------------------------------------------------------------------------------


def test_the_audit_refuses_stale_months_and_names_the_command(unbuilt: SmallCompany) -> None:
    """That the same company is published once all is built, the files that cannot be used say below."""
    first, last = min(e.month for e in unbuilt.stale()), max(e.month for e in unbuilt.stale())
    assert (first, last) == (month("2024-02"), LAST)
    with pytest.raises(AuditError, match=r"2024-03 \(tickets changed\).*make run MONTHS=2024-02\.\.2024-06"):
        unbuilt.publish()
    assert current_version(unbuilt.project().folders) == 1


def test_a_metric_picked_by_hand_is_not_built_on_stale_facts(unbuilt: SmallCompany) -> None:
    project = unbuilt.project()
    with project.database.kept_open():
        values = project.database.read("metric_month", where={"metric": ["tickets_per_account"]})
        by_hand = MonthRun(project, RUN)
        assert by_hand.stale("fct_ticket", MONTHS) == [month("2024-03")]
        with pytest.raises(StaleError, match=r"fct_ticket .*2024-03.*make run MONTHS=2024-03$"):
            by_hand.build("tickets_per_account", [month("2024-03")])
        after = project.database.read("metric_month", where={"metric": ["tickets_per_account"]})
        assert_frame_equal(ordered(after), ordered(values))
        MonthRun(project, RUN).build("fct_ticket", [month("2024-03")])
        MonthRun(project, RUN).build("tickets_per_account", [month("2024-03")])
    assert "tickets_per_account" not in stale(unbuilt)


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


def test_a_file_that_cannot_be_used_stops_the_run_and_readers_keep_what_they_have(story: Story, tmp_path: Path) -> None:
    """One fault comes after the other, and each is mended before the next; then readers get what all is built from."""
    company = story.company.copy(tmp_path / "company")
    path, folders = company.folder / "support" / "tickets.csv", company.project().folders
    good = path.read_text()
    without = exports()["tickets"]
    faults: list[tuple[Callable[[], object], str]] = [
        (lambda: company.export("tickets", without, without=["created_at"]), "support/tickets.csv.*created_at"),
        (lambda: path.write_text(""), "support/tickets.csv: the file is empty.*created_at"),
        (path.unlink, "support.tickets: there is no file support/tickets.csv"),
    ]

    def merged_tickets() -> list[str]:
        with duckdb.connect(str(folders.published_database), read_only=True) as readers:
            assert readers.sql("SELECT count(*) FROM fct_ticket").fetchall() == [(75,)]
            return [key for (key,) in readers.sql("SELECT ticket_id FROM fct_ticket WHERE is_merged").fetchall()]

    for spoil, words in faults:
        spoil()
        with pytest.raises(ExportError, match=words):
            company.ingest()
        with pytest.raises(AuditError, match=rf"nothing is published, as the last ingest failed: .*{words}"):
            company.publish()
        assert current_version(folders) == 1
        assert merged_tickets() == ["T4-2306"]
        path.write_text(good)
        company.ingest()
    assert company.publish() == 2
    assert sorted(merged_tickets()) == ["T1-2403", "T4-2306"]


# --- what is published ------------------------------------------------------------------------------------------------


def test_first_month_limits_what_is_published_and_nothing_that_is_computed(
    company: SmallCompany, as_built: Frames
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
    whole = as_built["metric_month"].filter(pl.col("month") >= month("2024-02"))
    assert_frame_equal(ordered(shown), whole, check_exact=True)
    assert back == [(9_000.0,)]


# --- snapshots --------------------------------------------------------------------------------------------------------

SNAPSHOTS = {"subscription_items": "subscription_items-*.csv"}
PRESENT = ["valid_from"]
SPRING = {"first_month": "2024-03-01", "history_from": "2024-03-01"}
"""As many months as those tests look at."""
MONEY = {"dim_account_month", "fct_mrr_account_month", "mrr", "churn_rate", "nrr", "grr"}
PAYING = {"accounts", "account_links", "subscription_items", "fx_rates"}
"""What money is made from; tables that a test looks at in vain are not exported."""


def none_but(tables: Iterable[str]) -> list[str]:
    """Of all tables those that are not exported then."""
    return sorted(exports().keys() - set(tables))


def items_of_the_present() -> list[Row]:
    """What an export without versions shows: the last version of each item, before A02 buys more."""
    last = {(row["subscription_id"], row["item_id"]): row for row in exports()["subscription_items"]}
    return list(last.values())


def test_an_upgrade_shows_once_a_second_snapshot_of_the_subscriptions_has_landed(tmp_path: Path) -> None:
    paying = {"files": SNAPSHOTS, "without": none_but(PAYING), **SPRING}
    company = small_company(tmp_path / "company", **paying, as_of="2024-05-31")
    company.export(
        "subscription_items", items_of_the_present(), name="subscription_items-2024-05-31.csv", without=PRESENT
    )
    company.run(MONEY)
    present = company.frames(["metric_month"])
    for metric in ("expansion_mrr", "contraction_mrr", "nrr", "grr"):
        assert told(present, metric, "2024-05") == (None, "not_exported")
    assert told(present, "mrr", "2024-05")[1] is None
    assert told(present, "churn_rate", "2024-04")[1] is None

    more = changed(items_of_the_present(), "subscription_id", "S10", unit_amount=7_700)
    company.export("subscription_items", more, name="subscription_items-2024-06-20.csv", without=PRESENT)
    company.configure(**paying)  # and so to June 29
    company.run(MONEY)
    assert not MONEY & stale(company).keys()
    later = company.frames(["metric_month", "fct_mrr_account_month"])
    assert told(later, "expansion_mrr", "2024-06") == (2_200.0, None)
    assert told(later, "upsell_mrr", "2024-06") == (2_200.0, None)
    facts = later["fct_mrr_account_month"].filter(pl.col("account_id") == "A10")
    assert facts.select("month", "opening_cents", "expansion_cents", "closing_cents").sort("month").rows() == [
        (month("2024-03"), 0, 0, 5_500),
        (month("2024-04"), 5_500, 0, 5_500),
        (month("2024-05"), 5_500, 0, 5_500),
        (month("2024-06"), 5_500, 2_200, 7_700),
    ]


def test_an_account_that_moves_to_another_segment_stays_where_it_was_in_earlier_months(tmp_path: Path) -> None:
    files = {"accounts": "accounts-*.csv"}
    company = small_company(tmp_path / "company", files=files, without=none_but(PAYING))
    company.export("accounts", exports()["accounts"], name="accounts-2024-03-15.csv")
    moved = changed(exports()["accounts"], "account_id", "A01", region="Moon", tier="platinum")
    company.export("accounts", moved, name="accounts-2024-05-10.csv")
    company.ingest()
    company.build(only=["dim_account_month", *MRR_TABLES, "mrr"])
    built = company.frames(["dim_account_month", "dim_account", "metric_month"])
    rows = built["dim_account_month"].filter(pl.col("account_id") == "A01").sort("month")
    assert rows["month"].to_list()[-15:] == MONTHS
    where = dict(rows.select("month", pl.concat_str("region", "tier", separator=" ")).iter_rows())
    assert {where[m] for m in MONTHS if m < month("2024-05")} == {"Americas gold"}
    assert {where[m] for m in from_month("2024-05")} == {"Moon platinum"}
    on_the_moon = built["metric_month"].filter(metric="mrr", dimension="region", segment="Moon")
    in_may = on_the_moon.filter(month=month("2024-05")).select("value", "null_reason")
    assert in_may.rows() == [(15_000.0, None)]
    assert set(on_the_moon["month"]) == from_month("2024-05")
    latest = built["dim_account"].filter(pl.col("account_id") == "A01")
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


def test_an_account_deleted_in_the_crm_changes_no_history(company: SmallCompany, as_built: Frames) -> None:
    company.export("accounts", [row for row in exports()["accounts"] if row["account_id"] != "A02"])
    company.ingest()
    assert company.stale() == []
    company.build(only=["dim_account_month", *MRR_TABLES, "mrr"])
    same(company.frames(), as_built)


# --- sources that come later ------------------------------------------------------------------------------------------

FEW = {
    *MRR_TABLES, "dim_account_month", "fct_ticket", "fct_usage_account_month", "mrr", "mau", "fcr", "art",
    "reopen_rate", "escalation_rate", "tickets_per_account", "active_account_rate", "product_usage_rate",
    "time_on_platform",
}  # fmt: skip


@dataclass(frozen=True)
class Came:
    """What was exported at last: what that made stale, and all tables after what was stale was built."""

    stale: dict[str, set[dt.date]]
    frames: Frames


@pytest.fixture(scope="module")
def coming(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Came]:
    """A company that first exports no tickets and events, then both without a column, and then all of them."""
    company = small_company(tmp_path_factory.mktemp("coming") / "company", without=["tickets", "usage_events"])
    few = ["metric_month", *MRR_TABLES]
    company.run(FEW)
    came = {"nothing": Came({}, company.frames(few))}
    company.configure()
    company.export("tickets", exports()["tickets"], without=["reopens"])
    company.export("usage_events", exports()["usage_events"], without=["user_id"])
    company.ingest()
    found = by_table(company.mend(FEW))
    came["without a column"] = Came(found, company.frames(few))
    company.export("tickets", exports()["tickets"])
    company.export("usage_events", exports()["usage_events"])
    company.ingest()
    found = by_table(company.mend())
    assert company.stale() == []
    came["all"] = Came(found, company.frames())
    return came


def test_a_table_that_is_not_exported_is_source_missing_until_it_comes(
    coming: dict[str, Came], as_built: Frames
) -> None:
    for metric in ("fcr", "art", "tickets_per_account", "mau", "active_account_rate"):
        assert told(coming["nothing"].frames, metric, "2024-05") == (None, "source_missing"), metric
    assert told(coming["nothing"].frames, "mrr", "2024-05") == told(as_built, "mrr", "2024-05")
    assert not MRR_TABLES & (coming["without a column"].stale.keys() | coming["all"].stale.keys())
    same(coming["all"].frames, as_built)
    for name in MRR_TABLES:
        assert as_built[name].equals(coming["nothing"].frames[name])


def test_a_column_that_is_not_exported_says_so_and_is_known_once_it_comes(
    coming: dict[str, Came], as_built: Frames
) -> None:
    before, at_last = coming["without a column"], coming["all"]
    for metric in ("fcr", "reopen_rate", "mau", "stickiness", "product_usage_rate"):
        assert told(before.frames, metric, "2024-05") == (None, "not_exported"), metric
    for metric in ("escalation_rate", "active_account_rate"):
        assert told(before.frames, metric, "2024-05") == told(as_built, metric, "2024-05")
    assert at_last.stale["fcr"] == at_last.stale["reopen_rate"] == at_last.stale["mau"] == set(MONTHS)
    same(at_last.frames, as_built)


def test_an_empty_column_that_appears_makes_its_metrics_known(tmp_path: Path) -> None:
    """Nothing in the rows changed; that it is exported did."""
    used = {"dim_account_month", "fct_mrr_account_month", "fct_usage_account_month", "time_on_platform"}
    used_and_paid = {"without": none_but({*PAYING, "usage_events"}), **SPRING}
    company = small_company(tmp_path / "company", **used_and_paid)
    events = [{**row, "seconds": None} for row in exports()["usage_events"]]
    company.export("usage_events", events, without=["seconds"])
    company.run(used)
    assert company.value("time_on_platform", "2024-05") == (None, "not_exported")
    company.export("usage_events", events)
    company.ingest()
    assert by_table(company.mend(used))["time_on_platform"] == from_month("2024-03")
    assert company.value("time_on_platform", "2024-05") == (0.0, None)


def test_a_publish_that_changes_a_closed_month_says_which_values_and_why(built, tmp_path):
    company = built.copy(tmp_path / "company")
    tickets = exports()["tickets"]
    moved = next(row for row in tickets if str(row["created_at"]).startswith("2023-08") and row["first_replied_at"])
    moved["first_replied_at"] = moved["first_replied_at"] + dt.timedelta(hours=1)
    company.export("tickets", tickets)
    company.run()
    version = company.publish()
    rows = company.project().database.read("metric_restatement")
    assert set(rows["version"]) == {version}
    assert set(rows["month"]) == {month("2023-08")}
    assert set(rows["cause"]) == {"support/tickets.csv"}
    company.run()
    assert company.project().database.read("metric_restatement").equals(rows)
