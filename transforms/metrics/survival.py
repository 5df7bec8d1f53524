"""The shifted beta-geometric model of renewals (Fader & Hardie 2007, "How to project customer retention").

Each customer leaves at every renewal with a chance of its own, and these chances are spread over customers as a beta
distribution: S(t) = B(alpha, beta + t) / B(alpha, beta) of them are still there after t renewals. Who would leave soon
is gone soon, so that retention rises with age, as it does in contracts.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, lgamma

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
    # The only need of scipy, whose loading takes as long as a small run.
    from numpy import array  # noqa: PLC0415
    from scipy.optimize import minimize  # noqa: PLC0415
    from scipy.special import betaln  # noqa: PLC0415

    left_at, left = array(sorted(lost), dtype=float), array([lost[t] for t in sorted(lost)], dtype=float)
    stayed_for, stayed = array(sorted(kept), dtype=float), array([kept[t] for t in sorted(kept)], dtype=float)

    def against(logarithms: Sequence[float]) -> float:
        alpha, beta = (exp(number) for number in logarithms)
        gone = left @ betaln(alpha + 1, beta + left_at - 1)
        here = stayed @ betaln(alpha, beta + stayed_for)
        return float((left.sum() + stayed.sum()) * betaln(alpha, beta) - gone - here)

    bounds = [(-LARGEST, LARGEST)] * 2
    settings = {"xatol": 1e-8, "fatol": 1e-8, "maxiter": 2000, "maxfev": 4000}
    found = minimize(against, (0.0, 0.0), method="Nelder-Mead", bounds=bounds, options=settings)
    alpha, beta = (exp(float(number)) for number in found.x)
    return alpha, beta


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
