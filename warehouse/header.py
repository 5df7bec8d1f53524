"""The header of a file, held against what a form knows; names that no form knows are told by their place alone.

A file without a header would show its first row, and a name may be a person's address.
"""

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from schemas.contract import Column, Contract
from schemas.form import Formats
from warehouse.errors import ExportError


def told(header: Sequence[str], named: Iterable[str], known: Collection[str]) -> str:
    """Columns by name where the form knows it, else by place."""
    wanted = set(named)
    names = [name if name in known else str(place) for place, name in enumerate(header, 1) if name in wanted]
    return f"column {', '.join(dict.fromkeys(names))}"


def check_once(file: str, header: Sequence[str], contract: type[Contract], formats: Formats) -> None:
    """Raise ExportError if a name stands twice, or the values are parted by another sign than the form's."""
    known = set(contract.dtypes())
    if twice := [name for name, number in Counter(header).items() if number > 1]:
        raise ExportError(f"{file}, line 1: the name of {told(header, twice, known)} stands twice")
    for other in {",", ";", "\t", "|"} - {formats.separator}:
        if len(header) == 1 and other in header[0] and known & set(header[0].split(other)):
            raise ExportError(f"{file}, line 1: values are parted by {other!r}; expected {formats.separator!r}")


def check_header(
    file: str, header: Sequence[str], declared: dict[str, Column], contract: type[Contract], *, exact: bool
) -> None:
    """Raise ExportError if a needed column is missing, or (`exact`) one is there that the form does not know."""
    present = set(header)
    missing = [name for name, field in declared.items() if not field.optional and name not in present]
    missing += [" or ".join(names) for names in contract.alternatives() if not present & set(names)]
    if missing:
        known = ", ".join(name for name in declared if name in present) or "none that the form knows"
        raise ExportError(f"{file}: the column {', '.join(missing)} is missing; found {known}")
    unknown = [name for name in header if name not in declared]
    if exact and unknown:
        none = f"{told(header, unknown, ())} is none that the form knows"
        near = [n for name in unknown for n in difflib.get_close_matches(name.strip().lower(), declared, 1)]
        the = f"did you mean {', '.join(dict.fromkeys(near))}? The" if near else "the"
        raise ExportError(f"{file}: {none}; {the} form knows {', '.join(declared)}")
