"""A table in many files: a run reads those that are new, and makes what reading all of them would make."""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import pipelines.ingest.by_part
from tests.integration.small_company import ONE_MONTH, Row, SmallCompany, exports, small_company

FIRST, LATER = 1_719_700_000, 1_719_730_000
"""When exports were written: on the last days of June 2024."""


class Files:
    """Usage of the last months, a file for each, and the names of those that are read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.company = small_company(folder, **ONE_MONTH)
        self.company.configure(**ONE_MONTH, files={"usage_events": "usage-*.csv"})
        whole, self.read = pipelines.ingest.by_part.read_valid_parts, list[str]()

        def reading(project: Any, form: Any, files: Any) -> Any:
            self.read.extend(Path(file.name).name for file in files)
            return whole(project, form, files)

        monkeypatch.setattr(pipelines.ingest.by_part, "read_valid_parts", reading)

    def send(self, *months: str, **changed: Any) -> "Files":
        for month in months:
            rows = [row for row in exports()["usage_events"] if f"{row['occurred_at']:%Y-%m}" == month]
            path = self.company.export("usage_events", [{**rows[0], **changed}, *rows[1:]], name=f"usage-{month}.csv")
            os.utime(path, (LATER, LATER) if changed else (FIRST, FIRST))
        return self

    def ingest(self) -> list[str]:
        """The names of the files of usage that an ingest reads."""
        self.read.clear()
        self.company.ingest(["usage_events"])
        return [name for name in self.read if name.startswith("usage")]

    def made(self) -> list[Any]:
        """The staged rows, and what became of all others."""
        project = self.company.project()
        with project.database.kept_open():
            told = [project.database.read(table, where={"table_name": ["usage_events"]}) for table in
                    ("export_file", "quarantine", "left_out", "content_month")]  # fmt: skip
            staged = project.staged("usage_events")
        quarantined = self.company.data / "quarantine" / "usage_events.csv"
        texts = quarantined.read_text().splitlines() if quarantined.exists() else []
        plain = [frame.drop("rejected_at", "landed_at", strict=False) for frame in told]
        return [staged.rows(), *(sorted(frame.rows(), key=str) for frame in plain), sorted(texts)]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(tmp_path / "company", monkeypatch).send("2024-03", "2024-04", "2024-05")


def kept(company: SmallCompany) -> list[Path]:
    return sorted(company.data.rglob("usage_events.*kept.zip"))


WRONG: Row = {"event_count": -1}
WORDS: Row = {"seconds": "some"}


def test_only_what_is_new_is_read(files: Files) -> None:
    assert len(files.ingest()) == 3
    files.send("2024-06")
    assert files.ingest() == ["usage-2024-06.csv"]
    assert len(kept(files.company)) == 4
    files.send("2024-04", **WRONG)
    assert files.ingest() == ["usage-2024-04.csv"]


@pytest.mark.parametrize("wrong", [WRONG, WORDS], ids=["a rule broken", "a value that is none"])
def test_what_is_made_is_what_reading_all_of_them_makes(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Row
) -> None:
    files.send("2024-03", **wrong).ingest()
    files.send("2024-06").ingest()
    assert files.read.count("usage-2024-03.csv") == 0
    alone = Files(tmp_path / "alone", monkeypatch)
    alone.send("2024-04", "2024-05", "2024-06").send("2024-03", **wrong).ingest()
    assert files.made() == alone.made()
    assert "usage-2024-03.csv" in str(files.made()[-1])


def test_what_is_kept_of_a_file_goes_with_it(files: Files) -> None:
    files.ingest()
    (files.company.folder / "product" / "usage-2024-03.csv").unlink()
    assert files.ingest() == []
    assert len(kept(files.company)) == 2


def test_a_file_alone_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Files(tmp_path / "company", monkeypatch).send("2024-05")
    assert alone.ingest() == ["usage-2024-05.csv"]
    assert kept(alone.company) == []


def test_what_is_damaged_is_read_again(files: Files) -> None:
    files.ingest()
    first = kept(files.company)[0]
    first.write_bytes(first.read_bytes()[:-40])
    files.send("2024-06")
    assert len(files.ingest()) == 2


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_of_it_stops_a_run_or_takes_rows_away(files: Files, seed: int) -> None:
    """Bits that are flipped anywhere, in the list at the archive's end above all."""
    files.ingest()
    whole, chance = files.made()[0], random.Random(seed)
    for path in kept(files.company):
        content = bytearray(path.read_bytes())
        for _ in range(3):
            content[chance.randrange(len(content) - 400, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    shutil.rmtree(files.company.data / "staged" / "usage_events")
    files.ingest()
    assert files.made()[0] == whole


def test_another_source_in_the_config_makes_all_be_read_again(files: Files) -> None:
    """Names of sources decide which accounts are named right."""
    files.ingest()
    text = files.company.config.read_text()
    files.company.config.write_text(text.replace("  product:", "  products:"))
    assert len(files.ingest()) == 3
