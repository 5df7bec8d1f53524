"""Which loaded rows reach no metric, and why."""

import datetime as dt
from collections.abc import Mapping

import polars as pl

from schemas.billing import PAYMENT_MONTHS
from schemas.config import Config
from schemas.contract import Contract
from schemas.operations import LeftOut
from schemas.product import TREND_MONTHS
from transforms.calendar import add_months
from transforms.clean.counting import is_nothing, of_customers
from transforms.visible import days_of, is_one, is_surely_from, only, speaking, without_after

NAMES = {
    "milestones": "onboarding.milestones",
    "costs": "finance.retention_cost_categories",
    "account_links": "sources",
}
"""By table: the key of the config that has the names its rows use."""
SPEAKS_ON = frozenset({"identities", "account_links", "milestones", "csm_activities", "fx_rates", "survey_responses"})
"""Tables whose rows may count in months long after their days: no row of them is too old."""
SPEAKS_FOR = {"usage_events": TREND_MONTHS, "invoices": PAYMENT_MONTHS - 1}
"""Months after its days for which a row may still count."""


def between(table: str, reason: str, before: Mapping[str, int], after: pl.DataFrame) -> pl.DataFrame:
    """Rows of `left_out`: so many rows of each source were there, and those in `after` are left."""
    left = by_source(after)
    return so_many(table, reason, {source: count - left.get(source, 0) for source, count in before.items()})


def so_many(table: str, reason: str, lost: Mapping[str, int]) -> pl.DataFrame:
    """Rows of `left_out`: so many rows of each source."""
    rows = [(table, source, reason, count) for source, count in lost.items() if count > 0]
    if not rows:
        return LeftOut.blank()
    return LeftOut.shaped(pl.DataFrame(rows, LeftOut.dtypes(), orient="row"))


def by_source(rows: pl.DataFrame) -> dict[str, int]:
    """So many rows of each source."""
    sources = rows["export_source"]
    if is_one(sources):
        return {sources[0]: rows.height}
    return dict(sorted(rows.group_by("export_source").len().iter_rows()))


def out_of_sight(
    staged: pl.DataFrame, contract: type[Contract], config: Config, as_of: dt.date, first: dt.date
) -> pl.DataFrame:
    """Rows of `left_out`: the staged rows that no month from `first`, the first computed one, through `as_of` counts.

    Each is told under the first of its reasons.
    """
    table, zone = contract.table(), config.reporting.time_zone
    known, of_months = known_to(config).get(table), (contract.repeats() or ("", ""))[0] == "last"
    steps = (
        ("internal", of_customers),
        ("merged_or_spam", lambda _, rows: rows.filter(~is_nothing()) if table == "tickets" else rows),
        ("unknown_to_config", lambda _, rows: rows if known is None else rows.filter(known)),
        ("after_as_of", lambda _, rows: without_after(rows, contract, as_of, zone)),
        # Which event of an id counts was settled when they were read; which answer does, the day from which one looks.
        ("replaced", lambda _, rows: speaking(rows, contract, zone) if of_months else rows),
        ("before_history", lambda _, rows: _not_over(rows, contract, first, zone)),
    )
    found, rows = [LeftOut.blank()], staged
    for reason, step in steps:
        left = step(table, rows)
        if left.height < rows.height:
            found.append(between(table, reason, by_source(rows), left))
        rows = left
    return pl.concat(found)


def days_out_of_sight(table: str, days: pl.DataFrame, as_of: dt.date, first: dt.date) -> pl.DataFrame:
    """The same of a table of which only its rows by source and day are here (export_source, day, rows)."""
    day, since = pl.col("day"), add_months(first, -SPEAKS_FOR.get(table, 0))
    reasons = pl.when(day > as_of).then(pl.lit("after_as_of")).when(day < since).then(pl.lit("before_history"))
    lost = days.with_columns(reason=reasons).drop_nulls("reason").group_by("export_source", "reason")
    told = lost.agg(pl.col("rows").sum()).rename({"export_source": "source"})
    return LeftOut.shaped(told.with_columns(table_name=pl.lit(table))).sort("source", "reason")


def together(table: str, *parts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `left_out` of a table, each source and reason once."""
    rows = pl.concat([LeftOut.blank(), *parts])
    once = rows.group_by("source", "reason", maintain_order=True).agg(pl.col("rows").sum())
    return LeftOut.shaped(once.with_columns(table_name=pl.lit(table))).sort("source", "reason")


def known_to(config: Config) -> dict[str, pl.Expr]:
    """By table: whether the config knows what a row names."""
    return {
        "milestones": pl.col("milestone").is_in([step.name for step in config.onboarding.milestones]),
        "costs": pl.col("category").is_in(config.finance.retention_cost_categories),
        "account_links": pl.col("source").is_in(list(config.sources)),
    }


def _not_over(rows: pl.DataFrame, contract: type[Contract], first: dt.date, zone: str) -> pl.DataFrame:
    """The rows that name no day, or one that is not before the month."""
    if contract.cumulative() or contract.table() in SPEAKS_ON:
        return rows
    since = add_months(first, -SPEAKS_FOR.get(contract.table(), 0))
    is_not_over = (pl.max_horizontal(days_of(contract, zone)) >= since).fill_null(value=True)
    return only(rows, is_not_over, unless=~is_surely_from(contract, since))
