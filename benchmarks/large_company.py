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
BY_MONTH = "usage_events"
"""The table that is exported month by month, as events are."""


def write(folder: Path, copies: int) -> None:
    """Write exports of so many copies, and a config for them, into an empty folder."""
    for path in sorted(EXAMPLE.rglob("*.csv")):
        target = folder / "company" / path.relative_to(EXAMPLE)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == ONCE:
            shutil.copy(path, target)
            continue
        rows = pl.read_csv(path, infer_schema=False)
        for name, part in _by_month(rows) if path.stem == BY_MONTH else [(path.name, rows)]:
            with target.with_name(name).open("wb") as file:
                for number in range(copies):
                    _copy(part, number).write_csv(file, include_header=number == 0)
    config = CONFIG.read_text().replace("examples/company", "company")
    (folder / "company.yaml").write_text(config.replace(f"{BY_MONTH}.csv", f"{BY_MONTH}-*.csv"))


def one_more_event(folder: Path) -> None:
    """The last month's events are exported again, with one more."""
    path = max((folder / "company").rglob(f"{BY_MONTH}-*.csv"))
    last = path.read_text().splitlines()[-1]
    with path.open("a") as file:
        file.write(f"more-{last}\n")


def _by_month(rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    dated = rows.with_columns(month=pl.col("occurred_at").str.slice(0, 7).forward_fill())
    parts = dated.partition_by("month", as_dict=True, maintain_order=True, include_key=False)
    return [(f"{BY_MONTH}-{month}.csv", part) for (month,), part in parts.items()]


def _copy(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    ids = [name for name in rows.columns if name.endswith("_id")]
    return rows.with_columns(pl.concat_str(name, pl.lit(f"-{number}")).alias(name) for name in ids) if number else rows
