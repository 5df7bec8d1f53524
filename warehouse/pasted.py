"""Commands as errors name them: they work when they are pasted where the program was started."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

DEFAULTS = {"CONFIG": "customer_success.yaml", "DATA_DIR": "data"}
"""What the Makefile takes where nothing else is said."""
VARIABLE = re.compile(r"\$\{(\w+)\}")
"""A variable of the environment in a config."""
ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ("MONTHS", "ACCEPT", "FILE", "SOURCE", "FOLDER")
"""What make hands on to `python -m pipelines` as `--months` and so on; all else it leaves in the environment."""
INSTALLS = ("spark", "stores")
"""Targets that install what a lock file of their name lists."""


def make(target: str, **arguments: str) -> str:
    """A `make` command with what it must be told of the place it is run for: without, it would work on the example.

    Where there is no make, or no Makefile of ours, it is what the Makefile would start.
    """
    told = {name: os.environ.get(name, "") for name, usual in DEFAULTS.items() if os.environ.get(name, usual) != usual}
    folders = {name: os.environ.get(name, "") for name in _folders(Path(told.get("CONFIG") or DEFAULTS["CONFIG"]))}
    given = {**arguments, **{name: value for name, value in {**told, **folders}.items() if value}}
    if not shutil.which("make") or not _is_here("Makefile"):
        return _started(target, given)
    # In a value that it is given make reads $ as the beginning of a variable.
    return " ".join(
        ["make", target, *(f"{name}={shlex.quote(value.replace('$', '$$'))}" for name, value in given.items())]
    )


def _is_here(name: str) -> bool:
    """Whether a file of the program is that of the folder it was started in."""
    try:
        return Path(name).samefile(ROOT / name)
    except OSError:
        return False


def _started(target: str, given: Mapping[str, str]) -> str:
    python = "python" if shutil.which("python") == sys.executable else shlex.quote(sys.executable)
    if target in INSTALLS:
        lock = shlex.quote(str(ROOT / f"{target}.lock"))
        return f"{python} -m pip install --no-deps --require-hashes -r {lock}"
    options = [f"--{name.lower()} {shlex.quote(value)}" for name, value in given.items() if name in OPTIONS]
    place = {**_import_path(), **{name: value for name, value in given.items() if name not in OPTIONS}}
    told = (f"{name}={shlex.quote(value)}" for name, value in place.items())
    return " ".join([*told, python, "-m", "pipelines", target, *options])


def _import_path() -> dict[str, str]:
    """What the program is found by, if that is said by the environment, and not by the folder it is started in."""
    said = os.environ.get("PYTHONPATH", "")
    named = {Path(folder).resolve() for folder in said.split(os.pathsep) if folder}
    return {"PYTHONPATH": said} if ROOT in named and not _is_here(".") else {}


def _folders(config: Path) -> list[str]:
    """The variables ${…_DIR} that a config takes from the environment; another may hold what isn't to be shown."""
    try:
        found = VARIABLE.findall(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in dict.fromkeys(found) if name.endswith("_DIR")]
