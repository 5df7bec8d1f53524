"""Whose row it is, what a day can know of it, and how snapshots of the present become a history."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from schemas.billing import FxRates, Invoices, Renewals, SubscriptionItems
from schemas.customers import AccountLinks, Accounts
from schemas.support import Tickets
from tests.frames import at, day, months, mrr_of, rows
from transforms.clean.directory import Crms
from transforms.clean.resolve import external, internal_accounts, resolve
from transforms.clean.snapshots import Snapshot, Versioning, earliest_known, latest_by_key, of_days, remember
from transforms.clean.versions import from_first_day
from transforms.visible import seen_on

# --- accounts of rows -------------------------------------------------------------------------------------------------


CRM = Crms(("all",))
"""The only source with accounts."""


def crm(*accounts: tuple[str, bool | None]) -> pl.DataFrame:
    """The CRM's accounts: (id, is_internal)."""
    return rows(Accounts, *({"account_id": name, "is_internal": internal} for name, internal in accounts))


def links(*matched: tuple[str, str, str]) -> pl.DataFrame:
    """(source, the vendor's id, the CRM's id)."""
    names = ("source", "source_account_id", "account_id")
    return rows(AccountLinks, *(dict(zip(names, match, strict=True)) for match in matched))


def resolved(
    *ids: str | None, source: str = "stripe", accounts: pl.DataFrame | None = None, linked: pl.DataFrame | None = None
) -> list[str]:
    """The account ids that a source's rows get, in their order."""
    frame = rows(
        Invoices, *({"invoice_id": str(n), "account_id": id_, "export_source": source} for n, id_ in enumerate(ids))
    )
    out = resolve(frame, accounts, links() if linked is None else linked, Crms() if accounts is None else CRM)
    assert out.columns == frame.columns
    return out["account_id"].to_list()


def test_a_link_decides_before_an_equal_id_in_the_crm():
    known = crm(("A1", None), ("A2", None))
    assert resolved("A1", accounts=known, linked=links(("stripe", "A1", "A2"))) == ["A2"]


def test_a_link_holds_only_for_its_own_source():
    known, linked = crm(("A1", None), ("A2", None)), links(("zendesk", "A1", "A2"))
    assert resolved("A1", source="stripe", accounts=known, linked=linked) == ["A1"]
    assert resolved("A1", source="zendesk", accounts=known, linked=linked) == ["A2"]


def test_an_id_of_the_crm_is_the_account():
    assert resolved("A1", accounts=crm(("A1", None))) == ["A1"]


def test_an_id_the_crm_does_not_know_is_an_account_of_its_own():
    assert resolved("cus_9", accounts=crm(("A1", None))) == ["stripe:cus_9"]
    assert resolved("cus_9", source="zendesk", accounts=crm(("A1", None))) == ["zendesk:cus_9"]


def test_ids_keep_their_leading_zeros_and_their_case():
    known = crm(("7", None), ("a1", None))
    assert resolved("007", "A1", accounts=known) == ["stripe:007", "stripe:A1"]


def test_no_id_is_the_unknown_account_with_or_without_a_crm():
    assert resolved(None, accounts=crm(("A1", None))) == ["(unknown)"]
    assert resolved(None) == ["(unknown)"]


def test_rows_of_internal_accounts_are_dropped_also_when_a_link_leads_there():
    known = crm(("A1", True), ("A2", False), ("A3", None))
    assert resolved("A1", "A2", "A3", "cus_1", accounts=known, linked=links(("stripe", "cus_1", "A1"))) == ["A2", "A3"]


def test_a_customer_linked_away_from_an_internal_id_is_kept():
    known = crm(("A1", True), ("A2", None))
    assert resolved("A1", accounts=known, linked=links(("stripe", "A1", "A2"))) == ["A2"]


def test_without_a_crm_every_id_stands_for_itself_unless_a_link_says_otherwise():
    assert resolved("cus_9", "cus_8", linked=links(("stripe", "cus_8", "A8"))) == ["cus_9", "A8"]


def test_an_empty_crm_is_a_crm_that_knows_nobody():
    assert resolved("cus_9", accounts=crm()) == ["stripe:cus_9"]


def test_several_versions_of_an_account_do_not_repeat_its_rows():
    known = rows(
        Accounts,
        {"account_id": "A1", "known_from": day("2024-01-01"), "is_internal": False},
        {"account_id": "A1", "known_from": day("2024-03-01"), "is_internal": False},
    )
    assert resolved("A1", "A1", accounts=known) == ["A1", "A1"]


