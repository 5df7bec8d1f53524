"""What a metric is made of, and where its values are."""

import polars as pl

from schemas.contract import Contract, column

UNITS = ["share", "cents", "points", "score", "ratio", "count", "users", "minutes", "hours", "days", "months"]
NULL_REASONS = [
    "source_missing",
    "not_exported",
    "company_only",
    "insufficient_history",
    "zero_denominator",
    "not_additive",
]
"""Why there is no value, in the order in which they are told; the last one is that of a period, of slices alone."""


class Parts(Contract):
    """One row per account and month: what a metric function returns."""

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    numerator: pl.Float64 = column("Part of the numerator")
    denominator: pl.Float64 = column("Part of the denominator; NULL for a sum", null=True)

    class Config:
        unique = ["month", "account_id"]


class DimMetric(Contract):
    """One row per metric."""

    metric: str = column("Name of the metric")
    metric_key: pl.Int16 = column("Number of the metric in metric_part; never reused")
    asset: str = column("Asset that materializes it")
    title: str = column("Title for people")
    definition: str = column("What it is, in words")
    unit: str = column("Unit of the value", isin=UNITS)
    better: str = column("Which way is better", isin=["higher", "lower", "none"])
    signal: str = column("Leading or lagging", isin=["leading", "lagging"])
    perspective: str = column("Perspective of the scorecard", isin=["financial", "customer", "process", "product"])
    rollup: str = column("How accounts make a company", isin=["sum", "ratio", "median", "derived"])
    over_time: str = column("How months make a period", isin=["flow", "stock", "mean_rate", "none"])
    expression: str = column("Formula over other metrics, for derived ones", null=True)
    observed_table: str = column("Fact that holds the observations of a median", null=True)
    observed_value: str = column("Its column with the observation", null=True)
    observed_month: str = column("Its column with the month in which the observation counts", null=True)
    scale: pl.Float64 = column("Factor of a ratio: 100 for points")
    minimum: pl.Float64 = column("Denominator under which a value is insufficient_history", null=True)
    history_months: pl.Int32 = column(
        "Months before a month by which the data must have begun, else the value is insufficient_history", unit="months"
    )
    null_with: str = column("Metric whose NULL makes this one NULL, for the same reason", null=True)
    known_where: str = column(
        "Column of dim_account_month that says of which accounts it can be known; empty: of all, or of none", null=True
    )
    is_company_only: bool = column("Whether only the company has a value, and no segment or slice")
    provisional_days: pl.Int32 = column("Days after month end until the value is final", unit="days")

    class Config:
        unique = ["metric"]


class MetricPart(Contract):
    """One row per metric, month and account with something to say: no row where both parts are 0 or NULL."""

    month: pl.Date = column("First day of the month")
    metric_key: pl.Int16 = column("Metric, see dim_metric")
    account_key: pl.Int32 = column("Account, see dim_account")
    numerator: pl.Float64 = column("Part of the numerator")
    denominator: pl.Float64 = column("Part of the denominator; NULL for a sum", null=True)

    class Config:
        unique = ["metric_key", "month", "account_key"]


class MetricMonth(Contract):
    """One row per metric, month, dimension and segment; ('all', 'all') is the company."""

    metric: str = column("Name of the metric")
    month: pl.Date = column("First day of the month")
    dimension: str = column("Segment column, or 'all'")
    segment: str = column("Value of the segment column, or 'all'; no value is '(unknown)'")
    value: pl.Float64 = column("The metric, in the unit of dim_metric; NULL where it cannot be known", null=True)
    numerator: pl.Float64 = column("Sum of the accounts' numerators; NULL for median and derived", null=True)
    denominator: pl.Float64 = column("Sum of the accounts' denominators; NULL for sum, median, derived", null=True)
    observations: pl.Int64 = column("Items behind the value", unit="count", null=True)
    ci_low: pl.Float64 = column("Lower end of the 95 % Wilson interval", null=True)
    ci_high: pl.Float64 = column("Upper end of the 95 % Wilson interval", null=True)
    is_provisional: bool = column("Whether the value may still change by days passing")
    null_reason: str = column("Why there is no value", null=True, isin=NULL_REASONS)
    basis: str = column("What the value was made from, where there is a choice", null=True)

    class Config:
        unique = ["metric", "month", "dimension", "segment"]


class MetricOperand(Contract):
    """One row per metric and metric whose parts explain it: itself, or, of a derived one, those of its expression."""

    metric: str = column("Name of the metric")
    operand: str = column("Metric that has parts")

    class Config:
        unique = ["metric", "operand"]


