"""Writers of the working database that are killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from tests.warehouse.test_database import (
    FEBRUARY,
    JANUARY,
    MILESTONES,
    ROOT,
    SCORES,
    accounts_of,
    builds,
    built,
    database,
    milestones,
    prepared,
    scores,
)
from warehouse.database import WorkingDatabase
from warehouse.errors import DamagedError

__all__ = ["database", "prepared"]


def write_states(path: Path) -> None:
    """Write February over and over, each time with another number, until killed; runs in a process of its own."""
    database = WorkingDatabase(path)
    number = int(database.read("build")["fingerprint"].cast(pl.Int64).max() or 0)
    say(os.getpid())
    while True:
        number += 1
        who = [f"account {position}" for position in range(200 + number % 50)]
        made = builds((SCORES, FEBRUARY), (MILESTONES, FEBRUARY), fingerprint=str(number), count=len(who))
        frames = {SCORES: scores(FEBRUARY, *who, cents=number), MILESTONES: milestones(FEBRUARY, *who)}
        database.write_months(frames, [FEBRUARY], made)
        say(number)


def say(what: object) -> None:
    os.write(1, f"{what}\n".encode())


NURSERY = """
import os, sys, traceback
from pathlib import Path
from tests.soak.test_writers import say, write_states
for line in sys.stdin:
    if os.fork() == 0:
        try:
            write_states(Path(line.strip()))
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    say(f"signal {os.WTERMSIG(os.wait()[1])}")
"""
"""A process that has imported everything and starts a writer for each line it is sent: much faster than 25 starts."""


def test_a_writer_killed_at_any_moment_leaves_the_old_month_or_the_new(prepared, database, times, counted):
    january = {SCORES: scores(JANUARY, "a"), MILESTONES: milestones(JANUARY, "a")}
    made = builds((SCORES, JANUARY), (MILESTONES, JANUARY), fingerprint="0")
    database.write_months(january, [JANUARY], made)
    chance, damaged = random.Random(11), 0
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for _ in range(times(250)):
            nursery.stdin.write(f"{database.path}\n")
            nursery.stdin.flush()
            writer, begun = int(nursery.stdout.readline()), time.monotonic()
            written = int(nursery.stdout.readline())
            # The kill falls somewhere in the next write or two, however busy the machine is.
            time.sleep(chance.uniform(0, 1.5 * (time.monotonic() - begun)))
            os.kill(writer, signal.SIGKILL)
            said = nursery.stdout.readline().strip()
            while said.isdigit():
                written, said = int(said), nursery.stdout.readline().strip()
            assert said == f"signal {int(signal.SIGKILL)}", "the writer died by itself"
            try:
                database.read(SCORES, (JANUARY, JANUARY))
            except DamagedError:
                # DuckDB writes blocks of its own records anew where they are; a run tells it and mends it.
                damaged += 1
                database.path.unlink()
                database.path.with_name(f"{database.path.name}.wal").unlink(missing_ok=True)
                shutil.copy(prepared, database.path)
                database.write_months(january, [JANUARY], made)
                continue
            with database.kept_open():
                found = {table: database.read(table, (FEBRUARY, FEBRUARY)) for table in (SCORES, MILESTONES)}
                told = [row for row in built(database) if row[1] == FEBRUARY]
                assert accounts_of(database, JANUARY) == accounts_of(database, JANUARY, MILESTONES) == ["a"]
            number = found[SCORES]["closing_cents"].unique().item()
            assert number in {written, written + 1}, "a write that was finished is gone"
            who = {f"account {position}" for position in range(200 + number % 50)}
            assert all(set(frame["account_id"]) == who and frame.height == len(who) for frame in found.values())
            assert told == [(table, FEBRUARY, str(number), len(who)) for table in (SCORES, MILESTONES)]
        nursery.stdin.close()
    assert damaged <= 1
    counted(f"{times(250)} writers killed: 0 months torn or lost, {damaged} files that DuckDB said were damaged")
