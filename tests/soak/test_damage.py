"""What is damaged below DATA_DIR: the doctor names it with what mends it, and a run mends it or says how to go on.

Each damage is met where a user would meet it: through the command line.
"""

import datetime as dt
import json
import os
import shlex
import shutil
import sqlite3
import stat
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from pipelines.commands.command_line import main
from pipelines.project import Project
from tests.integration.small_company import ONE_MONTH, ROOT, SmallCompany, exports, published_once
from warehouse.landed import forgotten, landed_files
from warehouse.versions import current_version, versions

Command = Callable[..., tuple[int, str, str]]
MRR = "SELECT value FROM metric_month WHERE metric = 'mrr' AND dimension = 'all' ORDER BY month DESC LIMIT 1"


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> SmallCompany:
    """One month, built and published."""
    return published_once(tmp_path_factory, tmp_path / "company", **ONE_MONTH)


@pytest.fixture
def command(company: SmallCompany, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: its exit status, output and error output."""

    def run(*arguments: str) -> tuple[int, str, str]:
        for name, value in company.environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        # In this process, which saves the seconds in which Dagster loads; its warnings are none for a user either.
        with warnings.catch_warnings(action="ignore"):
            status = main(arguments, time.perf_counter())
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return status, told.out, told.err

    return run


def wrong(command: Command) -> list[str]:
    """What the doctor finds wrong; its exit status says whether there is any."""
    status, out, err = command("doctor")
    found = [line for line in out.splitlines() if line.startswith("WRONG")]
    assert (status, err) == (1 if found else 0, "")
    return found


def pasted(text: str, company: SmallCompany) -> list[str]:
    """The command that a message names, as the arguments that `make` gives to the command line.

    It is for this config and this data folder, as a shell would read it.
    """
    name = text[text.index("make ") :].splitlines()[0]
    words = shlex.split(name, comments=True)
    target, given = words[1], dict(word.split("=", 1) for word in words[2:] if "=" in word)
    assert (given["CONFIG"], given["DATA_DIR"].split()[0]) == (str(company.config), str(company.data))
    return [target, *(["--file", given["FILE"]] if "FILE" in given else [])]


def mrr(company: SmallCompany) -> float:
    """What readers see."""
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as connection:
        (value,) = connection.execute(MRR).fetchone() or (None,)
    assert isinstance(value, float) and value > 0
    return value


def landed(company: SmallCompany, table: str) -> list[Path]:
    """The copies of a table's files, oldest first."""
    folders = company.project().folders
    return [file.path(folders) for file in landed_files(folders) if file.raw_table == table]


def sent(company: SmallCompany, table: str, moment: str, **changes: object) -> Path:
    """A new export of a table at an instant, in which account A01's row is changed."""
    rows = [{**row, **(changes if row["account_id"] == "A01" else {})} for row in exports()[table]]
    path = company.export(table, rows)
    written = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()
    os.utime(path, (written, written))
    return path


# --- a file that cannot be read ---------------------------------------------------------------------------------------

UNREADABLE = {
    "of UTF-16": "account_id,account_name\n1,x\n".encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\x00rubbish",
    "of nothing": b"",
    "with a quote that never ends": b'account_id,account_name\n1,"x\n',
    "without a header that the form knows": b"Kundennummer,Name\n1,x\n",
}


@pytest.mark.parametrize(
    ("table", "fault"), [(("accounts", "subscription_items")[n % 2], fault) for n, fault in enumerate(UNREADABLE)]
)
def test_a_file_that_could_not_be_read_hinders_no_run_once_it_is_mended(
    company: SmallCompany, command: Command, table: str, fault: str
) -> None:
    before = mrr(company)
    (path,) = company.folder.glob(f"*/{table}.csv")
    good = path.read_bytes()
    path.write_bytes(UNREADABLE[fault])
    status, out, _ = command("run")
    assert status == 1 and f"{path.parent.name}/{table}.csv" in out and "readers keep version 1" in out
    (line,) = wrong(command)
    assert f"{path.parent.name}/{table}.csv" in line and "mend that" in line
    path.write_bytes(good)
    assert command("run")[0] == 0
    assert wrong(command) == []
    assert mrr(company) == before


def test_what_could_never_be_read_is_named_by_the_doctor_and_forgotten_on_request(
    company: SmallCompany, command: Command
) -> None:
    path = company.folder / "crm" / "accounts.csv"
    good = path.read_bytes()
    path.write_bytes(b"Kundennummer,Name\n1,x\n")
    command("run")
    path.write_bytes(good)
    command("run")
    _, out, _ = command("doctor")
    (line,) = [line for line in out.splitlines() if "could never be read and is in no history" in line]
    assert "crm/accounts.csv as landed on" in line
    status, out, err = command(*pasted(line, company))
    assert (status, err) == (0, "") and "is forgotten" in out
    folders = company.project().folders
    assert not any(file.problem for file in landed_files(folders))
    ((what, was, _),) = forgotten(folders)
    assert what == "crm/accounts.csv" and not (folders.landed / str(was["sha256"])).exists()
    assert command("rebuild")[0] == 0


def test_a_landed_file_with_wrong_values_is_forgotten_and_history_is_as_if_it_had_never_come(
    company: SmallCompany, command: Command
) -> None:
    sent(company, "accounts", "2024-06-12T08:00", region="Moon")
    assert command("run")[0] == 0
    sent(company, "accounts", "2024-06-20T08:00")
    assert command("run")[0] == 0
    versions_of = "SELECT count(*) FROM lineage.account_version WHERE account_id = 'A01'"
    assert _asked(company, versions_of) > 1
    (_, moon, _) = [f for f in landed_files(company.project().folders) if f.raw_table == "accounts"]
    status, _, err = command("forget", "--file", "crm/accounts.csv")
    assert status == 1 and "3 landed files are called so; say which" in err
    (choice,) = [line for line in err.splitlines() if moon.sha256[:12] in line]
    assert command(*pasted(choice, company))[0] == 0
    assert command("run")[0] == 0
    assert _asked(company, versions_of) == 1
    assert wrong(command) == []


def test_what_the_sources_send_now_is_not_forgotten_as_it_would_be_landed_again(
    company: SmallCompany, command: Command
) -> None:
    status, _, err = command("forget", "--file", "support/tickets.csv")
    assert status == 1
    assert (
        err.startswith("error: support/tickets.csv is what its source sends now") and "take it out of its folder" in err
    )
    assert len(landed(company, "tickets")) == 1


def test_a_name_that_no_landed_file_has_is_told_with_the_command_that_lists_the_bad_ones(
    company: SmallCompany, command: Command
) -> None:
    status, _, err = command("forget", "--file", "crm/acounts.csv")
    assert status == 1 and err.startswith("error: FILE=crm/acounts.csv: no landed file is called so")
    assert command(*pasted(err, company))[0] == 0


def test_a_segment_that_the_config_names_anew_or_gives_up_hinders_no_run_for_the_sake_of_old_snapshots(
    company: SmallCompany, command: Command
) -> None:
    company.configure(**ONE_MONTH, segments=["region", "tier", "flavour"])
    company.export("accounts", [{**row, "flavour": "plain"} for row in exports()["accounts"]])
    assert command("run")[0] == 0
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT DISTINCT flavour FROM dim_account_month WHERE region <> '(unknown)'"
        ).fetchall()
    assert rows == [("plain",)]  # nobody said that it was none before: the earliest known holds
    company.configure(**ONE_MONTH)
    company.export("accounts", exports()["accounts"])
    assert command("run")[0] == 0
    assert mrr(company) > 0


