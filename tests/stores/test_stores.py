"""Exports that lie in stores: what is fetched, what is not fetched again, and what is told when a store says no."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from polars.testing import assert_frame_equal

from pipelines.ingest.canonical_tables import land_all
from pipelines.ingest.sources import landing_due, sent_files, unlanded_files
from tests.integration.small_company import SETTINGS, SmallCompany, exports
from warehouse import fetching
from warehouse.errors import ExportError, WarehouseError
from warehouse.landed import landed_files

CRM = ("accounts", "account_links", "renewals")
HEADER = "account_id,account_name,signup_on\n"


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were fetched."""
    told, fetch = list[str](), fetching.fetch

    def counted(stored: Any, copy: Path, what: str) -> None:
        told.append(what)
        fetch(stored, copy, what)

    monkeypatch.setattr(fetching, "fetch", counted)
    return told


def company(folder: Path, address: str, files: dict[str, Any] | None = None, **source: Any) -> SmallCompany:
    """A company whose CRM's exports lie at an address."""
    made = SmallCompany(folder)
    made.data.mkdir(parents=True)
    crm = {"form": "canonical", "folder": address, "files": files or {"accounts": "accounts*.csv*"}, **source}
    settings = {**SETTINGS, "segments": [], "sources": {"crm": crm}}
    made.config.write_text(yaml.safe_dump(settings))
    return made


def accounts(made: SmallCompany) -> list[str]:
    made.ingest(["accounts"])
    return made.project().staged("accounts")["account_id"].unique().sort().to_list()


def account(number: int) -> str:
    return f"A{number},Account {number},2023-03-20\n"


def test_tables_of_a_bucket_are_those_of_a_folder(tmp_path: Path, bucket: Any) -> None:
    here = SmallCompany(tmp_path / "here")
    here.data.mkdir(parents=True)
    for table in CRM:
        path = here.export(table, exports()[table])
        bucket.upload_file(str(path), f"crm/{path.name}")
    files = {table: f"{table}.csv" for table in CRM}
    settings = {**SETTINGS, "sources": {"crm": {"form": "canonical", "folder": "crm", "files": files}}}
    here.config.write_text(yaml.safe_dump(settings))
    there = company(tmp_path / "there", "s3://exports/crm", files)
    there.config.write_text(there.config.read_text().replace("segments: []", "segments: [region, size, tier]"))
    here.ingest(CRM)
    there.ingest(CRM)
    for table in CRM:
        own = ["export_file", "exported_at"]
        assert_frame_equal(there.project().staged(table).drop(own), here.project().staged(table).drop(own))
        assert there.project().staged(table).height > 0
    assert set(there.project().staged("accounts")["export_file"]) == {"crm/accounts.csv"}


def test_a_run_with_nothing_new_fetches_nothing_and_says_that_nothing_is_due(
    tmp_path: Path, bucket: Any, fetches: list[str]
) -> None:
    bucket.put_object(Key="crm/accounts.csv", Body=(HEADER + account(1)).encode())
    made = company(tmp_path, "s3://exports/crm")
    assert [file.name for file in unlanded_files(made.project())] == ["crm/accounts.csv"]
    assert accounts(made) == ["A1"]
    assert fetches == ["crm/accounts.csv"]
    again = made.project()
    assert unlanded_files(again) == []
    assert landing_due(again) is not None
    assert accounts(made) == ["A1"]
    assert fetches == ["crm/accounts.csv"]
    assert len(landed_files(again.folders)) == 1
    assert not list(again.folders.fetched.iterdir())


def test_a_changed_object_is_fetched_and_the_same_content_sent_again_changes_nothing(
    tmp_path: Path, bucket: Any, fetches: list[str]
) -> None:
    one, two = (HEADER + account(1)).encode(), (HEADER + account(1) + account(2)).encode()
    bucket.put_object(Key="crm/accounts.csv", Body=one)
    made = company(tmp_path, "s3://exports/crm")
    assert accounts(made) == ["A1"]
    bucket.put_object(Key="crm/accounts.csv", Body=one)
    assert accounts(made) == ["A1"]
    bucket.put_object(Key="crm/accounts.csv", Body=two)
    assert [file.key for file in unlanded_files(made.project())] == [("crm", "accounts", "crm/accounts.csv")]
    assert landing_due(made.project()) is None
    assert accounts(made) == ["A1", "A2"]
    assert fetches == ["crm/accounts.csv"] * 2


def test_a_landed_copy_that_was_damaged_is_fetched_again(tmp_path: Path, bucket: Any, fetches: list[str]) -> None:
    bucket.put_object(Key="crm/accounts.csv", Body=(HEADER + account(1)).encode())
    made = company(tmp_path, "s3://exports/crm")
    accounts(made)
    (landed,) = landed_files(made.project().folders)
    landed.path(made.project().folders).write_bytes(b"x" * landed.bytes)
    land_all(made.project())
    assert len(fetches) == 2
    assert accounts(made) == ["A1"]


