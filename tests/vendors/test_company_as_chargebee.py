"""The example company's billing is the same, whoever wrote Chargebee's objects down, as in the canonical form."""

from collections.abc import Mapping
from datetime import date

import polars as pl
import pytest

from examples.generator.vendors import chargebee, writing
from examples.generator.vendors.stripe import Row
from tests.vendors.example_rows import as_csv, exported
from tests.vendors.one_source import ingested
from tests.vendors.test_stripe_as_written import accounts, invoices, midnight_after
from tests.vendors.told_alike import content, differences

DAY = date(2026, 10, 31)


def staged(folder, files, source, tables) -> dict[str, pl.DataFrame]:
    found = ingested(folder, files, source, list(tables), first_month="2024-05-01", history_from="2024-05-01")
    assert found.rejects() == []
    return {name: content(found.rows(name)) for name in tables}


@pytest.fixture(scope="module")
def told() -> Mapping[str, list[Row]]:
    items = chargebee.told_on(DAY, exported("billing/subscription_items.csv"))
    return {"accounts": accounts(), "subscription_items": items, "invoices": invoices()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory, told) -> dict[str, pl.DataFrame]:
    files = {f"{name}-2026-11-01.csv": as_csv(rows) for name, rows in told.items()}
    source = {"form": "canonical", "files": {name: f"{name}-*.csv" for name in told}}
    return staged(tmp_path_factory.mktemp("canonical"), files, source, told)


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how != "dashboard"])
def test_the_billing_of_a_company_is_the_same_whoever_wrote_it_down(how, tmp_path, told, expected):
    written_by, writer = writing.WRITERS[how]
    kinds = chargebee.objects(told["subscription_items"], told["invoices"], told["accounts"], DAY)
    files = writer(kinds, midnight_after(DAY))
    found = staged(tmp_path, files, {"form": "chargebee", "written_by": written_by}, told)
    for table, rows in expected.items():
        assert rows.height > 200
        assert differences(rows, found[table]) == [], table
