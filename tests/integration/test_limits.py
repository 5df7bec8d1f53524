"""What is not published although every identity holds: much of a file was rejected, or a closed month moves far."""

import datetime as dt
import re
from dataclasses import dataclass

import duckdb
import polars as pl
import pytest

from pipelines.publish.limits import Move, moved, refuse_moves, refuse_rejected
from schemas.config import ChangeLimit, QuarantineLimit
from schemas.operations import ExportFile, Quarantine
from tests.frames import at, day, rows
from tests.integration.small_company import SmallCompany, exports, published_once
from warehouse.errors import AuditError
from warehouse.validation import REPEATED
from warehouse.versions import current_version, rollback

MONTHS = {"first_month": "2024-04-01", "history_from": "2024-04-01"}
Rows = list[tuple[object, ...]]


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path) -> SmallCompany:
    """April to June of 2024, published; June is not over."""
    return published_once(tmp_path_factory, tmp_path / "company", **MONTHS)


def asked(company: SmallCompany, query: str) -> Rows:
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        return readers.sql(query).fetchall()


def not_published(company: SmallCompany, accepted: str | None = None) -> str:
    """Why nothing is."""
    with pytest.raises(AuditError) as refused:
        company.publish(accepted)
    return str(refused.value)


def with_mrr_times(company: SmallCompany, factor: float) -> SmallCompany:
    """The same with another value of each month, as a build would have left it."""
    with company.project().database.connect() as connection:
        connection.execute("UPDATE metric_month SET value = value * ? WHERE metric = 'mrr'", [factor])
    return company


def what_is_let_through(company: SmallCompany, accepted: str | None = None) -> str | None:
    """What the publish says of moves, where neither files nor config changed since the last one."""
    project = company.project()
    with duckdb.connect(str(project.folders.published_database), read_only=True) as readers:
        last = readers.sql("SELECT * FROM publication ORDER BY version DESC LIMIT 1").pl().row(0, named=True)
    return refuse_moves(project, last, accepted)


@dataclass(frozen=True)
class Road:
    """Every item costs half of what it cost; what a publish did then, one after the other."""

    company: SmallCompany
    before: Rows
    """What readers had."""
    refused: str
    kept: Rows
    """What they had after the refusal."""
    allowed: int
    """The version that was published when the config let values move."""
    rolled_back: str
    """Why it was refused again when readers had version 1 again, and the config was what it was for that."""
    by_another_name: str
    accepted: int
    """The version that was published by the refusal's own name."""

    @property
    def name(self) -> str:
        return self.rolled_back.rpartition("=")[2]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    company = published_once(tmp_path_factory, tmp_path_factory.mktemp("road") / "company", **MONTHS)
    values = "SELECT * FROM metric_month ORDER BY ALL"
    before = asked(company, values)
    items = [{**row, "unit_amount": int(row["unit_amount"]) // 2} for row in exports()["subscription_items"]]
    company.export("subscription_items", items)
    company.run()
    refused, kept = not_published(company), asked(company, values)
    company.configure(**MONTHS, change_limit={"default": 1.0})
    allowed = company.publish()
    company.configure(**MONTHS)
    rollback(company.project().folders)
    rolled_back = not_published(company)
    by_another_name = not_published(company, "0" * 8)
    accepted = company.publish(rolled_back.rpartition("=")[2])
    return Road(company, before, refused, kept, allowed, rolled_back, by_another_name, accepted)


class TestAClosedMonthThatMovesFar:
    def test_stops_the_publish_and_names_what_moved_and_what_changed(self, road):
        assert re.search(r"mrr of 2024-05 from [\d,.]+ EUR to [\d,.]+ EUR", road.refused)
        assert "2024-06" not in road.refused, "June is not over, and may move"
        assert "Changed against what readers have: billing/subscription_items.csv. " in road.refused
        assert re.search(r"make run ACCEPT=[0-9a-f]{8}$", road.refused)
        assert road.kept == road.before

    def test_is_let_through_once_by_its_name_and_that_is_recorded(self, road, tmp_path):
        assert "closed months move" in road.by_another_name
        assert road.accepted == 3
        (first, *_, last) = asked(road.company, "SELECT accepted FROM publication ORDER BY version")
        assert first == (None,)
        assert "mrr of 2024-05 from " in str(last)
        again = with_mrr_times(road.company.copy(tmp_path / "again"), 0.8)
        with pytest.raises(AuditError, match="closed months move"):
            what_is_let_through(again, road.name)

    def test_is_published_where_it_moves_no_more_than_the_limit(self, company):
        assert {move.metric for move in moved(with_mrr_times(company, 0.8).project())} == {"mrr"}
        assert moved(with_mrr_times(company, 0.95 / 0.8).project()) == []
        assert what_is_let_through(company) is None

    def test_is_published_where_the_config_allows_it(self, road):
        assert road.allowed == 2

    def test_is_measured_against_what_readers_have_after_a_rollback(self, road):
        assert "closed months move" in road.rolled_back
        # The config is what it was for version 1.
        assert "Changed against what readers have: billing/subscription_items.csv. " in road.rolled_back


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
        company.export("costs", [{**row, "currency": "eur"} for row in exports()["costs"]])
        company.run()
        assert "costs.csv: 100% of its rows" in not_published(company)
        assert current_version(company.project().folders) == 1


@dataclass(frozen=True)
class Lost:
    """The tickets of May lost what they need; those of April and June stay."""

    refused: str
    version: int | None
    """Of readers after that."""
    let_be_lost: str
    """Why nothing was published when the config let all of a table's rows be rejected."""
    accepted: int
    rejected_in: Rows
    """Published months of what was rejected then."""


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    company = published_once(tmp_path_factory, tmp_path_factory.mktemp("lost") / "company", **MONTHS)
    given = [
        {**row, "status": "done" if f"{row['created_at']:%Y-%m}" == "2024-05" else row["status"]}
        for row in exports()["tickets"]
    ]
    assert {row["status"] == "done" for row in given} == {True, False}
    company.export("tickets", given)
    company.configure(**MONTHS, quarantine_limit={"tables": {"tickets": 0.9}})
    company.run()
    refused, version = not_published(company), current_version(company.project().folders)
    company.configure(**MONTHS, quarantine_limit={"tables": {"tickets": 1}})
    let_be_lost = not_published(company)
    accepted = company.publish(let_be_lost.rpartition("=")[2])
    months = asked(company, "SELECT DISTINCT month FROM quarantine WHERE table_name = 'tickets'")
    return Lost(refused, version, let_be_lost, accepted, months)


class TestAMonthOfWhichAllWasRejected:
    def test_is_not_published_as_a_month_of_nothing(self, lost):
        assert "tickets has no row of 2024-05 left" in lost.refused
        assert re.search(r"rejected \(support/tickets\.csv, line \d+, status: ", lost.refused)
        assert "write quarantine_limit: {tables: {tickets: 1}} into the config" in lost.refused
        assert "2024-04" not in lost.refused
        assert lost.version == 1

    def test_is_published_if_the_config_lets_all_of_the_table_be_rejected(self, lost):
        assert "closed months move by more" in lost.let_be_lost
        assert lost.accepted == 2
        assert lost.rejected_in == [(day("2024-05-01"),)]
