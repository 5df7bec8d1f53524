"""How leading metrics go with churn, account by account. A relation is never a cause."""

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.config import Config
from schemas.metrics import MetricRelation
from transforms.calendar import add_months, months_between
from transforms.declaration import SO_FAR, monthly
from transforms.explanations.backtest import HORIZON, followed, stays, uncancelled
from transforms.metrics.definition import Metric, WithParts

LEAST_EVENTS = 20
KEYS = ["month", "account_id"]
DRAWS = 1999
"""With the outcome as it was they are 2000, so that no p is below 1 in 2000."""
SEED = 20240501
AT_ONCE = 2_000_000
"""Numbers held at a time while drawing."""
DIGITS = 9
"""Correlations are rounded, and sums that differ by less are equal: floats added in another order differ in the end."""
COUNTED = 5
"""Rows of a month's sums before those of the draws: n, events, Σ rank², Σ outcome², and the leavers' Σ rank."""

Matrix = NDArray[np.float64]


def is_omen(metric: Metric, config: Config) -> bool:
    """Whether a metric's parts may foretell a departure.

    What waits for weeks after the month has seen the departure that it seems to foretell.
    """
    return (
        metric.signal == "leading"
        and isinstance(metric, WithParts)
        and not getattr(metric, "company_only", False)
        and metric.days(config) <= 1
    )


@dataclass(frozen=True)
class Question:
    """Who left in the months from `lag` through `until` after the metric's."""

    outcome: str
    lag: int
    until: int

    @property
    def apart(self) -> int:
        """Months between those that are asked, so that a departure counts once."""
        return self.until - self.lag + 1


QUESTIONS = (
    Question("churn_3m", 1, HORIZON),
    *(Question("churn", lag, lag) for lag in range(1, HORIZON + 1)),
)


@monthly(metrics=is_omen, metric_account_month=SO_FAR, fct_mrr_account_month=SO_FAR)
def metric_relation(
    metric_account_month: pl.DataFrame,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    metrics: Iterable[Metric],
) -> pl.DataFrame:
    """See the contract. Of the parts of `metrics`, which are leading, and of MRR it reads all months.

    A row sums up single months, each compared within itself: the accounts that pay at its end and haven't cancelled
    everything, ranked by the metric's value, and who of them left. `churn` asks those who still paid the month before;
    `churn_3m` asks every third month, back from the last whose outcome is known: a departure counts once.

    p: who left is drawn anew among the accounts of each month. An account leaves once, so its months are no evidence
    of each other, however alike its values are.
    """
    over = dim_month.filter(~pl.col("is_provisional"))["month"].sort().to_list()
    values = account_values(metric_account_month, fct_mrr_account_month, metrics)
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select(KEYS)
    watched = followed(uncancelled(paying, fct_mrr_account_month), fct_mrr_account_month)
    found = [MetricRelation.blank().drop("q_value")]
    if over:
        found += [rows for question in QUESTIONS for rows in _answers(question, values, watched, over)]
    return MetricRelation.shaped(_with_q(pl.concat(found))).sort("month", "metric", "outcome", "lag_months")


def account_values(parts: pl.DataFrame, fct_mrr_account_month: pl.DataFrame, metrics: Iterable[Metric]) -> pl.DataFrame:
    """One row per metric, month and account with a value: numerator / denominator; of a sum, the numerator.

    A paying account that a sum has no part of has 0 of it, in the months in which anybody has some.
    """
    rollups = {metric.name: metric.rollup for metric in metrics}
    sums = parts.filter(pl.col("metric").is_in([name for name, rollup in rollups.items() if rollup == "sum"]))
    ratios = parts.filter(pl.col("metric").is_in([name for name, rollup in rollups.items() if rollup == "ratio"]))
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select(KEYS)
    nothing = (
        sums.select("metric", "month")
        .unique()
        .join(paying, on="month")
        .join(sums, on=["metric", *KEYS], how="anti")
        .select("metric", *KEYS, value=pl.lit(0.0))
    )
    quotients = ratios.filter(pl.col("denominator") != 0).select(
        "metric", *KEYS, value=pl.col("numerator") / pl.col("denominator")
    )
    return pl.concat([sums.select("metric", *KEYS, value="numerator"), nothing, quotients])


def _answers(
    question: Question, values: pl.DataFrame, watched: pl.DataFrame, over: list[dt.date]
) -> Iterator[pl.DataFrame]:
    """Rows of the months that are over, one frame a month: what all months asked until then say."""
    asked = watched.filter(stays(question.lag - 1)).with_columns(left=~stays(question.until))
    metrics = values["metric"].unique().sort().to_list()
    if asked.is_empty() or not metrics:
        return
    by_month = _ranked(asked, values, metrics).partition_by("month", as_dict=True)
    running: dict[int, Matrix] = {}
    for month in months_between(asked["month"].min(), add_months(over[-1], -question.until)):  # type: ignore[arg-type]
        known = add_months(month, question.until)
        turn = (month.year * 12 + month.month) % question.apart
        if (month,) in by_month:
            rows = by_month[month,]
            sums = month_sums(
                rows.select(metrics).to_numpy(),
                rows["left"].to_numpy(),
                (month.toordinal(), question.lag, question.until),
            )
            running[turn] = running[turn] + sums if turn in running else sums
        if known in over and turn in running:
            yield _related(running[turn], metrics).select(
                month=pl.lit(known),
                metric="metric",
                outcome=pl.lit(question.outcome),
                lag_months=pl.lit(question.lag, pl.Int64),
                **{name: pl.col(name) for name in ("correlation", "n", "events", "p_value")},
            )


