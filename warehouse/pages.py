"""Files of pages, as an API gives its lists: the objects of each page, one a line, as if they stood there so."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from warehouse.blocks import BLOCK, BOM, opened
from warehouse.errors import ExportError

_BLANKS = re.compile(r"[ \t\r\n]*")
_VALUES = json.JSONDecoder()
_IDS = ("id", "Id")
"""What has an id is an object, whatever lists it has."""


def unpaged(path: Path, file: str, lists: Sequence[str]) -> Iterator[bytes] | None:
    """The objects of a file of pages as JSON lines, in blocks; None if the file does not begin with a page.

    `lists`: names under which a page may have its objects. A page stands in one line, or over several, as people
    indent them; and pages may follow upon each other. What else a page says, as how the next one is asked for, says
    nothing of the objects.

    Raises:
        ExportError: the first page is not whole, or after it there is something else than pages.
        UnicodeDecodeError: the text is not UTF-8.
    """
    with opened(path, file) as content:
        first = content.read(len(BOM)).removeprefix(BOM) + content.readline()
        before = 0
        while first.isspace():
            before += first.count(b"\n")
            first = content.readline()
        text = first.decode().strip()
        if not text.startswith("{"):
            return None
        found = _page_at(text, 0, lists)
        is_line = found is not None and found[1] == len(text)
        if not is_line:
            text = (first + content.read()).decode()
            found = _page_at(text.strip(), 0, lists)
            if found is None and _begins_as_page(text, lists):
                raise _broken_page(file, text, before, lists)
    if found is None or found[0] is None:
        return None
    return _in_blocks(_of_lines(path, file, lists) if is_line else _of_text(path, file, lists))


def _of_lines(path: Path, file: str, lists: Sequence[str]) -> Iterator[list[str]]:
    """The objects of pages of which each stands in a line of its own."""
    with opened(path, file) as content:
        for number, line in enumerate(content, 1):
            text = (line.removeprefix(BOM) if number == 1 else line).decode().strip()
            if not text:
                continue
            objects, end = _page_at(text, 0, lists) or (None, 0)
            if objects is None or end != len(text):
                raise _no_page(file, number, lists)
            yield objects


def _of_text(path: Path, file: str, lists: Sequence[str]) -> Iterator[list[str]]:
    """The objects of pages that go over lines."""
    with opened(path, file) as content:
        text = content.read().removeprefix(BOM).decode()
    at = _past_blanks(text, 0)
    while at < len(text):
        objects, end = _page_at(text, at, lists) or (None, at)
        if objects is None:
            raise _no_page(file, text.count("\n", 0, at) + 1, lists)
        yield [each.replace("\r", " ").replace("\n", " ") for each in objects]
        at = _past_blanks(text, end)


def _page_at(text: str, at: int, lists: Sequence[str]) -> tuple[list[str] | None, int] | None:
    """The text of each object of the page that begins here (None: it is no page), and where it ends.

    None where no whole JSON object begins here.
    """
    try:
        return _page(text, at, lists)
    except (ValueError, IndexError, RecursionError):
        return None


def _begins_as_page(text: str, lists: Sequence[str]) -> bool:
    """Whether a page begins where no whole object does: its list stands before any id."""
    at = _past_blanks(text, 0)
    try:
        at = _past(text, at, "{")
        while True:
            name, at = _VALUES.raw_decode(text, at)
            at = _past(text, _past_blanks(text, at), ":")
            if name in lists and text[at] == "[":
                return True
            if name in _IDS:
                return False
            _, at = _VALUES.raw_decode(text, at)
            at = _past(text, _past_blanks(text, at), ",")
    except (ValueError, IndexError, RecursionError):
        return False


def _broken_page(file: str, text: str, before: int, lists: Sequence[str]) -> ExportError:
    """`before`: so many lines stand before the text, which may begin with blank ones itself."""
    page = text.strip()
    before += text[: text.index(page)].count("\n")
    try:
        _VALUES.raw_decode(page)
        ends = 1
    except json.JSONDecodeError as fault:
        # What was broken off ends where its last line does, and not where the line after it would begin.
        ends = min(fault.lineno, page.count("\n") + 1)
    except RecursionError:
        ends = 1
    return ExportError(
        f"{file}, line {before + ends}: the page that begins in line {before + 1} is broken off or damaged here; "
        f"expected a whole page with a list at {' or '.join(lists)}; fetch it again"
    )


def _no_page(file: str, line: int, lists: Sequence[str]) -> ExportError:
    return ExportError(
        f"{file}, line {line}: expected a whole page with a list at {' or '.join(lists)}, as the one that the file "
        "begins with; fetch it again"
    )


def _in_blocks(pages: Iterator[list[str]]) -> Iterator[bytes]:
    held, size = list[str](), 0
    for objects in pages:
        for each in objects:
            held.append(each)
            size += len(each)
            if size > BLOCK:
                yield _joined(held)
                held, size = [], 0
    if held:
        yield _joined(held)


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _page(text: str, at: int, lists: Sequence[str]) -> tuple[list[str] | None, int]:
    found: list[str] | None = None
    has_id = False
    at = _past(text, at, "{")
    while text[at] != "}":
        name, at = _VALUES.raw_decode(text, at)
        at = _past(text, _past_blanks(text, at), ":")
        if name in lists and text[at] == "[" and found is None:
            found, at = _elements(text, at)
        else:
            _, at = _VALUES.raw_decode(text, at)
        has_id = has_id or name in _IDS
        at = _past_blanks(text, at)
        at = at if text[at] == "}" else _past(text, at, ",")
    return None if has_id else found, at + 1


def _elements(text: str, at: int) -> tuple[list[str] | None, int]:
    """The text of each object in the list that begins here, and where it ends; None: they are none."""
    found, are_objects = list[str](), True
    at = _past(text, at, "[")
    while text[at] != "]":
        begins = at
        value, at = _VALUES.raw_decode(text, at)
        are_objects = are_objects and isinstance(value, dict)
        found.append(text[begins:at])
        at = _past_blanks(text, at)
        at = at if text[at] == "]" else _past(text, at, ",")
    return (found if are_objects else None), at + 1


def _past(text: str, at: int, sign: str) -> int:
    if text[at] != sign:
        raise ValueError(sign)
    return _past_blanks(text, at + 1)


def _past_blanks(text: str, at: int) -> int:
    return _BLANKS.match(text, at).end()  # type: ignore[union-attr]
