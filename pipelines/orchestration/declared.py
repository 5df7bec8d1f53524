"""What every asset tells of itself, derived from its contract; and how it fails."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl

from pipelines.faults import in_words
from pipelines.interrupts import was_interrupted
from pipelines.stopwatch import OWN_WORK
from schemas.contract import Contract
from warehouse.ddl import comment

INTERRUPTED = "interrupted"
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


def code_links(*made_by: Callable[..., object] | type[Contract]) -> dict[str, Any]:
    """Where the functions and contracts that make a table stand, as the UI's links to the editor.

    Dagster's own `with_source_code_references` would link every table to the one function that runs them all.
    """
    references: list[dg.LocalFileCodeReference | dg.UrlCodeReference] = []
    for each in made_by:
        code = getattr(each, "__code__", None)
        path = code.co_filename if code else sys.modules[each.__module__].__file__
        line = code.co_firstlineno if code else None
        references.append(dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=each.__name__))
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}


@contextmanager
def ended_by_interrupts() -> Iterator[None]:
    """Ctrl-C ends a step: Dagster would take it for a fault, wait, and try again."""
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        raise dg.Failure(description=INTERRUPTED, allow_retries=False) from None


@contextmanager
def plain_failures(what: str) -> Iterator[None]:
    """Own work, timed; what a person must mend fails at once and in plain words, and no value of the data is logged."""
    if was_interrupted():
        raise dg.Failure(description=INTERRUPTED, allow_retries=False)
    with OWN_WORK.on(what), ended_by_interrupts():
        try:
            yield
        except dg.Failure:
            raise
        except (Exception, pl.exceptions.PanicException) as fault:
            # An error may quote the offending value, which may be a person's; so it goes no further itself.
            found = in_words(fault, what)
            raise dg.Failure(description=found.told, allow_retries=found.passes) from None
