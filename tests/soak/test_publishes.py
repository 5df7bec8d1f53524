"""Publishes that are killed, and that others read all the time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import duckdb
import polars as pl
import pytest

from schemas.tables import PUBLISHED
from tests.warehouse.test_publishing import (
    JANUARY,
    MONTHS,
    ROOT,
    ask,
    company,
    consistent,
    database,
    filled,
    first,
    folders,
    release,
    some_time_later,
    told,
)
from warehouse import publishing
from warehouse.database import WorkingDatabase
from warehouse.folders import Folders
from warehouse.publishing import publications, publish
from warehouse.upkeep import forget_but_keys
from warehouse.versions import current_version, home, remove_old

__all__ = ["consistent", "database", "first", "folders", "release"]


class TestReaders:
    def test_twenty_that_open_it_all_the_time_never_fail_and_never_see_a_mixture(self, database, folders, tmp_path):
        """Each opens it once in the time that a publish takes, one after the other, so that each part of it is met.

        How long they pause is measured: by the clock, a busy machine would have them open it many times as often.
        """
        begun = time.monotonic()
        publish_state(database, folders, 1)
        pause, stop = str(time.monotonic() - begun), tmp_path / "stop"
        command = [sys.executable, "-c", READERS, str(folders.published_database), str(stop), pause]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as readers:
            for _ in range(20):
                assert readers.stdout.readline() == "begun\n"
            for number in range(2, 5):
                publish_state(database, folders, number)
            stop.touch()
            found = [json.loads(line) for line in readers.stdout]
        assert len(found) == 20
        assert [reader["fault"] for reader in found if reader["fault"]] == []
        assert all(reader["opens"] > 1 for reader in found)
        assert len({state for reader in found for state in reader["seen"]}) > 2


READERS = """
import json, os, pathlib, sys, time
import duckdb
path, stop, pause = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
def read(reader):
    opens, seen, fault = 0, set(), None
    while not fault and not (stop.exists() and opens > 1):
        try:
            with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
                found = connection.execute(
                    "SELECT CAST(content AS BIGINT), (SELECT list(DISTINCT numerator) FROM metric_part),"
                    " (SELECT count(*) FROM metric_part) FROM publication ORDER BY version DESC LIMIT 1"
                ).fetchone()
            if found != (found[0], [float(found[0])], 4):
                fault = f"a mixture: {found}"
            seen.add(found[0])
        except Exception as error:
            fault = repr(error)
        opens += 1
        if opens == 1:
            os.write(1, b"begun\\n")
            time.sleep(pause * reader / 20)
        time.sleep(pause)
    os.write(1, (json.dumps({"opens": opens, "seen": sorted(seen), "fault": fault}) + "\\n").encode())
for reader in range(20):
    if os.fork() == 0:
        read(reader)
        os._exit(0)
for _ in range(20):
    os.wait()
"""


def publish_state(database: WorkingDatabase, folders: Folders, number: int) -> int:
    """Write and publish a state in which every part, and the publish itself, says the same number."""
    parts = [
        {"month": m, "metric_key": 1, "account_key": key, "numerator": number} for m in MONTHS[1:] for key in (1, 2)
    ]
    database.write_whole({"metric_part": filled(database.contracts["metric_part"], parts)})
    return publish(database, folders, told(str(number)), 3, {})


def publish_states(folders: Folders, database: WorkingDatabase) -> None:
    """Publish one state after the other until killed."""
    number = int(database.read("metric_part")["numerator"].max() or 0)
    say(os.getpid())
    while True:
        number += 1
        publish_state(database, folders, number)
        say(number)


def die_while_it_is_written(folders: Folders, database: WorkingDatabase) -> None:
    """Publish until readers' copy has its rows."""
    publishing.create_views = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    publish(database, folders, told("killed"), 5, {})


def say(what: object) -> None:
    os.write(1, f"{what}\n".encode())


