"""What a month is made from includes the code that can change a number, and no prose.

Every module of ours is changed, one after the other, and the code of every table is asked again. Which of them must
notice is told by running: the modules whose functions ran while a table was read, seen, built and rolled up.
"""

import ast
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pipelines.ingest import canonical_tables, sources
from pipelines.ingest.overview import Sight
from pipelines.months import makers
from pipelines.months.build import MonthRun
from pipelines.months.dimensions import build_dimensions, sights
from pipelines.months.makers import dimension_code, node_code
from pipelines.months.nodes import nodes
from pipelines.months.plan import stale_months
from pipelines.project import Project
from schemas.operations import ContentMonth, Ingest, LeftOut
from schemas.tables import CANONICAL, WHOLE
from tests.integration.small_company import ROOT, RUN, small_company
from warehouse.code import Code

PACKAGES = ("schemas", "transforms", "warehouse", "pipelines")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)
SAYS_SO_ITSELF = {
    # What a month must be made from, and its config, are told beside the code.
    "pipelines.project",
    "pipelines.months.expectation",
    "pipelines.months.content",
    "pipelines.months.makers",
    "schemas.config",
    "warehouse.configuration",
    # Dates and names of files; that a copy is what was sent is told by its hash.
    "warehouse.landing",
    "warehouse.code",
    "warehouse.syntax",
    # What is told to people while files are read, and is in no table.
    "pipelines.ingest.notices",
    "pipelines.ingest.rejected_accounts",
    # Lists of what there is: what is used of them is told one by one.
    "transforms.catalogue",
    "transforms.clean.vendors",
    "schemas.tables",
}
"""Modules that run while a table is made, and whose part of it is told otherwise than by their code."""


DIMENSIONS = "the dimensions without months"
"""They are built in one go, and each says for itself what it is made from."""


class Ran:
    """The modules of ours whose functions run within the block."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._files: set[str] = set()

    def __enter__(self) -> "Ran":
        self._before = sys.gettrace()
        sys.settrace(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
        for name in self._files:
            path = Path(name)
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES:
                parts = path.relative_to(ROOT).with_suffix("").parts
                self.modules.add(".".join(parts).removesuffix(".__init__"))

    def _note(self, frame, event, _):
        if frame.f_code.co_name != "<module>":
            self._files.add(frame.f_code.co_filename)


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> tuple[Project, dict[str, set[str]]]:
    """A small company after its first run, and for each table the modules that ran for it."""
    company = small_company(
        tmp_path_factory.mktemp("code") / "company", first_month="2024-05-01", history_from="2024-05-01"
    )
    project, ran = company.project(), {}
    with project.database.kept_open():
        _, as_of = canonical_tables.land_all(project)
        # Tables are created when the database is first used, by whatever.
        assert project.database.read(Ingest.table()).is_empty()
        nothing = pl.DataFrame(schema={"reach": pl.String, "month": pl.Date, "content": pl.Int128, "rows": pl.Int64})
        unseen = Sight("", lambda _: nothing, lambda _: ContentMonth.blank(), lambda _: LeftOut.blank())
        for table in CANONICAL:
            with Ran() as seen:
                canonical_tables.ingest_table(project, table, as_of, RUN, unseen)
            ran[table] = seen.modules
            canonical_tables.ingest_table(project, table, as_of, RUN, sights(project, as_of)(table))
        with Ran() as seen:
            build_dimensions(project)
        with Ran() as graph:
            nodes(project.config)
        # What the graph runs says what months see of the dimensions, not what is in them.
        ran[DIMENSIONS] = seen.modules - graph.modules
        run = MonthRun(project, RUN)
        _ = run.expected
        for name in run.nodes:
            with Ran() as seen:
                run.build(name, run.months)
            ran[name] = seen.modules
        assert stale_months(project) == []
    return project, ran


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the code."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def codes(lived):
    """The code of every table, of the tree in a folder.

    `changed`: the only modules that are not as they were; `only`: tables, where nobody looks at the others.
    """
    project, _ = lived
    graph = nodes(project.config)

    parsed: dict[str, object] = {}

    def of(folder: Path, *changed: str, only: Collection[str] | None = None) -> dict[str, str]:
        known = Code(folder)
        if changed:
            # The other modules are as they were, and need not be read again.
            known._modules.update({name: module for name, module in parsed.items() if name not in changed})
        with pytest.MonkeyPatch.context() as patched:
            for place in (makers, sources):
                patched.setattr(place, "code_of", known.code_of)
            ways = {node.name: partial(node_code, node) for node in graph}
            ways |= {table: partial(sources.ingest_code, project, table) for table in CANONICAL}
            ways |= {name: partial(dimension_code, name) for name in WHOLE}
            told = {name: way() for name, way in ways.items() if only is None or name in only}
        if not parsed:
            parsed.update(known._modules)
        return told

    return of


@pytest.fixture(scope="module")
def before(codes, tree) -> dict[str, str]:
    """The same, of the code as it is."""
    return codes(tree)


def file_of(tree: Path, module: str) -> Path:
    path = tree / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


class Otherwise(ast.NodeTransformer):
    """Every function does one thing more, every class has one thing more, every number is another."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        after = 1 if ast.get_docstring(node) else 0
        node.body.insert(after, ast.parse("otherwise = True").body[0])
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body.append(ast.parse("otherwise = True").body[0])
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
            node.value = ast.Constant(node.value.value + 1)
        return node