def test_rows_keep_their_order_and_everything_else_they_say():
    known = crm(("A1", None))
    frame = rows(
        Invoices,
        *(
            {"invoice_id": f"N{n}", "account_id": name, "export_source": "stripe", "amount": 10 * n, "currency": "EUR"}
            for n, name in enumerate(["A1", "x", None, "A1"])
        ),
    )
    out = resolve(frame, known, links(), CRM)
    assert out.drop("account_id").equals(frame.drop("account_id"))


def test_what_the_crm_last_said_decides_who_is_internal():
    def said(*versions: tuple[str | None, bool | None]) -> list[str]:
        known = rows(
            Accounts,
            *(
                {"account_id": "A1", "known_from": since and day(since), "is_internal": internal}
                for since, internal in versions
            ),
        )
        assert external(known).height == (0 if internal_accounts(known).to_list() else known.height)
        return internal_accounts(known).to_list()

    assert said(("2024-01-01", False), ("2024-03-01", True)) == ["A1"]
    assert said(("2024-03-01", False), ("2024-01-01", True)) == []
    assert said((None, True), ("2024-01-01", False)) == []
    assert said((None, True), ("2024-01-01", None)) == []  # unknown is not internal
    assert said((None, True)) == ["A1"]


def test_external_leaves_customers():
    assert external(crm(("A1", True), ("A2", False), ("A3", None)))["account_id"].to_list() == ["A2", "A3"]


# --- snapshots → versions ---------------------------------------------------------------------------------------------

KEY = ["subscription_id", "item_id"]


def item(**said: Any) -> dict[str, Any]:
    """An item as an export of the present shows it: 100.00 a month since 10 January 2024."""
    given = {
        "subscription_id": "S1",
        "item_id": "I1",
        "account_id": "A",
        "unit_amount": 100_00,
        "currency": "EUR",
        "interval_unit": "month",
        "started_on": "2024-01-10",
        **said,
    }
    return {name: day(text) if name.endswith("_on") and text else text for name, text in given.items()}


def history(*snapshots: tuple[str, list[dict[str, Any]]]) -> pl.DataFrame:
    """What the snapshots (day shown, items shown) together make."""
    known = SubscriptionItems.blank()
    for number, (shown_on, items) in enumerate(snapshots):
        came_from = {"export_source": "stripe", "export_file": f"{number}.csv", "export_line": 2}
        landed = rows(SubscriptionItems, *({**each, **came_from, "exported_at": at(shown_on)} for each in items))
        known = remember(known, landed, KEY, "valid_from", "started_on", day(shown_on))
    return known


def told(known: pl.DataFrame, name: str = "unit_amount") -> list[tuple[str | None, Any]]:
    """The versions as (valid_from, what they say), oldest first."""
    ordered = known.sort("valid_from", nulls_last=False, maintain_order=True)
    return [(since and since.isoformat(), said) for since, said in ordered.select("valid_from", name).rows()]


def mrr(known: pl.DataFrame, last: str = "2024-04") -> dict[str, int]:
    """Closing MRR of account A by month, from the versions."""
    made = mrr_of(known, FxRates.blank(), months("2024-01", last), dt.date(2099, 1, 1))
    return {f"{month:%Y-%m}": cents for month, cents in made.select("month", "closing_cents").rows() if cents}


def test_a_row_seen_for_the_first_time_speaks_from_its_own_beginning():
    assert told(history(("2024-03-05", [item()]))) == [("2024-01-10", 100_00)]


def test_a_row_first_seen_in_a_later_snapshot_speaks_from_its_own_beginning_too():
    late = item(item_id="I2", started_on="2024-02-20")
    known = history(("2024-02-05", [item()]), ("2024-03-05", [item(), late]))
    assert told(known.filter(item_id="I2")) == [("2024-02-20", 100_00)]
    assert told(known.filter(item_id="I1")) == [("2024-01-10", 100_00)]


def test_where_its_beginning_is_empty_a_first_version_speaks_always():
    shown = rows(Accounts, {"account_id": "A1", "size": "S"})
    known = remember(Accounts.blank(), shown, ["account_id"], "known_from", "signup_on", day("2024-02-05"))
    changed = rows(Accounts, {"account_id": "A1", "size": "M"})
    known = remember(known, changed, ["account_id"], "known_from", "signup_on", day("2024-03-05"))
    assert known.sort("known_from", nulls_last=False).select("known_from", "size").rows() == [
        (None, "S"),
        (day("2024-03-05"), "M"),
    ]


