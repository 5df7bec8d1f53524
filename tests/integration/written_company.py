"""The example company with its billing, CRM and support as canonical files, or as Stripe's, HubSpot's and Zendesk's."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from examples.generator.vendors import hubspot, stripe, writing, zendesk
from examples.generator.vendors.numbered import numbered
from examples.generator.vendors.stripe import Row
from tests.integration.small_company import ROOT, SmallCompany, ordered
from tests.integration.test_arrivals import Shown, readers_find
from tests.vendors.example_rows import as_csv, exported
from tests.vendors.test_company_as_hubspot import in_minutes
from tests.vendors.test_stripe_as_written import as_people_see_it, invoices, is_seen_whole, midnight_after
from transforms.calendar import months_between

AS_OF = dt.date(2026, 10, 31)
Days = tuple[dt.date, ...]
"""Billing is exported at the end of each, all else at the end of the last; months are built from the second on."""
KEPT = {
    "success": ("csm_activities", "milestones", "churn_events"),
    "product": ("usage_events",),
    "surveys": ("survey_responses",),
    "finance": ("costs", "fx_rates"),
}
"""Sources that are canonical either way."""
CANONICAL = {
    "crm": ("accounts", "account_links", "renewals"),
    "billing": ("subscription_items", "invoices"),
    "support": ("tickets",),
}
IDS = {"account_id", "ticket_id"}
UNSEEN = {"one_off_amount", "refunded", "satisfaction_at"}
"""What no file that people download tells: what lines and credit notes say, and when a ticket was rated."""
OF_FILES = {"export_file", "quarantine", "left_out"}
"""Tables that tell of files and of their rows, and not of the company."""
ANYBODYS = "billing@gmail.com"
"""An address that tells nobody's domain."""


def numbers_in(rows: Iterable[Row]) -> list[Row]:
    """The rows with the CRM's numbers of accounts, and the numbers of tickets; whom only Stripe knows keeps his id."""
    return [
        {
            name: numbered(value) if name in IDS and not value.startswith("cus_") else value
            for name, value in row.items()
        }
        for row in rows
    ]


def month_ends(first: dt.date) -> Days:
    """The last days of all months from this one on, and of the one before."""
    return tuple(month - dt.timedelta(days=1) for month in months_between(first, dt.date(2026, 11, 1)))


def items(days: Days, *, is_downloaded: bool = False) -> dict[dt.date, list[Row]]:
    """By day the items that Stripe can show; in what people download those of subscriptions of one plain item."""
    every = exported("billing/subscription_items.csv")
    found = {day: stripe.items_on(day, every) for day in days}
    if not is_downloaded:
        return found
    return {day: [row for row in rows if is_seen_whole(row, rows)] for day, rows in found.items()}


def canonical_files(days: Days, *, is_downloaded: bool = False) -> dict[str, dict[str, list[Row]]]:
    """By source and file the rows; of tickets, accounts and so on what the vendors can tell.

    What people download tells no minute's seconds either, and of subscriptions no second item, discount, or price by
    usage, and no end that is still to come: the reasons are said where that is left out.
    """
    name = f"{AS_OF + dt.timedelta(days=1)}.csv"
    subscribed = {day: numbers_in(rows) for day, rows in items(days, is_downloaded=is_downloaded).items()}
    billed, tickets = numbers_in(invoices()), zendesk.kept(zendesk.told(exported("support/tickets.csv")))
    if is_downloaded:
        subscribed = {day: [as_people_see_it(row, day) for row in rows] for day, rows in subscribed.items()}
        billed, tickets = without(billed, UNSEEN), without(map(in_minutes, tickets), UNSEEN)
    else:
        subscribed = {day: with_lines(rows) for day, rows in subscribed.items()}
    # Usage before the first of them is in no month that is built.
    events = [row for row in exported("product/usage_events.csv") if row["occurred_at"] >= f"{days[0]}"]
    return {
        "crm": {
            f"accounts-{name}": hubspot.accounts_told(exported("crm/accounts.csv")),
            f"account_links-{name}": numbers_in(exported("crm/account_links.csv")),
            f"renewals-{name}": hubspot.renewals_told(exported("crm/renewals.csv")),
        },
        "billing": {f"subscription_items-{day + dt.timedelta(days=1)}.csv": rows for day, rows in subscribed.items()}
        | {f"invoices-{name}": billed},
        "support": {f"tickets-{name}": tickets},
        "success": {f"{table}-{name}": numbers_in(exported(f"crm/{table}.csv")) for table in KEPT["success"]},
        "product": {f"usage_events-{name}": numbers_in(events)},
        "surveys": {f"survey_responses-{name}": numbers_in(exported("surveys/survey_responses.csv"))},
        "finance": {f"{table}-{name}": exported(f"finance/{table}.csv") for table in KEPT["finance"]},
    }


def with_lines(rows: Iterable[Row]) -> list[Row]:
    """The items with the column of amounts of lines: Stripe's files have it, and no item here needs it."""
    return [{**row, "line_amount": ""} for row in rows]


def without(rows: Iterable[Row], columns: Collection[str]) -> list[Row]:
    """The rows without some columns."""
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]


def as_canonical(folder: Path, days: Days, *, is_downloaded: bool = False) -> SmallCompany:
    """The company whose exports are all canonical files; nothing is ingested.

    `is_downloaded`: they tell what stands in the files that people download, and no more.
    """
    company = with_files(folder, canonical_files(days, is_downloaded=is_downloaded))
    configure(company, days, {source: canonical(source, tables) for source, tables in CANONICAL.items()})
    return company


