"""Lines of a CSV file that anybody would part alike: they are read by columns, a hundred at the price of one."""

import polars as pl


def count_lines(text: str) -> int:
    """How many lines a text of whole lines has; the last may lack its end."""
    return text.count("\n") + (not text.endswith("\n"))


def by_columns(
    text: str, first_line: int, header: list[str], names: list[str], separator: str, only: pl.Series | None = None
) -> pl.DataFrame | None:
    """The rows with the lines they stand in, of columns of these names; an empty value is NULL. `only` of these lines.

    None if it is not certain that Python's reader of CSV gives the same. It is certain where nothing is quoted, lines
    end all in one way, and each has as many values as the header and is not the header again. Empty lines are no rows.
    """
    if not header or '"' in text or "\0" in text:
        return None
    if returns := text.count("\r"):
        if not returns == text.count("\r\n") == text.count("\n"):
            return None
        text = text.replace("\r\n", "\n")
    lines = pl.Series("line", [text.removesuffix("\n")]).str.split("\n").explode()
    rows = pl.DataFrame({"line": lines}).with_row_index("export_line", first_line).filter(pl.col("line") != "")
    if only is not None:
        rows = rows.filter(pl.col("export_line").is_in(only.implode()))
    values = rows["line"].str.splitn(separator, len(header)).struct.unnest()
    last = values.to_series(-1)
    is_ragged = last.null_count() or last.str.contains(separator, literal=True).any()
    if is_ragged or (rows["line"] == separator.join(header)).any():
        return None
    values.columns = header
    frame = pl.DataFrame({"export_line": rows["export_line"].cast(pl.Int64), **{name: values[name] for name in names}})
    # By type: a name may be a pattern to Polars.
    return frame.with_columns(pl.col(pl.String).replace("", None))
