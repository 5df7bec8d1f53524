"""Whether the health score tells who will leave, where the causes are known: `python -m benchmarks.health_backtest`.

Ten companies that nothing was tuned on are generated, each with its planted causes and once without them, and go
through the pipeline as it is. With causes the area under the curve should be well above a half; without them, where
nothing shows before an account leaves, a half must be within its interval.

Scores of every third month are taken, so that a departure counts once. A leaver is compared with the stayers of the
same month only. As an account is in many months, the intervals come from drawing accounts, not rows.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.generator import generate
from pipelines.months.build import MonthRun
from pipelines.months.dimensions import ingest_all
from pipelines.project import Project
from transforms.calendar import calendar
from transforms.explanations.backtest import HORIZON, followed, health_backtest, stays, uncancelled
from transforms.template import filled

ROOT = Path(__file__).resolve().parent.parent
SEEDS = tuple(range(9001, 9011))
"""Neither the bundled company's seed nor any used while the score was designed."""
DRAWS = 2000
RUN = "benchmark"
FACTS = ("fct_health_score", "fct_mrr_account_month")


@dataclass(frozen=True)
class Pairs:
    """The scores of one month of one company: numbers of its leavers and stayers, and whose score is lower."""

    leavers: NDArray[np.int64]
    stayers: NDArray[np.int64]
    lower: NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """An area under the curve with its 95 % interval, and what it is made from."""

    value: float
    low: float
    high: float
    leavers: int
    scores: int


def facts_of(seed: int, causes: bool) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Health scores, MRR and months of the company of a seed, from its exports by the pipeline's own steps."""
    with tempfile.TemporaryDirectory() as folder:
        generate(seed=seed, causes=causes).write(Path(folder) / "examples" / "company")
        config = Path(shutil.copy(ROOT / "customer_success.yaml", folder))
        project = Project(config, Path(folder) / "data")
        with project.database.kept_open():
            run = _run(project)
            scores, mrr = (project.database.read(name) for name in FACTS)
        return scores, mrr, calendar(run.months, run.as_of)


def _run(project: Project) -> MonthRun:
    """Land, ingest, and build what the scores are made from."""
    ingest_all(project, RUN)
    run = MonthRun(project, RUN)
    for name in _upstream(run, FACTS):
        run.build(name, run.months)
    return run


def _upstream(run: MonthRun, names: Iterable[str]) -> list[str]:
    """The monthly tables and all they are made from, in the order in which they can be built."""
    needed, todo = set(names), list(names)
    while todo:
        made_from = run.nodes[todo.pop()].windows.keys() & run.nodes.keys()
        todo += made_from - needed
        needed |= made_from
    return [name for name in run.nodes if name in needed]


def outcomes(scores: pl.DataFrame, mrr: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per account and scored month, every third from the last that can be judged: score, left."""
    judged = health_backtest(scores, mrr, dim_month)["scored_month"].sort(descending=True)
    taken = scores.filter(pl.col("score").is_not_null() & pl.col("month").is_in(judged.gather_every(HORIZON).implode()))
    rows = followed(uncancelled(taken, mrr), mrr)
    return rows.select("month", "account_id", "score", left=~stays(HORIZON))


def area(rows: pl.DataFrame) -> Area:
    """The area over all pairs of a leaver and a stayer of one month; its interval by drawing accounts."""
    accounts = rows["account_id"].n_unique()
    drawn = np.random.default_rng(0).multinomial(accounts, np.full(accounts, 1 / accounts), size=DRAWS)
    times = np.vstack([np.ones(accounts), drawn])
    won, compared = np.zeros(len(times)), np.zeros(len(times))
    for month in _pairs(rows):
        of_left, of_stayed = times[:, month.leavers], times[:, month.stayers]
        won += ((of_left @ month.lower) * of_stayed).sum(axis=1)
        compared += of_left.sum(axis=1) * of_stayed.sum(axis=1)
    areas = won / compared
    low, high = np.quantile(areas[1:], [0.025, 0.975])
    return Area(float(areas[0]), float(low), float(high), int(rows["left"].sum()), rows.height)


def _pairs(rows: pl.DataFrame) -> Iterable[Pairs]:
    numbered = rows.with_columns(number=pl.col("account_id").rank("dense").cast(pl.Int64) - 1)
    for of_month in numbered.sort("month", "account_id").partition_by("month", maintain_order=True):
        left, stayed = of_month.filter("left"), of_month.filter(~pl.col("left"))
        one, other = left["score"].to_numpy()[:, None], stayed["score"].to_numpy()[None, :]
        yield Pairs(left["number"].to_numpy(), stayed["number"].to_numpy(), (one < other) + 0.5 * (one == other))


def main(seeds: Iterable[int] = SEEDS) -> None:
    """Print the area of each company, and of all with and all without causes."""
    print(f"{'company':<20}{'AUC':>6}{'95 % interval':>17}{'leavers':>9}{'scores':>8}")
    for causes in (True, False):
        told = "with causes" if causes else "without causes"
        companies = []
        for seed in seeds:
            rows = outcomes(*facts_of(seed, causes))
            _say(f"{seed} {told}", area(rows))
            # Accounts and months of different companies are different ones.
            apart = [filled("{}:{}", pl.lit(seed), name).alias(name) for name in ("account_id", "month")]
            companies.append(rows.with_columns(apart))
        _say(f"all {told}", area(pl.concat(companies)))


def _say(name: str, found: Area) -> None:
    interval = f"{found.low:.3f}–{found.high:.3f}"
    print(f"{name:<20}{found.value:>6.3f}{interval:>17}{found.leavers:>9}{found.scores:>8}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="AUC of the health score on companies with known causes of churn.")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="companies to generate")
    main(parser.parse_args().seeds)
