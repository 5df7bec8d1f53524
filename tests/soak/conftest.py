"""How much of the soak runs: all of it, or a share that is spread over all of it; and the counts, told at its end."""

import os
from collections.abc import Callable

import pytest

SHARE = float(os.environ.get("SOAK_SHARE") or 100) / 100
"""Of the tests, and of what the longest of them repeat: 1 is all."""


@pytest.fixture(scope="session")
def times() -> Callable[[int], int]:
    """How many of so many repetitions are done now, two at least."""
    return lambda whole: max(2, round(whole * SHARE))


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """What is called with a line that is told when all is over."""
    return lambda line: record_property("counted", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the share of each file's tests, evenly spread; a test that repeats itself does so less often instead."""
    kept, seen = [], {}
    for item in items:
        if "times" in getattr(item, "fixturenames", ()):
            kept.append(item)
            continue
        number = seen[item.path] = seen.get(item.path, -1) + 1
        if number == 0 or int(number * SHARE) > int((number - 1) * SHARE):
            kept.append(item)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The counts."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, line in getattr(report, "user_properties", ()):
                if name == "counted" and report.when == "call":
                    terminalreporter.write_line(str(line))
