"""The example company's billing is the same, whoever wrote Stripe's objects down, as in the canonical form."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from examples.generator.vendors import stripe, writing
from tests.integration.small_company import SmallCompany
from tests.vendors.example_rows import as_csv, exported
from tests.vendors.told_alike import content, differences

DAYS = (date(2026, 7, 31), date(2026, 10, 31))
"""The company is exported at the end of each."""
SETTINGS = {
    "company": "Tidewater Software",
    "as_of": "2026-10-31",
    "first_month": "2024-05-01",
    "history_from": "2024-05-01",
    "reporting": {"currency": "EUR", "time_zone": "Europe/Berlin"},
}
TABLES = ("accounts", "subscription_items", "invoices")


def accounts() -> list[stripe.Row]:
    told = ("account_id", "account_name", "country", "signup_on")
    return [{name: row[name] for name in told} for row in exported("crm/accounts.csv")]


def invoices() -> list[stripe.Row]:
    """Without the faulty ones, which are another test's. What doesn't recur of an invoice Stripe always tells."""
    rows = exported("billing/invoices.csv")
    seen = Counter(row["invoice_id"] for row in rows)
    right = [
        row for row in rows if seen[row["invoice_id"]] == 1 and row["amount"].isdigit() and "/" not in row["issued_on"]
    ]
    return [{**row, "one_off_amount": row["one_off_amount"] or "0"} for row in right]


def midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), stripe.ZONE)


def canonical(
    folder: Path,
    items: Mapping[date, list[stripe.Row]],
    billed: list[stripe.Row],
    named: list[stripe.Row] | None = None,
) -> SmallCompany:
    """The company whose exports are canonical files, which show the present alone."""
    company = SmallCompany(folder)
    for day, rows in items.items():
        name = f"{day + timedelta(days=1)}.csv"
        for table, found in (("accounts", named or accounts()), ("subscription_items", rows), ("invoices", billed)):
            writing.write({f"{table}-{name}": as_csv(found).encode()}, folder / "billing")
    files = {table: f"{table}-*.csv" for table in TABLES}
    return configured(company, {"form": "canonical", "folder": "billing", "files": files})


def configured(company: SmallCompany, source: Mapping[str, object]) -> SmallCompany:
    company.config.write_text(yaml.safe_dump({**SETTINGS, "sources": {"billing": source}}))
    return company


def written(folder: Path, how: str, items: Mapping[date, list[stripe.Row]], billed: list[stripe.Row]) -> SmallCompany:
    """The company whose exports are Stripe's objects, written down by somebody."""
    written_by, writer = writing.WRITERS[how]
    for day, rows in items.items():
        of = stripe.subscriptions(rows, day)
        kinds = [of, stripe.prices(of), stripe.coupons(of), stripe.customers(accounts()), stripe.invoices(billed),
                 stripe.credit_notes(billed)]  # fmt: skip
        writing.write(writer(kinds, midnight_after(day)), folder / "stripe")
    return configured(SmallCompany(folder), {"form": "stripe", "written_by": written_by, "folder": "stripe"})


def staged(company: SmallCompany, tables: Iterable[str] = TABLES) -> dict[str, pl.DataFrame]:
    company.data.mkdir(parents=True, exist_ok=True)
    company.ingest(tables)
    project = company.project()
    return {table: content(project.staged(table)) for table in tables}


@pytest.fixture(scope="module")
def all_items() -> dict[date, list[stripe.Row]]:
    every = exported("billing/subscription_items.csv")
    return {day: stripe.items_on(day, every) for day in DAYS}


@pytest.fixture(scope="module")
def as_canonical(tmp_path_factory, all_items) -> dict[str, pl.DataFrame]:
    return staged(canonical(tmp_path_factory.mktemp("canonical"), all_items, invoices()))


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how != "dashboard"])
def test_the_billing_of_a_company_is_the_same_whoever_wrote_it_down(how, tmp_path, all_items, as_canonical):
    found = staged(written(tmp_path, how, all_items, invoices()))
    for table, rows in as_canonical.items():
        assert rows.height > 200
        assert differences(rows, found[table]) == [], table


def as_people_see_it(row: stripe.Row, day: date) -> stripe.Row:
    """What stands in the CSV file that people download: a subscription without items, and the id of its price.

    It doesn't tell an end that is still to come on a day of its own.
    """
    unseen = ("discount_amount", "discount_ends_on", "is_metered", "interval_count")
    told = {name: value for name, value in row.items() if name not in unseen}
    if told["ended_on"] > day.isoformat():
        told["ended_on"] = ""
    return {**told, "item_id": row["subscription_id"], "plan": stripe.price_of(row)}


def is_seen_whole(row: stripe.Row, items: list[stripe.Row]) -> bool:
    alone = sum(other["subscription_id"] == row["subscription_id"] for other in items) == 1
    return alone and row["interval_count"] == "1" and not row["discount_amount"] and row["is_metered"] != "true"


def test_what_people_download_tells_the_same_of_subscriptions_of_one_plain_item(tmp_path, all_items):
    plain = {day: [row for row in rows if is_seen_whole(row, rows)] for day, rows in all_items.items()}
    shown = {day: [as_people_see_it(row, day) for row in rows] for day, rows in plain.items()}
    billed = [{**row, "one_off_amount": "", "refunded": ""} for row in invoices()]
    named = [{**row, "country": ""} for row in accounts()]
    expected = staged(canonical(tmp_path / "canonical", shown, billed, named))
    found = staged(written(tmp_path / "stripe", "dashboard", plain, invoices()))
    for table, rows in expected.items():
        assert rows.height > 100
        assert differences(rows, found[table]) == [], table
