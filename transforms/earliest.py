"""Events that were sent again: the earliest is the event, of Polars' rows or of Spark's."""

from collections.abc import Sequence

import narwhals as nw

from transforms.engine import Lazy

ROW = ("export_source", "export_file", "export_line")
"""What tells the rows of all exports apart."""


def sent_again(events: Lazy, key: Sequence[str], by: str) -> Lazy:
    """The rows (`ROW`) of which another one with the same key counts: the earliest by the instant `by`.

    One without the instant comes after all others. At one instant the newest export counts, and in a file the row that
    stands first.
    """
    several = events.group_by(*key).agg(number=nw.len()).filter(nw.col("number") > 1).select(*key)
    rows = events.join(several, on=list(key), how="semi")
    return rows.join(_earliest(rows, key, by), on=list(ROW), how="anti").select(*ROW)


def _earliest(rows: Lazy, key: Sequence[str], by: str) -> Lazy:
    """One row (`ROW`) of each key."""
    nameless = nw.col(by).is_null()
    dated = rows.filter(~nameless)
    without = rows.filter(nameless).join(dated, on=list(key), how="anti")
    order = (("exported_at", False), ("export_file", False), ("export_line", True))
    left = nw.concat([_narrowed(dated, key, by, is_least=True), without])
    for name, is_least in order:
        left = _narrowed(left, key, name, is_least=is_least)
    return left.select(*ROW)


def _narrowed(rows: Lazy, key: Sequence[str], name: str, *, is_least: bool) -> Lazy:
    """Of each key the rows with its least, or its greatest, value of a column."""
    one = nw.col(name)
    best = rows.group_by(*key).agg(one.min() if is_least else one.max())
    return rows.join(best, on=[*key, name], how="semi")
