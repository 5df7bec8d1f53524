"""`make init`: a first config, from what a folder's files show or a person says; never over one that is there."""

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.customers import Export
from schemas.form import Form
from schemas.settings import is_source_name
from transforms.clean.vendors import FORMS
from warehouse.errors import ConfigError, WarehouseError
from warehouse.pasted import make
from warehouse.reading import columns_in

HEAD = "# yaml-language-server: $schema=docs/config.schema.json"


@dataclass(frozen=True)
class Proposed:
    """A folder whose files are of a form, with the tables that are there."""

    folder: Path
    form: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Company:
    """What no file tells: how the company is called, and the currency and the clock of its numbers."""

    name: str = "My company"
    currency: str = "EUR"
    time_zone: str = "UTC"


USUAL = Company()
"""What stands in a config of which nobody said more."""


def propose(folder: Path) -> list[Proposed]:
    """For the folder and each folder in it the form that most columns of its files fit, if any does.

    Raises:
        ConfigError: there is no such folder, or no file in it that any form knows.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: there is no such folder; expected one with exports: {make('init', FOLDER='exports')}"
        )
    within = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [proposed for each in (folder, *within) if (proposed := _fitting(each))]
    if not found:
        raise ConfigError(
            f"{folder}: no file in it, or in a folder of it, is one that a form knows; the forms are "
            f"{', '.join(dict.fromkeys(name.partition('/')[0] for name in FORMS))}"
        )
    # A writer's folder of folders is a source by itself, and no company of sources.
    return found[:1] if found[0].folder == folder else found


def _fitting(folder: Path) -> Proposed | None:
    best: tuple[int, Proposed] | None = None
    for name, form in FORMS.items():
        if form.made_by:  # only a person knows what its columns mean
            continue
        counts = dict(_columns(folder, form))
        total = sum(counts.values())
        if total and (best is None or total > best[0]):
            best = total, Proposed(folder, name, tuple(counts))
    return best[1] if best else None


def tables_in(folder: Path, form: Form) -> tuple[str, ...]:
    """The raw tables of a form that are in a folder."""
    return tuple(raw for raw, _ in _columns(folder, form))


def _columns(folder: Path, form: Form) -> Iterator[tuple[str, int]]:
    """The raw tables that are there, each with how many of its columns its first file has."""
    for raw, table in form.raw.items():
        if table.in_parent:
            continue
        paths = [path for pattern in table.files for path in sorted(folder.glob(pattern)) if path.is_file()]
        if not paths:
            continue
        try:
            there = columns_in(paths[0], paths[0].name, table.contract, form.formats, table.places)
        except WarehouseError:
            continue
        needed = {field.name for field in table.contract.fields() if not field.optional} - Export.dtypes().keys()
        if needed <= set(there):
            yield raw, len(there)


def config_text(path: Path, found: list[Proposed], today: dt.date, company: Company = USUAL) -> str:
    """The config that will be at `path`, with words for what nobody but the company can know."""
    beside = path.absolute().parent
    first = today.replace(day=1, year=today.year - 1)
    lines = [
        HEAD,
        "# Every key, its default and its meaning: docs/dictionary.md. What files can't tell is yours to say.",
        f"company: {json.dumps(company.name, ensure_ascii=False)}",
        f"first_month: {first} # the first month to publish",
        "reporting:",
        f"  currency: {company.currency} # in which money is told; months of other currencies need fx_rates",
        f"  time_zone: {company.time_zone} # in which your days and months begin, like Europe/Berlin",
        "segments: [] # columns of accounts to slice by, like [industry, country]",
        "sources:",
    ]
    for name, proposed in zip(_names(found), found, strict=True):
        form, _, writer = proposed.form.partition("/")
        written = f", written_by: {writer}" if writer else ""
        named = ", ".join(f"{table}: {table}.csv" for table in proposed.tables) if form == "canonical" else ""
        files = f", files: {{{named}}}" if named else ""
        where = Path(os.path.relpath(proposed.folder.absolute(), beside)).as_posix()
        lines.append(f"  {name}: {{form: {form}{written}, folder: {json.dumps(where)}{files}}}")
        lines.append(f"  # found in it: {', '.join(proposed.tables) or _awaited(proposed)}")
        if writer == "dashboard":
            lines.append("  # its times name no zone: if they are not in UTC, add time_zone: Europe/Berlin, say")
    return "\n".join(lines) + "\n"


def _awaited(proposed: Proposed) -> str:
    tables = [table.files[0] for table in FORMS[proposed.form].raw.values() if not table.in_parent]
    return f"nothing yet; files of it are called {', '.join(tables[:3])} and so on"


def _names(found: list[Proposed]) -> list[str]:
    names = list[str]()
    for proposed in found:
        plain = re.sub(r"[^\w-]+", "_", proposed.folder.name).strip("_") or "exports"
        name = plain if is_source_name(plain) else proposed.form.partition("/")[0]
        names.append(name if name not in names else f"{name}_{len(names) + 1}")
    return names
