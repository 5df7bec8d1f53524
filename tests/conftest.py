"""How the processes of the tests run."""

import gc

from tests.cores import on_one_core

on_one_core()


def pytest_collection_finish() -> None:
    """Modules, items and parameters stay until the end; no search for garbage need look at them again."""
    gc.collect()
    gc.freeze()
