"""How well customers are: the score of their health, and the money in the red."""

from functools import partial

import polars as pl

from schemas.config import Health
from transforms.exported import Exported
from transforms.facts.health import NEEDS
from transforms.metrics.definition import Ratio, Sum, parts


def too_little_known(health: Health, exported: Exported) -> str | None:
    """Why nobody can be scored: the heaviest missing input's reason, where what is exported does not cover enough."""
    missing = {name: reason for name in health.inputs if (reason := exported.missing(NEEDS[name]))}
    weights = {name: declared.weight for name, declared in health.inputs.items()}
    known = sum(weight for name, weight in weights.items() if name not in missing)
    if known >= health.coverage * sum(weights.values()):
        return None
    return missing[max(missing, key=lambda name: weights[name])]


health = partial(
    Ratio,
    signal="leading",
    perspective="customer",
    over_time="stock",
    asset="health_score",
    needs=("subscription_items",),
    unknown_when=too_little_known,
)
health_share = partial(health, unit="share", independent=True)

is_scored = pl.col("score").is_not_null()


@health(unit="score", better="higher")
def health_score(fct_health_score: pl.DataFrame) -> pl.DataFrame:
    """Mean health score of the paying accounts that have one: Σ scores / scored accounts."""
    return parts(fct_health_score.filter(is_scored), pl.col("score"), pl.lit(1))


@health_share(better="higher")
def healthy_share(fct_health_score: pl.DataFrame) -> pl.DataFrame:
    """Green accounts / scored accounts."""
    return parts(fct_health_score.filter(is_scored), pl.col("band") == "green", pl.lit(1))


@health_share(better="lower")
def at_risk_share(fct_health_score: pl.DataFrame) -> pl.DataFrame:
    """Red accounts / scored accounts."""
    return parts(fct_health_score.filter(is_scored), pl.col("band") == "red", pl.lit(1))


@Sum(
    unit="cents",
    better="lower",
    signal="leading",
    perspective="financial",
    over_time="stock",
    asset="health_score",
    needs=("subscription_items",),
    unknown_when=too_little_known,
    null_with="health_score",
    title="MRR at risk",
)
def mrr_at_risk(fct_health_score: pl.DataFrame) -> pl.DataFrame:
    """Closing MRR of red accounts; unknown where no account is scored."""
    return parts(fct_health_score.filter(pl.col("band") == "red"), pl.col("closing_cents"))
