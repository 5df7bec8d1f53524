"""What Recurly's objects mean, on small files in its own words."""

from decimal import Decimal

import pytest

from tests.frames import day
from tests.vendors.one_source import ingested
from tests.vendors.recurly_files import BEGUN, account, add_on, invoice, line, lines, plan, subscription

API = {"form": "recurly", "written_by": "api"}
COST = ("item_id", "quantity", "unit_amount")
LATER = "2026-12-15T10:00:00Z"
"""After the exports, which are of the end of October."""


def items(tmp_path, *subscriptions, **files):
    told = {"subscriptions": subscriptions, "plans": [plan()], **files}
    sent = {f"{name}-2026-10-31.jsonl": lines(*rows) for name, rows in told.items()}
    return ingested(tmp_path, sent, API, ["subscription_items"])


def invoices(tmp_path, *told):
    return ingested(tmp_path, {"invoices.jsonl": lines(*told)}, API, ["invoices"])


class TestLifeOfSubscriptions:
    def test_one_that_is_canceled_is_served_until_it_expires(self, tmp_path):
        asked = "2026-05-04T08:00:00Z"
        found = items(
            tmp_path,
            subscription("canceled", state="canceled", canceled_at=asked, expires_at=LATER),
            subscription("expired", state="expired", canceled_at=asked, expires_at="2026-06-15T10:00:00Z"),
            subscription("goes on", canceled_at=None),
            subscription("again", expires_at="2026-02-15T10:00:00Z", canceled_at=asked),
        )
        told = ("subscription_id", "cancel_requested_on", "ended_on")
        assert found.values("subscription_items", *told) == [
            ("again", None, None),
            ("canceled", day("2026-05-04"), day("2026-12-15")),
            ("expired", day("2026-05-04"), day("2026-06-15")),
            ("goes on", None, None),
        ]

    def test_one_that_simply_runs_out_ends_with_its_term(self, tmp_path):
        found = items(
            tmp_path,
            subscription("last", auto_renew=False, remaining_billing_cycles=0),
            subscription("not yet", auto_renew=False, remaining_billing_cycles=2),
            subscription("renews", auto_renew=True, remaining_billing_cycles=0),
        )
        assert found.values("subscription_items", "subscription_id", "ended_on", "term_ends_on") == [
            ("last", day("2027-01-15"), day("2027-01-15")),
            ("not yet", None, day("2027-01-15")),
            ("renews", None, day("2027-01-15")),
        ]

    def test_what_is_still_to_begin_and_what_failed_is_no_item(self, tmp_path):
        found = items(
            tmp_path, subscription("s1"), *(subscription(state, state=state) for state in ("future", "failed"))
        )
        assert found.values("subscription_items", "subscription_id") == [("s1",)]
        assert found.rejects() == []

    def test_service_begins_when_it_was_activated_else_when_it_was_made(self, tmp_path):
        found = items(
            tmp_path,
            subscription("a", activated_at="2026-03-31T22:30:00Z"),
            subscription("b", activated_at=None),
        )
        # In Berlin it is the first of April by then.
        assert found.values("subscription_items", "subscription_id", "started_on") == [
            ("a", day("2026-04-01")),
            ("b", day("2026-01-15")),
        ]

    def test_a_trial_has_its_days(self, tmp_path):
        found = items(tmp_path, subscription(trial_started_at=BEGUN, trial_ends_at="2026-01-29T10:00:00Z"))
        assert found.values("subscription_items", "trial_started_on", "trial_ends_on") == [
            (day("2026-01-15"), day("2026-01-29"))
        ]

    def test_a_pause_lasts_as_many_intervals_as_remain_after_the_period_and_may_lie_ahead(self, tmp_path):
        found = items(
            tmp_path,
            subscription("paused", state="paused", paused_at="2026-10-15T10:00:00Z", remaining_pause_cycles=2),
            subscription("ahead", paused_at="2026-11-15T10:00:00Z", remaining_pause_cycles=1, plan={"id": "p2"}),
            subscription("open", state="paused", paused_at="2026-10-15T10:00:00Z"),
            subscription("over", paused_at="2026-02-15T10:00:00Z"),
            plans=[plan(), plan("p2", interval_unit="days", interval_length=10)],
        )
        assert found.values("subscription_items", "subscription_id", "paused_from", "paused_until") == [
            ("ahead", day("2026-11-15"), day("2026-11-25")),
            ("open", day("2026-10-15"), None),
            ("over", None, None),
            ("paused", day("2026-10-15"), day("2027-01-15")),
        ]

    def test_a_change_that_is_still_to_come_changes_nothing_yet(self, tmp_path):
        change = {"id": "ch", "activated": False, "activate_at": LATER, "unit_amount": 500.0, "quantity": 9}
        listed = [{**change, "subscription_id": "s1", "activated": True, "activate_at": BEGUN}]
        found = items(tmp_path, subscription(pending_change=change), subscription_changes=listed)
        assert found.values("subscription_items", *COST) == [("plan", 1, Decimal(9_900))]

    def test_who_tells_only_the_present_tells_no_versions(self, tmp_path):
        assert not {"valid_from", "changed_at"} & items(tmp_path, subscription()).exported("subscription_items")

    def test_dated_exports_together_tell_when_a_price_changed(self, tmp_path):
        sent = {
            "subscriptions-2026-05-01.jsonl": lines(subscription()),
            "subscriptions-2026-06-01.jsonl": lines(subscription(unit_amount=149.0)),
            "plans-2026-05-01.jsonl": lines(plan()),
        }
        found = ingested(tmp_path, sent, API, ["subscription_items"])
        assert found.values("subscription_items", "valid_from", "unit_amount") == [
            (day("2026-01-15"), Decimal(9_900)),
            (day("2026-05-31"), Decimal(14_900)),
        ]


