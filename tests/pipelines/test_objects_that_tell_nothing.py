"""Objects of tables with versions that tell nothing of them: each is counted once, whoever wrote it down."""

from tests.vendors import test_stripe as stripe
from tests.vendors.chargebee_files import lines, seconds, subscription
from tests.vendors.one_source import ingested

UNBEGUN = {"status": "future", "started_at": None, "activated_at": None}
SENT = (subscription("began"), subscription("ahead", **UNBEGUN), subscription("later", **UNBEGUN))
"""Of three subscriptions two are still to begin."""
APART = {
    "subscription.csv": "id,customer_id,status,currency_code,started_at,billing_period,billing_period_unit\n"
    "began,c1,active,EUR,2026-01-15T10:00:00Z,1,month\n"
    "ahead,c1,future,EUR,,1,month\n"
    "later,c1,future,EUR,,1,month\n",
    "subscription_item.csv": "subscription_id,item_price_id,item_type,quantity,unit_price,amount\n"
    + "".join(f"{key},pro,plan,1,1000,1000\n{key},seat,addon,2,100,200\n" for key in ("began", "ahead", "later")),
}
"""The same as Fivetran writes them: each has two items, in a table of their own."""


def dated(day, *subscriptions):
    """An export of a day."""
    return {f"subscriptions-{day}.jsonl": lines(*subscriptions)}


def left_out(folder, files, written_by="api"):
    found = ingested(folder, files, {"form": "chargebee", "written_by": written_by}, ["subscription_items"])
    return found.left_out("subscription_items")


def test_a_subscription_that_is_still_to_begin_is_counted(tmp_path):
    assert left_out(tmp_path, dated("2026-10-31", *SENT)) == {"tells_nothing": 2}


def test_one_whose_items_tell_of_it_in_a_table_of_their_own_is_not(tmp_path):
    """Neither its items: what is counted are subscriptions."""
    assert left_out(tmp_path, APART, "fivetran") == {"tells_nothing": 2}


def test_it_is_counted_in_the_file_that_speaks_and_not_in_those_before(tmp_path):
    files = dated("2026-09-30", *SENT) | dated("2026-10-31", *SENT[:2])
    assert left_out(tmp_path, files) == {"tells_nothing": 1}


def test_files_of_two_regions_both_speak(tmp_path):
    files = {f"subscriptions-{region}.jsonl": lines(*sent) for region, sent in (("eu", SENT), ("us", SENT[1:2]))}
    assert left_out(tmp_path, files) == {"tells_nothing": 3}


def test_lines_of_invoices_beside_the_items_that_they_bill_are_no_objects_of_the_table(tmp_path):
    period = {"start": stripe.BEGUN, "end": stripe.BEGUN + 2_678_400}
    of_item = {"id": "il_1", "type": "subscription", "subscription_item": "si_1", "amount": 1000, "currency": "eur"}
    bill = stripe.invoice(lines={"has_more": False, "data": [{**of_item, "period": period}]})
    # Of two subscriptions one was never begun.
    sold = [stripe.subscription("s1", items=[stripe.item()]), stripe.subscription("s2", status="incomplete")]
    sent = {"subscriptions.jsonl": lines(*sold), "invoices.jsonl": lines(bill)}
    found = ingested(tmp_path, sent, {"form": "stripe", "written_by": "api"}, ["subscription_items"])
    assert found.left_out("subscription_items") == {"tells_nothing": 1}


def test_where_all_tell_something_nothing_is_counted(tmp_path):
    assert left_out(tmp_path, dated("2026-10-31", SENT[0])) == {}


def test_customers_that_were_deleted_are_counted_among_accounts(tmp_path):
    made = seconds("2026-01-15T10:00")
    there, gone = ({"id": key, "created_at": made, "deleted": key == "c2"} for key in ("c1", "c2"))
    files, source = {"customers.jsonl": lines(there, gone)}, {"form": "chargebee", "written_by": "api"}
    assert ingested(tmp_path, files, source, ["accounts"]).left_out("accounts") == {"tells_nothing": 1}
