"""A contract's rules on values as questions that Spark answers, too; on Polars' rows pandera asks them itself."""

import narwhals as nw
from pandera.backends.narwhals import builtin_checks

from schemas.contract import Contract
from warehouse.reading import PROVENANCE
from warehouse.validation import in_words
from warehouse.wording import Fault


def value_faults(contract: type[Contract]) -> list[Fault]:
    """Column at fault, what was expected, and whether the row is wrong: of every rule that the contract declares.

    Raises:
        TypeError: a rule is none of pandera's own, or one of whole rows: only pandera can ask it.
    """
    found: list[Fault] = []
    declared = contract.to_schema()
    if declared.checks or contract.row_rules():
        raise TypeError(f"{contract.table()} has rules of whole rows, which Spark cannot be asked")
    for field in contract.fields():
        if field.name in PROVENANCE:
            continue
        value = nw.col(field.name)
        if not field.nullable:
            found.append((field.name, in_words("not_nullable"), value.is_null()))
        for check in declared.columns[field.name].checks:
            rule = getattr(builtin_checks, str(check.name), None)
            if rule is None:
                raise TypeError(f"{contract.table()}.{field.name}: {check.error} is no rule of pandera's own")
            right = rule(value, **(check.statistics or {}))
            found.append((field.name, in_words(str(check.error), field.expected), ~right))
    return found