@contextmanager
def changed(tree: Path, module: str) -> Iterator[None]:
    """Within the block the module's file is another one."""
    path = file_of(tree, module)
    text = path.read_text()
    path.write_text(ast.unparse(ast.fix_missing_locations(Otherwise().visit(ast.parse(text)))))
    try:
        yield
    finally:
        path.write_text(text)


def test_whoever_ran_a_module_notices_its_change(lived, codes, tree, before):
    """For each module: the tables that ran it are said to be made from other code."""
    _, ran = lived
    runners = {module: {table for table, seen in ran.items() if module in seen} for module in MODULES}
    assert sum(map(bool, runners.values())) > 60, "most modules run"
    unnoticed = {}
    for module, tables in runners.items():
        if not tables or module in SAYS_SO_ITSELF:
            continue
        made = {table: WHOLE if table == DIMENSIONS else [table] for table in tables}
        with changed(tree, module):
            after = codes(tree, module, only={name for names in made.values() for name in names})
        if missing := {table for table, names in made.items() if all(before[n] == after[n] for n in names)}:
            unnoticed[module] = sorted(missing)
    assert unnoticed == {}


@pytest.mark.parametrize(
    ("module", "tables"),
    [
        ("transforms.metrics.cost", {"crc"}),
        ("transforms.metrics.sentiment", {"csm_sentiment"}),
        ("transforms.metrics.survival", {"clv"}),
        ("transforms.explanations.alerts", {"account_alert"}),
        ("transforms.explanations.themes", {"feedback_theme_month"}),
        ("transforms.facts.trials", {"fct_trial", "trial_conversion_rate", "fct_renewal", "upcoming_renewal", "clv"}),
        ("transforms.facts.tickets", {"fct_ticket", "fct_survey_response", "csat", "nps", "ces", "fct_health_input"}),
        ("transforms.clean.snapshots", set(CANONICAL)),
        ("transforms.clean.onboarding", set(CANONICAL)),
        ("warehouse.validation", set(CANONICAL)),
    ],
)
def test_a_change_reaches_those_who_use_it_and_no_others(module, tables, codes, tree, before):
    with changed(tree, module):
        after = codes(tree, module)
    noticed = {table for table in before if before[table] != after[table]}
    # A metric's months follow from its facts' by lineage, not by code.
    assert noticed <= tables
    assert noticed


def test_what_only_orders_tells_and_publishes_changes_nothing(codes, tree, before):
    """Orchestration, commands, publishing, views, macros, landing and locking, and a vendor whom nobody uses."""
    silent = [
        module
        for module in MODULES
        if module.startswith(("pipelines.orchestration.", "pipelines.commands.", "pipelines.publish."))
        or module in {"warehouse.publishing", "warehouse.parquet", "warehouse.views", "warehouse.macros"}
        or module in {"warehouse.audit", "warehouse.locking", "warehouse.upkeep"}
        or module in {"transforms.clean.ravenstack", "pipelines.definitions", "pipelines.stopwatch"}
    ]
    assert len(silent) > 20
    with ExitStack() as at_once:
        for module in silent:
            at_once.enter_context(changed(tree, module))
        assert codes(tree, *silent) == before


def test_comments_docstrings_and_other_formatting_change_nothing(codes, tree, before):
    """Over every module at once: comments at the end, other docstrings, the code written out anew."""
    for module in MODULES:
        path = file_of(tree, module)
        parsed = ast.parse(path.read_text())
        for node in ast.walk(parsed):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                node.body[0] = ast.Expr(ast.Constant("Said in other words."))
        text = ast.unparse(ast.fix_missing_locations(parsed))
        path.write_text("# A comment.\n" + text.replace("\n", "\n\n", 1) + "\n\n# The end.\n")
    assert codes(tree) == before
