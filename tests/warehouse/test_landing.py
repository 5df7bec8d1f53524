"""Exports are copied privately before anything reads them, once for each content; and what else lies below DATA_DIR."""

import datetime as dt
import hashlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.contract import Contract, column
from schemas.form import Cleaning, Form, RawTable
from tests.frames import at, config, day
from warehouse import landed, landing
from warehouse.configuration import LoadedConfig
from warehouse.errors import ConfigError, DamagedError, ExportError, WarehouseError
from warehouse.folders import Folders
from warehouse.landed import forgotten, landed_files, mend_list
from warehouse.landing import is_whole, land, land_files, sha256_of
from warehouse.person_key import forget_key, make_key, person_key
from warehouse.reading import REJECTS
from warehouse.sent import SourceFile, default_as_of, exported_at, source_files
from warehouse.staging import (
    read_staged,
    staged_path,
    staged_rows,
    write_quarantined,
    write_staged,
    write_staged_months,
    wrong_staged,
)


class Word(Contract):
    """One row per word."""

    word: str = column("Word")
    size: pl.Int64 = column("Size", null=True)


TABLES = ("accounts", "subscriptions", "tickets")
FORM = Form("crm", {name: RawTable(Word, f"{name}.csv") for name in TABLES}, {"words": Cleaning(lambda f: f, TABLES)})
COPIES = Path("fetched")
WRITTEN = at("2025-03-01T17:30")
FORMS = {"crm": FORM, "other": Form("other", {"notes": RawTable(Word, "notes.csv")}, {})}


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "data")


@pytest.fixture
def exports(tmp_path):
    folder = tmp_path / "company" / "sent"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def loaded(exports):
    """A config whose file lies beside the folder of exports."""

    def load(zone: str = "UTC", **sources: dict[str, Any]) -> LoadedConfig:
        told = config(reporting={"currency": "EUR", "time_zone": zone}, sources=sources or {"a": {"form": "crm"}})
        return LoadedConfig(told, exports.parent / "customer_success.yaml", "0" * 64)

    return load


def test_a_file_in_which_there_are_several_kinds_is_copied_once(folders, exports, monkeypatch):
    path = exports / "tickets.csv"
    path.write_text("word\nx\n")
    written, whole = list[str](), landing._write
    monkeypatch.setattr(landing, "_write", lambda opened, of: written.append(opened.name) or whole(opened, of))
    files = [SourceFile("crm", table, "sent/tickets.csv", path, WRITTEN) for table in TABLES]
    found = land_files(files, folders)
    assert written == [str(path)]
    assert [(one.raw_table, one.sha256) for one in found] == [(table, sha256_of(path)) for table in TABLES]
    assert len(list(landed_files(folders))) == len(TABLES)


def test_a_file_that_changes_while_it_is_landed_says_the_same_of_all_its_kinds(folders, exports):
    path = exports / "tickets.csv"
    path.write_text("word\nx\n")

    def files():
        for table in TABLES:
            yield SourceFile("crm", table, "sent/tickets.csv", path, WRITTEN)
            path.write_text("word\nx\ny\n")

    assert len({one.sha256 for one in land_files(files(), folders)}) == 1


def test_a_copy_that_is_changed_after_this_process_wrote_it_is_not_whole(folders, exports):
    file = land(sent(exports / "a.csv", "word\nx\n"), folders)
    assert is_whole(file, folders)
    copy = file.path(folders)
    time.sleep(0.05)  # a file's times are told in steps of some milliseconds
    copy.write_text("word\ny\n")
    assert not is_whole(file, folders)
    copy.write_text("word\nx\n")
    assert is_whole(file, folders)


