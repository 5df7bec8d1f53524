"""The versions of Stripe's items, as the lines of invoices tell them."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import polars as pl
import pytest

from examples.generator.vendors import writing
from schemas.billing import FxRates
from tests.frames import day, months, mrr_of
from tests.pipelines.test_filling import told as filled
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences

OPTIONS = {"options": {"versions": "invoices"}}
API = {"form": "stripe", "written_by": "api", **OPTIONS}
FIVETRAN = {"form": "stripe", "written_by": "fivetran", **OPTIONS}
VERSION = ("item_id", "valid_from", "quantity", "unit_amount")
SUBSCRIPTION = "id,customer_id,status,created,start_date,ended_at,cancel_at_period_end,livemode,_fivetran_active"
ITEM = "id,subscription_id,plan_id,quantity,created,_fivetran_synced"
PRICE = (
    "id,nickname,currency,billing_scheme,unit_amount,recurring_interval,recurring_interval_count,recurring_usage_type"
)
INVOICE = "id,customer_id,status,currency,created,total,is_deleted,livemode"
LINE = (
    "id,invoice_id,_fivetran_synced,amount,currency,livemode,period_start,period_end,plan_id,proration,quantity,"
    "subscription_id,subscription_item_id,type,unit_amount_excluding_tax"
)


def seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def price(key="pro", amount=1000, **changed):
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    told = {"id": key, "nickname": key.title(), "currency": "eur", "billing_scheme": "per_unit", "unit_amount": amount}
    return {**told, "recurring": {**recurring, **changed.pop("recurring", {})}, **changed}


def item(key="si_1", quantity=1, of=None, created="2026-01-15T10:00"):
    return {"id": key, "quantity": quantity, "created": seconds(created), "price": of or price()}


def subscription(*items, key="sub_1", **changed):
    begun = seconds("2026-01-15T10:00")
    life = {"created": begun, "start_date": begun, "ended_at": None, "cancel_at_period_end": False, "livemode": True}
    listed = {"has_more": False, "data": [{**one, "subscription": key} for one in items]}
    return {"id": key, "customer": "cus_1", "status": "active", **life, "items": listed, **changed}


def line(month, quantity=1, of=None, item="si_1", **changed):
    """A month from the fifteenth, in the words of API versions before 2025-03-31."""
    start, end = seconds(f"2026-{month:02}-15T10:00"), seconds(f"2026-{month + 1:02}-15T10:00")
    of = of or price()
    amount = None if of["unit_amount"] is None else quantity * of["unit_amount"]
    told = {"id": f"il_{item}_{month}", "type": "subscription", "amount": amount, "currency": "eur", "price": of}
    own = {"proration": False, "quantity": quantity, "subscription": "sub_1", "subscription_item": item}
    return {**told, **own, "period": {"start": start, "end": end}, **changed}


def invoice(*lines, **changed):
    key = f"in_{lines[0]['id']}"
    created = min(each["period"]["start"] for each in lines)
    told = {"id": key, "customer": "cus_1", "status": "paid", "currency": "eur", "created": created, "livemode": True}
    return {**told, "total": 0, "deleted": False, "lines": {"has_more": False, "data": list(lines)}, **changed}


def jsonl(objects):
    return "".join(json.dumps(one) + "\n" for one in objects)


def as_api(subscriptions, invoices, when="2026-11-01"):
    return {f"subscriptions-{when}.jsonl": jsonl(subscriptions), f"invoices-{when}.jsonl": jsonl(invoices)}


def table(header, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, header.split(","), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def instant(number):
    return number and f"{dt.datetime.fromtimestamp(number, dt.UTC):%Y-%m-%d %H:%M:%S}"


def as_fivetran(subscriptions, invoices, when="2026-11-01", prices=None):
    """The same objects under the headers of Fivetran's tables."""
    items = [each for one in subscriptions for each in one["items"]["data"]]
    lines = [(each, one["id"]) for one in invoices for each in one["lines"]["data"]]
    known = {one["price"]["id"]: one["price"] for one in [*items, *(each for each, _ in lines)]}
    times = ("created", "start_date", "ended_at")
    told = {
        "subscription_history": (SUBSCRIPTION, [
            {**one, "customer_id": one["customer"], "_fivetran_active": "true"} | {n: instant(one[n]) for n in times}
            for one in subscriptions]),
        "subscription_item": (ITEM, [
            {**one, "subscription_id": one["subscription"], "plan_id": one["price"]["id"],
             "created": instant(one["created"])} for one in items]),
        "price": (PRICE, [
            {**one, **{f"recurring_{name}": value for name, value in one["recurring"].items()}}
            for one in known.values() if prices is None or one["id"] in prices]),
        "invoice": (INVOICE, [
            {**one, "customer_id": one["customer"], "created": instant(one["created"]), "is_deleted": one["deleted"]}
            for one in invoices]),
        "invoice_line_item": (LINE, [
            {**one, "invoice_id": of, "plan_id": one["price"]["id"], "subscription_id": one["subscription"],
             "subscription_item_id": one["subscription_item"], "type": "",
             **{f"period_{name}": instant(value) for name, value in one["period"].items()}} for one, of in lines]),
    }  # fmt: skip
    return {f"{name}-{when}.csv": table(*rows) for name, rows in told.items()}


