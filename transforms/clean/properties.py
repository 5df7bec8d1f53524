"""Properties of events, which are text in a column that the config asks for."""

from collections.abc import Iterable

import polars as pl

from transforms.clean.linking import domain_of


def whole_number(name: str) -> pl.Expr:
    """A property's number, to the next whole one; what is no number is none."""
    return pl.col(name).cast(pl.Float64, strict=False).round().cast(pl.Int64, strict=False)


def is_in_domains(address: pl.Expr, domains: Iterable[str]) -> pl.Expr:
    """Whether an e-mail address is one of these domains; NULL where there is none."""
    return domain_of(address).is_in([domain.lower() for domain in domains])
