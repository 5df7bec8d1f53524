"""The key that persons' ids are hashed with: made once; a lost one is never silently replaced by another."""

import hashlib
import os
import secrets

from warehouse.errors import DamagedError
from warehouse.folders import PRIVATE_FILE, Folders
from warehouse.landed import fingerprint, keep_fingerprint
from warehouse.pasted import make

NAME = "person_id.key"


def person_key(folders: Folders) -> bytes:
    """The key; nothing is written.

    Raises:
        DamagedError: it is not there, or is not the one that was used before: one person would have two hashes.
    """
    key, known = _key(folders), fingerprint(folders, NAME)
    if key is None or (known is not None and known != _fingerprint(key)):
        how = "is not the key that persons' ids were hashed with" if key else "is gone, or holds no key"
        if key is None and known is None:
            raise DamagedError(f"{NAME} {how}: {make('run')} makes one")
        raise DamagedError(
            f"{NAME} {how}; put it back from a backup, or begin with a new one, by which every person has another hash "
            f"in all months: {make('forget', FILE=NAME)}"
        )
    return key


def make_key(folders: Folders) -> None:
    """Make the key if there never was one, and remember what it is known by.

    Raises:
        DamagedError: there was one, and it is not there now.
    """
    if _key(folders) is None and fingerprint(folders, NAME) is None:
        part = folders.person_key.with_suffix(".part")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
        part.write_text(secrets.token_hex(16))
        part.replace(folders.person_key)
    key = person_key(folders)
    if fingerprint(folders, NAME) is None:
        keep_fingerprint(folders, NAME, _fingerprint(key))


def forget_key(folders: Folders) -> None:
    """Give up the key: the next run makes another, and everything that is hashed with it again."""
    folders.person_key.unlink(missing_ok=True)
    keep_fingerprint(folders, NAME, None)


def _key(folders: Folders) -> bytes | None:
    try:
        return bytes.fromhex(folders.person_key.read_text(encoding="ascii")) or None
    except (FileNotFoundError, ValueError):
        return None


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"person_id.key " + key).hexdigest()[:16]