class TestLines:
    def test_the_plan_and_each_add_on_is_a_line_and_is_named_by_the_id_and_not_the_uuid(self, tmp_path):
        later = add_on("o2", quantity=3, created_at="2026-03-10T10:00:00Z", expired_at="2026-09-10T10:00:00Z")
        found = items(tmp_path, subscription("s1", quantity=2, add_ons=[add_on(), later]))
        told = ("subscription_id", *COST, "plan", "started_on", "ended_on")
        assert found.values("subscription_items", *told) == [
            ("s1", "o1", 1, Decimal(550), "Seats", day("2026-01-15"), None),
            ("s1", "o2", 3, Decimal(550), "Seats", day("2026-03-10"), day("2026-09-10")),
            ("s1", "plan", 2, Decimal(9_900), "Pro", day("2026-01-15"), None),
        ]

    def test_an_add_on_ends_with_its_subscription_at_the_latest(self, tmp_path):
        over = {"state": "expired", "expires_at": "2026-06-15T10:00:00Z"}
        gone, longer = add_on("o1", expired_at="2026-03-15T10:00:00Z"), add_on("o2", expired_at=LATER)
        found = items(tmp_path, subscription(add_ons=[gone, longer], **over))
        assert found.values("subscription_items", "item_id", "ended_on") == [
            ("o1", day("2026-03-15")),
            ("o2", day("2026-06-15")),
            ("plan", day("2026-06-15")),
        ]

    @pytest.mark.parametrize(
        ("unit", "length", "canonical"),
        [("months", 1, ("month", 1)), ("months", 12, ("month", 12)), ("days", 30, ("day", 30))],
    )
    def test_the_interval_is_that_of_the_plan(self, tmp_path, unit, length, canonical):
        found = items(
            tmp_path, subscription(add_ons=[add_on()]), plans=[plan(interval_unit=unit, interval_length=length)]
        )
        assert found.values("subscription_items", "interval_unit", "interval_count") == [canonical, canonical]

    def test_one_of_a_plan_that_nobody_knows_is_rejected(self, tmp_path):
        found = items(tmp_path, subscription("s1"), subscription("s2", plan={"id": "p9"}))
        assert found.values("subscription_items", "subscription_id") == [("s1",)]
        assert [told[1:3] for told in found.rejects()] == [(2, "interval_unit")]

    @pytest.mark.parametrize(
        ("currency", "told", "minor"),
        [("EUR", 19.99, "1999"), ("JPY", 5_000.0, "5000"), ("KWD", 1.25, "1250"), ("eur", 0.5, "50")],
    )
    def test_amounts_are_in_whole_units_of_their_currency(self, tmp_path, currency, told, minor):
        found = items(tmp_path, subscription(currency=currency, unit_amount=told, add_ons=[add_on(unit_amount=told)]))
        expected = (currency.upper(), Decimal(minor))
        assert found.values("subscription_items", "currency", "unit_amount") == [expected, expected]

    def test_the_price_of_an_add_on_with_more_decimals_counts_first(self, tmp_path):
        exact = add_on(unit_amount=0.01, unit_amount_decimal="0.012345678")
        found = items(tmp_path, subscription(add_ons=[exact]))
        assert found.values("subscription_items", *COST)[0] == ("o1", 1, Decimal("1.2345678"))

    def test_an_add_on_that_is_billed_by_use_is_told_as_metered(self, tmp_path):
        by_type = add_on("o1", add_on={"id": "po1", "code": "calls", "add_on_type": "usage"}, unit_amount=None)
        by_usage = add_on("o2", add_on={"id": "po2", "code": "mails"}, usage_type="price", unit_amount=None)
        by_plan = add_on("o3", add_on={"id": "po3", "code": "bytes"}, unit_amount=None)
        sold = [{"id": "po3", "code": "bytes", "add_on_type": "usage"}]
        found = items(tmp_path, subscription(add_ons=[by_type, by_usage, by_plan, add_on("o4")]), add_ons=sold)
        assert found.values("subscription_items", "item_id", "is_metered") == [
            ("o1", True),
            ("o2", True),
            ("o3", True),
            ("o4", False),
            ("plan", None),
        ]

    @pytest.mark.parametrize(
        "unpriced",
        [
            {"tax_inclusive": True},
            {"ramp_intervals": [{"starting_billing_cycle": 1, "unit_amount": 50.0}]},
            {"unit_amount": None},
        ],
    )
    def test_of_prices_with_tax_or_by_cycle_nobody_knows_the_amount(self, tmp_path, unpriced):
        found = items(tmp_path, subscription("s1", ramp_intervals=[]), subscription("s2", **unpriced))
        assert found.values("subscription_items", "subscription_id") == [("s1",)]
        ((_, place, column, reason),) = found.rejects()
        assert (place, column) == (2, "unit_amount")
        assert reason == "expected a value here or in line_amount, unless is_metered"

    def test_nor_of_an_add_on_by_tiers(self, tmp_path):
        tiers = add_on("o2", tier_type="volume", unit_amount=3.0)
        found = items(tmp_path, subscription(add_ons=[add_on(tier_type="flat"), tiers]))
        assert found.values("subscription_items", "item_id") == [("o1",), ("plan",)]
        assert [told[1:3] for told in found.rejects()] == [(1, "unit_amount")]


