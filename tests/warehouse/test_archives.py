"""Files that are not at hand as they are: in archives of several, and in stores that nothing here speaks to."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml

from pipelines.ingest.canonical_tables import land_all
from pipelines.ingest.sources import sent_files, unlanded_files
from schemas.config import Source
from tests.integration.small_company import SETTINGS, SmallCompany
from warehouse.errors import ConfigError, ExportError, WarehouseError
from warehouse.landed import landed_files

HEADER = "account_id,account_name,signup_on\n"
LINKS = "source,source_account_id,account_id\n"


def company(folder: Path, where: str, files: dict[str, Any]) -> SmallCompany:
    made = SmallCompany(folder)
    made.data.mkdir(parents=True)
    (folder / "crm").mkdir()
    sources = {"crm": {"form": "canonical", "folder": where, "files": files}}
    made.config.write_text(yaml.safe_dump({**SETTINGS, "segments": [], "sources": sources}))
    return made


def packed(**members: str | bytes) -> bytes:
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return told.getvalue()


def accounts(made: SmallCompany) -> list[str]:
    made.ingest(["accounts", "account_links"])
    return made.project().staged("accounts")["account_id"].sort().to_list()


BOTH = {"accounts": "accounts*.csv", "account_links": "account_links.csv"}


def test_files_of_an_archive_are_files_of_its_folder_whatever_the_archive_is_called(tmp_path: Path):
    made = company(tmp_path, "crm", BOTH)
    members = {"accounts.csv": f"{HEADER}A1,One,2023-03-20\n", "weekly/account_links.csv": f"{LINKS}billing,c1,A1\n"}
    (tmp_path / "crm" / "Weekly export").write_bytes(
        packed(**members, **{"__MACOSX/accounts.csv": "x", ".accounts.csv": "x"})
    )
    assert accounts(made) == ["A1"]
    assert made.project().staged("account_links").select("source_account_id", "account_id").rows() == [("c1", "A1")]
    names = sorted(file.name for file in landed_files(made.project().folders))
    assert names == ["crm/Weekly export/account_links.csv", "crm/Weekly export/accounts.csv"]
    assert unlanded_files(made.project()) == []


def test_a_member_that_changes_is_landed_again_and_the_others_are_not(tmp_path: Path):
    made, archive = company(tmp_path, "crm", BOTH), tmp_path / "crm" / "export.zip"
    told = {"accounts.csv": f"{HEADER}A1,One,2023-03-20\n", "account_links.csv": f"{LINKS}billing,c1,A1\n"}
    archive.write_bytes(packed(**told))
    assert accounts(made) == ["A1"]
    archive.write_bytes(packed(**{**told, "account_links.csv": f"{LINKS}billing,c2,A1\n"}))
    assert [file.name for file in unlanded_files(made.project())] == ["crm/export.zip/account_links.csv"]
    land_all(made.project())
    landed = [file.name for file in landed_files(made.project().folders)]
    assert sorted(landed) == ["crm/export.zip/account_links.csv"] * 2 + ["crm/export.zip/accounts.csv"]


def test_an_archive_of_one_file_is_that_file_by_its_own_name(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": "accounts.zip"})
    (tmp_path / "crm" / "accounts.zip").write_bytes(packed(whatever=f"{HEADER}A1,One,2023-03-20\n"))
    assert [file.name for file in sent_files(made.project())] == ["crm/accounts.zip"]


@pytest.mark.parametrize("lost", [0, 6])
def test_the_file_of_an_archive_of_one_may_be_packed_itself(tmp_path: Path, lost: int):
    made = company(tmp_path, "crm", {"accounts": "accounts.zip"})
    told = gzip.compress(f"{HEADER}A1,One,2023-03-20\n".encode(), mtime=0)
    (tmp_path / "crm" / "accounts.zip").write_bytes(packed(**{"accounts.csv.gz": told[: len(told) - lost]}))
    if lost:
        with pytest.raises(ExportError, match=r"^crm/accounts.zip: what is packed in it is broken off or damaged"):
            land_all(made.project())
        return
    made.ingest(["accounts"])
    assert made.project().staged("accounts")["account_id"].to_list() == ["A1"]


def test_an_archive_that_a_pattern_means_is_the_files_in_it_if_there_are_several(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": ["accounts*"], "account_links": "account_links*"})
    told = {"accounts.csv": f"{HEADER}A1,One,2023-03-20\n", "account_links.csv": f"{LINKS}billing,c1,A1\n"}
    (tmp_path / "crm" / "accounts-2024-05-01.zip").write_bytes(packed(**told))
    (file,) = [file for file in sent_files(made.project()) if file.raw_table == "accounts"]
    assert file.name == "crm/accounts-2024-05-01.zip/accounts.csv"
    assert str(file.exported_at) == "2024-04-30 22:00:00"  # the archive's day, in Berlin


def test_an_archive_that_was_meant_and_holds_nothing_of_such_a_name_is_told_and_another_is_not(tmp_path: Path):
    made = company(tmp_path, ".", {})
    source = {"form": "freshdesk", "written_by": "api", "folder": "crm"}
    made.config.write_text(yaml.safe_dump({**SETTINGS, "segments": [], "sources": {"help": source}}))
    (tmp_path / "crm" / "companies.jsonl").write_text('{"id": 1, "name": "Acme"}\n')
    several = packed(**{"part_1.jsonl": '{"id": 1}\n', "part_2.jsonl": '{"id": 2}\n'})
    (tmp_path / "crm" / "backup.zip").write_bytes(several)
    assert {file.name for file in sent_files(made.project())} == {"crm/companies.jsonl"}
    (tmp_path / "crm" / "tickets.zip").write_bytes(several)
    told = r"crm/tickets\.zip: this is an archive of several files, none of which is called as a file of this source"
    with pytest.raises(ExportError, match=told):
        sent_files(made.project())
    (tmp_path / "crm" / "tickets.zip").write_bytes(packed(**{"part_1.jsonl": '{"id": 1}\n', "tickets.jsonl": "{}"}))
    found = {file.name for file in sent_files(made.project())}
    assert found == {"crm/companies.jsonl", "crm/tickets.zip/tickets.jsonl"}


def test_a_workbook_is_no_archive_of_files(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": "accounts.xlsx"})
    book = packed(**{"[Content_Types].xml": "x", "accounts.csv": HEADER})
    (tmp_path / "crm" / "accounts.xlsx").write_bytes(book)
    with pytest.raises(ExportError, match="this is an Excel workbook"):
        land_all(made.project())


def test_an_archive_that_is_broken_off_is_told_by_its_name(tmp_path: Path):
    made = company(tmp_path, "crm", BOTH)
    (tmp_path / "crm" / "export.zip").write_bytes(packed(**{"accounts.csv": HEADER, "account_links.csv": LINKS})[:-30])
    with pytest.raises(ExportError, match=r"^crm/export.zip: what is packed in it is broken off or damaged"):
        land_all(made.project())


def test_a_store_that_nothing_installed_speaks_to_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def absent(*_: Any) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", absent)
    made = company(tmp_path, "s3://bucket/crm", BOTH)
    with pytest.raises(ConfigError, match=r"^s3://bucket/crm: what speaks to s3:// is not installed: make stores$"):
        land_all(made.project())


def test_an_address_of_no_store_is_a_fault_of_the_config(tmp_path: Path):
    made = company(tmp_path, "gopher://hole/crm", BOTH)
    with pytest.raises(WarehouseError, match=r"gopher:// is no store; expected an address like s3://bucket/folder"):
        land_all(made.project())


@pytest.mark.parametrize(
    "address",
    ["sftp://me:secret@host/x", "https://host/x?sig=abc", "https://host/x?X-Amz-Security-Token=1", "s3://k:s@bucket"],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path, address: str):
    with pytest.raises(ConfigError, match=r"sources\.crm\.folder: .*without a password") as told:
        company(tmp_path, address, BOTH).project().config  # noqa: B018 - reading it is what is refused
    assert address not in str(told.value)


def test_an_address_may_name_who_asks_and_a_port():
    assert Source(form="canonical", folder="sftp://me@host:2222/x").folder == "sftp://me@host:2222/x"


def test_an_archive_that_has_only_one_file_today_is_still_looked_into(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": "accounts*.csv"})
    (tmp_path / "crm" / "export.zip").write_bytes(packed(**{"accounts.csv": f"{HEADER}A1,One,2023-03-20\n"}))
    assert [file.name for file in sent_files(made.project())] == ["crm/export.zip/accounts.csv"]


def test_names_with_signs_of_links_are_whole_names(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": "accounts*.csv"})
    for number in (1, 2):
        told = {"accounts.csv": f"{HEADER}A{number},One,2023-03-20\n", "other.csv": "x"}
        (tmp_path / "crm" / f"what? #{number}.zip").write_bytes(packed(**told))
    names = [file.name for file in sent_files(made.project())]
    assert names == ["crm/what? #1.zip/accounts.csv", "crm/what? #2.zip/accounts.csv"]


def test_a_folder_and_a_link_to_it_hold_the_same_files(tmp_path: Path):
    made = company(tmp_path, "crm", {"accounts": "accounts.csv"})
    (tmp_path / "crm" / "accounts.csv").write_text(f"{HEADER}A1,One,2023-03-20\n")
    told = yaml.safe_load(made.config.read_text())
    told["sources"]["again"] = {**told["sources"]["crm"], "folder": f"file://{tmp_path / 'crm'}"}
    made.config.write_text(yaml.safe_dump(told))
    with pytest.raises(ExportError, match="a file belongs to one source"):
        sent_files(made.project())
