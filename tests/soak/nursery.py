"""Commands as processes of their own, without the seconds that each would spend importing.

A nursery has imported everything and starts a child for each command that it is told; a child may be killed by
anybody, or be told to die at one of its effects.
"""

import importlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cores import as_a_user
from tests.integration.small_company import ROOT, SmallCompany

KILLED = -9


@dataclass
class Child:
    """A command that runs, or ran: its process, where it tells what it says, and its status once it has ended."""

    pid: int
    log: Path
    nursery: "Nursery"

    def wait(self) -> int:
        """Its status; minus the signal that ended it."""
        return int(self.nursery.heard())

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


class Nursery:
    """One child at a time, each in an environment of its own."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder

    def start(self, company: SmallCompany, *arguments: str, **how: Any) -> Child:
        """Begin a command of the company; `how`: what `serve` knows besides."""
        log = self.folder / "said.log"
        told = {"arguments": arguments, "environment": company.environment, "log": str(log), **how}
        print(json.dumps(told), file=self.process.stdin, flush=True)
        return Child(int(self.heard()), log, self)

    def run(self, company: SmallCompany, *arguments: str, **how: Any) -> tuple[int, str]:
        """A command from beginning to end: its status, and all that it told."""
        child = self.start(company, *arguments, **how)
        return child.wait(), child.said()

    def heard(self, seconds: float = 600) -> str:
        """The next word of the nursery."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        assert ready, "a command did not end in time"
        return self.process.stdout.readline().strip()


@contextmanager
def nursery(folder: Path, *before: str) -> Iterator[Nursery]:
    """A nursery that ends with the block; `before`: a command that starts it, as one that gives it a disk."""
    pipe = subprocess.PIPE
    command = [*before, sys.executable, "-m", "tests.soak.nursery"]
    with subprocess.Popen(command, cwd=ROOT, env=as_a_user(), stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        made = Nursery(process, folder)
        assert made.heard() == "ready"
        yield made
        assert process.stdin
        process.stdin.close()


def serve() -> None:
    """Start a child for each line of stdin, and say its number and then its status."""
    importlib.import_module("pipelines.definitions")
    importlib.import_module("pipelines.orchestration.runs")

    say("ready")
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = _as_told(told)
            finally:
                os._exit(status)
        say(pid)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def say(what: object) -> None:
    os.write(1, f"{what}\n".encode())


def _as_told(told: dict[str, Any]) -> int:
    from pipelines.commands.command_line import main
    from tests.soak.effects import watched

    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(told["environment"])
    with watched(Path(os.environ["DATA_DIR"]), told.get("effects"), told.get("die_at"), told.get("largest_file")):
        status = main(told["arguments"], time.perf_counter())
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve()
