"""Ids of Salesforce: one record has one of 15 signs, in which the case counts, and one of 18, in which it is told."""

import polars as pl

SHORT, WHOLE = 15, 18
_GROUP = 5
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
"""What follows an id for each group of its signs: by which of the group are capitals, as bits."""
SHAPE = r"^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$"
ACCOUNT, TASK, USER = "001", "00T", "005"
"""What ids of accounts, tasks and users begin with, in every org."""
_OF_RECORDS = {"id", "account_id", "contract_id", "master_record_id", "owner_id", "record_type_id", "what_id"}


def whole_id(text: pl.Expr) -> pl.Expr:
    """The id of 18 signs for one of 15; any other text stays as it is.

    Ids of 15 signs that differ by case alone are two records: so nothing of an id is ever put into small letters.
    """
    signs = []
    for start in range(0, SHORT, _GROUP):
        capitals = (
            text.str.slice(start + bit, 1).str.contains("[A-Z]").cast(pl.Int64) * 2**bit for bit in range(_GROUP)
        )
        number = pl.sum_horizontal(*capitals)
        signs.append(number.replace_strict(dict(enumerate(_SIGNS)), return_dtype=pl.String))
    is_short = text.str.contains(SHAPE) & (text.str.len_chars() == SHORT)
    return pl.when(is_short).then(pl.concat_str([text, *signs])).otherwise(text)


def with_whole_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every id in 18 signs, of the records themselves and of those that they name."""
    names = [name for name in rows.columns if name.rpartition(".")[2] in _OF_RECORDS]
    return rows.with_columns(whole_id(pl.col(name)).alias(name) for name in names)


def records(rows: pl.DataFrame) -> pl.DataFrame:
    """Each record once, as it was written last, with every id in 18 signs; of versions as the active one is.

    Where several files or lines tell of one, the newest change of its own counts, and of one change the newest export.
    """
    prefix = next(name for name in rows.columns if name.rpartition(".")[2] == "id").removesuffix("id")
    if f"{prefix}is_active" in rows.columns:
        rows = rows.filter(pl.col(f"{prefix}is_active").fill_null(value=True))
    order = [f"{prefix}{name}" for name in ("system_modstamp", "exported_at", "export_file", "export_line")]
    ordered = with_whole_ids(rows).with_row_index("place?").sort(order, nulls_last=False, maintain_order=True)
    newest = ordered.unique(f"{prefix}id", keep="last", maintain_order=True)
    return newest.sort("place?").drop("place?")
