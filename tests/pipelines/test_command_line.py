"""The commands behind the Makefile: what they say when something is wrong, and that the dictionary is not stale."""

import importlib
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock, Timeout

from pipelines.commands.command_line import main
from pipelines.commands.dictionary import dictionary
from pipelines.ingest.notices import ExportWarning, said
from pipelines.months.build import MonthRun
from pipelines.orchestration.declared import plain_failures
from pipelines.project import Project
from schemas.tables import CANONICAL, PUBLISHED
from tests.integration.small_company import (
    LAST,
    ONE_MONTH,
    ROOT,
    RUN,
    SmallCompany,
    exports,
    published_once,
    small_company,
)
from transforms.catalogue import CATALOGUE
from transforms.facts.service import NegativeMrrWarning
from transforms.refusals import UndefinedError
from warehouse.locking import run_lock
from warehouse.versions import current_version


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in this process on a company: its exit status, output and error output."""

    def run(company: SmallCompany, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("CONFIG", str(company.config))
        monkeypatch.setenv("DATA_DIR", str(company.data))
        monkeypatch.setenv("DAGSTER_HOME", str(company.data / "dagster"))  # a run sets it; no other test is to find it
        capsys.readouterr()
        status = main(arguments, time.perf_counter())
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def fresh(tmp_path: Path) -> SmallCompany:
    """The company with nothing ingested."""
    return small_company(tmp_path / "company")


@pytest.fixture(scope="module")
def one_month(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """One month, built and published twice."""
    company = published_once(tmp_path_factory, tmp_path_factory.mktemp("command") / "company", **ONE_MONTH)
    assert company.publish() == 2
    return company


def one_line(text: str) -> str:
    """The one line that a person reads."""
    (line,) = text.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in text and 'File "' not in text
    return line


# --- a config that is wrong -------------------------------------------------------------------------------------------

FAULTS = {
    "an unknown key": ("colour: blue\n", "the file: no such key; expected one of company"),
    "a currency that is none": ("reporting: {currency: EURO}\n", "reporting.currency: expected an ISO 4217 code"),
    "a time zone that is none": (
        "reporting: {currency: EUR, time_zone: Mars}\n",
        "reporting.time_zone: expected an IANA",
    ),
    "a month that begins on the 15th": ("first_month: 2024-05-15\n", "first_month: expected the first day of a month"),
    "a key that stands twice": ("company: One\ncompany: Two\n", "company is given twice"),
    "no YAML": ("company: [\n", "not YAML"),
    "a variable that is not set": ("company: ${NOT_SET_ANYWHERE}\n", "set NOT_SET_ANYWHERE in the environment"),
    "a form that does not exist": (
        "sources: {crm: {form: salesforcee}}\n",
        "sources.crm.form: there is no such form; expected one of",
    ),
    "a table that the form does not know": (
        "sources: {crm: {form: canonical, files: {acounts: a.csv}}}\n",
        "sources.crm.files: 1 of its tables are unknown to the form canonical; expected identities,",
    ),
}


@pytest.mark.parametrize(
    ("name", "fault"),
    # What a form knows is looked up when files are; `run` does that inside its ingest.
    [(name, fault) for name in ("plan", "run") for fault in FAULTS if name == "plan" or "form" not in fault],
)
def test_a_faulty_config_is_told_in_one_line_with_its_place(
    command, fresh: SmallCompany, name: str, fault: str
) -> None:
    text, told = FAULTS[fault]
    top = {line.partition(":")[0] for line in text.splitlines()}
    fresh.config.write_text(text + _without(fresh.config.read_text().splitlines(keepends=True), top))
    status, out, err = command(fresh, name)
    assert status == 1
    line = one_line(err)
    assert str(fresh.config) in line and told in line
    assert out == ""
    assert not (fresh.data / "working.duckdb").exists()


def _without(lines: list[str], keys: set[str]) -> str:
    """The config without its sections of these names."""
    kept, inside = [], False
    for line in lines:
        if not line.startswith((" ", "-")):
            inside = line.partition(":")[0] in keys
        if not inside:
            kept.append(line)
    return "".join(kept)


def test_every_fault_of_a_config_is_told_at_once_each_with_its_line(command, fresh: SmallCompany) -> None:
    text = fresh.config.read_text().replace("currency: EUR", "currency: EURO") + "colour: blue\nshape: round\n"
    fresh.config.write_text(text)
    status, _, err = command(fresh, "plan")
    assert status == 1
    numbers = {key: 1 + [line.partition(":")[0].strip() for line in text.splitlines()].index(key) for key in
               ("currency", "colour", "shape")}  # fmt: skip
    lines = err.splitlines()
    assert len(lines) == 3
    for key, number in numbers.items():
        assert any(f"line {number}: " in line for line in lines), key


def test_a_config_that_is_not_there_is_told_with_the_variable_that_names_it(command, fresh: SmallCompany) -> None:
    fresh.config.unlink()
    for name in ("plan", "run", "rebuild", "dev"):
        status, _, err = command(fresh, name)
        assert status == 1
        assert one_line(err) == f"error: {fresh.config}: no such file; CONFIG= names the config"


def test_the_doctor_names_what_is_wrong_and_says_so_in_its_exit_status(command, fresh: SmallCompany) -> None:
    status, out, err = command(fresh, "doctor")
    assert (status, err) == (0, "")
    assert "14 files" in out and "14 not landed yet" in out and "WRONG" not in out
    (fresh.folder / "crm" / "accounts.csv").unlink()
    status, out, err = command(fresh, "doctor")
    assert (status, err) == (1, "")
    (wrong,) = [line for line in out.splitlines() if line.startswith("WRONG")]
    assert "there is no file crm/accounts.csv" in wrong
    fresh.config.write_text("company: Small\n")
    status, out, _ = command(fresh, "doctor")
    assert status == 1
    assert "sources: missing" in out


# --- months -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        *((text, "expected a month like 2026-05, or a range like 2026-01..2026-05")
          for text in ("foo", "2024-13", "2024-6", "2024-06..x", "2024-06..", "..2024-06", "2024-06-31")),
        ("2024-07..2024-06", "the range is upside down; expected MONTHS=2024-06..2024-07"),
        ("2023-12", "the data has 2024-06 to 2024-06"),
        ("2024-06..2024-07", "the data has 2024-06 to 2024-06"),
    ],
)  # fmt: skip
def test_months_that_are_none_or_not_there_are_refused_in_words_before_anything_is_ingested(
    command, fresh: SmallCompany, asked: str, told: str
) -> None:
    fresh.configure(**ONE_MONTH)
    status, out, err = command(fresh, "run", "--months", asked)
    assert (status, out) == (1, "")
    assert one_line(err) == f"error: MONTHS={asked}: {told}"
    assert not (fresh.data / "landed").exists()


def test_a_run_over_months_that_are_none_ends_with_one_line_and_publishes_nothing(
    one_month: SmallCompany, command
) -> None:
    status, out, err = command(one_month, "run", "--months", "2031-01")
    assert status == 1
    assert one_line(err) == "error: MONTHS=2031-01: the data has 2024-06 to 2024-06"
    assert "Traceback" not in out
    assert current_version(one_month.project().folders) == 2


# --- nothing to do ----------------------------------------------------------------------------------------------------

RUN_TWICE = """
import contextlib, io, json, os, sys, time
from pathlib import Path
from pipelines.commands.command_line import main
from pipelines.project import Project
from warehouse.versions import current_version

