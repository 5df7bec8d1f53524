"""One run at a time per data folder, held by the operating system, so that a killed run frees it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from warehouse.errors import LockedError
from warehouse.folders import Folders

_held: dict[str, int] = {}


@contextmanager
def run_lock(
    folders: Folders, purpose: str, *, wait_seconds: float = 600, say: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the data folder until the block ends; within one process it may be taken again.

    Raises:
        LockedError: another run still holds it after `wait_seconds`; names its process and purpose.
    """
    folders.root.mkdir(parents=True, exist_ok=True)
    key = str(folders.lock.resolve())
    lock = FileLock(key)
    if _held.get(key):
        _held[key] += 1
        try:
            yield
        finally:
            _held[key] -= 1
        return
    _acquire(lock, folders, wait_seconds, say)
    _held[key] = 1
    holder = folders.lock.with_suffix(".holder")
    holder.write_text(json.dumps({"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%Y-%m-%d %H:%M:%S")}))
    try:
        yield
    finally:
        _held[key] = 0
        holder.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, folders: Folders, wait_seconds: float, say: Callable[[str], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Waiting for {holder(folders)} …")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            raise LockedError(
                f"{folders.root} is still held by {holder(folders)} after {wait_seconds:.0f} s; "
                "wait for that run, or end it, and try again"
            ) from None


def holder(folders: Folders) -> str:
    """Who holds the data folder, in words."""
    path = folders.lock.with_suffix(".holder")
    try:
        who = json.loads(path.read_text())
    except (OSError, ValueError):
        return "another run"
    return f"process {who['pid']} ({who['purpose']}, since {who['since']})"