def test_parts_and_packed_files_are_read_as_in_a_folder(tmp_path: Path, bucket: Any) -> None:
    bucket.put_object(Key="crm/accounts-2024-05-01.csv.gz", Body=gzip.compress((HEADER + account(1)).encode()))
    bucket.put_object(Key="crm/accounts-2024-06-01.csv", Body=(HEADER + account(1) + account(2)).encode())
    bucket.put_object(Key="crm/other/accounts.csv", Body=(HEADER + account(3)).encode())
    made = company(tmp_path, "s3://exports/crm")
    assert accounts(made) == ["A1", "A2"]
    told = {str(file.exported_at) for file in sent_files(made.project())}
    assert told == {"2024-04-30 22:00:00", "2024-05-31 22:00:00"}  # days in Berlin


def test_files_in_an_archive_of_a_bucket_are_files_of_the_folder(
    tmp_path: Path, bucket: Any, fetches: list[str]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("all/accounts.csv", HEADER + account(1))
        archive.writestr("all/tickets.csv", "nothing of ours\n")
    bucket.put_object(Key="crm/export-2024-05-01.zip", Body=packed.getvalue())
    made = company(tmp_path, "s3://exports/crm")
    assert accounts(made) == ["A1"]
    (landed,) = landed_files(made.project().folders)
    assert (landed.name, str(landed.exported_at)) == ("crm/export-2024-05-01.zip/accounts.csv", "2024-04-30 22:00:00")
    assert accounts(made) == ["A1"]
    assert fetches == [landed.name]


def test_an_object_that_is_not_there_is_told_by_its_name(tmp_path: Path, bucket: Any) -> None:
    made = company(tmp_path, "s3://exports/crm", {"accounts": "accounts.csv"})
    with pytest.raises(ExportError, match=r"^crm.accounts: there is no file crm/accounts.csv; put it there"):
        made.ingest(["accounts"])


def test_a_bucket_that_is_not_there_is_told_without_a_word_of_the_store(tmp_path: Path, bucket: Any) -> None:
    made = company(tmp_path, "s3://nobody-has-this/crm")
    with pytest.raises(WarehouseError) as told:
        made.ingest(["accounts"])
    assert "crm/accounts" in str(told.value)


def test_a_store_without_credentials_says_where_they_are_looked_for(
    tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    made = company(tmp_path / "c", "s3://exports/crm")
    with pytest.raises(ExportError, match=r"crm/accounts.*cannot be fetched \(\w+\); look whether .* the credentials$"):
        made.ingest(["accounts"])


def test_a_file_that_changes_while_it_is_fetched_is_told(
    tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_object(Key="crm/accounts.csv", Body=(HEADER + account(1)).encode())
    made = company(tmp_path, "s3://exports/crm")
    kind = fsspec.get_filesystem_class("s3")
    get_file = kind.get_file

    def slowly(self: Any, *arguments: Any, **named: Any) -> Any:
        bucket.put_object(Key="crm/accounts.csv", Body=(HEADER + account(9)).encode())
        return get_file(self, *arguments, **named)

    monkeypatch.setattr(kind, "get_file", slowly)
    with pytest.raises(ExportError, match=r"^crm/accounts.csv: the file changes while it is fetched; make run"):
        made.ingest(["accounts"])


def test_a_web_server_lists_files_or_is_asked_for_them_by_name(tmp_path: Path, web: tuple[Path, str]) -> None:
    folder, address = web
    (folder / "crm").mkdir()
    (folder / "crm" / "accounts.csv").write_text(HEADER + account(1))
    for number, pattern in enumerate(["accounts.csv", "accounts*.csv"]):
        assert accounts(company(tmp_path / str(number), f"{address}/crm", {"accounts": pattern})) == ["A1"]
    missing = company(tmp_path / "missing", f"{address}/crm", {"accounts": "kunden.csv"})
    with pytest.raises(ExportError, match=r"there is no file crm/kunden.csv"):
        missing.ingest(["accounts"])


def test_a_file_of_a_server_that_tells_when_it_was_written_is_fetched_once(
    tmp_path: Path, web: tuple[Path, str], fetches: list[str]
) -> None:
    folder, address = web
    (folder / "accounts.csv").write_text(HEADER + account(1))
    os.utime(folder / "accounts.csv", (1_714_600_000, 1_714_600_000))  # 2024-05-01 21:46:40 in UTC
    made = company(tmp_path / "c", address)
    assert accounts(made) == ["A1"]
    assert accounts(made) == ["A1"]
    assert len(fetches) == 1
    (landed,) = landed_files(made.project().folders)
    assert str(landed.exported_at) == "2024-05-01 21:46:40"


@pytest.mark.parametrize("web", ["says nothing of files"], indirect=True)
def test_a_file_of_a_server_that_tells_no_versions_is_fetched_by_each_run_and_known_by_its_content(
    tmp_path: Path, web: tuple[Path, str], fetches: list[str]
) -> None:
    folder, address = web
    (folder / "accounts.csv").write_text(HEADER + account(1))
    made = company(tmp_path / "c", address, {"accounts": "accounts.csv"})
    assert accounts(made) == ["A1"]
    assert accounts(made) == ["A1"]
    project = made.project()
    assert len(landed_files(project.folders)) == 1
    assert unlanded_files(project) == []  # nothing tells a sensor that there is anything new
    (folder / "accounts.csv").write_text(HEADER + account(2))
    assert accounts(made) == ["A1", "A2"]  # what the CRM once told of stays known
    assert len(fetches) == 3


def test_files_of_an_sftp_server_are_fetched_once(tmp_path: Path, sftp: tuple[Path, str], fetches: list[str]) -> None:
    folder, address = sftp
    (folder / "accounts.csv").write_text(HEADER + account(1))
    made = company(tmp_path / "c", address)
    assert accounts(made) == ["A1"]
    assert accounts(made) == ["A1"]
    assert len(fetches) == 1
    (folder / "accounts.csv").write_text(HEADER + account(1) + account(2))
    assert accounts(made) == ["A1", "A2"]


@pytest.mark.parametrize(
    ("address", "protocol"),
    [("gs://bucket/folder", "gs"), ("az://container/folder", "az"), ("https://host/a", "https")],
)
def test_what_speaks_to_other_stores_is_installed(address: str, protocol: str) -> None:
    assert protocol in fsspec.get_filesystem_class(protocol).protocol


def test_a_name_with_a_blank_is_told_and_matched_as_people_write_it(tmp_path: Path, web: tuple[Path, str]) -> None:
    folder, address = web
    (folder / "all accounts-1.csv").write_text(f"{HEADER}{account(1)}")
    made = company(tmp_path, address, {"accounts": "all accounts-*.csv"})
    assert accounts(made) == ["A1"]
    assert [file.name.rpartition("/")[2] for file in landed_files(made.project().folders)] == ["all accounts-1.csv"]


@pytest.mark.parametrize("pattern", ["part=*.csv", "part=1.csv"])
def test_a_name_is_found_however_the_server_spells_its_signs(
    tmp_path: Path, web: tuple[Path, str], pattern: str
) -> None:
    folder, address = web
    (folder / "part=1.csv").write_text(f"{HEADER}{account(1)}")  # which this server lists as part%3D1.csv
    assert accounts(company(tmp_path / "c", address, {"accounts": pattern})) == ["A1"]


def test_an_object_that_holds_several_tables_is_fetched_once(tmp_path: Path, bucket: Any, fetches: list[str]) -> None:
    begun = {"created": 1_704_067_200, "start_date": 1_704_067_200}
    price = {"id": "p", "currency": "eur", "unit_amount": 1000, "recurring": {"interval": "month", "interval_count": 1}}
    item = {"id": "si_1", "subscription": "sub_1", "quantity": 1, "price": price}
    told = {"id": "sub_1", "customer": "cus_1", "status": "active", **begun, "items": {"data": [item]}}
    bucket.put_object(Key="sent/subscriptions.jsonl", Body=f"{json.dumps(told)}\n".encode())
    made = company(tmp_path, "s3://exports/sent")
    stripe = {"form": "stripe", "written_by": "api", "folder": "s3://exports/sent"}
    made.config.write_text(yaml.safe_dump({**SETTINGS, "segments": [], "sources": {"billing": stripe}}))
    made.ingest(["subscription_items"])
    assert made.project().staged("subscription_items")["item_id"].to_list() == ["si_1"]
    assert fetches == ["sent/subscriptions.jsonl"]


def test_a_large_archive_of_a_server_that_gives_no_parts_of_files_is_read(
    tmp_path: Path, web: tuple[Path, str]
) -> None:
    folder, address = web
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("accounts.csv", f"{HEADER}{account(1)}")
        archive.writestr("pictures.bin", os.urandom(12_000_000))
    assert accounts(company(tmp_path, address, {"accounts": "accounts.csv"})) == ["A1"]


def test_an_archive_in_capitals_in_a_folder_with_brackets_is_looked_into(tmp_path: Path, bucket: Any) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("accounts-1.csv", f"{HEADER}{account(1)}")
        archive.writestr("notes.txt", "nothing of ours")
    bucket.put_object(Key="sent [new]/ALL.ZIP", Body=content.getvalue())
    made = company(tmp_path, f"s3://{bucket.name}/sent [new]", {"accounts": "accounts-*.csv"})
    assert accounts(made) == ["A1"]