class TestCoupons:
    def coupon(self, key="c", **changed):
        percent = {"type": "percent", "percent": 10}
        return {"id": key, "duration": "forever", "applies_to_all_plans": True, "discount": percent, **changed}

    def redeemed(self, coupon="c", **changed):
        return {"id": f"r-{coupon}", "coupon": {"id": coupon}, "state": "active", "created_at": BEGUN, **changed}

    def told(self, tmp_path, *subscriptions, **files):
        found = items(tmp_path, *subscriptions, **files)
        return found.values("subscription_items", "subscription_id", "item_id", "discount_amount", "discount_ends_on")

    def test_what_is_given_once_takes_nothing_off_and_what_is_for_some_time_ends(self, tmp_path):
        found = self.told(
            tmp_path,
            *(subscription(key, coupon_redemptions=[self.redeemed(key)]) for key in ("always", "once", "year")),
            coupons=[
                self.coupon("always"),
                self.coupon("once", duration="single_use"),
                self.coupon("year", duration="temporal", temporal_amount=1, temporal_unit="year"),
            ],
        )
        assert found == [
            ("always", "plan", 990, None),
            ("once", "plan", None, None),
            ("year", "plan", 990, day("2027-01-15")),
        ]

    def test_an_amount_is_of_its_currency_and_borne_by_all_lines(self, tmp_path):
        amounts = [{"currency": "EUR", "amount": 10.0}, {"currency": "JPY", "amount": 500.0}]
        fixed = self.coupon(discount={"type": "fixed", "currencies": amounts})
        both = {"coupon_redemptions": [self.redeemed()]}
        found = self.told(
            tmp_path,
            subscription("eur", unit_amount=30.0, add_ons=[add_on(unit_amount=10.0)], **both),
            subscription("jpy", currency="JPY", unit_amount=2_000.0, **both),
            subscription("usd", currency="USD", **both),
            coupons=[fixed],
        )
        # 1,000 cents in the proportion of 3,000 to 1,000.
        assert found == [
            ("eur", "o1", 250, None),
            ("eur", "plan", 750, None),
            ("jpy", "plan", 500, None),
            ("usd", "plan", None, None),
        ]

    def test_one_of_an_account_is_for_its_subscriptions_on_the_plans_that_it_is_for(self, tmp_path):
        of_account = {**self.redeemed(), "account": {"id": "a1"}}
        found = self.told(
            tmp_path,
            subscription("s1"),
            subscription("s2", plan={"id": "p2"}),
            subscription("s3", account={"id": "a2"}),
            plans=[plan(), plan("p2")],
            coupons=[self.coupon(applies_to_all_plans=False, plans=[{"id": "p1", "code": "pro"}])],
            coupon_redemptions=[of_account],
        )
        assert found == [("s1", "plan", 990, None), ("s2", "plan", None, None), ("s3", "plan", None, None)]

    def test_one_that_both_the_subscription_and_the_account_name_counts_once_and_one_that_was_removed_not(
        self, tmp_path
    ):
        removed = {**self.redeemed("gone"), "account": {"id": "a1"}, "removed_at": "2026-05-01T10:00:00Z"}
        found = self.told(
            tmp_path,
            subscription("s1", coupon_redemptions=[self.redeemed()]),
            subscription("s2", coupon_redemptions=[self.redeemed("over", state="inactive")]),
            coupons=[self.coupon(), self.coupon("gone"), self.coupon("over")],
            coupon_redemptions=[{**self.redeemed(), "account": {"id": "a1"}}, removed],
        )
        assert found == [("s1", "plan", 990, None), ("s2", "plan", None, None)]


