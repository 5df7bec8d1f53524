"""From accounts to the company and every segment: the one road of every metric's parts to its values."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from schemas.config import Minimums
from schemas.metrics import NULL_REASONS, MetricMonth
from transforms.calendar import add_months, month_of
from transforms.exported import Exported
from transforms.metrics.account_segments import ACCOUNT, KEYS, PROFILE, AccountSegments
from transforms.metrics.definition import Derived, Median, Metric, Ratio, WithParts
from transforms.sums import added, parted_sums

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


def begins(dim_account: pl.DataFrame) -> dt.date | None:
    """First month with MRR, as far as some accounts tell."""
    paid = dim_account["first_paid_on"].min()
    return month_of(paid) if isinstance(paid, dt.date) else None


@dataclass(frozen=True)
class Surroundings:
    """What every roll-up needs beside the parts."""

    dim_month: pl.DataFrame
    gross_margin: pl.DataFrame
    accounts: AccountSegments
    exported: Exported
    minimums: Minimums
    as_of: dt.date
    begins: dt.date | None = None
    """First month with MRR, for metrics that need a history; NULL where nobody has paid yet."""
    provisional_days: Mapping[str, int] = field(default_factory=dict)
    """Days after month end until a metric is final, by its name; 0 where it is not named."""
    reasons: Mapping[str, str | None] = field(default_factory=dict)
    """Why a metric cannot be known, by its `unknown_when`."""

    def missing(self, metric: Metric) -> str | None:
        """Why a metric cannot be known from what is exported, or None."""
        return self.exported.missing(metric.needs) or self.reasons.get(metric.name)

    def unknown_rows(self, known_where: str, needs: Iterable[str]) -> pl.DataFrame:
        """Month, dimension and segment of the rows that hold an account for which a metric cannot be known."""
        unknown = self.accounts.dim_account_month.filter(~pl.col(known_where))
        everyone = self.dim_month if self.exported.partly.intersection(needs) else unknown
        company = everyone.select("month", dimension=pl.lit("all"), segment=pl.lit("all"))
        segments = self.accounts.in_segments(self.accounts.of_accounts.join(unknown, on=ACCOUNT, how="semi"))
        return pl.concat([company, segments]).unique()

    def known_parts(self, metric: Metric, parts: pl.DataFrame) -> pl.DataFrame:
        """The parts of the accounts for which the metric can be known."""
        if not metric.known_where:
            return parts
        unknown = self.accounts.dim_account_month.filter(~pl.col(metric.known_where))
        return parts.join(unknown, on=ACCOUNT, how="anti")

    @cached_property
    def months(self) -> pl.DataFrame:
        """The months that have values."""
        return self.dim_month.select("month")

    @cached_property
    def spine(self) -> pl.DataFrame:
        """The rows that a metric has: month × company, and × every segment of an account of the month."""
        company = self.months.with_columns(dimension=pl.lit("all"), segment=pl.lit("all"))
        return pl.concat([company, self.accounts.there(self.months)]).sort(KEYS)


def _sliced(rows: pl.DataFrame, around: Surroundings, aggregates: Sequence[pl.Expr]) -> pl.DataFrame:
    """The aggregates of rows with a profile for the company and every segment.

    An account in no segment, whose profile is NULL, counts in the company alone.
    """
    company = rows.group_by("month", dimension=pl.lit("all"), segment=pl.lit("all")).agg(aggregates)
    return pl.concat([company, around.accounts.in_segments(rows).group_by(KEYS).agg(aggregates)])


def roll_up(metric: WithParts, parts: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
    """Values of a `sum` or `ratio` metric from its parts, for the months of `around`."""
    within = parts.join(around.months, on="month", how="semi")
    of_profiles = (
        around.accounts.with_profile(within)
        .group_by("month", PROFILE)
        .agg(*parted_sums("numerator"), *parted_sums("denominator"), accounts=pl.len().cast(pl.Int64))
    )
    items = isinstance(metric, Ratio) and metric.items
    counted = added("denominator").cast(pl.Int64) if items else pl.col("accounts").sum()
    sums = _sliced(of_profiles, around, [added("numerator"), added("denominator"), counted.alias("observations")])
    rows = around.spine.join(sums, on=KEYS, how="left").with_columns(
        pl.col("numerator", "denominator", "observations").fill_null(0)
    )
    if isinstance(metric, Ratio):
        rows = _ratio(metric, rows, around)
    else:
        rows = rows.with_columns(
            value=pl.col("numerator"), denominator=pl.lit(None, pl.Float64), null_reason=pl.lit(None, pl.String)
        )
    return _finished(metric, rows, around)


def _ratio(metric: Ratio, rows: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
    least = getattr(around.minimums, metric.minimum) if metric.minimum else 0
    nothing = (pl.col("dimension") == "all") & (pl.col("denominator") == 0) & (pl.col("numerator") == 0)
    reason = _first(
        pl.when(pl.col("denominator") < least).then(pl.lit("insufficient_history")),
        pl.when(nothing.any().over("month")).then(pl.lit(metric.when_empty)),
        pl.when(pl.col("denominator") == 0).then(pl.lit("zero_denominator")),
    )
    return rows.with_columns(value=metric.scale * pl.col("numerator") / pl.col("denominator"), null_reason=reason)


def _first(*reasons: pl.Expr) -> pl.Expr:
    """Of the reasons that hold, the one that is told."""
    return pl.min_horizontal(*(reason.cast(pl.Enum(NULL_REASONS)) for reason in reasons)).cast(pl.String)


def medians(metric: Median, facts: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
    """Values of a `median` metric from the observations its definition names."""
    seen = metric.observations
    seen_in = (
        facts.select("account_id", month=pl.col(seen.month), value=pl.col(seen.value).cast(pl.Float64))
        .drop_nulls(["month", "value"])
        .join(around.months, on="month", how="semi")
    )
    middle = _sliced(
        around.accounts.with_profile(seen_in),
        around,
        [pl.col("value").median(), pl.len().cast(pl.Int64).alias("observations")],
    )
    values = around.spine.join(middle, on=KEYS, how="left").with_columns(
        pl.col("observations").fill_null(0),
        numerator=pl.lit(None, pl.Float64),
        denominator=pl.lit(None, pl.Float64),
        null_reason=pl.when(pl.col("value").is_null()).then(pl.lit("zero_denominator")),
    )
    return _finished(metric, values, around)


def _absent(metric: Derived, exported: Exported) -> str | None:
    """The first table (or column) that a derived metric's own formula takes and no source exports."""
    return next((need for need in metric.without if exported.missing([need])), None)


