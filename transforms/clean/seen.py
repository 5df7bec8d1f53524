"""What a day can know: nothing dated after it."""

import datetime as dt

import polars as pl

from schemas.contract import Contract
from transforms.calendar import local_day


def seen_on(frame: pl.DataFrame, contract: type[Contract], as_of: dt.date, time_zone: str) -> pl.DataFrame:
    """The rows as `as_of` knows them.

    A row whose own date is later is not there; a date that states what happened is empty if it is later, and so is
    what was told with it; what is planned (ends, terms, due days) stays.
    """

    def day(name: str) -> pl.Expr:
        return pl.col(name) if contract.dtypes()[name] == pl.Date else local_day(pl.col(name), time_zone)

    planned = {field.name for field in contract.fields() if field.moment == "planned"}
    dated_by = [day(name) for name in contract.dated_by() if name not in planned]
    rows = frame.filter(~(pl.coalesce(dated_by) > as_of).fill_null(value=False)) if dated_by else frame
    happened = {field.name: field.name for field in contract.fields() if field.moment == "happened"}
    told_when = happened | contract.told_with()
    # A value without a day of its own is known with its row.
    seen = {name: day(when).is_null() | (day(when) <= as_of) for name, when in told_when.items()}
    return rows.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name, known in seen.items())