# --- the list of landed files -----------------------------------------------------------------------------------------


def former_list(company: SmallCompany) -> Path:
    """The list as it was kept in former days, in place of the database."""
    folders = company.project().folders
    lines = [
        json.dumps(
            {
                "source": f.source,
                "raw_table": f.raw_table,
                "name": f.name,
                "sha256": f.sha256,
                "bytes": f.bytes,
                "exported_at": str(f.exported_at),
                "landed_at": str(f.landed_at),
            }
        )
        for f in landed_files(folders)
    ]
    for path in folders.landed.glob("landed*.sqlite"):
        path.unlink()
    path = folders.landed / "landed.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_list_of_former_days_is_taken_over_as_it_is(company: SmallCompany, command: Command) -> None:
    before = landed_files(company.project().folders)
    path = former_list(company)
    assert landed_files(company.project().folders) == before
    status, out, _ = command("run")
    assert status == 0 and "months built: none" in out
    assert landed_files(company.project().folders) == before
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 40])
def test_a_list_of_former_days_torn_in_its_last_line_fails_no_run_and_loses_no_file(
    company: SmallCompany, command: Command, cut: int
) -> None:
    before = landed_files(company.project().folders)
    path = former_list(company)
    os.truncate(path, max(path.stat().st_size - cut, 0))
    assert command("plan")[0] == 0
    assert command("run")[0] == 0
    found = landed_files(company.project().folders)
    assert sorted(f.sha256 for f in found) == sorted(f.sha256 for f in before)
    assert wrong(command) == []


