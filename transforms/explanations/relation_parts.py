"""What the accounts of one month add to the relation of leading metrics with churn."""

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.config import Config
from schemas.metrics import RelationPart
from transforms.calendar import add_months
from transforms.declaration import Months, monthly
from transforms.explanations.backtest import HORIZON, followed, stays, uncancelled
from transforms.metrics.definition import Metric, WithParts

KEYS = ["month", "account_id"]
DRAWS = 1999
"""With the outcome as it was they are 2000, so that no p is below 1 in 2000."""
SEED = 20240501
AT_ONCE = 2_000_000
"""Numbers held at a time while drawing."""

ADDED = ("n", "events", "of_ranks", "of_outcomes", "of_leavers")
"""The columns that are added up over the months, as those of the draws are."""

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


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


@monthly(metrics=is_omen, metric_account_month=Months(back=HORIZON), fct_mrr_account_month=Months(back=HORIZON))
def relation_part(
    metric_account_month: pl.DataFrame,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    metrics: Iterable[Metric],
) -> pl.DataFrame:
    """See the contract. The asked month lies one to three months back, as its outcome became known in this one.

    Asked are the accounts that pay at its end and haven't cancelled everything; of those, for an outcome that begins
    later, who still pay the month before it. They are ranked by the metric's value, and it is drawn by lot who of them
    left. A month that is not over knows no outcome.
    """
    over = set(dim_month.filter(~pl.col("is_provisional"))["month"])
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select(KEYS)
    watched = followed(uncancelled(paying, fct_mrr_account_month), fct_mrr_account_month).sort(KEYS)
    parts = metric_account_month.partition_by("month", as_dict=True)
    listed, found = sorted(metrics, key=lambda metric: metric.name), list[dict[str, object]]()
    for (month,), accounts in watched.partition_by("month", as_dict=True).items():
        asked = [question for question in QUESTIONS if add_months(month, question.until) in over]
        if asked and (month,) in parts:
            found += _of_month(month, accounts, parts[month,], asked, listed)
    return pl.DataFrame(found, RelationPart.dtypes()).sort(RelationPart.grain())


def _of_month(
    month: dt.date, accounts: pl.DataFrame, parts: pl.DataFrame, asked: list[Question], metrics: list[Metric]
) -> Iterator[dict[str, object]]:
    """Rows of one asked month; a metric of which no account has a value has none."""
    places = order(account_values(parts, accounts["account_id"], metrics))
    stay = accounts.select(stays(months).alias(str(months)) for months in range(1, HORIZON + 1))
    for question in asked:
        there = stay[str(question.lag - 1)].to_numpy() if question.lag > 1 else np.ones(accounts.height, dtype=bool)
        left = ~stay[str(question.until)].to_numpy()[there]
        sums = month_sums(ranks(places[there]), left, (month.toordinal(), question.lag, question.until))
        drawn = in_whole_numbers(sums.of_drawn, sums.n)
        for column in np.flatnonzero(sums.n):
            yield {
                "month": add_months(month, question.until),
                "metric": metrics[column].name,
                "outcome": question.outcome,
                "lag_months": question.lag,
                **{name: getattr(sums, name)[column].item() for name in ADDED},
                "of_drawn": drawn[column].tobytes(),
            }


def in_whole_numbers(of_drawn: Matrix, n: NDArray[np.int64]) -> NDArray[np.signedinteger]:
    """Metrics × draws: sums of ranks among `n` times 2 n, which are whole, in as few bytes as hold all of them."""
    whole = np.rint(of_drawn.T * (2 * n)[:, np.newaxis])
    most = np.abs(whole).max(initial=0)
    return whole.astype(next(f"<i{size}" for size in (2, 4, 8) if most < 1 << (8 * size - 1)))


def as_drawn(whole: bytes, n: int) -> NDArray[np.float64]:
    """The sums of the draws, of their whole numbers."""
    return np.frombuffer(whole, f"<i{len(whole) // DRAWS}") / (2 * n)


