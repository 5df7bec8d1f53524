"""A company of any size: the example, many times over.

Every copy has ids of its own, so that sums are those of the example times the copies, and rates are the same: what
comes out is known at any size. Costs and exchange rates stand there once.
"""

import shutil
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "company"
CONFIG = ROOT / "customer_success.yaml"
ONCE = "finance"
"""The source whose files are not copied."""


def write(folder: Path, copies: int) -> None:
    """Write exports of so many copies, and a config for them, into an empty folder."""
    for path in sorted(EXAMPLE.rglob("*.csv")):
        target = folder / "company" / path.relative_to(EXAMPLE)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == ONCE:
            shutil.copy(path, target)
            continue
        rows = pl.read_csv(path, infer_schema=False)
        with target.open("wb") as file:
            for number in range(copies):
                _copy(rows, number).write_csv(file, include_header=number == 0)
    (folder / "company.yaml").write_text(CONFIG.read_text().replace("examples/company", "company"))


def _copy(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    ids = [name for name in rows.columns if name.endswith("_id")]
    return rows.with_columns(pl.concat_str(name, pl.lit(f"-{number}")).alias(name) for name in ids) if number else rows