class MetricTarget(Contract):
    """One row per metric and month with a target."""

    metric: str = column("Name of the metric")
    month: pl.Date = column("First day of the month")
    target: pl.Float64 = column("Value to reach, in the unit of the metric")
    owner: str = column("Who answers for it")
    review_on: pl.Date = column("Day on which the target is to be reviewed")

    class Config:
        unique = ["metric", "month"]


class MetricDriver(Contract):
    """One row per ratio metric, month, dimension and segment: what the segment did to the change on the month before.

    Of each dimension the effects add up to the company's change.
    """

    metric: str = column("Name of the metric")
    month: pl.Date = column("First day of the month")
    dimension: str = column("Segment column")
    segment: str = column("Value of the segment column")
    value: pl.Float64 = column("The segment's value", null=True)
    previous_value: pl.Float64 = column("The segment's value the month before", null=True)
    weight: pl.Float64 = column("The segment's share of the denominator", unit="share")
    previous_weight: pl.Float64 = column("Its share the month before", unit="share")
    rate_effect: pl.Float64 = column("Mean weight × change of the segment's value")
    mix_effect: pl.Float64 = column("Change of weight × (mean segment value − mean company value)")
    effect: pl.Float64 = column("rate_effect + mix_effect")
    company_change: pl.Float64 = column("The company's value − that of the month before")

    class Config:
        unique = ["metric", "month", "dimension", "segment"]


class MetricDriverAccount(Contract):
    """One row per ratio metric, month and one of the ten accounts that moved it most."""

    metric: str = column("Name of the metric")
    month: pl.Date = column("First day of the month")
    rank: pl.Int64 = column("1 moved it most", unit="count")
    account_id: str = column("Account")
    company_change: pl.Float64 = column("The company's value − that of the month before")
    change_without: pl.Float64 = column("The same had the account not been there")
    effect: pl.Float64 = column("company_change − change_without")

    class Config:
        unique = ["metric", "month", "rank"]


class RelationPart(Contract):
    """One row per leading metric, outcome and lag: what the accounts of one month add to their relation.

    Of the month whose outcomes became known in this one. Ranks lie around 0, from the lowest value to the highest one
    apart, so that months of many and of few accounts can be added.
    """

    month: pl.Date = column("Month in which the outcomes became known")
    metric: str = column("Name of the metric")
    outcome: str = column("As in metric_relation", isin=["churn", "churn_3m"])
    lag_months: pl.Int64 = column("From the metric's month to the first month of the outcome", unit="months")
    n: pl.Int64 = column("Accounts compared", unit="count")
    events: pl.Int64 = column("Accounts that left", unit="count")
    of_ranks: pl.Float64 = column("Sum of the squares of their ranks")
    of_outcomes: pl.Float64 = column("Sum of the squares of who left (1, else 0), less its mean")
    of_leavers: pl.Float64 = column("Sum of the leavers' ranks")
    of_drawn: pl.Binary = column(
        "The same of each draw of as many leavers by lot, times 2 n: whole numbers of 2, 4 or 8 bytes, low byte first"
    )

    class Config:
        unique = ["month", "metric", "outcome", "lag_months"]


class MetricRelation(Contract):
    """One row per leading metric, outcome and lag: how the accounts' values went with who left, in all months till now.

    A relation, never a cause. Values are ranked among the accounts of their month that could still leave, so that
    neither growth nor season relates them; only outcomes known by the month's end are in. Under 20 leavers: no row.
    """

    month: pl.Date = column("Month until which outcomes are in")
    metric: str = column("Name of the metric")
    outcome: str = column(
        "churn: left in the month that many months later; churn_3m: left in the three months after",
        isin=["churn", "churn_3m"],
    )
    lag_months: pl.Int64 = column("From the metric's month to the first month of the outcome", unit="months")
    correlation: pl.Float64 = column(
        "Rank correlation (Spearman) within months; above 0: the higher the value, the likelier the account leaves",
        unit="ratio",
        in_range={"min_value": -1, "max_value": 1},
    )
    n: pl.Int64 = column("Account-months compared", unit="count")
    events: pl.Int64 = column("Account-months that ended in leaving", unit="count")
    p_value: pl.Float64 = column(
        "How often as strong a correlation comes up if it is drawn by lot who leaves; at least 1 in 2000", unit="share"
    )
    q_value: pl.Float64 = column("p after Benjamini and Hochberg over the month's rows", unit="share")

    class Config:
        unique = ["month", "metric", "outcome", "lag_months"]
