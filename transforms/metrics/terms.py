"""Whether customers stay when they are asked: terms that came up for renewal, and trials."""

import datetime as dt
from functools import partial

import polars as pl

from transforms.calendar import month_start
from transforms.declaration import History, Months
from transforms.exported import Exported
from transforms.facts.service import ITEM
from transforms.facts.trials import decided_on, is_converted, trials
from transforms.metrics.definition import Ratio, parts

DAYS = 30


def no_terms(exported: Exported) -> str | None:
    """Why no term is known: renewals and subscription items, from which they are derived, are both missing."""
    return exported.missing(["renewals"]) and exported.missing(["subscription_items"])


def no_money_of_terms(exported: Exported) -> str | None:
    """Why the MRR of terms is not known; an exported renewal tells its own or none."""
    if exported.missing(["renewals"]):
        return exported.missing(["subscription_items"])
    return exported.missing(["renewals.mrr_amount", "renewals.currency"])


# A term is due in one month only, so that the months' parts add up to those of any period.
renewal = partial(
    Ratio,
    unit="share",
    better="higher",
    signal="lagging",
    over_time="flow",
    provisional_days=DAYS,
    asset="renewal_rate",
    basis="renewals",
    basis_without={"renewals": "subscription_items"},
)


def decided(fct_renewal: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """The terms longer than a month of which it is final by `as_of` whether they were renewed."""
    return fct_renewal.filter(pl.col("counts") & (pl.col("decided_on") <= as_of))


@renewal(perspective="customer", independent=True, items=True, unknown_when=no_terms)
def renewal_rate(fct_renewal: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Renewed terms / terms longer than a month that were due in the month.

    Renewed early counts in the due month; cancelled, renewed 30 days after the due day or later, or still open then is
    not renewed; open and younger is in neither.
    """
    return parts(decided(fct_renewal, as_of), pl.col("is_renewed"), pl.col("is_renewed").is_not_null())


@renewal(perspective="financial", unknown_when=no_money_of_terms, items_of="renewal_rate", title="Renewal rate of MRR")
def renewal_rate_mrr(fct_renewal: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Σ smaller of renewed and old MRR / Σ old MRR of the terms longer than a month that were due in the month."""
    known = decided(fct_renewal, as_of).filter(pl.col("mrr_cents").is_not_null())
    return parts(known, pl.min_horizontal("renewed_mrr_cents", "mrr_cents"), pl.col("mrr_cents"))


def no_trials(exported: Exported) -> str | None:
    """Why no trial is known: neither its end nor its flag is exported."""
    ends, flags = (exported.missing([f"subscription_items.{name}"]) for name in ("trial_ends_on", "is_trial"))
    return ends and flags


# Not from fct_trial, which follows a trial for some months only: here one may be of any length.
@Ratio(
    unit="share",
    better="higher",
    signal="leading",
    perspective="customer",
    over_time="mean_rate",
    reads={"subscription_items": History(ahead=2), "paying_turns": Months(ahead=2)},
    provisional_days=DAYS,
    independent=True,
    unknown_when=no_trials,
)
def trial_conversion_rate(subscription_items: pl.DataFrame, paying_turns: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Accounts that pay at most 30 days after their trial / accounts whose trial ended in the month.

    Of each account the last trial of the month, if it wasn't paying the day before that trial; it ends on its planned
    end, or with the service if that is earlier. Not converted and the 30 days not over is in neither.
    """
    ended = (
        trials(subscription_items, paying_turns, as_of)
        .drop_nulls("trial_ended_on")
        .with_columns(month=month_start(pl.col("trial_ended_on")), is_converted=is_converted())
        .sort("trial_ended_on", "trial_started_on", *ITEM)
        .unique(["month", "account_id"], keep="last", maintain_order=True)
        .filter(~pl.col("was_paying_before"))
        .filter(decided_on() <= as_of)
    )
    return parts(ended, pl.col("is_converted"), pl.col("account_id").is_not_null())
