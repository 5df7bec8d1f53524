"""What a command does to its data folder, one effect after the other, and death before any of them.

Seen are the effects that Python tells of (files opened to be written, replaced, linked, unlinked, cut, folders made and
removed), each fsync, and each commit of the working database and of the list of landed files. Death before an effect
is death after the one before it. Writes that end in the middle come of a limit on the size of files, at which the
operating system ends the process.
"""

import json
import os
import resource
import signal
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import warehouse.audit
import warehouse.database
import warehouse.publishing
import warehouse.upkeep
from tests.integration.small_company import ROOT

OURS = tuple(str(ROOT / room) for room in ("pipelines", "transforms", "warehouse", "schemas"))
CHANGES = {"os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}


class Effects:
    """Effects below a folder, written down, or counted until the one at which the process dies."""

    def __init__(self, folder: Path, written: Path | None, die_at: int | None) -> None:
        self.folder, self.die_at = str(folder.absolute()), die_at
        self.count = 0
        self.log = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if written else None
        self.owner = os.getpid()
        self.is_telling = False

    def heard(self, event: str, given: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open" and isinstance(given[0], (str, bytes)):
            is_write = bool(given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)) if given[2] else False
            if is_write:
                self.before("open", os.fsdecode(given[0]))
        elif event in CHANGES:
            self.before(event, *(os.fsdecode(one) for one in given[:2] if isinstance(one, (str, bytes, os.PathLike))))

    def before(self, what: str, *paths: str) -> None:
        """An effect is about to be."""
        if self.is_telling or os.getpid() != self.owner:
            return
        if not any(self.folder in str(Path(path).absolute()) for path in paths):
            return
        self.is_telling = True
        place = self._place()
        if place:
            if self.count == self.die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
            if self.log is not None:
                os.write(self.log, f"{json.dumps([what, place])}\n".encode())
        self.is_telling = False

    def _place(self) -> str | None:
        """The line of ours that does it; None: Dagster's own history."""
        ours = [frame for frame in traceback.extract_stack() if frame.filename.startswith(OURS)]
        inner = [frame for frame in ours if "/orchestration/" not in frame.filename]
        return f"{Path(inner[-1].filename).relative_to(ROOT)}:{inner[-1].lineno}" if inner else None


@contextmanager
def watched(folder: Path, written: str | None, die_at: int | None, largest_file: int | None) -> Iterator[None]:
    """Within the block, effects below the folder are told to the file `written`, or the process dies at one of them.

    `largest_file`: bytes; the operating system kills the process in the middle of the write that goes beyond.
    """
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    if written or die_at is not None:
        effects = Effects(folder, Path(written) if written else None, die_at)
        sys.addaudithook(effects.heard)
        _tell_commits(effects)
    yield


def _tell_commits(effects: Effects) -> None:
    sync, transaction = os.fsync, warehouse.database.transaction

    def told_sync(descriptor: int) -> None:
        effects.before("fsync", os.path.realpath(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)
        effects.before("fsync done", os.path.realpath(f"/proc/self/fd/{descriptor}"))

    @contextmanager
    def told_transaction(connection: Any) -> Iterator[None]:
        effects.before("begin", effects.folder)
        with transaction(connection):
            yield
            effects.before("commit", effects.folder)
        effects.before("commit done", effects.folder)

    class Told(sqlite3.Connection):
        def commit(self) -> None:
            effects.before("commit of the list", effects.folder)
            super().commit()
            effects.before("commit of the list done", effects.folder)

        def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if sql != "COMMIT":
                return super().execute(sql, *given)
            effects.before("commit of the list", effects.folder)
            done = super().execute(sql)
            effects.before("commit of the list done", effects.folder)
            return done

    connect = sqlite3.connect

    def told_connect(path: Any, *given: Any, **named: Any) -> sqlite3.Connection:
        ours = "landed" in os.fspath(path) if isinstance(path, (str, os.PathLike)) else False
        return connect(path, *given, **({"factory": Told} if ours else {}), **named)

    os.fsync = told_sync
    for module in (warehouse.database, warehouse.publishing, warehouse.upkeep, warehouse.audit):
        module.transaction = told_transaction  # type: ignore[attr-defined]
    sqlite3.connect = told_connect  # type: ignore[assignment]
