"""What Stripe's objects mean, on small files in its own words."""

import datetime as dt
import json
from decimal import Decimal

import pytest

from pipelines.ingest.notices import ExportWarning
from tests.frames import day
from tests.vendors.one_source import ingested

API = {"form": "stripe", "written_by": "api"}
DASHBOARD = {"form": "stripe", "written_by": "dashboard"}
RECURRING = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}


def seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


BEGUN = seconds("2026-01-15T10:00")


def price(**changed):
    plain = {"id": "price_1", "nickname": "Pro", "product": "prod_1", "currency": "eur", "unit_amount": 1000}
    return {**plain, "billing_scheme": "per_unit", "recurring": RECURRING, **changed}


def item(key="si_1", **changed):
    return {"id": key, "object": "subscription_item", "quantity": 1, "created": BEGUN, "price": price(), **changed}


def subscription(key="sub_1", items=None, **changed):
    told = [{**one, "subscription": key} for one in items or [item(f"si_of_{key}")]]
    plain = {"id": key, "object": "subscription", "customer": "cus_1", "status": "active", "livemode": True}
    life = {"created": BEGUN, "start_date": BEGUN, "canceled_at": None, "cancel_at": None, "ended_at": None}
    rest = {"cancel_at_period_end": False, "trial_start": None, "trial_end": None, "current_period_end": None}
    return {**plain, **life, **rest, "items": {"object": "list", "has_more": False, "data": told}, **changed}


def invoice(key="in_1", **changed):
    plain = {"id": key, "object": "invoice", "customer": "cus_1", "status": "paid", "currency": "eur"}
    when = {"created": BEGUN, "status_transitions": {"finalized_at": BEGUN, "paid_at": BEGUN + 86_400}}
    return {**plain, **when, "total": 11_900, "total_excluding_tax": 10_000, "livemode": True, **changed}


def lines(*objects):
    return "".join(json.dumps(one) + "\n" for one in objects)


def items(tmp_path, *subscriptions, **files):
    sent = {"subscriptions.jsonl": lines(*subscriptions)} | {f"{name}.jsonl": text for name, text in files.items()}
    return ingested(tmp_path, sent, API, ["subscription_items"])


def invoices(tmp_path, *told, **files):
    sent = {"invoices.jsonl": lines(*told)} | {f"{name}.jsonl": text for name, text in files.items()}
    return ingested(tmp_path, sent, API, ["invoices"])


