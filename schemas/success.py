"""What customer success does: milestones, activities, recorded reasons, health."""

import polars as pl

from schemas.contract import Contract, column
from schemas.customers import OF_SOURCE, Export
from schemas.metrics import NULL_REASONS


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


class DimMilestone(Contract):
    """One row per milestone of the config, in the order in which customers should reach them."""

    milestone: str = column("Milestone of the config")
    position: pl.Int64 = column("Place in the config's order, from 1", ge=1)
    within_days: pl.Int64 = column("Deadline after the first paying day", unit="days")
    is_value: bool = column("Whether reaching it means the customer has value")

    class Config:
        unique = ["milestone"]


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
        unique = ["export_source", "activity_id"]
        metadata = {
            "by_month": True,
            "dated_by": ("due_on", "held_on"),
            "told_with": [(name, "held_on") for name in ("executive_present", "csm_thumb", "customer_thumb", "rating")],
            "either": [("due_on", "held_on")],
        }


class FctCsmActivity(CsmActivity):
    """One row per activity, in the month it was due, or else held."""

    month: pl.Date = column("Month it was due, or else held")
    source: str = column(OF_SOURCE)
    rating_score: pl.Float64 = column("Rating from 1 (worst) to 5", unit="score", null=True)

    class Config:
        unique = ["source", "activity_id"]


class ChurnEvents(Export):
    """One row per churn recorded in the CRM: reasons and comments, never the churn itself."""

    churn_event_id: str = column("Record")
    account_id: str = column("Account", null=True)
    churned_on: pl.Date = column("Day given for the churn")
    reason: str = column("Reason", optional=True)
    comment: str = column("Free text", optional=True, personal="text")

    class Config:
        unique = ["export_source", "churn_event_id"]
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


class ChurnReasonMonth(Contract):
    """One row per month and recorded reason with churned accounts; without a record the reason is '(unknown)'.

    An account's reason is that of the churn event nearest to the month, at most two calendar months before or after.
    """

    month: pl.Date = column("First day of the month")
    reason: str = column("Recorded reason")
    accounts: pl.Int64 = column("Accounts with opening and without closing MRR", unit="count", gt=0)
    churned_cents: pl.Int64 = column("Their opening MRR", unit="cents", gt=0)

    class Config:
        unique = ["month", "reason"]


class HealthBacktest(Contract):
    """One row per scored month, under the month three months later, when it is known who left.

    Left: closing MRR 0 at any of the three month ends after. Out of it are accounts without a score, and those whose
    every paying item was already cancelled.
    """

    month: pl.Date = column("Month it is written with: the third after the scored one")
    scored_month: pl.Date = column("Month of the scores")
    accounts: pl.Int64 = column("Accounts with a score that had not cancelled everything", unit="count", ge=0)
    already_cancelled: pl.Int64 = column(
        "Accounts with a score that are out, as every paying item was already cancelled", unit="count", ge=0
    )
    events: pl.Int64 = column("Accounts that left", unit="count", ge=0)
    auc: pl.Float64 = column(
        "Share of all pairs of a leaver and a stayer in which the leaver had the lower score; a tie is half a pair",
        unit="share",
        null=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    auc_low: pl.Float64 = column("Lower end of the 95 % interval (Hanley and McNeil)", unit="share", null=True)
    auc_high: pl.Float64 = column("Upper end of the 95 % interval", unit="share", null=True)
    top_decile_lift: pl.Float64 = column(
        "Share that left of the tenth with the lowest scores / share that left of all", unit="ratio", null=True
    )
    accounts_green: pl.Int64 = column("Accounts that were green", unit="count", ge=0)
    churn_green: pl.Float64 = column("Share of them that left", unit="share", null=True)
    accounts_yellow: pl.Int64 = column("Accounts that were yellow", unit="count", ge=0)
    churn_yellow: pl.Float64 = column("Share of them that left", unit="share", null=True)
    accounts_red: pl.Int64 = column("Accounts that were red", unit="count", ge=0)
    churn_red: pl.Float64 = column("Share of them that left", unit="share", null=True)
    null_reason: str = column(
        "Why area and lift are unknown: insufficient_history is fewer than 10 leavers", null=True, isin=NULL_REASONS
    )

    class Config:
        unique = ["month"]
