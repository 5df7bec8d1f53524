"""What Chargebee's objects mean, on small files in its own words."""

from decimal import Decimal

import pytest

from pipelines.ingest.notices import ExportWarning
from tests.frames import day
from tests.vendors.chargebee_files import (
    BEGUN,
    TERM,
    addon,
    customer,
    invoice,
    item,
    item_price,
    line,
    lines,
    of_plan,
    seconds,
    subscription,
)
from tests.vendors.one_source import ingested

API = {"form": "chargebee", "written_by": "api"}
COST = ("item_id", "quantity", "unit_amount", "line_amount")
LATER = seconds("2026-12-15T10:00")
"""After the exports, which are of the end of October."""


def items(tmp_path, *subscriptions, source=API, **files):
    sent = {"subscriptions-2026-10-31.jsonl": lines(*subscriptions)}
    beside = {f"{name}-2026-10-31.jsonl": lines(*told) for name, told in files.items()}
    return ingested(tmp_path, sent | beside, source, ["subscription_items"])


def invoices(tmp_path, *told, **files):
    sent = {"invoices.jsonl": lines(*told)} | {f"{name}.jsonl": lines(*rows) for name, rows in files.items()}
    return ingested(tmp_path, sent, API, ["invoices"])


class TestLifeOfSubscriptions:
    def test_one_that_does_not_renew_is_served_until_it_is_cancelled_which_lies_ahead(self, tmp_path):
        found = items(
            tmp_path,
            subscription("runs out", status="non_renewing", cancelled_at=LATER),
            subscription("at term end", status="non_renewing"),
            subscription("on trial", status="in_trial", trial_start=BEGUN, trial_end=LATER, cancelled_at=LATER),
        )
        assert found.values("subscription_items", "subscription_id", "ended_on") == [
            ("at term end", day("2026-11-15")),
            ("on trial", day("2026-12-15")),
            ("runs out", day("2026-12-15")),
        ]

    def test_when_it_is_cancelled_is_not_when_that_was_asked_for(self, tmp_path):
        asked, end = seconds("2026-05-04T08:00"), seconds("2026-06-15T10:00")
        found = items(
            tmp_path,
            subscription("asked", status="non_renewing", cancelled_at=LATER, cancel_schedule_created_at=asked),
            subscription("unasked", status="cancelled", cancelled_at=end),
            subscription("stayed", cancel_schedule_created_at=asked),
        )
        told = ("subscription_id", "cancel_requested_on", "ended_on")
        assert found.values("subscription_items", *told) == [
            ("asked", day("2026-05-04"), day("2026-12-15")),
            ("stayed", None, None),
            ("unasked", None, day("2026-06-15")),
        ]

    def test_an_end_of_a_former_life_ends_nothing_and_a_last_cycle_that_may_be_renewed_neither(self, tmp_path):
        again = subscription("again", cancelled_at=seconds("2026-02-01T10:00"))
        found = items(tmp_path, again, subscription("last cycle", remaining_billing_cycles=0))
        assert found.values("subscription_items", "subscription_id", "ended_on") == [
            ("again", None),
            ("last cycle", None),
        ]

    def test_what_was_transferred_ended_with_its_last_change(self, tmp_path):
        found = items(tmp_path, subscription(status="transferred", updated_at=seconds("2026-07-01T10:00")))
        assert found.values("subscription_items", "ended_on") == [(day("2026-07-01"),)]

    def test_what_never_began_is_no_item(self, tmp_path):
        unbegun = {"started_at": None, "activated_at": None}
        found = items(
            tmp_path,
            subscription("began"),
            subscription("ahead", status="future", start_date=LATER, **unbegun),
            subscription("never", status="cancelled", cancelled_at=TERM, **unbegun),
            subscription("trial", status="cancelled", cancelled_at=TERM, activated_at=None),
        )
        assert found.values("subscription_items", "subscription_id") == [("began",), ("trial",)]
        assert found.rejects() == []

    def test_service_begins_when_it_started_else_when_it_became_active_else_when_it_was_made(self, tmp_path):
        made, active, started = (seconds(f"2026-0{month}-15T10:00") for month in (1, 2, 3))
        found = items(
            tmp_path,
            subscription("a", created_at=made, activated_at=active, started_at=started),
            subscription("b", created_at=made, activated_at=active, started_at=None),
            subscription("c", created_at=made, activated_at=None, started_at=None),
        )
        assert found.values("subscription_items", "subscription_id", "started_on") == [
            ("a", day("2026-03-15")),
            ("b", day("2026-02-15")),
            ("c", day("2026-01-15")),
        ]

    def test_a_day_is_that_of_the_company(self, tmp_path):
        found = items(tmp_path, subscription(started_at=seconds("2026-01-31T23:30")))
        assert found.values("subscription_items", "started_on") == [(day("2026-02-01"),)]

    @pytest.mark.parametrize(
        ("ends", "first_day_out"),
        [
            ("2026-02-13T23:00", "2026-02-14"),  # midnight in Berlin
            ("2026-02-14T00:00", "2026-02-15"),
            ("2026-02-14T10:00", "2026-02-15"),
            ("2026-07-13T22:00", "2026-07-14"),  # midnight in summer
        ],
    )
    def test_a_trial_is_over_on_the_first_whole_day_after_its_end(self, tmp_path, ends, first_day_out):
        found = items(tmp_path, subscription(trial_start=BEGUN, trial_end=seconds(ends)))
        assert found.values("subscription_items", "trial_started_on", "trial_ends_on") == [
            (day("2026-01-15"), day(first_day_out))
        ]

    def test_an_item_may_have_a_trial_of_its_own(self, tmp_path):
        longer = item("seat-EUR-monthly", item_type="addon", trial_end=seconds("2026-03-01T10:00"))
        both = subscription("s", item(), longer, trial_start=BEGUN, trial_end=seconds("2026-02-01T10:00"))
        found = items(tmp_path, both)
        assert found.values("subscription_items", "item_id", "trial_ends_on") == [
            ("plan", day("2026-02-02")),
            ("seat-EUR-monthly", day("2026-03-02")),
        ]

    def test_a_pause_is_told_while_it_lasts_or_lies_ahead(self, tmp_path):
        past, resumes = seconds("2026-05-04T10:00"), seconds("2027-01-04T10:00")
        found = items(
            tmp_path,
            subscription("paused", status="paused", pause_date=past),
            subscription("until", status="paused", pause_date=past, resume_date=resumes),
            subscription("scheduled", status="active", pause_date=LATER),
            subscription("resumed", status="active", pause_date=past),
        )
        assert found.values("subscription_items", "subscription_id", "paused_from", "paused_until") == [
            ("paused", day("2026-05-04"), None),
            ("resumed", None, None),
            ("scheduled", day("2026-12-15"), None),
            ("until", day("2026-05-04"), day("2027-01-04")),
        ]

    def test_a_term_ends_with_its_contract_else_with_the_period_that_is_billed(self, tmp_path):
        contract = {"id": "ct", "status": "active", "contract_end": seconds("2027-01-15T10:00")}
        over = {**contract, "status": "completed", "contract_end": seconds("2026-06-15T10:00")}
        found = items(
            tmp_path,
            subscription("contract", contract_term=contract),
            subscription("plain"),
            subscription("over", contract_term=over),
        )
        assert found.values("subscription_items", "subscription_id", "term_ends_on") == [
            ("contract", day("2027-01-15")),
            ("over", day("2026-11-15")),
            ("plain", day("2026-11-15")),
        ]

    def test_dated_exports_together_tell_when_a_price_changed(self, tmp_path):
        sent = {
            "subscriptions-2026-05-01.jsonl": lines(subscription()),
            "subscriptions-2026-06-01.jsonl": lines(subscription("s1", item(unit_price=1_500, amount=1_500))),
        }
        found = ingested(tmp_path, sent, API, ["subscription_items"])
        assert found.values("subscription_items", "valid_from", "unit_amount") == [
            (day("2026-01-15"), Decimal(1_000)),
            (day("2026-05-31"), Decimal(1_500)),
        ]

    def test_nobody_ever_left_is_wondered_about(self, tmp_path):
        with pytest.warns(ExportWarning, match="none of 1 subscription items has ended"):
            items(tmp_path, subscription())


