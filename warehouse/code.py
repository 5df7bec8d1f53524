"""Fingerprints of code by what a definition reaches: code counts, prose does not.

A definition is a top-level statement of a module. It reaches what the names it uses are bound to, in its module and
through imports, however far, and the libraries found on the way. Of its text everything counts but comments, layout,
docstrings, what a function is said to take and to return, and the arguments that describe (see `warehouse.syntax`).
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from warehouse.statements import digest_of, statements_of
from warehouse.syntax import Imported

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "transforms", "warehouse", "pipelines")
"""Ours, under the root."""
_NEEDED = re.compile(r"[A-Za-z0-9_.-]+")
ABSENT = "absent"
"""Version of what is not installed."""


@dataclass(frozen=True)
class Definition:
    """A top-level statement of a module, the names it binds, and its lines from its first decorator on."""

    module: str
    names: tuple[str, ...]
    first_line: int
    last_line: int


@dataclass(frozen=True)
class Library:
    """A library by the name it is imported under, or Python itself."""

    name: str
    version: str


@cache
def installed(module: str) -> str:
    """Version of the distribution that a top-level module comes from, and of all that it needs, however far."""
    try:
        return _with_needs(distribution(module))
    except PackageNotFoundError:
        # Some are called otherwise than what they hold. A search through their lists of files takes a tenth of the
        # time in which the standard library would say what all of them hold.
        holding = sorted(_with_needs(each) for each in distributions() if _holds(each, module))
        return ", ".join(holding) or ABSENT


def _with_needs(found: Distribution) -> str:
    """Name and version of a distribution and of what it needs; what computes may lie behind what is imported."""
    known, todo = {found.name.lower(): f"{found.name} {found.version}"}, [found]
    while todo:
        for need in todo.pop().requires or ():
            name = _NEEDED.match(need)
            if name is None or "extra ==" in need or name[0].lower() in known:
                continue
            try:
                behind = distribution(name[0])
            except PackageNotFoundError:
                continue
            known[name[0].lower()] = f"{behind.name} {behind.version}"
            todo.append(behind)
    return ", ".join(sorted(known.values()))


def _holds(distribution: Distribution, module: str) -> bool:
    listed = (distribution.read_text(name) or "" for name in ("top_level.txt", "RECORD"))
    return any(re.search(rf"^{re.escape(module)}([/.]|$)", text, re.MULTILINE) for text in listed)


@dataclass(frozen=True, eq=False)
class _Unit:
    """What counts as one or not at all: a top-level statement, or one name of an import (which has no lines)."""

    home: "_Module"
    position: int
    text: str
    binds: tuple[str, ...]
    uses: frozenset[str]
    imports: tuple[Imported, ...]
    lines: tuple[int, int] | None = None


class _Module:
    """A module in units, and which of them bind a name, or act by themselves."""

    def __init__(self, name: str, file: Path, is_package: bool) -> None:
        self.name, self.folder = name, file.parent if is_package else None
        self.bindings: dict[str, list[_Unit]] = {}
        self.units: list[_Unit] = []
        self.acting: list[_Unit] = []
        package = name if is_package else name.rpartition(".")[0]
        for each in statements_of(file, package):
            told = (each.position, each.text, each.binds, frozenset(each.uses), each.imports, each.lines)
            self._add(_Unit(self, *told), each.acts)

    def _add(self, unit: _Unit, acts_by_itself: bool) -> None:
        self.units.append(unit)
        for name in unit.binds:
            self.bindings.setdefault(name, []).append(unit)
        if acts_by_itself:
            self.acting.append(unit)


class Code:
    """The code under a root as it was when first asked for: what changes later is seen by a new `Code`."""

    def __init__(self, root: Path, version_of: Callable[[str], str] = installed) -> None:
        self._root, self._version_of = root, version_of
        self._modules: dict[str, _Module | None] = {}
        self._reaches: dict[_Unit, tuple[_Unit | Library, ...]] = {}

    def code_of(self, *references: str, without: Iterable[str] = ()) -> str:
        """A short hash of all that the references reach; `without` are references that are not followed.

        A reference is `package.module:name` for one definition, `package.module` for all of a module's (and, if it is
        a package, of its modules').

        Raises:
            ValueError: naming the module, or the name, that is not there.
        """
        found = self._closure(references, without)
        units = [(unit.home.name, unit.position, unit.text) for unit in found if isinstance(unit, _Unit)]
        libraries = [f"{each.name} {each.version}" for each in found if isinstance(each, Library)]
        # Within a module the order counts: a name may be bound twice, or a table filled in turn.
        lines = [*(f"{module} {text}" for module, _, text in sorted(units)), *sorted(libraries)]
        return digest_of("\n".join(lines))[:16]

    def reached(self, *references: str, without: Iterable[str] = ()) -> frozenset[Definition | Library]:
        """The definitions and libraries behind `code_of`; imports are not listed, but what they lead to."""
        found: set[Definition | Library] = set()
        for each in self._closure(references, without):
            if isinstance(each, Library):
                found.add(each)
            elif each.lines:
                found.add(Definition(each.home.name, each.binds, *each.lines))
        return frozenset(found)

    def _closure(self, references: Iterable[str], without: Iterable[str]) -> set[_Unit | Library]:
        apart = {target for reference in without for target in self._referred(reference)}
        todo = [target for reference in references for target in self._referred(reference)]
        found: set[_Unit | Library] = {Library("python", f"{sys.version_info.major}.{sys.version_info.minor}"), *apart}
        while todo:
            target = todo.pop()
            if target not in found:
                found.add(target)
                if isinstance(target, _Unit):
                    todo += self._at_once(target)
        return found - apart

    def _referred(self, reference: str) -> list[_Unit | Library]:
        name, colon, wanted = reference.partition(":")
        module = self._module(name)
        if module is None:
            raise ValueError(f"{name} is no module of ours")
        if not colon:
            return self._whole(name)
        if wanted not in module.bindings:
            raise ValueError(f"{name} has no {wanted} at its top level")
        return list(module.bindings[wanted])

    def _at_once(self, unit: _Unit) -> tuple[_Unit | Library, ...]:
        """What a unit reaches without a step between."""
        if unit not in self._reaches:
            reaches: list[_Unit | Library] = self._acting(unit.home.name)
            reaches += [target for name in unit.uses for target in unit.home.bindings.get(name, ())]
            reaches += [target for imported in unit.imports for target in self._imported(imported)]
            self._reaches[unit] = tuple(dict.fromkeys(reaches))
        return self._reaches[unit]

    def _imported(self, imported: Imported) -> list[_Unit | Library]:
        top = imported.module.partition(".")[0]
        if top not in PACKAGES:
            return [] if top in sys.stdlib_module_names else [Library(top, self._version_of(top))]
        module, name = self._module(imported.module), imported.name
        if module is None:
            return [Library(imported.module, ABSENT)]
        if name is None or name == "*":
            return self._whole(top if imported.bound == top else imported.module)
        # A package may name a module of its own by importing it from itself.
        named = [*module.bindings.get(name, ()), *self._whole(f"{imported.module}.{name}")]
        return named or self._whole(imported.module)

    def _whole(self, name: str) -> list[_Unit | Library]:
        """All of a module, and of a package all of its modules: they may be looked up at run time."""
        module = self._module(name)
        units: list[_Unit | Library] = [*module.units, *self._acting(name)] if module else []
        for path in sorted(module.folder.iterdir()) if module and module.folder else ():
            if path.stem != "__init__" and (path.suffix == ".py" or path.is_dir()):
                units += self._whole(f"{name}.{path.stem}")
        return units

    def _acting(self, name: str) -> list[_Unit | Library]:
        """Statements that run, by themselves, before anything of a module can be used: its own and its packages'."""
        above, _, _ = name.rpartition(".")
        module = self._module(name)
        return [*(self._acting(above) if above else ()), *(module.acting if module else ())]

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            # Threads that parse at once must agree on one outcome: units are told apart by identity.
            self._modules.setdefault(name, self._parsed(name))
        return self._modules[name]

    def _parsed(self, name: str) -> _Module | None:
        parts = name.split(".")
        if parts[0] not in PACKAGES or not all(map(str.isidentifier, parts)):
            return None
        path = self._root.joinpath(*parts)
        folder, file = path / "__init__.py", path.with_suffix(".py")
        # A folder that says nothing of itself is a package too, unless a module has its name.
        if not folder.is_file() and file.is_file():
            return _Module(name, file, is_package=False)
        is_package = folder.is_file() or any(path.rglob("*.py"))
        return _Module(name, folder, is_package=True) if is_package else None


@cache
def _ours() -> Code:
    return Code(ROOT)


@cache
def _hash_of_ours(references: tuple[str, ...], without: tuple[str, ...]) -> str:
    return _ours().code_of(*references, without=without)


def code_of(*references: str, without: Iterable[str] = ()) -> str:
    """A short hash of everything of ours that the references reach, and of the libraries' versions: see `Code`."""
    return _hash_of_ours(references, tuple(without))


def reached(*references: str, without: Iterable[str] = ()) -> frozenset[Definition | Library]:
    """The definitions and libraries behind `code_of`."""
    return _ours().reached(*references, without=without)
