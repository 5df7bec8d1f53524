"""The main job over the bundled company, run as a user runs it: some commands, one after the other."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cores import as_a_user
from tests.integration.small_company import ROOT

AGAIN = "2026-05"


@dataclass(frozen=True)
class Job:
    """The commands that were run, one after the other, and where their data is."""

    data: Path
    before: Path
    """The working database after the first run."""
    commands: dict[str, dict[str, Any]]
    """Exit status and what was told, by command."""

    @property
    def published(self) -> Path:
        return self.data / "published" / "customer_success.duckdb"


COMMANDS = {
    "run": ["run"],
    "run again": ["run"],
    "plan": ["plan"],
    "doctor": ["doctor"],
    "run a month": ["run", "--months", AGAIN],
}


def run_all(folder: Path) -> Job:
    data, done = folder / "data", folder / "done.json"
    if not done.exists():
        given = {"CONFIG": str(ROOT / "customer_success.yaml"), "DATA_DIR": str(data)}
        environment = {**as_a_user(), **given, "DAGSTER_HOME": str(data / "dagster")}
        told: dict[str, dict[str, Any]] = {}
        for name, arguments in COMMANDS.items():
            ended = subprocess.run(
                [sys.executable, "-m", "pipelines", *arguments],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            link = data / "published" / "customer_success.duckdb"
            told[name] = {
                "exit": ended.returncode,
                "out": ended.stdout,
                "err": ended.stderr,
                "version": str(link.readlink()) if link.is_symlink() else None,
            }
            if name == "run" and (data / "working.duckdb").exists():
                shutil.copy(data / "working.duckdb", folder / "before.duckdb")
        done.write_text(json.dumps(told))
    return Job(data, folder / "before.duckdb", json.loads(done.read_text()))
