"""What every asset tells of itself, derived from its contract; and how it fails."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from pipelines.stopwatch import OWN_WORK
from schemas.contract import Contract
from transforms.refusals import UndefinedError
from warehouse.ddl import comment
from warehouse.errors import WarehouseError

ROOT = Path(__file__).resolve().parents[2]
OWNERS = ["team:customer-success-data"]
RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def table_metadata(contract: type[Contract]) -> dict[str, Any]:
    """Column schema of a table, as Dagster shows it."""
    columns = [
        dg.TableColumn(
            name=field.name,
            type=str(field.dtype),
            description=comment(field.description, field.unit),
            constraints=dg.TableColumnConstraints(nullable=field.nullable, unique=contract.grain() == (field.name,)),
        )
        for field in contract.fields()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "grain": ", ".join(contract.grain()) or "none"}


@contextmanager
def plain_failures(what: str) -> Iterator[None]:
    """Own work, timed; what a person must mend fails at once and in plain words, and no value of the data is logged."""
    with OWN_WORK.on(what):
        try:
            yield
        except (WarehouseError, UndefinedError) as fault:
            raise dg.Failure(description=str(fault), allow_retries=False) from None
        except (SchemaErrors, SchemaError) as fault:
            raise dg.Failure(description=f"{what} breaks its contract: {_broken(fault)}", allow_retries=False) from None
        except (OSError, duckdb.IOException):
            # A disk or a lock may be free again: the only faults that a retry can mend.
            raise
        except Exception as fault:
            # An error may quote the offending value, which may be a person's; only its kind is told.
            raise dg.Failure(
                description=f"{what}: {type(fault).__name__} at {_place(fault)}", allow_retries=False
            ) from None


def _place(fault: BaseException) -> str:
    """Where in our own code an error came up."""
    ours = [
        f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}, line {frame.lineno}"
        for frame in traceback.extract_tb(fault.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    return ours[-1] if ours else "an unknown place"


def _broken(fault: SchemaErrors | SchemaError) -> str:
    cases = getattr(fault, "failure_cases", None)
    if not isinstance(cases, pl.DataFrame) or "check" not in cases.columns:
        return "see its checks"
    counted = cases.group_by("column", "check").len().sort("column", "check")
    return "; ".join(f"{column}: {check} ({count} rows)" for column, check, count in counted.iter_rows())