def effective_expression(metric: Derived, exported: Exported) -> str:
    """The formula of a derived metric that what is exported allows."""
    absent = _absent(metric, exported)
    return metric.without[absent] if absent else metric.expression


def derive(metric: Derived, operands: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
    """Values of a `derived` metric from the values of the metrics in its expression (rows of metric_month)."""
    absent = _absent(metric, around.exported)
    text = effective_expression(metric, around.exported)
    names = list(dict.fromkeys(pl.sql_expr(text).meta.root_names()))
    constants = [name for name in names if name in around.gross_margin.columns]
    rows = around.spine.join(around.gross_margin.select("month", *constants), on="month")
    reasons = []
    for name in names:
        if name not in constants:
            operand = operands.filter(pl.col("metric") == name)
            rows = rows.join(
                operand.select(*KEYS, name_value="value", name_reason="null_reason").rename(
                    {"name_value": name, "name_reason": f"{name}?"}
                ),
                on=KEYS,
                how="left",
            )
            reasons.append(pl.col(f"{name}?"))
    unknown = pl.any_horizontal(pl.col(name).is_null() for name in names)
    value = pl.sql_expr(text).cast(pl.Float64)
    values = rows.with_columns(value=pl.when(~unknown).then(value)).with_columns(
        value=pl.when(pl.col("value").is_finite()).then("value"),
        null_reason=pl.when(unknown)
        .then(pl.coalesce(*reasons, pl.lit("source_missing")))
        .when(~value.is_finite())
        .then(pl.lit("zero_denominator")),
        numerator=pl.lit(None, pl.Float64),
        denominator=pl.lit(None, pl.Float64),
        observations=pl.lit(None, pl.Int64),
    )
    basis = f"{text} (no {absent})" if absent else (metric.basis or (text if metric.without else None))
    return _finished(metric, values, around, basis)


def _finished(metric: Metric, rows: pl.DataFrame, around: Surroundings, basis: str | None = None) -> pl.DataFrame:
    """Reasons that hold for every metric, intervals, provisional months; never NaN or infinity."""
    company_only = isinstance(metric, Ratio) and metric.company_only
    placed = rows.join(_months(metric, around), on="month")
    is_unknown = pl.lit(value=False)
    if metric.known_where:
        unknown = around.unknown_rows(metric.known_where, metric.needs).with_columns(is_unknown=pl.lit(value=True))
        placed, is_unknown = placed.join(unknown, on=KEYS, how="left"), pl.col("is_unknown")
    reason = _first(
        pl.lit(around.missing(metric), pl.String),
        pl.when(is_unknown).then(pl.lit("not_exported")),
        pl.when((pl.col("dimension") != "all") & pl.lit(company_only)).then(pl.lit("company_only")),
        pl.when("is_early").then(pl.lit("insufficient_history")),
        pl.col("null_reason"),
    )
    known = placed.with_columns(
        null_reason=reason,
        metric=pl.lit(metric.name),
        basis=pl.lit(basis or _basis(metric, around.exported), pl.String),
    )
    is_known = pl.col("null_reason").is_null()
    unknowable = pl.col("null_reason").is_in(["source_missing", "not_exported", "company_only"])
    return MetricMonth.shaped(
        known.with_columns(
            *(
                pl.when(~unknowable.fill_null(value=False)).then(pl.col(name)).alias(name)
                for name in ("numerator", "denominator", "observations")
            ),
            value=pl.when(is_known).then("value"),
            **_wilson(metric, is_known),
        )
    )


def _basis(metric: Metric, exported: Exported) -> str | None:
    """What a value is made from, where what is exported leaves a choice."""
    return next((told for need, told in metric.basis_without.items() if exported.missing([need])), metric.basis)


def _months(metric: Metric, around: Surroundings) -> pl.DataFrame:
    """The months, whether the value is provisional in them, and whether the data begins too late for it."""
    begins, days = around.begins, around.provisional_days.get(metric.name, 0)
    rows = [
        (
            month,
            around.as_of < next_month + dt.timedelta(days=days - 1),
            bool(metric.history_months) and (begins is None or add_months(month, -metric.history_months) < begins),
        )
        for month, next_month in around.dim_month.select("month", "next_month").iter_rows()
    ]
    schema = {"month": pl.Date, "is_provisional": pl.Boolean, "is_early": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _wilson(metric: Metric, is_known: pl.Expr) -> dict[str, pl.Expr]:
    """95 % Wilson interval of a known value whose numerator counts a subset of the denominator's independent units."""
    if not isinstance(metric, Ratio) or not metric.independent:
        return {}
    n, p = pl.col("denominator"), pl.col("numerator") / pl.col("denominator")
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = (Z / (1 + Z**2 / n)) * ((p * (1 - p) / n + Z**2 / (4 * n**2)).sqrt())
    there = is_known & pl.col("value").is_not_null()
    return {
        "ci_low": pl.when(there).then((centre - half).clip(0, 1).round(15)),
        "ci_high": pl.when(there).then((centre + half).clip(0, 1).round(15)),
    }


def with_items_of(values: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """`values` with the observations of another metric, which counts the items behind both."""
    counted = other.select(*KEYS, counted="observations")
    joined = values.join(counted, on=KEYS, how="left", maintain_order="left")
    there = pl.when(pl.col("observations").is_not_null()).then("counted")
    return MetricMonth.shaped(joined.with_columns(observations=there))


def null_with(values: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """`values`, NULL with the same reason where the other metric is."""
    reasons = other.select(*KEYS, other_reason="null_reason")
    joined = values.join(reasons, on=KEYS, how="left", maintain_order="left")
    silent = pl.col("other_reason").is_not_null()
    return MetricMonth.shaped(
        joined.with_columns(
            value=pl.when(~silent).then("value"), null_reason=pl.coalesce("null_reason", "other_reason")
        )
    )
