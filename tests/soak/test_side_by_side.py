"""Runs beside each other, beside Dagster's daemon, and months in any order: what comes of it is the same."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml

from schemas.tables import EXPLANATIONS, FACTS, SUMS, VALUES
from tests.integration.small_company import (
    MONTHS,
    ONE_MONTH,
    ROOT,
    SmallCompany,
    exports,
    published_once,
    small_company,
)
from tests.soak.test_kills import published
from warehouse.ddl import qualified
from warehouse.locking import run_lock

QUIET_SECONDS = 75
"""Longer than any sensor waits before it looks again."""


def test_two_runs_at_once_wait_for_each_other_and_both_end_well(tmp_path: Path, tmp_path_factory) -> None:
    """Also on a folder without Dagster's history, whose tables only one may make."""
    company = published_once(tmp_path_factory, tmp_path / "company")
    before = company.frames()
    assert not (company.data / "dagster").exists()
    months = ("2024-05", "2024-06")
    with ExitStack() as ended:
        with run_lock(company.project().folders, "this test"):
            runs = [ended.enter_context(process(company, "run", "--months", month)) for month in months]
            for run in runs:
                assert run.stdout
                assert run.stdout.readline().startswith(f"Waiting for process {os.getpid()} (this test, since ")
        for run, month in zip(runs, months, strict=True):
            out, err = run.communicate(timeout=300)
            assert run.returncode == 0, out + err
            assert f"months built: {month}" in out
    assert company.stale() == []
    after = company.frames()
    assert {name: frame.equals(after[name]) for name, frame in before.items()} == dict.fromkeys(before, True)
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as readers:
        assert readers.sql("SELECT count(DISTINCT month) FROM metric_month").fetchall() == [(len(MONTHS),)]
    settings = yaml.safe_load((company.data / "dagster" / "dagster.yaml").read_text())
    assert settings["telemetry"]["enabled"] is False
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1


@contextmanager
def process(company: SmallCompany, *arguments: str, module: str = "pipelines") -> Iterator[subprocess.Popen[str]]:
    """A command that does not outlive the test."""
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=company.environment, stdout=pipe, stderr=pipe, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


@pytest.mark.parametrize("seed", range(5))
def test_months_built_in_any_order_and_in_any_pieces_are_the_same(tmp_path: Path, tmp_path_factory, seed: int) -> None:
    company = published_once(tmp_path_factory, tmp_path / "company")
    built = company.frames()
    with company.project().database.connect() as connection:
        for name in (*FACTS, "dim_account_month", *VALUES, *EXPLANATIONS, *map(qualified, SUMS), "lineage.build"):
            connection.execute(f"DELETE FROM {name}")
    assert company.frames()["metric_month"].is_empty()
    company.build(shuffled=random.Random(seed))
    assert company.stale() == []
    after = company.frames()
    assert [name for name, frame in built.items() if not frame.equals(after[name])] == []


def test_runs_beside_the_daemon_and_its_sensors_leave_what_one_run_leaves(tmp_path: Path, monkeypatch, counted) -> None:
    """Exports change three times; each time `make run` works while the sensors look at the same files."""
    company = small_company(tmp_path / "company", **ONE_MONTH)
    company.configure(**ONE_MONTH, change_limit={"default": 1.0})
    assert company.command("run").returncode == 0
    rows = exports()["tickets"]
    monkeypatch.setenv("DAGSTER_HOME", str(company.data / "dagster"))
    with dg.DagsterInstance.get() as instance, ExitStack() as ended:
        daemon = ended.enter_context(_daemon(company))
        for sensor in ("new_exports", "touched_months", "whole_again"):
            done = subprocess.run(
                [sys.executable, "-m", "dagster", "sensor", "start", sensor, "-w", "workspace.yaml"],
                cwd=ROOT, env=company.environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
        for change in (1, 2, 3):
            company.export("tickets", rows[:-change])
            done = company.command("run")
            assert done.returncode == 0, done.stdout + done.stderr
            time.sleep(20)
        _wait_until_quiet(instance)
        assert daemon.poll() is None
        runs = instance.get_runs()
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert company.stale() == []
    alone = small_company(tmp_path / "alone", **ONE_MONTH)
    alone.configure(**ONE_MONTH, change_limit={"default": 1.0})
    alone.export("tickets", rows[:-3])
    assert alone.command("run").returncode == 0
    assert published(company) == published(alone)
    counted(f"{len(runs)} runs of three changes, by `make run` and by sensors; none failed")


@contextmanager
def _daemon(company: SmallCompany) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=company.environment, stdout=silent, stderr=silent) as daemon:
        try:
            yield daemon
        finally:
            daemon.terminate()


def _wait_until_quiet(instance: dg.DagsterInstance) -> None:
    """Until no run has worked or waited for so long that every sensor has looked since."""
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    quiet_since, deadline = time.monotonic(), time.monotonic() + 600
    known = 0
    while time.monotonic() - quiet_since < QUIET_SECONDS and time.monotonic() < deadline:
        runs = instance.get_runs()
        if len(runs) != known or any(run.status not in ended for run in runs):
            known, quiet_since = len(runs), time.monotonic()
        time.sleep(2)
    assert time.monotonic() < deadline, "runs went on and on"
