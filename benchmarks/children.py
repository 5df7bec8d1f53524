"""Cases in processes of their own: what each said, and what it took."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Child:
    """A process that went well."""

    said: str
    seconds: float
    """CPU seconds, with those of its own children."""
    gigabytes: float
    """Its peak memory."""


def child(command: Sequence[str | Path], told: Mapping[str, str] | None = None) -> Child:
    """Run a command in the project's folder, with `told` in its environment.

    Whoever calls this must stay small: Linux counts the peak of a process from that of the one that started it.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | (told or {}), stdout=said, stderr=complained)
        # Of all that were waited for only `wait4` tells what this one took.
        _, status, took = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (said, complained):
            file.seek(0)
            texts.append(file.read())
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {process.returncode}\n" + "\n".join(texts)[-3000:])
    return Child(texts[0], took.ru_utime + took.ru_stime, took.ru_maxrss / (1 << 20))