NURSERY = """
import os, sys, traceback
from pathlib import Path
from tests.soak import test_publishes
for line in sys.stdin:
    if os.fork() == 0:
        try:
            name, root = line.strip().split(maxsplit=1)
            folders = test_publishes.Folders(Path(root))
            getattr(test_publishes, name)(folders, test_publishes.WorkingDatabase(folders.working_database))
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    test_publishes.say(f"signal {os.WTERMSIG(os.wait()[1])}")
"""
"""A process that has imported everything and starts one of the publishers above for each line it is sent."""
KILLED, KILLS = f"signal {int(signal.SIGKILL)}", 10


@pytest.fixture(scope="module")
def nursery():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", NURSERY], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as nursery:
        yield nursery


def start(nursery: subprocess.Popen, publisher: Callable[[Folders, WorkingDatabase], None], folders: Folders) -> None:
    print(publisher.__name__, folders.root, file=nursery.stdin, flush=True)


def heard(nursery: subprocess.Popen) -> str:
    return nursery.stdout.readline().strip()


class TestAKilledPublish:
    def test_at_any_moment_leaves_the_old_version_or_the_new_and_the_next_one_works(self, database, folders, nursery):
        """The moments are spread evenly over a publish: so ten leave no gap of more than a tenth, and each part is hit.

        Twenty at random left one of an eighth. Reading what is known takes a fifth of a publish, readers' copy with its
        views two fifths, the Parquet files a fifth, telling the working database a tenth.
        """
        publish_state(database, folders, 1)
        for kill in range(KILLS):
            start(nursery, publish_states, folders)
            publisher, begun = int(heard(nursery)), time.monotonic()
            published = heard(nursery)
            assert published.isdigit(), f"the publish after a kill did not work: {published}"
            # The kill falls in the next publish, which takes as long, however busy the machine is.
            time.sleep((kill + 0.5) / KILLS * (time.monotonic() - begun))
            os.kill(publisher, signal.SIGKILL)
            said = heard(nursery)
            while said.isdigit():
                published, said = said, heard(nursery)
            assert said == KILLED, "the publisher died by itself"
            ((content, numbers, count),) = ask(
                folders.published_database,
                "SELECT CAST(content AS BIGINT), (SELECT list(DISTINCT numerator) FROM metric_part), "
                "(SELECT count(*) FROM metric_part) FROM publication ORDER BY version DESC LIMIT 1",
            )
            assert content in {int(published), int(published) + 1}
            assert (numbers, count) == ([float(content)], 4)
            beside = folders.published / "parquet" / "metric_part" / "*.parquet"
            ((parquet, count),) = duckdb.sql(f"SELECT list(DISTINCT numerator), count(*) FROM '{beside}'").fetchall()
            assert parquet in ([float(content)], [float(content) + 1])
            assert count == 4
        last = publish_state(database, folders, 1000)
        assert ask(folders.published_database, "SELECT DISTINCT numerator FROM metric_part") == [(1000.0,)]
        some_time_later(folders)
        remove_old(folders, 3)
        kept = [f"{version:06d}" for version in (last - 2, last - 1, last)]
        assert sorted(path.name for path in home(folders).iterdir()) == kept
        assert sorted(path.name for path in folders.published.iterdir()) == [
            "customer_success.duckdb",
            "parquet",
            "versions",
        ]

    def test_leaves_nothing_that_the_next_one_picks_up(self, database, folders, first, nursery):
        """The next publish has other rows in the same places; what the killed one did to its copy must not reach it."""
        start(nursery, die_while_it_is_written, folders)
        assert heard(nursery) == KILLED
        assert current_version(folders) == 1
        forget_but_keys(database)
        turned = {table: filled(database.contracts[table], given[::-1]) for table, given in company().items()}
        database.write_whole({table: frame for table, frame in turned.items() if not table.endswith("_key")})
        publish(database, folders, told("two"), 5, {})
        assert publications(folders)["content"].to_list() == ["one", "two"]
        with duckdb.connect(str(folders.published_database), read_only=True) as connection:
            for table in PUBLISHED.keys() & turned.keys():
                rows = turned[table]
                expected = rows.filter(pl.col("month") >= JANUARY).height if "month" in rows.columns else rows.height
                found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert found == (expected,), table