class TestLines:
    def test_a_plan_and_its_addons_stand_in_subscriptions_of_the_first_catalogue(self, tmp_path):
        both = of_plan("s1", addon(), addon("seats", quantity=3, unit_price=200), plan_quantity=2)
        found = items(tmp_path, both, subscription("s2"))
        assert found.values("subscription_items", "subscription_id", *COST) == [
            ("s1", "plan", 2, Decimal(900), None),
            ("s1", "seats", 3, Decimal(200), None),
            ("s1", "support", 1, Decimal(95), None),
            ("s2", "plan", 1, Decimal(1_000), None),
        ]

    def test_items_without_ids_are_the_plan_or_named_by_their_price_and_told_apart_by_their_place(self, tmp_path):
        one, other = (item("seat", item_type="addon", quantity=n, amount=n * 1_000) for n in (1, 2))
        twice = subscription("s1", item(), one, other)
        found = items(tmp_path, twice, of_plan("s2", addon("pro")))
        assert found.values("subscription_items", "subscription_id", "item_id", "quantity") == [
            ("s1", "plan", 1),
            ("s1", "seat#2", 2),
            ("s1", "seat", 1),
            ("s2", "plan", 1),
            ("s2", "pro", 1),
        ]

    def test_a_plan_for_which_another_price_is_chosen_was_what_it_was_before(self, tmp_path):
        dear = item("ent-EUR-monthly", unit_price=3_000, amount=3_000)
        files = {
            f"subscriptions-{exported}.jsonl": lines(subscription("s1", chosen))
            for exported, chosen in (("2026-09-01", item()), ("2026-10-01", item()), ("2026-11-01", dear))
        }
        found = ingested(tmp_path, files, API, ["subscription_items"], as_of="2026-10-31")
        assert found.values("subscription_items", "item_id", "valid_from", "unit_amount") == [
            ("plan", day("2026-01-15"), Decimal(1_000)),
            ("plan", day("2026-10-31"), Decimal(3_000)),
        ]

    def test_what_is_billed_once_is_no_item(self, tmp_path):
        setup = item("setup", item_type="charge")
        once = item("training", item_type="addon", charge_once=True)
        upon = item("audit", item_type="addon", charge_on_event="contract_termination")
        found = items(
            tmp_path,
            subscription("s1", item(), setup, once, upon),
            subscription("s2", setup),
            of_plan("s3", addon("setup"), addon("support")),
            addons=[{"id": "setup", "charge_type": "non_recurring"}, {"id": "support", "charge_type": "recurring"}],
        )
        assert found.values("subscription_items", "subscription_id", "item_id") == [
            ("s1", "plan"),
            ("s3", "plan"),
            ("s3", "support"),
        ]
        assert found.rejects() == []

    def test_free_units_are_seats_that_are_not_billed(self, tmp_path):
        found = items(
            tmp_path,
            subscription("s1", item(quantity=5, free_quantity=2, amount=3_000)),
            subscription("s2", item(quantity=2, free_quantity=5, amount=0)),
            of_plan("s3", plan_quantity=4, plan_free_quantity=1),
        )
        assert found.values("subscription_items", "subscription_id", "quantity", "seats", "unit_amount") == [
            ("s1", 3, 5, Decimal(1_000)),
            ("s2", 0, 2, Decimal(1_000)),
            ("s3", 3, 4, Decimal(900)),
        ]

    @pytest.mark.parametrize("model", ["tiered", "volume", "stairstep"])
    def test_by_tiers_the_line_costs_what_the_subscription_says(self, tmp_path, model):
        tiers = item("seat", quantity=12, unit_price=100, amount=9_900)
        found = items(
            tmp_path,
            subscription("s1", tiers),
            of_plan("s2", addon("seat", quantity=12, unit_price=None, amount=7_700)),
            item_prices=[item_price("seat", pricing_model=model)],
            addons=[{"id": "seat", "pricing_model": model}],
        )
        assert found.values("subscription_items", "subscription_id", *COST) == [
            ("s1", "plan", 12, None, 9_900),
            ("s2", "plan", 1, Decimal(900), None),
            ("s2", "seat", 12, None, 7_700),
        ]

    def test_a_line_by_tiers_of_which_no_amount_is_told_is_rejected_with_its_reason(self, tmp_path):
        tiers = item("seat", quantity=12, unit_price=100, amount=None)
        prices = [item_price("seat", pricing_model="tiered")]
        found = items(tmp_path, subscription("plain"), subscription("tiers", tiers), item_prices=prices)
        assert found.values("subscription_items", "subscription_id") == [("plain",)]
        ((file, place, column, reason),) = found.rejects()
        assert (file, place, column) == ("sent/subscriptions-2026-10-31.jsonl", 2, "unit_amount")
        assert reason == "expected a value here or in line_amount, unless is_metered"

    def test_a_line_of_an_unknown_model_costs_its_amount_where_its_units_make_another(self, tmp_path):
        found = items(tmp_path, subscription("s1", item(quantity=3, unit_price=5_000, amount=5_000)))
        assert found.values("subscription_items", *COST) == [("plan", 3, None, 5_000)]

    def test_a_flat_fee_is_for_one_unit_however_many_there_are(self, tmp_path):
        flat = item(quantity=3, unit_price=5_000, amount=5_000)
        found = items(tmp_path, subscription("s1", flat), item_prices=[item_price(pricing_model="flat_fee")])
        assert found.values("subscription_items", *COST, "seats") == [("plan", 1, Decimal(5_000), None, 3)]

    def test_what_chargebee_says_is_recurring_counts_nowhere_as_it_is_none_where_that_is_switched_off(self, tmp_path):
        found = items(tmp_path, subscription("off", mrr=0), subscription("on", mrr=777))
        assert found.values("subscription_items", "subscription_id", *COST[1:]) == [
            ("off", 1, Decimal(1_000), None),
            ("on", 1, Decimal(1_000), None),
        ]

    def test_amounts_are_in_minor_units_of_whatever_currency(self, tmp_path):
        found = items(
            tmp_path,
            subscription("eur", item(unit_price=1_999, amount=1_999)),
            subscription("jpy", item(unit_price=500, amount=500), currency_code="JPY"),
            subscription("kwd", item(unit_price=1_250, amount=1_250), currency_code="KWD"),
        )
        assert found.values("subscription_items", "currency", "unit_amount") == [
            ("EUR", Decimal(1_999)),
            ("JPY", Decimal(500)),
            ("KWD", Decimal(1_250)),
        ]

    @pytest.mark.parametrize(
        ("currency", "price", "minor"),
        [("EUR", "0.0125", "1.25"), ("JPY", "500.5", "500.5"), ("KWD", "1.2505", "1250.5")],
    )
    def test_prices_with_decimals_are_in_whole_units_and_count_before_rounded_ones(
        self, tmp_path, currency, price, minor
    ):
        exact = item(quantity=100, unit_price=1, unit_price_in_decimal=price, amount=999)
        sent = subscription("s1", exact, currency_code=currency)
        found = items(tmp_path, sent, item_prices=[item_price()])
        assert found.values("subscription_items", *COST) == [("plan", 100, Decimal(minor), None)]

    def test_a_number_of_units_with_decimals_is_one_unit_of_all_of_them(self, tmp_path):
        part = item(
            quantity=3, quantity_in_decimal="2.5", free_quantity_in_decimal="0.5", unit_price_in_decimal="10.10"
        )
        half = item(quantity=3, quantity_in_decimal="2.5", unit_price_in_decimal="10.10")
        sent = [subscription("s1", part), subscription("s2", half)]
        found = items(tmp_path, *sent, item_prices=[item_price()])
        assert found.values("subscription_items", "subscription_id", "quantity", "unit_amount") == [
            ("s1", 2, Decimal(1_010)),
            ("s2", 1, Decimal(2_525)),
        ]

    def test_an_amount_with_decimals_counts_by_tiers_where_it_is_whole_minor_units(self, tmp_path):
        tiers = item("seat", quantity=12, unit_price=None, amount=9_901, amount_in_decimal="99.00")
        part = item("seat", quantity=12, unit_price=None, amount=9_901, amount_in_decimal="99.005")
        prices = [item_price("seat", pricing_model="tiered")]
        found = items(tmp_path, subscription("s1", tiers), subscription("s2", part), item_prices=prices)
        assert found.values("subscription_items", "subscription_id", "line_amount") == [("s1", 9_900), ("s2", 9_901)]

    def test_what_is_billed_by_use_is_told_as_metered_wherever_that_is_told(self, tmp_path):
        used = {"quantity": None, "unit_price": None, "amount": None}
        found = items(
            tmp_path,
            subscription("by item", item("calls", **used)),
            subscription("by invoice", item("mails", **used)),
            subscription("by itself", item("bytes", **used, metered_quantity="12.5")),
            subscription("no", item("seat")),
            items=[{"id": "api", "metered": True}, {"id": "seats", "metered": False}],
            item_prices=[item_price("calls", item_id="api"), item_price("seat", item_id="seats")],
            invoices=[invoice(line_items=[line("addon_item_price", 5, entity_id="mails", metered=True)])],
        )
        assert found.values("subscription_items", "subscription_id", "is_metered") == [
            ("by invoice", True),
            ("by item", True),
            ("by itself", True),
            ("no", False),
        ]

    def test_an_addon_may_be_billed_by_a_period_of_its_own(self, tmp_path):
        monthly = item("seat", item_type="addon")
        yearly = subscription("s1", item(), monthly, billing_period=1, billing_period_unit="year")
        old = of_plan("s2", addon("seats"), addon("logs"), billing_period=3)
        found = items(
            tmp_path,
            yearly,
            old,
            item_prices=[item_price(), item_price("seat", item_type="addon", period=6)],
            addons=[
                {"id": "seats", "period": 2, "period_unit": "week"},
                {"id": "logs", "period_unit": "not_applicable"},
            ],
        )
        assert found.values("subscription_items", "item_id", "interval_unit", "interval_count") == [
            ("logs", "month", 3),
            ("plan", "month", 3),
            ("plan", "year", 1),
            ("seat", "month", 6),
            ("seats", "week", 2),
        ]

    def test_what_is_sold_is_called_as_customers_see_it_else_as_its_price_else_by_its_id(self, tmp_path):
        prices = [item_price("a", external_name="Pro"), item_price("b"), item_price("c", name=None)]
        found = items(
            tmp_path,
            *(subscription(key, item(key)) for key in "abcd"),
            of_plan("e"),
            item_prices=prices,
            items=[{"id": "pro", "name": "Planner"}],
            plans=[{"id": "pro", "name": "Old Pro"}],
        )
        assert found.values("subscription_items", "subscription_id", "plan") == [
            ("a", "Pro"),
            ("b", "Pro EUR monthly"),
            ("c", "Planner"),
            ("d", "d"),
            ("e", "Old Pro"),
        ]

    @pytest.mark.parametrize("lacking", [None, []])
    def test_a_subscription_of_which_no_line_is_told_is_rejected_by_its_line(self, tmp_path, lacking):
        found = items(tmp_path, subscription("whole"), {**subscription("torn"), "subscription_items": lacking})
        assert found.values("subscription_items", "subscription_id") == [("whole",)]
        assert {told[1] for told in found.rejects()} == {2}
        assert {told[2] for told in found.rejects()} == {"item_id", "unit_amount"}

    def test_a_state_or_an_interval_that_nobody_knows_is_rejected(self, tmp_path):
        found = items(
            tmp_path,
            subscription("s1", status="resting"),
            subscription("s2", billing_period_unit="quarter hour"),
            subscription("s3"),
        )
        assert found.values("subscription_items", "subscription_id") == [("s3",)]
        assert {told[1:3] for told in found.rejects()} == {(1, "status"), (2, "interval_unit")}

    def test_the_list_of_the_api_has_each_object_under_its_name(self, tmp_path):
        listed = [{"subscription": one, "customer": customer()} for one in (subscription("s1"), of_plan("s2", addon()))]
        found = items(tmp_path, *listed, item_prices=[{"item_price": item_price(external_name="Pro")}])
        assert found.values("subscription_items", "subscription_id", "account_id", "plan") == [
            ("s1", "c1", "Pro"),
            ("s2", "c1", "pro"),
            ("s2", "c1", "support"),
        ]