def run():
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(["run"], time.perf_counter())
    project = Project.from_environment()
    return {"status": status, "has_dagster": "dagster" in sys.modules, "out": out.getvalue(), "err": err.getvalue(),
            "history": (project.data_dir / "dagster").exists(), "version": current_version(project.folders)}

nothing = run()
# Of the same length and age, so that only who reads the file sees it.
path = Path(os.environ["CONFIG"]).parent / "finance" / "costs.csv"
text, moment = path.read_text(), path.stat()
path.write_text(text.replace("101400", "101401"))
os.utime(path, ns=(moment.st_atime_ns, moment.st_mtime_ns))
old = Path(os.environ["DATA_DIR"]) / "dagster" / "history" / "runs" / "of-years-ago.db"
old.parent.mkdir(parents=True)
old.touch()
os.utime(old, (0, 0))
print(json.dumps([nothing, run()]))
"""


@dataclass(frozen=True)
class RunTwice:
    """A company, what a run told that had nothing to do, and what the next one told, after a cost was changed."""

    company: SmallCompany
    nothing: dict[str, Any]
    something: dict[str, Any]


@pytest.fixture(scope="module")
def run_twice(one_month: SmallCompany, tmp_path_factory: pytest.TempPathFactory) -> RunTwice:
    """In a process of its own: that of the tests has Dagster loaded."""
    company = one_month.copy(tmp_path_factory.mktemp("run_twice") / "company")
    return RunTwice(company, *company.probe(RUN_TWICE))


def test_a_run_with_nothing_to_do_loads_no_dagster_and_one_with_something_does(run_twice: RunTwice) -> None:
    nothing, something, company = run_twice.nothing, run_twice.something, run_twice.company
    assert (nothing["status"], nothing["has_dagster"]) == (0, False)
    assert not nothing["history"]
    assert nothing["version"] == 2
    assert "months built: none" in nothing["out"]
    assert "nothing new to publish; readers have version 2" in nothing["out"]

    assert (something["status"], something["has_dagster"]) == (0, True)
    assert company.stale() == []
    assert something["version"] == 3
    assert current_version(company.project().folders) == 3
    assert set(company.frames(["fct_cost_month"])["fct_cost_month"]["cost_cents"]) == {101_401}


def test_a_run_that_publishes_forgets_the_logs_of_runs_that_ended_long_ago(run_twice: RunTwice) -> None:
    left = [path.stem for path in (run_twice.company.data / "dagster" / "history" / "runs").glob("*.db")]
    assert "index" in left and len(left) > 1, "its own are there"
    assert "of-years-ago" not in left


def test_what_looks_wrong_in_an_export_is_told_once_and_in_one_line(run_twice: RunTwice) -> None:
    """That of the costs, which only the second run has to read."""
    text = "rows name what finance.retention_cost_categories in the config does not"
    out, err = run_twice.something["out"], run_twice.something["err"]
    # Below its header, every second line of fifteen months is one of the support, from the third line of the file on.
    assert [line for line in (out + err).splitlines() if text in line] == [
        f"  warning: costs: 15 {text}, and count in nothing "
        "(finance/costs.csv, line 3; finance/costs.csv, line 5; finance/costs.csv, line 7; and 12 more)"
    ]
    assert "ExportWarning" not in out + err and ".py" not in out + err
    assert text not in run_twice.nothing["out"] + run_twice.nothing["err"]


# --- files, locks, versions -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::DeprecationWarning")
def test_a_missing_file_is_told_in_one_line_and_readers_keep_their_version(
    one_month: SmallCompany, command, tmp_path: Path
) -> None:
    company = one_month.copy(tmp_path / "company")
    (company.folder / "support" / "tickets.csv").unlink()
    status, _, err = command(company, "plan")
    assert status == 1
    assert one_line(err) == (
        "error: support.tickets: there is no file support/tickets.csv; put it there, or correct sources in the config"
    )
    status, out, err = command(company, "run")
    assert status == 1
    errors = [line for line in (out + err).splitlines() if "error" in line.lower()]
    (line,) = errors
    assert line.startswith("error: ") and "there is no file support/tickets.csv" in line
    assert "readers keep version 2" in out
    assert "Traceback" not in out + err


def test_a_command_says_a_warning_of_data_once_and_leaves_others_alone() -> None:
    heard: list[str] = []
    with pytest.warns(DeprecationWarning, match="another"), said(heard.append):
        for text in ("one", "two", "one"):
            warnings.warn(text, ExportWarning, stacklevel=2)
        warnings.warn("another", DeprecationWarning, stacklevel=2)
        for _ in range(2):
            warnings.warn("three", NegativeMrrWarning, stacklevel=2)
    assert heard == ["one", "two", "three"]


def test_a_run_that_waits_in_vain_says_for_whom_and_gives_up(one_month: SmallCompany) -> None:
    with run_lock(one_month.project().folders, "this test"):
        done = one_month.command("run", LOCK_WAIT_SECONDS="0.2")
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert f"still held by process {os.getpid()} (this test" in line and "try again" in line
    assert done.stdout.startswith(f"Waiting for process {os.getpid()}")


def test_a_plan_beside_a_run_says_whose_it_is_and_does_not_wait(one_month: SmallCompany) -> None:
    with run_lock(one_month.project().folders, "this test"):
        done = one_month.command("plan")
    assert done.returncode == 1
    assert f"still held by process {os.getpid()} (this test" in one_line(done.stderr)


@pytest.mark.parametrize(("looking", "asks"), [("plan", "pipelines.commands.command_line.stale_months"),
                                               ("doctor", "pipelines.commands.inspection.working")])  # fmt: skip
def test_who_looks_keeps_a_run_waiting_that_would_fail_at_an_open_database(
    one_month: SmallCompany, command, monkeypatch: pytest.MonkeyPatch, looking: str, asks: str
) -> None:
    at, name = asks.rsplit(".", 1)
    whole, waited = getattr(importlib.import_module(at), name), []

    def meanwhile(project: Project) -> Any:
        lock = FileLock(str(project.folders.lock))
        with pytest.raises(Timeout):
            lock.acquire(timeout=0)
        waited.append(looking)
        return whole(project)

    monkeypatch.setattr(asks, meanwhile)
    command(one_month, looking)
    assert waited == [looking]
    FileLock(str(one_month.project().folders.lock)).acquire(timeout=0).lock.release()


def test_rolling_back_gives_readers_the_version_before_as_far_as_there_is_one(
    one_month: SmallCompany, command, tmp_path: Path
) -> None:
    company = one_month.copy(tmp_path / "company")
    status, out, err = command(company, "rollback")
    assert (status, out, err) == (0, "Readers now get version 1.\n", "")
    folders = company.project().folders
    assert current_version(folders) == 1
    assert folders.published_database.readlink() == Path("versions/000001/customer_success.duckdb")
    assert (folders.published / "parquet").readlink() == Path("versions/000001/parquet")
    status, out, err = command(company, "rollback")
    assert (status, out) == (1, "")
    assert one_line(err) == "error: there is no version before the published one"
    assert current_version(folders) == 1


def test_nothing_to_roll_back_is_told_in_one_line(command, fresh: SmallCompany) -> None:
    status, _, err = command(fresh, "rollback")
    assert status == 1
    assert one_line(err) == "error: there is no version before the published one"


def test_the_plan_says_what_is_stale_and_why_and_changes_nothing(
    one_month: SmallCompany, command, fresh: SmallCompany, tmp_path: Path
) -> None:
    assert "Nothing is built yet" in command(fresh, "plan")[1]
    company = one_month.copy(tmp_path / "other")
    assert command(company, "plan") == (0, "Nothing is stale.\n", "")
    company.configure(**ONE_MONTH, minimums={"churned_accounts": 3})
    company.export("costs", exports()["costs"][:-2])
    before = company.project().folders.working_database.read_bytes()
    status, out, err = command(company, "plan")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "new or changed: finance finance/costs.csv"
    assert lines[1].startswith("They may touch more months once they are landed: make run CONFIG=")
    assert any(line.split()[:2] == ["clv", "2024-06"] and "its part of the config changed" in line for line in lines)
    assert not any(line.startswith("fct_mrr") for line in lines)
    assert company.project().folders.working_database.read_bytes() == before


# --- what a person must mend ------------------------------------------------------------------------------------------


TO_BE_MENDED = {
    "fct_csm_activity": ("csm_activities", "rating", "purple", r"2 ratings that sentiment\.scores in the config"),
    "fct_survey_response": ("survey_responses", "scale_max", "9", r"feedback\.csat in the config"),
    "fct_mrr_account_month": ("fx_rates", "currency", "CHF", "fx_rates has no rate for USD in 2024-05"),
}
"""By the table that cannot be made: the column of the exports that has a value of its own in all its rows, and what is
told of it. No other table of these reads that column."""


@pytest.fixture(scope="module")
def in_want(one_month: SmallCompany, tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """All of it, ingested and not built."""
    company = one_month.copy(tmp_path_factory.mktemp("in_want") / "company")
    for table, column, value, _ in TO_BE_MENDED.values():
        rows = [{**row, column: value if row[column] is not None else None} for row in exports()[table]]
        company.export(table, rows)
    company.ingest()
    return company


@pytest.mark.parametrize("name", TO_BE_MENDED)
def test_what_a_person_must_mend_fails_at_once_and_says_what_to_do(in_want: SmallCompany, name: str) -> None:
    """Trying again mends nothing, and a bare "exceeded max_retries" tells nothing."""
    *_, told = TO_BE_MENDED[name]
    with pytest.raises(dg.Failure, match=told) as failure, plain_failures(name):
        MonthRun(in_want.project(), RUN).build(name, [LAST])
    assert failure.value.allow_retries is False


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        ("0,9", r"2 rows of fx_rates were quarantined \(.*fx_rates.csv, line 2, rate: expected a number with a point"),
        (None, "no row of fx_rates was quarantined"),
    ],
)
def test_what_is_missing_is_told_with_what_of_it_was_quarantined(
    one_month: SmallCompany, tmp_path: Path, rate: str | None, told: str
) -> None:
    company = one_month.copy(tmp_path / "company")
    kept = exports()["fx_rates"][:-2]
    spoiled = [{**row, "rate": rate} for row in exports()["fx_rates"][-2:] if rate]
    company.export("fx_rates", [*spoiled, *kept])
    company.ingest()
    with pytest.raises(UndefinedError, match=f"fx_rates has no rate for USD in 2024-05.*{told}"):
        MonthRun(company.project(), RUN).build("fct_mrr_account_month", [LAST])


# --- the dictionary ---------------------------------------------------------------------------------------------------


def test_the_dictionary_in_the_docs_is_that_of_the_contracts_and_the_catalogue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    written = (ROOT / "docs" / "dictionary.md").read_text(encoding="utf-8")
    assert written == dictionary() + "\n", "stale: make docs"
    assert main(["dictionary"], time.perf_counter()) == 0
    assert capsys.readouterr().out == written


def test_the_dictionary_names_every_table_every_column_and_every_metric() -> None:
    text = dictionary()
    sections = dict(part.split("\n", 1) for part in text.split("\n### ")[1:])
    for name, contract in {**CANONICAL, **PUBLISHED}.items():
        for column in contract.dtypes():
            assert column.startswith("export") or f"| `{column}` |" in sections[name], f"{name}.{column}"
    for name in CATALOGUE:
        assert f"| `{name}` |" in text, name
    assert {"metric_account_month", "scorecard"} <= sections.keys()


def test_the_dictionary_tells_which_values_a_column_may_have() -> None:
    columns = {}
    for line in dictionary().splitlines():
        if line.startswith("### "):
            table = line.removeprefix("### ")
        elif line.startswith("| `") and line.count(" | ") == 5:
            name, *_, allowed, _ = line.strip("| ").split(" | ")
            columns[table, name.strip("`")] = allowed
    assert columns["tickets", "status"] == "new, open, pending, hold, solved, closed"
    assert columns["csm_activities", "customer_thumb"] == "up, down"
    assert columns["fct_health_input", "score"] == "0 to 100"
    assert columns["subscription_items", "interval_count"].startswith("above 0")
    # Three hundred codes would be no help; the contract has words for them.
    assert columns["invoices", "currency"] == "an ISO 4217 code, in force or withdrawn, in capitals"
    assert columns["tickets", "topic"] == ""


def test_the_dictionary_tells_what_a_metric_needs() -> None:
    needs = {
        line.split("`")[1]: line.strip("| ").rpartition(" | ")[2]
        for line in dictionary().splitlines()
        if line.startswith("| `") and line.count(" | ") == 8
    }
    assert needs.keys() == CATALOGUE.keys()
    assert needs["mrr"] == "`subscription_items`"
    assert needs["fcr"] == "`tickets.last_solved_at`, `tickets.public_agent_replies`, `tickets.reopens`"
    assert needs["nrr_12m"] == "`subscription_items.valid_from`; 12 months of data before it"
    assert needs["stickiness"] == "`usage_events.user_id`; what `dau` needs; what `mau` needs"
    assert needs["clv_margin"] == "what `clv` needs; `gross_margin` of the config"
    assert needs["clv"].endswith("without `invoices` or `invoices.paid_on` it is `arpa * customer_lifespan`")
    assert "at least `minimums.churned_accounts` in the denominator" in needs["customer_lifespan"]