WRITERS = {"api": (as_api, API), "fivetran": (as_fivetran, FIVETRAN)}


@pytest.fixture(params=WRITERS)
def read(request, tmp_path):
    write, source = WRITERS[request.param]

    def reading(subscriptions, invoices, **settings) -> Ingested:
        return ingested(tmp_path, write(subscriptions, invoices), source, ["subscription_items"], **settings)

    return reading


def closings(found: Ingested) -> dict[str, int]:
    """Closing MRR by month, over all accounts."""
    rows = found.rows("subscription_items")
    made = mrr_of(rows, FxRates.blank(), months("2026-01", "2026-10"), dt.date(2026, 10, 31))
    summed = made.group_by("month").agg(pl.col("closing_cents").sum()).sort("month")
    return {f"{month:%m}": cents for month, cents in summed.rows() if cents}


def by_month(first, last, cents):
    return {f"{month:02}": cents for month in range(first, last + 1)}


def test_an_upgrade_speaks_from_the_first_line_that_says_it(read):
    """Five units of 10.00 from January, eight from the fifteenth of May."""
    told = [invoice(line(month, 5 if month < 5 else 8)) for month in range(1, 11)]
    found = read([subscription(item(quantity=8))], told)
    assert found.rejects() == []
    assert found.values("subscription_items", *VERSION) == [
        ("si_1", day("2026-01-15"), 5, Decimal(1000)),
        ("si_1", day("2026-05-15"), 8, Decimal(1000)),
    ]
    assert closings(found) == by_month(1, 4, 50_00) | by_month(5, 10, 80_00)


def test_another_price_has_its_own_interval_and_name(read):
    yearly = price("team", 240_00, recurring={"interval": "year"})
    end = {"period": {"start": seconds("2026-06-15T10:00"), "end": seconds("2027-06-15T10:00")}}
    told = [*(invoice(line(month)) for month in range(1, 6)), invoice(line(6, of=yearly, **end))]
    found = read([subscription(item(of=yearly))], told)
    assert found.values("subscription_items", "valid_from", "plan", "unit_amount", "interval_unit") == [
        (day("2026-01-15"), "Pro", Decimal(1000), "month"),
        (day("2026-06-15"), "Team", Decimal(24000), "year"),
    ]
    assert closings(found) == by_month(1, 5, 10_00) | by_month(6, 10, 20_00)


