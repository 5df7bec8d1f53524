"""A discount of which no file tells what it takes off, or till when: its line is rejected, not one at full price."""

import pytest

from tests.frames import day
from tests.vendors import chargebee_files, recurly_files, test_stripe
from tests.vendors.one_source import ingested

AMOUNT = ("subscription_id", "discount_amount")
"""What is told of items of 10.00 a month."""


def chargebee(key, coupon=None, **own):
    """A subscription of Chargebee with a coupon."""
    return chargebee_files.subscription(key, coupons=[{"coupon_id": coupon}] if coupon else [], **own)


def stripe(key, coupon=None):
    """A subscription of Stripe with a discount that names its coupon."""
    named = [{"id": f"di_{key}", "source": {"type": "coupon", "coupon": coupon}, "end": None}]
    return test_stripe.subscription(key, discounts=named if coupon else [])


def recurly(key, coupon=None):
    """A subscription of Recurly with a coupon that was redeemed."""
    redeemed = {"id": f"r-{key}", "coupon": {"id": coupon}, "state": "active", "created_at": "2026-01-15T10:00:00Z"}
    return recurly_files.subscription(key, unit_amount=10.0, coupon_redemptions=[redeemed] if coupon else [])


SUBSCRIPTION = {"chargebee": chargebee, "stripe": stripe, "recurly": recurly}
TENTH = {
    "chargebee": {"discount_percentage": 10.0, "duration_type": "forever", "apply_on": "invoice_amount"},
    "stripe": {"percent_off": 10, "duration": "forever"},
    "recurly": {"discount": {"type": "percent", "percent": 10}, "duration": "forever", "applies_to_all_plans": True},
}
ONCE = {
    "chargebee": {"duration_type": "one_time"},
    "stripe": {"duration": "once"},
    "recurly": {"duration": "single_use"},
}
EACH = pytest.mark.parametrize("vendor", list(SUBSCRIPTION))


def sent(folder, vendor, *subscriptions, coupons=(), **others):
    """What is ingested of subscriptions in the order of their lines, and the coupons, if there is a file of them."""
    kinds = {"subscriptions": subscriptions, "coupons": coupons, **others}
    files = {f"{name}.jsonl": chargebee_files.lines(*rows) for name, rows in kinds.items() if rows}
    if vendor == "recurly":
        files["plans.jsonl"] = chargebee_files.lines(recurly_files.plan())
    return ingested(folder, files, {"form": vendor, "written_by": "api"}, ["subscription_items"])


def wrong(found):
    """Of each rejected line of subscriptions the column and why."""
    return [(line, column, why) for file, line, column, why in found.rejects() if "subscriptions" in file]


def told(coupon):
    return f"expected a file that tells what the coupon {coupon} takes off"


@EACH
class TestACouponInNoFile:
    def test_rejects_the_subscription_that_has_it_and_names_it(self, tmp_path, vendor):
        of = SUBSCRIPTION[vendor]
        known = {"id": "tenth", **TENTH[vendor]}
        found = sent(tmp_path, vendor, of("s1", "tenth"), of("s2", "gone"), of("s3"), coupons=[known])
        # 10 % of 1,000.
        assert found.values("subscription_items", *AMOUNT) == [("s1", 100), ("s3", None)]
        assert wrong(found) == [(2, "discount_amount", told("gone"))]
        assert "tells_nothing" not in found.left_out("subscription_items")

    def test_is_the_same_where_there_is_no_file_of_coupons_at_all(self, tmp_path, vendor):
        of = SUBSCRIPTION[vendor]
        found = sent(tmp_path, vendor, of("s1", "tenth"), of("s2"))
        assert found.values("subscription_items", "subscription_id") == [("s2",)]
        assert wrong(found) == [(1, "discount_amount", told("tenth"))]

    def test_is_the_same_where_its_row_was_rejected(self, tmp_path, vendor):
        of = SUBSCRIPTION[vendor]
        torn, whole = ({"id": key, **TENTH[vendor]} for key in ("torn", "whole"))
        broken = {"chargebee": "discount_percentage", "stripe": "percent_off"}
        if vendor == "recurly":
            torn["discount"] = {"type": "percent", "percent": "ten"}
        else:
            torn[broken[vendor]] = "ten"
        found = sent(tmp_path, vendor, of("s1", "torn"), of("s2", "whole"), coupons=[torn, whole])
        assert found.values("subscription_items", *AMOUNT) == [("s2", 100)]
        assert wrong(found) == [(1, "discount_amount", told("torn"))]

    def test_is_none_of_one_that_is_known_to_be_given_once(self, tmp_path, vendor):
        once = {"id": "once", **ONCE[vendor]}
        found = sent(tmp_path, vendor, SUBSCRIPTION[vendor]("s1", "once"), coupons=[once])
        assert found.values("subscription_items", *AMOUNT) == [("s1", None)]
        assert wrong(found) == []