def account_values(parts: pl.DataFrame, account_ids: pl.Series, metrics: Iterable[Metric]) -> Matrix:
    """Accounts × metrics: numerator / denominator of a month's parts; of a sum, the numerator. NaN where unknown.

    An account that a sum has no part of has 0 of it, if anybody has some.
    """
    named = [(metric.name, number, metric.rollup == "sum") for number, metric in enumerate(metrics)]
    columns = pl.DataFrame(named, {"metric": pl.String, "column": pl.Int64, "is_sum": pl.Boolean}, orient="row")
    values = np.full((account_ids.len(), len(named)), np.nan)
    values[:, columns.join(parts, on="metric", how="semi").filter("is_sum")["column"].to_numpy()] = 0.0
    places = pl.DataFrame({"account_id": account_ids}).with_row_index("place")
    value = pl.when("is_sum").then("numerator").otherwise(pl.col("numerator") / pl.col("denominator"))
    known = (
        parts.lazy()
        .join(columns.lazy(), on="metric")
        .filter(pl.col("is_sum") | (pl.col("denominator") != 0))
        .join(places.lazy(), on="account_id")
        .select("place", "column", value=value)
        .collect()
    )
    values[known["place"].to_numpy(), known["column"].to_numpy()] = known["value"].to_numpy()
    return values


def order(values: Matrix) -> NDArray[np.int64]:
    """Of each column the place of each value among the different ones, from 1; 0 where there is none."""
    placed = pl.from_numpy(values).select(pl.all().fill_nan(None).rank("dense").fill_null(0).cast(pl.Int64))
    return placed.to_numpy()


def ranks(places: NDArray[np.int64]) -> Matrix:
    """Of each column the ranks by these places, of equals their mean: centred, and parted by how many there are.

    NaN where there is no value.
    """
    found = np.full(places.shape, np.nan)
    for column, of_metric in enumerate(places.T):
        counts = np.bincount(of_metric, minlength=1)
        counts[0] = 0
        size, until = counts.sum(), np.cumsum(counts)
        centred = (until - (counts - 1) / 2 - (size + 1) / 2) / max(size, 1)
        centred[0] = np.nan
        found[:, column] = centred[of_metric]
    return found


@dataclass(frozen=True)
class Sums:
    """Columns of RelationPart over the metrics; `of_drawn` is draws × metrics."""

    n: NDArray[np.int64]
    events: NDArray[np.int64]
    of_ranks: Matrix
    of_outcomes: Matrix
    of_leavers: Matrix
    of_drawn: Matrix


def month_sums(ranks: Matrix, left: Flags, seed: tuple[int, ...], draws: int = DRAWS) -> Sums:
    """What a month's accounts × metrics add, and what each draw of as many leavers would.

    NaN where an account has no value: it then adds nothing, whoever is drawn.
    """
    there = ~np.isnan(ranks)
    known = np.where(there, ranks, 0.0)
    n, events = there.sum(axis=0), there[left].sum(axis=0)
    outcomes = events - events**2 / np.maximum(n, 1)
    accounts, leavers = len(left), int(left.sum())
    # What the many have is what all have, less that of the few.
    few = min(leavers, accounts - leavers)
    random = np.random.default_rng([SEED, *seed])
    drawn = np.vstack([_sums_of_few(random, count, known, few) for count in _at_once(draws, few)])
    drawn = drawn if few == leavers else known.sum(axis=0) - drawn
    return Sums(n, events, (known**2).sum(axis=0), outcomes, known[left].sum(axis=0), drawn)


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
    bits = tries.bit_length()
    key_type = np.dtype(np.int32 if size << bits < 1 << 31 else np.int64)
    found, left = np.empty((draws, few), dtype=np.int64), np.arange(draws)
    while left.size:
        # A number and the place at which it came are one key, so that its first place stands first among its equals.
        # The place has bits of its own, and the key no more than it needs: both make up for most of the time.
        keys: NDArray[np.signedinteger] = random.integers(0, size, (left.size, tries)).astype(key_type)
        keys = (keys << bits) | np.arange(tries, dtype=key_type)
        keys.sort(axis=1)
        numbers, places = keys >> bits, keys & ((1 << bits) - 1)
        places[:, 1:][numbers[:, 1:] == numbers[:, :-1]] = tries
        last = np.partition(places, few - 1, axis=1)[:, few - 1 : few]
        # A draw of too many repeats is made anew; which numbers it had makes that no likelier.
        enough = last[:, 0] < tries
        found[left[enough]] = numbers[(places <= last) & enough[:, np.newaxis]].reshape(-1, few)
        left = left[~enough]
    return found
