"""The health of paying accounts: what is known of each at month end, and one score of it."""

import datetime as dt
from collections.abc import Sequence

import polars as pl

from schemas.billing import INVOICE, PAYMENT_MONTHS
from schemas.config import Health, HealthInput, InputName
from schemas.product import TREND_MONTHS
from schemas.success import FctHealthInput, FctHealthScore
from transforms.declaration import SO_FAR, Months, monthly
from transforms.exported import Exported
from transforms.facts.answers import counting_answers
from transforms.facts.invoices import NOT_CHARGED

KEYS = ["month", "account_id"]
NEEDS: dict[InputName, tuple[str, ...]] = {
    "usage_rate": ("usage_events.user_id", "subscription_items.seats"),
    "usage_trend": ("usage_events.user_id",),
    "tickets": ("tickets", "subscription_items.seats"),
    "feedback": (),
    "payment": ("invoices.due_on", "invoices.paid_on"),
    "sentiment": ("csm_activities.rating", "csm_activities.held_on"),
    "milestones": ("milestones",),
}
"""Tables and columns without which an input is missing for everyone."""
FEEDBACK_DAYS, SENTIMENT_DAYS = 180, 90
NPS_SCALE = (0, 10)
DIGITS = 9
"""Points are rounded so that the border of a band (0.6 of 0.8 is 75) is where people put it."""
SCORE_DIGITS = 6
"""A score is rounded to fewer digits than the points it is made of, so that equal ones tie."""


@monthly(
    fct_usage_account_month=Months(back=TREND_MONTHS),
    fct_survey_response=SO_FAR,
    fct_invoice=Months(back=PAYMENT_MONTHS - 1),
)
def fct_health_input(
    fct_mrr_account_month: pl.DataFrame,
    fct_usage_account_month: pl.DataFrame,
    fct_ticket: pl.DataFrame,
    fct_survey_response: pl.DataFrame,
    fct_invoice: pl.DataFrame,
    given_ratings: pl.DataFrame,
    milestone_progress: pl.DataFrame,
    dim_month: pl.DataFrame,
    health: Health,
    exported: Exported,
) -> pl.DataFrame:
    """See the contract: each input that could be known at month end, its points clipped to 0–100.

    Of usage it reads the three months before, of invoices the two before, of answers and ratings all before.
    """
    paying = (
        fct_mrr_account_month.filter(pl.col("closing_cents") > 0)
        .select(*KEYS, "seats")
        .join(dim_month.select("month", "month_end", "is_provisional"), on="month")
        .sort(KEYS)
        .with_row_index("place")
    )
    over = paying.filter(~pl.col("is_provisional"))
    raw: dict[InputName, pl.DataFrame] = {
        "usage_rate": _usage_rate(paying, fct_usage_account_month),
        "usage_trend": _usage_trend(over, fct_usage_account_month),
        "tickets": _tickets(over, fct_ticket),
        "feedback": _feedback(fct_survey_response, dim_month),
        "payment": _payment(fct_invoice, dim_month),
        "sentiment": _sentiment(given_ratings, dim_month),
        "milestones": _milestones(milestone_progress),
    }
    known = [
        raw[name].select(
            *KEYS,
            input=pl.lit(name),
            raw=pl.col("raw").cast(pl.Float64),
            score=_points(pl.col("raw"), declared),
            weight=pl.lit(declared.weight, pl.Float64),
        )
        for name, declared in sorted(health.inputs.items())
        if not exported.missing(NEEDS[name])
    ]
    # By the places of the paying accounts: to sort all inputs by names takes longer than to make them. Those of an
    # account and month stay in the order in which they are put one after the other, that of their names.
    rows = (
        pl.concat([FctHealthInput.blank(), *known])
        .drop_nulls("raw")
        .join(paying.select(*KEYS, "place"), on=KEYS, maintain_order="left")
    )
    return FctHealthInput.shaped(rows.sort("place", maintain_order=True))


def _points(raw: pl.Expr, declared: HealthInput) -> pl.Expr:
    """0 at zero_at, 100 at full_at, linear between and clipped beyond; never a minus zero."""
    return ((raw - declared.zero_at) / (declared.full_at - declared.zero_at) * 100).clip(0, 100).round(DIGITS).abs()


def _usage_rate(paying: pl.DataFrame, usage: pl.DataFrame) -> pl.DataFrame:
    """Active users, at most the seats / seats; missing without seats, 0 for an account without an event."""
    rows = paying.filter(pl.col("seats") > 0).join(usage.select(*KEYS, "active_users"), on=KEYS, how="left")
    active = pl.min_horizontal(pl.col("active_users").fill_null(0), "seats")
    return rows.select(*KEYS, raw=active / pl.col("seats"))


def _usage_trend(over: pl.DataFrame, usage: pl.DataFrame) -> pl.DataFrame:
    """Active users / mean of the three months before (months without an event are 0); missing if that mean is 0."""
    accounts = over.select("account_id").unique().with_row_index("account")
    by = ["month", "account"]
    # By numbers: to group by the accounts' names takes three times longer.
    now = usage.select(*KEYS, "active_users").join(accounts, on="account_id").drop("account_id")
    shifted = [now.with_columns(pl.col("month").dt.offset_by(f"{later}mo")) for later in range(1, TREND_MONTHS + 1)]
    before = pl.concat(shifted).group_by(by).agg(mean=pl.col("active_users").sum() / TREND_MONTHS)
    rows = (
        over.join(accounts, on="account_id").join(before.filter(pl.col("mean") > 0), on=by).join(now, on=by, how="left")
    )
    return rows.select(*KEYS, raw=pl.col("active_users").fill_null(0) / pl.col("mean"))


