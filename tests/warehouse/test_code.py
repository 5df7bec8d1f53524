"""Fingerprints of code: what changes what a definition does changes its fingerprint, and prose never does."""

import ast
import dis
import io
import os
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.metadata import version
from inspect import signature
from itertools import chain, islice
from pathlib import Path
from random import Random
from shutil import copytree, ignore_patterns
from textwrap import dedent
from types import CodeType
from typing import Any

import polars as pl
import pytest

from pipelines.months.nodes import nodes, whole_nodes
from schemas.billing import FxRates, SubscriptionItems
from schemas.feedback import SurveyResponses
from schemas.metrics import MetricMonth, Parts
from schemas.tables import CANONICAL, PUBLISHED, SUMS, WHOLE
from tests.frames import at, config, day, margins, months, rows
from transforms.catalogue import CATALOGUE, DIMENSION_TABLES, MONTHLY_TABLES
from transforms.declaration import INTERMEDIATES
from transforms.explanations.themes import feedback_theme_month
from transforms.exported import Exported
from transforms.facts.health import fct_health_input, fct_health_score
from transforms.facts.mrr import fct_mrr_account_month
from transforms.facts.service import paying_turns, service_periods
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.roll_up import Surroundings, roll_up
from warehouse import code
from warehouse.code import PACKAGES, ROOT, Code, Definition, Library, code_of, installed, reached
from warehouse.configuration import load_config
from warehouse.statements import Statement
from warehouse.syntax import read

Tree = dict[str, str]

SHOP: Tree = {
    "schemas/__init__.py": '"""Tables."""\n',
    "schemas/contract.py": '''
        """What a table is."""

        import re

        LEAST = 0
        """No column is below it."""


        def column(description: str, least: int = LEAST, **rules: object) -> object:
            """Declare a column."""
            return description, least, rules


        class Contract:
            """A table."""

            @classmethod
            def table(cls) -> str:
                return re.sub("a", "b", cls.__name__)
        ''',
    "schemas/sales.py": '''
        """Tables of sales."""

        import polars as pl

        from schemas.contract import Contract, column

        KINDS = ["first", "again"]


        class Orders(Contract):
            """One row per order."""

            kind: str = column("Which it was", isin=KINDS)
            paid_cents: pl.Int64 = column("What was " "paid", ge=0, description="Money")
            """Before tax."""


        class Refunds(Contract):
            paid_cents: pl.Int64 = column(f"What {1} order gave back", le=5)
        ''',
    "transforms/__init__.py": "",
    "transforms/rates.py": '''
        import math
        from typing import Any

        FACTOR, DIGITS = 3, 2
        UNUSED: int = 1


        def rounded(number: float, digits: int = DIGITS) -> float:
            """Round up."""

            def whole():
                return math.ceil(number * 10**digits)

            return whole() / 10**digits


        def scaled(numbers):
            return [rounded(number) * FACTOR for number in numbers]
        ''',
    "transforms/metric.py": '''
        REGISTRY = {}


        def metric(unit, title=None, **more):
            """Register."""

            def register(function):
                REGISTRY[function.__name__] = (unit, title, more)
                return function

            return register
        ''',
    "transforms/orders.py": '''
        """What orders say."""

        from schemas.sales import Orders
        from transforms.metric import metric
        from transforms.rates import scaled as in_euro

        MONEY = "cents"


        @metric(unit=MONEY, title="Turnover", scale=1)
        def turnover(orders: Orders) -> int:
            """All that was paid."""
            return sum(in_euro(orders))


        @metric(unit="count")
        def orders(rows: list) -> int:
            return len(rows)


        def late(rows):
            from transforms.delay import worst

            return worst(rows)
        ''',
    "transforms/delay.py": """
        import numpy as np

        START: int = 7


        def worst(rows):
            return np.max(rows) + START
        """,
}


def write(root: Path, files: Tree) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


def plant(root: Path, files: Tree) -> Code:
    return Code(write(root, files), version_of=lambda name: f"{name}'s")


def module_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def sources(root: Path) -> list[Path]:
    return sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))


def all_references(root: Path) -> list[str]:
    """Every module, and every function, class and plain name at the top level of one."""
    found = []
    for path in sources(root):
        module = module_of(path, root)
        found.append(module)
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.append(f"{module}:{node.name}")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
                found += [f"{module}:{name}" for name in named if not isinstance(targets[0], ast.Subscript)]
    return found


def fingerprints(root: Path, **more: Any) -> dict[str, str]:
    known = Code(root, **more)
    return {reference: known.code_of(reference) for reference in all_references(root)}


def touched(folder: Path, file: str, old: str, new: str, files: Tree = SHOP) -> set[str]:
    """The definitions (`module:name`, without the package) whose fingerprint changes with a text in a file."""
    before = fingerprints(write(folder / "before", files))
    write(folder / "after", files)
    path = folder / "after" / file
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    after = fingerprints(folder / "after")
    changed = {name for name in before if before[name] != after.get(name)}
    own = module_of(path, folder / "after")
    # A module holds all its definitions: the changed one, whoever else uses it.
    assert not changed or own in changed
    return {name.partition(".")[2] for name in changed if ":" in name}


def names(known: Code, *references: str) -> set[str]:
    found = {each for each in known.reached(*references) if isinstance(each, Definition)}
    return {f"{each.module}:{name}" for each in found for name in each.names}


def libraries(known: Code, *references: str) -> set[str]:
    return {each.name for each in known.reached(*references) if isinstance(each, Library)} - {"python"}


COLUMNS = {"contract:column", "sales:Orders", "sales:Refunds", "orders:turnover"}
METRIC = {"metric:metric", "orders:turnover", "orders:orders"}
ROUNDED = {"rates:rounded", "rates:scaled", "orders:turnover"}