def test_an_item_that_was_taken_away_ends_with_its_last_line(read):
    extra = price("extra", 300)
    told = [invoice(line(month), line(month, of=extra, item="si_2")) for month in (3, 4, 5)]
    told += [invoice(line(month)) for month in range(6, 11)]
    found = read([subscription(item())], told)
    columns = ("item_id", "subscription_id", "account_id", "plan", "currency", "started_on", "ended_on")
    assert found.values("subscription_items", *columns) == [
        ("si_1", "sub_1", "cus_1", "Pro", "EUR", day("2026-01-15"), None),
        ("si_2", "sub_1", "cus_1", "Extra", "EUR", day("2026-03-15"), day("2026-06-15")),
    ]
    assert closings(found) == by_month(1, 2, 10_00) | by_month(3, 5, 13_00) | by_month(6, 10, 10_00)


def test_a_subscription_that_is_listed_no_more_is_told_by_its_lines(read):
    gone = [line(month, item="si_9") | {"subscription": "sub_2"} for month in (1, 2)]
    found = read([subscription(item())], [*(invoice(each, customer="cus_2") for each in gone), invoice(line(10))])
    assert found.values("subscription_items", "subscription_id", "account_id", "started_on", "ended_on") == [
        ("sub_1", "cus_1", day("2026-01-15"), None),
        ("sub_2", "cus_2", day("2026-01-15"), day("2026-03-15")),
    ]


def test_a_proration_is_no_price_and_tells_only_since_when_the_item_is_what_it_is(read):
    """From five to eight on the twentieth of September; no line has billed eight for a whole month yet."""
    period = {"start": seconds("2026-09-20T10:00"), "end": seconds("2026-10-15T10:00")}
    parts = [line(9, quantity, id=key, amount=amount, proration=True, period=period)
             for quantity, key, amount in ((5, "il_less", -4100), (8, "il_more", 6600))]  # fmt: skip
    told = [*(invoice(line(month, 5)) for month in range(1, 10)), invoice(*parts)]
    found = read([subscription(item(quantity=8))], told)
    assert found.values("subscription_items", *VERSION) == [
        ("si_1", day("2026-01-15"), 5, Decimal(1000)),
        ("si_1", day("2026-09-20"), 8, Decimal(1000)),
    ]


def test_what_no_line_says_yet_is_known_from_the_export(read):
    found = read([subscription(item(quantity=8))], [invoice(line(month, 5)) for month in range(1, 11)])
    assert found.values("subscription_items", *VERSION)[1:] == [("si_1", day("2026-10-31"), 8, Decimal(1000))]
    assert closings(found) == by_month(1, 9, 50_00) | {"10": 80_00}


@pytest.mark.parametrize("none", [{"status": "void"}, {"status": "draft"}, {"deleted": True}, {"livemode": False}])
def test_invoices_that_bill_nothing_tell_nothing(read, none):
    found = read([subscription(item())], [invoice(line(1)), invoice(line(5, 70), **none), invoice(line(6))])
    assert found.values("subscription_items", *VERSION) == [("si_1", day("2026-01-15"), 1, Decimal(1000))]


def test_what_stands_on_an_invoice_alone_and_old_duplicates_tell_nothing(tmp_path):
    own = line(2, 9, id="il_own", type="invoiceitem")
    again = line(1, 1, id="sub_1")
    found = ingested(tmp_path, as_api([subscription(item())], [invoice(line(1), again), invoice(own)]), API,
                     ["subscription_items"])  # fmt: skip
    assert found.values("subscription_items", *VERSION) == [("si_1", day("2026-01-15"), 1, Decimal(1000))]


def test_old_duplicates_of_a_tiered_line_are_no_part_of_its_sum(read):
    tiers = price("tiers", None, billing_scheme="tiered")
    told = [invoice(line(1, 7, tiers, amount=6000), line(1, 7, tiers, amount=6000, id="sub_1"))]
    found = read([subscription(item(quantity=7, of=tiers))], told)
    assert found.values("subscription_items", "quantity", "line_amount") == [(7, 60_00)]


