"""What was folded is kept: a run reads what is new, and makes what reading everything would make."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import pipelines.ingest.history
from tests.pipelines.test_versions_of_items import Billing, closings, item
from warehouse.kept import kept_path
from warehouse.landed import forget, landed_files

NAME = "subscription_items.billing"
DAYS = [f"2024-{month:02d}-{day:02d}" for month in (2, 3, 4) for day in (1, 9, 10, 20)]


class Counted:
    """The names of the files that are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        whole = pipelines.ingest.history.read_landed

        def counting(project: Any, form: Any, file: Any, **named: Any) -> Any:
            self.names.append(Path(file.name).name)
            return whole(project, form, file, **named)

        monkeypatch.setattr(pipelines.ingest.history, "read_landed", counting)

    def since(self) -> list[str]:
        names, self.names = self.names, []
        return names


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def made(billing: Billing) -> tuple[Any, ...]:
    """All that comes of an ingest."""
    rows = billing.quietly()
    quarantined = billing.quarantined.drop("run_id", "rejected_at")
    return rows.rows(), billing.columns, sorted(billing.told), sorted(quarantined.rows(), key=str)


def again(billing: Billing) -> tuple[Any, ...]:
    """The same of the next ingest, as if a staged file were lost."""
    (billing.folder / "data" / "staged" / "subscription_items.parquet").unlink()
    return made(billing)


def anew(billing: Billing) -> tuple[Any, ...]:
    """The same, with everything read again."""
    kept_path(_folders(billing), NAME).unlink(missing_ok=True)
    return again(billing)


def snapshots(billing: Billing, days: list[str], quantity: int = 1) -> None:
    billing.send({f"items-{day}.csv": [item(quantity=quantity + n)] for n, day in enumerate(days)})


@pytest.fixture(scope="module")
def of_five_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five daily snapshots that were ingested, to be copied."""
    billing = Billing(tmp_path_factory.mktemp("five_days"))
    snapshots(billing, DAYS[:5])
    billing.quietly()
    return billing.folder


@pytest.fixture
def five_days(of_five_days: Path, tmp_path: Path) -> Billing:
    shutil.copytree(of_five_days, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Billing(tmp_path)


class TestADailySnapshot:
    def test_is_read_on_its_day_and_on_the_next_and_then_never_again(self, five_days: Billing, read: Counted) -> None:
        billing = five_days
        snapshots(billing, DAYS[5:6], quantity=50)
        rows = billing.quietly()
        assert read.since() == [f"items-{day}.csv" for day in DAYS[4:6]]
        assert closings(rows, "2024-03")["2024-03"] == 5_000_00

    @pytest.mark.parametrize("changed", ["forgotten", "late", "config", "damaged", "edited"])
    def test_that_is_older_and_changes_makes_all_be_read_again(
        self, five_days: Billing, read: Counted, changed: str
    ) -> None:
        billing = five_days
        path = kept_path(_folders(billing), NAME)
        match changed:
            case "forgotten":
                (billing.folder / "billing" / f"items-{DAYS[1]}.csv").unlink()
            case "late":
                billing.send({"items-2024-02-02.csv": [item(quantity=9)]})
            case "config":
                source = {"form": "canonical", "folder": "billing", "files": {"subscription_items": "items*.csv"}}
                billing.configure("2024-06-30", {**source, "vanished": "ended"})
            case "damaged":
                path.write_bytes(path.read_bytes()[:-40])
                snapshots(billing, DAYS[5:6])
            case "edited":
                snapshots(billing, DAYS[2:3], quantity=77)
        rows = made(billing)
        assert len(read.since()) >= 5
        assert rows == anew(billing)

    def test_is_not_kept_beyond_its_files(self, tmp_path: Path) -> None:
        billing = Billing(tmp_path)
        snapshots(billing, DAYS[:3])
        billing.quietly()
        assert kept_path(_folders(billing), NAME).exists()
        folders = _folders(billing)
        for file in landed_files(folders)[:3]:
            if file.raw_table == "subscription_items" and DAYS[2] not in file.name:
                forget(folders, file)
                (tmp_path / file.name).unlink()
        billing.quietly()
        assert not kept_path(folders, NAME).exists()

    def test_is_kept_for_its_owner_only(self, tmp_path: Path) -> None:
        billing = Billing(tmp_path)
        snapshots(billing, DAYS[:2])
        billing.quietly()
        assert kept_path(_folders(billing), NAME).stat().st_mode & 0o777 == 0o600


def _folders(billing: Billing) -> Any:
    from pipelines.project import Project

    return Project(billing.folder / "company.yaml", billing.folder / "data").folders


@pytest.mark.parametrize("seed", range(2))
def test_whatever_arrives_in_whatever_order_the_rows_are_those_of_reading_everything(tmp_path: Path, seed: int) -> None:
    """Snapshots and told versions, of one name or of several, some late, some again, some with wrong rows."""
    chance = random.Random(seed)
    billing = Billing(tmp_path, vanished=chance.choice(["kept", "ended"]))
    tells = chance.choice([0, 0, 1, 0.3])
    days = sorted(DAYS, key=lambda day: (day if chance.random() < 0.9 else chance.choice(DAYS), day))
    for number, day in enumerate(days):
        told = chance.random() < tells
        rows = [
            item(
                subscription_id=f"S{n}",
                quantity=chance.randint(-1, 4) if chance.random() < 0.2 else n,
                ended_on=chance.choice([None, None, None, "2024-03-05"]),
                **({"valid_from": since} if told else {}),
            )
            for n in range(1, 5)
            if chance.random() < 0.8
            for since in (sorted(chance.sample(["2024-01-10", "2024-02-10", "2024-03-03"], 2)) if told else [None])
        ]
        name = chance.choice([f"items-{day}.csv", f"items-{day}.csv", f"items_eu-{day}.csv"])
        billing.send({name: rows or [item(**({"valid_from": "2024-01-10"} if told else {}))]})
        if number % 2 or chance.random() < 0.5:
            billing.quietly()
    billing.quietly()
    assert again(billing) == anew(billing)
