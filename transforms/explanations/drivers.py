"""Why a ratio moved: what each segment and each account did to it since the month before."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.config import Config
from schemas.metrics import MetricDriver, MetricDriverAccount
from transforms.calendar import add_months
from transforms.declaration import Months, monthly
from transforms.metrics.definition import Metric, Ratio
from transforms.sums import exact_sum

TOP = 10
NEXT = pl.col("month").dt.offset_by("1mo")
SLICE = ["metric", "dimension", "segment"]
Numbers = NDArray[np.float64]


def is_ratio(metric: Metric, _: Config) -> bool:
    """Whether a metric's change can be told apart by who drove it."""
    return isinstance(metric, Ratio)


@monthly(metrics=is_ratio, metric_month=Months(back=1))
def metric_driver(metric_month: pl.DataFrame, dim_month: pl.DataFrame, metrics: Iterable[Ratio]) -> pl.DataFrame:
    """See the contract. `metric_month` reaches one month back; the effects of a dimension add up to the change.

    rate effect = mean weight × Δrate, mix effect = Δweight × (mean segment rate − mean company rate); weight is the
    segment's share of the denominator. A segment absent in one month takes the other's rate; one with a numerator and
    no denominator has mix alone. Formula: a midpoint decomposition (Kitagawa 1955).
    """
    scales = pl.DataFrame(
        [(m.name, m.scale) for m in metrics], {"metric": pl.String, "scale": pl.Float64}, orient="row"
    )
    company = pl.col("dimension") == "all"
    values = metric_month.join(scales, on="metric").filter(pl.col("numerator").is_not_null())
    whole = values.filter(company & pl.col("value").is_not_null()).select(
        "metric", "month", company_value="value", total="denominator"
    )
    shares = (
        values.filter(~company)
        .join(whole, on=["metric", "month"])
        .select(
            *SLICE,
            "month",
            "company_value",
            value=pl.when(pl.col("denominator") != 0).then(
                pl.col("scale") * pl.col("numerator") / pl.col("denominator")
            ),
            weight=pl.col("denominator") / pl.col("total"),
            share=pl.col("scale") * pl.col("numerator") / pl.col("total"),
        )
    )
    moved = _both_months(shares, whole, dim_month)
    mean_company = (pl.col("company_value") + pl.col("previous_company_value")) / 2
    heavier = pl.col("weight") - pl.col("previous_weight")
    effect = pl.col("share") - pl.col("previous_share") - heavier * mean_company
    there_twice = pl.col("value").is_not_null() & pl.col("previous_value").is_not_null()
    mean_weight = (pl.col("weight") + pl.col("previous_weight")) / 2
    rate = pl.when(there_twice).then(mean_weight * (pl.col("value") - pl.col("previous_value"))).otherwise(0.0)
    return MetricDriver.shaped(
        moved.with_columns(
            rate_effect=rate,
            mix_effect=effect - rate,
            effect=effect,
            company_change=pl.col("company_value") - pl.col("previous_company_value"),
        )
    ).sort("metric", "month", "dimension", "segment")