class TestSubscriptions:
    def test_a_cancellation_that_was_asked_for_is_no_end(self, tmp_path):
        asked, end = seconds("2026-05-04T08:00"), seconds("2026-06-15T10:00")
        found = items(
            tmp_path,
            subscription("asked", canceled_at=asked, cancel_at=seconds("2027-01-15T10:00")),
            subscription("ended", canceled_at=asked, ended_at=end, status="canceled"),
            subscription(
                "with its period",
                cancel_at_period_end=True,
                canceled_at=asked,
                items=[item("si_p", current_period_end=seconds("2026-11-15T10:00"))],
            ),
            subscription("resumed", current_period_end=seconds("2026-11-15T10:00")),
        )
        assert found.values("subscription_items", "subscription_id", "cancel_requested_on", "ended_on") == [
            ("asked", day("2026-05-04"), day("2027-01-15")),
            ("ended", day("2026-05-04"), day("2026-06-15")),
            ("resumed", None, None),
            ("with its period", day("2026-05-04"), day("2026-11-15")),
        ]

    def test_a_day_is_that_of_the_company(self, tmp_path):
        late = seconds("2026-01-31T23:30")
        found = items(tmp_path, subscription(start_date=late, created=late, items=[item(created=late)]))
        assert found.values("subscription_items", "started_on") == [(day("2026-02-01"),)]

    def test_an_item_that_was_added_later_begins_then_and_others_when_service_began(self, tmp_path):
        added = item("si_2", created=seconds("2026-03-10T10:00"))
        backdated = subscription(start_date=seconds("2025-12-01T10:00"), items=[item(), added])
        found = items(tmp_path, backdated)
        assert found.values("subscription_items", "item_id", "started_on") == [
            ("si_1", day("2025-12-01")),
            ("si_2", day("2026-03-10")),
        ]

    def test_what_never_served_and_what_is_a_test_are_no_items(self, tmp_path):
        found = items(
            tmp_path,
            subscription("served"),
            *(subscription(state, status=state) for state in ("incomplete", "incomplete_expired")),
            subscription("test", livemode=False),
        )
        assert found.values("subscription_items", "subscription_id") == [("served",)]
        assert found.rejects() == []

    def test_what_is_not_paid_for_is_served_until_it_ends(self, tmp_path):
        asked, end = seconds("2026-05-04T08:00"), seconds("2026-06-15T10:00")
        found = items(
            tmp_path,
            subscription("late", status="past_due"),
            subscription("unpaid", status="unpaid", canceled_at=asked),
            subscription("unpaid to the end", status="unpaid", ended_at=end),
        )
        assert found.values("subscription_items", "subscription_id", "cancel_requested_on", "ended_on") == [
            ("late", None, None),
            ("unpaid to the end", None, day("2026-06-15")),
            ("unpaid", day("2026-05-04"), None),
        ]

    def test_a_trial_without_a_means_to_pay_is_paused_from_its_end(self, tmp_path):
        trial = {"trial_start": BEGUN, "trial_end": seconds("2026-02-14T10:00"), "status": "paused"}
        found = items(tmp_path, subscription(**trial))
        assert found.values("subscription_items", "trial_ends_on", "paused_from") == [
            (day("2026-02-14"), day("2026-02-14"))
        ]

    def test_a_pause_is_known_from_the_export_that_shows_it(self, tmp_path):
        paused = subscription(
            pause_collection={"behavior": "void", "resumes_at": seconds("2026-12-01T10:00")}, status="active"
        )
        sent = {"subscriptions-2026-08-31.jsonl": lines(paused)}
        found = ingested(tmp_path, sent, API, ["subscription_items"])
        assert found.values("subscription_items", "paused_from", "paused_until") == [
            (day("2026-08-31"), day("2026-12-01"))
        ]

    def test_a_list_of_items_that_was_cut_off_is_told_and_none_of_them_counted(self, tmp_path):
        cut = subscription("cut")
        cut["items"]["has_more"] = True
        found = items(tmp_path, cut, subscription("whole"))
        assert found.values("subscription_items", "subscription_id") == [("whole",)]
        ((file, line, column, reason), *_) = found.rejects()
        assert (file, line, column) == ("sent/subscriptions.jsonl", 1, "items.has_more")
        assert "the list of its items was cut off" in reason

    @pytest.mark.parametrize("vanished", ["kept", "ended"])
    def test_an_item_that_its_subscription_no_longer_lists_has_ended(self, tmp_path, vanished):
        sent = {
            "subscriptions-2026-05-01.jsonl": lines(subscription(items=[item("si_1"), item("si_2")])),
            "subscriptions-2026-06-01.jsonl": lines(subscription(items=[item("si_1")])),
        }
        found = ingested(tmp_path, sent, {**API, "vanished": vanished}, ["subscription_items"])
        assert found.values("subscription_items", "item_id", "ended_on") == [
            ("si_1", None),
            ("si_2", day("2026-05-31")),
        ]

    @pytest.mark.parametrize(("vanished", "end"), [("kept", None), ("ended", "2026-05-31")])
    def test_a_subscription_that_is_left_out_ends_where_the_config_says_so(self, tmp_path, vanished, end):
        sent = {
            "subscriptions-2026-05-01.jsonl": lines(subscription("a"), subscription("b")),
            "subscriptions-2026-06-01.jsonl": lines(subscription("a")),
        }
        found = ingested(tmp_path, sent, {**API, "vanished": vanished}, ["subscription_items"])
        assert found.values("subscription_items", "subscription_id", "ended_on") == [
            ("a", None),
            ("b", end and day(end)),
        ]

    def test_dated_exports_together_tell_when_a_price_changed(self, tmp_path):
        sent = {
            "subscriptions-2026-05-01.jsonl": lines(subscription(items=[item()])),
            "subscriptions-2026-06-01.jsonl": lines(subscription(items=[item(price=price(unit_amount=1500))])),
        }
        found = ingested(tmp_path, sent, API, ["subscription_items"])
        assert found.values("subscription_items", "valid_from", "unit_amount") == [
            (day("2026-01-15"), Decimal(1000)),
            (day("2026-05-31"), Decimal(1500)),
        ]

    def test_nobody_ever_left_is_wondered_about(self, tmp_path):
        with pytest.warns(ExportWarning, match="none of 1 subscription items has ended"):
            items(tmp_path, subscription())


