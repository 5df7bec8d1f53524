"""Processes that are killed anywhere: nothing is lost or torn, and the next run is right by itself.

A first run, a run after an export changed, and its publish are killed before and after each of their effects, in the
middle of their writes, and at random moments.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.integration.small_company import ONE_MONTH, SmallCompany, exports, published_once, small_company
from tests.soak.nursery import KILLED, Nursery, nursery
from warehouse.landed import landed_files
from warehouse.versions import current_version

SITUATIONS = ("a first run", "a changed run")
TOO_LARGE = -signal.SIGXFSZ


@dataclass(frozen=True)
class Situation:
    """A company as it is before a run, and what an undisturbed run makes of it."""

    before: SmallCompany
    frames: dict[str, pl.DataFrame]
    values: list[tuple[object, ...]]
    former: list[tuple[object, ...]]
    files: set[str]
    effects: list[tuple[str, str]]
    seconds: float


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


@pytest.fixture(scope="module")
def situation(commands: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Situation]:
    """Each situation, made once."""
    made: dict[str, Situation] = {}

    def of(name: str) -> Situation:
        if name not in made:
            folder = tmp_path_factory.mktemp("situation")
            if name == "a first run":
                before = small_company(folder / "company", **ONE_MONTH)
            else:
                before = published_once(tmp_path_factory, folder / "company", **ONE_MONTH)
                change(before)
            made[name] = undisturbed(before, commands, folder)
        return made[name]

    return of


def change(company: SmallCompany) -> None:
    """Tickets, a price and an account's name are others than they were."""
    rows = exports()
    company.export("tickets", rows["tickets"][:-3])
    items = rows["subscription_items"]
    company.export("subscription_items", [*items[:-1], {**items[-1], "unit_amount": 2 * int(items[-1]["unit_amount"])}])
    company.configure(**ONE_MONTH, change_limit={"default": 1.0})


def undisturbed(before: SmallCompany, commands: Nursery, folder: Path) -> Situation:
    after, log = before.copy(folder / "undisturbed"), folder / "effects.log"
    former = published(after)
    begun = time.monotonic()
    status, said = commands.run(after, "run", effects=str(log))
    seconds = time.monotonic() - begun
    assert status == 0, said
    effects = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
    return Situation(before, after.frames(), published(after), former, files_of(after), effects, seconds)


def published(company: SmallCompany) -> list[tuple[object, ...]]:
    """What readers get: each value, and the version that all of it is of."""
    path = company.project().folders.published_database
    if not path.exists():
        return []
    with duckdb.connect(str(path), read_only=True) as readers:
        return readers.sql("SELECT metric, month, dimension, segment, value FROM metric_month ORDER BY ALL").fetchall()


def files_of(company: SmallCompany) -> set[str]:
    """Names of what is in the data folder, but for Dagster's history."""
    found = (path.relative_to(company.data) for path in company.data.rglob("*"))
    return {str(path) for path in found if path.parts[0] != "dagster" and not path.name.endswith((".lock", ".holder"))}


def check(of: Situation, company: SmallCompany, commands: Nursery) -> None:
    """After a kill: readers have the old version or the new, whole; the next run is right by itself and leaves none."""
    assert published(company) in (of.former, of.values), "readers see something between two versions"
    status, said = commands.run(company, "run")
    assert status == 0, said
    after = company.frames()
    assert [name for name, frame in of.frames.items() if not frame.equals(after[name])] == []
    assert published(company) == of.values
    assert company.stale() == []
    assert all(file.path(company.project().folders).exists() for file in landed_files(company.project().folders))
    left = {name for name in files_of(company) - of.files if not name.startswith("published/")}
    assert left == set(), "something is left behind"


def places(effects: list[tuple[str, str]]) -> list[int]:
    """Numbers of the effects before which a process is to die: of each place in the code the first and the last."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, effect in enumerate(effects):
        numbers.setdefault(effect, []).append(number)
    ends = {number for found in numbers.values() for number in (found[0], found[-1])}
    # Before the effect after it, too: what comes between two effects is in memory only.
    return sorted(ends | {number + 1 for number in ends if number + 1 < len(effects)})


@pytest.mark.parametrize("name", SITUATIONS)
def test_killed_before_and_after_each_effect_the_next_run_is_right_by_itself(
    name, situation, commands, times, counted, tmp_path
):
    of = situation(name)
    wanted = places(of.effects)
    kinds = Counter(what for what, _ in of.effects)
    chosen = wanted[:: max(1, round(len(wanted) / times(len(wanted))))]
    for number in chosen:
        company = of.before.copy(tmp_path / f"effect{number}")
        status, said = commands.run(company, "run", die_at=number)
        assert status == KILLED, said
        check(of, company, commands)
    counted(f"{name}: {len(of.effects)} effects ({dict(kinds)}); killed at {len(chosen)} of {len(wanted)}")


@pytest.mark.parametrize("name", SITUATIONS)
def test_killed_in_the_middle_of_a_write_the_next_run_is_right_by_itself(
    name, situation, commands, times, counted, tmp_path
):
    """Sizes at which the operating system ends the process, from a byte to more than any file has."""
    of = situation(name)
    ended = Counter()
    count = times(40)
    for number in range(count):
        largest = round(10 ** (7 * (number + 0.5) / count))
        company = of.before.copy(tmp_path / f"size{number}")
        status, said = commands.run(company, "run", largest_file=largest)
        assert status in (0, TOO_LARGE), said
        ended[status] += 1
        check(of, company, commands)
    counted(f"{name}: {ended[TOO_LARGE]} writes cut in their middle, {ended[0]} runs that wrote no larger file")


@pytest.mark.parametrize("name", SITUATIONS)
def test_killed_at_a_random_moment_the_next_run_is_right_by_itself(name, situation, commands, times, counted, tmp_path):
    of, chance = situation(name), random.Random(name)
    ended = Counter()
    for number in range(times(250)):
        company = of.before.copy(tmp_path / f"kill{number}")
        child = commands.start(company, "run")
        time.sleep(chance.uniform(0, of.seconds))
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(child.pid, signal.SIGKILL)
        status = child.wait()
        assert status in (0, KILLED), child.said()
        ended[status] += 1
        check(of, company, commands)
        assert current_version(company.project().folders) in {1, 2}
    counted(f"{name}: {ended[KILLED]} kills, {ended[0]} had ended before")
