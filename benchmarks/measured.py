"""A company through all cases, each in a process of its own."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import dbt_peer
from benchmarks.children import ROOT, Child, child
from benchmarks.generated_company import GeneratedCompany
from benchmarks.stages import BESIDE

CASES = ("read", "facts", "dbt", "all", "run")
PIECE = 1 << 20


@dataclass(frozen=True)
class Case:
    """CPU seconds of a case by stage, its peak memory, and what it makes MRR at the end of the last month."""

    stages: Mapping[str, float]
    gigabytes: float
    closing_cents: int | None = None

    @property
    def seconds(self) -> float:
        """CPU seconds of all stages."""
        return float(sum(self.stages.values()))


@dataclass(frozen=True)
class Measured:
    """A company's rows and its cases, of each the fastest turn."""

    rows: int
    cases: Mapping[str, Case]

    @property
    def read(self) -> float:
        """CPU seconds of DuckDB's reading, which all others are multiples of."""
        return self.cases["read"].seconds

    @property
    def own(self) -> float:
        """CPU seconds of all of it, from the files to a published version."""
        return sum(seconds for stage, seconds in self.cases["all"].stages.items() if stage not in BESIDE)


def measured(write: Callable[[Path], int | None], turns: int) -> Measured:
    """A company that `write` puts into a folder, through all cases in turns; what it returns must come out as MRR."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        cents = write(folder)
        rows = sum(_rows(path) for path in (folder / "company").rglob("*.csv"))
        runs = [{case: run(case, folder) for case in CASES} for _ in range(turns)]
    finally:
        shutil.rmtree(folder)
    for turn in runs:
        for name, case in turn.items():
            if cents is not None and case.closing_cents not in {None, cents}:
                raise SystemExit(f"{name}: MRR is {case.closing_cents} cents, and not {cents} as the items add up to")
    fastest = {case: min((turn[case] for turn in runs), key=lambda found: found.seconds) for case in CASES}
    return Measured(rows, fastest)


def run(case: str, folder: Path) -> Case:
    """A case over the company in a folder, from its files."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    if case == "dbt":
        built = dbt_peer.build(folder)
        return Case({case: built.seconds}, built.gigabytes, dbt_peer.closing_cents(folder))
    if case == "run":
        told = {"CONFIG": str(folder / "company.yaml"), "DATA_DIR": str(data), "DAGSTER_HOME": str(data / "dagster")}
        done = _ours("pipelines", "run", told=told)
        return Case({case: done.seconds}, done.gigabytes)
    done = _ours("benchmarks.stages", case, str(folder))
    found: dict[str, Any] = json.loads(done.said.splitlines()[-1])
    return Case(found["seconds"], done.gigabytes, found["closing_cents"] or None)


def _ours(module: str, *arguments: str, told: Mapping[str, str] | None = None) -> Child:
    return child([sys.executable, "-m", module, *arguments], told)


def _rows(path: Path) -> int:
    """Lines below the header."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(PIECE), b"")) - 1


def example(folder: Path) -> None:
    """Write the bundled company."""
    shutil.copytree(ROOT / "examples" / "company", folder / "company")
    config = (ROOT / "customer_success.yaml").read_text()
    (folder / "company.yaml").write_text(config.replace("examples/company", "company"))


def generated(company: GeneratedCompany) -> Callable[[Path], int]:
    """Writes a drawn one, by a process of its own: this one must stay small, as `child` says."""

    def write(folder: Path) -> int:
        sizes = (str(size) for size in (company.customers, company.months, company.events))
        return int(_ours("benchmarks.generated_company", *sizes, str(folder)).said)

    return write