def test_a_change_speaks_from_the_first_export_that_shows_it():
    known = history(
        ("2024-02-05", [item()]),
        ("2024-03-05", [item(unit_amount=150_00)]),
        ("2024-04-05", [item(unit_amount=150_00)]),
    )
    assert told(known) == [("2024-01-10", 100_00), ("2024-03-05", 150_00)]
    assert mrr(known) == {"2024-01": 100_00, "2024-02": 100_00, "2024-03": 150_00, "2024-04": 150_00}


def test_an_unchanged_row_adds_no_version_whatever_file_and_line_it_comes_from():
    assert history(("2024-02-05", [item()]), ("2024-03-05", [item()]), ("2024-04-05", [item()])).height == 1


def test_an_instant_of_change_that_moves_alone_adds_no_version():
    known = history(
        ("2024-02-05", [item(changed_at=at("2024-02-04T10:00"))]),
        ("2024-03-05", [item(changed_at=at("2024-03-04T10:00"))]),
    )
    assert told(known) == [("2024-01-10", 100_00)]


def test_a_change_back_is_a_version_of_its_own():
    known = history(("2024-02-05", [item()]), ("2024-03-05", [item(unit_amount=150_00)]), ("2024-04-05", [item()]))
    assert told(known) == [("2024-01-10", 100_00), ("2024-03-05", 150_00), ("2024-04-05", 100_00)]


@pytest.mark.parametrize(("before", "after"), [(None, 3), (3, None), (3, 4)])
def test_a_value_that_appears_or_vanishes_is_a_change(before, after):
    known = history(("2024-02-05", [item(quantity=before)]), ("2024-03-05", [item(quantity=after)]))
    assert told(known, "quantity") == [("2024-01-10", before), ("2024-03-05", after)]


def test_two_empty_values_are_no_change():
    assert history(("2024-02-05", [item(plan=None)]), ("2024-03-05", [item(plan=None)])).height == 1


def test_a_row_that_is_no_longer_shown_stays():
    known = history(("2024-02-05", [item(), item(item_id="I2")]), ("2024-03-05", [item()]))
    assert told(known.filter(item_id="I2")) == [("2024-01-10", 100_00)]
    assert mrr(known)["2024-04"] == 200_00


def test_a_row_that_was_gone_and_is_shown_again_unchanged_adds_nothing():
    known = history(("2024-02-05", [item()]), ("2024-03-05", []), ("2024-04-05", [item()]))
    assert told(known) == [("2024-01-10", 100_00)]


def test_a_version_keeps_the_file_that_first_showed_it():
    known = history(("2024-02-05", [item()]), ("2024-03-05", [item(plan="Pro")]), ("2024-04-05", [item(plan="Pro")]))
    assert told(known, "export_file") == [("2024-01-10", "0.csv"), ("2024-03-05", "1.csv")]


def test_rows_of_one_subscription_have_each_their_own_history():
    known = history(
        ("2024-02-05", [item(), item(item_id="I2")]),
        ("2024-03-05", [item(), item(item_id="I2", unit_amount=7_00)]),
    )
    assert told(known.filter(item_id="I1")) == [("2024-01-10", 100_00)]
    assert told(known.filter(item_id="I2")) == [("2024-01-10", 100_00), ("2024-03-05", 7_00)]


def test_of_two_exports_on_one_day_the_later_one_speaks():
    known = history(
        ("2024-02-05", [item()]),
        ("2024-03-05", [item(unit_amount=150_00)]),
        ("2024-03-05", [item(unit_amount=180_00)]),
        ("2024-04-05", [item(unit_amount=180_00)]),
    )
    assert mrr(known) == {"2024-01": 100_00, "2024-02": 100_00, "2024-03": 180_00, "2024-04": 180_00}


def test_versions_from_snapshots_keep_the_key_of_the_contract():
    known = history(
        ("2024-01-10", [item()]),
        ("2024-01-10", [item(unit_amount=150_00)]),
        ("2024-03-05", [item(unit_amount=150_00)]),
    )
    assert not known.select(SubscriptionItems.grain()).is_duplicated().any()


def test_an_end_that_a_later_snapshot_shows_counts_from_its_own_day():
    # Ended on 20 February, shown by the export of 5 March: started_on and ended_on belong to the item.
    known = history(("2024-02-05", [item()]), ("2024-03-05", [item(ended_on="2024-02-20")]))
    assert mrr(known) == {"2024-01": 100_00}