def test_a_list_of_former_days_damaged_in_its_middle_is_told_with_line_and_command(
    company: SmallCompany, command: Command
) -> None:
    path = former_list(company)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], "{half\n", *lines[2:]]))
    status, _, err = command("run")
    assert status == 1 and "landed/landed.jsonl, line 3: cannot be read" in err
    subprocess.run(err[err.index("sed ") :], shell=True, check=True)
    assert command("run")[0] == 0
    assert [f.raw_table for f in landed_files(company.project().folders)] == [
        json.loads(line)["raw_table"] for line in lines
    ]


def _cut(path: Path) -> None:
    os.truncate(path, 100)


def _rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [Path.unlink, _cut])
def test_a_list_that_is_lost_or_damaged_is_made_again_of_its_twin_by_the_next_run(
    company: SmallCompany, command: Command, damage: Callable[[Path], None]
) -> None:
    folders = company.project().folders
    before = landed_files(folders)
    damage(folders.landed / "landed.sqlite")
    (line, *_) = wrong(command)
    status, _, err = command("plan")
    assert status == 1 and err.startswith("error: landed/landed.sqlite") and err.count("\n") == 1
    assert pasted(line, company) == pasted(err, company) == ["run"]
    status, out, _ = command("run")
    assert status == 0 and "made again from its twin" in out and "months built: none" in out
    assert landed_files(folders) == before
    assert wrong(command) == []


def test_a_twin_that_is_damaged_is_made_again_by_the_next_run(company: SmallCompany, command: Command) -> None:
    folders = company.project().folders
    _cut(folders.landed / "landed.twin.sqlite")
    assert command("run")[0] == 0
    (folders.landed / "landed.sqlite").unlink()
    assert command("run")[0] == 0


def test_a_list_damaged_with_its_twin_is_told_with_the_way_on(company: SmallCompany, command: Command) -> None:
    for name in ("landed.sqlite", "landed.twin.sqlite"):
        (company.project().folders.landed / name).write_bytes(b"zz")
    status, _, err = command("run")
    assert status == 1 and "cannot be read, and so is its twin" in err
    assert pasted(err, company)[:1] == ["forget"]


def test_doctor_notices_that_all_that_was_published_is_gone_and_the_next_run_publishes_anew(
    company: SmallCompany, command: Command
) -> None:
    shutil.rmtree(company.project().folders.published)
    (line,) = wrong(command)
    assert "version 1 was published and is gone" in line
    assert command(*pasted(line, company))[0] == 0
    assert current_version(company.project().folders) == 2


