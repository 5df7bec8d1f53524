"""What goes wrong becomes a sentence in one place; what a retry cannot mend is not retried; Ctrl-C ends a run."""

import errno
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from sqlalchemy.exc import OperationalError

from pipelines.commands.command_line import main
from pipelines.faults import in_words
from pipelines.ingest import canonical_tables
from pipelines.interrupts import deferred, noted, was_interrupted
from pipelines.orchestration import exports as ingest_assets
from pipelines.orchestration.declared import plain_failures
from tests.integration.small_company import ONE_MONTH, ROOT, SmallCompany, exports, small_company
from warehouse.disk import room
from warehouse.errors import ExportError
from warehouse.folders import Folders
from warehouse.pasted import make

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
PERSON = "Zoe Quux"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder that the environment names, and no config."""
    monkeypatch.delenv("CONFIG", raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command on a company in this process: its exit status, what it told, and its errors."""

    def run(company: SmallCompany, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("CONFIG", str(company.config))
        monkeypatch.setenv("DATA_DIR", str(company.data))
        capfd.readouterr()
        status = main(arguments, time.perf_counter())
        told = capfd.readouterr()
        return status, told.out, told.err

    return run


# --- in words ---------------------------------------------------------------------------------------------------------


def behind(cause: BaseException) -> Exception:
    """An error that another one caused."""
    try:
        try:
            raise cause
        except BaseException as first:
            raise RuntimeError(PERSON) from first
    except RuntimeError as last:
        return last


def of_sqlalchemy(words: str) -> OperationalError:
    return OperationalError(f"INSERT {PERSON}", {"name": PERSON}, sqlite3.OperationalError(words))


FULL = "the disk is full: "
LOCKED = 'IO Error: Could not set lock on file "/x/working.duckdb": Conflicting lock is held in python (PID 4711)'


@pytest.mark.parametrize(
    ("fault", "told", "passes"),
    [
        (ExportError("t.csv: the file is empty"), "t.csv: the file is empty", False),
        (behind(ExportError("t.csv: the file is empty")), "t.csv: the file is empty", False),
        (OSError(errno.ENOSPC, "No space left on device"), FULL, False),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FULL, False),
        (behind(OSError(errno.ENOSPC, "No space left on device")), FULL, False),
        (duckdb.IOException('Could not write file "x": No space left on device'), FULL, False),
        (pl.exceptions.ComputeError("No space left on device (os error 28)"), FULL, False),
        (of_sqlalchemy("database or disk is full"), FULL, False),
        (duckdb.IOException(LOCKED), "the working database is in use by process 4711, as it", True),
        (of_sqlalchemy("database is locked"), "Dagster's history is in use by another process", True),
        (of_sqlalchemy("file is not a database"), "Dagster's history in ", False),
        (PermissionError(errno.EACCES, "x", f"/{PERSON}/crm/a.csv"), "crm/a.csv may not be read or written", False),
        (OSError(errno.EBUSY, "x", "/crm/a.csv"), "crm/a.csv failed: Device or resource busy", True),
        (FileNotFoundError(errno.ENOENT, "x", "/crm/a.csv"), "crm/a.csv failed: No such file or directory", False),
        (MemoryError(), "the memory is not enough; end other programs", False),
        (KeyError(PERSON), "; this is a fault of the program, to be reported", False),
    ],
)  # fmt: skip
def test_a_fault_is_told_without_its_own_words_and_is_tried_again_only_if_it_may_pass(
    place: Path, fault: Exception, told: str, passes: bool
) -> None:
    found = in_words(fault)
    assert told in found.told
    assert found.passes is passes
    assert PERSON not in found.told
    with pytest.raises(dg.Failure) as failure, plain_failures("tickets"):
        raise fault
    assert told in str(failure.value.description)
    assert failure.value.allow_retries is passes


def test_a_full_disk_is_told_with_the_room_there_is_and_a_command_for_this_folder(place: Path) -> None:
    told = in_words(OSError(errno.ENOSPC, "No space left on device")).told
    assert f"MB are free in {place}; make room there" in told
    assert told.endswith(f"make run DATA_DIR={place}")


def test_a_plan_during_a_run_says_who_has_the_database_and_that_it_ends(tmp_path: Path, tell) -> None:
    company = small_company(tmp_path / "company", **ONE_MONTH)
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    path = company.data / "working.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout and run.stdout.readline() == "held\n"
        status, _, err = tell(company, "plan")
        assert run.stdin
        run.stdin.close()
    assert status == 1
    assert err == (
        f"error: the working database is in use by process {run.pid}, as it is during a run; "
        "wait until that ends, and try again\n"
    )


