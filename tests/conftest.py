"""How the processes of the tests run."""

import gc
import os

from hypothesis import settings

from tests.cores import on_one_core

on_one_core()
# How long an example takes says how busy the machine is, and what failed once elsewhere says nothing here. The soak
# draws new examples each time; what lets a change in draws the same ones, so that it says something of the change.
settings.register_profile("here", deadline=None, database=None, derandomize="SOAK_SHARE" not in os.environ)
settings.load_profile("here")


collect_ignore = [
    *([] if os.environ.get("SOAK_SHARE") else ["soak"]),
    *([] if os.environ.get("EVENTS_ENGINE") == "spark" else ["spark"]),
    *([] if os.environ.get("STORES_SERVED") else ["stores"]),
]
"""`make soak` asks for what takes minutes, `make test-spark` for what needs Java and a large library, and `make
test-stores` for what needs servers."""


def pytest_collection_finish() -> None:
    """Modules, items and parameters stay until the end; no search for garbage need look at them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # as the commands do
