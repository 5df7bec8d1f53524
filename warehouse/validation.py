"""Rows against their contract: each is good, or rejected with the column at fault and what was expected."""

from collections.abc import Collection
from functools import cache

import narwhals as nw
import polars as pl
from pandera.errors import SchemaErrors

from schemas.contract import Contract
from schemas.keys import is_repeated
from warehouse.errors import ExportError
from warehouse.reading import PROVENANCE, REJECTS
from warehouse.wording import Fault, may_be_wrong, text_faults

REPEATED = "the same row stands before"
"""The reason of a row that is a copy: nothing is lost without it."""
AT = ("export_file", "export_line")
AGAIN = "the key occurs again with other content"
"""The reason of rows with one key of which nobody can tell which is right."""
ONE_KEY = "multiple_fields_uniqueness"
"""Pandera's name for rows with one key."""


def validate(
    frame: pl.DataFrame, contract: type[Contract], sources: Collection[str] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows into (good rows, rejects); the rejects have a row for each reason.

    Of rows that are equal in everything the first is good. Rows with one key and different content are all rejected:
    nobody can tell which is right. Where the contract says which of them counts, all are good. `sources`: those of the
    config, whose names no account may begin with.

    Raises:
        ExportError: the frame as a whole does not have the contract's columns and types.
    """
    wrong = sorted(set(frame.columns) ^ set(contract.dtypes()))
    if wrong:
        raise ExportError(f"{contract.table()}: the columns {', '.join(wrong)} are missing, or unknown")
    content = [name for name in frame.columns if name not in PROVENANCE]
    numbered = frame.with_row_index("row")
    key = list(contract.grain())
    is_keyed = bool(key) and contract.repeats() is None and is_repeated(numbered, key)
    repeated = numbered.filter(~pl.struct(content).is_first_distinct()) if is_keyed else numbered.clear()
    kept = numbered.join(repeated.select("row"), on="row", how="anti") if repeated.height else numbered
    faults = pl.concat(
        [
            repeated.select("row", column_name=pl.lit(None, pl.String), reason=pl.lit(REPEATED)),
            *_row_faults(kept, contract),
            *_text_faults(kept, contract, sources),
            _contract_faults(kept, contract),
        ]
    )
    if faults.is_empty():
        return frame, pl.DataFrame(schema=REJECTS)
    rejects = faults.join(numbered.select("row", *AT), on="row").select(list(REJECTS)).unique(maintain_order=True)
    good = numbered.filter(~pl.col("row").is_in(faults["row"].implode())).drop("row")
    return good, rejects


def _row_faults(frame: pl.DataFrame, contract: type[Contract]) -> list[pl.DataFrame]:
    """What is wrong between the columns of a row."""
    rules = contract.row_rules()
    if not rules:
        return []
    broken = frame.select((~right).any().alias(str(number)) for number, (_, _, right) in enumerate(rules)).row(0)
    return [
        _told(frame.filter(~right), name, expected)
        for (name, expected, right), is_broken in zip(rules, broken, strict=True)
        if is_broken
    ]


def _text_faults(frame: pl.DataFrame, contract: type[Contract], sources: Collection[str]) -> list[pl.DataFrame]:
    """What is wrong with the text of a row; each fault is looked for only in the rows that may have one."""
    faults, suspected = _suspected(contract, tuple(sources))
    if not faults:
        return []
    # One query looks at all columns: most files have nothing to be suspected.
    found_in = frame.select(suspect.any().alias(name) for name, suspect in suspected.items()).row(0)
    near = {
        name: nw.from_native(frame.select("row", name).filter(suspect))
        for (name, suspect), is_found in zip(suspected.items(), found_in, strict=True)
        if is_found
    }
    return [
        _told(near[name].filter(wrong).to_native(), name, expected) for name, expected, wrong in faults if name in near
    ]


@cache
def _suspected(contract: type[Contract], sources: tuple[str, ...]) -> tuple[list[Fault], dict[str, pl.Expr]]:
    """What may be wrong with the text of rows, and by column in which of them it may be."""
    faults = text_faults(contract, sources)
    return faults, {name: may_be_wrong(name, sources) for name, _, _ in faults}


def _told(wrong: pl.DataFrame, name: str, expected: str) -> pl.DataFrame:
    return wrong.select("row", column_name=pl.lit(name), reason=pl.lit(f"expected {expected}"))


def _contract_faults(frame: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    """What pandera finds, with its reasons in words."""
    empty = pl.DataFrame(schema={"row": pl.UInt32, "column_name": pl.String, "reason": pl.String})
    rows = frame.drop("row")
    # Where the contract says which of the rows with one key counts, the key is in no way wrong.
    if contract.repeats() and contract.is_sound_but_for_its_key(rows):
        return empty
    try:
        contract.checked(rows)
    except SchemaErrors as found:
        cases = found.failure_cases
        if contract.repeats():
            cases = cases.filter(pl.col("check") != ONE_KEY)
        whole = cases.filter(pl.col("index").is_null())
        if whole.height:
            raise ExportError(f"{contract.table()}: {', '.join(whole['check'].unique().sort())}") from None
        position = frame.select("row").with_row_index("index").cast({"index": cases.schema["index"]})
        names = set(rows.columns)
        words = {field.name: field.expected for field in contract.fields() if field.expected}
        faults: pl.DataFrame = (
            cases.join(position, on="index")
            .select(
                "row",
                column_name=pl.when(pl.col("column").is_in(names)).then("column"),
                reason=pl.struct("column", "check").map_elements(
                    lambda case: in_words(case["check"], words.get(case["column"])), return_dtype=pl.String
                ),
            )
            .unique(maintain_order=True)
        )
        return faults
    return empty


def in_words(check: str, expected: str | None = None) -> str:
    """A pandera check as what was expected; `expected`: the contract's own words for the column."""
    name, _, bounds = check.partition("(")
    if expected and name not in {"not_nullable", ONE_KEY}:
        return f"expected {expected}"
    bounds = bounds.rstrip(")")
    words = {
        "not_nullable": "expected a value",
        ONE_KEY: AGAIN,
        "isin": f"expected one of {bounds}",
        "greater_than_or_equal_to": f"expected at least {bounds}",
        "greater_than": f"expected more than {bounds}",
        "less_than_or_equal_to": f"expected at most {bounds}",
        "in_range": f"expected a number from {bounds}",
        "str_matches": f"expected text like {bounds}",
        "str_length": "expected some text",
    }
    return words.get(name, f"expected {check}")
