"""Stripe's discounts that are named by their ids alone, and those of single items."""

import json

import pytest

from tests.frames import day
from tests.vendors.one_source import ingested
from tests.vendors.test_stripe import BEGUN, item, items, lines, seconds, subscription

WAY = (
    ": export subscriptions with data.discounts and data.items.data.discounts expanded, or give invoices that have "
    "it whole, or a file of discounts"
)
TENTH = {"id": "tenth", "percent_off": 10, "duration": "forever"}
OFF = ("item_id", "discount_amount", "discount_ends_on")


def wrong(found):
    """Of each rejected line the column and why."""
    return [(line, column, why) for _, line, column, why in found.rejects()]


def told(discount):
    return f"expected a file that tells what the discount {discount} takes off{WAY}"


def of(key, *discounts, own=()):
    """A subscription with one item, with discounts of either."""
    return subscription(key, items=[item(f"si_of_{key}", discounts=list(own))], discounts=list(discounts))


class TestADiscountThatIsNamedByItsIdAlone:
    def test_rejects_the_subscription_and_names_it(self, tmp_path):
        found = items(tmp_path, of("plain"), of("shared", "di_1"), of("own", own=["di_2"]), of("empty"))
        assert found.values("subscription_items", *OFF) == [("si_of_empty", None, None), ("si_of_plain", None, None)]
        assert wrong(found) == [(2, "discount_amount", told("di_1")), (3, "discount_amount", told("di_2"))]

    def test_is_what_an_invoice_tells_of_it_or_a_file_of_discounts(self, tmp_path):
        """An amount is of the one item, or of all of the subscription."""
        five = {"id": "five", "amount_off": 500, "currency": "eur", "duration": "forever"}
        billed = {
            "id": "in_1",
            "customer": "cus_1",
            "currency": "eur",
            "created": BEGUN,
            "status": "paid",
            "total": 900,
        }
        whole = {"id": "di_1", "coupon": TENTH, "end": seconds("2027-03-01T12:00")}
        both = [item("si_1", discounts=["di_2"]), item("si_2", discounts=[])]
        found = items(
            tmp_path,
            subscription("sub_1", items=both, discounts=["di_1"]),
            invoices=lines(
                {**billed, "discounts": ["di_7"]}, *({**billed, "id": key, "discounts": [whole]} for key in "ab")
            ),
            discounts=lines({"id": "di_2", "source": {"coupon": "five"}, "end": None}),
            coupons=lines(five),
        )
        # 5.00 off 10.00, and 10 % of the other 5.00.
        until = day("2027-03-01")
        assert found.values("subscription_items", *OFF) == [("si_1", 550, until), ("si_2", 100, until)]
        assert wrong(found) == []

    def test_is_the_single_one_beside_the_list_if_that_is_its_id(self, tmp_path):
        one = {"id": "di_1", "coupon": TENTH, "end": None}
        found = items(
            tmp_path,
            subscription("sub_1", discounts=["di_1"], discount=one),
            subscription("sub_2", discounts=["di_3", "di_2"], discount={**one, "id": "di_3"}),
        )
        assert found.values("subscription_items", *OFF) == [("si_of_sub_1", 100, None)]
        assert wrong(found) == [(2, "discount_amount", told("di_2"))]

    def test_that_once_was_told_to_be_given_once_is_none(self, tmp_path):
        once = lines({"id": "di_1", "coupon": {**TENTH, "duration": "once"}})
        found = items(tmp_path, of("sub_1", "di_1"), discounts=once)
        assert found.values("subscription_items", *OFF) == [("si_of_sub_1", None, None)]


def test_a_discount_of_an_item_is_off_that_item_alone_and_comes_first(tmp_path):
    half = {"id": "di_2", "coupon": {"id": "half", "percent_off": 50, "duration": "forever"}, "end": None}
    shared = {"id": "di_1", "coupon": TENTH, "end": None}
    both = [item("si_1", discounts=[half]), item("si_2")]
    found = items(tmp_path, subscription("sub_1", items=both, discounts=[shared]))
    assert found.values("subscription_items", *OFF) == [("si_1", 550, None), ("si_2", 100, None)]


def as_airbyte(*subscriptions):
    return {
        "subscriptions/1.jsonl": lines(*({"_airbyte_extracted_at": 1, "_airbyte_data": one} for one in subscriptions))
    }


def as_text(*subscriptions):
    """Lists of what may be anything are text in a lake."""
    texts = [{name: json.dumps(one[name]) for name in ("discounts", "items")} for one in subscriptions]
    rows = ({"_airbyte_extracted_at": 1, **one, **text} for one, text in zip(subscriptions, texts, strict=True))
    return {"subscriptions/1.jsonl": lines(*rows)}


def as_dlt(*subscriptions):
    tables = {"subscription": [], "subscription__items__data": []}
    tables |= {f"{table}__discounts": [] for table in tables}
    for one in subscriptions:
        key = one["id"]
        tables["subscription"].append({name: of for name, of in one.items() if not isinstance(of, (dict, list))})
        tables["subscription"][-1] |= {"_dlt_id": key, "_dlt_load_id": "1"}
        tables["subscription__discounts"] += [{"value": of, "_dlt_parent_id": key} for of in one["discounts"]]
        for each in one["items"]["data"]:
            flat = {name: of for name, of in each.items() if name not in {"price", "discounts"}}
            price = {f"price__{name}": of for name, of in each["price"].items() if name != "recurring"}
            recurring = {f"price__recurring__{name}": of for name, of in each["price"]["recurring"].items()}
            row = {**flat, **price, **recurring, "_dlt_id": f"row-{each['id']}", "_dlt_parent_id": key}
            tables["subscription__items__data"].append(row)
            tables["subscription__items__data__discounts"] += [
                {"value": of, "_dlt_id": f"{row['_dlt_id']}-{of}", "_dlt_parent_id": row["_dlt_id"]}
                for of in each["discounts"]
            ]
    rows = tables["subscription__discounts"]
    tables["subscription__discounts"] = [{**row, "_dlt_id": f"d{n}"} for n, row in enumerate(rows)]
    return {f"{name}/1.jsonl": lines(*of) for name, of in tables.items()}


@pytest.mark.parametrize(("writer", "written"), [("airbyte", as_airbyte), ("airbyte", as_text), ("dlt", as_dlt)])
def test_ids_are_found_whoever_writes_them_down(tmp_path, writer, written):
    discount = "discount" if writer == "dlt" else "discounts"
    whole = {"id": "di_3", "coupon__id": "tenth"} if writer == "dlt" else {"id": "di_3", "coupon": {"id": "tenth"}}
    files = {
        **written(of("plain"), of("shared", "di_1"), of("own", own=["di_2"]), of("known", "di_3", own=["di_3"])),
        f"{discount}/1.jsonl": lines(whole),
        f"{'coupon' if writer == 'dlt' else 'coupons'}/1.jsonl": lines(TENTH),
    }
    found = ingested(tmp_path, files, {"form": "stripe", "written_by": writer}, ["subscription_items"])
    # 10 % of 10.00, and of what is left.
    assert found.values("subscription_items", *OFF) == [("si_of_known", 190, None), ("si_of_plain", None, None)]
    assert sorted(why for *_, why in wrong(found)) == [told("di_1"), told("di_2")]