def test_a_list_lost_with_its_twin_stops_every_run_until_history_is_given_up_in_so_many_words(
    company: SmallCompany, command: Command
) -> None:
    folders = company.project().folders
    sent(company, "accounts", "2024-06-20T08:00", region="Moon")
    command("run")
    before = landed_files(folders)
    for path in folders.landed.glob("landed*.sqlite"):
        path.unlink()
    told = [wrong(command)[0], command("plan")[2], command("run")[2], command("rebuild")[2]]
    for text in told:
        assert f"the list of {len(before)} landed files" in text and "from a backup" in text
        assert pasted(text, company) == ["forget", "--file", "unlisted"]
    assert command(*pasted(told[0], company))[0] == 0
    assert command("run")[0] == 0
    assert len(landed_files(folders)) == len(before) - 1
    assert [what for what, _, _ in forgotten(folders)] == ["landed.sqlite"]
    assert wrong(command) == []


def test_a_write_to_the_list_that_was_killed_halfway_is_undone(company: SmallCompany, command: Command) -> None:
    folders = company.project().folders
    before = landed_files(folders)
    path = folders.landed / "landed.sqlite"
    # A process that ends without a word in the midst of a transaction that is on disk already.
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN IMMEDIATE');"
        "c.execute('DELETE FROM landed_file');"
        "c.executemany('INSERT INTO forgotten VALUES (?, ?, ?)', [('x' * 500,) * 3] * 500); os._exit(9)"
    )
    subprocess.run([shutil.which("python3") or "python3", "-c", code, str(path)], check=False)
    assert path.with_name("landed.sqlite-journal").exists()
    assert landed_files(folders) == before
    assert command("run")[0] == 0


# --- landed copies ----------------------------------------------------------------------------------------------------


def _edited(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"A01", b"A99"))


@pytest.mark.parametrize("damage", [Path.unlink, _edited])
def test_a_copy_of_what_the_sources_send_now_is_made_again_by_the_next_run(
    company: SmallCompany, command: Command, damage: Callable[[Path], None]
) -> None:
    (path,) = landed(company, "tickets")
    content, before = path.read_bytes(), mrr(company)
    damage(path)
    (line,) = wrong(command)
    assert "support/tickets.csv as landed on" in line and "lands it again" in line
    company.export("costs", exports()["costs"][:-1])  # so that there is something to land
    assert command(*pasted(line, company))[0] == 0
    assert path.read_bytes() == content
    assert wrong(command) == []
    assert mrr(company) == before


@pytest.mark.parametrize("damage", [Path.unlink, _edited])
def test_a_copy_that_history_needs_and_nobody_sends_any_more_is_never_read_as_something_else(
    company: SmallCompany, command: Command, damage: Callable[[Path], None]
) -> None:
    sent(company, "accounts", "2024-06-20T08:00", region="Moon")
    assert command("run")[0] == 0
    first, _ = landed(company, "accounts")
    content = first.read_bytes()
    damage(first)
    (line,) = wrong(command)
    assert "crm/accounts.csv as landed on" in line and "from a backup" in line
    sent(company, "accounts", "2024-06-25T08:00", region="Mars")
    status, out, _ = command("run")
    assert status == 1 and "months are made from it" in out and "readers keep version 2" in out
    first.write_bytes(content)
    first.chmod(0o600)
    assert wrong(command) == []
    damage(first)
    assert command(*pasted(line, company))[0] == 0
    assert command("run")[0] == 0
    assert wrong(command) == []


