"""One run at a time for each data folder, and a run that is killed frees it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.errors import LockedError
from warehouse.folders import Folders
from warehouse.locking import holder, run_lock

ROOT = Path(__file__).resolve().parents[2]

HOLD = """
import sys
from pathlib import Path
from warehouse.folders import Folders
from warehouse.locking import run_lock
with run_lock(Folders(Path(sys.argv[1])), sys.argv[2], wait_seconds=30):
    print("held", flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""

COUNT = """
import sys
from pathlib import Path
from warehouse.folders import Folders
from warehouse.locking import run_lock
counter = Path(sys.argv[1]) / "counter"
for _ in range(8):
    with run_lock(Folders(Path(sys.argv[1])), "counting", wait_seconds=50):
        number = int(counter.read_text())
        counter.write_text("")
        counter.write_text(str(number + 1))
"""


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "data")


@pytest.fixture
def another():
    """Start another run that holds a data folder until its input ends."""
    started = []

    def start(folders: Folders, purpose: str = "nightly run", *, wait: bool = True) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, str(folders.root), purpose]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        if wait:
            assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen) -> None:
    process.communicate("\n")
    assert process.returncode == 0


class TestAnotherRun:
    def test_gives_up_with_an_error_that_names_holder_purpose_and_folder(self, folders, another):
        process, said = another(folders, "backfill of 2024"), []
        begun = time.monotonic()
        with (
            pytest.raises(LockedError) as found,
            run_lock(folders, "second run", wait_seconds=0.3, say=said.append),
        ):
            pytest.fail("the folder is held by another run")
        assert time.monotonic() - begun >= 0.3
        told = str(found.value)
        assert told.startswith(f"{folders.root} is still held by process {process.pid} (backfill of 2024, since ")
        assert "wait for that run, or end it" in told
        assert len(said) == 1
        assert said[0].startswith(f"Waiting for process {process.pid} (backfill of 2024, since ")

    def test_goes_on_once_the_first_has_ended(self, folders, another):
        first = another(folders, "first")
        second = another(folders, "second", wait=False)
        time.sleep(0.2)
        assert second.poll() is None
        end(first)
        assert second.stdout.readline() == "held\n"
        assert holder(folders).startswith(f"process {second.pid} (second")

    def test_does_not_wait_where_nobody_holds_the_folder(self, folders, another):
        end(another(folders))
        said = []
        with run_lock(folders, "mine", wait_seconds=0, say=said.append):
            assert said == []

    def test_of_another_folder_is_not_in_the_way(self, folders, another, tmp_path):
        another(folders)
        with run_lock(Folders(tmp_path / "elsewhere"), "mine", wait_seconds=0):
            pass

    def test_by_another_way_to_the_same_folder_is_in_the_way(self, folders, another, tmp_path):
        another(folders)
        (tmp_path / "link").symlink_to(folders.root)
        with pytest.raises(LockedError), run_lock(Folders(tmp_path / "link"), "mine", wait_seconds=0):
            pytest.fail("it is the same folder")

    def test_that_was_killed_frees_the_folder(self, folders, another):
        process = another(folders, "killed run")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with run_lock(folders, "mine", wait_seconds=0):
            assert holder(folders).startswith(f"process {os.getpid()} (mine, since ")

    def test_that_is_killed_while_it_is_waited_for_frees_the_folder(self, folders, another):
        first = another(folders, "first")
        second = another(folders, "second", wait=False)
        time.sleep(0.2)
        os.kill(first.pid, signal.SIGKILL)
        assert second.stdout.readline() == "held\n"

    def test_never_runs_beside_another(self, folders):
        folders.root.mkdir()
        (folders.root / "counter").write_text("0")
        command = [sys.executable, "-c", COUNT, str(folders.root)]
        runs = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        assert [run.communicate()[1] for run in runs] == ["", "", ""]
        assert (folders.root / "counter").read_text() == "24"


class TestThisRun:
    def test_may_take_it_again_and_holds_it_to_the_end_of_the_outermost_block(self, folders, another):
        with run_lock(folders, "outer", wait_seconds=0):
            with run_lock(folders, "inner", wait_seconds=0):
                pass
            with run_lock(folders, "inner again", wait_seconds=0):
                pass
            assert holder(folders).startswith(f"process {os.getpid()} (outer")
            waiting = another(folders, "other", wait=False)
            time.sleep(0.3)
            assert waiting.poll() is None
        assert waiting.stdout.readline() == "held\n"

    def test_frees_it_when_an_exception_ends_the_block(self, folders, another):
        with pytest.raises(ValueError), run_lock(folders, "mine", wait_seconds=0):
            raise ValueError
        another(folders)

    def test_frees_it_when_an_exception_ends_the_inner_block_only_with_the_outer(self, folders, another):
        with run_lock(folders, "outer", wait_seconds=0):
            with pytest.raises(ValueError), run_lock(folders, "inner", wait_seconds=0):
                raise ValueError
            waiting = another(folders, "other", wait=False)
            time.sleep(0.3)
            assert waiting.poll() is None
        assert waiting.stdout.readline() == "held\n"

    def test_may_take_it_again_after_it_gave_up(self, folders, another):
        process = another(folders)
        with pytest.raises(LockedError), run_lock(folders, "mine", wait_seconds=0):
            pytest.fail("the folder is held by another run")
        end(process)
        with run_lock(folders, "mine", wait_seconds=0):
            pass

    def test_makes_the_folder(self, tmp_path):
        deep = Folders(tmp_path / "a" / "b")
        with run_lock(deep, "mine", wait_seconds=0):
            assert deep.lock.exists()

    def test_leaves_no_holder_behind(self, folders):
        with run_lock(folders, "mine", wait_seconds=0):
            pass
        assert holder(folders) == "another run"


class TestHolder:
    @pytest.mark.parametrize("text", ["", "{", "not json"])
    def test_that_is_just_being_written_is_another_run(self, folders, text):
        folders.root.mkdir()
        folders.lock.with_suffix(".holder").write_text(text)
        assert holder(folders) == "another run"

    def test_is_told_in_words(self, folders):
        folders.root.mkdir()
        told = {"pid": 7, "purpose": "run 1234", "since": "2025-01-05 10:00:00"}
        folders.lock.with_suffix(".holder").write_text(json.dumps(told))
        assert holder(folders) == "process 7 (run 1234, since 2025-01-05 10:00:00)"
