"""What a value of the config may be: days, numbers and names with their bounds, so that no value can hang a run."""

import datetime as dt
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.currencies import MINOR_DIGITS

EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
LARGEST = 1e15
"""Up to here every whole number has its own float."""
LONGEST_FILE_NAME = 255
"""Bytes; what file systems take."""
_SOURCE = re.compile(r"\w[\w-]{0,49}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _no_bare_number(value: object) -> object:
    """Refuse 20260531, which would be read as seconds since 1970."""
    digits = isinstance(value, str) and value.strip().lstrip("+-").replace(".", "").isdigit()
    if digits or isinstance(value, (int, float)):
        raise ValueError("expected a day like 2026-05-31, not a number")
    return value


def _within_reach(day: dt.date) -> dt.date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"expected a day from {EARLIEST} to {LATEST}")
    return day


def _first_of_month(day: dt.date) -> dt.date:
    if day.day != 1:
        raise ValueError(f"expected the first day of a month, like {day.replace(day=1)}")
    return day


def _no_truth(value: object) -> object:
    """Refuse true and yes, which would count as 1."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _computable(number: float) -> float:
    if abs(number) > LARGEST:
        raise ValueError(f"expected a number from {-LARGEST:.0e} to {LARGEST:.0e}")
    return number


_SECRET = re.compile(r"://[^/@]*:[^/@]*@|[?&][^=&]*(?:sig|token|key|secret|password)[^=&]*=", re.IGNORECASE)
"""What a password or a signed address looks like."""


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("expected an ISO 4217 code, like EUR")
    return code


def is_source_name(name: str) -> bool:
    """Whether a source may be called so: it becomes part of file names, and of the ids of accounts it alone knows."""
    return _SOURCE.fullmatch(name) is not None


def _source_name(name: str) -> str:
    if not is_source_name(name):
        raise ValueError("expected a source's name of at most 50 letters, digits, _ and -")
    return name


def _folder(folder: str) -> str:
    if _SECRET.search(folder):
        raise ValueError("expected an address without a password; what a store asks for is said by the environment")
    if _CONTROL.search(folder) or any(_is_long(part) for part in folder.split("/")):
        raise ValueError("expected a folder; no part of a path is longer than 255 bytes or holds control characters")
    return folder


def _patterns(value: object) -> object:
    """Refuse what names no file, and what would search whole trees."""
    found = value if isinstance(value, list) else [value]
    if not found:
        raise ValueError("expected at least one file; leave the key out where there is none")
    for pattern in found:
        if not isinstance(pattern, str):
            raise ValueError("expected a file or pattern, or a list of them")
        *folders, name = pattern.split("/")
        if name.strip() in {"", ".", ".."}:
            raise ValueError("expected the name of a file, or a pattern like tickets-*.csv")
        if "**" in pattern or any(sign in folder for folder in folders for sign in "*?["):
            raise ValueError("expected a pattern like tickets-*.csv: * and ? stand in a file's name, not in its folder")
        if _CONTROL.search(pattern) or any(_is_long(part) for part in (*folders, name)):
            raise ValueError("expected a file's name of at most 255 bytes, without control characters")
    return value


def _is_long(name: str) -> bool:
    return len(name.encode("utf-8", "surrogatepass")) > LONGEST_FILE_NAME


def _told(text: str) -> str:
    if not text.strip() or _CONTROL.search(text):
        raise ValueError("expected some text in one line")
    return text


Day = Annotated[dt.date, BeforeValidator(_no_bare_number), AfterValidator(_within_reach)]
Month = Annotated[Day, AfterValidator(_first_of_month)]
Number = Annotated[float, BeforeValidator(_no_truth), Field(allow_inf_nan=False), AfterValidator(_computable)]
Share = Annotated[Number, Field(ge=0, le=1)]
Score = Annotated[Number, Field(ge=0, le=100)]
Whole = Annotated[int, BeforeValidator(_no_truth)]
Count = Annotated[Whole, Field(gt=0, le=1_000_000)]
Days = Annotated[Whole, Field(gt=0, le=3_660)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_told)]
CurrencyCode = Annotated[str, AfterValidator(_known_currency)]
SourceName = Annotated[str, AfterValidator(_source_name)]
FolderName = Annotated[str, AfterValidator(_folder)]
FilePatterns = Annotated[str | list[str], BeforeValidator(_patterns)]
