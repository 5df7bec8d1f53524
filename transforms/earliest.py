"""Events that were sent again: the earliest is the event, of Polars' rows or of Spark's."""

from collections.abc import Sequence

import narwhals as nw

from transforms.engine import Lazy

ROW = ("export_source", "export_file", "export_line")
"""What tells the rows of all exports apart."""


def sent_again(events: Lazy, key: Sequence[str], by: str, came_in: str | None = None) -> Lazy:
    """The rows (`ROW`) of which another one with the same key counts: the earliest by the instant `by`.

    One without the instant comes after all others. At one instant the row that came in last counts, where a number
    tells it (`came_in`), then that of the newest export, and in a file the row that stands first.
    """
    several = events.group_by(*key).agg(number=nw.len()).filter(nw.col("number") > 1).select(*key)
    rows = events.join(several, on=list(key), how="semi")
    return rows.join(_earliest(rows, key, by, came_in), on=list(ROW), how="anti").select(*ROW)


def _earliest(rows: Lazy, key: Sequence[str], by: str, came_in: str | None) -> Lazy:
    """One row (`ROW`) of each key."""
    nameless = nw.col(by).is_null()
    dated = rows.filter(~nameless)
    without = rows.filter(nameless).join(dated, on=list(key), how="anti")
    told = ((came_in, False),) if came_in else ()
    order = (*told, ("exported_at", False), ("export_file", False), ("export_line", True))
    left = nw.concat([_narrowed(dated, key, by, is_least=True), without])
    for name, is_least in order:
        left = _narrowed(left, key, name, is_least=is_least)
    return left.select(*ROW)


def _narrowed(rows: Lazy, key: Sequence[str], name: str, *, is_least: bool) -> Lazy:
    """Of each key the rows with its least, or its greatest, value of a column."""
    one = nw.col(name)
    best = rows.group_by(*key).agg(one.min() if is_least else one.max())
    return rows.join(best, on=[*key, name], how="semi")