def with_files(folder: Path, sources: Mapping[str, Mapping[str, list[Row]]]) -> SmallCompany:
    """A company with these canonical files, which hashes persons as all others here do, and has no config yet."""
    company = SmallCompany(folder)
    for source, files in sources.items():
        for name, rows in files.items():
            writing.write({name: as_csv(rows).encode()}, folder / source)
    company.data.mkdir(parents=True)
    key = company.data / "person_id.key"
    key.touch(mode=0o600)
    key.write_text("0123456789abcdef0123456789abcdef")
    return company


def canonical(source: str, tables: Iterable[str]) -> dict[str, Any]:
    """A source of canonical files, as the config tells it."""
    return {"form": "canonical", "folder": source, "files": {table: f"{table}-*.csv" for table in tables}}


def configure(company: SmallCompany, days: Days, sources: dict[str, Any]) -> None:
    """The example's config, of some months, with these sources beside those that stay canonical."""
    config = yaml.safe_load((ROOT / "customer_success.yaml").read_text())
    kept = {source: canonical(source, tables) for source, tables in KEPT.items() if source not in sources}
    first = str(days[1].replace(day=1))
    months = {"first_month": first, "history_from": first}
    scales = [([0, 1], [1, 1]), ([1, 5], [4, 5]), ([1, 7], [5, 7])]
    csat = [{"scale": scale, "positive": positive} for scale, positive in scales]
    told = {**config, **months, "feedback": {"csat": csat}, "sources": {**sources, **kept}}
    company.config.write_text(yaml.safe_dump(told, sort_keys=False))


def as_written(folder: Path, how: str, days: Days) -> SmallCompany:
    """The company whose billing, CRM and support are vendors' objects, written down by somebody."""
    name, writer = writing.WRITERS[how]
    is_downloaded = name == "dashboard"
    company = as_canonical(folder, days, is_downloaded=is_downloaded)
    accounts, last = hubspot.accounts_told(exported("crm/accounts.csv")), midnight_after(AS_OF)
    kinds = {
        "crm": hubspot.crm(accounts, hubspot.renewals_told(exported("crm/renewals.csv"))),
        "support": zendesk.objects(zendesk.told(exported("support/tickets.csv")), accounts),
        "billing": [
            stripe.customers(customers(accounts)),
            stripe.invoices(under_customers(invoices())),
            stripe.credit_notes(invoices()),
        ],
    }
    for source, objects in kinds.items():
        writing.write(writer(objects, last), company.folder / f"{source} of vendor")
    for day, rows in items(days, is_downloaded=is_downloaded).items():
        of = stripe.subscriptions(under_customers(rows), day)
        files = writer([of, stripe.prices(of), stripe.coupons(of)], midnight_after(day))
        writing.write(files, company.folder / "billing of vendor")
    options: dict[str, tuple[str, dict[str, Any]]] = {
        "crm": ("hubspot", hubspot.options(name)),
        "billing": ("stripe", {"crm_id": stripe.CRM_ID.get(name, "metadata.crm_id")}),
        "support": ("zendesk", zendesk.OPTIONS),
    }
    sources = {
        source: {"form": form, "written_by": name, "folder": f"{source} of vendor", "options": said}
        for source, (form, said) in options.items()
    }
    configure(company, days, sources)
    return company


def customer_of(account: str) -> str:
    """What Stripe calls who is billed."""
    return account if account.startswith("cus_") else f"cus_{account}"


def under_customers(rows: Iterable[Row]) -> list[Row]:
    """The rows of billing with Stripe's ids of customers."""
    return [{**row, "account_id": customer_of(row["account_id"])} for row in rows]


def customers(accounts: Iterable[Row]) -> list[Row]:
    """Who is billed: all are found in the CRM by what the rules of `identity` ask for, but for one that nobody knows.

    Most name their account, and have nothing else that tells it; some are known by the domain or the name alone.
    """
    links = {numbered(row["account_id"]): row for row in exported("crm/account_links.csv")}
    told: list[Row] = [{"account_id": "cus_9", "account_name": "Nobody knows", "country": "", "email": ANYBODYS,
                        "signup_on": "2024-05-01"}]  # fmt: skip
    for row in accounts:
        number, link = row["account_id"], links.get(row["account_id"])
        rule = link["rule"] if link else "crm_id"
        told.append(
            {
                **row,
                "account_id": link["source_account_id"] if link else f"cus_A{number[1:]}",
                "account_name": row["account_name"] if rule == "name" else f"Payer {number}",
                "email": f"billing@{stripe.domain_of(number)}" if rule == "domain" else ANYBODYS,
                "crm_id": number if rule in {"crm_id", "manual"} else "",
            }
        )
    return told


def numbers(company: SmallCompany) -> Shown:
    """Every table and view that readers find after all is built from nothing and published, but for what is of files.

    And but for the share of the company's MRR that the helpdesk names.
    """
    company.ingest()
    company.build()
    assert company.stale() == []
    assert company.publish() == 1
    found = {name: rows for name, rows in readers_find(company).items() if name not in OF_FILES}
    of_files = pl.col("name").str.starts_with("rows read are loaded or quarantined")
    # A helpdesk names all its organizations, a canonical file those that wrote tickets.
    by_named = pl.col("source") == "support"
    shares = [pl.when(~by_named).then(name).alias(name) for name in ("mrr_in_crm_cents", "mrr_share")]
    return found | {
        "invariant": found["invariant"].filter(~of_files),
        "identity_coverage": ordered(found["identity_coverage"].with_columns(shares)),
    }