def test_lines_of_tiers_are_one_sum(read):
    """Ten units at 8.00 and so many more at 5.00: 12 units from January are 90.00, 14 from April 100.00."""
    tiers = price("tiers", None, billing_scheme="tiered")

    def of(month, more):
        parts = ((10, 8000), (more, more * 500))
        lines = (line(month, n, tiers, id=f"il_{month}_{n}", amount=amount) for n, amount in parts)
        return invoice(*lines)

    found = read([subscription(item(quantity=14, of=tiers))], [of(1, 2), of(2, 2), of(4, 4), of(5, 4)])
    assert found.values("subscription_items", "valid_from", "quantity", "unit_amount", "line_amount") == [
        (day("2026-01-15"), 12, None, 90_00),
        (day("2026-04-15"), 14, None, 100_00),
    ]
    assert closings(found) == by_month(1, 3, 90_00) | by_month(4, 10, 100_00)


def test_a_trial_s_line_and_days_given_away_make_nothing_free(read):
    found = read([subscription(item())], [invoice(line(1, amount=0)), invoice(line(2)), invoice(line(10, amount=0))])
    assert found.values("subscription_items", *VERSION, "line_amount") == [
        ("si_1", day("2026-01-15"), 1, Decimal(1000), None)
    ]


def test_tax_within_a_price_is_none_of_the_amount(read):
    """11.90 with tax; the line tells 10.00 of it."""
    taxed = price("taxed", 1190)
    net = {"amount_excluding_tax": 1000, "unit_amount_excluding_tax": "1000"}
    found = read([subscription(item(of=taxed))], [invoice(line(month, of=taxed, **net)) for month in (1, 2)])
    assert found.values("subscription_items", "unit_amount", "line_amount") == [(None, 10_00)]


def test_what_is_billed_by_use_has_no_version_for_each_use(read):
    use = price("calls", 2, recurring={"usage_type": "metered"})
    told = [invoice(line(month, month * 100, use)) for month in (1, 2, 3)]
    found = read([subscription(item(quantity=None, of=use))], told)
    assert found.values("subscription_items", "valid_from", "quantity", "is_metered") == [
        (day("2026-01-15"), None, True)
    ]


def test_a_former_price_that_nobody_tells_is_rejected_by_its_line(tmp_path):
    told = [invoice(line(1, of=price("old", 700))), invoice(line(2))]
    sent = as_fivetran([subscription(item())], told, prices={"pro"})
    found = ingested(tmp_path, sent, FIVETRAN, ["subscription_items"])
    assert found.values("subscription_items", *VERSION[:3]) == [("si_1", day("2026-01-15"), 1)]
    rejected = {(file, row, column) for file, row, column, _ in found.rejects()}
    assert ("sent/invoice_line_item-2026-11-01.csv", 2, "interval_unit") in rejected


def test_an_item_begins_when_it_was_added_and_no_line_before_makes_it_older(read):
    added = item("si_1", created="2026-03-10T10:00", quantity=2)
    found = read([subscription(added)], [invoice(line(2, 1)), invoice(line(4, 2))])
    assert found.values("subscription_items", "started_on", "valid_from", "quantity") == [
        (day("2026-03-10"), day("2026-03-10"), 1),
        (day("2026-03-10"), day("2026-04-15"), 2),
    ]


def test_an_amount_off_is_borne_by_the_items_as_they_were(tmp_path):
    """4.00 off two items: of 10.00 and 10.00 half each; of 30.00 and 10.00 three parts of four."""
    coupon = {"id": "c", "amount_off": 400, "currency": "eur", "duration": "forever"}
    whole = subscription(item("si_1", 3), item("si_2", 1), discount={"coupon": coupon, "end": None})
    told = [invoice(line(n, 1 if n < 5 else 3), line(n, item="si_2")) for n in range(1, 11)]
    found = ingested(tmp_path, as_api([whole], told), API, ["subscription_items"])
    assert found.values("subscription_items", "item_id", "valid_from", "quantity", "discount_amount") == [
        ("si_1", day("2026-01-15"), 1, 200),
        ("si_1", day("2026-05-15"), 3, 300),
        ("si_2", day("2026-01-15"), 1, 200),
        ("si_2", day("2026-05-15"), 1, 100),
    ]
    assert closings(found) == by_month(1, 4, 16_00) | by_month(5, 10, 36_00)


