"""What the tests of more than one file look at, made once per session, also with several workers (by a lock)."""

import os
from collections.abc import Iterator

import duckdb
import pytest
from filelock import FileLock

from tests.integration.whole_job import Job, run_all


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All commands, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "whole-job"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        return run_all(folder)


@pytest.fixture(scope="session")
def published(job: Job) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, as a reader opens it."""
    connection = duckdb.connect(str(job.published), read_only=True)
    yield connection
    connection.close()