class TestPrices:
    @pytest.mark.parametrize(
        ("currency", "sent", "minor"),
        [
            ("usd", 1999, Decimal(1999)),
            ("jpy", 500, Decimal(500)),
            ("isk", 50_000, Decimal(500)),
            ("ugx", 370_000, Decimal(3_700)),
            ("kwd", 5_000, Decimal(5_000)),
            ("mga", 40, Decimal(4_000)),
        ],
    )
    def test_amounts_are_in_minor_units_by_iso_4217(self, tmp_path, currency, sent, minor):
        found = items(tmp_path, subscription(items=[item(price=price(currency=currency, unit_amount=sent))]))
        assert found.values("subscription_items", "currency", "unit_amount") == [(currency.upper(), minor)]

    def test_currencies_of_whole_units_and_of_thousandths_are_those_of_stripe(self, tmp_path):
        whole = [
            "bif",
            "clp",
            "djf",
            "gnf",
            "jpy",
            "kmf",
            "krw",
            "mga",
            "pyg",
            "rwf",
            "vnd",
            "vuv",
            "xaf",
            "xof",
            "xpf",
        ]
        others = {"isk": "100", "ugx": "100", "bhd": "10_000", "jod": "10_000", "kwd": "10_000", "omr": "10_000",
                  "tnd": "10_000"}  # fmt: skip
        sent = [
            subscription(code, items=[item(f"si_{code}", price=price(currency=code, unit_amount=10_000))])
            for code in (*whole, *others)
        ]
        # Of an ariary, which Stripe sends whole, ISO 4217 has hundredths.
        expected = {code: Decimal(10_000) for code in whole} | {"mga": Decimal(1_000_000)}
        found = items(tmp_path, *sent)
        assert dict(found.values("subscription_items", "subscription_id", "unit_amount")) == {
            **expected,
            **{code: Decimal(amount) for code, amount in others.items()},
        }

    def test_an_amount_off_is_in_the_minor_units_of_its_currency_too(self, tmp_path):
        off = {"id": "c", "amount_off": 30_000, "currency": "isk", "duration": "forever"}
        of_isk = item(price=price(currency="isk", unit_amount=50_000))
        found = items(tmp_path, subscription(items=[of_isk], discount={"coupon": off}))
        assert found.values("subscription_items", "unit_amount", "discount_amount") == [(Decimal(500), 300)]

    @pytest.mark.parametrize(("interval", "count"), [("month", 3), ("week", 2), ("year", 1), ("day", 30)])
    def test_an_interval_is_as_many_of_its_unit_as_the_price_says(self, tmp_path, interval, count):
        quarterly = price(recurring={**RECURRING, "interval": interval, "interval_count": count})
        found = items(tmp_path, subscription(items=[item(price=quarterly)]))
        assert found.values("subscription_items", "interval_unit", "interval_count") == [(interval, count)]

    def test_a_price_may_have_fractions_of_a_cent(self, tmp_path):
        half = price(unit_amount=None, unit_amount_decimal="0.5")
        found = items(tmp_path, subscription(items=[item(price=half, quantity=1001)]))
        assert found.values("subscription_items", "quantity", "unit_amount") == [(1001, Decimal("0.5"))]

    def test_a_metered_price_has_no_quantity_and_is_told_as_metered(self, tmp_path):
        metered = price(unit_amount=None, billing_scheme="tiered", recurring={**RECURRING, "usage_type": "metered"})
        one = item(price=metered)
        del one["quantity"]
        found = items(tmp_path, subscription(items=[one]))
        assert found.values("subscription_items", "quantity", "unit_amount", "is_metered") == [(None, None, True)]

    def test_a_tiered_price_costs_what_the_last_whole_line_of_an_invoice_says(self, tmp_path):
        tiered = item("si_1", price=price(unit_amount=None, billing_scheme="tiered"), quantity=40)

        def line(key, amount, end, **changed):
            period = {"start": BEGUN, "end": seconds(end)}
            return {
                "id": key,
                "type": "subscription",
                "amount": amount,
                "currency": "eur",
                "proration": False,
                "subscription_item": "si_1",
                "period": period,
                **changed,
            }

        billed = [
            invoice("in_1", lines={"data": [line("il_1", 30_000, "2026-02-15T10:00")]}),
            invoice("in_2", lines={"data": [line("il_2", 32_000, "2026-03-15T10:00")]}),
            invoice("in_3", lines={"data": [line("il_3", 900, "2026-04-15T10:00", proration=True)]}),
        ]
        found = items(tmp_path, subscription(items=[tiered]), invoices=lines(*billed))
        assert found.values("subscription_items", "quantity", "unit_amount", "line_amount") == [(40, None, 32_000)]

    def test_a_tiered_price_that_nothing_tells_is_rejected_with_its_reason(self, tmp_path):
        found = items(tmp_path, subscription("plain"), subscription(items=[item(price=price(unit_amount=None))]))
        assert found.values("subscription_items", "subscription_id") == [("plain",)]
        assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "unit_amount")]

    def test_packages_are_counted_whole(self, tmp_path):
        tens = price(transform_quantity={"divide_by": 10, "round": "up"})
        full = price(transform_quantity={"divide_by": 10, "round": "down"})
        found = items(
            tmp_path,
            subscription("up", items=[item("si_1", price=tens, quantity=41)]),
            subscription("down", items=[item("si_2", price=full, quantity=49)]),
        )
        assert found.values("subscription_items", "subscription_id", "quantity", "seats") == [
            ("down", 4, 49),
            ("up", 5, 41),
        ]

    def test_what_is_sold_is_called_by_the_price_else_the_product_else_the_id(self, tmp_path):
        found = items(
            tmp_path,
            subscription("a", items=[item("si_1")]),
            subscription("b", items=[item("si_2", price=price(nickname=None))]),
            subscription("c", items=[item("si_3", price=price(nickname=None, product="prod_9"))]),
            products=lines({"id": "prod_1", "name": "Planner"}),
        )
        assert found.values("subscription_items", "subscription_id", "plan") == [
            ("a", "Pro"),
            ("b", "Planner"),
            ("c", "price_1"),
        ]

    def test_an_old_plan_stands_for_a_price(self, tmp_path):
        old = item()
        del old["price"]
        old["plan"] = {
            "id": "gold",
            "nickname": "Gold",
            "amount": 700,
            "currency": "gbp",
            "interval": "year",
            "interval_count": 1,
            "usage_type": "licensed",
        }
        found = items(tmp_path, subscription(items=[old]))
        assert found.values("subscription_items", "plan", "unit_amount", "currency", "interval_unit") == [
            ("Gold", Decimal(700), "GBP", "year")
        ]


