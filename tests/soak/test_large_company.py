"""A company of many copies of the example, on as many threads as a user has: what comes out is known."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.large_company import write
from tests.cores import as_a_user
from tests.integration.small_company import ROOT


def made(folder: Path, copies: int) -> dict[str, Any]:
    """What became of so many copies: published, and its last whole month built once more."""
    folder.mkdir()
    write(folder, copies)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stages", "all", str(folder)],
        cwd=ROOT,
        env=as_a_user(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_mrr_and_its_account_months_grow_as_the_copies_do(times, counted, tmp_path):
    copies = times(30)
    one, many = made(tmp_path / "one", 1), made(tmp_path / "many", copies)
    assert one["truth"][0] > 0
    assert many["truth"] == [copies * number for number in one["truth"]]
    counted(f"{copies} times the example: {many['gigabytes']:.1f} GB, {sum(many['seconds'].values()):.0f} CPU seconds")
