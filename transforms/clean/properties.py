"""Properties of events, which are text in a column that the config asks for."""

import ast
import json
from collections.abc import Iterable

import polars as pl

from transforms.clean.linking import domain_of


def whole_number(name: str) -> pl.Expr:
    """A property's number, to the next whole one; what is no number is none."""
    return pl.col(name).cast(pl.Float64, strict=False).round().cast(pl.Int64, strict=False)


def is_in_domains(address: pl.Expr, domains: Iterable[str]) -> pl.Expr:
    """Whether an e-mail address is one of these domains; NULL where there is none."""
    return domain_of(address).is_in([domain.lower() for domain in domains])


def one_of_each(values: pl.Series, *, first: bool) -> pl.Series:
    """A property that may be a list, as the only value in it.

    Of several that differ nobody can tell which is meant: there is none then, or the first one if the config says so.
    """
    is_list = values.str.starts_with("[").fill_null(value=False)
    if not is_list.any():
        return values
    # A company has few accounts beside its events: each list is read once.
    known = {text: _one_of(text, first=first) for text in values.filter(is_list).unique()}
    return values.replace(list(known), pl.Series(list(known.values()), dtype=pl.String))


def _one_of(text: str, *, first: bool) -> str | None:
    found = _elements(text)
    if found is None:
        return text
    values = list(dict.fromkeys(str(each) for each in found if each not in (None, "")))
    return values[0] if len(values) == 1 or (values and first) else None


def _elements(text: str) -> list[object] | None:
    """The elements of a list, as JSON or Python spells it; None of what only looks like one."""
    for spelled in (json.loads, ast.literal_eval):
        try:
            found = spelled(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list) else None
    return None