class TestDiscounts:
    def told(self, tmp_path, *subscriptions, **files):
        found = items(tmp_path, *subscriptions, **files)
        return found.values("subscription_items", "item_id", "discount_amount", "discount_ends_on")

    def test_a_share_is_of_the_line_and_rounded_once(self, tmp_path):
        coupon = {"id": "c", "percent_off": 33.33, "duration": "forever"}
        found = self.told(tmp_path, subscription(discounts=[{"id": "di", "coupon": coupon, "end": None}]))
        assert found == [("si_of_sub_1", 333, None)]

    def test_an_amount_is_borne_by_the_items_in_proportion_to_the_last_cent(self, tmp_path):
        coupon = {"id": "c", "amount_off": 100, "currency": "eur", "duration": "repeating"}
        end = seconds("2026-07-15T10:00")
        three = [item("si_1", quantity=1), item("si_2", quantity=1), item("si_3", quantity=1)]
        found = self.told(tmp_path, subscription(items=three, discount={"coupon": coupon, "end": end}))
        assert [amount for _, amount, _ in found] == [33, 33, 34]
        assert {until for *_, until in found} == {day("2026-07-15")}

    def test_one_that_is_given_once_does_not_recur(self, tmp_path):
        coupon = {"id": "c", "percent_off": 50, "duration": "once"}
        assert self.told(tmp_path, subscription(discount={"coupon": coupon})) == [("si_of_sub_1", None, None)]

    def test_a_customer_s_holds_where_the_subscription_has_none(self, tmp_path):
        half, tenth = ({"id": f"c{n}", "percent_off": n, "duration": "forever"} for n in (50, 10))
        customer = {"id": "cus_1", "name": "Acme", "livemode": True, "discount": {"coupon": half}}
        found = self.told(
            tmp_path,
            subscription("own", discount={"coupon": tenth}),
            subscription("customer's"),
            customers=lines(customer),
        )
        assert found == [("si_of_customer's", 500, None), ("si_of_own", 100, None)]

    def test_newer_versions_name_the_coupon_elsewhere(self, tmp_path):
        new = {"id": "di", "source": {"type": "coupon", "coupon": "c"}, "end": None}
        coupons = lines({"id": "c", "percent_off": 25, "duration": "forever"})
        assert self.told(tmp_path, subscription(discounts=[new]), coupons=coupons) == [("si_of_sub_1", 250, None)]

    def test_takes_no_more_than_there_is(self, tmp_path):
        coupon = {"id": "c", "amount_off": 5_000, "currency": "eur", "duration": "forever"}
        assert self.told(tmp_path, subscription(discount={"coupon": coupon})) == [("si_of_sub_1", 1_000, None)]