class TestInvoices:
    def test_the_amount_is_without_tax_in_minor_units(self, tmp_path):
        found = invoices(
            tmp_path,
            invoice("eur"),
            invoice("half", tax=0.0, total=0.995),
            invoice("jpy", currency="JPY", tax=500.0, total=5_500.0),
            invoice("kwd", currency="KWD", tax=None, total=1.2505),
        )
        # Halves go away from zero.
        assert found.values("invoices", "invoice_id", "amount", "currency") == [
            ("eur", 10_000, "EUR"),
            ("half", 100, "EUR"),
            ("jpy", 5_000, "JPY"),
            ("kwd", 1_251, "KWD"),
        ]

    @pytest.mark.parametrize(
        ("state", "canonical", "is_paid"),
        [
            ("open", "open", False),
            ("pending", "open", False),
            ("processing", "open", False),
            ("past_due", "open", False),
            ("failed", "uncollectible", False),
            ("voided", "void", False),
            ("closed", "paid", True),
        ],
    )
    def test_a_state_is_told_in_canonical_words(self, tmp_path, state, canonical, is_paid):
        found = invoices(tmp_path, invoice("other", state=state), invoice("paid"))
        paid, due, issued = day("2026-01-16"), day("2026-02-14"), day("2026-01-15")
        assert found.values("invoices", "invoice_id", "status", "issued_on", "due_on", "paid_on") == [
            ("other", canonical, issued, due, paid if is_paid else None),
            ("paid", "paid", issued, due, paid),
        ]

    def test_a_credit_invoice_is_none_and_says_what_was_given_back_of_another(self, tmp_path):
        def credit(key, of, **changed):
            plain = {"type": "credit", "origin": "refund", "state": "closed", "tax": -1.9, "total": -11.9}
            return invoice(key, previous_invoice_id=of, **{**plain, **changed})

        found = invoices(
            tmp_path,
            invoice("i1"),
            invoice("i2"),
            invoice("i3"),
            credit("c1", "i1"),
            credit("c2", "i1", tax=3.8, total=23.8),
            credit("c3", "i2", state="voided"),
            credit("c4", "i2", origin="write_off"),
            credit("c5", "i3", tax=0.0, total=-999.0),
            invoice("old", type="legacy"),
        )
        assert found.values("invoices", "invoice_id", "refunded") == [
            ("i1", 3_000),
            ("i2", None),
            ("i3", 10_000),
            ("old", None),
        ]
        assert found.left_out("invoices") == {"tells_nothing": 5}

    def test_what_does_not_recur_is_lines_of_no_subscription_and_setup_fees_after_discounts(self, tmp_path):
        def mixed(of):
            return [
                line("l1", 60.0, invoice_id=of),
                line("l2", 30.0, invoice_id=of, subscription_id=None, origin="debit", discount=5.0),
                line("l3", 15.0, invoice_id=of, origin="setup_fee"),
            ]

        def invoiced(key, told, **changed):
            return invoice(key, line_items=[{**one, "id": f"{key}-{one['id']}"} for one in told], **changed)

        credited = [
            line("l4", 20.0, invoice_id="credited", subscription_id=None),
            line("l5", -15.0, invoice_id="credited"),
        ]
        found = invoices(
            tmp_path,
            invoiced("mixed", mixed("mixed")),
            invoiced("credited", credited, tax=0.0, total=5.0),
            invoiced("cut off", mixed("cut off"), has_more_line_items=True),
            invoiced("plain", [line("l6", 100.0, invoice_id="plain")]),
        )
        assert found.values("invoices", "invoice_id", "one_off_amount") == [
            ("credited", 500),
            ("cut off", None),
            ("mixed", 4_000),
            ("plain", 0),
        ]


