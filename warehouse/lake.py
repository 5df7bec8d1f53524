"""Files that are read where they lie, in a lake: which there are, and which version of each."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from schemas.form import Form
from warehouse.configuration import LoadedConfig
from warehouse.errors import ExportError
from warehouse.landed import LandedFile
from warehouse.lineage import digest
from warehouse.sent import day_in_name, patterns_of
from warehouse.stores import is_address, store_of, version, written

NEVER = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - as all instants here, in UTC
"""When a file was written of which its store doesn't tell that."""


def lake_files(loaded: LoadedConfig, forms: Mapping[str, Form]) -> dict[str, LandedFile]:
    """The files that the config's sources point at where they lie, by address; none is opened.

    Of such a file `sha256` is a hash of its path, size and version tag, and `landed_at` when it was written.

    Raises:
        ConfigError: a source names a table that does not exist.
        ExportError: a file the config names is not there, two have one name, or two sources name one.
    """
    found: dict[str, LandedFile] = {}
    for name, source in loaded.config.sources.items():
        form = forms.get(source.written)
        for raw_table, patterns in patterns_of(loaded, name, source, form).items() if form else ():
            for pattern in patterns if loaded.config.in_place(raw_table) else ():
                for address, told in _matching(loaded, name, raw_table, pattern).items():
                    file = _file(name, raw_table, address, told, loaded)
                    other = found.setdefault(address, file)
                    if other.source != name:
                        raise ExportError(
                            f"the sources {other.source} and {name} name one file, {file.name}; a file belongs to one "
                            "source; take it out of the others"
                        )
    names = Counter((file.source, file.raw_table, file.name) for file in found.values())
    if twice := sorted({name for (_, _, name), number in names.items() if number > 1}):
        raise ExportError(f"two files are both called {', '.join(twice)}; give their folders other names")
    return found


def _matching(loaded: LoadedConfig, source: str, raw_table: str, pattern: str) -> dict[str, dict[str, Any]]:
    """Addresses as Spark takes them, with what the store tells of each file."""
    folder = loaded.config.sources[source].folder
    where = pattern if is_address(pattern) else f"{folder}/{pattern}" if is_address(folder) else ""
    where = where or f"file://{loaded.file(folder).absolute() / pattern}"
    scheme = where.partition("://")[0]
    store, path = store_of(where)
    told = {
        f"{scheme}://{name}": of for name, of in sorted(store.glob(path, detail=True).items()) if of["type"] == "file"
    }
    if not told:
        raise ExportError(
            f"{source}.{raw_table}: there is no file {_named(where)}; put it there, or correct sources in the config"
        )
    return told


def _named(address: str) -> str:
    """A file as messages and tables name it: its folder and its name."""
    path = PurePosixPath(address)
    return f"{path.parent.name}/{path.name}"


def _file(source: str, raw_table: str, address: str, told: Mapping[str, Any], loaded: LoadedConfig) -> LandedFile:
    when = written(told) or NEVER
    identity = digest(address, told["size"], version(told) or str(when))
    exported = day_in_name(PurePosixPath(address), loaded) or when
    return LandedFile(source, raw_table, _named(address), identity, told["size"], exported, when)
