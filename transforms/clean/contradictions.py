"""Where two exports say different things of one thing, and nothing tells which is right."""

import polars as pl

from schemas.customers import Export

PROVENANCE = tuple(Export.dtypes())


def contradictions(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The rows whose key stands elsewhere with other content, the rows of one key beside each other."""
    content = [name for name in rows.columns if name not in PROVENANCE]
    repeated = rows.filter(pl.len().over(key) > 1)
    differ = repeated.filter(pl.struct(content).n_unique().over(key) > 1)
    return differ.sort(*key, "export_source", "export_file", "export_line")


def of_one_time(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of rows with one key those of the newest export: more than one, if several files were exported then."""
    return rows.filter(pl.col("exported_at") == pl.col("exported_at").max().over(key))
