"""Which files of a lake there are, and which version of each: told by listing alone, on a disk and in a store."""

import os
from pathlib import Path

import fsspec
import pytest
import yaml

from tests.frames import at
from tests.integration.small_company import SETTINGS
from transforms.clean.vendors import FORMS
from warehouse.configuration import load_config
from warehouse.errors import ExportError
from warehouse.lake import lake_files


def listed(folder: Path, patterns: str | list[str], **others: str):
    sources = {"product": {"form": "canonical", "folder": "product", "files": {"usage_events": patterns}}}
    sources |= {
        name: {"form": "canonical", "folder": "product", "files": {"usage_events": pattern}}
        for name, pattern in others.items()
    }
    config = folder / "company.yaml"
    config.write_text(yaml.safe_dump({**SETTINGS, "sources": sources, "engine": {"kind": "spark"}}))
    return lake_files(load_config(config), FORMS)


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "product").mkdir()
    for name in ("events-2024-06-28.parquet", "events-b.parquet"):
        (tmp_path / "product" / name).write_text("none is opened")
        os.utime(tmp_path / "product" / name, (0, 86_400))
    return tmp_path


def test_a_file_is_told_by_folder_and_name_and_was_exported_on_the_day_in_its_name_or_when_it_was_written(lake):
    found = listed(lake, "events-*")
    assert list(found) == [f"file://{lake}/product/events-{end}.parquet" for end in ("2024-06-28", "b")]
    assert [file.name for file in found.values()] == [f"product/events-{end}.parquet" for end in ("2024-06-28", "b")]
    # The company reports in Berlin, where the day begins two hours earlier.
    assert [file.exported_at for file in found.values()] == [at("2024-06-27T22:00"), at("1970-01-02")]


@pytest.mark.parametrize("change", ["size", "time", "path"])
def test_another_size_time_or_path_is_another_version(lake, change):
    path = lake / "product/events-b.parquet"
    before = {file.sha256 for file in listed(lake, "events-*").values()}
    if change == "size":
        path.write_text("one more")
        os.utime(path, (0, 86_400))
    elif change == "time":
        os.utime(path, (0, 86_401))
    else:
        path.rename(path.with_name("events-c.parquet"))
    after = {file.sha256 for file in listed(lake, "events-*").values()}
    assert len(before & after) == 1
    assert len(after - before) == 1


def test_a_store_is_listed_through_its_file_system(tmp_path):
    store = fsspec.filesystem("memory")
    for name in ("a.parquet", "b.parquet", "other.txt"):
        store.pipe_file(f"/bucket/events/{name}", b"x" * 7)
    found = listed(tmp_path, "memory:///bucket/events/*.parquet")
    assert [file.name for file in found.values()] == ["events/a.parquet", "events/b.parquet"]
    assert {file.bytes for file in found.values()} == {7}


def test_a_file_that_is_not_there_is_told(lake):
    with pytest.raises(ExportError, match=r"product\.usage_events: there is no file product/none-\*; put it there"):
        listed(lake, "none-*")


def test_a_file_belongs_to_one_source(lake):
    with pytest.raises(ExportError, match="the sources other and product name one file, product/events-b"):
        listed(lake, "events-*", other="events-b*")


def test_what_two_patterns_match_is_one_file(lake):
    assert len(listed(lake, ["events-*", "events-b*"])) == 2


def test_two_files_of_one_name_are_refused(lake):
    for folder in ("x/same", "y/same"):
        (lake / "product" / folder).mkdir(parents=True)
        (lake / "product" / folder / "e.parquet").touch()
    with pytest.raises(ExportError, match=r"two files are both called same/e\.parquet"):
        listed(lake, ["x/same/*", "y/same/*"])
