"""The ways a file may go; all must give the same rows, rejects, lines and messages."""

import pytest

from warehouse import blocks, csv_file, json_lines, json_text, parquet_file

AS_IT_IS, ROW_BY_ROW, IN_SMALL_BLOCKS = "as it is", "row by row", "in small blocks"
WAYS = (AS_IT_IS, ROW_BY_ROW, IN_SMALL_BLOCKS)


def go(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be read in this way."""
    if way == ROW_BY_ROW:
        monkeypatch.setattr(csv_file, "by_columns", lambda *_: None)
        for module in (json_lines, json_text):
            monkeypatch.setattr(module, "plainly", lambda *_: None)
    elif way == IN_SMALL_BLOCKS:
        monkeypatch.setattr(blocks, "BLOCK", 7)
        for module in (csv_file, parquet_file):
            monkeypatch.setattr(module, "PIECE", 2)
