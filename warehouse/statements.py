"""The statements of a module as its fingerprint takes them; kept beside Python's compiled files once they were read.

To parse all modules takes a second of each process, and most of them never change.
"""

import ast
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

from warehouse import syntax
from warehouse.syntax import Imported, acts, bound_by, globals_of, imports_of, is_prose, read


@dataclass(frozen=True)
class Statement:
    """A top-level statement, or one name of an import (which has no lines): its text as a hash, and what it is about.

    `acts`: it does more than bind names.
    """

    position: int
    text: str
    binds: tuple[str, ...]
    uses: tuple[str, ...]
    imports: tuple[Imported, ...]
    lines: tuple[int, int] | None
    acts: bool


def statements_of(file: Path, package: str) -> list[Statement]:
    """The statements of a module of `package`, but for prose; none of a file that is not there."""
    source = file.read_bytes() if file.exists() else b""
    name = hashlib.sha256(b"\n".join([_way_of_reading(), package.encode(), source])).hexdigest()
    kept = Path(cache_from_source(str(file))).with_suffix(".statements")
    if (found := _kept(kept, name)) is None:
        found = _read(source, file, package)
        _keep(kept, name, found)
    return found


@cache
def _way_of_reading() -> bytes:
    """The code that reads: what another one has read is read again."""
    return Path(syntax.__file__).read_bytes() + Path(__file__).read_bytes()


def _read(source: bytes, file: Path, package: str) -> list[Statement]:
    found = []
    for position, statement in enumerate(ast.parse(source, str(file)).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for each in imports_of(statement, package):
                # The order of imports is the formatter's, so none has a place.
                does_more = each.name == "*" or each.module == "__future__"
                found.append(Statement(-1, digest_of(repr(each)), (each.bound,), (), (each,), None, does_more))
        elif not is_prose(statement):
            called_global = globals_of(statement) if b"global" in source else frozenset[str]()
            says = read(statement, package, called_global)
            binds, uses = sorted(bound_by(statement) | called_global), sorted(says.names)
            text, lines = digest_of(says.text), _lines(statement)
            found.append(Statement(position, text, tuple(binds), tuple(uses), says.imports, lines, acts(statement)))
    return found


def digest_of(text: str) -> str:
    """A text as a hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(statement: ast.stmt) -> tuple[int, int]:
    nodes: list[ast.stmt | ast.expr] = [statement, *getattr(statement, "decorator_list", ())]
    return min(node.lineno for node in nodes), statement.end_lineno or statement.lineno


def _kept(path: Path, name: str) -> list[Statement] | None:
    """What was kept under this name; None if nothing was, or it cannot be read."""
    try:
        told = json.loads(path.read_bytes())
        if told["name"] != name:
            return None
        return [_statement(**each) for each in told["statements"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _statement(
    position: int,
    text: str,
    binds: list[str],
    uses: list[str],
    imports: list[dict[str, str]],
    lines: list[int] | None,
    acts: bool,
) -> Statement:
    names = tuple(Imported(**each) for each in imports)
    first_and_last = (lines[0], lines[1]) if lines else None
    return Statement(position, text, tuple(binds), tuple(uses), names, first_and_last, acts)


def _keep(path: Path, name: str, found: list[Statement]) -> None:
    """Keep it, if Python keeps what it compiles, and the folder may be written to."""
    if sys.dont_write_bytecode:
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_text(json.dumps({"name": name, "statements": [asdict(each) for each in found]}), encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