def test_a_discount_of_its_own_says_what_it_takes_off_without_its_coupon(tmp_path):
    own = {"coupon_id": "gone", "percentage": 20, "duration_type": "forever", "apply_on": "invoice_amount"}
    found = sent(tmp_path, "chargebee", chargebee("s1", discounts=[own]))
    assert found.values("subscription_items", *AMOUNT) == [("s1", 200)]


def test_a_discount_of_its_own_that_says_nothing_is_what_its_coupon_says_and_without_one_nobody_knows(tmp_path):
    named, bare = {"coupon_id": "tenth", "duration_type": "forever"}, {"duration_type": "forever"}
    both = [chargebee("s1", discounts=[named]), chargebee("s2", discounts=[bare])]
    found = sent(tmp_path, "chargebee", *both, coupons=[{"id": "tenth", **TENTH["chargebee"]}])
    assert found.values("subscription_items", *AMOUNT) == [("s1", 100)]
    assert wrong(found) == [
        (2, "discount_amount", "expected a file that tells what a discount without a coupon takes off")
    ]


def test_an_unknown_discount_that_is_over_beside_one_that_goes_on_takes_nothing(tmp_path):
    """Nor would it if it were known."""
    over = [{"coupon_id": "gone", "apply_till": chargebee_files.BEGUN}, {"coupon_id": "tenth"}]
    found = sent(
        tmp_path,
        "chargebee",
        chargebee_files.subscription("s1", coupons=over),
        coupons=[{"id": "tenth", **TENTH["chargebee"]}],
    )
    assert found.values("subscription_items", *AMOUNT) == [("s1", 100)]


def test_a_free_trial_takes_nothing_off(tmp_path):
    trial = {"id": "free", "duration": "forever", "discount": {"type": "free_trial"}}
    found = sent(tmp_path, "recurly", recurly("s1", "free"), coupons=[trial])
    assert found.values("subscription_items", *AMOUNT) == [("s1", None)]
    assert wrong(found) == []


def test_an_item_is_no_item_that_left_while_its_coupon_is_unknown(tmp_path):
    """It was there in the export of May, and is rejected in that of June: what May told of it stays."""
    files = {
        "subscriptions-2026-05-01.jsonl": chargebee_files.lines(chargebee("s1"), chargebee("s2")),
        "subscriptions-2026-06-01.jsonl": chargebee_files.lines(chargebee("s1"), chargebee("s2", "gone")),
    }
    source = {"form": "chargebee", "written_by": "api", "vanished": "ended"}
    found = ingested(tmp_path, files, source, ["subscription_items"])
    assert found.values("subscription_items", "subscription_id", "ended_on") == [("s1", None), ("s2", None)]


TILL_WHEN = "expected a file that tells till when {} takes something off, as it is for a limited time"
OFF = ("subscription_id", "discount_amount", "discount_ends_on")
LIMITED = {**TENTH["chargebee"], "duration_type": "limited_period"}
SHARE = {"percentage": 10, "duration_type": "limited_period", "apply_on": "invoice_amount"}
GIVEN = {"created_at": chargebee_files.BEGUN}
"""On 2026-01-15."""


