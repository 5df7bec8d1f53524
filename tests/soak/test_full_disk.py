"""Disks that are full at some point of a run: the run says so, and the next one is right once there is room."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_company import ONE_MONTH, SmallCompany, published_once, small_company
from tests.soak.nursery import Nursery, nursery
from tests.soak.test_kills import published

MEGABYTE = 1 << 20
MOUNT = 'mount -t tmpfs -o size=$0 tmpfs "$1" && shift && exec "$@"'
"""A disk of our own: in memory, of a size that is changed while it is in use."""


def own_disk(place: Path, size: int) -> list[str]:
    """What starts a program that has a disk of `size` bytes at the place; nobody else sees it."""
    private = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*private, "sh", "-c", MOUNT, str(size), str(place)]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("disk")
    done = subprocess.run([*own_disk(place, MEGABYTE), "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"no disk of our own may be made here, so nothing is known: {done.stderr}"
    return place


@pytest.fixture(scope="module")
def commands(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery"), *own_disk(disk, 400 * MEGABYTE)) as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    return published_once(tmp_path_factory, tmp_path_factory.mktemp("undisturbed") / "company", **ONE_MONTH)


def test_of_forty_sizes_the_run_says_so_and_the_next_one_is_right(
    commands, disk, undisturbed, tmp_path, times, counted
):
    made = small_company(tmp_path / "company", **ONE_MONTH)
    # The nursery's own view: others see an empty folder where its disk is.
    seen = Path(f"/proc/{commands.process.pid}/root{disk}")
    company, told = SmallCompany(disk / "company"), Counter()
    count = times(40)
    for number in range(count):
        shutil.copytree(made.folder, seen / "company")
        # From hardly more than the exports to as much as a whole run takes.
        free = round(40 * MEGABYTE * (number + 0.5) / count)
        ballast = seen / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(seen).free - free)
        status, said = commands.run(company, "run")
        if status:
            assert status == 1 and "Traceback" not in said, said
            errors = [line for line in said.splitlines() if line.startswith("error: ")]
            assert errors and all("the disk is full" in line and "make run" in line for line in errors), said
        told[status] += 1
        ballast.unlink()
        status, said = commands.run(company, "run")
        assert status == 0, said
        found = SmallCompany(tmp_path / f"after{number}")
        shutil.move(seen / "company", found.folder)
        assert published(found) == published(undisturbed)
        assert found.stale() == []
    counted(f"{told[1]} full disks, {told[0]} sizes with room enough; 0 wrong after")
