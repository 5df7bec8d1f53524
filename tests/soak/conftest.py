"""How much of the soak runs: all of it, or a share that is spread over all of it."""

import os

import pytest

SHARE = float(os.environ.get("SOAK_SHARE") or 100) / 100
"""Of the tests, and of what each of them repeats: 1 is all."""


@pytest.fixture(scope="session")
def times():
    """How many of so many repetitions are done now, two at least."""
    return lambda whole: max(2, round(whole * SHARE))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the share of each file's tests, evenly spread, and one at least of each."""
    kept, seen = [], {}
    for item in items:
        number = seen[item.path] = seen.get(item.path, -1) + 1
        # The next multiple of 1 / SHARE falls on this test.
        if number == 0 or int(number * SHARE) > int((number - 1) * SHARE):
            kept.append(item)
    items[:] = kept