class TestADiscountOfChargebeeForALimitedTime:
    def test_is_rejected_by_its_coupon_where_nobody_says_till_when(self, tmp_path):
        """A coupon says for how long it is given, but not to whom it was given when."""
        coupons = [{"id": "told", **LIMITED}, {"id": "year", **LIMITED, "period": 1, "period_unit": "year"}]
        till = chargebee_files.subscription("s1", coupons=[{"coupon_id": "told", "apply_till": chargebee_files.TERM}])
        found = sent(tmp_path, "chargebee", till, chargebee("s2", "told"), chargebee("s3", "year"), coupons=coupons)
        assert found.values("subscription_items", *OFF) == [("s1", 100, day("2026-11-15"))]
        assert wrong(found) == [
            (line, "discount_amount", TILL_WHEN.format(f"the coupon {key}")) for line, key in ((2, "told"), (3, "year"))
        ]

    def test_is_rejected_by_its_own_name_where_it_has_no_coupon(self, tmp_path):
        long = {"period": 1_201, "period_unit": "month"}
        odd = {"period": 2, "period_unit": "fortnight"}
        discounts = [{"id": f"d{n}", **SHARE, **GIVEN, **of} for n, of in enumerate(({}, long, odd))]
        discounts.append({"id": "d3", **SHARE, "period": 3, "period_unit": "month"})
        found = sent(tmp_path, "chargebee", *(chargebee(f"s{n}", discounts=[one]) for n, one in enumerate(discounts)))
        assert found.values("subscription_items", *OFF) == []
        assert [why for *_, why in wrong(found)] == [TILL_WHEN.format(f"the discount d{n}") for n in range(4)]

    def test_ends_so_long_after_it_was_given_as_it_says_or_else_its_coupon(self, tmp_path):
        own = {**SHARE, **GIVEN, "period": 18, "period_unit": "month"}
        by_coupon = {**SHARE, **GIVEN, "coupon_id": "years"}
        by_months = {**SHARE, **GIVEN, "coupon_id": "months"}
        told = {**own, "apply_till": chargebee_files.TERM}
        found = sent(
            tmp_path,
            "chargebee",
            *(
                chargebee(key, discounts=[of])
                for key, of in zip("abcd", (own, by_coupon, by_months, told), strict=True)
            ),
            coupons=[
                {"id": "years", **LIMITED, "period": 2, "period_unit": "year"},
                {"id": "months", **LIMITED, "duration_month": 12},
            ],
        )
        assert found.values("subscription_items", *OFF) == [
            ("a", 100, day("2027-07-15")),
            ("b", 100, day("2028-01-15")),
            ("c", 100, day("2027-01-15")),
            ("d", 100, day("2026-11-15")),
        ]
        assert wrong(found) == []

    def test_takes_nothing_once_it_is_over_beside_one_that_goes_on(self, tmp_path):
        over = {**SHARE, **GIVEN, "percentage": 50, "period": 12, "period_unit": "week"}
        lasts = {**SHARE, "duration_type": "forever"}
        found = sent(tmp_path, "chargebee", chargebee("s1", discounts=[over, lasts]))
        assert found.values("subscription_items", *OFF) == [("s1", 100, None)]

    def test_of_an_item_takes_nothing_once_it_is_over_beside_one_of_the_whole_invoice_that_goes_on(self, tmp_path):
        over = {**SHARE, "percentage": 50, "apply_till": chargebee_files.BEGUN, **OF_THE_PLAN}
        lasts = {**SHARE, "duration_type": "forever"}
        found = sent(tmp_path, "chargebee", chargebee("s1", discounts=[over, lasts]))
        assert found.values("subscription_items", *OFF) == [("s1", 100, None)]


OF_THE_PLAN = {"apply_on": "specific_item_price", "item_price_id": "pro-EUR-monthly"}
FOR_WHICH = "expected a file that tells which items {} is for"


class TestADiscountOfChargebeeForCertainItems:
    OWN = {"percentage": 10, "duration_type": "forever", "apply_on": "each_specified_item"}

    def test_is_rejected_where_its_coupon_that_names_them_is_in_no_file_or_does_not(self, tmp_path):
        specific = {**TENTH["chargebee"], "apply_on": "each_specified_item"}
        by_criteria = [{"item_type": "plan", "constraint": "criteria"}]
        found = sent(
            tmp_path,
            "chargebee",
            chargebee("s1", discounts=[{**self.OWN, "coupon_id": "gone"}]),
            chargebee("s2", "bare"),
            chargebee("s3", "criteria"),
            chargebee("s4", "addons"),
            coupons=[
                {"id": "bare", **specific},
                {"id": "criteria", **specific, "item_constraints": by_criteria},
                {"id": "addons", **specific, "item_constraints": [{"item_type": "addon", "constraint": "all"}]},
            ],
        )
        assert found.values("subscription_items", *OFF[:2]) == [("s4", None)]
        keys = ((1, "gone"), (2, "bare"), (3, "criteria"))
        assert wrong(found) == [(line, "discount_amount", FOR_WHICH.format(f"the coupon {key}")) for line, key in keys]

    def test_is_rejected_where_it_names_no_price_itself(self, tmp_path):
        own = {"id": "d1", **self.OWN, "apply_on": "specific_item_price"}
        named = {**own, **OF_THE_PLAN}
        found = sent(tmp_path, "chargebee", chargebee("s1", discounts=[own]), chargebee("s2", discounts=[named]))
        assert found.values("subscription_items", *OFF[:2]) == [("s2", 100)]
        assert wrong(found) == [(1, "discount_amount", FOR_WHICH.format("the discount d1"))]


def test_a_coupon_of_recurly_s_for_some_time_is_rejected_where_its_end_is_not_told(tmp_path):
    limited = {**TENTH["recurly"], "duration": "temporal"}
    coupons = [
        {"id": "year", **limited, "temporal_amount": 1, "temporal_unit": "year"},
        {"id": "some", **limited},
        {"id": "odd", **limited, "temporal_amount": 2, "temporal_unit": "fortnight"},
        {"id": "free", **limited, "discount": {"type": "free_trial"}},
    ]
    subscriptions = [recurly(coupon["id"], coupon["id"]) for coupon in coupons]
    undated = recurly("undated", "year")
    del undated["coupon_redemptions"][0]["created_at"]
    found = sent(tmp_path, "recurly", *subscriptions, undated, coupons=coupons)
    assert found.values("subscription_items", *OFF) == [("free", None, None), ("year", 100, day("2027-01-15"))]
    assert wrong(found) == [
        (line, "discount_amount", TILL_WHEN.format(f"the coupon {key}"))
        for line, key in ((2, "some"), (3, "odd"), (5, "year"))
    ]