class TestDiscounts:
    TEN = {"percentage": 10.0, "duration_type": "forever", "apply_on": "invoice_amount"}

    def told(self, tmp_path, *subscriptions, **files):
        found = items(tmp_path, *subscriptions, **files)
        return found.values("subscription_items", "subscription_id", "item_id", "discount_amount", "discount_ends_on")

    def test_what_is_given_once_takes_nothing_off_and_what_is_limited_ends(self, tmp_path):
        limited = {**self.TEN, "duration_type": "limited_period", "apply_till": LATER}
        found = self.told(
            tmp_path,
            subscription("forever", item("p"), discounts=[self.TEN]),
            subscription("limited", item("p"), discounts=[limited]),
            subscription("once", item("p"), discounts=[{**self.TEN, "duration_type": "one_time"}]),
        )
        assert found == [
            ("forever", "plan", 100, None),
            ("limited", "plan", 100, day("2026-12-15")),
            ("once", "plan", None, None),
        ]

    def test_an_amount_off_the_invoice_is_borne_in_proportion_and_the_greatest_bears_what_is_left(self, tmp_path):
        fixed = {"amount": 1_000, "currency_code": "EUR", "duration_type": "forever", "apply_on": "invoice_amount"}
        three = [
            item(key, item_type="addon", unit_price=cost, amount=cost) for key, cost in (("a", 1_000), ("b", 1_000))
        ]
        sent = subscription("s1", item("p", unit_price=1_001, amount=1_001), *three, discounts=[fixed])
        # 1,000 / 3,001 of 1,000 is 333.2; what doesn't divide is the plan's.
        assert self.told(tmp_path, sent) == [
            ("s1", "a", 333, None),
            ("s1", "b", 333, None),
            ("s1", "plan", 334, None),
        ]

    def test_one_of_an_item_comes_before_one_of_the_whole_invoice(self, tmp_path):
        half = {"percentage": 50, "duration_type": "forever", "apply_on": "specific_item_price", "item_price_id": "a"}
        sent = subscription("s1", item("p"), item("a", item_type="addon"), discounts=[half, self.TEN])
        # Of the addon 500 are taken first, and then 10 % of the other 500.
        assert self.told(tmp_path, sent) == [("s1", "a", 550, None), ("s1", "plan", 100, None)]

    def test_an_amount_of_another_currency_takes_nothing_off_and_none_more_than_there_is(self, tmp_path):
        fixed = {"amount": 5_000, "duration_type": "forever", "apply_on": "invoice_amount"}
        found = self.told(
            tmp_path,
            subscription("much", item("p"), discounts=[{**fixed, "currency_code": "EUR"}]),
            subscription("other", item("p"), discounts=[{**fixed, "currency_code": "USD"}]),
        )
        assert found == [("much", "plan", 1_000, None), ("other", "plan", None, None)]

    def test_one_that_is_over_does_not_end_one_that_goes_on(self, tmp_path):
        over = {**self.TEN, "percentage": 50, "duration_type": "limited_period", "apply_till": BEGUN}
        assert self.told(tmp_path, subscription("s1", item("p"), discounts=[over, self.TEN])) == [
            ("s1", "plan", 100, None)
        ]

    def test_a_coupon_takes_off_what_it_says_where_it_is_defined(self, tmp_path):
        def coupon(key, **changed):
            plain = {"id": key, "discount_percentage": 20.0, "duration_type": "forever", "apply_on": "invoice_amount"}
            return {**plain, **changed}

        found = self.told(
            tmp_path,
            subscription("defined", item("p"), coupons=[{"coupon_id": "c20"}]),
            subscription("limited", item("p"), coupons=[{"coupon_id": "c5", "apply_till": LATER}]),
            subscription("once", item("p"), coupons=[{"coupon_id": "c1"}]),
            of_plan("in one field", coupon="c20"),
            coupons=[
                coupon("c20"),
                coupon("c5", duration_type="limited_period"),
                coupon("c1", duration_type="one_time"),
            ],
        )
        assert found == [
            ("defined", "plan", 200, None),
            ("in one field", "plan", 180, None),
            ("limited", "plan", 200, day("2026-12-15")),
            ("once", "plan", None, None),
        ]

    def test_a_coupon_that_stands_among_the_discounts_counts_once(self, tmp_path):
        sent = subscription("s1", item("p"), discounts=[{**self.TEN, "coupon_id": "c"}], coupons=[{"coupon_id": "c"}])
        coupon = {"id": "c", "discount_percentage": 10, "duration_type": "forever", "apply_on": "invoice_amount"}
        assert self.told(tmp_path, sent, coupons=[coupon]) == [("s1", "plan", 100, None)]

    def test_a_coupon_for_certain_items_is_for_no_others(self, tmp_path):
        certain = {"discount_amount": 300, "currency_code": "EUR", "duration_type": "forever"}
        named = [{"item_type": "addon", "constraint": "specific", "item_price_ids": ["a", "b"]}]
        every = [{"item_type": "plan", "constraint": "all"}, {"item_type": "addon", "constraint": "none"}]
        extras = [item(key, item_type="addon") for key in ("a", "b", "ab")]
        found = self.told(
            tmp_path,
            subscription("each", item("p"), *extras, coupons=[{"coupon_id": "each"}]),
            subscription("plan", item("p"), *extras[:1], coupons=[{"coupon_id": "plan"}]),
            subscription("total", item("p"), *extras, coupons=[{"coupon_id": "total"}]),
            of_plan("old", addon("a", unit_price=400), addon("b", unit_price=400), coupons=[{"coupon_id": "old"}]),
            coupons=[
                {"id": "each", **certain, "apply_on": "each_specified_item", "item_constraints": named},
                {"id": "plan", **certain, "apply_on": "each_specified_item", "item_constraints": every},
                {"id": "total", **certain, "apply_on": "specified_items_total", "item_constraints": named},
                {
                    "id": "old",
                    **certain,
                    "apply_on": "each_specified_item",
                    "plan_constraint": "none",
                    "addon_constraint": "specific",
                    "addon_ids": ["b"],
                },
            ],
        )
        assert [(one, key, taken) for one, key, taken, _ in found if taken is not None] == [
            ("each", "a", 300),
            ("each", "b", 300),
            ("old", "b", 300),
            ("plan", "plan", 300),
            ("total", "a", 150),
            ("total", "b", 150),
        ]


