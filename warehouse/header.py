"""The header of a file, held against what a form knows; names that no form knows are told by their place alone.

A file without a header would show its first row, and a name may be a person's address.
"""

import difflib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from schemas.contract import Column, Contract
from schemas.form import Formats
from schemas.writer import WRITERS, written_by
from warehouse.errors import ExportError


def told(header: Sequence[str], named: Iterable[str], known: Collection[str]) -> str:
    """Columns by name where the form knows it, else by place."""
    wanted = set(named)
    names = [name if name in known else str(place) for place, name in enumerate(header, 1) if name in wanted]
    return f"column {', '.join(dict.fromkeys(names))}"


def check_once(
    file: str, header: Sequence[str], contract: type[Contract], formats: Formats, needed: Collection[str] = ()
) -> None:
    """Raise ExportError if a name stands twice, or the values are parted by another sign than the form's.

    `needed`: where others than these may stand twice.
    """
    known = set(needed or contract.dtypes())
    twice = [name for name, number in Counter(header).items() if number > 1]
    if twice := [name for name in twice if not needed or name in needed]:
        raise ExportError(f"{file}, line 1: the name of {told(header, twice, known)} stands twice")
    for other in {",", ";", "\t", "|"} - {formats.separator}:
        if len(header) == 1 and other in header[0] and known & set(header[0].split(other)):
            raise ExportError(
                f"{file}, line 1: values are parted by {other!r}; expected {formats.separator!r}; if all files of this "
                f"source are so, say `separator: {json.dumps(other)}` for it"
            )


def check_writer(file: str, header: Collection[str], said: str) -> None:
    """Raise ExportError if the columns tell that somebody else wrote the file than the config says."""
    told = written_by(header)
    if told and told != said:
        sign = next(name for name in header if name in WRITERS[told].signs)
        raise ExportError(
            f"{file}: its column {sign} tells that {told} wrote it, and not {said}; say `written_by: {told}` for this "
            "source"
        )


def whose_else(header: Collection[str], said: str) -> str:
    """Words for a file that lacks a column, where nothing in it tells that the writer wrote it."""
    signs = WRITERS[said].signs if said in WRITERS else frozenset()
    if not signs or not signs.isdisjoint(header):
        return ""
    return (
        f"; nor has it one of the columns that {said} writes beside each row ({', '.join(sorted(signs))}): who wrote "
        "it? Objects of an API are `written_by: api`, what people download is `written_by: dashboard`"
    )


def check_header(
    file: str,
    header: Sequence[str],
    declared: dict[str, Column],
    contract: type[Contract],
    *,
    exact: bool,
    spelled: Mapping[str, str] | None = None,
    said: str = "",
) -> None:
    """Raise ExportError if a needed column is missing, or (`exact`) one is there that the form does not know.

    `spelled`: what such files call columns, where not as the contract does; `said`: who is said to have written it.
    """
    present, names = set(header), spelled or {}
    missing = [name for name, field in declared.items() if not field.optional and name not in present]
    missing += [" or ".join(names) for names in contract.alternatives() if not present & set(names)]
    if missing:
        known = [names.get(name, name) for name in declared if name in present]
        lacking = ", ".join(names.get(name, name) for name in missing)
        found = ", ".join(known) or "none that the form knows"
        whose = whose_else([names.get(name, name) for name in present], said)
        raise ExportError(f"{file}: the column {lacking} is missing; found {found}{whose}")
    unknown = [name for name in header if name not in declared]
    if exact and unknown:
        none = f"{told(header, unknown, ())} is none that the form knows"
        near = [n for name in unknown for n in difflib.get_close_matches(name.strip().lower(), declared, 1)]
        the = f"did you mean {', '.join(dict.fromkeys(near))}? The" if near else "the"
        raise ExportError(f"{file}: {none}; {the} form knows {', '.join(declared)}")