class TestInvoices:
    def test_the_amount_is_without_tax_wherever_that_is_told(self, tmp_path):
        del (old := invoice("in_old", tax=1_900))["total_excluding_tax"]
        del (new := invoice("in_new", total_taxes=[{"amount": 1_000}, {"amount": 900}]))["total_excluding_tax"]
        del (untaxed := invoice("in_untaxed", total=10_000))["total_excluding_tax"]
        found = invoices(tmp_path, invoice("in_told"), old, new, untaxed)
        assert found.values("invoices", "invoice_id", "amount") == [
            ("in_new", 10_000),
            ("in_old", 10_000),
            ("in_told", 10_000),
            ("in_untaxed", 10_000),
        ]

    def test_what_does_not_recur_is_the_lines_of_no_subscription(self, tmp_path):
        def line(key, amount, **kind):
            return {"id": key, "amount": amount, "currency": "eur", "proration": False, **kind}

        old = [line("il_1", 6_000, type="subscription"), line("il_2", 4_000, type="invoiceitem")]
        new = [
            line("il_3", 9_000, parent={"type": "subscription_item_details"}),
            line("il_4", 1_000, parent={"type": "invoice_item_details"}),
        ]
        part = [line("il_5", 10_000, type="invoiceitem", proration=True)]
        found = invoices(
            tmp_path,
            invoice("in_1", lines={"data": old}),
            invoice("in_2", lines={"data": new}),
            invoice("in_3", lines={"data": part}),
            invoice("in_4", lines={"data": [line("il_6", 20_000, type="invoiceitem")]}, total_excluding_tax=10_000),
        )
        assert found.values("invoices", "invoice_id", "one_off_amount") == [
            ("in_1", 4_000),
            ("in_2", 1_000),
            ("in_3", 0),
            ("in_4", 10_000),
        ]

    def test_what_is_given_back_is_without_tax_and_counted_once(self, tmp_path):
        notes = [
            {
                "id": "cn_1",
                "invoice": "in_1",
                "status": "issued",
                "total": 1_190,
                "total_excluding_tax": 1_000,
                "currency": "eur",
                "refund": "re_1",
            },
            {
                "id": "cn_2",
                "invoice": "in_1",
                "status": "void",
                "total": 1_190,
                "total_excluding_tax": 1_000,
                "currency": "eur",
            },
        ]
        refunds = [
            {"id": "re_1", "charge": "ch_1", "status": "succeeded", "amount": 1_190, "currency": "eur"},
            {"id": "re_2", "charge": "ch_1", "status": "succeeded", "amount": 119, "currency": "eur"},
            {"id": "re_3", "charge": "ch_1", "status": "failed", "amount": 5_000, "currency": "eur"},
        ]
        found = invoices(
            tmp_path,
            invoice("in_1", charge="ch_1"),
            invoice("in_2", charge="ch_2"),
            credit_notes=lines(*notes),
            refunds=lines(*refunds),
        )
        assert found.values("invoices", "invoice_id", "refunded") == [("in_1", 1_100), ("in_2", None)]

    def test_one_that_is_charged_has_no_due_day_and_one_that_is_open_no_day_of_payment(self, tmp_path):
        sent = invoice(status="open", due_date=None)
        found = invoices(tmp_path, sent)
        assert found.values("invoices", "due_on", "paid_on", "status") == [(None, None, "open")]

    def test_deleted_ones_and_tests_are_left_out_and_told_as_such(self, tmp_path):
        found = invoices(tmp_path, invoice("in_1"), invoice("in_2", deleted=True), invoice("in_3", livemode=False))
        assert found.values("invoices", "invoice_id") == [("in_1",)]
        assert found.left_out("invoices") == {"tells_nothing": 2}