def sent(path: Path, text: str = "word\nx\n", written: str | None = None) -> SourceFile:
    """A file that was sent, and written at an instant."""
    path.write_text(text)
    if written:
        instant = at(written).replace(tzinfo=dt.UTC).timestamp()
        os.utime(path, (instant, instant))
    return SourceFile("crm", "tickets", f"sent/{path.name}", path, at("2025-03-01T00:00"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestLand:
    def test_keeps_a_copy_named_by_its_hash(self, exports, folders):
        file = sent(exports / "tickets.csv", "word\nÄrger\n")
        landed = land(file, folders)
        content = "word\nÄrger\n".encode()
        assert landed.sha256 == hashlib.sha256(content).hexdigest()
        assert landed.bytes == len(content)
        assert landed.path(folders) == folders.root / "landed" / landed.sha256
        assert landed.path(folders).read_bytes() == content
        assert (landed.source, landed.raw_table, landed.name) == ("crm", "tickets", "sent/tickets.csv")
        assert landed.exported_at == at("2025-03-01T00:00")

    def test_the_copy_and_its_folder_are_private(self, exports, folders):
        before = os.umask(0)
        try:
            landed = land(sent(exports / "tickets.csv"), folders)
        finally:
            os.umask(before)
        assert mode(landed.path(folders)) == 0o600
        assert mode(folders.landed) == 0o700

    def test_the_copy_outlives_what_becomes_of_the_export(self, exports, folders):
        landed = land(sent(exports / "tickets.csv", "word\nx\n"), folders)
        (exports / "tickets.csv").unlink()
        assert landed.path(folders).read_text() == "word\nx\n"

    def test_large_files_are_hashed_and_copied_whole(self, exports, folders):
        content = os.urandom(1 << 20) * 3 + b"end"
        file = sent(exports / "tickets.csv")
        file.path.write_bytes(content)
        landed = land(file, folders)
        assert (landed.sha256, landed.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert landed.path(folders).read_bytes() == content

    def test_the_same_content_lands_once(self, exports, folders):
        first = land(sent(exports / "tickets.csv"), folders)
        assert land(sent(exports / "tickets.csv"), folders) == first
        assert landed_files(folders) == [first]

    def test_changed_content_lands_again_beside_the_first(self, exports, folders):
        first = land(sent(exports / "tickets.csv", "word\nx\n"), folders)
        second = land(sent(exports / "tickets.csv", "word\ny\n"), folders)
        assert [file.sha256 for file in landed_files(folders)] == [first.sha256, second.sha256]
        assert first.path(folders).read_text() == "word\nx\n"
        assert second.path(folders).read_text() == "word\ny\n"
        assert first.landed_at <= second.landed_at

    def test_content_that_comes_back_lands_again_as_it_speaks_now(self, exports, folders):
        hashes = [land(sent(exports / "tickets.csv", text), folders).sha256 for text in ("x", "y", "x")]
        assert [file.sha256 for file in landed_files(folders)] == hashes
        assert hashes[0] == hashes[2]

    def test_the_same_content_under_two_names_lands_as_two_files(self, exports, folders):
        land(sent(exports / "tickets.csv"), folders)
        land(sent(exports / "old.csv"), folders)
        assert [file.name for file in landed_files(folders)] == ["sent/tickets.csv", "sent/old.csv"]

    def test_what_was_landed_is_told_as_it_was(self, exports, folders):
        landed = land(sent(exports / "tickets.csv"), folders)
        (told,) = landed_files(Folders(folders.root))
        assert told == landed

    def test_nothing_is_landed_at_first(self, folders):
        assert landed_files(folders) == []

    def test_a_copy_left_half_done_by_a_killed_run_is_made_anew(self, exports, folders):
        (folders.landed / ".copy.part").write_text("half of something much longer than the file")
        landed = land(sent(exports / "tickets.csv"), folders)
        assert landed.path(folders).read_text() == "word\nx\n"
        assert mode(landed.path(folders)) == 0o600
        assert not list(folders.landed.glob(".*.part"))


class TestTheListOfLandedFiles:
    def test_has_a_twin_that_a_kill_before_its_copy_leaves_behind_and_the_next_run_makes_as_new(
        self, exports, folders, monkeypatch
    ):
        first = land(sent(exports / "tickets.csv", "word\nx\n"), folders)
        with monkeypatch.context() as killed:
            killed.setattr(landed, "_copy_to_twin", lambda _: None)
            second = land(sent(exports / "tickets.csv", "word\ny\n"), folders)
        assert mend_list(folders) is None
        (folders.landed / "landed.sqlite").unlink()
        assert mend_list(folders) == "landed/landed.sqlite was gone or damaged and is made again from its twin"
        assert [file.sha256 for file in landed_files(folders)] == [first.sha256, second.sha256]


class TestSourceFiles:
    def test_are_the_form_s_usual_names_where_the_config_names_none(self, exports, loaded):
        for name in TABLES:
            sent(exports / f"{name}.csv")
        found = source_files(loaded(crm={"form": "crm", "folder": "sent"}), FORMS, COPIES)
        assert [(f.source, f.raw_table, f.name, f.path) for f in found] == [
            ("crm", name, f"sent/{name}.csv", exports / f"{name}.csv") for name in TABLES
        ]

    def test_are_only_those_the_config_names_where_it_does(self, exports, loaded):
        sent(exports / "tickets.csv"), sent(exports / "Kunden.csv")
        found = source_files(
            loaded(crm={"form": "crm", "folder": "sent", "files": {"accounts": "Kunden.csv"}}), FORMS, COPIES
        )
        assert [(f.raw_table, f.name) for f in found] == [("accounts", "sent/Kunden.csv")]

    def test_follow_patterns_in_order_of_their_names(self, exports, loaded):
        for name in ("t-2.csv", "t-10.csv", "t-1.csv", "old.csv", "u-1.csv"):
            sent(exports / name)
        (exports / "t-folder.csv").mkdir()
        files = {"tickets": ["t-*.csv", "old.csv"]}
        found = source_files(loaded(crm={"form": "crm", "folder": "sent", "files": files}), FORMS, COPIES)
        assert [f.path.name for f in found] == ["t-1.csv", "t-10.csv", "t-2.csv", "old.csv"]

    def test_may_lie_in_folders_that_a_form_leaves_open_and_are_named_with_these(self, exports, loaded):
        for name in ("logs/a/1/x.csv", "logs/b/1/x.csv", "logs/a/2/y.csv", "logs/a/z.csv", "logs/a/1/2/deep.csv"):
            (exports / name).parent.mkdir(parents=True, exist_ok=True)
            sent(exports / name)
        forms = {"crm": Form("crm", {"tickets": RawTable(Word, "logs/*/*/*.csv")}, {})}
        found = source_files(loaded(crm={"form": "crm", "folder": "sent"}), forms, COPIES)
        assert [f.name for f in found] == ["sent/logs/a/1/x.csv", "sent/logs/a/2/y.csv", "sent/logs/b/1/x.csv"]

    def test_that_two_patterns_match_is_one_file(self, exports, loaded):
        sent(exports / "t-1.csv"), sent(exports / "t-2.csv")
        files = {"tickets": ["t-1.csv", "t-*.csv"]}
        found = source_files(loaded(crm={"form": "crm", "folder": "sent", "files": files}), FORMS, COPIES)
        assert sorted(f.path.name for f in found) == ["t-1.csv", "t-2.csv"]

    def test_are_named_without_a_machine_s_whole_path(self, exports, loaded):
        sent(exports / "accounts.csv")
        told = loaded(crm={"form": "crm", "folder": str(exports), "files": {"accounts": "accounts.csv"}})
        assert [f.name for f in source_files(told, FORMS, COPIES)] == ["sent/accounts.csv"]

    def test_of_one_name_in_two_folders_are_told_apart(self, exports, loaded):
        for year in ("2024", "2025"):
            (exports / year).mkdir()
            sent(exports / year / "tickets.csv", f"word\n{year}\n")
        files = {"tickets": ["2024/tickets.csv", "2025/tickets.csv"]}
        found = source_files(loaded(crm={"form": "crm", "folder": "sent", "files": files}), FORMS, COPIES)
        assert len({f.name for f in found}) == 2

    def test_of_one_name_in_folders_of_one_name_are_told_apart_or_refused(self, exports, loaded, tmp_path):
        for year in ("2024", "2025"):
            (tmp_path / year / "crm").mkdir(parents=True)
            sent(tmp_path / year / "crm" / "tickets.csv", f"word\n{year}\n")
        files = {"tickets": [str(tmp_path / year / "crm" / "tickets.csv") for year in ("2024", "2025")]}
        try:
            found = source_files(loaded(crm={"form": "crm", "files": files}), FORMS, COPIES)
            assert len({f.name for f in found}) == 2
        except WarehouseError as fault:
            assert "tickets.csv" in str(fault)

    def test_that_are_not_there_are_told_with_source_and_table(self, exports, loaded):
        told = loaded(crm={"form": "crm", "folder": "sent", "files": {"tickets": "t-*.csv"}})
        with pytest.raises(ExportError) as found:
            source_files(told, FORMS, COPIES)
        assert str(found.value) == (
            "crm.tickets: there is no file sent/t-*.csv; put it there, or correct sources in the config"
        )

    def test_one_missing_file_of_many_is_told(self, exports, loaded):
        sent(exports / "a.csv")
        told = loaded(crm={"form": "crm", "folder": "sent", "files": {"tickets": ["a.csv", "b.csv"]}})
        with pytest.raises(ExportError, match=r"there is no file sent/b\.csv"):
            source_files(told, FORMS, COPIES)

    def test_a_form_that_does_not_exist_is_told_with_those_that_do(self, loaded):
        told = loaded(crm={"form": "salesforce"})
        with pytest.raises(ConfigError) as found:
            source_files(told, FORMS, COPIES)
        assert str(found.value) == f"{told.path}: sources.crm.form: there is no such form; expected one of crm, other"

    def test_a_table_the_form_does_not_know_is_told_with_those_it_does(self, loaded):
        told = loaded(crm={"form": "crm", "files": {"deals": "deals.csv", "tickets": "t.csv"}})
        with pytest.raises(ConfigError) as found:
            source_files(told, FORMS, COPIES)
        assert str(found.value) == (
            f"{told.path}: sources.crm.files: 1 of its tables are unknown to the form crm; "
            "expected accounts, subscriptions, tickets"
        )


class TestExportedAt:
    @pytest.mark.parametrize(
        ("name", "zone", "instant"),
        [
            ("tickets-2025-03-01.csv", "UTC", "2025-03-01T00:00"),
            ("2025-03-01_tickets.csv", "Europe/Berlin", "2025-02-28T23:00"),
            ("tickets 2025-07-01 final.csv", "Europe/Berlin", "2025-06-30T22:00"),
            ("tickets2025-03-01T120000.csv", "America/New_York", "2025-03-01T05:00"),
        ],
    )
    def test_is_the_start_of_the_day_in_the_name_where_the_company_reports(self, exports, loaded, name, zone, instant):
        file = sent(exports / name, written="2020-01-01T00:00")
        assert exported_at(file.path, WRITTEN, loaded(zone)) == at(instant)

    @pytest.mark.parametrize("name", ["tickets.csv", "t-12025-03-01.csv", "t-2025-03-011.csv", "t-20250301.csv"])
    def test_is_when_it_was_written_where_no_day_is_named(self, exports, loaded, name):
        sent(exports / name, written="2025-03-01T17:30")
        told = loaded("Asia/Tokyo", crm={"form": "crm", "folder": "sent", "files": {"accounts": name}})
        assert [file.exported_at for file in source_files(told, FORMS, COPIES)] == [WRITTEN]

    def test_a_day_in_the_folder_does_not_count(self, exports, loaded):
        (exports / "2024-01-01").mkdir()
        file = sent(exports / "2024-01-01" / "tickets.csv", written="2025-03-01T17:30")
        assert exported_at(file.path, WRITTEN, loaded()) == at("2025-03-01T17:30")

    @pytest.mark.parametrize("day", ["2025-02-30", "2025-13-01", "0000-01-01", "0001-01-01"])
    def test_a_day_the_calendar_does_not_have_is_told_with_the_file(self, exports, loaded, day):
        # In New York, so that the start of the first day of all is still in UTC; in Tokyo it is in no year.
        file = sent(exports / f"tickets-{day}.csv", written="2025-03-01T17:30")
        with pytest.raises(ExportError, match=rf"tickets-{day}\.csv: no export was made on {day}, the day in its name"):
            exported_at(file.path, WRITTEN, loaded("Asia/Tokyo"))


def exported(table: str, instant: str, source: str = "crm") -> SourceFile:
    return SourceFile(source, table, f"{table}.csv", Path("unused"), at(instant))


SNAPSHOTS = {
    ("crm", "accounts"),
    ("billing", "subscription_items"),
    ("old_billing", "subscriptions"),
    ("new_billing", "subscriptions"),
}


class TestDefaultAsOf:
    def test_is_the_day_before_the_export(self, loaded):
        assert default_as_of([exported("accounts", "2025-03-02T09:00")], loaded(), SNAPSHOTS) == day("2025-03-01")

    def test_of_an_export_named_by_its_day_is_the_day_before(self, exports, loaded):
        file = sent(exports / "accounts-2025-03-01.csv")
        named = SourceFile("crm", "accounts", "n", file.path, exported_at(file.path, WRITTEN, loaded("Europe/Berlin")))
        assert default_as_of([named], loaded("Europe/Berlin"), SNAPSHOTS) == day("2025-02-28")

    def test_is_the_oldest_of_the_newest_exports_of_each_snapshot(self, loaded):
        files = [
            exported("accounts", "2025-03-01T00:00"),
            exported("accounts", "2025-03-09T00:00"),
            exported("subscription_items", "2025-03-05T00:00", "billing"),
            exported("subscription_items", "2025-01-05T00:00", "billing"),
        ]
        assert default_as_of(files, loaded(), SNAPSHOTS) == day("2025-03-04")

    def test_counts_each_source_of_a_snapshot(self, loaded):
        files = [
            exported("subscriptions", "2025-03-09T00:00", "old_billing"),
            exported("subscriptions", "2025-03-03T00:00", "new_billing"),
        ]
        assert default_as_of(files, loaded(), SNAPSHOTS) == day("2025-03-02")

    def test_does_not_wait_for_events(self, loaded):
        files = [exported("accounts", "2025-03-09T00:00"), exported("tickets", "2025-01-01T00:00", "support")]
        assert default_as_of(files, loaded(), SNAPSHOTS) == day("2025-03-08")

    def test_counts_all_files_where_there_is_no_snapshot(self, loaded):
        files = [exported("tickets", "2025-03-09T00:00"), exported("costs", "2025-03-05T00:00")]
        assert default_as_of(files, loaded(), SNAPSHOTS) == day("2025-03-04")

    @pytest.mark.parametrize(
        ("zone", "last"), [("UTC", "2025-03-01"), ("Asia/Tokyo", "2025-03-02"), ("America/New_York", "2025-03-01")]
    )
    def test_is_a_day_where_the_company_reports(self, loaded, zone, last):
        assert default_as_of([exported("accounts", "2025-03-02T20:00")], loaded(zone), SNAPSHOTS) == day(last)

    def test_at_midnight_the_day_that_ended_is_complete(self, loaded):
        late, early = exported("accounts", "2025-03-02T23:00"), exported("accounts", "2025-03-02T22:59")
        assert default_as_of([late], loaded("Europe/Berlin"), SNAPSHOTS) == day("2025-03-02")
        assert default_as_of([early], loaded("Europe/Berlin"), SNAPSHOTS) == day("2025-03-01")


MAY_AND_JUNE = (day("2024-05-01"), day("2024-06-01"))


def by_month(
    folders: Folders,
    table: str,
    frame: pl.DataFrame,
    months: tuple[Any, ...] = MAY_AND_JUNE,
    former: str | None = None,
) -> str:
    """Stage a row a month."""
    return write_staged_months(
        folders, table, zip(months, frame.iter_slices(1), strict=False), lambda rows: rows, former
    )


class TestStaged:
    frame = pl.DataFrame({"word": ["a", "b"], "size": [1, None]})

    def test_rows_come_back_as_they_were(self, folders):
        written = write_staged(folders, "words", self.frame)
        assert read_staged(folders, "words", Word, written).equals(self.frame)

    def test_are_private_and_replaced_whole(self, folders):
        write_staged(folders, "words", self.frame)
        written = write_staged(folders, "words", self.frame.head(1))
        assert read_staged(folders, "words", Word, written).rows() == [("a", 1)]
        assert mode(staged_path(folders, "words")) == 0o600
        assert [path.name for path in folders.staged.iterdir()] == ["words.parquet"]

    def test_a_write_left_half_done_leaves_the_old_rows(self, folders):
        written = write_staged(folders, "words", self.frame)
        staged_path(folders, "words").with_suffix(".part").write_bytes(b"PAR1 half")
        assert read_staged(folders, "words", Word, written).height == 2
        written = write_staged(folders, "words", self.frame.head(1))
        assert read_staged(folders, "words", Word, written).height == 1

    def test_a_table_whose_file_is_gone_is_never_a_table_without_rows(self, folders):
        written = write_staged(folders, "words", self.frame)
        staged_path(folders, "words").unlink()
        with pytest.raises(DamagedError, match=r"staged/words\.parquet is gone: make run makes it again"):
            read_staged(folders, "words", Word, written)

    def test_another_table_s_file_in_its_place_is_not_read_for_it(self, folders):
        written = write_staged(folders, "words", self.frame)
        write_staged(folders, "others", self.frame.head(1))
        staged_path(folders, "others").replace(staged_path(folders, "words"))
        with pytest.raises(DamagedError, match=r"staged/words\.parquet is not what was staged: make run"):
            read_staged(folders, "words", Word, written)

    def test_a_file_that_was_cut_is_not_read(self, folders):
        written = write_staged(folders, "words", self.frame)
        os.truncate(staged_path(folders, "words"), 40)
        with pytest.raises(DamagedError, match=r"staged/words\.parquet is not what was staged: make run"):
            read_staged(folders, "words", Word, written)

    def test_of_a_table_by_month_a_month_alone_is_read(self, folders):
        written = by_month(folders, "words", self.frame)
        (folders.staged / "words" / "2024-06.parquet").write_bytes(b"rubbish")
        assert read_staged(folders, "words", Word, written, (day("2024-04-01"), day("2024-05-01"))).rows() == [("a", 1)]
        with pytest.raises(DamagedError, match=r"staged/words/2024-06\.parquet is not what was staged: make run"):
            read_staged(folders, "words", Word, written, (None, day("2024-06-01")))

    def test_of_a_table_by_month_only_months_with_other_rows_are_written(self, folders):
        former = by_month(folders, "words", self.frame)
        before = {path.name: path.stat().st_mtime_ns for path in (folders.staged / "words").iterdir()}
        changed = self.frame.with_columns(size=pl.Series([1, 7]))
        written = by_month(folders, "words", changed, former=former)
        after = {path.name: path.stat().st_mtime_ns for path in (folders.staged / "words").iterdir()}
        assert {name for name in before if before[name] != after[name]} == {"2024-06.parquet", "months.json"}
        assert read_staged(folders, "words", Word, written).equals(changed)
        assert mode(folders.staged / "words") == 0o700
        assert {mode(path) for path in (folders.staged / "words").iterdir()} == {0o600}

    def test_a_month_that_is_lost_or_damaged_is_named_and_written_again(self, folders):
        written = by_month(folders, "words", self.frame)
        (folders.staged / "words" / "2024-05.parquet").unlink()
        os.truncate(folders.staged / "words" / "2024-06.parquet", 40)
        assert wrong_staged(folders, "words", written) == ["words/2024-05.parquet", "words/2024-06.parquet"]
        assert by_month(folders, "words", self.frame, former=written) == written
        assert wrong_staged(folders, "words", written) == []

    def test_a_month_that_was_edited_and_its_list_with_it_is_written_again(self, folders):
        written = by_month(folders, "words", self.frame)
        folder = folders.staged / "words"
        self.frame.head(1).with_columns(size=pl.lit(99)).write_parquet(folder / "2024-05.parquet")
        told = json.loads((folder / "months.json").read_text())
        told["2024-05"]["sha256"] = sha256_of(folder / "2024-05.parquet")
        (folder / "months.json").write_text(json.dumps(told, indent=0, sort_keys=True))
        assert wrong_staged(folders, "words", written) == ["words/months.json"]
        again = by_month(folders, "words", self.frame, former=written)
        assert read_staged(folders, "words", Word, again).equals(self.frame)

    @pytest.mark.parametrize("content", ["", "[]", "{", "5", '{"2024-05": 5}', '{"2024-05": {"rows": 1}}', "\udcff"])
    def test_a_list_that_is_none_hinders_nothing(self, folders, content):
        written = by_month(folders, "words", self.frame)
        path = folders.staged / "words" / "months.json"
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert wrong_staged(folders, "words", written) == ["words/months.json"]
        assert staged_rows(folders, "words") == {}
        with pytest.raises(DamagedError, match=r"staged/words/months\.json is not what was staged: make run"):
            read_staged(folders, "words", Word, written)
        by_month(folders, "words", self.frame, former=sha256_of(path))
        assert read_staged(folders, "words", Word, written).equals(self.frame)

    def test_a_column_that_was_renamed_is_written_though_its_values_are_the_same(self, folders):
        former = by_month(folders, "words", self.frame.rename({"size": "length"}))
        written = by_month(folders, "words", self.frame, former=former)
        assert read_staged(folders, "words", Word, written).equals(self.frame)

    def test_a_folder_in_the_place_of_a_file_or_a_file_in_that_of_a_folder_hinders_nothing(self, folders):
        (folders.staged / "words").write_bytes(b"a file")
        written = by_month(folders, "words", self.frame)
        for name in ("2024-05.parquet", "months.json"):
            (folders.staged / "words" / name).unlink()
            (folders.staged / "words" / name / "within").mkdir(parents=True)
        assert wrong_staged(folders, "words", written) == ["words/months.json"]
        written = by_month(folders, "words", self.frame, former=written)
        assert read_staged(folders, "words", Word, written).equals(self.frame)
        (folders.staged / "accounts").mkdir()
        assert staged_path(folders, "accounts").name == "accounts.parquet"

    def test_what_a_kill_left_beside_the_months_is_gone_with_the_next_write(self, folders):
        written = by_month(folders, "words", self.frame)
        (folders.staged / "words" / "2024-04.part").write_bytes(b"PAR1 half")
        by_month(folders, "words", self.frame, former=written)
        assert {path.name for path in (folders.staged / "words").iterdir()} == {
            "2024-05.parquet", "2024-06.parquet", "months.json"}  # fmt: skip

    def test_a_month_that_has_no_rows_any_more_has_no_file(self, folders):
        by_month(folders, "words", self.frame)
        written = by_month(folders, "words", self.frame.head(1))
        assert {path.name for path in (folders.staged / "words").iterdir()} == {"2024-05.parquet", "months.json"}
        assert staged_rows(folders, "words") == {day("2024-05-01"): 1}
        assert read_staged(folders, "words", Word, written).rows() == [("a", 1)]

    def test_rows_that_nothing_dates_are_of_no_month_and_are_not_lost(self, folders):
        written = by_month(folders, "words", self.frame, (None, day("2024-05-01")))
        assert read_staged(folders, "words", Word, written, (None, day("2024-05-01"))).rows() == [("b", None)]
        assert sorted(read_staged(folders, "words", Word, written)["word"]) == ["a", "b"]

    def test_a_table_without_rows_by_month_is_one(self, folders):
        written = by_month(folders, "words", self.frame.clear(), ())
        assert read_staged(folders, "words", Word, written).is_empty()
        assert wrong_staged(folders, "words", written) == []

    def test_the_list_of_another_table_is_not_taken_for_it(self, folders):
        written = by_month(folders, "words", self.frame)
        by_month(folders, "others", self.frame.head(1))
        for path in (folders.staged / "others").iterdir():
            path.replace(folders.staged / "words" / path.name)
        with pytest.raises(DamagedError, match=r"staged/words/months\.json is not what was staged: make run"):
            read_staged(folders, "words", Word, written)

    def test_a_table_that_was_staged_as_one_file_is_read_until_it_is_staged_by_month(self, folders):
        written = write_staged(folders, "words", self.frame)
        assert read_staged(folders, "words", Word, written, (None, day("2024-05-01"))).equals(self.frame)
        by_month(folders, "words", self.frame)
        assert not (folders.staged / "words.parquet").exists()

    def test_a_column_the_contract_has_gained_is_empty(self, folders):
        written = write_staged(folders, "words", self.frame.select("word"))
        assert read_staged(folders, "words", Word, written)["size"].to_list() == [None, None]


class TestQuarantined:
    rejects = pl.DataFrame(
        [("crm", "f.csv", 3, "size", "expected a whole number")], {"export_source": pl.String, **REJECTS}, orient="row"
    )
    raw = pl.DataFrame(
        {
            "export_source": ["crm"] * 2,
            "export_file": ["f.csv", "f.csv"],
            "export_line": [2, 3],
            "word": ["a", "ann@example.org"],
        }
    )

    def test_keeps_the_raw_text_of_rejected_rows_privately(self, folders):
        write_quarantined(folders, "words", self.rejects, self.raw)
        path = folders.quarantine / "words.csv"
        assert path.read_text() == (
            "export_source,export_file,export_line,column_name,reason,word\n"
            "crm,f.csv,3,size,expected a whole number,ann@example.org\n"
        )
        assert (mode(path), mode(folders.quarantine)) == (0o600, 0o700)

    def test_is_emptied_once_nothing_is_rejected(self, folders):
        write_quarantined(folders, "words", self.rejects, self.raw)
        write_quarantined(folders, "words", self.rejects.clear(), self.raw)
        assert list(folders.quarantine.iterdir()) == []


class TestPersonKey:
    def test_is_made_once_and_private(self, folders):
        make_key(folders)
        key = person_key(folders)
        assert len(key) == 16
        make_key(folders)
        assert person_key(Folders(folders.root)) == key
        assert mode(folders.root / "person_id.key") == 0o600

    def test_is_another_for_another_data_folder(self, folders, tmp_path):
        elsewhere = Folders(tmp_path / "elsewhere")
        make_key(folders), make_key(elsewhere)
        assert person_key(folders) != person_key(elsewhere)

    def test_is_not_made_by_who_only_reads_it(self, folders):
        with pytest.raises(DamagedError, match=r"person_id\.key is gone, or holds no key: make run makes one"):
            person_key(folders)
        assert not (folders.root / "person_id.key").exists()

    def test_a_file_left_empty_by_a_killed_run_is_never_taken_for_a_key(self, folders):
        folders.root.mkdir()
        (folders.root / "person_id.key").touch()
        make_key(folders)
        assert len(person_key(folders)) == 16

    @pytest.mark.parametrize("damage", ["", "not hexadecimal", "00" * 16])
    def test_that_is_lost_or_another_is_told_and_never_replaced_silently(self, folders, damage):
        make_key(folders)
        path = folders.root / "person_id.key"
        path.write_text(damage)
        for use in (make_key, person_key):
            with pytest.raises(DamagedError, match=r"back from a backup.*: make forget FILE=person_id\.key"):
                use(folders)
            assert path.read_text() == damage

    def test_that_was_there_before_it_was_remembered_is_the_key(self, folders):
        folders.root.mkdir()
        (folders.root / "person_id.key").write_text("0123456789abcdef" * 2)
        make_key(folders)
        assert person_key(folders) == bytes.fromhex("0123456789abcdef" * 2)
        (folders.root / "person_id.key").write_text("ff" * 16)
        with pytest.raises(DamagedError, match="is not the key that persons' ids were hashed with"):
            person_key(folders)

    def test_that_is_given_up_makes_way_for_another_and_stays_recorded(self, folders):
        make_key(folders)
        before = person_key(folders)
        forget_key(folders)
        make_key(folders)
        assert person_key(folders) != before
        assert [what for what, _, _ in forgotten(folders)] == ["person_id.key"]
