"""Working databases of a test process within one DuckDB: to start one for each takes longer than to read the files."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from warehouse.database import _LEFT, STORAGE, WorkingDatabase

_NUMBERS = count()


@cache
def _one() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config=dict(STORAGE))


class _Within:
    """A connection to one file, which is closed with it."""

    def __init__(self, path: Path) -> None:
        self._name = f"working_{next(_NUMBERS)}"
        _one().execute(f"ATTACH '{path}' AS {self._name}")
        self._cursor = _one().cursor()
        self._cursor.execute(f"USE {self._name}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def close(self) -> None:
        self._cursor.execute("USE memory")
        self._cursor.close()
        _one().execute(f"DETACH {self._name}")


def _open(self: WorkingDatabase) -> _Within:
    known = _LEFT.pop(self.path, None)
    self._is_begun = self._is_begun or (known is not None and known == self._looks())
    return _Within(self.path)


@contextmanager
def one_duckdb() -> Iterator[None]:
    """Within the block working databases are opened so."""
    with mock.patch.object(WorkingDatabase, "_open", _open):
        yield
