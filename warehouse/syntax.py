"""What a Python statement says once its prose is taken out; the names it binds, and those it uses."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DESCRIBED = "column"
"""The function whose first argument is prose."""
SPOKEN = ("title", "description")
"""The keyword arguments that are prose, whatever is called."""
_UNSAID = {"ctx", "kind", "type_comment"}
"""Fields that follow from where a node stands, or from how it is spelled."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NAMED = (*_DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)


@dataclass(frozen=True)
class Imported:
    """One name of an import: it binds `bound` to `name` of `module`, or (None) to the module; `*` is all it has.

    `import a.b` binds `a`, through which everything of `a` may be used.
    """

    bound: str
    module: str
    name: str | None = None


@dataclass(frozen=True)
class Reading:
    """A statement without its prose, the names it uses, and what it imports itself."""

    text: str
    names: frozenset[str]
    imports: tuple[Imported, ...]


def read(statement: ast.stmt, package: str, global_names: Iterable[str] = ()) -> Reading:
    """Read a statement of a module of `package`, whose functions call `global_names` global."""
    reader = _Reader(statement, frozenset(global_names))
    imports = [imported for node in reader.imports for imported in imports_of(node, package)]
    return Reading("\n".join(reader.words), frozenset(reader.names), tuple(imports))


def imports_of(statement: ast.Import | ast.ImportFrom, package: str) -> list[Imported]:
    """The names of an import in a module of `package`; modules by their full names."""
    if isinstance(statement, ast.Import):
        return [Imported(alias.asname or alias.name.partition(".")[0], alias.name) for alias in statement.names]
    parts = package.split(".")
    above = parts[: len(parts) - statement.level + 1] if statement.level else []
    module = ".".join([*above, *([statement.module] if statement.module else [])])
    return [Imported(alias.asname or alias.name, module, alias.name) for alias in statement.names]


def is_prose(node: object) -> bool:
    """Whether it is a statement that is only a text: a docstring, of whatever."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def acts(statement: ast.stmt) -> bool:
    """Whether a top-level statement does more than bind names, so that it counts though nobody names it."""
    if isinstance(statement, ast.Assign):
        return not all(map(_is_name, statement.targets))
    if isinstance(statement, ast.AnnAssign | ast.AugAssign):
        return not _is_name(statement.target)
    return not isinstance(statement, _DEFINITIONS)


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_name, target.elts))
    return _is_name(target.value) if isinstance(target, ast.Starred) else isinstance(target, ast.Name)


def bound_by(*nodes: ast.AST) -> set[str]:
    """Names that statements bind where they stand, but for those that their functions call `global`."""
    found: set[str | None] = set()
    todo: list[object] = [*nodes]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.AST):
            if isinstance(node, _NAMED):
                found.add(node.rest if isinstance(node, ast.MatchMapping) else node.name)
            # Functions, classes and comprehensions keep their names to themselves; defaults and decorators do not.
            inside = "body" if isinstance(node, _SCOPES) else "target" if isinstance(node, ast.comprehension) else ""
            todo += [getattr(node, field) for field in node._fields if field != inside]
        elif isinstance(node, list):
            todo += node
    return {name for name in found if name}


def globals_of(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement's functions call `global`."""
    return frozenset(name for node in ast.walk(statement) if isinstance(node, ast.Global) for name in node.names)


class _Reader:
    """Writes a statement down word by word, without its prose, and notes what it uses of its module."""

    def __init__(self, statement: ast.stmt, global_names: frozenset[str]) -> None:
        self.words: list[str] = []
        self._global = global_names
        self.names = {*global_names}
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self._hidden: frozenset[str] = frozenset()
        """Names that, where the reader stands, are a function's own."""
        self.read(statement)

    def read(self, node: ast.AST) -> None:
        """Write down a node and its parts: as many as its kind has, each list closed, so that no two read alike."""
        self.words.append(type(node).__name__)
        outside = self._hidden
        for part in self._parts(node):
            if isinstance(part, list):
                self.words.append("[")
                # A body of nothing but a docstring does what `pass` does.
                for each in [each for each in part if not is_prose(each)] or (part and [ast.Pass()]):
                    self._one(each)
                self.words.append("]")
            else:
                self._one(part)
        self._hidden = outside

    def _one(self, part: object) -> None:
        if isinstance(part, ast.AST):
            self.read(part)
        else:
            self.words.append(repr(part))

    def _parts(self, node: ast.AST) -> Iterator[object]:
        match node:
            case ast.Call():
                yield from _call(node)
            case ast.arg():
                self._mention(node.annotation)
                yield node.arg
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
                yield from self._scope(node)
            case _:
                self._note(node)
                if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                    yield node.generators[0].iter
                    self._hide(bound_by(*(each.target for each in node.generators)))
                for name in node._fields:
                    if name not in _UNSAID:
                        yield getattr(node, name)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.AugAssign(target=ast.Name(id=name)):
                if name not in self._hidden:
                    self.names.add(name)
            case ast.AnnAssign():
                self._mention(node.annotation)
            case ast.Import() | ast.ImportFrom():
                self.imports.append(node)

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef) -> Iterator[object]:
        """What stands outside the body, then the body with the names that are its own."""
        if isinstance(node, ast.ClassDef):
            yield from (node.name, node.decorator_list, node.bases, node.keywords)
            # What a class binds is looked for in the module as long as it is not bound.
            self._hidden -= bound_by(*node.body)
        elif isinstance(node, ast.Lambda):
            yield node.args
            self._hide(_parameters(node.args))
        else:
            self._mention(node.returns)
            yield from (node.name, node.decorator_list, node.args)
            self._hide({*_parameters(node.args), *bound_by(*node.body)})
        yield node.body

    def _hide(self, names: Iterable[str]) -> None:
        self._hidden |= {name for name in names if name not in self._global}

    def _mention(self, annotation: ast.expr | None) -> None:
        """Note the names in an annotation, and in the texts that stand for one.

        What a function is said to take and to return is no code, but the methods of what it takes are.
        """
        for node in ast.walk(annotation) if annotation else ():
            if isinstance(node, ast.Name):
                self.names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.names.update(re.findall(r"\w+", node.value))


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for each in (*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg):
        if each:
            yield each.arg


def _call(node: ast.Call) -> Iterator[object]:
    """A call without the arguments that describe."""
    yield node.func
    is_described = isinstance(node.func, ast.Name) and node.func.id == DESCRIBED
    if is_described:
        yield [code for argument in node.args[:1] for code in _without_words(argument)]
    yield node.args[is_described:]
    yield [keyword for keyword in node.keywords if keyword.arg not in SPOKEN]
    for name in SPOKEN:
        yield [code for keyword in node.keywords if keyword.arg == name for code in _without_words(keyword.value)]


def _without_words(argument: ast.expr) -> list[object]:
    """What counts of an argument that is prose: nothing of a text, of an f-string what it computes, else all."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return []
    if isinstance(argument, ast.JoinedStr):
        return [part for part in argument.values if isinstance(part, ast.FormattedValue)]
    return [argument]