class TestAChange:
    @pytest.mark.parametrize(
        ("file", "old", "new", "expected"),
        [
            ("schemas/contract.py", "LEAST = 0", "LEAST = 1", {"contract:LEAST", *COLUMNS}),
            ("schemas/contract.py", "return description,", "return None,", COLUMNS),
            ("schemas/contract.py", '"b"', '"c"', {"contract:Contract", *COLUMNS} - {"contract:column"}),
            ("schemas/sales.py", '"again"', '"anew"', {"sales:KINDS", "sales:Orders", "orders:turnover"}),
            ("schemas/sales.py", "ge=0", "ge=1", {"sales:Orders", "orders:turnover"}),
            ("schemas/sales.py", "ge=0", "gt=0", {"sales:Orders", "orders:turnover"}),
            ("schemas/sales.py", ", le=5", "", {"sales:Refunds"}),
            ("schemas/sales.py", "kind: str", "kind: bytes", {"sales:Orders", "orders:turnover"}),
            ("schemas/sales.py", "isin=KINDS", "isin=KINDS, null=True", {"sales:Orders", "orders:turnover"}),
            ("schemas/sales.py", "Refunds(Contract)", "Refunds(Orders)", {"sales:Refunds"}),
            ("transforms/rates.py", "DIGITS = 3", "DIGITS = 4", {"rates:FACTOR", "rates:DIGITS", *ROUNDED}),
            ("transforms/rates.py", "UNUSED: int = 1", "UNUSED: int = 2", {"rates:UNUSED"}),
            ("transforms/rates.py", "UNUSED: int = 1", "UNUSED: float = 1", {"rates:UNUSED"}),
            ("transforms/rates.py", "digits: int = DIGITS", "digits: int = 2", ROUNDED),
            ("transforms/rates.py", "math.ceil", "math.floor", ROUNDED),
            ("transforms/rates.py", "import math", "import cmath as math", ROUNDED),
            ("transforms/rates.py", "rounded(number) * FACTOR", "rounded(number)", {"rates:scaled", "orders:turnover"}),
            ("transforms/metric.py", "unit, title=None", "unit=0, title=None", METRIC),
            ("transforms/orders.py", 'MONEY = "cents"', 'MONEY = "euro"', {"orders:MONEY", "orders:turnover"}),
            ("transforms/orders.py", "scale=1", "scale=2", {"orders:turnover"}),
            ("transforms/orders.py", 'unit="count"', 'unit="rows"', {"orders:orders"}),
            ("transforms/orders.py", "scaled as in_euro", "rounded as in_euro", {"orders:turnover"}),
            ("transforms/orders.py", "import worst\n", "import START as worst\n", {"orders:late"}),
            ("transforms/delay.py", "START: int = 7", "START: int = 8", {"delay:START", "delay:worst", "orders:late"}),
            ("transforms/delay.py", "import numpy as np", "import math as np", {"delay:worst", "orders:late"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )  # fmt: skip
    def test_touches_what_reaches_it_and_nothing_else(self, tmp_path, file, old, new, expected):
        assert touched(tmp_path, file, old, new) == expected

    @pytest.mark.parametrize(
        ("file", "old", "new"),
        [
            ("schemas/contract.py", '"""Declare a column."""', '"""Say what a column is."""'),
            ("schemas/contract.py", '    """Declare a column."""\n', ""),
            ("schemas/contract.py", '"""What a table is."""', ""),
            ("schemas/contract.py", '"""No column is below it."""', '"""But some may be."""'),
            ("schemas/contract.py", '"""A table."""', '"""A table of rows."""'),
            ("schemas/contract.py", "LEAST = 0\n", "LEAST = (\n    0x0  # nothing\n)\n"),
            ("schemas/contract.py", "import re\n", "import json  # for nobody yet\nimport re\n"),
            ("schemas/contract.py", "description: str", "description: bytes"),
            ("schemas/contract.py", "**rules: object", "**rules"),
            ("schemas/contract.py", ") -> object:", ") -> tuple[str, int]:"),
            ("schemas/sales.py", '"""One row per order."""', '"""One row for each order."""'),
            ("schemas/sales.py", '    """Before tax."""\n', ""),
            ("schemas/sales.py", '"What was " "paid"', '"Paid" \' in \' f"all"'),
            ("schemas/sales.py", '"Which it was"', "f'Of which kind'"),
            ("schemas/sales.py", 'f"What {1} order gave back"', 'f"Back from {1} order"'),
            ("schemas/sales.py", 'description="Money"', 'description="Value"'),
            ("schemas/sales.py", ', description="Money"', ""),
            ("schemas/sales.py", '["first", "again"]', "[\n    'first',\n    'again',\n]"),
            ("transforms/rates.py", "import math\nfrom typing import Any\n", "from typing import Any\nimport math\n"),
            ("transforms/rates.py", "def whole():", "def whole() -> int:"),
            ("transforms/rates.py", "def whole():", 'def whole():\n        "Whole."'),
            ("transforms/rates.py", "UNUSED", "\n\n\n# said\nUNUSED"),
            ("transforms/rates.py", "whole() / 10**digits", "(whole()) / (10 ** digits)"),
            ("transforms/orders.py", 'title="Turnover"', 'title="Sales"'),
            ("transforms/orders.py", 'title="Turnover", ', ""),
            ("transforms/orders.py", "import metric\n", "import (\n    metric,\n)\n"),
            ("transforms/orders.py", "rows: list)", "rows: tuple)"),
        ],
        ids=str,
    )  # fmt: skip
    def test_of_prose_or_layout_touches_nothing(self, tmp_path, file, old, new):
        assert touched(tmp_path, file, old, new) == set()

    def test_of_a_text_that_is_computed_is_no_prose(self, tmp_path):
        files = {"schemas/a.py": 'WORD = "x"\n\nA = column(WORD + "y", title=WORD.title())\nB = column(f"of {WORD}")\n'}
        assert touched(tmp_path / "1", "schemas/a.py", "title()", "upper()", files) == {"a:A"}
        assert touched(tmp_path / "2", "schemas/a.py", '"y"', '"z"', files) == {"a:A"}
        assert touched(tmp_path / "3", "schemas/a.py", '= "x"', '= "z"', files) == {"a:A", "a:B", "a:WORD"}

    def test_of_an_argument_beside_the_prose_counts_wherever_it_stands(self, tmp_path):
        files = {"schemas/a.py": 'A = column("x", "y")\nB = table.column("x")\nC = tell("x", name="y")\n'}
        assert touched(tmp_path / "1", "schemas/a.py", '"x", "y"', '"x", "z"', files) == {"a:A"}
        assert touched(tmp_path / "2", "schemas/a.py", 'table.column("x")', 'table.column("y")', files) == {"a:B"}
        assert touched(tmp_path / "3", "schemas/a.py", 'tell("x"', 'tell("y"', files) == {"a:C"}
        assert touched(tmp_path / "4", "schemas/a.py", 'name="y"', 'name="z"', files) == {"a:C"}

    def test_from_a_docstring_to_pass_is_none_but_to_a_statement_is_one(self, tmp_path):
        files = {"schemas/a.py": 'class A(Exception):\n    """Said."""\n'}
        assert touched(tmp_path / "1", "schemas/a.py", '"""Said."""', "pass", files) == set()
        assert touched(tmp_path / "2", "schemas/a.py", '"""Said."""', "args = ()", files) == {"a:A"}

    def test_of_the_order_in_which_a_name_is_bound_is_one(self, tmp_path):
        files = {"schemas/a.py": "A = 1\nA = 2\nB = 3\n"}
        assert touched(tmp_path / "1", "schemas/a.py", "A = 1\nA = 2", "A = 2\nA = 1", files) == {"a:A"}
        assert touched(tmp_path / "2", "schemas/a.py", "A = 2\nB = 3", "B = 3\nA = 2", files) == set()

    def test_is_seen_by_the_kind_of_a_number(self, tmp_path):
        for number, (old, new) in enumerate([("1", "1.0"), ("1", "True"), ("'1'", "b'1'"), ("1", "'1'")]):
            assert touched(tmp_path / str(number), "schemas/a.py", old, new, {"schemas/a.py": f"A = {old}\n"}) == {
                "a:A"
            }


class TestWhatIsReached:
    def test_is_listed_with_its_lines_from_the_first_decorator_on(self, tmp_path):
        known = plant(tmp_path, SHOP)
        assert known.reached("transforms.orders:orders") == {
            Definition("transforms.orders", ("orders",), 17, 19),
            Definition("transforms.metric", ("metric",), 5, 12),
            Definition("transforms.metric", ("REGISTRY",), 2, 2),
            Library("python", f"{sys.version_info.major}.{sys.version_info.minor}"),
        }

    def test_are_names_in_defaults_decorators_comprehensions_and_nested_functions(self, tmp_path):
        text = """
            A = B = C = D = E = F = G = 0
            DECORATOR = lambda *_: lambda function: function
            def f(a=A, *, b=[x for x in range(B)]):
                async def g():
                    return {C: lambda d=D: E for _ in () if F}
                @DECORATOR(G)
                class H: ...
            """
        known = plant(tmp_path, {"schemas/a.py": text})
        assert names(known, "schemas.a:f") == {f"schemas.a:{name}" for name in (*"ABCDEFG", "DECORATOR", "f")}

    def test_are_no_names_that_are_a_functions_own(self, tmp_path):
        text = """
            A = B = C = D = E = F = G = H = 0
            def f(a, /, A, *B, C, **D):
                E = [F for F in A]
                for G, (H, _) in E: ...
                return lambda I: [A, B, C, D, E, G, H, I]
            I = 0
            """
        assert names(plant(tmp_path, {"schemas/a.py": text}), "schemas.a:f") == {"schemas.a:f"}

    @pytest.mark.parametrize(
        "text",
        [
            "def f(A=A): return A",
            "f = lambda A=A: A",
            "@A\ndef f(A): ...",
            "def f(x):\n  if x:\n    global A\n  A = 1\n  return A",
            "def f():\n  def g(A): return A\n  return A",
            "def f():\n  class G:\n    A = A",
            "def f(A):\n  class G:\n    A = A",
            "def f(): return [A for A in A]",
            "def f(): return [A for _ in A for A in _]",
            "def f(): return {A: 1 for _ in () if (lambda A: A)} | {A}",
            "def f():\n  class A: ...\n  def g():\n    global A\n    return A",
            "class f:\n  A = A",
            "class f:\n  A = 1\n  def g(self): return A",
            "class f(A):\n  A = 1",
            "class f:\n  def A(self): ...\n  b = A",
        ],
    )
    def test_are_names_that_only_seem_to_be_a_functions_own(self, tmp_path, text):
        known = plant(tmp_path, {"schemas/a.py": f"A = ()\n{text}\n"})
        assert known.reached("schemas.a:A") <= known.reached("schemas.a:f")

    def test_are_all_statements_that_bind_a_name(self, tmp_path):
        text = """
            A = 1
            A += STEP
            STEP = 1
            B: int
            (C, [*D]), E.x = 1, 2
            E = object()
            for F in range(G := 3):
                pass
            with open("x") as H:
                pass
            try:
                import json as I
            except ImportError as J:
                def I(): ...
            match 1:
                case [K, *L] | {"x": K, **L}:
                    pass
            def set_m():
                global M
                M = N
            N = [O for O in () if (P := O)]
            """
        known = plant(tmp_path, {"schemas/a.py": text})
        module = known._module("schemas.a")
        assert module is not None
        assert {name: len(units) for name, units in module.bindings.items()} == {
            **dict.fromkeys("BCDEFGHIJKLNP", 1), "A": 2, "M": 1, "STEP": 1, "set_m": 1,
        }  # fmt: skip
        assert {"schemas.a:set_m", "schemas.a:N"} <= names(known, "schemas.a:M")
        assert {"schemas.a:A", "schemas.a:STEP"} <= names(known, "schemas.a:A")

    def test_are_modules_imported_in_every_way(self, tmp_path):
        files = {
            "schemas/deep/__init__.py": "TOP = 1\n",
            "schemas/deep/a.py": "X = 1\nY = 2\n",
            "schemas/deep/b.py": """
                from . import a
                from .a import X as x
                from ..c import Z
                from .. import c as see
                import schemas.deep.a as whole
                import schemas.c
                def module(): return a
                def definition(): return x
                def above(): return Z
                def module_above(): return see.Z
                def renamed(): return whole.Y
                def dotted(): return schemas.c.Z, schemas.deep.a.X
                def lazy():
                    from .a import Y
                """,
            "schemas/c.py": "Z = 1\nQ = 2\n",
        }
        known = plant(tmp_path, files)

        def leads_to(name: str) -> set[str]:
            found = names(known, f"schemas.deep.b:{name}") - {f"schemas.deep.b:{name}"}
            return {each.removeprefix("schemas.") for each in found}

        both = {"deep.a:X", "deep.a:Y"}
        assert leads_to("module") == leads_to("renamed") == both
        assert {"c:Z", *both} <= leads_to("dotted")
        assert (leads_to("definition"), leads_to("lazy")) == ({"deep.a:X"}, {"deep.a:Y"})
        assert (leads_to("above"), leads_to("module_above")) == ({"c:Z"}, {"c:Z", "c:Q"})

    def test_is_followed_through_imports_that_hand_on(self, tmp_path):
        files = {
            "schemas/__init__.py": "from schemas.middle import got as given\nfrom . import other\n",
            "schemas/middle.py": "from schemas.source import made as got\n",
            "schemas/source.py": "made = 1\nother = 2\n",
            "schemas/other.py": "one = 1\n",
            "transforms/a.py": "from schemas import given, other\ndef f(): return given\ndef g(): return other\n",
        }
        known = plant(tmp_path / "1", files)
        assert names(known, "transforms.a:f") == {"transforms.a:f", "schemas.source:made"}
        assert names(known, "transforms.a:g") == {"transforms.a:g", "schemas.other:one"}
        assert names(known, "schemas:given") == {"schemas.source:made"}
        assert touched(tmp_path / "2", "schemas/middle.py", "made as got", "other as got", files) == {"a:f"}

    def test_is_seen_anew_where_an_import_swaps_what_was_reached_anyway(self, tmp_path):
        files = {
            "schemas/a.py": "def one(): return two\ndef two(): return one\n",
            "schemas/b.py": "from schemas.a import one as it\ndef f(): return it()\n",
        }
        assert touched(tmp_path, "schemas/b.py", "one as it", "two as it", files) == {"b:f"}

    def test_is_all_of_a_module_where_a_star_or_an_unknown_name_asks_for_it(self, tmp_path):
        files = {
            "schemas/a.py": "X = 1\nfrom schemas.b import *\n",
            "schemas/b.py": "Y = 1\ndef __getattr__(name): ...\n",
            "transforms/c.py": """
                from schemas.a import Y
                from schemas.b import Z
                def f(): return Y
                def g(): return Z
                """,
            "transforms/d.py": "from schemas.a import *\ndef f(): return Y\n",
        }
        known = plant(tmp_path, files)
        of_b = {"schemas.b:Y", "schemas.b:__getattr__"}
        assert names(known, "schemas.a:X") == {"schemas.a:X", *of_b}
        assert names(known, "transforms.c:f") == {"transforms.c:f", "schemas.a:X", *of_b}
        assert names(known, "transforms.c:g") == {"transforms.c:g", *of_b}
        assert names(known, "transforms.d:f") == {"transforms.d:f", "schemas.a:X", *of_b}

    def test_is_all_of_a_package_where_the_package_itself_is_used(self, tmp_path):
        files = {
            "schemas/deep/a.py": "X = 1\n",
            "schemas/deep/more/b.py": "Y = 1\n",
            "schemas/deep/more/text.txt": "",
            "schemas/c.py": "from schemas import deep\ndef f(): return deep.__path__\n",
        }
        known = plant(tmp_path, files)
        below = {"schemas.deep.a:X", "schemas.deep.more.b:Y"}
        assert names(known, "schemas.c:f") == {"schemas.c:f", *below}
        assert names(known, "schemas.deep") == below
        assert names(known, "schemas") == {"schemas.c:f", *below}

    def test_ends_where_definitions_or_modules_reach_each_other(self, tmp_path):
        files = {
            "schemas/a.py": "from schemas.b import g\ndef f(): return g, f\nX = 1\n",
            "schemas/b.py": "from schemas import a\nfrom schemas.a import f, X\ndef g(): return f\ndef h(): return a\n",
        }
        both = {"a:f", "b:g"}
        assert names(plant(tmp_path / "0", files), "schemas.a:f") == {f"schemas.{name}" for name in both}
        assert touched(tmp_path / "1", "schemas/b.py", "return f", "return f()", files) == {*both, "b:h"}
        assert touched(tmp_path / "2", "schemas/a.py", "return g, f", "return g", files) == {*both, "b:h"}
        assert touched(tmp_path / "3", "schemas/a.py", "X = 1", "X = 2", files) == {"a:X", "b:h"}

    def test_are_the_classes_a_function_is_said_to_take_for_their_methods_run(self, tmp_path):
        text = """
            class Asked:
                def ask(self): return 1
            class Quoted:
                def ask(self): return 1
            class Model:
                asked: "list[Asked]"
            def f(asked: Asked, quoted: "Quoted | None"): return asked.ask()
            """
        files = {"schemas/a.py": text}
        assert touched(tmp_path / "1", "schemas/a.py", "class Asked:\n", "class Asked:\n    x = 1\n", files) == {
            "a:Asked", "a:Model", "a:f",
        }  # fmt: skip
        assert touched(tmp_path / "2", "schemas/a.py", "class Quoted:\n", "class Quoted:\n    x = 1\n", files) == {
            "a:Quoted", "a:f",
        }  # fmt: skip

    def test_is_the_union_of_what_several_references_reach_in_whatever_order(self, tmp_path):
        known = plant(tmp_path, SHOP)
        one, other = "transforms.orders:late", "schemas.sales:Refunds"
        assert known.reached(one, other) == known.reached(one) | known.reached(other)
        assert known.code_of(one, other) == known.code_of(other, one, one)
        assert len({known.code_of(one, other), known.code_of(one), known.code_of(other)}) == 3

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            ("schemas.nothing", "schemas.nothing is no module of ours"),
            ("schemas.nothing:column", "schemas.nothing is no module of ours"),
            ("polars:col", "polars is no module of ours"),
            ("", " is no module of ours"),
            ("schemas..contract", "schemas..contract is no module of ours"),
            ("schemas.contract:nothing", "schemas.contract has no nothing at its top level"),
            ("schemas.contract:Contract.table", "schemas.contract has no Contract.table at its top level"),
            ("schemas.contract:", "schemas.contract has no  at its top level"),
        ],
    )
    def test_must_be_there(self, tmp_path, reference, message):
        known = plant(tmp_path, SHOP)
        for ask in (known.code_of, known.reached):
            with pytest.raises(ValueError, match=f"^{message}$"):
                ask("schemas.contract", reference)


class TestStatementsThatAct:
    ACTING = (
        "TABLE['x'] = 1",
        "TABLE.x, other = 1, 2",
        "TABLE.x += 1",
        "TABLE.x: int = 1",
        "TABLE.update(x=1)",
        "if TABLE: TABLE.x()",
        "for key in TABLE: TABLE.pop(key)",
        "try: TABLE.x()\nexcept ValueError: pass",
        "with TABLE: pass",
        "del TABLE['x']",
        "assert TABLE",
    )

    @pytest.mark.parametrize("statement", ACTING)
    def test_count_for_all_of_their_module_and_for_who_reaches_into_it(self, tmp_path, statement):
        files = {
            "schemas/a.py": f"TABLE = {{}}\ndef f(): ...\n{statement}\n\nEND = 0\n",
            "schemas/b.py": "from schemas.a import f\ndef g(): f()\ndef h(): ...\n",
        }
        old, new = f"{statement}\n\n", statement.replace("TABLE", "f") + "\n\n"
        changed = touched(tmp_path, "schemas/a.py", old, new, files)
        assert {"a:TABLE", "a:f", "a:END", "b:g"} <= changed
        assert "b:h" not in changed

    def test_of_a_package_count_for_all_of_its_modules(self, tmp_path):
        files = {
            "schemas/__init__.py": "import numpy\nnumpy.seterr(1)\n",
            "schemas/deep/a.py": "X = 1\n",
            "transforms/b.py": "from schemas.deep.a import X\ndef f(): return X\ndef g(): ...\n",
        }
        assert touched(tmp_path / "1", "schemas/__init__.py", "(1)", "(2)", files) == {"deep.a:X", "b:f"}
        known = plant(tmp_path / "2", files)
        assert libraries(known, "transforms.b:f") == {"numpy"}
        assert libraries(known, "transforms.b:g") == set()

    def test_lead_on_to_what_they_name(self, tmp_path):
        files = {"schemas/a.py": "def f(): ...\ndef g(): return STEP\nSTEP = 1\nregister(g)\n"}
        assert touched(tmp_path, "schemas/a.py", "STEP = 1", "STEP = 2", files) == {"a:f", "a:g", "a:STEP"}

    def test_are_none_that_only_bind_or_only_say(self, tmp_path):
        files = {
            "schemas/a.py": 'A = 1\nB: int = 1\nB += 1\n(C, [*D]) = 1, 2\n"""Said."""\ndef f(): ...\nclass G: ...\n'
        }
        known = plant(tmp_path, files)
        assert {name: names(known, f"schemas.a:{name}") for name in "ABf"} == {
            name: {f"schemas.a:{name}"} for name in "ABf"
        }


class TestLibraries:
    FILES: Tree = {
        "schemas/a.py": """
            import os.path
            import numpy as np
            import pyarrow.parquet
            from sklearn.cluster import KMeans as Means
            def f(): return np.sum, os.path
            def g(): return pyarrow.parquet
            def h():
                import yaml
                return Means
            def i(): ...
            """,
        "schemas/b.py": "from schemas.a import Means, f\ndef j(): return f()\ndef k(): return Means\n",
    }

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("a:f", {"numpy"}), ("a:g", {"pyarrow"}), ("a:h", {"sklearn", "yaml"}), ("a:i", set()), ("b:j", {"numpy"}),
         ("b:k", {"sklearn"}), ("a", {"numpy", "pyarrow", "sklearn", "yaml"})],
    )  # fmt: skip
    def test_are_those_whose_names_are_used(self, tmp_path, name, expected):
        assert libraries(plant(tmp_path, self.FILES), f"schemas.{name}") == expected

    def test_count_with_their_version_for_those_who_reach_them(self, tmp_path):
        root = write(tmp_path, self.FILES)
        old = fingerprints(root, version_of=lambda _: "1")
        new = fingerprints(root, version_of=lambda name: "2" if name == "numpy" else "1")
        assert {name for name in old if old[name] != new[name]} == {
            "schemas.a",
            "schemas.b",
            "schemas.a:f",
            "schemas.b:j",
        }

    def test_count_with_pythons_version_too(self, tmp_path, monkeypatch):
        old = fingerprints(write(tmp_path, SHOP))
        version_info = type("Version", (), {"major": 3, "minor": 99})
        monkeypatch.setattr(code.sys, "version_info", version_info)
        new = fingerprints(tmp_path)
        assert not {name for name in old if old[name] == new[name]}
        assert Library("python", "3.99") in Code(tmp_path).reached("schemas.contract")

    def test_have_the_version_of_their_distribution_whatever_it_is_called(self):
        assert f"polars {version('polars')}" in installed("polars").split(", ")
        assert installed("yaml") == f"PyYAML {version('pyyaml')}"
        assert f"scikit-learn {version('scikit-learn')}" in installed("sklearn").split(", ")

    def test_count_with_what_they_need_however_far(self):
        """Themes are found by scikit-learn, which computes by scipy and numpy."""
        told = installed("sklearn").split(", ")
        assert {f"{name} {version(name)}" for name in ("scipy", "numpy", "joblib")} <= set(told)
        assert told == sorted(set(told))

    def test_that_are_not_installed_are_absent(self, tmp_path):
        known = Code(
            write(tmp_path, {"schemas/a.py": "import no_such_library as x\nfrom schemas.gone import y\nA = x, y\n"})
        )
        assert {Library("no_such_library", "absent"), Library("schemas.gone", "absent")} <= known.reached("schemas.a:A")


