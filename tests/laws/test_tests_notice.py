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


def rolled_up(*kinds: str) -> list[str]:
    return sorted(metric.name for metric in CATALOGUE.values() if metric.rollup in kinds)


ASKED = {
    "numerator": rolled_up("sum", "ratio"),
    "denominator": rolled_up("ratio"),
    "value": rolled_up("median", "derived"),
}


@pytest.fixture(scope="module")
def unnoticed(tmp_path_factory) -> dict[str, list[str]]:
    """By the part that was broken, the metrics of which no test failed."""
    report = tmp_path_factory.mktemp("breaking") / "unnoticed.json"
    # The ledger and the laws name no metric's numbers; the tests by hand are those that import a family of metrics.
    tests = sorted(
        str(path) for path in (ROOT / "tests/transforms").glob("test_*.py") if FAMILY.search(path.read_text())
    )
    plugins = ["-p", "tests.breaking", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "--tb=no", *tests],
        cwd=ROOT,
        env={**os.environ, "BREAK_ASKED": json.dumps(ASKED), "BREAK_REPORT": str(report)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(report.read_text())


@pytest.mark.parametrize("broken", ASKED)
def test_a_broken_definition_makes_a_test_of_its_metric_fail(broken, unnoticed):
    assert unnoticed[broken] == []
