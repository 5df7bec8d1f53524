"""Of every canonical table it is told how many loaded rows reach no metric, and why."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.unreached import left_out
from pipelines.ingest.notices import ExportWarning
from tests.integration.small_company import ONE_MONTH, SmallCompany, exports, small_company


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """A company that computes June 2024, with rows that count nowhere."""
    return small_company(tmp_path_factory.mktemp("left") / "company", **ONE_MONTH)


def found(company: SmallCompany, table: str) -> dict[tuple[str, str], int]:
    company.ingest()
    rows = company.project().database.read("left_out", where={"table_name": [table]})
    return {(source, reason): count for source, reason, count in rows.select("source", "reason", "rows").iter_rows()}


def test_rows_of_our_own_accounts(company: SmallCompany) -> None:
    assert found(company, "accounts") == {("crm", "internal"): 1}
    assert found(company, "subscription_items") == {("billing", "internal"): 1}


def test_tickets_of_months_before_the_first_computed_one(company: SmallCompany) -> None:
    """Of five accounts with a ticket in each of fifteen months those of June count, and what was solved in June."""
    told = found(company, "tickets")
    tickets = exports()["tickets"]
    in_nothing = [row for row in tickets if row["is_merged"] or row["is_spam"]]
    late = [
        row for row in tickets if max(str(row["created_at"]), str(row["last_solved_at"] or "")) >= "2024-06"
    ]  # fmt: skip
    assert told == {
        ("support", "merged_or_spam"): len(in_nothing),
        ("support", "before_history"): len(tickets) - len(in_nothing) - len(late),
    }


def test_costs_milestones_and_links_that_the_config_does_not_name(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company")
    company.export("milestones", [*exports()["milestones"], _milestone("kick-off")])
    links = exports()["account_links"]
    company.export("account_links", [*links, {**links[0], "source": "biling"}])
    with pytest.warns(ExportWarning, match="^(milestones|account_links|costs): ") as warned:
        company.ingest()
    told = [str(each.message) for each in warned if "in the config" in str(each.message)]
    assert told == [
        "account_links: 1 rows name what sources in the config does not, and count in nothing "
        "(crm/account_links.csv, line 3)",
        "milestones: 1 rows name what onboarding.milestones in the config does not, and count in nothing "
        "(crm/milestones.csv, line 7)",
        "costs: 15 rows name what finance.retention_cost_categories in the config does not, and count in nothing "
        "(finance/costs.csv, line 3; finance/costs.csv, line 5; finance/costs.csv, line 7; and 12 more)",
    ]
    assert found(company, "milestones") == {("crm", "unknown_to_config"): 1}
    assert found(company, "account_links") == {("crm", "unknown_to_config"): 1}
    assert found(company, "costs") == {("finance", "unknown_to_config"): 15}


def test_rows_after_as_of_and_those_that_a_newer_export_replaces(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company")
    rows = exports()["tickets"]
    company.configure(files={"tickets": "tickets*.csv"})
    company.export("tickets", rows[-4:], name="tickets-2024-06-30.csv")
    company.export("churn_events", [*exports()["churn_events"], _churn("X8", "2024-06-30"), _churn("X9", "2024-06-29")])
    company.ingest()
    assert found(company, "tickets")[("support", "replaced")] == 4
    assert found(company, "churn_events") == {("crm", "after_as_of"): 1}
    company.configure(files={"tickets": "tickets*.csv"}, as_of="2024-06-28")
    assert found(company, "churn_events") == {("crm", "after_as_of"): 2}


def test_are_told_in_words_by_table(company: SmallCompany) -> None:
    company.ingest()
    lines = left_out(company.project().database.read("left_out"))
    assert "1 loaded rows of accounts reach no metric (internal 1)" in lines


def _milestone(name: str) -> dict[str, Any]:
    return {"account_id": "A02", "milestone": name, "reached_on": "2023-05-10"}


def _churn(key: str, day: str) -> dict[str, Any]:
    return {"churn_event_id": key, "account_id": "A11", "churned_on": day, "reason": None, "comment": None}