class TestWhatElseIsTold:
    def test_why_a_customer_left_is_what_they_said(self, tmp_path):
        end = seconds("2026-06-15T10:00")

        def left(key, **details):
            return subscription(key, status="canceled", ended_at=end, cancellation_details=details)

        sent = lines(
            left("sub_1", reason="cancellation_requested", feedback="too_expensive", comment="Sorry"),
            left("sub_2", reason="payment_failed", feedback=None, comment=None),
            subscription("sub_3"),
        )
        found = ingested(tmp_path, {"subscriptions.jsonl": sent}, API, ["churn_events"])
        assert found.values("churn_events", "churn_event_id", "churned_on", "reason") == [
            ("sub_1", day("2026-06-15"), "too_expensive")
        ]
        assert found.left_out("churn_events")["tells_nothing"] == 2

    def test_customers_are_accounts_where_no_crm_tells_of_any(self, tmp_path):
        customer = {"id": "cus_1", "name": "Acme", "created": BEGUN, "address": {"country": "DE"}, "livemode": True}
        sent = lines(customer, {**customer, "id": "cus_2", "deleted": True})
        found = ingested(tmp_path, {"customers.jsonl": sent}, API, ["accounts"])
        assert found.values("accounts", "account_id", "account_name", "country", "signup_on") == [
            ("cus_1", "Acme", "DE", day("2026-01-15"))
        ]

    def test_a_customer_is_known_by_a_field_of_its_own_and_by_its_domain(self, tmp_path):
        customer = {"id": "cus_1", "name": "Acme", "email": "jo@mail.acme.com", "metadata": {"crm": "A7"}}
        options = {"options": {"crm_id": "metadata.crm"}}
        found = ingested(tmp_path, {"customers.jsonl": lines(customer)}, {**API, **options}, ["identities"])
        assert found.values("identities", "customer_id", "crm_id", "domain", "name") == [
            ("cus_1", "A7", "mail.acme.com", "Acme")
        ]

    def test_who_is_referred_to_may_stand_there_whole(self, tmp_path):
        found = items(tmp_path, subscription(customer={"id": "cus_7", "name": "Two\nlines", "deleted": True}))
        assert found.values("subscription_items", "account_id") == [("cus_7",)]


class TestWhatPeopleDownload:
    HEADER = (
        "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start Date (UTC),Ended At (UTC)"
    )

    def sent(self, *rows):
        return {"subscriptions.csv": "\n".join([self.HEADER, *rows]) + "\n"}

    def test_amounts_are_in_whole_units_of_their_currency(self, tmp_path):
        rows = [
            "sub_1,cus_1,price_1,3,eur,month,19.99,active,2026-01-15 10:00,2026-01-15 10:00,",
            "sub_2,cus_2,price_2,1,jpy,year,5000,active,2026-01-15 10:00,2026-01-15 10:00,",
            "sub_3,cus_3,price_3,1,kwd,month,1.250,active,2026-01-15 10:00,2026-01-15 10:00,",
        ]
        found = ingested(tmp_path, self.sent(*rows), DASHBOARD, ["subscription_items"])
        assert found.values("subscription_items", "subscription_id", "unit_amount", "quantity") == [
            ("sub_1", Decimal(1999), 3),
            ("sub_2", Decimal(5000), 1),
            ("sub_3", Decimal(1250), 1),
        ]

    def test_the_amount_may_be_that_of_the_line_where_the_config_says_so(self, tmp_path):
        row = "sub_1,cus_1,price_1,3,eur,month,59.97,active,2026-01-15 10:00,2026-01-15 10:00,"
        source = {**DASHBOARD, "options": {"amount_is": "line"}}
        found = ingested(tmp_path, self.sent(row), source, ["subscription_items"])
        assert found.values("subscription_items", "unit_amount", "line_amount") == [(None, 5_997)]

    def test_an_interval_or_a_state_that_nobody_knows_is_rejected_under_its_own_header(self, tmp_path):
        rows = [
            "sub_1,cus_1,price_1,3,eur,3 months,59.97,active,2026-01-15 10:00,2026-01-15 10:00,",
            "sub_2,cus_2,price_1,3,eur,month,59.97,Active,2026-01-15 10:00,2026-01-15 10:00,",
            "sub_3,cus_3,price_1,3,eur,month,1,active,15.01.2026,2026-01-15 10:00,",
            "sub_4,cus_4,price_1,3,eur,month,1,active,2026-01-15 10:00,2026-01-15 10:00,",
        ]
        found = ingested(tmp_path, self.sent(*rows), DASHBOARD, ["subscription_items"])
        assert found.values("subscription_items", "subscription_id") == [("sub_4",)]
        told = {(line, column) for _, line, column, _ in found.rejects()}
        assert {(2, "interval_unit"), (3, "Status"), (4, "Created (UTC)")} <= told

    def test_the_request_is_no_end_and_the_plans_start_is_not_that_of_the_subscription(self, tmp_path):
        header = (
            "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start (UTC),Start Date (UTC),"
            "Current Period End (UTC),Canceled At (UTC),Cancel At Period End,Ended At (UTC)"
        )
        sold, made = "c1,price_1,1,eur,month,10.00", "2026-01-15 10:00"
        rows = [
            f"asked,{sold},active,{made},2026-03-15 10:00,2025-12-15 10:00,2026-11-15 10:00,2026-05-04 10:00,true,",
            f"ended,{sold},canceled,{made},{made},{made},2026-06-15 10:00,2026-05-04 10:00,false,2026-06-14 10:00",
        ]
        sent = {"subscriptions.csv": "\n".join([header, *rows]) + "\n"}
        found = ingested(tmp_path, sent, DASHBOARD, ["subscription_items"])
        told = ("subscription_id", "started_on", "cancel_requested_on", "ended_on")
        assert found.values("subscription_items", *told) == [
            ("asked", day("2025-12-15"), day("2026-05-04"), day("2026-11-15")),
            ("ended", day("2026-01-15"), day("2026-05-04"), day("2026-06-14")),
        ]

    def test_one_with_a_coupon_is_rejected_as_no_file_says_what_that_takes_off(self, tmp_path):
        row = "cus_1,price_1,1,eur,month,10.00,active,2026-01-15 10:00,2026-01-15 10:00,"
        sent = f"{self.HEADER},Coupon\nplain,{row},\nless,{row},half\n"
        found = ingested(tmp_path, {"subscriptions.csv": sent}, DASHBOARD, ["subscription_items"])
        assert found.values("subscription_items", "subscription_id", "discount_amount") == [("plain", None)]
        ((_, line, column, reason),) = found.rejects()
        assert (line, column) == (3, "discount_amount")
        assert "half" in reason

    def test_what_the_file_does_not_have_is_not_exported(self, tmp_path):
        row = "sub_1,cus_1,price_1,3,eur,month,59.97,active,2026-01-15 10:00,2026-01-15 10:00,"
        found = ingested(tmp_path, self.sent(row), DASHBOARD, ["subscription_items"])
        told = found.exported("subscription_items")
        assert {"quantity", "unit_amount", "started_on", "ended_on"} <= told
        assert not {"trial_ends_on", "cancel_requested_on", "paused_from", "term_ends_on", "is_metered"} & told