def test_newer_api_versions_tell_the_same(tmp_path):
    def newer(old):
        details = {"subscription": "sub_1", "subscription_item": old["subscription_item"], "proration": False}
        kept = {name: old[name] for name in ("id", "amount", "currency", "quantity", "period")}
        pricing = {"type": "price_details", "price_details": {"price": old["price"]["id"]}}
        parent = {"type": "subscription_item_details", "subscription_item_details": details}
        return {**kept, "pricing": pricing, "parent": parent}

    lines = [line(month, 5 if month < 5 else 8) for month in range(1, 11)]
    listed = [subscription(item(quantity=8))]
    old = ingested(tmp_path / "old", as_api(listed, map(invoice, lines)), API, ["subscription_items"])
    new = ingested(tmp_path / "new", as_api(listed, [invoice(newer(each)) for each in lines]), API,
                   ["subscription_items"])  # fmt: skip
    assert differences(content(old.rows("subscription_items")), content(new.rows("subscription_items"))) == []


def company():
    extra, tiers = price("extra", 300), price("tiers", None, billing_scheme="tiered")
    told = [invoice(line(n, 5 if n < 5 else 8), line(n, 4, tiers, "si_3", amount=9900 + 100 * (n > 6)))
            for n in range(1, 11)] + [invoice(line(n, of=extra, item="si_2")) for n in (2, 3)]  # fmt: skip
    return [subscription(item(quantity=8), item("si_3", 4, tiers))], told


def test_whoever_wrote_it_down_tells_the_same(tmp_path):
    found = {
        name: ingested(tmp_path / name, write(*company()), source, ["subscription_items"])
        for name, (write, source) in WRITERS.items()
    }
    airbyte = {"subscriptions/2026_11_01_1793491200000_0.jsonl": company()[0],
               "invoices/2026_11_01_1793491200000_0.jsonl": company()[1]}  # fmt: skip
    wrapped = {
        name: jsonl({"_airbyte_extracted_at": 1793491200000, "_airbyte_data": one} for one in objects)
        for name, objects in airbyte.items()
    }
    found["airbyte"] = ingested(tmp_path / "airbyte", wrapped, {**API, "written_by": "airbyte"}, ["subscription_items"])
    objects = zip(company(), ("subscription", "invoice"), strict=True)
    kinds = [writing.Objects(each, {"dlt": name}) for each, name in objects]
    writing.write(writing.as_dlt(kinds, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), tmp_path / "dlt" / "sent")
    found["dlt"] = ingested(tmp_path / "dlt", {}, {**API, "written_by": "dlt"}, ["subscription_items"])
    rows = {name: content(one.rows("subscription_items")) for name, one in found.items()}
    assert rows["api"].height == 5
    assert all(one.rejects() == [] for one in found.values())
    for name in ("fivetran", "airbyte", "dlt"):
        assert differences(rows["api"], rows[name]) == [], name


def test_what_is_sent_again_and_what_comes_later_tell_what_all_at_once_does(tmp_path):
    lines = [line(month, 5 if month < 5 else 8) for month in range(1, 11)]
    early = as_api([subscription(item(quantity=8))], map(invoice, lines[:8]), "2026-09-01")
    late = as_api([subscription(item(quantity=8))], list(map(invoice, lines)))
    tables = ["subscription_items"]
    ingested(tmp_path / "step", early, API, tables)
    found = ingested(tmp_path / "step", late, API, tables)
    again = ingested(tmp_path / "step", late, API, tables)
    at_once = ingested(tmp_path / "once", late, API, tables)
    expected = content(at_once.rows("subscription_items"))
    assert expected.height == 2
    for each in (found, again):
        assert differences(expected, content(each.rows("subscription_items"))) == []