# --- retries and Ctrl-C -----------------------------------------------------------------------------------------------


def test_what_a_retry_may_mend_is_tried_again_and_its_cause_is_what_is_told(
    tmp_path: Path, tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def locked(*_: object) -> None:
        tried.append("accounts")
        raise duckdb.IOException(LOCKED)

    monkeypatch.setattr(ingest_assets, "RETRY", dg.RetryPolicy(max_retries=2))
    monkeypatch.setattr(ingest_assets, "CANONICAL", ("accounts",))
    monkeypatch.setattr(ingest_assets, "ingest_table", locked)
    status, out, _ = tell(small_company(tmp_path / "company", **ONE_MONTH), "run")
    assert status == 1
    assert len(tried) == 3
    assert "error: accounts: the working database is in use by process 4711" in out
    assert "max_retries" not in out


def test_ctrl_c_within_a_step_of_dagster_ends_the_run_with_one_line_and_status_130(
    tmp_path: Path, tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingested = []

    def interrupted(*arguments: object) -> canonical_tables.Ingested:
        ingested.append(arguments[1])
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
        raise AssertionError("went on")

    monkeypatch.setattr(ingest_assets, "ingest_table", interrupted)
    company = small_company(tmp_path / "company", **ONE_MONTH)
    status, out, err = tell(company, "run")
    assert status == 130
    assert err == (
        "interrupted; what is built stays, and this goes on from there: "
        f"make run CONFIG={company.config} DATA_DIR={company.data}\n"
    )
    assert len(ingested) == 1, "no other table is begun, and the one is not tried again"
    assert "error" not in out


def test_ctrl_c_that_somebody_else_handles_is_noted_and_one_while_a_database_is_opened_waits() -> None:
    assert not was_interrupted()
    with noted(), noted():
        theirs = signal.signal(signal.SIGINT, lambda *_: None)
        os.kill(os.getpid(), signal.SIGINT)
        signal.signal(signal.SIGINT, theirs)
        assert was_interrupted()
    assert not was_interrupted()
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("opened")
    assert done == ["opened"]
    assert signal.getsignal(signal.SIGINT) is theirs


# --- commands that are pasted -----------------------------------------------------------------------------------------


def test_a_command_names_config_and_data_where_they_are_not_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert make("run", MONTHS="2024-06") == "make run MONTHS=2024-06"
    monkeypatch.setenv("CONFIG", "customer_success.yaml")
    monkeypatch.setenv("DATA_DIR", "data")
    assert make("rebuild") == "make rebuild"
    monkeypatch.setenv("DATA_DIR", "other")
    assert make("rebuild") == "make rebuild DATA_DIR=other"


@pytest.fixture
def started_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a Makefile of ours, in which `python -m pipelines` is started by what PYTHONPATH names."""
    for name in ("CONFIG", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "it's elsewhere"
    folder.mkdir()
    (folder / "Makefile").write_text("run:\n")  # of another program
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


@pytest.mark.usefixtures("started_elsewhere")
def test_where_there_is_no_makefile_of_ours_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "my $data")
    place, python = f"PYTHONPATH={shlex.quote(str(ROOT))}", shlex.quote(sys.executable)
    assert make("forget", FILE="a b", CONFIG="c.yaml") == (
        f"{place} CONFIG=c.yaml DATA_DIR='my $data' {python} -m pipelines forget --file 'a b'"
    )
    assert make("spark") == f"{python} -m pip install --no-deps --require-hashes -r {shlex.quote(str(ROOT))}/spark.lock"
    monkeypatch.delenv("PYTHONPATH")  # whoever finds the program without it need not say it
    assert make("run", MONTHS="2024-06") == f"DATA_DIR='my $data' {python} -m pipelines run --months 2024-06"


def test_so_it_is_where_there_is_no_make(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    python = "python" if shutil.which("python") == sys.executable else shlex.quote(sys.executable)
    assert make("plan") == f"{python} -m pipelines plan"


def test_a_command_works_when_it_is_pasted_where_there_is_no_makefile(started_elsewhere: Path) -> None:
    own = {"CONFIG", "DATA_DIR", "PYTHONPATH", "PATH"}
    plain = {**{name: value for name, value in os.environ.items() if name not in own}, "PATH": "/usr/bin:/bin"}
    place = {"CONFIG": "mine.yaml", "DATA_DIR": "my data", "PYTHONPATH": str(ROOT)}
    (started_elsewhere / "mine.yaml").write_text(
        "company: Mine\nfirst_month: 2024-01-01\nreporting: {currency: EUR, time_zone: UTC}\n"
        "sources: {crm: {form: canonical, folder: ., files: {accounts: accounts.csv}}}\n"
    )
    (started_elsewhere / "accounts.csv").write_text("account_id,signup_on\n")

    def started(command: str | list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=isinstance(command, str), env={**plain, **environment},
            cwd=started_elsewhere, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    told = started([sys.executable, "-m", "pipelines", "forget", "--file", "none"], **place)
    assert (told.returncode, told.stdout) == (1, "")
    command = told.stderr.partition("no landed file is called so; ")[2].removesuffix(" names those that are bad\n")
    assert command.endswith(" -m pipelines doctor")
    found = started(command)
    assert found.stdout.startswith("ok    config    mine.yaml: Mine, 2024-01 on, EUR\n"), found.stderr


def test_a_command_that_an_error_names_works_when_it_is_pasted(
    tmp_path: Path, tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that a shell and make would take apart, with exports in a folder that the environment names."""
    company = small_company(tmp_path / "it's $HOME #1 & more", **ONE_MONTH)
    monkeypatch.setenv("EXPORTS_DIR", str(company.folder))
    text = company.config.read_text()
    company.config.write_text(text.replace("folder: crm", "folder: ${EXPORTS_DIR}/crm"))
    status, out, _ = tell(company, "plan")
    assert status == 0
    said = out.splitlines()[-1].removeprefix("Nothing is built yet; this builds every month: ")
    assert said.startswith("make run CONFIG=") and "EXPORTS_DIR=" in said

    own = {"CONFIG", "DATA_DIR", "EXPORTS_DIR", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # `make test` is a make, too
    usual = {name: value for name, value in os.environ.items() if name not in own}
    # The environment is there: make need not set it up. The command's Python tells what it was given.
    tells = "import os, json; print(json.dumps([os.environ[n] for n in ('CONFIG', 'DATA_DIR', 'EXPORTS_DIR')]))"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(tells)}\n")
    python.chmod(0o700)
    done = subprocess.run(
        ["bash", "-c", f"{said} -o .venv/.on_path py={python}"],
        cwd=ROOT, env=usual, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == [str(company.config), str(company.data), str(company.folder)]


# --- what was quarantined, as_of that moves, room ---------------------------------------------------------------------


def test_a_rate_that_was_quarantined_is_not_called_missing_without_saying_so(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company", **ONE_MONTH)
    rows = [
        {**row, "rate": "n/a" if row["month"].isoformat() == "2024-05-01" else row["rate"]}
        for row in exports()["fx_rates"]
    ]
    company.export("fx_rates", rows)
    company.ingest()
    with pytest.raises(Exception, match=r"no rate for USD in 2024-05.* 1 row of fx_rates was quarantined") as fault:
        company.build(only=["fct_mrr_account_month"])
    assert "finance/fx_rates.csv, line 16, rate: expected a number with a point" in str(fault.value)
    assert "n/a" not in str(fault.value)


def test_months_that_as_of_or_history_no_longer_has_are_neither_kept_nor_published(tmp_path: Path) -> None:
    company = small_company(tmp_path / "company", first_month="2024-04-01", history_from="2024-04-01")
    few = ["dim_account_month", "fct_mrr_account_month", "mrr"]
    company.run(few)

    def months(table: str) -> list[str]:
        frame = company.project().database.read(table)
        return sorted({f"{month:%Y-%m}" for month in frame["month"]})

    assert months("fct_mrr_account_month") == ["2024-04", "2024-05", "2024-06"]
    company.configure(first_month="2024-05-01", history_from="2024-05-01", as_of="2024-05-31")
    company.ingest()
    assert months("fct_mrr_account_month") == months("metric_month") == months("build") == ["2024-05"]
    company.configure(first_month="2024-04-01", history_from="2024-04-01")
    company.ingest()
    assert {f"{entry.month:%Y-%m}" for entry in company.stale() if entry.table == "mrr"} >= {"2024-04", "2024-06"}


def test_room_for_a_small_company_is_not_the_size_of_its_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.disk.free", lambda _: 1_000_000)
    told = room(Folders(tmp_path / "data"), 50_000)
    assert not told.is_enough
    assert told.told() == (
        f"1.0 MB free in {tmp_path / 'data'}, 200.0 MB wanted; make room there, or set DATA_DIR to a larger disk"
    )
    monkeypatch.setattr("warehouse.disk.free", lambda _: 6_000_000_000)
    told = room(Folders(tmp_path / "data"), 1_000_000_000)
    assert told.is_enough
    assert told.told() == f"6.00 GB free in {tmp_path / 'data'}, 5.00 GB wanted"
