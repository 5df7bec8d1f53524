"""Processes of tests compute on one core each, as two run side by side; commands run as a user's do."""

import os

ON_ONE_CORE = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A pool of threads for each core in each of two processes makes them wait for each other."""


def on_one_core() -> None:
    """To be called before anything is imported that reads these."""
    for name, number in ON_ONE_CORE.items():
        os.environ.setdefault(name, number)


def as_a_user() -> dict[str, str]:
    """The environment that a command has outside the tests."""
    return {name: value for name, value in os.environ.items() if name not in ON_ONE_CORE}
