"""The peer: a dbt-duckdb project over the same files (`dbt_project/`), in an environment of its own."""

from pathlib import Path

import duckdb
import yaml

from benchmarks.children import ROOT, Child, child
from benchmarks.generated_company import LAST

PROJECT = ROOT / "benchmarks" / "dbt_project"
DBT = ROOT / ".venv" / "dbt" / "bin" / "dbt"
# It would tell its maker about each run.
SILENT = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


def check_installed() -> None:
    """Say what is to be done where dbt is not there: before all else, as measuring takes long."""
    if not DBT.exists():
        raise SystemExit("dbt, which is measured beside ours, is not installed: `make .venv/dbt/.installed` does it")


def build(folder: Path) -> Child:
    """Build and test all models over a company's files, into a database beside them."""
    told = {"folder": str(folder / "company"), "last_month": LAST.isoformat()}
    _database(folder).unlink(missing_ok=True)
    where: list[str | Path] = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
    where += ["--target-path", folder / "dbt" / "target", "--log-path", folder / "dbt" / "logs"]
    # What an earlier turn parsed is not taken over: ours starts from nothing, too.
    command = [DBT, "build", "--no-partial-parse", *where, "--vars", yaml.safe_dump(told)]
    return child(command, SILENT | {"DBT_PEER_DATABASE": str(_database(folder))})


def closing_cents(folder: Path) -> int:
    """MRR at the end of the last month, as the project's models have it."""
    with duckdb.connect(str(_database(folder)), read_only=True) as connection:
        query = "SELECT sum(mrr_cents) FROM mrr_account_month WHERE month = ?"
        return int(connection.execute(query, [LAST]).fetchall()[0][0])


def _database(folder: Path) -> Path:
    return folder / "peer.duckdb"