def test_a_file_that_grows_while_it_is_landed_is_refused_by_name_and_nothing_of_it_counts(
    company: SmallCompany, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = company.export("tickets", exports()["tickets"][:-1])
    whole_sync = os.fsync

    def sync_while_the_export_grows(number: int) -> None:
        with path.open("a") as file:
            file.write("\n")
        whole_sync(number)

    monkeypatch.setattr("warehouse.landing.PAUSE", 0)
    monkeypatch.setattr("warehouse.landing.os.fsync", sync_while_the_export_grows)
    status, out, _ = command("run")
    assert status == 1 and "support/tickets.csv: the file changes while it is read" in out
    monkeypatch.setattr("warehouse.landing.os.fsync", whole_sync)
    assert len(landed(company, "tickets")) == 1
    assert command(*pasted(out, company))[0] == 0
    (_, file) = [f for f in landed_files(company.project().folders) if f.raw_table == "tickets"]
    assert file.bytes == path.stat().st_size == file.path(company.project().folders).stat().st_size


# --- staged files -----------------------------------------------------------------------------------------------------


def _another(path: Path) -> None:
    shutil.copy(path.with_name("costs.parquet"), path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("subscription_items.parquet", Path.unlink),
        ("accounts.parquet", _another),
        ("account_links.parquet", _cut),
        ("tickets/2024-03.parquet", _rubbish),
        ("usage_events/2023-04.parquet", Path.unlink),
        ("invoices/months.json", _cut),
    ],
)
def test_a_staged_file_that_is_not_what_was_staged_is_made_again_and_never_read_as_no_rows(
    company: SmallCompany, command: Command, name: str, damage: Callable[[Path], None]
) -> None:
    path = company.data / "staged" / name
    content, before = path.read_bytes(), mrr(company)
    damage(path)
    (line,) = wrong(command)
    assert f"{name} is gone, or is not what was staged" in line
    status, out, _ = command("plan")
    assert status == 0 and f"staged/{name}" in out
    status, out, _ = command(*pasted(line, company))
    assert status == 0 and "months built: none" in out
    assert path.read_bytes() == content
    assert wrong(command) == []
    assert mrr(company) == before


def test_months_are_not_built_of_a_staged_file_that_is_gone(company: SmallCompany) -> None:
    (company.data / "staged" / "subscription_items.parquet").unlink()
    project = company.project()
    with pytest.raises(Exception, match=r"staged/subscription_items\.parquet is gone: make run"):
        project.staged("subscription_items")
    with pytest.raises(Exception, match=r"staged/subscription_items\.parquet is gone: make run"):
        company.build(only=["fct_mrr_account_month"])


# --- the working database ---------------------------------------------------------------------------------------------


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [Path.unlink, _half, _empty])
def test_a_working_database_that_is_gone_or_cannot_be_opened_is_made_again_by_the_next_run(
    company: SmallCompany, command: Command, damage: Callable[[Path], None]
) -> None:
    path = company.data / "working.duckdb"
    keys = "SELECT account_id, account_key FROM lineage.account_key ORDER BY ALL"
    before, numbers = mrr(company), _rows(company, keys)
    damage(path)
    if path.exists():
        (line,) = wrong(command)
        assert "working.duckdb is damaged" in line and pasted(line, company) == ["rebuild"]
        status, _, err = command("plan")
        assert status == 1 and err.startswith("error: working.duckdb is damaged: make rebuild")
        assert "working.duckdb could not be read and is made again" in command("run")[1]
    else:
        assert command("run")[0] == 0
    assert wrong(command) == []
    assert mrr(company) == before
    assert _rows(company, keys) == numbers


def test_a_bit_that_was_flipped_in_the_midst_of_the_working_database_is_found_by_the_doctor(
    company: SmallCompany, command: Command
) -> None:
    path = company.data / "working.duckdb"
    content = bytearray(path.read_bytes())
    for position in range(3 * 4096 + 262144, len(content), 262144):
        content[position - 5000] ^= 1
    path.write_bytes(content)
    (line,) = wrong(command)
    assert "working.duckdb is damaged" in line
    assert command(*pasted(line, company))[0] == 0
    assert wrong(command) == []


