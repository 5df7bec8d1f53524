"""What is not published although every identity holds: much of a file was rejected, or a closed month moves far."""

import datetime as dt
import re

import duckdb
import polars as pl
import pytest

from pipelines.publish.limits import Move, refuse_rejected
from schemas.config import ChangeLimit, QuarantineLimit
from schemas.operations import ExportFile, Quarantine
from tests.frames import at, day, rows
from tests.integration.small_company import SmallCompany, exports, published_once
from warehouse.errors import AuditError
from warehouse.validation import REPEATED
from warehouse.versions import current_version, rollback

MONTHS = {"first_month": "2024-04-01", "history_from": "2024-04-01"}


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path) -> SmallCompany:
    """April to June of 2024, published; June is not over."""
    return published_once(tmp_path_factory, tmp_path / "company", **MONTHS)


def cheaper(company: SmallCompany, share: float) -> None:
    """Every item costs so much of what it cost."""
    items = [{**row, "unit_amount": int(int(row["unit_amount"]) * share)} for row in exports()["subscription_items"]]
    company.export("subscription_items", items)
    company.run()


def asked(company: SmallCompany, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        return readers.sql(query).fetchall()


class TestAClosedMonthThatMovesFar:
    def test_stops_the_publish_and_names_what_moved_and_what_changed(self, company):
        before = asked(company, "SELECT * FROM metric_month ORDER BY ALL")
        cheaper(company, 0.5)
        with pytest.raises(AuditError) as refused:
            company.publish()
        told = str(refused.value)
        assert re.search(r"mrr of 2024-05 from [\d,.]+ EUR to [\d,.]+ EUR", told)
        assert "2024-06" not in told, "June is not over, and may move"
        assert "Changed against what readers have: billing/subscription_items.csv. " in told
        assert re.search(r"make run ACCEPT=[0-9a-f]{8}$", told)
        assert asked(company, "SELECT * FROM metric_month ORDER BY ALL") == before

    def test_is_let_through_once_by_its_name_and_that_is_recorded(self, company):
        cheaper(company, 0.5)
        with pytest.raises(AuditError) as refused:
            company.publish()
        name = str(refused.value).rpartition("=")[2]
        with pytest.raises(AuditError):
            company.publish(accepted="0" * 8)
        assert company.publish(accepted=name) == 2
        (first,), (second,) = asked(company, "SELECT accepted FROM publication ORDER BY version")
        assert first is None
        assert "mrr of 2024-05 from " in str(second)
        cheaper(company, 0.4)
        with pytest.raises(AuditError, match="closed months move"):
            company.publish(accepted=name)

    def test_is_published_where_it_moves_no_more_than_the_limit(self, company):
        cheaper(company, 0.95)
        assert company.publish() == 2
        assert asked(company, "SELECT accepted FROM publication") == [(None,), (None,)]

    def test_is_published_where_the_config_allows_it(self, company):
        company.configure(**MONTHS, change_limit={"default": 1.0})
        cheaper(company, 0.5)
        assert company.publish() == 2

    def test_is_measured_against_what_readers_have_after_a_rollback(self, company):
        company.configure(**MONTHS, change_limit={"default": 1.0})
        cheaper(company, 0.5)
        assert company.publish() == 2
        company.configure(**MONTHS)
        rollback(company.project().folders)
        with pytest.raises(AuditError, match="closed months move") as refused:
            company.publish()
        # The config is what it was for version 1.
        assert "Changed against what readers have: billing/subscription_items.csv. " in str(refused.value)


class TestAMove:
    def test_of_a_share_is_measured_in_points_of_the_whole(self):
        assert not Move("churn_rate", day("2024-05-01"), "share", 0.01, 0.10, "EUR").exceeds(0.1)
        assert Move("churn_rate", day("2024-05-01"), "share", 0.01, 0.12, "EUR").exceeds(0.1)

    def test_of_an_amount_is_measured_in_what_it_was(self):
        assert not Move("mrr", day("2024-05-01"), "cents", 200.0, 220.0, "EUR").exceeds(0.1)
        assert Move("mrr", day("2024-05-01"), "cents", 200.0, 221.0, "EUR").exceeds(0.1)
        assert Move("mrr", day("2024-05-01"), "cents", 200.0, 0.0, "EUR").exceeds(0.9)
        assert not Move("mrr", day("2024-05-01"), "cents", 0.0, 0.0, "EUR").exceeds(0.1)

    def test_to_no_value_at_all_is_always_too_far(self):
        gone = Move("csat", day("2024-05-01"), "share", 0.5, None, "EUR")
        assert gone.exceeds(1.0)
        assert str(gone) == "csat of 2024-05 from 50.00% to NULL"

    def test_of_money_is_told_in_whole_units_of_its_currency(self):
        assert str(Move("mrr", day("2024-05-01"), "cents", 123456.0, 0.0, "EUR")).endswith(
            "from 1,234.56 EUR to 0.00 EUR"
        )
        assert str(Move("mrr", day("2024-05-01"), "cents", 1234.0, 0.0, "JPY")).endswith(
            "from 1,234.00 JPY to 0.00 JPY"
        )

    def test_has_the_limit_of_its_metric(self):
        limit = ChangeLimit.model_validate({"default": 0.2, "metrics": {"nrr": 0.05}})
        assert (limit.of("nrr"), limit.of("mrr")) == (0.05, 0.2)


FILE = {"source": "billing", "table_name": "invoices", "file": "i.csv"}


def a_file(read: int, **more: object) -> pl.DataFrame:
    told = {"sha256": "", "bytes": 1, "rows_loaded": 0, "rows_quarantined": 0, "exported_at": at("2024-01-01T00:00")}
    return rows(ExportFile, {**FILE, **told, "landed_at": at("2024-01-01T00:00"), "rows_read": read, **more})


def rejected(*lines: int, column: str = "currency", reason: str = "expected a code") -> pl.DataFrame:
    told = {**FILE, "column_name": column, "reason": reason, "run_id": "r", "rejected_at": dt.datetime(2024, 1, 1)}
    return rows(Quarantine, *({**told, "line": line} for line in lines))


def refusal(files: pl.DataFrame, lost: pl.DataFrame, limit: QuarantineLimit | None = None) -> str | None:
    """Why nothing is published; None where nothing stands in the way."""
    try:
        refuse_rejected(files, lost, limit or QuarantineLimit())
    except AuditError as fault:
        return str(fault)
    return None


class TestAFileOfWhichMuchWasRejected:
    def test_is_not_published_beyond_a_twentieth(self):
        assert refusal(a_file(100), rejected(*range(2, 7))) is None
        assert (refusal(a_file(100), rejected(*range(2, 8))) or "").startswith(
            "nothing is published: i.csv: 6% of its rows (6 of 100) were rejected, 6 of them in column currency: "
            "expected a code; 5% may be (quarantine_limit in the config)."
        )

    def test_is_told_by_the_reason_that_most_rows_share(self):
        lost = pl.concat([rejected(2, 3, 4), rejected(5, 6, 7, 8, column="amount", reason="expected a number")])
        told = refusal(a_file(10), lost) or ""
        assert "(7 of 10) were rejected, 4 of them in column amount: expected a number" in told

    def test_counts_a_row_once_however_much_is_wrong_with_it(self):
        lost = pl.concat([rejected(2), rejected(2, column="amount"), rejected(2, column="status")])
        assert refusal(a_file(20), lost) is None

    def test_has_a_limit_of_its_table(self):
        limit = QuarantineLimit.model_validate({"tables": {"invoices": 0.5}})
        assert refusal(a_file(10), rejected(2, 3, 4, 5, 6), limit) is None
        assert "50% may be" in (refusal(a_file(10), rejected(2, 3, 4, 5, 6, 7), limit) or "")

    def test_is_never_published_when_all_of_it_was(self):
        assert "100% of its rows" in (refusal(a_file(2), rejected(2, 3), QuarantineLimit(default=1.0)) or "")

    def test_may_repeat_its_rows(self):
        assert refusal(a_file(10), rejected(2, 3, 4, 5, 6, column="", reason=REPEATED)) is None

    def test_leaves_readers_what_they_have(self, company):
        items = exports()["subscription_items"]
        company.export("subscription_items", [{**row, "currency": "eur"} for row in items])
        company.run()
        with pytest.raises(AuditError, match=r"subscription_items\.csv: 100% of its rows"):
            company.publish()
        assert current_version(company.project().folders) == 1


class TestAMonthOfWhichAllWasRejected:
    def lost(self, company: SmallCompany, **limit: float) -> None:
        """The tickets of May lose what they need; those of April and June stay."""
        given = [
            {**row, "status": "done" if f"{row['created_at']:%Y-%m}" == "2024-05" else row["status"]}
            for row in exports()["tickets"]
        ]
        assert {row["status"] == "done" for row in given} == {True, False}
        company.export("tickets", given)
        company.configure(**MONTHS, quarantine_limit={"tables": {"tickets": limit.get("of_tickets", 0.9)}})
        company.run()

    def test_is_not_published_as_a_month_of_nothing(self, company):
        self.lost(company)
        with pytest.raises(AuditError) as refused:
            company.publish()
        told = str(refused.value)
        assert "tickets has no row of 2024-05 left" in told
        assert re.search(r"rejected \(support/tickets\.csv, line \d+, status: ", told)
        assert "write quarantine_limit: {tables: {tickets: 1}} into the config" in told
        assert "2024-04" not in told
        assert current_version(company.project().folders) == 1

    def test_is_published_if_the_config_lets_all_of_the_table_be_rejected(self, company):
        self.lost(company, of_tickets=1)
        with pytest.raises(AuditError, match="closed months move by more") as refused:
            company.publish()
        assert company.publish(accepted=str(refused.value).rpartition("=")[2]) == 2
        found = asked(company, "SELECT DISTINCT month FROM quarantine WHERE table_name = 'tickets'")
        assert found == [(day("2024-05-01"),)]
