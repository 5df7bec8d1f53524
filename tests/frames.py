"""Small frames for tests: rows as dicts, everything else NULL."""

import datetime as dt
from typing import Any

import polars as pl

from schemas.config import Config
from schemas.contract import Contract
from transforms.calendar import calendar, month_of, months_between
from transforms.facts.mrr import fct_mrr_account_month
from transforms.facts.service import paying_turns, service_periods
from transforms.metrics.definition import REGISTRY

OF_ONE = {"export_source": "all", "source": "all"}
"""The source of `config`, of rows that don't say theirs."""


def day(text: str) -> dt.date:
    """2024-05-31 as a date."""
    return dt.date.fromisoformat(text)


def at(text: str) -> dt.datetime:
    """2024-05-31T12:00 as a UTC instant."""
    return dt.datetime.fromisoformat(text)


def rows(contract: type[Contract], *given: dict[str, Any]) -> pl.DataFrame:
    """A frame of the contract with the given rows, of one source; other columns that no row names are NULL."""
    unknown = {name for row in given for name in row} - set(contract.dtypes())
    assert not unknown, f"{contract.table()} has no {unknown}"
    frame = pl.DataFrame(
        [{name: row.get(name, OF_ONE.get(name)) for name in contract.dtypes()} for row in given],
        schema=contract.dtypes(),
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
    return calendar(listed, end)


def margins(dim_month: pl.DataFrame, share: float | None = None) -> pl.DataFrame:
    """`gross_margin` of the months: the same share in each, by default none."""
    return dim_month.select("month", gross_margin=pl.lit(share, pl.Float64))


def declared_days(*metrics: str) -> dict[str, int]:
    """Days after month end until each of the metrics is final, as it declares them."""
    return {name: REGISTRY[name].days(config()) for name in metrics}


def turns_of(items: pl.DataFrame, fx_rates: pl.DataFrame, as_of: dt.date, currency: str = "EUR") -> pl.DataFrame:
    """`paying_turns` from subscription items."""
    return paying_turns(service_periods(items, as_of), fx_rates, currency)


def mrr_of(
    items: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, as_of: dt.date, currency: str = "EUR"
) -> pl.DataFrame:
    """`fct_mrr_account_month` from subscription items."""
    in_service = service_periods(items, as_of)
    turns = paying_turns(in_service, fx_rates, currency)
    return fct_mrr_account_month(in_service, turns, fx_rates, dim_month, currency)
