"""What is where below DATA_DIR."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE, PUBLISHED_FILE = 0o700, 0o600, 0o440


@dataclass(frozen=True)
class Folders:
    """The rooms of one data folder."""

    root: Path
    beside: str = ""
    """Where what is made of the landed files lies instead, while it is made anew beside what is in use."""

    @property
    def made(self) -> Path:
        """Where what is made of the landed files lies."""
        return self.root / self.beside

    def _room(self, name: str, *, is_made: bool = True) -> Path:
        room = (self.made if is_made else self.root) / name
        room.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        return room

    @property
    def landed(self) -> Path:
        """Private copies of the exports, named by their SHA-256."""
        return self._room("landed", is_made=False)

    @property
    def fetched(self) -> Path:
        """Copies of files of stores and archives, until they are landed."""
        return self.root / "fetched"

    @property
    def quarantine(self) -> Path:
        """Raw values of rejected rows; never published."""
        return self._room("quarantine")

    @property
    def staged(self) -> Path:
        """Canonical tables, validated and clean."""
        return self._room("staged")

    @property
    def events(self) -> Path:
        """Where Spark keeps validated events, if the config names no other place."""
        return self._room("events", is_made=False)

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.root / "published"

    @property
    def working_database(self) -> Path:
        """The database that runs write and no reader opens."""
        return self.made / "working.duckdb"

    @property
    def lock(self) -> Path:
        """The lock of a run."""
        return self.root / "run.lock"

    @property
    def published_database(self) -> Path:
        """The stable name, a link to the newest version."""
        return self.published / "customer_success.duckdb"

    @property
    def person_key(self) -> Path:
        """The key that persons' ids are hashed with; never published."""
        return self.root / "person_id.key"


@contextmanager
def private_files() -> Iterator[None]:
    """Files that are made within the block, by whatever library, are for their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