READ: list[Path] = []
"""The files that were read for the fingerprints of our own code, one after the other."""


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    """Fingerprints of everything at the top level of a module of ours."""
    # What is kept beside compiled files is read, too, though it isn't parsed again.
    statements_of = code.statements_of

    def noted(file: Path, package: str) -> list[Statement]:
        READ.append(file)
        return statements_of(file, package)

    asked = all_references(ROOT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(code, "statements_of", noted)
        known = Code(ROOT)
        return {reference: known.code_of(reference) for reference in asked}


def copied(folder: Path) -> Path:
    for package in PACKAGES:
        copytree(ROOT / package, folder / package, ignore=ignore_patterns("__pycache__"))
    return folder


def rewritten(folder: Path, rewrite: Callable[[str], str]) -> dict[str, str]:
    """Fingerprints of a copy of ours of which every file is written anew."""
    changed = 0
    for path in sources(copied(folder)):
        old = path.read_text(encoding="utf-8")
        path.write_text(rewrite(old), encoding="utf-8")
        changed += path.read_text(encoding="utf-8") != old
    assert changed > 100
    return fingerprints(folder)


def with_comments(text: str) -> str:
    """Comments above the text, below it, and at the end of every line where one may stand, with empty lines around."""
    lines = text.splitlines()
    ends = [
        token.start
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in (tokenize.NEWLINE, tokenize.NL) and token.line.strip()
    ]
    for row, column in ends:
        lines[row - 1] = lines[row - 1][:column] + "  # and so on" + lines[row - 1][column:] + "\n    # below\n"
    return "# above\n\n\n" + "\n".join(lines) + "\n# the end\n"


class OtherWords(ast.NodeTransformer):
    """Other prose wherever there is or may be some."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in {"title", "description"} and self.is_text(keyword.value):
                    keyword.value = ast.Constant("Other words")
            if isinstance(node.func, ast.Name) and node.func.id == "column" and self.is_text(node.args[0]):
                node.args[0] = ast.Constant("Other words")
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                said = ast.Expr(ast.Constant("Other words."))
                kept = [each for each in body if not (isinstance(each, ast.Expr) and self.is_text(each.value))]
                setattr(node, name, [said, *chain.from_iterable((each, said) for each in kept)])
        return node

    @staticmethod
    def is_text(node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, str)


def with_other_words(text: str) -> str:
    return ast.unparse(ast.fix_missing_locations(OtherWords().visit(ast.parse(text))))


class TestOurOwnCode:
    def test_is_known_in_full(self, real):
        assert len(real) > 800
        assert all(len(fingerprint) == 16 for fingerprint in real.values())
        functions = [name for name in real if ":" in name]
        # Names of one statement share its fingerprint, and so do definitions that reach each other.
        assert len({real[name] for name in functions}) > 0.9 * len(functions)
        module, _, name = functions[-1].partition(":")
        assert code_of(f"{module}:{name}") == real[functions[-1]]
        assert any(isinstance(each, Definition) and name in each.names for each in reached(functions[-1]))

    def test_of_a_fact_reaches_its_contracts_and_polars_and_nothing_that_orders_it(self):
        found = reached("transforms.facts.invoices:fct_invoice")
        listed = {f"{each.module}:{name}" for each in found if isinstance(each, Definition) for name in each.names}
        contracts = {"billing:FctInvoice", "billing:Invoice", "contract:Contract", "contract:column"}
        assert {"transforms.facts.invoices:fct_invoice", *(f"schemas.{name}" for name in contracts)} <= listed
        assert Library("polars", installed("polars")) in found
        assert not [name for name in listed if name.startswith(("pipelines", "warehouse", "transforms.metrics"))]
        assert "schemas.support:FctTicket" not in listed

    def test_has_the_same_fingerprints_in_another_process(self, real):
        references = list(islice(real, 0, None, 40))
        program = "import sys; from warehouse.code import code_of; print(*map(code_of, sys.argv[1:]))"
        for seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            done = subprocess.run(
                [sys.executable, "-c", program, *references],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert done.stdout.split() == [real[reference] for reference in references]

    @pytest.mark.parametrize(
        "rewrite",
        [with_comments, lambda text: ast.unparse(ast.parse(text)), with_other_words],
        ids=["comments and empty lines", "layout", "other words"],
    )
    def test_keeps_its_fingerprints_wherever_it_lies_and_under_other(self, real, tmp_path, rewrite):
        assert rewritten(tmp_path, rewrite) == real

    def test_keeps_its_fingerprints_under_another_formatter(self, real, tmp_path):
        copied(tmp_path)
        style = ["line-length = 50", "format.quote-style = 'single'", "format.skip-magic-trailing-comma = true"]
        options = chain.from_iterable(("--config", each) for each in style)
        subprocess.run(
            [sys.executable, "-m", "ruff", "format", "--isolated", "--quiet", *options, tmp_path], check=True
        )
        path = "transforms/facts/mrr.py"
        assert (tmp_path / path).read_text() != (ROOT / path).read_text()
        assert fingerprints(tmp_path) == real

    def test_is_read_once_however_much_is_asked_of_it(self, real):
        assert len(set(real.values())) > 90
        assert set(sources(ROOT)) <= set(READ)
        assert len(READ) == len(set(READ))


def prose_of(statement: ast.stmt) -> set[int]:
    """Ids of the nodes of a statement that are said not to count."""
    silent: list[ast.AST | None] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Expr) and OtherWords.is_text(node.value):
            silent.append(node)
        elif isinstance(node, ast.arg):
            silent.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            silent.append(node.returns)
        elif isinstance(node, ast.Call):
            described = node.args[:1] if isinstance(node.func, ast.Name) and node.func.id == "column" else []
            silent += [each for each in described if OtherWords.is_text(each)]
            named = [each for each in node.keywords if each.arg in {"title", "description"}]
            silent += [each for each in named if OtherWords.is_text(each.value)]
            # Of an f-string what it computes counts, and the words between do not.
            told = [each for each in (*described, *(each.value for each in named)) if isinstance(each, ast.JoinedStr)]
            silent += [each for text in told for each in text.values if OtherWords.is_text(each)]
    return {id(each) for node in silent if node for each in ast.walk(node)}


def changes(node: ast.AST, silent: set[int]) -> Iterator[tuple[str, Any]]:
    """Small changes of a node, each as (field, new value)."""
    if isinstance(node, ast.Constant):
        yield "value", 0 if node.value == "another" else "another"
    for name in ("id", "attr", "arg", "name", "asname", "module"):
        if isinstance(getattr(node, name, None), str):
            yield name, f"{getattr(node, name)}_"
    if isinstance(node, ast.BinOp):
        yield "op", ast.Add() if isinstance(node.op, ast.Mod) else ast.Mod()
    if isinstance(node, ast.BoolOp):
        yield "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    if isinstance(node, ast.Compare):
        yield "ops", [ast.Eq() if isinstance(node.ops[0], ast.Is) else ast.Is(), *node.ops[1:]]
    for name in ("args", "defaults", "kw_defaults", "keywords", "decorator_list", "bases", "elts", "values", "ifs"):
        value = getattr(node, name, None)
        if isinstance(value, list) and value and id(value[-1]) not in silent:
            yield name, value[:-1]
    if isinstance(getattr(node, "body", None), list):
        yield "body", [*node.body, ast.Continue()]


def test_every_small_change_of_our_code_outside_prose_is_noticed():
    chance, tried = Random(0), 0
    for path in sources(ROOT):
        for statement in ast.parse(path.read_bytes()).body:
            silent, before = prose_of(statement), read(statement, "transforms").text
            nodes = [node for node in ast.walk(statement) if id(node) not in silent]
            for node in chance.sample(nodes, min(len(nodes), 12)):
                for field, value in changes(node, silent):
                    old = getattr(node, field)
                    setattr(node, field, value)
                    assert read(statement, "transforms").text != before, f"{path}: {ast.unparse(statement)}"
                    setattr(node, field, old)
                    tried += 1
    assert tried > 5000


def looked_up(compiled: CodeType) -> set[str]:
    """The names that Python looks for in the module, as it compiles a text."""
    found = {each.argval for each in dis.get_instructions(compiled) if each.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    return found.union(*(looked_up(each) for each in compiled.co_consts if isinstance(each, CodeType)))


def test_every_name_that_python_looks_for_in_a_module_is_used_by_the_statement():
    many = 0
    for path in sources(ROOT):
        for statement in ast.parse(path.read_bytes()).body:
            names_used = read(statement, "transforms").names
            asked = looked_up(compile(ast.Module([statement], []), str(path), "exec"))
            missed = asked - names_used - {"__name__", "__annotations__"}
            # What a class binds and then uses is its own.
            own = {each.name for each in ast.walk(statement) if isinstance(each, ast.FunctionDef)}
            assert missed <= own, f"{path}: {missed}"
            many += len(asked)
    assert many > 3000


class Watched:
    """The functions of ours that run meanwhile, as (module, first line)."""

    def __enter__(self) -> set[tuple[str, int]]:
        self.seen: set[tuple[str, int]] = set()
        files = {str(path): module_of(path, ROOT) for path in sources(ROOT)}

        def note(frame: Any, event: str, _: Any) -> None:
            called = frame.f_code
            if event == "call" and called.co_filename in files and called.co_name != "<module>":
                self.seen.add((files[called.co_filename], called.co_firstlineno))

        self.before = sys.getprofile()
        sys.setprofile(note)
        return self.seen

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)


def unlisted(ran: set[tuple[str, int]], *references: str) -> set[tuple[str, int]]:
    """Of the functions that ran, those in no definition that the references reach."""
    listed = [each for each in reached(*references) if isinstance(each, Definition)]
    return {
        (module, line)
        for module, line in ran
        if not any(each.module == module and each.first_line <= line <= each.last_line for each in listed)
    }


QUARTER = months("2024-01", "2024-03")
EVERYTHING = Exported({name: frozenset(contract.dtypes()) for name, contract in CANONICAL.items()})
SETTINGS = config(
    onboarding={"milestones": [{"name": "live", "within_days": 30, "is_value": True}]},
    finance={"gross_margin": [{"month": "2023-01-01", "share": 0.8}]},
    segments=["industry"],
)


READERS = {node.name: node.readers for node in (*nodes(SETTINGS), *whole_nodes(SETTINGS))}


def argument(name: str, metrics: tuple[Any, ...] = ()) -> Any:
    """What a transform is given for a parameter: a table without rows, a section of the config, a calendar."""
    if name in INTERMEDIATES:
        function = INTERMEDIATES[name].function
        return function(**{each: argument(each) for each in signature(function).parameters})
    given = {
        "dim_month": QUARTER,
        "gross_margin": margins(QUARTER, 0.8),
        "as_of": day("2024-04-30"),
        "computed_from": QUARTER["month"].min(),
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "segments": SETTINGS.segments,
        "exported": EVERYTHING,
        "secret": b"key",
        "metrics": metrics,
        "metric_month": MetricMonth.blank(),
        "metric_account_month": pl.DataFrame(schema={"metric": pl.String, **Parts.dtypes()}),
    }
    contracts = {**CANONICAL, **WHOLE, **SUMS, **PUBLISHED}
    if name in given:
        return given[name]
    return contracts[name].blank() if name in contracts else getattr(SETTINGS, name)


def run_without_rows(function: Callable[..., object], metrics: tuple[Any, ...] = ()) -> set[tuple[str, int]]:
    given = {name: argument(name, metrics) for name in signature(function).parameters}
    with Watched() as ran:
        function(**given)
    assert ran, "nothing of ours ran"
    return ran


def an_item(account_id: str, currency: str, started: str, **more: Any) -> dict[str, Any]:
    given = {"subscription_id": account_id, "item_id": "1", "account_id": account_id, "currency": currency}
    return {**given, "unit_amount": 100_00, "interval_unit": "month", "started_on": day(started), **more}


def mrr_of_some_accounts() -> pl.DataFrame:
    items = [
        an_item("a", "EUR", "2023-05-01", cancel_requested_on=day("2024-02-10"), seats=3),
        an_item("b", "USD", "2024-02-01", trial_started_on=day("2024-01-15"), trial_ends_on=day("2024-02-01")),
        an_item("c", "USD", "2023-11-01", ended_on=day("2024-02-15")),
        an_item("a", "EUR", "2024-03-01", item_id="2", discount_amount=5_00),
    ]
    rates = rows(
        FxRates,
        *(
            {"month": day(f"{month}-01"), "currency": "USD", "rate": Decimal("0.9")}
            for month in ("2023-11", "2023-12", "2024-01", "2024-02", "2024-03", "2024-04")
        ),
    )
    in_service = service_periods(rows(SubscriptionItems, *items), day("2024-04-30"))
    return fct_mrr_account_month(in_service, paying_turns(in_service, rates, "EUR"), rates, QUARTER, "EUR")


MRR = (
    "transforms.facts.mrr:fct_mrr_account_month",
    "transforms.facts.service:service_periods",
    "transforms.facts.service:paying_turns",
)


class TestWhatRan:
    """Held against the interpreter: a function of ours that runs lies in a definition that was listed."""

    @pytest.mark.parametrize("name", [*MONTHLY_TABLES, *DIMENSION_TABLES])
    def test_for_a_table_without_rows_was_listed(self, name):
        (reader,) = READERS[name]
        ran = run_without_rows(reader.function, reader.metrics)
        assert unlisted(ran, f"{reader.function.__module__}:{name}") == set()

    @pytest.mark.parametrize("name", INTERMEDIATES)
    def test_for_an_intermediate_result_without_rows_was_listed(self, name):
        function = INTERMEDIATES[name].function
        assert unlisted(run_without_rows(function), f"{function.__module__}:{name}") == set()

    @pytest.mark.parametrize("name", [each.name for each in CATALOGUE.values() if each.rollup in {"sum", "ratio"}])
    def test_for_a_metric_without_rows_was_listed(self, name):
        metric = CATALOGUE[name]
        ran = run_without_rows(metric.parts_function)
        assert unlisted(ran, f"{metric.module}:{name}") == set()

    @pytest.mark.parametrize("name", [each.name for each in CATALOGUE.values() if each.unknown_when])
    def test_for_the_reason_why_a_metric_is_unknown_was_listed(self, name):
        metric = CATALOGUE[name]
        ran = run_without_rows(metric.unknown_when)
        assert unlisted(ran, f"{metric.module}:{name}") == set()

    def test_for_mrr_was_listed(self):
        with Watched() as ran:
            found = mrr_of_some_accounts()
        assert found["cross_sell_cents"].sum() > 0, "an expansion was split"
        ours = {each for each in ran if each[0] != __name__}
        assert len(ours) > 15
        assert unlisted(ours, *MRR) == set()

    def test_for_metrics_of_some_accounts_was_listed(self):
        facts = mrr_of_some_accounts()
        accounts = facts.select("month", "account_id", industry=pl.lit("x"), has_history=pl.lit(value=True))
        placed = AccountSegments(accounts, ("industry",))
        around = Surroundings(
            QUARTER, margins(QUARTER, 0.8), placed, EVERYTHING, SETTINGS.minimums, day("2024-04-30"),
            begins=day("2023-01-01"),
        )  # fmt: skip
        for name in ("nrr", "churn_rate", "grr_12m", "mrr"):
            metric = CATALOGUE[name]
            with Watched() as ran:
                roll_up(metric, metric.parts_function(facts), around)
            assert unlisted(ran, f"{metric.module}:{name}", "transforms.metrics.roll_up:roll_up") == set()

    def test_for_themes_of_some_comments_was_listed(self):
        subjects = [("invoice", "expensive", "budget"), ("planner", "slow", "phones")]
        said = [
            {"response_id": f"{number}", "comment": f"The {a} is too {b} for our {c}, writes Maria Keller.",
             "responded_at": at("2024-03-10T12:00"), "sent_at": at("2024-03-10T12:00"), "kind": "csat", "score": 2.0,
             "scale_min": 1.0, "scale_max": 5.0}
            for number, (a, b, c) in enumerate(subjects * 30)
        ]  # fmt: skip
        privacy = SETTINGS.privacy.model_copy(update={"publish_comments": True})
        answers, churns = rows(SurveyResponses, *said), CANONICAL["churn_events"].blank()
        with Watched() as ran:
            found = feedback_theme_month(answers, churns, QUARTER, "UTC", privacy, EVERYTHING)
        assert found["theme"].drop_nulls().n_unique() > 1
        assert unlisted(ran, "transforms.explanations.themes:feedback_theme_month") == set()

    def test_for_the_health_of_some_accounts_was_listed(self):
        facts = mrr_of_some_accounts()
        others = {name: argument(name) for name in signature(fct_health_input).parameters}
        with Watched() as ran:
            inputs = fct_health_input(**{**others, "fct_mrr_account_month": facts})
            fct_health_score(inputs, facts, QUARTER, SETTINGS.health)
        assert inputs.height
        module = "transforms.facts.health"
        assert unlisted(ran, f"{module}:fct_health_input", f"{module}:fct_health_score") == set()

    def test_for_a_config_was_listed_with_what_reads_its_days(self):
        with Watched() as ran:
            load_config(ROOT / "customer_success.yaml")
        listed = [each for each in reached("warehouse.configuration:load_config") if isinstance(each, Definition)]
        (reads_days,) = [each.first_line for each in listed if each.names == ("_day",)]
        assert ("warehouse.configuration", reads_days) in ran
        assert unlisted(ran, "warehouse.configuration:load_config") == set()
