"""A folder of what people download from Stripe, HubSpot and Zendesk becomes the numbers of customer success."""

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from examples.generator.vendors import stripe, writing
from tests.integration.small_company import SmallCompany
from tests.vendors.example_rows import EXAMPLE, as_csv, exported
from tests.vendors.test_stripe_as_written import DAYS, accounts, invoices, is_seen_whole, midnight_after

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CONFIG = README[README.index("company: My company") :].partition("```")[0]
"""The README's whole config, letter by letter."""
BERLIN = ZoneInfo("Europe/Berlin")
INTERVALS = {"month": 1, "year": 12}


def companies() -> str:
    """HubSpot's companies: each account under a number of HubSpot's own."""
    return as_csv(
        [
            {
                "Record ID": 9_000_000_000 + number,
                "Company name": row["account_name"],
                "Company Domain Name": stripe.domain_of(row["account_id"]),
                "Create Date": f"{row['signup_on']} 09:00",
                "Company owner": row["csm_owner"],
                "Industry": row["industry"],
                "Country/Region": row["country"],
            }
            for number, row in enumerate(exported("crm/accounts.csv"))
        ]
    )


def local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(BERLIN):%Y-%m-%d %H:%M}" if instant else ""


def tickets(names: dict[str, str]) -> str:
    """Zendesk's tickets since July: in the account's time zone, under the names of organizations."""
    told = []
    for row in exported("support/tickets.csv"):
        if not row["created_at"].startswith("2026-") or row["created_at"] < "2026-07" or row["account_id"] not in names:
            continue
        replied = row["first_replied_at"] and datetime.fromisoformat(row["first_replied_at"]) - datetime.fromisoformat(
            row["created_at"]
        )
        told.append(
            {
                "Id": row["ticket_id"][1:],
                "Requester id": row["requester_id"] or "1",
                "Requester domain": stripe.domain_of(row["account_id"]),
                "Organization": names[row["account_id"]],
                "Tags": "closed_by_merge" if row["is_merged"] == "true" else "",
                "Status": row["status"].capitalize(),
                "Priority": row["priority"].capitalize(),
                "Via": row["channel"],
                "Ticket type": "Question",
                "Created at": local(row["created_at"]),
                "Solved at": local(row["last_solved_at"]),
                "Satisfaction Score": {"": "Not Offered"}.get(
                    row["satisfaction_score"], "Good" if float(row["satisfaction_score"] or 0) >= 4 else "Bad"
                ),
                "Reopens": row["reopens"] or 0,
                "Replies": row["public_agent_replies"] or 0,
                "First reply time in minutes": int(replied / timedelta(minutes=1)) if replied else "",
            }
        )
    return as_csv(told)


def downloaded(shown: list[stripe.Row]) -> list[stripe.Row]:
    """The subscriptions that Stripe's CSV tells whole, monthly and yearly ones."""
    return [row for row in shown if is_seen_whole(row, shown) and row["interval_unit"] in INTERVALS]


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> SmallCompany:
    folder: Path = tmp_path_factory.mktemp("downloads")
    every = exported("billing/subscription_items.csv")
    for day in DAYS:
        shown = stripe.items_on(day, every)
        plain = downloaded(shown)
        kinds = [stripe.subscriptions(plain, day), stripe.customers(accounts()), stripe.invoices(invoices())]
        writing.write(writing.as_dashboard(kinds, midnight_after(day)), folder / "downloads" / "stripe")
    rates = (EXAMPLE / "finance" / "fx_rates.csv").read_bytes()
    names = {row["account_id"]: row["account_name"] for row in exported("crm/accounts.csv")}
    writing.write(
        {
            "downloads/hubspot/hubspot-crm-exports-all-companies-2026-11-01.csv": companies().encode(),
            "downloads/zendesk/export_2026_11_01_id_1.csv": tickets(names).encode(),
            "finance/fx_rates.csv": rates,
        },
        folder,
    )
    company = SmallCompany(folder)
    company.data.mkdir()
    # Of the months only the last two are needed here; this company has customers in other currencies.
    told = CONFIG.replace("first_month: 2026-01-01", "first_month: 2026-09-01").replace("# finance:", "finance:")
    company.config.write_text(told)
    company.run()
    company.publish()
    return company


def test_the_config_is_short():
    assert 5 < len(CONFIG.splitlines()) <= 25


def test_mrr_is_that_of_the_subscriptions_that_run_on_the_day(company):
    """From the rows themselves, each in its own currency at the rate of the month, a customer at a time."""
    shown = stripe.items_on(DAYS[1], exported("billing/subscription_items.csv"))
    rates = {
        row["currency"]: Fraction(row["rate"])
        for row in exported("finance/fx_rates.csv")
        if row["month"] == "2026-10-01"
    } | {"EUR": Fraction(1)}
    total = Fraction(0)
    for row in shown:
        runs = not row["ended_on"] or row["ended_on"] > "2026-10-31"
        on_trial = bool(row["trial_ends_on"]) and row["trial_ends_on"] > "2026-10-31"
        if row in downloaded(shown) and runs and not on_trial:
            major = 1 if row["currency"] == "JPY" else Fraction(1, 100)
            line = int(row["unit_amount"]) * int(row["quantity"] or 1) * major / INTERVALS[row["interval_unit"]]
            total += line * rates[row["currency"]] * 100
    value, reason = company.value("mrr", "2026-10")
    assert reason is None
    assert value == pytest.approx(float(total), abs=100)


@pytest.mark.parametrize("metric", ["mrr", "churn_rate", "nrr", "grr", "fcr", "csat"])
def test_the_numbers_of_customer_success_are_known(company, metric):
    value, reason = company.value(metric, "2026-10")
    assert reason is None
    assert value is not None


def test_customers_of_billing_and_support_are_the_crm_s_accounts_by_their_domains(company):
    project = company.project()
    links = project.staged("account_links")
    assert dict(links.group_by("source", "rule").len().select("source", "len").rows())["billing"] > 250
    alone = project.staged("subscription_items").filter(pl.col("account_id").str.starts_with("billing:"))
    every = exported("billing/subscription_items.csv")
    paying = {row["account_id"] for day in DAYS for row in downloaded(stripe.items_on(day, every))}
    unknown = paying - {row["account_id"] for row in exported("crm/accounts.csv")}
    assert set(alone["account_id"]) == {f"billing:{customer}" for customer in unknown}
    assert project.staged("tickets").filter(pl.col("account_id").str.starts_with("support:")).height == 0


def test_ratings_of_october_are_its_good_ones_in_their_share(company):
    """From the rows themselves; a rating without a time is one of when the ticket was last solved."""
    rated = [
        float(row["satisfaction_score"]) >= 4
        for row in exported("support/tickets.csv")
        if row["satisfaction_score"]
        and row["created_at"] >= "2026-07"
        and local(row["last_solved_at"]) >= "2026-10"
        and row["is_merged"] != "true"
        and row["account_id"] in {each["account_id"] for each in accounts()}
    ]
    value, _ = company.value("csat", "2026-10")
    assert value == pytest.approx(sum(rated) / len(rated))