def _both_months(shares: pl.DataFrame, whole: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Each slice of each month beside what it was the month before; absent in one is weight 0 there."""
    before = shares.select(*SLICE, month=NEXT, previous_value="value", previous_weight="weight", previous_share="share")
    company_before = whole.select("metric", month=NEXT, previous_company_value="company_value")
    return (
        shares.drop("company_value")
        .join(before, on=[*SLICE, "month"], how="full", coalesce=True)
        .join(dim_month.select("month"), on="month", how="semi")
        .join(whole.select("metric", "month", "company_value"), on=["metric", "month"])
        .join(company_before, on=["metric", "month"])
        .with_columns(pl.col("weight", "previous_weight", "share", "previous_share").fill_null(0.0))
    )


@monthly(metrics=is_ratio, metric_account_month=Months(back=1), metric_month=Months(back=1))
def metric_driver_account(
    metric_account_month: pl.DataFrame, metric_month: pl.DataFrame, dim_month: pl.DataFrame, metrics: Iterable[Ratio]
) -> pl.DataFrame:
    """See the contract: of each ratio metric and month the ten accounts without which the change would differ most.

    `metric_account_month` (metric, month, account_id, numerator, denominator) reaches one month back. A metric that is
    known of some accounts, and so not of the company, has no rows.
    """
    scales = pl.DataFrame(
        [(m.name, m.scale) for m in metrics], {"metric": pl.String, "scale": pl.Float64}, orient="row"
    )
    unknown = metric_month.filter((pl.col("dimension") == "all") & (pl.col("null_reason") == "not_exported"))
    parts = metric_account_month.select(
        "metric", "month", "account_id", n="numerator", d=pl.col("denominator").fill_null(0.0)
    )
    changes = _changes(parts, unknown, scales, dim_month)
    accounts = parts.select("account_id").unique().sort("account_id").with_row_index("place")
    placed = parts.join(accounts, on="account_id").select("metric", "month", "place", "n", "d")
    of_months = placed.partition_by("metric", "month", as_dict=True, include_key=False)
    found = [
        _strongest(of_months[metric, month], of_months[metric, add_months(month, -1)], accounts["account_id"], change)
        for change in changes.iter_rows(named=True)
        for metric, month in [(change["metric"], change["month"])]
    ]
    ranked = pl.DataFrame(list(chain(*found)), MetricDriverAccount.dtypes())
    return MetricDriverAccount.shaped(ranked).sort("metric", "month", "rank")


def _changes(parts: pl.DataFrame, unknown: pl.DataFrame, scales: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per metric and month of `dim_month` with a value in it and in the one before: sums, scale and change."""
    totals = (
        parts.group_by("metric", "month")
        .agg(total_n=exact_sum(pl.col("n")), total_d=exact_sum(pl.col("d")))
        .join(unknown, on=["metric", "month"], how="anti")
    )
    before = totals.select("metric", month=NEXT, total_n0="total_n", total_d0="total_d")
    now, then = pl.col("total_n") / pl.col("total_d"), pl.col("total_n0") / pl.col("total_d0")
    return (
        totals.join(dim_month.select("month"), on="month", how="semi")
        .join(before, on=["metric", "month"])
        .join(scales, on="metric")
        .with_columns(company_change=pl.col("scale") * (now - then))
        .filter(pl.col("company_change").is_finite())
    )


def _strongest(
    now: pl.DataFrame, before: pl.DataFrame, accounts: pl.Series, change: Mapping[str, Any]
) -> Iterator[dict[str, object]]:
    """The accounts with the ten strongest effects of their metric and month; of equal ones the first.

    Of this month and the one before each part says the place of its account, and is laid out by it, 0 where there is
    none: to match the rows of two months by the names of accounts takes longer than all the rest.
    """
    ratio = _without_each(now, accounts.len(), change["total_n"], change["total_d"])
    ratio_before = _without_each(before, accounts.len(), change["total_n0"], change["total_d0"])
    with np.errstate(invalid="ignore"):
        without = change["scale"] * (ratio - ratio_before)
        effect = change["company_change"] - without
    for rank, place in enumerate(_most(np.where(np.isfinite(without), np.abs(effect), 0.0)), start=1):
        yield {
            "metric": change["metric"],
            "month": change["month"],
            "account_id": accounts[place],
            "company_change": change["company_change"],
            "change_without": without[place].item(),
            "effect": effect[place].item(),
            "rank": rank,
        }


def _without_each(parts: pl.DataFrame, accounts: int, total_n: float, total_d: float) -> Numbers:
    """By the accounts' places a month's numerators / denominators without the account."""
    n, d = np.zeros(accounts), np.zeros(accounts)
    place = parts["place"].to_numpy()
    n[place], d[place] = parts["n"].to_numpy(), parts["d"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        without: Numbers = (total_n - n) / (total_d - d)
    return without


def _most(strength: Numbers) -> list[int]:
    """The places of the ten greatest, the greatest first and of equal ones the first; of none that is 0."""
    # Only few are sorted: to sort all of them would take longer than the rest.
    least = np.partition(strength, -TOP)[-TOP] if strength.size > TOP else 0.0
    places = np.flatnonzero((strength >= least) & (strength > 0))
    ordered: list[int] = places[np.argsort(-strength[places], kind="stable")][:TOP].tolist()
    return ordered