def test_an_end_that_is_taken_back_before_its_day_does_not_end_the_item():
    known = history(("2024-02-05", [item()]), ("2024-03-05", [item(ended_on="2024-03-31")]), ("2024-03-20", [item()]))
    assert mrr(known) == {"2024-01": 100_00, "2024-02": 100_00, "2024-03": 100_00, "2024-04": 100_00}


def test_a_change_before_the_start_of_an_item_speaks_from_the_start():
    # Sold for 10 March, made dearer before it began.
    known = history(
        ("2024-02-05", [item(started_on="2024-03-10")]),
        ("2024-02-20", [item(started_on="2024-03-10", unit_amount=150_00)]),
    )
    assert mrr(known) == {"2024-03": 150_00, "2024-04": 150_00}


def test_a_change_before_the_start_of_an_item_is_noticed_once():
    dearer = item(started_on="2024-03-10", unit_amount=150_00)
    noticed = ("2024-02-05", [item(started_on="2024-03-10")]), ("2024-02-20", [dearer])
    assert history(*noticed, ("2024-04-05", [dearer])).height == history(*noticed).height


# --- several files with one key ---------------------------------------------------------------------------------------


def invoice(number: str, amount: int, exported: str, file: str = "a.csv", line: int = 2) -> dict[str, Any]:
    return {
        "invoice_id": number,
        "amount": amount,
        "exported_at": at(exported),
        "export_file": file,
        "export_line": line,
    }


def test_of_rows_with_one_key_that_of_the_newest_export_stays():
    frame = rows(
        Invoices,
        invoice("N1", 3, "2024-03-05T12:00", file="b.csv"),
        invoice("N1", 1, "2024-01-05T12:00", file="z.csv", line=99),
        invoice("N2", 5, "2024-01-05T12:00", file="z.csv"),
        invoice("N1", 2, "2024-03-05T11:59", file="y.csv"),
    )
    for shuffled in (frame, frame.reverse()):
        assert sorted(latest_by_key(shuffled, ["invoice_id"]).select("invoice_id", "amount").rows()) == [
            ("N1", 3),
            ("N2", 5),
        ]


def test_of_exports_of_one_instant_the_later_file_and_line_stay():
    frame = rows(
        Invoices,
        invoice("N1", 1, "2024-01-05", file="b.csv", line=9),
        invoice("N1", 2, "2024-01-05", file="b.csv", line=10),
        invoice("N1", 3, "2024-01-05", file="a.csv", line=11),
    )
    for shuffled in (frame, frame.reverse()):
        assert latest_by_key(shuffled, ["invoice_id"])["amount"].to_list() == [2]


def test_a_key_of_several_columns_is_taken_together():
    frame = rows(
        SubscriptionItems,
        {"subscription_id": "S1", "item_id": "I1", "exported_at": at("2024-01-05"), "quantity": 1},
        {"subscription_id": "S1", "item_id": "I2", "exported_at": at("2024-01-06"), "quantity": 2},
        {"subscription_id": "S2", "item_id": "I1", "exported_at": at("2024-01-07"), "quantity": 3},
        {"subscription_id": "S1", "item_id": "I1", "exported_at": at("2024-01-08"), "quantity": 4},
    )
    assert sorted(latest_by_key(frame, KEY)["quantity"].to_list()) == [2, 3, 4]


def test_without_a_key_every_row_stays():
    frame = rows(Invoices, invoice("N1", 1, "2024-01-05"), invoice("N1", 1, "2024-01-05"))
    assert latest_by_key(frame, []).height == 2


# --- what a day can know ----------------------------------------------------------------------------------------------

AS_OF = day("2024-03-15")


def test_a_row_dated_after_as_of_is_not_there():
    issued = rows(Invoices, *({"invoice_id": text, "issued_on": day(text)} for text in ("2024-03-15", "2024-03-16")))
    assert seen_on(issued, Invoices, AS_OF, "UTC")["invoice_id"].to_list() == ["2024-03-15"]


def test_what_happened_after_as_of_is_empty_and_what_is_planned_stays():
    paid_later = rows(
        Invoices,
        {"invoice_id": "N1", "issued_on": day("2024-03-01"), "due_on": day("2024-03-31"), "paid_on": day("2024-03-16")},
        {"invoice_id": "N2", "issued_on": day("2024-03-01"), "due_on": day("2024-03-31"), "paid_on": day("2024-03-15")},
    )
    seen = seen_on(paid_later, Invoices, AS_OF, "UTC")
    assert seen["paid_on"].to_list() == [None, day("2024-03-15")]
    assert seen["due_on"].to_list() == [day("2024-03-31")] * 2


