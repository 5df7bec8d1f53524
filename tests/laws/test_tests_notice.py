"""Each metric of the catalogue has a test with numbers computed by hand that notices when its definition is off."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from transforms.catalogue import CATALOGUE

FAMILY = re.compile(r"^from transforms\.metrics(\.(?!definition|roll_up)\w+)? import", re.MULTILINE)
ROOT = Path(__file__).resolve().parents[2]
WITH_NUMERATOR = sorted(m.name for m in CATALOGUE.values() if m.rollup in {"sum", "ratio"})
WITH_DENOMINATOR = sorted(m.name for m in CATALOGUE.values() if m.rollup == "ratio")
COMPUTED = sorted(m.name for m in CATALOGUE.values() if m.rollup in {"median", "derived"})


def unnoticed(broken: str, metrics: list[str], folder: Path) -> list[str]:
    """The metrics of which no test failed although that part of every definition was broken."""
    report, first = folder / f"{broken}.json", folder / "numerator.json"
    only = {"BREAK_ONLY": str(first), "BREAK_METRICS": " ".join(metrics)} if first.exists() and report != first else {}
    # The ledger and the laws name no metric's numbers; the tests by hand are those that import a family of metrics.
    tests = sorted(
        str(path) for path in (ROOT / "tests/transforms").glob("test_*.py") if FAMILY.search(path.read_text())
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.breaking",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        *tests,
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "BREAK": broken, "BREAK_REPORT": str(report), **only},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    told = json.loads(report.read_text())
    return [name for name in metrics if not told.get(name, {}).get("failed")]


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    """Where the runs tell what they met."""
    return tmp_path_factory.mktemp("reports")


@pytest.mark.parametrize(
    ("broken", "metrics"),
    [("numerator", WITH_NUMERATOR), ("denominator", WITH_DENOMINATOR), ("value", COMPUTED)],
    ids=["numerator", "denominator", "value"],
)
def test_a_broken_definition_makes_a_test_of_its_metric_fail(broken, metrics, reports):
    assert unnoticed(broken, metrics, reports) == []