def _ranked(asked: pl.DataFrame, values: pl.DataFrame, metrics: list[str]) -> pl.DataFrame:
    """The asked accounts in one order, with a column for each metric: its rank among the month's, centred; or NaN.

    Ranks run from 0 to 1 in every month, so that months of many and of few accounts can be added.
    """
    group = ["metric", "month"]
    size = pl.len().over(group)
    rank = (pl.col("value").rank("average").over(group) - (size + 1) / 2) / size
    ranks = values.join(asked.select(KEYS), on=KEYS, how="semi").select("metric", *KEYS, rank=rank)
    wide = ranks.pivot(on="metric", on_columns=metrics, index=KEYS, values="rank", aggregate_function="first")
    joined = asked.join(wide, on=KEYS, how="left").sort(KEYS)
    return joined.select(*KEYS, "left", pl.col(metrics).fill_null(float("nan")))


def month_sums(ranks: Matrix, left: NDArray[np.bool_], seed: tuple[int, ...], draws: int = DRAWS) -> Matrix:
    """Columns are metrics: n, events, Σ rank², Σ outcome² (less its mean), the leavers' Σ rank, and that of each draw.

    `ranks` is accounts × metrics, NaN where an account has no value: it then adds nothing, whoever is drawn.
    """
    there = ~np.isnan(ranks)
    known = np.where(there, ranks, 0.0)
    n, events = there.sum(axis=0), there[left].sum(axis=0)
    outcomes = events - events**2 / np.maximum(n, 1)
    observed = np.vstack([n, events, (known**2).sum(axis=0), outcomes, known[left].sum(axis=0)])
    accounts, leavers = len(left), int(left.sum())
    if not leavers:
        return np.vstack([observed, np.zeros((draws, ranks.shape[1]))])
    random = np.random.default_rng([SEED, *seed])
    # What the many have is what all have, less that of the few.
    few = min(leavers, accounts - leavers)
    drawn = np.vstack([_sums_of_few(random, count, known, few) for count in _at_once(draws, few)])
    return np.vstack([observed, drawn if few == leavers else known.sum(axis=0) - drawn])


def _at_once(draws: int, few: int) -> list[int]:
    """The draws in pieces that take little memory."""
    step = max(1, AT_ONCE // (few + 1))
    return [min(step, draws - start) for start in range(0, draws, step)]


def _sums_of_few(random: np.random.Generator, draws: int, known: Matrix, few: int) -> Matrix:
    """Of each draw the sums over so many of the rows, each set of them as likely as any other."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - only the run that needs it should wait

    if not few:
        return np.zeros((draws, known.shape[1]))
    chosen = subsets(random, draws, len(known), few)
    ends = np.arange(0, chosen.size + 1, few)
    sums: Matrix = csr_array((np.ones(chosen.size), chosen.ravel(), ends), shape=(draws, len(known))) @ known
    return sums


def subsets(random: np.random.Generator, draws: int, size: int, few: int) -> NDArray[np.int64]:
    """For each draw so many of the numbers below `size`, at most half of them, each once: the first that come.

    To order all numbers for each draw takes thirty times longer where one in fifty is drawn.
    """
    repeats = few * few / size
    tries = few + int(2 * repeats + 6 * math.sqrt(repeats)) + 10
    found, left = np.empty((draws, few), dtype=np.int64), np.arange(draws)
    while left.size:
        # A number and the place at which it came are one key, so that its first place stands first among its equals.
        keys = random.integers(0, size, (left.size, tries)) * tries + np.arange(tries)
        keys.sort(axis=1)
        numbers, places = np.divmod(keys, tries)
        places[:, 1:][numbers[:, 1:] == numbers[:, :-1]] = tries
        last = np.partition(places, few - 1, axis=1)[:, few - 1 : few]
        # A draw of too many repeats is made anew; which numbers it had makes that no likelier.
        enough = last[:, 0] < tries
        found[left[enough]] = numbers[enough][(places <= last)[enough]].reshape(-1, few)
        left = left[~enough]
    return found


def _related(sums: Matrix, metrics: list[str]) -> pl.DataFrame:
    """One row per metric with enough events and values that differ: correlation, n, events and p over all months."""
    n, events, of_ranks, of_outcomes, shared = sums[:COUNTED]
    # Where all have one value, or all or nobody left, nothing goes with anything.
    varies = (of_ranks > 10.0**-DIGITS) & (of_outcomes > 10.0**-DIGITS)
    as_strong = np.abs(sums[COUNTED:]) >= np.abs(shared) - 10.0**-DIGITS
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.round(np.clip(shared / np.sqrt(of_ranks * of_outcomes), -1, 1), DIGITS)
    rows = pl.DataFrame(
        {
            "metric": metrics,
            "correlation": correlation,
            "n": n.astype(np.int64),
            "events": events.astype(np.int64),
            "p_value": (1 + as_strong.sum(axis=0)) / (1 + len(as_strong)),
        }
    )
    return rows.filter((pl.col("events") >= LEAST_EVENTS) & pl.Series(varies))


def _with_q(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with q: the least p × rows / rank from its own rank up, by month (Benjamini, Hochberg 1995)."""
    ordered = rows.sort("month", "p_value", "metric", "outcome", "lag_months")
    rank = pl.int_range(1, pl.len() + 1).over("month")
    adjusted = ordered.with_columns(adjusted=pl.col("p_value") * pl.len().over("month") / rank)
    least = pl.col("adjusted").cum_min(reverse=True).over("month")
    return adjusted.with_columns(q_value=least.clip(upper_bound=1))