class TestInvoices:
    def test_the_amount_is_without_tax(self, tmp_path):
        found = invoices(tmp_path, invoice("taxed"), invoice("untaxed", tax=None, total=10_000))
        told = ("invoice_id", "account_id", "amount", "currency")
        assert found.values("invoices", *told) == [("taxed", "c1", 10_000, "EUR"), ("untaxed", "c1", 10_000, "EUR")]

    @pytest.mark.parametrize(
        ("status", "canonical"),
        [
            ("posted", "open"),
            ("payment_due", "open"),
            ("not_paid", "uncollectible"),
            ("voided", "void"),
            ("pending", "draft"),
        ],
    )
    def test_a_state_is_told_in_canonical_words_and_only_what_is_paid_has_a_day_of_payment(
        self, tmp_path, status, canonical
    ):
        found = invoices(tmp_path, invoice("paid"), invoice("other", status=status))
        told = ("invoice_id", "status", "issued_on", "due_on", "paid_on")
        assert found.values("invoices", *told) == [
            ("other", canonical, day("2026-01-15"), day("2026-02-14"), None),
            ("paid", "paid", day("2026-01-15"), day("2026-02-14"), day("2026-01-16")),
        ]

    def test_what_does_not_recur_is_lines_of_charges_or_a_whole_invoice_of_no_subscription(self, tmp_path):
        mixed = [
            line("plan_item_price", 8_000),
            line("addon_item_price", 1_000),
            line("charge_item_price", 600),
            line("adhoc", 300),
            line("plan_setup", 100),
        ]
        reduced = [line("plan_item_price", 12_000, discount_amount=4_000), line("adhoc", 2_000)]
        taxed = [line("plan_item_price", 5_950), line("charge_item_price", 5_950)]
        old = [line("addon", 4_000, entity_id="setup"), line("addon", 6_000, entity_id="support")]
        found = invoices(
            tmp_path,
            invoice("mixed", line_items=mixed),
            invoice("reduced", line_items=reduced),
            invoice("with tax", line_items=taxed),
            invoice("old", line_items=old),
            invoice("once", recurring=False),
            addons=[{"id": "setup", "charge_type": "non_recurring"}, {"id": "support", "charge_type": "recurring"}],
        )
        assert found.values("invoices", "invoice_id", "one_off_amount") == [
            ("mixed", 1_000),
            ("old", 4_000),
            ("once", 10_000),
            ("reduced", 2_000),
            ("with tax", 5_000),
        ]

    def test_what_is_given_back_is_without_tax_and_not_what_was_only_adjusted(self, tmp_path):
        def note(status, total):
            return {"cn_id": f"cn_{status}", "cn_status": status, "cn_total": total}

        found = invoices(
            tmp_path,
            invoice("back", issued_credit_notes=[note("refunded", 1_190), note("refunded", 595)]),
            invoice("all", issued_credit_notes=[note("refunded", 99_999)]),
            invoice("kept", issued_credit_notes=[note("adjusted", 1_190), note("refund_due", 1_190)]),
            invoice("apart"),
            credit_notes=[
                {"id": "cn1", "reference_invoice_id": "apart", "status": "refunded", "total": 2_380},
                {"id": "cn2", "reference_invoice_id": "back", "status": "refunded", "total": 1_190},
                {"id": "cn3", "reference_invoice_id": "apart", "status": "voided", "total": 1_190},
            ],
        )
        assert found.values("invoices", "invoice_id", "refunded") == [
            ("all", 10_000),
            ("apart", 2_000),
            ("back", 1_500),
            ("kept", None),
        ]

    def test_deleted_ones_are_left_out_and_told_as_such(self, tmp_path):
        found = invoices(tmp_path, invoice("i1"), invoice("i2", deleted=True))
        assert found.values("invoices", "invoice_id") == [("i1",)]
        assert found.left_out("invoices") == {"tells_nothing": 1}

    def test_what_the_files_do_not_have_is_not_exported(self, tmp_path):
        found = invoices(tmp_path, invoice(recurring=None, due_date=None))
        assert not {"one_off_amount", "due_on"} & found.exported("invoices")