class TestWhatMustNotPassInSilence:
    @pytest.mark.parametrize("wrong", [None, [], "{}", {"object": "list"}])
    def test_a_subscription_without_a_list_of_items_is_rejected_by_its_line(self, tmp_path, wrong):
        found = items(tmp_path, subscription("whole"), {**subscription("torn"), "items": wrong})
        assert found.values("subscription_items", "subscription_id") == [("whole",)]
        assert (2, "items.data", "expected a list at items.data") in {told[1:] for told in found.rejects()}

    def test_a_canceled_subscription_without_an_end_ended_when_it_was_asked_for(self, tmp_path):
        found = items(tmp_path, subscription(status="canceled", canceled_at=seconds("2026-05-04T08:00")))
        assert found.values("subscription_items", "ended_on") == [(day("2026-05-04"),)]

    def test_a_discount_counts_that_stands_beside_a_list_of_ids(self, tmp_path):
        coupon = {"id": "c", "percent_off": 50, "duration": "forever"}
        both = subscription("both", discounts=["di_1"], discount={"coupon": coupon})
        listed = subscription("listed", discounts=[{"id": "di_2", "coupon": {**coupon, "percent_off": 10}}])
        found = items(tmp_path, both, listed)
        assert found.values("subscription_items", "subscription_id", "discount_amount") == [
            ("both", 500),
            ("listed", 100),
        ]

    def test_an_amount_of_another_currency_takes_nothing_off(self, tmp_path):
        coupon = {"id": "c", "amount_off": 300, "currency": "usd", "duration": "forever"}
        found = items(tmp_path, subscription(discount={"coupon": coupon}))
        assert found.values("subscription_items", "discount_amount") == [(None,)]

    def test_a_discount_that_is_over_does_not_end_one_that_goes_on(self, tmp_path):
        over = {"id": "di_1", "coupon": {"id": "a", "percent_off": 50, "duration": "repeating"}, "end": BEGUN}
        on = {"id": "di_2", "coupon": {"id": "b", "percent_off": 10, "duration": "forever"}, "end": None}
        found = items(tmp_path, subscription(discounts=[over, on]))
        assert found.values("subscription_items", "discount_amount", "discount_ends_on") == [(100, None)]

    def test_tiers_are_added_up_and_an_invoice_that_is_void_costs_nothing(self, tmp_path):
        def line(key, amount):
            return {
                "id": key,
                "type": "subscription",
                "amount": amount,
                "currency": "eur",
                "proration": False,
                "subscription_item": "si_1",
                "period": {"end": seconds("2026-02-15T10:00")},
            }

        billed = [
            invoice("in_1", lines={"data": [line("il_1", 30_000), line("il_2", 5_000)]}),
            invoice("in_2", status="void", lines={"data": [line("il_3", 99_000)]}),
        ]
        tiered = item("si_1", price=price(unit_amount=None, billing_scheme="tiered"))
        found = items(tmp_path, subscription(items=[tiered]), invoices=lines(*billed))
        assert found.values("subscription_items", "line_amount") == [(35_000,)]

    def test_of_lines_that_were_cut_off_nobody_knows_what_does_not_recur(self, tmp_path):
        one = {"id": "il", "amount": 1_000, "currency": "eur", "type": "invoiceitem"}
        found = invoices(tmp_path, invoice("in_1", lines={"has_more": True, "data": [one]}), invoice("in_2"))
        assert found.values("invoices", "invoice_id", "one_off_amount") == [("in_1", None), ("in_2", None)]

    def test_what_is_credited_before_it_is_paid_gives_nothing_back(self, tmp_path):
        note = {
            "id": "cn",
            "invoice": "in_1",
            "status": "issued",
            "type": "pre_payment",
            "total": 1_190,
            "total_excluding_tax": 1_000,
            "currency": "eur",
        }
        found = invoices(tmp_path, invoice(status="open"), credit_notes=lines(note))
        assert found.values("invoices", "refunded") == [(None,)]

    def test_a_number_beyond_all_numbers_is_rejected_with_its_line(self, tmp_path):
        sent = lines(invoice("in_1")) + lines(invoice("in_2")).replace(
            '"created": 1768471200', '"created": 1e999999999'
        )
        found = ingested(tmp_path, {"invoices.jsonl": sent}, API, ["invoices"])
        assert found.values("invoices", "invoice_id") == [("in_1",)]
        assert {line for _, line, *_ in found.rejects()} == {2}

    def test_a_price_that_was_deleted_still_says_what_its_items_cost(self, tmp_path):
        synced = "2026-10-31 00:00:00"
        files = {
            "subscription.csv": "id,customer_id,status,created,start_date,_fivetran_synced\n"
            f"sub_1,cus_1,active,2026-01-15 10:00:00,2026-01-15 10:00:00,{synced}\n",
            "subscription_item.csv": "id,subscription_id,plan_id,quantity,_fivetran_synced\n"
            f"si_1,sub_1,p1,1,{synced}\n",
            "price.csv": "id,unit_amount,currency,recurring_interval,_fivetran_synced,_fivetran_deleted\n"
            f"p1,1500,eur,month,{synced},TRUE\n",
        }
        found = ingested(tmp_path, files, {"form": "stripe", "written_by": "fivetran"}, ["subscription_items"])
        assert found.values("subscription_items", "unit_amount", "currency") == [(Decimal(1500), "EUR")]