def test_of_a_subscription_what_is_agreed_for_later_is_known():
    ahead = rows(
        SubscriptionItems,
        item(
            ended_on="2024-05-01", cancel_requested_on="2024-03-16", term_ends_on="2024-05-01",
            discount_ends_on="2024-04-01", trial_ends_on="2024-03-20",
        ),
    )  # fmt: skip
    seen = seen_on(ahead, SubscriptionItems, AS_OF, "UTC").row(0, named=True)
    assert seen["cancel_requested_on"] is None
    for planned in ("ended_on", "term_ends_on", "discount_ends_on", "trial_ends_on"):
        assert seen[planned] == ahead[planned][0], planned


def test_a_version_after_as_of_is_not_known_and_one_without_date_goes_by_its_start():
    several = rows(
        SubscriptionItems,
        item(valid_from=day("2024-03-15"), quantity=1),
        item(valid_from=day("2024-03-16"), quantity=2),
        item(item_id="I2", started_on="2024-03-15", quantity=3),
        item(item_id="I3", started_on="2024-03-16", quantity=4),
    )
    assert seen_on(several, SubscriptionItems, AS_OF, "UTC")["quantity"].to_list() == [1, 3]


def test_a_row_that_is_dated_by_a_plan_is_known_ahead():
    due_later = rows(
        Renewals, {"renewal_id": "R1", "term_started_on": day("2023-04-01"), "term_ended_on": day("2024-04-01")}
    )
    assert seen_on(due_later, Renewals, AS_OF, "UTC").height == 1


def test_the_day_of_an_instant_is_that_of_the_reporting_time_zone():
    # 23:30 in Berlin on the 15th is 22:30 UTC; half an hour past midnight is still the 15th in UTC.
    created = rows(
        Tickets,
        {"ticket_id": "before midnight", "created_at": at("2024-03-15T22:30")},
        {"ticket_id": "after midnight", "created_at": at("2024-03-15T23:30")},
    )
    assert seen_on(created, Tickets, AS_OF, "Europe/Berlin")["ticket_id"].to_list() == ["before midnight"]
    assert seen_on(created, Tickets, AS_OF, "UTC").height == 2


def test_an_instant_that_happened_after_as_of_is_empty():
    solved = rows(
        Tickets,
        {"ticket_id": "T1", "created_at": at("2024-03-10T09:00"), "last_solved_at": at("2024-03-15T23:30")},
    )
    assert seen_on(solved, Tickets, AS_OF, "Europe/Berlin")["last_solved_at"].to_list() == [None]
    assert seen_on(solved, Tickets, AS_OF, "UTC")["last_solved_at"].to_list() == [at("2024-03-15T23:30")]


def test_rows_without_a_date_are_always_known():
    undated = rows(Accounts, {"account_id": "A1"}, {"account_id": "A2", "known_from": day("2024-03-16")})
    assert seen_on(undated, Accounts, AS_OF, "UTC")["account_id"].to_list() == ["A1"]
    assert seen_on(links(("stripe", "x", "A1")), AccountLinks, AS_OF, "UTC").height == 1


# --- first versions ---------------------------------------------------------------------------------------------------


def starts(*items: dict[str, Any]) -> list[tuple[str, int]]:
    """(valid_from, unit_amount) after from_first_day, by day."""
    out = from_first_day(rows(SubscriptionItems, *items))
    return sorted((since.isoformat(), amount) for since, amount in out.select("valid_from", "unit_amount").rows())


def test_a_first_version_is_valid_from_the_first_day_of_service():
    late = item(valid_from=day("2024-02-05")), item(valid_from=day("2024-03-05"), unit_amount=150_00)
    assert starts(*late) == [("2024-01-10", 100_00), ("2024-03-05", 150_00)]
    assert starts(item(valid_from=day("2023-12-01"))) == [("2024-01-10", 100_00)]
    assert starts(item()) == [("2024-01-10", 100_00)]


def test_each_item_has_its_own_first_version():
    two = item(valid_from=day("2024-02-05")), item(item_id="I2", valid_from=day("2024-03-05"), unit_amount=7_00)
    assert starts(*two) == [("2024-01-10", 7_00), ("2024-01-10", 100_00)]


