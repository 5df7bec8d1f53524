"""What customer success does: milestones, activities, recorded reasons, health."""

import polars as pl

from schemas.contract import Contract, column
from schemas.customers import Export


class Milestone(Contract):
    """One row per account and milestone reached."""

    account_id: str = column("Account", null=True)
    milestone: str = column("Milestone of the config")
    reached_on: pl.Date = column("Day it was reached", moment="happened")


class Milestones(Milestone, Export):
    """One row per account and milestone reached, as exported or derived from usage events."""

    class Config:
        unique = ["account_id", "milestone"]
        metadata = {"dated_by": "reached_on", "cumulative": True}


class FctMilestone(Milestone):
    """One row per account and milestone reached, in the month it was reached."""

    month: pl.Date = column("Month it was reached")
    is_value: bool = column("Whether the milestone stands for value")

    class Config:
        unique = ["account_id", "milestone"]


class CsmActivity(Contract):
    """One row per activity of a customer-success manager."""

    activity_id: str = column("Activity")
    account_id: str = column("Account", null=True)
    kind: str = column("What it was", isin=["sentiment", "review"])
    due_on: pl.Date = column("Day a review was due", optional=True, moment="planned")
    held_on: pl.Date = column("Day it was held or the rating given", optional=True, moment="happened")
    executive_present: bool = column("Whether an executive of the customer was there; empty: no", optional=True)
    csm_thumb: str = column("The manager's verdict", optional=True, isin=["up", "down"])
    customer_thumb: str = column("The customer's verdict", optional=True, isin=["up", "down"])
    rating: str = column("Sentiment, one of the config's words", optional=True)


class CsmActivities(CsmActivity, Export):
    """One row per activity in the CRM."""

    class Config:
        unique = ["activity_id"]
        metadata = {"dated_by": ("due_on", "held_on"), "either": [("due_on", "held_on")]}


class FctCsmActivity(CsmActivity):
    """One row per activity, in the month it was due, or else held."""

    month: pl.Date = column("Month it was due, or else held")
    rating_score: pl.Float64 = column("Rating from 1 (worst) to 5", unit="score", null=True)

    class Config:
        unique = ["activity_id"]


class ChurnEvents(Export):
    """One row per churn recorded in the CRM: reasons and comments, never the churn itself."""

    churn_event_id: str = column("Record")
    account_id: str = column("Account", null=True)
    churned_on: pl.Date = column("Day given for the churn")
    reason: str = column("Reason", optional=True)
    comment: str = column("Free text", optional=True, personal="text")

    class Config:
        unique = ["churn_event_id"]
        metadata = {"dated_by": "churned_on"}


class FctHealthInput(Contract):
    """One row per paying account, month and health input that could be known at month end."""

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    input: str = column("Name of the input")
    raw: pl.Float64 = column("What was measured")
    score: pl.Float64 = column(
        "0–100, linear between the config's two points and clipped",
        unit="score",
        in_range={"min_value": 0, "max_value": 100},
    )
    weight: pl.Float64 = column("Weight in the health score, from the config", gt=0)

    class Config:
        unique = ["month", "account_id", "input"]


class FctHealthScore(Contract):
    """One row per paying account and month."""

    month: pl.Date = column("First day of the month")
    account_id: str = column("Account")
    score: pl.Float64 = column(
        "Σ weight × score / Σ weight over the inputs that are there; NULL below the config's coverage",
        unit="score",
        null=True,
    )
    band: str = column("green, yellow or red", null=True, isin=["green", "yellow", "red"])
    previous_score: pl.Float64 = column("Score of the month before", unit="score", null=True)
    coverage: pl.Float64 = column("Weight of the inputs that are there / weight of all", unit="share")
    closing_cents: pl.Int64 = column("MRR at month end", unit="cents")

    class Config:
        unique = ["month", "account_id"]


ALERT_RULES = ["renewal_at_risk", "health_fell", "sentiment_fell", "usage_halved", "stalled"]


class AccountAlert(Contract):
    """One row per paying account, month and rule that asks somebody to act, the most MRR at stake first."""

    month: pl.Date = column("First day of the month")
    rank: pl.Int64 = column("Where to start: 1 is the top of the month's list", unit="count")
    account_id: str = column("Account")
    rule: str = column("Why: the rule that holds", isin=ALERT_RULES)
    mrr_at_stake_cents: pl.Int64 = column("MRR at month end", unit="cents")
    rules_of_account: pl.Int64 = column("Rules that hold for the account in the month", unit="count")
    health_band: str = column("Health at month end", null=True)
    evidence: str = column("What was seen, in words")
    value: pl.Float64 = column("The number behind it: score, rating, users, days", null=True)
    previous_value: pl.Float64 = column("What it is compared with", null=True)
    due_on: pl.Date = column("Day by which to act, where there is one", null=True)

    class Config:
        unique = ["month", "account_id", "rule"]
