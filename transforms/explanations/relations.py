"""How leading metrics go with churn, account by account. A relation is never a cause."""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.metrics import MetricRelation
from transforms.declaration import SO_FAR, monthly
from transforms.explanations.relation_parts import ADDED, QUESTIONS, Matrix, as_drawn

LEAST_EVENTS = 20
DIGITS = 9
"""Correlations are rounded, and sums that differ by less are equal: floats added in another order differ in the end."""
APART = {(question.outcome, question.lag): question.apart for question in QUESTIONS}


@monthly(relation_part=SO_FAR)
def metric_relation(relation_part: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """See the contract. Of what the months add it reads all so far.

    A row sums up single months, each compared within itself. `churn` asks every month; `churn_3m` every third one, back
    from the last whose outcome is known: a departure counts once.

    p: who left is drawn anew among the accounts of each month. An account leaves once, so its months are no evidence
    of each other, however alike its values are.
    """
    over = set(dim_month.filter(~pl.col("is_provisional"))["month"])
    found = [MetricRelation.blank().drop("q_value")]
    running: dict[Turn, Total] = {}
    for month in sorted(over.union(relation_part["month"])):
        _add(running, relation_part.filter(pl.col("month") == month))
        if month in over:
            related = [_related(turn, sums) for turn, sums in running.items() if turn.is_of(month)]
            found.append(pl.DataFrame([{"month": month, **row} for row in related if row], found[0].schema))
    return MetricRelation.shaped(_with_q(pl.concat(found))).sort("month", "metric", "outcome", "lag_months")


@dataclass(frozen=True)
class Turn:
    """A metric, an outcome and its lag; and of every so many months those that are added up, so that none is twice."""

    metric: str
    outcome: str
    lag_months: int
    remainder: int

    def is_of(self, month: dt.date) -> bool:
        """Whether what becomes known in the month is added here."""
        return _number(month) % APART[self.outcome, self.lag_months] == self.remainder


@dataclass
class Total:
    """What the months added so far."""

    told: Matrix
    """The columns of ADDED."""
    drawn: Matrix


def _number(month: dt.date) -> int:
    return month.year * 12 + month.month


def _add(running: dict[Turn, Total], rows: pl.DataFrame) -> None:
    """Add what became known in one month."""
    for row in rows.iter_rows(named=True):
        outcome, lag = row["outcome"], row["lag_months"]
        turn = Turn(row["metric"], outcome, lag, _number(row["month"]) % APART[outcome, lag])
        told, drawn = np.array([row[name] for name in ADDED]), as_drawn(row["of_drawn"], row["n"])
        before = running.get(turn)
        running[turn] = Total(before.told + told, before.drawn + drawn) if before else Total(told, drawn)


def _related(turn: Turn, sums: Total) -> dict[str, object] | None:
    """Correlation, n, events and p over the months; None where too few left, or nothing can go with it."""
    n, events, of_ranks, of_outcomes, of_leavers = sums.told.tolist()
    # Where all have one value, or all or nobody left, nothing goes with anything.
    if events < LEAST_EVENTS or min(of_ranks, of_outcomes) <= 10.0**-DIGITS:
        return None
    as_strong = int((np.abs(sums.drawn) >= abs(of_leavers) - 10.0**-DIGITS).sum())
    return {
        "metric": turn.metric,
        "outcome": turn.outcome,
        "lag_months": turn.lag_months,
        "correlation": round(float(np.clip(of_leavers / math.sqrt(of_ranks * of_outcomes), -1, 1)), DIGITS),
        "n": int(n),
        "events": int(events),
        "p_value": (1 + as_strong) / (1 + len(sums.drawn)),
    }


def _with_q(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with q: the least p × rows / rank from its own rank up, by month (Benjamini, Hochberg 1995)."""
    ordered = rows.sort("month", "p_value", "metric", "outcome", "lag_months")
    rank = pl.int_range(1, pl.len() + 1).over("month")
    adjusted = ordered.with_columns(adjusted=pl.col("p_value") * pl.len().over("month") / rank)
    least = pl.col("adjusted").cum_min(reverse=True).over("month")
    return adjusted.with_columns(q_value=least.clip(upper_bound=1))
