"""The shifted beta-geometric model of renewals (Fader & Hardie 2007, "How to project customer retention").

Each customer leaves at every renewal with a chance of its own, and these chances are spread over customers as a beta
distribution: S(t) = B(alpha, beta + t) / B(alpha, beta) of them are still there after t renewals. Who would leave soon
is gone soon, so that retention rises with age, as it does in contracts.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, lgamma, log

LARGEST = 12.0
"""Bound of the logarithms of alpha and beta: beyond it customers don't differ, and the model is a fixed rate."""


def fit_shifted_beta_geometric(survivors: Sequence[int]) -> tuple[float, float]:
    """The likeliest alpha and beta of one cohort: `survivors` at the start, after one renewal, after two and so on."""
    lost = [before - after for before, after in pairwise(survivors)]
    return fit_lives(dict(enumerate(lost, start=1)), {len(lost): survivors[-1]})


def fit_lives(lost: Mapping[int, int], kept: Mapping[int, int]) -> tuple[float, float]:
    """The likeliest alpha and beta of customers of any age.

    `lost`: customers by the number of the renewal (from 1) at which they left; `kept`: those still there, by the number
    of renewals they have survived.
    """
    # Their loading takes as long as a small run.
    import numpy as np  # noqa: PLC0415
    from scipy.optimize import brentq, minimize_scalar  # noqa: PLC0415

    # Who has survived j renewals stays at the next with the chance (beta + j) / (alpha + beta + j), or leaves with
    # alpha / (alpha + beta + j): what counts is how many were asked for the next one, and how many stayed.
    ages = range(1, max((*lost, *kept), default=0) + 1)
    survived = np.arange(len(ages), dtype=float)
    left = np.array([lost.get(age, 0) for age in ages], dtype=float)
    seen_no_more = left + np.array([kept.get(age, 0) for age in ages], dtype=float)
    asked = np.cumsum(seen_no_more[::-1])[::-1]
    stayed = asked - left

    def likeliest_alpha(beta: float) -> float:
        """It grows with the departures that it lets expect, which are to be those that there were."""

        def too_many(logarithm: float) -> float:
            alpha = exp(logarithm)
            return float(asked @ (alpha / (alpha + beta + survived)) - left.sum())

        if too_many(-LARGEST) >= 0:
            return exp(-LARGEST)
        if too_many(LARGEST) <= 0:
            return exp(LARGEST)
        return exp(brentq(too_many, -LARGEST, LARGEST, xtol=1e-13))

    def against(logarithm: float) -> float:
        beta = exp(logarithm)
        alpha = likeliest_alpha(beta)
        chances = left.sum() * log(alpha) + stayed @ np.log(beta + survived) - asked @ np.log(alpha + beta + survived)
        return -float(chances)

    found = minimize_scalar(against, bounds=(-LARGEST, LARGEST), method="bounded", options={"xatol": 1e-9})
    beta = exp(float(found.x))
    return likeliest_alpha(beta), beta


def survival(alpha: float, beta: float, renewals: int) -> float:
    """Share of customers that are still there after so many renewals."""
    return exp(lgamma(beta + renewals) + lgamma(alpha + beta) - lgamma(beta) - lgamma(alpha + beta + renewals))


def discounted_renewals(alpha: float, beta: float, survived: int, step: int, count: int, discount: float) -> float:
    """Expected number of the next `count` renewals of a customer that has survived so many, later ones discounted.

    Σ S(survived + step × j) / S(survived) × discount^j over j = 1 … count; `step` is how many of the model's renewals
    make one of the customer's.
    """
    now = survival(alpha, beta, survived)
    return sum(survival(alpha, beta, survived + step * j) / now * discount**j for j in range(1, count + 1))
