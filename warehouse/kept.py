"""What a run need not make again: frames that were made of landed files, kept in one file beside the staged tables.

It is a cache: a file that is gone, damaged, or made from something else is as good as none.
"""

import io
import json
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.folders import PRIVATE_FILE, Folders

_TOLD = "told.json"
_FRAMES = "frames"
"""The names of all frames: a damaged list of an archive may lack some."""


def kept_path(folders: Folders, name: str) -> Path:
    """The file of what is kept under a name."""
    return folders.staged / f"{name}.kept.zip"


def write_kept(folders: Folders, name: str, told: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> None:
    """Replace what is kept under a name; whoever reads it sees the old or the new."""
    path = kept_path(folders, name)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE), "wb") as opened:
        # The archive's checksums tell a damaged part from a whole one.
        with zipfile.ZipFile(opened, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_TOLD, json.dumps({**told, _FRAMES: sorted(frames)}))
            for frame_name, frame in frames.items():
                written = io.BytesIO()
                frame.write_parquet(written)
                archive.writestr(frame_name, written.getvalue())
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(path)


def read_kept(folders: Folders, name: str) -> tuple[dict[str, Any], dict[str, pl.DataFrame]] | None:
    """What was told and the frames, or None where nothing is kept that can be read."""
    path = kept_path(folders, name)
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read(_TOLD))
            frames = {
                entry: pl.read_parquet(io.BytesIO(archive.read(entry)))
                for entry in archive.namelist()
                if entry != _TOLD
            }
    except Exception:
        return None
    if sorted(frames) != told.get(_FRAMES):
        return None
    return told, frames


def drop_kept(folders: Folders, of: str, but: Collection[str] = ()) -> None:
    """Keep nothing whose name begins like that, but for some names and their parts: it may hold what was forgotten."""
    for path in folders.staged.glob(f"{of}*kept.*"):
        if not any(path.name.startswith(f"{name}.") for name in but):
            path.unlink()