def _rows(company: SmallCompany, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(company.data / "working.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _asked(company: SmallCompany, query: str) -> int:
    ((number,),) = _rows(company, query)
    assert isinstance(number, int)
    return number


# --- what readers open ------------------------------------------------------------------------------------------------


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("versions/000009/customer_success.duckdb")


@pytest.mark.parametrize("damage", [Path.unlink, _dangling])
@pytest.mark.parametrize("rolled_back", [False, True])
def test_a_link_that_is_gone_or_leads_nowhere_is_made_again_though_nothing_is_new(
    company: SmallCompany, command: Command, damage: Callable[[Path], None], rolled_back: bool
) -> None:
    if rolled_back:
        company.publish()
        assert command("rollback")[0] == 0
    folders = company.project().folders
    damage(folders.published_database)
    (line,) = wrong(command)
    assert "the link customer_success.duckdb" in line
    assert command(*pasted(line, company))[0] == 0
    assert current_version(folders) == 1
    assert wrong(command) == []
    assert mrr(company) > 0


def test_a_published_file_that_was_cut_is_set_aside_and_readers_get_a_whole_one(
    company: SmallCompany, command: Command
) -> None:
    before = mrr(company)
    (path,) = versions(company.project().folders).values()
    path.chmod(0o600)
    _half(path)
    (line,) = wrong(command)
    assert "the file of version 1 is damaged" in line
    assert command(*pasted(line, company))[0] == 0
    assert wrong(command) == []
    assert mrr(company) == before


# --- the key that persons' ids are hashed with ------------------------------------------------------------------------


def _other(path: Path) -> None:
    path.write_text("ab" * 16)


@pytest.mark.parametrize("damage", [Path.unlink, _other])
def test_a_lost_key_stops_every_run_until_it_is_back_or_given_up_in_so_many_words(
    company: SmallCompany, command: Command, damage: Callable[[Path], None]
) -> None:
    path = company.data / "person_id.key"
    content, names = path.read_text(), _requesters(company)
    damage(path)
    left = path.read_bytes() if path.exists() else None
    told = [wrong(command)[0], command("plan")[2], command("run")[2], command("rebuild")[2]]
    for text in told:
        assert "person_id.key" in text and "from a backup" in text
        assert pasted(text, company) == ["forget", "--file", "person_id.key"]
    assert (path.read_bytes() if path.exists() else None) == left
    path.write_text(content)
    status, out, _ = command("run")
    assert status == 0 and "months built: none" in out
    damage(path)
    assert command(*pasted(told[0], company))[0] == 0
    assert command("run")[0] == 0
    assert wrong(command) == []
    assert len(_requesters(company)) == len(names)
    assert not _requesters(company) & names


def _requesters(company: SmallCompany) -> set[str]:
    with duckdb.connect(str(company.project().folders.published_database), read_only=True) as connection:
        rows = connection.execute("SELECT DISTINCT requester_id FROM fct_ticket WHERE requester_id IS NOT NULL")
        return {name for (name,) in rows.fetchall()}


def test_looking_makes_no_key(company: SmallCompany, command: Command) -> None:
    shutil.rmtree(company.data)
    for name in ("plan", "doctor"):
        assert command(name)[0] == 0
        assert not (company.data / "person_id.key").exists()


# --- rebuild ----------------------------------------------------------------------------------------------------------


def _made(company: SmallCompany) -> dict[str, bytes]:
    staged = [path for path in (company.data / "staged").rglob("*") if path.is_file()]
    return {
        str(path.relative_to(company.data)): path.read_bytes() for path in (company.data / "working.duckdb", *staged)
    }


@pytest.mark.parametrize("lost", ["an export", "a landed copy", "a readable export"])
def test_a_rebuild_that_cannot_be_done_replaces_nothing(company: SmallCompany, command: Command, lost: str) -> None:
    sent(company, "accounts", "2024-06-20T08:00", region="Moon")
    assert command("run")[0] == 0
    before = _made(company)
    if lost == "an export":
        (company.folder / "support" / "tickets.csv").unlink()
    elif lost == "a landed copy":
        landed(company, "accounts")[0].unlink()
    else:
        (company.folder / "support" / "tickets.csv").write_bytes(b"\x1f\x8b\x08\x00rubbish")
    status, out, err = command("rebuild")
    assert status == 1 and "error: " in out + err
    assert _made(company) == before
    assert current_version(company.project().folders) == 2
    assert not (company.data / "rebuild").exists()


def test_a_rebuild_gives_the_same_rows_and_the_same_numbers_of_accounts(
    company: SmallCompany, command: Command
) -> None:
    """All rows but the glossary, which a publish writes: here nothing is new to publish."""
    written = {"dim_metric", "dim_milestone", "metric_operand", "metric_target"}
    before = {name: rows for name, rows in company.frames().items() if name not in written}
    keys = "SELECT account_id, account_key FROM lineage.account_key ORDER BY ALL"
    numbers = _rows(company, keys)
    status, out, _ = command("rebuild")
    assert status == 0 and "\nMade again from the landed files, in place of what was there" in out
    after = company.frames(before)
    assert [name for name in before if not before[name].equals(after[name])] == []
    assert _rows(company, keys) == numbers
    assert company.stale() == []


# --- modes and disk ---------------------------------------------------------------------------------------------------


def test_what_others_may_read_though_it_is_private_is_found_and_made_private_again(
    company: SmallCompany, command: Command
) -> None:
    names = ["working.duckdb", "person_id.key", "landed", "staged", "quarantine", "landed/landed.sqlite",
             "staged/accounts.parquet"]  # fmt: skip
    for name in names:
        path = company.data / name
        path.chmod(0o755 if path.is_dir() else 0o644)
        (line,) = wrong(command)
        assert f"others may read {name}: make run" in line
        path.chmod(0o700 if path.is_dir() else 0o600)
    for name in names:
        path = company.data / name
        path.chmod(0o755 if path.is_dir() else 0o644)
    (line,) = wrong(command)
    status, out, _ = command(*pasted(line, company))
    assert status == 0 and all(name in out for name in names)
    assert all(stat.S_IMODE((company.data / name).stat().st_mode) & 0o077 == 0 for name in names)
    assert wrong(command) == []


def test_the_working_database_and_its_log_are_private_from_the_first_byte(
    company: SmallCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(company.data)
    monkeypatch.setattr("os.umask", os.umask)  # whatever it is where the tests run
    before = os.umask(0o022)
    try:
        database = company.project().database
        with database.connect() as connection:
            connection.execute("SELECT 1")
            database.write_whole({})
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in company.data.glob("working.duckdb*")}
    finally:
        os.umask(before)
    assert modes and set(modes.values()) == {0o600}


def test_a_disk_with_less_room_than_a_publish_needs_is_told_in_numbers(
    company: SmallCompany, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    (line,) = wrong(command)
    assert "disk" in line and "1 MB free" in line and "MB wanted for a publish; make room" in line
    working = (company.data / "working.duckdb").stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100_000_000 + 3 * working - 1))
    assert len(wrong(command)) == 1
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=101_000_000 + 4 * working))
    assert wrong(command) == []


# --- many files -------------------------------------------------------------------------------------------------------


def test_a_landing_of_many_files_reads_the_list_of_them_a_number_of_times_that_does_not_grow(
    company: SmallCompany, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    import warehouse.landed

    opened: list[str] = []
    whole = sqlite3.connect

    def counting(*arguments: object, **named: object) -> sqlite3.Connection:
        opened.append(str(arguments[0]))
        return whole(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(warehouse.landed.sqlite3, "connect", counting)
    counts = []
    for number in (20, 80):
        for place in range(number):
            company.export("costs", exports()["costs"][:1], name=f"costs-{place:03d}.csv")
        company.configure(**ONE_MONTH, files={"costs": "costs-*.csv"})
        project = Project(company.config, company.data)
        opened.clear()
        from pipelines.ingest.canonical_tables import land_all

        land_all(project)
        counts.append(len(opened))
    assert counts[0] == counts[1] <= 20


def test_the_commands_that_are_named_are_in_the_makefile() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("run", "rebuild", "forget", "doctor"):
        assert f"\n{target}:" in text
    done = subprocess.run(
        ["make", "-n", "forget", "FILE=a b"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert 'forget --file "$FILE"' in done.stdout
