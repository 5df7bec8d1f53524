"""`make bench`: all stages over companies of growing size, as ratios to DuckDB's reading of their files, in one run.

It writes docs/performance.md; nothing here is a test. CUSTOMERS=1000,20000 names the sizes.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import account_months
from benchmarks.generated_company import GeneratedCompany
from benchmarks.stages import BESIDE

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
SIZES = "1000,20000"
GROWING = 2_000
"""Customers of the companies that show growth by months and by events."""
MONTHS, EVENTS = (12, 24, 36), (20, 200, 2_000)
TURNS = 2
"""Each case is measured so often, its fastest counts: cases take turns, as a machine is not always as fast."""
CASES = ("read", "facts", "all", "run")


@dataclass(frozen=True)
class Measured:
    """CPU seconds of a company by case and stage, and the peak memory of all of it."""

    rows: int
    read: float
    facts: float
    with_history: float
    """All of it as `make run` does it, with Dagster and its history."""
    stages: Mapping[str, float]
    gigabytes: float

    @property
    def own(self) -> float:
        """All of it, from the files to a published version."""
        return sum(seconds for stage, seconds in self.stages.items() if stage not in BESIDE)


def run(case: str, folder: Path) -> dict[str, Any]:
    """CPU seconds by stage and peak memory of a case, in a process of its own."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    command = ["-m", "pipelines", "run"] if case == "run" else ["-m", "benchmarks.stages", case, str(folder)]
    told = {"CONFIG": str(folder / "company.yaml"), "DATA_DIR": str(data), "DAGSTER_HOME": str(data / "dagster")}
    before = _of_children()
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    if case == "run":
        return {"seconds": {"make run": _of_children() - before}}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measured(write: Callable[[Path], int | None], turns: int = TURNS) -> Measured:
    """A company that `write` puts into a folder, through all cases in turns; what it returns must come out as MRR."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        cents = write(folder)
        rows = sum(path.read_bytes().count(b"\n") - 1 for path in (folder / "company").rglob("*.csv"))
        runs = [[run(case, folder) for case in CASES] for _ in range(turns)]
    finally:
        shutil.rmtree(folder)
    if wrong := [whole["closing_cents"] for *_, whole, _ in runs if cents not in {None, whole["closing_cents"]}]:
        raise SystemExit(f"MRR is {wrong[0]} cents, and not {cents} as the drawn items add up to")
    read, facts, whole, history = (min(case, key=_seconds) for case in zip(*runs, strict=True))
    told = (_seconds(case) for case in (read, facts, history))
    return Measured(rows, *told, whole["seconds"], whole["gigabytes"])


def _seconds(found: dict[str, Any]) -> float:
    return float(sum(found["seconds"].values()))


def example(folder: Path) -> None:
    """The bundled company."""
    shutil.copytree(ROOT / "examples" / "company", folder / "company")
    config = (ROOT / "customer_success.yaml").read_text()
    (folder / "company.yaml").write_text(config.replace("examples/company", "company"))


def generated(company: GeneratedCompany) -> Callable[[Path], int]:
    """A drawn one."""

    def write(folder: Path) -> int:
        company.write(folder)
        return company.closing_cents()

    return write


def by_stage(companies: Mapping[str, Measured]) -> list[str]:
    """The table of ratios, a column for each company."""
    all_of = list(companies.values())
    lines = _table("", [f"{name}, {found.rows:,} rows" for name, found in companies.items()])
    for stage in all_of[0].stages:
        if stage not in BESIDE:
            lines.append(_line(stage, [f"{found.stages[stage] / found.read:.1f}" for found in all_of]))
    lines.append(_line("**all of it**", [f"**{found.own / found.read:.1f}**" for found in all_of]))
    with_history = [f"{found.with_history / found.read:.1f}" for found in all_of]
    lines.append(_line("with Dagster and its history", with_history))
    lines.append(_line("facts alone in plain SQL", [f"{found.facts / found.read:.1f}" for found in all_of]))
    for stage in BESIDE:
        lines.append(_line(f"{stage}, of all of it", [f"{found.stages[stage] / found.own:.0%}" for found in all_of]))
    lines.append(_line("CPU seconds", [f"{found.own:.1f}" for found in all_of]))
    lines.append(_line("of DuckDB's reading", [f"{found.read:.2f}" for found in all_of]))
    lines.append(_line("peak memory, GB", [f"{found.gigabytes:.2f}" for found in all_of]))
    return lines


def growth(title: str, companies: Mapping[int, Measured]) -> list[str]:
    """What each company costs, as a multiple of the first."""
    first = next(iter(companies.values()))
    lines = _table(title, [f"{number:,}" for number in companies])
    lines.append(_line("rows", [f"{found.rows / first.rows:.1f}" for found in companies.values()]))
    lines.append(_line("DuckDB's reading", [f"{found.read / first.read:.1f}" for found in companies.values()]))
    lines.append(_line("all of it", [f"{found.own / first.own:.1f}" for found in companies.values()]))
    return lines


def _table(title: str, columns: list[str]) -> list[str]:
    return ["", _line(title, columns), "|---|" + "---:|" * len(columns)]


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure, print and write the page; before it the account-months beside plain peers."""
    account_months.main()
    sizes = [int(customers) for customers in os.environ.get("CUSTOMERS", SIZES).split(",")]
    companies = {"the example": measured(example)}
    companies |= {f"{size:,} customers": measured(generated(GeneratedCompany(size))) for size in sizes}
    months = {each: measured(generated(GeneratedCompany(GROWING, months=each)), turns=1) for each in MONTHS}
    events = {each: measured(generated(GeneratedCompany(GROWING, events=each)), turns=1) for each in EVENTS}
    lines = [
        "# What a run costs as companies grow",
        "",
        "Made by `make bench`: the example, and companies that are drawn (`benchmarks/generated_company.py`: 36 months",
        "with 200 usage events a customer), from their CSV files to a published version, without Dagster.",
        "CPU seconds as multiples of DuckDB's reading of the same files into tables, in one run.",
        *by_stage(companies),
        "",
        f"How it grows, with {GROWING:,} customers, as multiples of the first column:",
        *growth("months", months),
        *growth("usage events a customer", events),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
