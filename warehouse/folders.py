"""What is where below DATA_DIR."""

import secrets
from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE, PUBLISHED_FILE = 0o700, 0o600, 0o440


@dataclass(frozen=True)
class Folders:
    """The rooms of one data folder."""

    root: Path

    def _room(self, name: str) -> Path:
        room = self.root / name
        room.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        return room

    @property
    def landed(self) -> Path:
        """Private copies of the exports, named by their SHA-256."""
        return self._room("landed")

    @property
    def quarantine(self) -> Path:
        """Raw values of rejected rows; never published."""
        return self._room("quarantine")

    @property
    def staged(self) -> Path:
        """Canonical tables, validated and clean."""
        return self._room("staged")

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.root / "published"

    @property
    def working_database(self) -> Path:
        """The database that runs write and no reader opens."""
        return self.root / "working.duckdb"

    @property
    def lock(self) -> Path:
        """The lock of a run."""
        return self.root / "run.lock"

    @property
    def published_database(self) -> Path:
        """The stable name, a link to the newest version."""
        return self.published / "customer_success.duckdb"

    def secret(self) -> bytes:
        """The key that persons' ids are hashed with; made once, never published."""
        path = self.root / "person_id.key"
        if not path.exists() or not path.read_text().strip():
            self.root.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            part.touch(mode=PRIVATE_FILE)
            part.write_text(secrets.token_hex(16))
            part.replace(path)
        return bytes.fromhex(path.read_text().strip())
