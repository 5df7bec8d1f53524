"""Texts with values in them."""

import polars as pl


def filled(template: str, *parts: str | pl.Expr) -> pl.Expr:
    """The template with a part (a column, or an expression) for each `{}`; NULL where one of them is.

    What `pl.format` is for, which ends the process's work with a panic on columns that are stored in several pieces, as
    computing on several threads leaves them (polars issue 25187).

    Raises:
        ValueError: there are more or fewer parts than places.
    """
    texts = template.split("{}")
    if len(texts) != len(parts) + 1:
        raise ValueError(f"{template}: {len(texts) - 1} places, {len(parts)} parts")
    first, *rest = (pl.lit(text) for text in texts)
    pairs = zip(parts, rest, strict=True)
    return pl.concat_str(first, *(piece for pair in pairs for piece in pair))
