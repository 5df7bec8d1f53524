"""Readers in a crowd, of two versions of DuckDB, while one version after the other is published."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
import pytest

from tests.integration.small_company import ONE_MONTH, ROOT, SmallCompany, published_once
from warehouse.publishing import publish

OLDER = ROOT / ".venv" / "duckdb_1_4"
READERS = 4
READER = """
import json, os, sys
import duckdb
path, parquet, stop, least = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
reads, seen, faults = 0, set(), []
state = (
    "SELECT CAST(max_by(content, version) AS BIGINT), (SELECT list(DISTINCT numerator) FROM metric_part)"
    " FROM publication"
)
while not (os.path.exists(stop) and reads >= least) and len(faults) < 20:
    try:
        with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
            content, numerators = connection.execute(state).fetchone()
        if numerators != [float(content)]:
            faults.append(f"a mixture: {content}, {numerators}")
        seen.add(content)
        if reads % 10 == 0:
            duckdb.execute(f"SELECT count(*) FROM '{parquet}/metric_part/*.parquet'").fetchone()
    except Exception as error:
        faults.append(repr(error)[:300])
    reads += 1
print(json.dumps({"duckdb": duckdb.__version__, "reads": reads, "versions": len(seen), "faults": faults}))
"""
RIVAL = """
import os, sys
import duckdb
path, stop = sys.argv[1], sys.argv[2]
opened = refused = 0
while not os.path.exists(stop):
    try:
        connection = duckdb.connect(path)
        connection.execute("CREATE TABLE IF NOT EXISTS mine AS SELECT 1 AS one")
        opened += 1
        os._exit(9)
    except duckdb.Error:
        refused += 1
print(opened, refused)
"""
"""A client that opens the file to write, holds its lock, and leaves what it wrote in a log beside it."""


def state(company: SmallCompany, parts: pl.DataFrame, number: int) -> None:
    """Publish a version every part of which says the same number."""
    project = company.project()
    project.database.write_whole({"metric_part": parts.with_columns(numerator=pl.lit(float(number)))})
    row = {
        "as_of": project.as_of(),
        "run_id": "soak",
        "code_version": "",
        "config_sha256": "",
        "first_month": project.config.first_month,
        "last_month": parts["month"].max(),
        "content": str(number),
        "currency": "EUR",
    }
    publish(project.database, project.folders, row, 1, {})


def without_the_rights_of_root() -> list[str]:
    """What starts a program as a user whom a file's mode binds; root is not bound by it."""
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.getuid() == 0 else []


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that does not outlive the block."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_none_sees_an_error_or_two_versions_at_once(tmp_path_factory, tmp_path: Path, times, counted):
    if not OLDER.exists():
        pytest.fail("DuckDB 1.4 is not there; `make soak` installs it")
    company = published_once(tmp_path_factory, tmp_path / "company", **ONE_MONTH)
    folders = company.project().folders
    parts = company.project().database.read("metric_part")
    state(company, parts, 1)
    stop, publishes, reads = tmp_path / "stop", times(200), times(20_000)
    given = [str(folders.published_database), str(folders.published / "parquet"), str(stop), str(reads // READERS)]
    with ExitStack() as ended:
        readers = [
            ended.enter_context(
                started(
                    [sys.executable, "-c", READER, *given],
                    os.environ | ({"PYTHONPATH": str(OLDER)} if number % 2 else {}),
                )
            )
            for number in range(READERS)
        ]
        command = [*without_the_rights_of_root(), sys.executable, "-c", RIVAL, given[0], given[2]]
        rival = ended.enter_context(started(command, dict(os.environ)))
        begun = time.monotonic()
        for number in range(2, publishes + 2):
            state(company, parts, number)
        took = time.monotonic() - begun
        stop.touch()
        # In the last line: before it DuckDB 1.4 draws how far a query is that takes long, as on a busy machine.
        told = [json.loads(reader.communicate(timeout=600)[0].splitlines()[-1]) for reader in readers]
        opened, refused = map(int, rival.communicate(timeout=60)[0].split())
    assert rival.returncode == 0 and opened == 0, "a client could open what is published to write"
    assert [fault for one in told for fault in one["faults"]] == []
    assert {one["duckdb"].rpartition(".")[0] for one in told} == {"1.4", "2.0"}
    assert list(folders.published.rglob("*.wal")) == []
    by_version = {one["duckdb"]: sum(o["reads"] for o in told if o["duckdb"] == one["duckdb"]) for one in told}
    counted(
        f"{publishes} publishes in {took:.0f} s beside {READERS} readers: {by_version} reads, 0 errors, at most "
        f"{max(one['versions'] for one in told)} versions seen by one; a client that would write was refused {refused} "
        "times"
    )
