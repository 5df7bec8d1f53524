"""Every published number of the example company is the same in all months, whoever wrote its exports down.

The first of its months is the one that snapshots of the subscriptions begin with. For each change two writers and two
months are enough: `tests/integration/test_numbers_as_written.py`. What people download tells less, so it is compared
with canonical files that tell as little.
"""

import datetime as dt

import pytest

from examples.generator.vendors.writing import WRITERS
from tests.integration.test_arrivals import Shown
from tests.integration.test_numbers_as_salesforce import company as with_salesforce
from tests.integration.written_company import as_canonical, as_written, month_ends, numbers

DAYS = month_ends(dt.date(2024, 6, 1))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return numbers(as_canonical(tmp_path_factory.mktemp("canonical") / "company", DAYS))


@pytest.mark.parametrize("how", [how for how in WRITERS if how != "dashboard"])
def test_every_published_number_of_all_months_is_the_same_whoever_wrote_the_exports_down(
    how, tmp_path, expected, counted
):
    found = numbers(as_written(tmp_path / "company", how, DAYS))
    assert found.keys() == expected.keys()
    assert {name for name in found if not found[name].equals(expected[name])} == set()
    counted(f"{how}: {sum(rows.height for rows in found.values())} rows of {len(found)} tables are the same")


def test_every_published_number_of_all_months_is_the_same_also_of_what_people_download(tmp_path, counted):
    expected = numbers(as_canonical(tmp_path / "canonical", DAYS, is_downloaded=True))
    found = numbers(as_written(tmp_path / "written", "dashboard", DAYS))
    assert found.keys() == expected.keys()
    assert {name for name in found if not found[name].equals(expected[name])} == set()
    counted(f"dashboard: {sum(rows.height for rows in found.values())} rows of {len(found)} tables are the same")


@pytest.fixture(scope="module")
def expected_of_salesforce(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return numbers(with_salesforce(tmp_path_factory.mktemp("canonical") / "company", DAYS))


@pytest.mark.parametrize("how", WRITERS)
def test_every_published_number_of_all_months_is_the_same_where_salesforce_is_the_crm(
    how, tmp_path, expected_of_salesforce, counted
):
    expected, found = expected_of_salesforce, numbers(with_salesforce(tmp_path / "company", DAYS, how))
    assert found.keys() == expected.keys()
    assert {name for name in found if not found[name].equals(expected[name])} == set()
    counted(
        f"salesforce, {how}: {sum(rows.height for rows in found.values())} rows of {len(found)} tables are the same"
    )
