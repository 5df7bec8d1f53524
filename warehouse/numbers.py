"""How numbers are spelled in text, and what the config is to say of files that spell them otherwise."""

import json
import re

import polars as pl

from schemas.form import Formats

WHOLE = r"^-?\d{1,18}\z"
"""The shape of a whole number."""
GROUPS = r"^-?\d{1,3}(,\d{3})+\z"
"""That of one with commas between groups of three digits, which may be one with a decimal comma, too."""
COMMA = r"^-?\d+,\d+\z"
"""That of one with a decimal comma."""


def has_decimals(dtype: pl.DataType) -> bool:
    """Whether numbers of the type may have decimals."""
    return isinstance(dtype, pl.Decimal) or dtype.is_float()


def numbers(text: pl.Expr, dtype: pl.DataType, formats: Formats) -> pl.Expr:
    """The text as numbers of the type; NULL where it is not spelled so."""
    text = _without_groups(text, formats) if formats.thousands else text
    if not has_decimals(dtype):
        return pl.when(text.str.contains(WHOLE)).then(text.cast(dtype, strict=False))
    digits = 18 if isinstance(dtype, pl.Decimal) else 15
    shaped = text.str.contains(rf"^-?\d{{1,{digits}}}({re.escape(formats.decimal)}\d+)?$")
    number = text if formats.decimal == "." else text.str.replace(",", ".", literal=True)
    # A decimal is rounded to its type's decimals.
    return pl.when(shaped).then(number).cast(dtype, strict=False)


def _without_groups(text: pl.Expr, formats: Formats) -> pl.Expr:
    """The text without the signs between groups of three digits, where all groups are whole."""
    sign = formats.thousands or ""
    grouped = rf"^-?\d{{1,3}}({re.escape(sign)}\d{{3}})+({re.escape(formats.decimal)}\d+)?$"
    return pl.when(text.str.contains(grouped)).then(text.str.replace_all(sign, "", literal=True)).otherwise(text)


def to_say(text: pl.Expr, dtype: pl.DataType, formats: Formats) -> pl.Expr:
    """Words on what to say in the config, where a text is clearly a number with a decimal comma; else none."""
    if "," in (formats.decimal, formats.thousands) or not has_decimals(dtype):
        return pl.lit("")
    comma = f"`decimal: {json.dumps(',')}`"
    shapes = {_if_all(comma): text.str.contains(COMMA) & ~text.str.contains(GROUPS)}
    for sign in (".", " ", "'"):
        grouped = rf"^-?\d{{1,3}}({re.escape(sign)}\d{{3}})+,\d+\z"
        shapes[_if_all(f"{comma} and `thousands: {json.dumps(sign)}`")] = text.str.contains(grouped)
    return pl.coalesce(*(pl.when(is_so).then(pl.lit(words)) for words, is_so in shapes.items()), pl.lit(""))


def _if_all(said: str) -> str:
    return f"; if all numbers of this source are so, say {said} for it"