class TestWhatElseIsTold:
    def test_why_a_subscription_ended_is_told_and_of_one_that_is_canceled_not_yet(self, tmp_path):
        end = {"expires_at": "2026-06-15T10:00:00Z"}
        sent = lines(
            subscription("s1", state="expired", expiration_reason="nonpayment", **end),
            subscription("s2", state="canceled", expiration_reason="canceled", expires_at=LATER),
            subscription("s3", state="expired", expiration_reason=None, **end),
        )
        found = ingested(tmp_path, {"subscriptions.jsonl": sent}, API, ["churn_events"])
        assert found.values("churn_events", "churn_event_id", "account_id", "churned_on", "reason") == [
            ("s1", "a1", day("2026-06-15"), "nonpayment")
        ]

    def test_an_account_is_known_by_its_code_and_its_domain_and_keeps_its_own_id(self, tmp_path):
        sent = lines(account(), account("a2", code="B-7", company=None, email=None), account("a3", deleted_at=BEGUN))
        found = ingested(tmp_path, {"accounts.jsonl": sent}, API, ["identities", "accounts"])
        assert found.values("identities", "customer_id", "crm_id", "domain", "name") == [
            ("a1", "ACME", "mail.acme.com", "Acme"),
            ("a2", "B-7", None, None),
        ]
        told = ("account_id", "account_name", "country", "signup_on")
        assert found.values("accounts", *told) == [
            ("a1", "Acme", "DE", day("2026-01-15")),
            ("a2", None, "DE", day("2026-01-15")),
        ]
        assert "jo@" not in str(found.rows("identities").rows())

    def test_custom_fields_may_tell_the_account_of_the_crm_and_segments(self, tmp_path):
        fields = [{"name": "crm", "value": "A7"}, {"name": "tier", "value": "gold"}]
        source = {**API, "options": {"crm_id": "crm", "segments": {"tier": "tier"}}}
        sent = {"accounts.jsonl": lines(account(custom_fields=fields), account("a2", custom_fields=[]))}
        found = ingested(tmp_path, sent, source, ["identities", "accounts"], segments=["tier"])
        assert found.values("identities", "customer_id", "crm_id") == [("a1", "A7"), ("a2", None)]
        assert found.values("accounts", "account_id", "tier") == [("a1", "gold"), ("a2", None)]