class TestWhatElseIsTold:
    def test_why_a_customer_left_is_what_they_said_else_what_chargebee_saw(self, tmp_path):
        left = {"status": "cancelled", "cancelled_at": seconds("2026-06-15T10:00")}
        sent = lines(
            subscription("said", **left, cancel_reason_code="Too expensive", cancel_reason="not_paid"),
            subscription("seen", **left, cancel_reason="no_card"),
            subscription("silent", **left),
            subscription("stays", status="non_renewing", cancelled_at=LATER, cancel_reason_code="Price"),
            subscription("never", **left, started_at=None, activated_at=None, cancel_reason="no_card"),
        )
        found = ingested(tmp_path, {"subscriptions.jsonl": sent}, API, ["churn_events"])
        assert found.values("churn_events", "churn_event_id", "account_id", "churned_on", "reason") == [
            ("said", "c1", day("2026-06-15"), "Too expensive"),
            ("seen", "c1", day("2026-06-15"), "no_card"),
        ]
        assert found.left_out("churn_events")["tells_nothing"] == 3

    def test_customers_are_accounts_where_no_crm_tells_of_any_and_persons_are_none(self, tmp_path):
        sent = lines(customer(cf_tier="gold"), customer("c2", deleted=True), customer("c3", company=None))
        source = {**API, "options": {"segments": {"tier": "cf_tier"}}}
        found = ingested(tmp_path, {"customers.jsonl": sent}, source, ["accounts"], segments=["tier"])
        assert found.values("accounts", "account_id", "account_name", "country", "signup_on", "tier") == [
            ("c1", "Acme", "DE", day("2026-01-15"), "gold"),
            ("c3", None, "DE", day("2026-01-15"), None),
        ]

    @pytest.mark.parametrize(
        ("written_by", "told"),
        [
            ("api", {"cf_crm": "A7"}),
            ("airbyte", {"custom_fields": [{"name": "cf_size", "value": "B8"}, {"name": "cf_crm", "value": "A7"}]}),
        ],
    )
    def test_a_customer_is_known_by_a_custom_field_wherever_it_is_written_and_by_its_domain(
        self, tmp_path, written_by, told
    ):
        files = {
            "api": {"customers.jsonl": lines(customer(**told))},
            "airbyte": {"customer/1.jsonl": lines({"_airbyte_extracted_at": 1, "_airbyte_data": customer(**told)})},
        }
        source = {"form": "chargebee", "written_by": written_by, "options": {"crm_id": "cf_crm"}}
        found = ingested(tmp_path, files[written_by], source, ["identities"])
        assert found.values("identities", "customer_id", "crm_id", "domain", "name") == [
            ("c1", "A7", "mail.acme.com", "Acme")
        ]
        assert "jo@" not in str(found.rows("identities").rows())
