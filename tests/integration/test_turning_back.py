"""What was begun and broken off, or is put back as it was, leaves nothing behind."""

import datetime as dt
import errno
from pathlib import Path

import duckdb
import pytest

from pipelines.ingest import canonical_tables
from pipelines.months.dimensions import sights
from pipelines.publish.release import is_new
from tests.integration.small_company import SmallCompany, exports, ordered, published_once, small_company
from warehouse import publishing
from warehouse.publishing import make_current
from warehouse.versions import current_version, rollback, versions

MONTHS = {"first_month": "2024-04-01", "history_from": "2024-04-01"}


class KilledError(Exception):
    """Stands for a kill at that very place."""


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> SmallCompany:
    """Three months, built and published."""
    return published_once(tmp_path_factory, tmp_path / "company", **MONTHS)


def killed(*_: object) -> None:
    raise KilledError


def query(company: SmallCompany, text: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        return readers.sql(text).fetchall()


@pytest.mark.parametrize("day", ["2024-06-10", "2024-05-20"], ids=["within its month", "over a month's end"])
def test_an_as_of_that_is_moved_back_leaves_what_a_build_from_nothing_has(company, tmp_path, day):
    """Readers of the one have what is built of the other."""
    company.configure(**MONTHS, as_of=day)
    company.run()
    assert company.stale() == []
    company.publish()
    new = small_company(tmp_path / "new", **MONTHS, as_of=day)
    new.ingest()
    new.build()
    tables = ("dim_month", "fct_ticket", "fct_mrr_account_month", "metric_month", "account_alert")
    for table, built in new.frames(tables).items():
        with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
            read = readers.sql(f"SELECT * FROM {table}").pl()
        assert read.columns and ordered(read).equals(ordered(built)), table


def test_an_ingest_that_is_killed_after_it_replaced_a_table_is_noticed_though_the_export_is_put_back(
    company, monkeypatch
):
    """Account A01 becomes our own, the kill comes when its tickets are gone, and the old export comes back."""
    before = company.frames()
    good = exports()["accounts"]
    company.export("accounts", [{**row, "is_internal": row["account_id"] in {"A01", "A12"}} for row in good])
    with monkeypatch.context() as broken:
        broken.setattr(canonical_tables, "write_quarantined", killed)
        with pytest.raises(KilledError):
            company.ingest()
    company.export("accounts", good)
    company.run()
    assert company.stale() == []
    after = company.frames()
    assert [name for name, frame in before.items() if not frame.equals(after[name])] == []


@pytest.mark.parametrize("ended_at", ["account_links", "accounts", "tickets"])
def test_a_first_ingest_that_found_the_disk_full_is_due_again(tmp_path, monkeypatch, ended_at):
    company = small_company(tmp_path / "company", **MONTHS)

    def until_it_is_full(write):
        def written(where, table, *others):
            if table == ended_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(where, table, *others)

        return written

    with monkeypatch.context() as full:
        for name in ("write_staged", "write_staged_months"):
            full.setattr(canonical_tables, name, until_it_is_full(getattr(canonical_tables, name)))
        with pytest.raises(OSError):
            company.ingest()
    project, as_of = company.project(), dt.date(2024, 6, 29)
    sight = sights(project, as_of)
    assert ended_at in canonical_tables.due(project, as_of, lambda table: sight(table).name)


def test_a_publish_that_was_broken_off_when_its_file_was_whole_is_ended_and_given_once(company, monkeypatch):
    """And when it was rolled back after that, readers are not given it again."""
    company.export("costs", [{**row, "amount": 2 * int(row["amount"])} for row in exports()["costs"]])
    company.run()
    with monkeypatch.context() as broken:
        broken.setattr(publishing, "swap", killed)
        with pytest.raises(KilledError):
            company.publish()
    folders = company.project().folders
    assert (current_version(folders), max(versions(folders))) == (1, 2)
    assert make_current(folders) == 2
    assert current_version(folders) == 2
    assert not is_new(company.project())
    assert query(company, "SELECT max(version) FROM publication") == [(2,)]
    assert make_current(folders) is None

    assert rollback(folders) == 1
    assert make_current(folders) is None
    assert current_version(folders) == 1
    assert company.publish() == 3
    assert current_version(folders) == 3


def test_a_rejected_row_alone_is_something_new_to_publish(company):
    """The published quarantine tells of it, though no month changed."""
    assert not is_new(company.project())
    bad = {**exports()["costs"][0], "month": "2024-13-01"}
    company.export("costs", [*exports()["costs"], bad])
    company.run()
    assert is_new(company.project())
    company.publish()
    assert query(company, "SELECT table_name, column_name FROM quarantine") == [("costs", "month")]


def test_other_words_of_a_view_are_something_new_to_publish(company, monkeypatch):
    from pipelines.publish import release

    assert not is_new(company.project())
    monkeypatch.setattr(release, "code_of", lambda *_, **__: "other views")
    assert is_new(company.project())
