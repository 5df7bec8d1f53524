"""Damage below the data folder: the doctor finds it, and the next run mends it or says what a person must do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.commands.doctor import doctor
from pipelines.mending import mend
from tests.integration.small_company import ONE_MONTH, SmallCompany, ordered, published_once
from warehouse.errors import DamagedError
from warehouse.landed import LIST, TWIN, forget_unlisted, landed_files
from warehouse.parquet import LIST as PARQUET_LIST

MONTH = "metric_month/month=2024-06-01.parquet"


@pytest.fixture
def company(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """One month, published."""
    return published_once(tmp_path_factory, tmp_path / "company", **ONE_MONTH)


def wrong(company: SmallCompany) -> list[str]:
    """What the doctor says is wrong."""
    lines, well = doctor(company.project())
    found = [line for line in lines if line.startswith("WRONG")]
    assert well == (not found)
    return found


def flip(path: Path, start: int = 300, number: int = 30) -> None:
    """Turn some bytes over."""
    content = bytearray(path.read_bytes())
    content[start : start + number] = bytes(255 - byte for byte in content[start : start + number])
    path.chmod(0o600)
    path.write_bytes(content)


def parquet(company: SmallCompany) -> Path:
    return company.data / "published" / "parquet"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a month is gone": lambda folder: (folder / MONTH).unlink(),
    "a month's bytes are others": lambda folder: flip(folder / MONTH),
    "a whole table is gone": lambda folder: (folder / "dim_account.parquet").unlink(),
    "the list is gone": lambda folder: (folder / PARQUET_LIST).unlink(),
    "the list is cut": lambda folder: (folder / PARQUET_LIST).write_text('{"made": {'),
    "all of it is gone": lambda folder: shutil.rmtree(folder.resolve()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_parquet_files_are_made_again_from_the_database_beside_them(company: SmallCompany, damage: str) -> None:
    before = {path.relative_to(parquet(company)): path.read_bytes() for path in parquet(company).glob("*/*.parquet")}
    DAMAGES[damage](parquet(company))
    (found,) = wrong(company)
    assert "of version 1 are not what was written: make run" in found
    (told,) = mend(company.project())
    assert "of version 1 were not what was written: all are made again" in told
    assert wrong(company) == []
    after = {path.relative_to(parquet(company)): path.read_bytes() for path in parquet(company).glob("*/*.parquet")}
    assert after == before
    assert mend(company.project()) == []


def test_a_link_to_the_parquet_files_that_is_gone_is_made_again(company: SmallCompany) -> None:
    parquet(company).unlink()
    (found,) = wrong(company)
    assert "the link parquet does not lead to version 1: make run" in found
    assert mend(company.project()) == ["published/parquet did not lead to what readers get, and does now"]
    assert wrong(company) == []


def test_both_are_mended_and_told(company: SmallCompany) -> None:
    (parquet(company) / MONTH).unlink()
    parquet(company).unlink()
    assert len(wrong(company)) == 2
    assert len(mend(company.project())) == 2
    assert wrong(company) == []


def test_a_month_that_is_not_what_was_written_is_linked_to_no_new_version(company: SmallCompany) -> None:
    flip(parquet(company) / MONTH)
    damaged = (parquet(company) / MONTH).resolve()
    assert company.publish() == 2
    assert not damaged.samefile(parquet(company) / MONTH)
    rows = company.frames(["metric_month"])["metric_month"]
    assert ordered(pl.read_parquet(parquet(company) / MONTH)).equals(rows)
    assert wrong(company) == []


def test_a_table_without_rows_has_a_parquet_file(company: SmallCompany) -> None:
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT * FROM '{parquet(company)}/metric_relation/*.parquet'")
        assert found.fetchall() == []
        assert found.columns[:2] == ["month", "metric"]


def test_landed_files_that_are_gone_with_their_list_are_not_taken_for_a_beginning(company: SmallCompany) -> None:
    shutil.rmtree(company.data / "landed")
    assert any("the list of landed files, is not there" in line and "FILE=unlisted" in line for line in wrong(company))
    with pytest.raises(DamagedError, match="the list of landed files, is not there, and so is its twin"):
        mend(company.project())
    # As it says, their history may be given up.
    forget_unlisted(company.project().folders)
    assert landed_files(company.project().folders) == []
    mend(company.project())
    company.ingest()
    assert wrong(company) == []


def test_of_two_damaged_lists_the_doctor_says_what_a_person_must_do(company: SmallCompany) -> None:
    for name in (LIST, TWIN):
        flip(company.data / "landed" / name, 3000, 2000)
    assert wrong(company)
    for line in wrong(company):
        assert "from a backup" in line and "FILE=unlisted" in line, line
        assert "from its twin" not in line


def test_a_folder_in_the_place_of_the_working_database_is_set_aside(company: SmallCompany) -> None:
    path = company.project().folders.working_database
    path.unlink()
    path.mkdir()
    assert any("working.duckdb is no file: make run" in line for line in wrong(company))
    assert any("could not be read and is made again" in line for line in mend(company.project()))
    assert not path.is_dir()
