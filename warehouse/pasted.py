"""Commands as errors name them: they work when they are pasted."""

import os
import shlex

DEFAULTS = {"CONFIG": "customer_success.yaml", "DATA_DIR": "data"}
"""What the Makefile takes where nothing else is said."""


def make(target: str, **arguments: str) -> str:
    """A `make` command with what it must be told of the place it is run for: without, it would work on the example."""
    told = {name: os.environ.get(name, "") for name, usual in DEFAULTS.items() if os.environ.get(name, usual) != usual}
    given = {**arguments, **{name: value for name, value in told.items() if value}}
    # In a value that it is given make reads $ as the beginning of a variable.
    return " ".join(
        ["make", target, *(f"{name}={shlex.quote(value.replace('$', '$$'))}" for name, value in given.items())]
    )