def test_of_versions_of_one_day_only_the_one_changed_last_is_kept():
    morning = item(valid_from=day("2024-02-05"), unit_amount=160_00, changed_at=at("2024-02-05T08:00"))
    noon = item(valid_from=day("2024-02-05"), unit_amount=130_00, changed_at=at("2024-02-05T12:00"))
    evening = item(valid_from=day("2024-02-05"), unit_amount=120_00, changed_at=at("2024-02-05T20:00"))
    first = item(valid_from=day("2024-01-10"))
    assert starts(noon, evening, first, morning) == [("2024-01-10", 100_00), ("2024-02-05", 120_00)]


def test_first_days_change_no_mrr():
    changed = rows(
        SubscriptionItems,
        item(valid_from=day("2024-02-05")),
        item(valid_from=day("2024-03-05"), unit_amount=150_00),
        item(item_id="I2", unit_amount=7_00),
    )
    assert mrr(changed) == {"2024-01": 107_00, "2024-02": 107_00, "2024-03": 157_00, "2024-04": 157_00}
    assert mrr(from_first_day(changed)) == mrr(changed)


def test_of_two_versions_agreed_before_the_start_the_later_one_still_speaks():
    # Quoted on 1 January, amended on 8 January, in service from 10 January.
    quoted = rows(
        SubscriptionItems,
        item(valid_from=day("2024-01-01")),
        item(valid_from=day("2024-01-08"), unit_amount=150_00),
    )
    assert mrr(quoted, last="2024-02") == {"2024-01": 150_00, "2024-02": 150_00}
    assert mrr(from_first_day(quoted), last="2024-02") == {"2024-01": 150_00, "2024-02": 150_00}


# --- columns that came later ------------------------------------------------------------------------------------------


def versions_of_one_account(*told: tuple[str, str | None]) -> pl.DataFrame:
    """Versions of account A1: (day of the export that told it, industry)."""
    return rows(
        Accounts,
        *(
            {
                "account_id": "A1",
                "known_from": day(on) if number else None,
                "industry": industry,
                "exported_at": at(f"{on}T00:00"),
            }
            for number, (on, industry) in enumerate(told)
        ),
    )


def test_before_the_first_export_that_has_a_column_its_earliest_value_holds():
    history = versions_of_one_account(("2024-01-01", None), ("2024-02-01", None), ("2024-03-01", "Retail"))
    lacking = [at("2024-01-01T00:00"), at("2024-02-01T00:00")]
    assert earliest_known(history, "industry", lacking)["industry"].to_list() == ["Retail"] * 3


def test_a_value_that_an_export_told_to_be_none_stays_none():
    history = versions_of_one_account(("2024-01-01", None), ("2024-02-01", None), ("2024-03-01", "Retail"))
    assert earliest_known(history, "industry", [at("2024-01-01T00:00")])["industry"].to_list() == [None, None, "Retail"]
    assert earliest_known(history, "industry", [])["industry"].to_list() == [None, None, "Retail"]


def test_one_account_s_later_value_is_not_another_s():
    both = pl.concat(
        [
            versions_of_one_account(("2024-01-01", None)),
            versions_of_one_account(("2024-03-01", "Retail")).with_columns(account_id=pl.lit("A2")),
        ]
    )
    found = earliest_known(both, "industry", [at("2024-01-01T00:00")])
    assert dict(found.select("account_id", "industry").iter_rows()) == {"A1": None, "A2": "Retail"}


def test_what_an_export_tells_of_former_days_is_a_snapshot_of_each_and_the_last_row_is_the_present():
    told = [("A", None, "gold"), ("A", "2026-02-01", "silver"), ("B", "2026-02-01", "tin"), ("B", "2026-05-31", "lead")]
    accounts = rows(
        Accounts,
        *({"account_id": key, "known_from": since and day(since), "size": size} for key, since, size in told),
    )
    by = Versioning(["account_id"], "known_from", "signup_on")
    found = of_days(Snapshot(day("2026-05-30"), "it", accounts, None), by)
    assert [(one.speaks_for, sorted(one.rows["size"])) for one in found] == [
        (day("2026-02-01"), ["silver", "tin"]),
        (day("2026-05-30"), ["gold", "lead"]),
    ]
    present = accounts.filter(pl.col("known_from").is_null())
    assert [one.rows["size"].to_list() for one in of_days(Snapshot(day("2026-05-30"), "it", present, None), by)] == [
        ["gold"]
    ]
