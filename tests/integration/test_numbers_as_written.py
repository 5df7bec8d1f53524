"""Every published number is the same, be a company's exports canonical, or Stripe's, HubSpot's and Zendesk's objects.

Here as two unlike writers write them down (tables, and objects in Parquet), and of the last two months, from nothing
each time; and of the last month as people download them, which tells less: `tests/integration/written_company.py` says
what is given up, and why. `make soak` has all writers and all months.
"""

import datetime as dt

import polars as pl
import pytest

from tests.integration.test_arrivals import Shown
from tests.integration.written_company import as_canonical, as_written, month_ends, numbers

DAYS = month_ends(dt.date(2026, 9, 1))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return numbers(as_canonical(tmp_path_factory.mktemp("canonical") / "company", DAYS))


@pytest.mark.parametrize("how", ["fivetran", "airbyte as Parquet"])
def test_every_published_number_of_a_company_is_the_same_whoever_wrote_its_exports_down(how, tmp_path, expected):
    found = numbers(as_written(tmp_path / "company", how, DAYS))
    assert found.keys() == expected.keys() >= {"metric_month", "metric_account_month", "fct_mrr_item_month"}
    known = expected["metric_month"].filter(pl.col("value").is_not_null())
    assert known.height > 2_000
    assert set(known["metric"]) >= {"mrr", "nrr", "expansion_mrr", "renewal_rate", "csat", "fcr", "health_score"}
    assert {name for name in found if not found[name].equals(expected[name])} == set()


def test_every_published_number_is_the_same_also_of_what_people_download(tmp_path):
    days = DAYS[-2:]
    expected = numbers(as_canonical(tmp_path / "canonical", days, is_downloaded=True))
    found = numbers(as_written(tmp_path / "written", "dashboard", days))
    known = expected["metric_month"].filter(pl.col("value").is_not_null())
    assert known.height > 1_000
    assert set(known["metric"]) >= {"mrr", "nrr", "expansion_mrr", "renewal_rate", "csat", "fcr", "health_score"}
    assert "non_recurring_revenue" not in set(known["metric"])
    assert found.keys() == expected.keys()
    assert {name for name in found if not found[name].equals(expected[name])} == set()
