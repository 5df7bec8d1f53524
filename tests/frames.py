"""Small frames for tests: rows as dicts, everything else NULL."""

import datetime as dt
from typing import Any

import polars as pl

from schemas.config import Config
from schemas.contract import Contract
from transforms.calendar import calendar, month_of, months_between


def day(text: str) -> dt.date:
    """2024-05-31 as a date."""
    return dt.date.fromisoformat(text)


def at(text: str) -> dt.datetime:
    """2024-05-31T12:00 as a UTC instant."""
    return dt.datetime.fromisoformat(text)


def rows(contract: type[Contract], *given: dict[str, Any]) -> pl.DataFrame:
    """A frame of the contract with the given rows; columns that no row names are NULL."""
    unknown = {name for row in given for name in row} - set(contract.dtypes())
    assert not unknown, f"{contract.table()} has no {unknown}"
    frame = pl.DataFrame(
        [{name: row.get(name) for name in contract.dtypes()} for row in given], schema=contract.dtypes()
    )
    return contract.shaped(frame)


def config(**sections: Any) -> Config:
    """A config with one source, EUR, UTC and months from 2024-01, unless the sections say otherwise."""
    given = {
        "company": "Test",
        "first_month": "2024-01-01",
        "history_from": "2024-01-01",
        "reporting": {"currency": "EUR"},
        "sources": {"all": {"form": "canonical"}},
        **sections,
    }
    return Config.model_validate(given)


def months(first: str, last: str, as_of: str | None = None) -> pl.DataFrame:
    """`dim_month` from month to month (2024-01, 2024-03), by default with all of them over."""
    listed = months_between(day(f"{first}-01"), day(f"{last}-01"))
    end = day(as_of) if as_of else dt.date(2099, 12, 31)
    assert not as_of or month_of(end) >= listed[-1]
    return calendar(listed, end, config())
