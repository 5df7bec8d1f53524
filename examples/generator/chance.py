"""Random numbers: one stream for each concern, so that changing one concern moves no other.

Only additions, multiplications and comparisons are used on top of `random.Random`, no logarithms or the like,
so that a seed gives the same bytes on every machine.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, *concern: str) -> Random:
    """The stream of one concern, for example `stream(7, "usage", "A0001")`."""
    return Random(":".join((str(seed), *concern)))


def count(rng: Random, mean: float) -> int:
    """A whole number with about the given mean, 0 to twice the mean and a bit more (a binomial)."""
    if mean <= 0:
        return 0
    trials = max(4, int(mean * 3) + 1)
    return sum(rng.random() < mean / trials for _ in range(trials))


def pick(rng: Random, weights: Mapping[T, float]) -> T:
    """One of the keys, each as likely as its weight says."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def one_of(rng: Random, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[rng.randrange(len(options))]


def day_between(rng: Random, first: date, last: date) -> date:
    """A day from first to last, both included."""
    return first + timedelta(days=rng.randrange((last - first).days + 1))
