"""`make bench`: all stages over companies of growing size, as ratios to DuckDB's reading of their files, in one run.

It writes docs/performance.md; nothing here is a test. COPIES=1,10,30 names the sizes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import account_months
from benchmarks.large_company import ROOT, write
from benchmarks.stages import BESIDE

TURNS = 2
"""Each case is measured so often, its fastest counts: cases take turns, as a machine is not always as fast."""
PAGE = ROOT / "docs" / "performance.md"


def measured(case: str, folder: Path) -> dict[str, Any]:
    """CPU seconds by stage and peak memory of a case, in a process of its own."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stages", case, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def fastest(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of some runs of a case the one that took the least."""
    return min(runs, key=lambda run: sum(run["seconds"].values()))


def of_size(copies: int) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Rows of a company of so many copies, DuckDB's reading of them, and all of it."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        write(folder, copies)
        rows = sum(path.read_bytes().count(b"\n") - 1 for path in (folder / "company").rglob("*.csv"))
        runs = [(measured("read", folder), measured("all", folder)) for _ in range(TURNS)]
    finally:
        shutil.rmtree(folder)
    return rows, fastest([read for read, _ in runs]), fastest([whole for _, whole in runs])


def page(sizes: dict[int, tuple[int, dict[str, Any], dict[str, Any]]]) -> str:
    """The table of ratios, a column for each size."""
    stages = list(next(iter(sizes.values()))[2]["seconds"])
    lines = [
        "# What a run costs as companies grow",
        "",
        "Made by `make bench`: the example company so many times over, from its CSV files to a published version,",
        "without Dagster. CPU seconds as multiples of DuckDB's reading of the same files into tables, in one run.",
        "",
        "| | " + " | ".join(f"{copies} × the example, {rows:,} rows" for copies, (rows, _, _) in sizes.items()) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for stage in stages:
        if stage in BESIDE:
            continue
        told = [whole["seconds"][stage] / sum(read["seconds"].values()) for _, read, whole in sizes.values()]
        lines.append(f"| {stage} | " + " | ".join(f"{ratio:.1f}" for ratio in told) + " |")
    beside = [[whole["seconds"][stage] for stage in BESIDE] for _, _, whole in sizes.values()]
    totals = [
        (sum(whole["seconds"].values()) - sum(apart), sum(read["seconds"].values()), whole["gigabytes"])
        for (_, read, whole), apart in zip(sizes.values(), beside, strict=True)
    ]
    lines.append("| **all of it** | " + " | ".join(f"**{own / read:.1f}**" for own, read, _ in totals) + " |")
    for number, stage in enumerate(BESIDE):
        shares = [apart[number] / own for apart, (own, _, _) in zip(beside, totals, strict=True)]
        lines.append(f"| {stage}, of all of it | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    lines.append("| CPU seconds | " + " | ".join(f"{own:.1f}" for own, _, _ in totals) + " |")
    lines.append("| of DuckDB's reading | " + " | ".join(f"{read:.2f}" for _, read, _ in totals) + " |")
    lines.append("| peak memory, GB | " + " | ".join(f"{peak:.2f}" for _, _, peak in totals) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write the page; before it the account-months beside plain peers."""
    account_months.main()
    sizes = [int(copies) for copies in os.environ.get("COPIES", "1,10,30").split(",")]
    found = {copies: of_size(copies) for copies in sizes}
    alone = {tuple(number / copies for number in whole["truth"]) for copies, (_, _, whole) in found.items()}
    if len(alone) > 1:
        raise SystemExit(f"MRR does not grow as the copies do: {alone}")
    text = page(found)
    print(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