def test_an_invoice_that_was_voided_since_takes_its_version_back(tmp_path):
    before = [invoice(line(1)), invoice(line(3, 2)), invoice(line(5, 70))]
    after = [*before[:2], {**before[2], "status": "void"}, invoice(line(6, 2))]
    ingested(tmp_path, as_api([subscription(item(quantity=2))], before, "2026-06-01"), API, ["subscription_items"])
    found = ingested(tmp_path, as_api([subscription(item(quantity=2))], after), API, ["subscription_items"])
    assert [quantity for _, _, quantity, _ in found.values("subscription_items", *VERSION)] == [1, 2]


def test_old_duplicates_and_parts_of_a_period_are_nothing_that_does_not_recur(tmp_path):
    """Of 40.00, of which a half recurs; a part of a period that waited for its invoice recurs, too."""
    own = line(1, 2, id="il_own", type="invoiceitem", subscription_item=None)
    doubled = invoice(line(1, 2), line(1, 2, id="sub_1"), own, total=4000)
    waited = {"type": "invoice_item_details", "invoice_item_details": {"proration": True}}
    part = {name: value for name, value in line(2).items() if name not in {"type", "proration"}} | {"parent": waited}
    sent = {"invoices.jsonl": jsonl([doubled, invoice(part, total=1000)])}
    found = ingested(tmp_path, sent, API, ["invoices"])
    assert found.values("invoices", "amount", "one_off_amount") == [(1000, 0), (4000, 2000)]


@pytest.mark.parametrize("write", WRITERS)
def test_the_doctor_says_that_invoices_tell_the_history(tmp_path, write):
    how, source = WRITERS[write]
    sent = {f"stripe/{name}": text for name, text in how(*company()).items()}
    of = {name: {**source, "folder": "stripe", "options": {"versions": name}} for name in ("invoices", "snapshots")}
    with_it, _ = filled(tmp_path / "a", sent, {"billing": of["invoices"]})
    without, _ = filled(tmp_path / "b", sent, {"billing": of["snapshots"]})
    assert with_it["billing"]["subscription_items"] - without["billing"]["subscription_items"] == {"valid_from"}


def test_without_lines_snapshots_tell_the_history(tmp_path):
    sent = as_api([subscription(item(quantity=1))], [], "2026-05-01") | as_api([subscription(item(quantity=2))], [])
    found = ingested(tmp_path, {name: text for name, text in sent.items() if text}, API, ["subscription_items"])
    assert found.values("subscription_items", *VERSION[:3]) == [
        ("si_1", day("2026-01-15"), 1),
        ("si_1", day("2026-10-31"), 2),
    ]


def test_a_share_that_is_taken_off_is_of_each_version(tmp_path):
    half = {"coupon": {"id": "half", "percent_off": 50, "duration": "forever"}, "end": None}
    sold, bills = subscription(item(quantity=5), discount=half), [invoice(line(1, 2)), invoice(line(3, 5))]
    found = ingested(tmp_path, as_api([sold], bills), API, ["subscription_items"])
    assert found.values("subscription_items", "valid_from", "discount_amount") == [
        (day("2026-01-15"), 1000),
        (day("2026-03-15"), 2500),
    ]


def test_published_mrr_of_a_month_is_that_of_the_version_that_was_served_then(tmp_path):
    bills = [invoice(line(1, 2)), invoice(line(2, 2)), invoice(line(3, 5))]
    found = ingested(tmp_path, as_api([subscription(item(quantity=5))], bills), API, ["subscription_items"])
    found.company.ingest(["accounts", "invoices"])
    found.company.run()
    found.company.publish()
    # In cents: two units of 10.00 and then five.
    assert [found.company.value("mrr", month)[0] for month in ("2026-01", "2026-02", "2026-03")] == [2000, 2000, 5000]
