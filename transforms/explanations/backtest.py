"""Whether the health score told who would leave: the scores of a month against the three months after it."""

import datetime as dt
import math
from collections.abc import Mapping

import polars as pl

from schemas.success import HealthBacktest
from transforms.calendar import add_months
from transforms.declaration import Months, monthly

HORIZON = 3
"""Months after the scored one in which accounts are watched."""
LEAST_LEAVERS = 10
BANDS = ("green", "yellow", "red")
Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
HALVINGS = 60
"""Steps to the end of an interval: as near as a double can say it."""


@monthly(fct_health_score=Months(back=HORIZON), fct_mrr_account_month=Months(back=HORIZON))
def health_backtest(
    fct_health_score: pl.DataFrame, fct_mrr_account_month: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """See the contract: of each month that is over, what the scores of three months before were worth.

    Scores and MRR reach back three months. A month that is not over has no row, nor has one whose scored month lies
    before the data.
    """
    scored = fct_health_score.filter(pl.col("score").is_not_null())
    watched = uncancelled(scored, fct_mrr_account_month)
    outcomes = followed(watched, fct_mrr_account_month).with_columns(left=~stays(HORIZON))
    there = set(fct_health_score["month"])
    rows: list[Mapping[str, object]] = [
        {
            "month": month,
            "scored_month": before,
            "already_cancelled": _in(scored, before).height - _in(watched, before).height,
            **_judged(_in(outcomes, before)),
        }
        for month, before in _with_scored(dim_month)
        if before in there
    ]
    found = pl.DataFrame(
        [{name: row.get(name) for name in HealthBacktest.dtypes()} for row in rows], HealthBacktest.dtypes()
    )
    return HealthBacktest.shaped(found).sort("month")


def _with_scored(dim_month: pl.DataFrame) -> list[tuple[dt.date, dt.date]]:
    """The months that are over, each with the month whose scores can be judged by its end."""
    over = dim_month.filter(~pl.col("is_provisional"))["month"]
    return [(month, add_months(month, -HORIZON)) for month in over]


def _in(rows: pl.DataFrame, month: dt.date) -> pl.DataFrame:
    return rows.filter(pl.col("month") == month)


def uncancelled(rows: pl.DataFrame, fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """Those of the rows (month, account_id …) whose account pays at month end and hasn't cancelled all it pays for.

    What is cancelled for a later day leaves by appointment; to foretell that is no art.
    """
    some_stays = (pl.col("closing_cents") > 0) & (pl.col("uncancelled_items") > 0)
    return rows.join(fct_mrr_account_month.filter(some_stays), on=["month", "account_id"], how="semi")


def followed(rows: pl.DataFrame, fct_mrr_account_month: pl.DataFrame) -> pl.DataFrame:
    """The rows with pays_1, pays_2, pays_3: whether the account pays at the end of that many months later."""
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select("month", "account_id")
    for later in range(1, HORIZON + 1):
        earlier = paying.with_columns(pl.col("month").dt.offset_by(f"-{later}mo"), pl.lit(1).alias(f"pays_{later}"))
        rows = rows.join(earlier, on=["month", "account_id"], how="left")
    return rows.with_columns(pl.col(f"pays_{later}").is_not_null() for later in range(1, HORIZON + 1))


def stays(months: int) -> pl.Expr:
    """Whether a `followed` account pays at the end of each of so many months."""
    return pl.all_horizontal(pl.lit(value=True), *(f"pays_{later}" for later in range(1, months + 1)))


def _judged(outcomes: pl.DataFrame) -> dict[str, object]:
    """What the scores of one month were worth; area and lift are unknown under ten leavers."""
    scores, left = outcomes["score"], outcomes["left"]
    leavers, stayers = int(left.sum()), int((~left).sum())
    told: dict[str, object] = {"accounts": leavers + stayers, "events": leavers}
    for band in BANDS:
        of_band = outcomes.filter(pl.col("band") == band)["left"]
        told |= {f"accounts_{band}": of_band.len(), f"churn_{band}": of_band.mean()}
    if leavers < LEAST_LEAVERS:
        return told | {"null_reason": "insufficient_history"}
    area = auc(scores, left)
    if area is None:
        return told | {"null_reason": "zero_denominator"}
    low, high = auc_interval(area, leavers, stayers)
    return told | {
        "auc": area,
        "auc_low": low,
        "auc_high": high,
        "top_decile_lift": top_decile_lift(scores, left),
    }


def auc(scores: pl.Series, left: pl.Series) -> float | None:
    """The share of all pairs of a leaver and a stayer in which the leaver has the lower score; a tie is half a pair.

    None without a leaver, or without a stayer.
    """
    leavers, stayers = int(left.sum()), int((~left).sum())
    if not leavers or not stayers:
        return None
    above = float(scores.rank("average").filter(~left).sum()) - stayers * (stayers + 1) / 2
    return above / (leavers * stayers)


def auc_variance(area: float, leavers: int, stayers: int) -> float:
    """Variance of a rank AUC whose true value is `area`, after Hanley and McNeil (1982)."""
    two_leavers = area / (2 - area) - area**2
    two_stayers = 2 * area**2 / (1 + area) - area**2
    return (area * (1 - area) + (leavers - 1) * two_leavers + (stayers - 1) * two_stayers) / (leavers * stayers)


def auc_interval(area: float, leavers: int, stayers: int) -> tuple[float, float]:
    """95 % interval of a rank AUC: the true areas from which the one found is at most 1.96 standard errors away.

    The standard error is that of the true area, as in Wilson's interval of a share: the ends stay within 0 and 1, and
    a perfect ranking of a few accounts is not certain.
    """

    def end(outside: float) -> float:
        inside = area
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            error = math.sqrt(max(auc_variance(middle, leavers, stayers), 0))
            inside, outside = (middle, outside) if abs(area - middle) <= Z * error else (inside, middle)
        return inside

    return end(0.0), end(1.0)


def top_decile_lift(scores: pl.Series, left: pl.Series) -> float | None:
    """How many times likelier than all accounts the tenth with the lowest scores was to leave; None if nobody left.

    A tenth of 25 accounts is two and a half; accounts that tie at its border count in part, so that no order decides.
    """
    leavers, tenth = int(left.sum()), left.len() / 10
    if not leavers:
        return None
    ties = (
        pl.DataFrame({"score": scores, "left": left})
        .group_by("score")
        .agg(size=pl.len().cast(pl.Int64), left=pl.col("left").sum().cast(pl.Int64))
        .sort("score")
    )
    room = tenth - (pl.col("size").cum_sum() - pl.col("size"))
    taken = pl.min_horizontal(room, pl.col("size").cast(pl.Float64)).clip(lower_bound=0)
    found = float(ties.select((pl.col("left") * taken / pl.col("size")).sum()).item())
    return found / tenth / (leavers / left.len())
