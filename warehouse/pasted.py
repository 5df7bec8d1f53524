"""Commands as errors name them: they work when they are pasted."""

import os
import re
import shlex
from pathlib import Path

DEFAULTS = {"CONFIG": "customer_success.yaml", "DATA_DIR": "data"}
"""What the Makefile takes where nothing else is said."""
VARIABLE = re.compile(r"\$\{(\w+)\}")
"""A variable of the environment in a config."""


def make(target: str, **arguments: str) -> str:
    """A `make` command with what it must be told of the place it is run for: without, it would work on the example."""
    told = {name: os.environ.get(name, "") for name, usual in DEFAULTS.items() if os.environ.get(name, usual) != usual}
    folders = {name: os.environ.get(name, "") for name in _folders(Path(told.get("CONFIG") or DEFAULTS["CONFIG"]))}
    given = {**arguments, **{name: value for name, value in {**told, **folders}.items() if value}}
    # In a value that it is given make reads $ as the beginning of a variable.
    return " ".join(
        ["make", target, *(f"{name}={shlex.quote(value.replace('$', '$$'))}" for name, value in given.items())]
    )


def _folders(config: Path) -> list[str]:
    """The variables ${…_DIR} that a config takes from the environment; another may hold what isn't to be shown."""
    try:
        found = VARIABLE.findall(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in dict.fromkeys(found) if name.endswith("_DIR")]
