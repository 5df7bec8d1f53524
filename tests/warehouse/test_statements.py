"""What was read of a module is kept, and read again when the module, or the way of reading, is another one."""

import ast
import os
import sys
from pathlib import Path

import pytest

from warehouse import statements
from warehouse.statements import statements_of

TEXT = """import os
from pathlib import Path as P


def f(x):
    'Prose.'
    return x + g


g = P('.')
os.nice(0)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, where Python keeps what it compiles beside it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "m.py"
    file.write_text(TEXT)
    return file


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed."""
    told, parse = list[str](), ast.parse

    def counted(source: bytes, name: str) -> ast.Module:
        told.append(Path(name).name)
        return parse(source, name)

    monkeypatch.setattr(statements.ast, "parse", counted)
    return told


def test_a_module_is_parsed_once_and_then_says_the_same(module: Path, parsed: list[str]):
    first = statements_of(module, "p")
    assert statements_of(module, "p") == first
    assert parsed == ["m.py"]
    assert [(each.binds, each.uses, each.lines, each.acts) for each in first] == [
        (("os",), (), None, False),
        (("P",), (), None, False),
        (("f",), ("g",), (5, 7), False),
        (("g",), ("P",), (10, 10), False),
        ((), ("os",), (11, 11), True),
    ]


def test_a_module_that_changed_is_parsed_again_though_its_time_and_size_are_the_same(module: Path, parsed: list[str]):
    told = module.stat()
    first = statements_of(module, "p")
    module.write_text(TEXT.replace("x + g", "x - g"))
    os.utime(module, ns=(told.st_atime_ns, told.st_mtime_ns))
    second = statements_of(module, "p")
    assert parsed == ["m.py"] * 2
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, True, False, True, True]


def test_another_way_of_reading_reads_again(module: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch):
    statements_of(module, "p")
    monkeypatch.setattr(statements, "_way_of_reading", lambda: b"another")
    statements_of(module, "p")
    statements_of(module, "other")  # of which package it is decides what relative imports mean
    assert parsed == ["m.py"] * 3


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"name": "x", "statements": []}', b'{"name"'])
def test_what_was_kept_and_damaged_is_read_again(module: Path, parsed: list[str], damage: bytes):
    first = statements_of(module, "p")
    (kept,) = (module.parent / "__pycache__").glob("*.statements")
    kept.write_bytes(damage)
    assert statements_of(module, "p") == first
    assert parsed == ["m.py"] * 2


def test_nothing_is_kept_where_python_keeps_nothing(module: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert statements_of(module, "p") == statements_of(module, "p")
    assert parsed == ["m.py"] * 2
    assert not (module.parent / "__pycache__").exists()