HALF_OFF = {"id": "di_1", "start": BEGUN, "coupon": {"id": "half", "percent_off": 50, "duration": "forever"}}
GREATEST = 10**15


def taking(amount):
    told = {"id": "off", "amount_off": amount, "currency": "eur", "duration": "forever"}
    return {"id": "di_2", "start": BEGUN, "coupon": told}


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        ({"quantity": 10**17}, "items.data.quantity"),
        ({"price": price(unit_amount=10**18 - 1)}, "items.data.price.unit_amount"),
        ({"quantity": 10**9, "price": price(unit_amount=GREATEST)}, "quantity"),
    ],
)
def test_a_line_that_no_company_has_is_rejected_and_leaves_the_others(tmp_path, wrong, column):
    absurd = subscription("sub_2", items=[item("si_2", **wrong)], discount=HALF_OFF)
    found = items(tmp_path, subscription(), absurd)
    assert found.values("subscription_items", "item_id") == [("si_of_sub_1",)]
    assert [reject[1:3] for reject in found.rejects()] == [(2, column)]


def test_the_greatest_amounts_share_a_discount_to_the_cent(tmp_path):
    of_both = [item("si_1", price=price(unit_amount=GREATEST)), item("si_2", price=price(unit_amount=GREATEST))]
    found = items(tmp_path, subscription(items=of_both, discount=taking(GREATEST - 1)))
    # Half of an odd number of cents is the half for one, and a cent more for the other.
    half = (GREATEST - 2) // 2
    told = sorted(amount for (amount,) in found.values("subscription_items", "discount_amount"))
    assert told == [half, half + 1]