def _tickets(over: pl.DataFrame, fct_ticket: pl.DataFrame) -> pl.DataFrame:
    """Tickets created in the month / seats × 10; missing without seats."""
    created = fct_ticket.filter(pl.col("counts")).group_by(KEYS).agg(tickets=pl.len().cast(pl.Int64))
    rows = over.filter(pl.col("seats") > 0).join(created, on=KEYS, how="left")
    return rows.select(*KEYS, raw=pl.col("tickets").fill_null(0) * 10 / pl.col("seats"))


def _feedback(responses: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """The last answer to NPS (0–10) or CSAT, at most 180 days old, between the ends of its scale."""
    on_scale = (pl.col("scale_min") == NPS_SCALE[0]) & (pl.col("scale_max") == NPS_SCALE[1])
    asked = (pl.col("kind") == "csat") | ((pl.col("kind") == "nps") & on_scale)
    said = (
        counting_answers(responses)
        .filter(asked)
        .select(*KEYS, "responded_at", "response_id", "source", day="responded_on", raw="share_of_scale")
    )
    return _last_said(said, dim_month, FEEDBACK_DAYS, ["responded_at", "response_id", "source"])


def _sentiment(ratings: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """The last rating, at most 90 days old."""
    said = ratings.select(*KEYS, "activity_id", "source", day="held_on", raw="rating_score")
    return _last_said(said, dim_month, SENTIMENT_DAYS, ["activity_id", "source"])


def _last_said(said: pl.DataFrame, dim_month: pl.DataFrame, days: int, order: Sequence[str]) -> pl.DataFrame:
    """Of each account the last of `said` on or before each month's end that is at most so many days old.

    Only rows of months up to that one, so that a month is the same whether or not later ones are built with it.
    """
    oldest = pl.col("month_end").min() - pl.duration(days=days)
    near = pl.col("day") >= pl.lit(dim_month.select(oldest).item(), pl.Date)
    ordered = said.drop_nulls(["day", "raw"]).filter(near).sort("day", *order)
    found = [ordered.clear().select(*KEYS, "raw")]
    for month, end in dim_month.select("month", "month_end").iter_rows():
        recent = pl.col("day").is_between(end - dt.timedelta(days=days), end)
        last = ordered.filter(recent & (pl.col("month") <= month)).unique("account_id", keep="last")
        found.append(last.select("account_id", "raw", month=pl.lit(month)).select(*KEYS, "raw"))
    return pl.concat(found)


def _payment(invoices: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Of the invoices of three months that are due or paid by the last one's end, those paid by their due day.

    A credit note and an invoice of nothing ask for no money: they are neither in time nor late.
    """
    asks = (pl.col("amount") > 0) & (pl.col("kind") == INVOICE) & ~pl.col("status").is_in(NOT_CHARGED)
    charged = invoices.filter(asks & pl.col("due_on").is_not_null()).select(*KEYS, "due_on", "paid_on")
    nearby = [charged.with_columns(pl.col("month").dt.offset_by(f"{later}mo")) for later in range(PAYMENT_MONTHS)]
    settled = (pl.col("due_on") <= pl.col("month_end")) | (pl.col("paid_on") <= pl.col("month_end"))
    in_time = (pl.col("paid_on") <= pl.col("due_on")).fill_null(value=False)
    rows = pl.concat(nearby).join(dim_month.select("month", "month_end"), on="month")
    return rows.filter(settled.fill_null(value=False)).group_by(KEYS).agg(raw=in_time.sum() / pl.len())


def _milestones(progress: pl.DataFrame) -> pl.DataFrame:
    """Milestones of the config reached by month end / milestones of the config; none: missing."""
    return progress.filter(pl.col("defined") > 0).select(*KEYS, raw=pl.col("reached") / pl.col("defined"))


@monthly(fct_health_input=Months(back=1))
def fct_health_score(
    fct_health_input: pl.DataFrame, fct_mrr_account_month: pl.DataFrame, dim_month: pl.DataFrame, health: Health
) -> pl.DataFrame:
    """See the contract. Of the inputs it reads the month before, for the score that the account had then.

    Half open: green from green_from on, yellow from yellow_from on, red below.
    """
    scored = _scores(fct_health_input, health)
    before = scored.select(pl.col("month").dt.offset_by("1mo"), "account_id", previous_score="score")
    rows = (
        fct_mrr_account_month.filter(pl.col("closing_cents") > 0)
        .join(dim_month.select("month"), on="month", how="semi")
        .join(scored, on=KEYS, how="left")
        .join(before, on=KEYS, how="left")
        .with_columns(pl.col("coverage").fill_null(0))
    )
    band = (
        pl.when(pl.col("score") >= health.green_from)
        .then(pl.lit("green"))
        .when(pl.col("score") >= health.yellow_from)
        .then(pl.lit("yellow"))
        .when(pl.col("score").is_not_null())
        .then(pl.lit("red"))
    )
    return FctHealthScore.shaped(rows.with_columns(band=band)).sort(KEYS)


def _scores(inputs: pl.DataFrame, health: Health) -> pl.DataFrame:
    """One row per account and month with an input: coverage, and the score where that suffices."""
    whole = sum(declared.weight for declared in health.inputs.values())
    weight = pl.col("weight")
    # Floats are added in one order, whatever the order of the rows.
    sums = (
        inputs.sort(*KEYS, "input")
        .group_by(KEYS, maintain_order=True)
        .agg(score=((weight * pl.col("score")).sum() / weight.sum()), coverage=weight.sum() / whole)
        .with_columns(pl.col("score").round(SCORE_DIGITS), pl.col("coverage").round(DIGITS))
    )
    return sums.with_columns(score=pl.when(pl.col("coverage") >= round(health.coverage, DIGITS)).then("score"))
