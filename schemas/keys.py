"""Keys of rows: whether one stands twice, which is rare and asked often."""

from collections.abc import Sequence

import polars as pl


def is_repeated(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Whether some rows may have one key: True if they do, and rarely where two keys have one hash.

    Who asks looks at the rows themselves then; to sort or join them where there is nothing to find takes many times
    longer.
    """
    return bool(frame.select(pl.struct(key).hash().n_unique()).item() < frame.height)
