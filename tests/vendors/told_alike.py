"""Tables as they are compared: what they say, and not in which file it stood."""

import polars as pl

from schemas.customers import Export


def content(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without where they came from, in an order of their own."""
    told = rows.drop(name for name in rows.columns if name in Export.dtypes())
    return told.sort(told.columns, nulls_last=True)


def differences(one: pl.DataFrame, other: pl.DataFrame) -> list[tuple[str, int, list[object]]]:
    """By column how many rows differ, and how in the first; all rows if there are more in one."""
    if one.height != other.height:
        return [("rows", abs(one.height - other.height), [one.height, other.height])]
    found = []
    for name in one.columns:
        differ = one[name].ne_missing(other[name])
        if differ.any():
            place = differ.arg_true()[0]
            found.append((name, int(differ.sum()), [one[name][place], other[name][place], one.row(place)]))
    return found
