"""Why a ratio moved: what each segment and each account did to it since the month before."""

from collections.abc import Iterable

import polars as pl

from schemas.config import Config
from schemas.metrics import MetricDriver, MetricDriverAccount
from transforms.declaration import Months, monthly
from transforms.metrics.definition import Metric, Ratio
from transforms.sums import exact_sum

TOP = 10
AT_ONCE = 300_000
"""Parts that are looked at together."""
NEXT = pl.col("month").dt.offset_by("1mo")
SLICE = ["metric", "dimension", "segment"]


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
    sizes = metric_account_month.group_by("metric").len().join(scales, on="metric").sort("metric")
    pieces = sizes.group_by(piece=pl.col("len").cum_sum() // AT_ONCE, maintain_order=True).agg("metric")
    found = []
    for names in pieces["metric"].to_list() or [[]]:
        parts = metric_account_month.filter(pl.col("metric").is_in(names)).select(
            "metric", "month", "account_id", n="numerator", d="denominator"
        )
        found.append(_strongest(parts.join(unknown, on=["metric", "month"], how="anti"), scales, dim_month))
    ranked = (
        pl.concat(found)
        .sort("metric", "month", pl.col("effect").abs(), "account_id", descending=[False, False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("metric", "month"))
        .filter(pl.col("rank") <= TOP)
    )
    return MetricDriverAccount.shaped(ranked)


def _changes(parts: pl.DataFrame, scales: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per metric and month of `dim_month` with a value in it and in the one before: sums, scale and change."""
    totals = parts.group_by("metric", "month").agg(total_n=exact_sum(pl.col("n")), total_d=exact_sum(pl.col("d")))
    before = totals.select("metric", month=NEXT, total_n0="total_n", total_d0="total_d")
    now, then = pl.col("total_n") / pl.col("total_d"), pl.col("total_n0") / pl.col("total_d0")
    return (
        totals.join(dim_month.select("month"), on="month", how="semi")
        .join(before, on=["metric", "month"])
        .join(scales, on="metric")
        .with_columns(company_change=pl.col("scale") * (now - then))
        .filter(pl.col("company_change").is_finite())
    )


def _strongest(parts: pl.DataFrame, scales: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """The accounts whose effect is among the ten strongest of their metric and month, and their equals."""
    before = parts.select("metric", "account_id", month=NEXT, n0="n", d0="d")
    both = (
        parts.join(before, on=["metric", "account_id", "month"], how="full", coalesce=True)
        .join(_changes(parts, scales, dim_month), on=["metric", "month"])
        .with_columns(pl.col("n", "d", "n0", "d0").fill_null(0.0))
    )
    now = (pl.col("total_n") - pl.col("n")) / (pl.col("total_d") - pl.col("d"))
    then = (pl.col("total_n0") - pl.col("n0")) / (pl.col("total_d0") - pl.col("d0"))
    strength = pl.col("effect").abs()
    return (
        both.select("metric", "month", "account_id", "company_change", change_without=pl.col("scale") * (now - then))
        .filter(pl.col("change_without").is_finite())
        .with_columns(effect=pl.col("company_change") - pl.col("change_without"))
        .filter(pl.col("effect") != 0)
        # Only few are sorted: to sort all of them would take longer than the rest.
        .filter(strength >= strength.top_k(TOP).min().over("metric", "month"))
    )
