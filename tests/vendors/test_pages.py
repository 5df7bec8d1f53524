"""Objects in the pages in which vendors' APIs give their lists, as they come, or as people indent them."""

import json

import polars as pl
import pytest

from pipelines.commands.proposal import propose
from pipelines.ingest.notices import ExportWarning
from tests.vendors import chargebee_files, intercom_files, recurly_files, test_stripe, zendesk_files
from tests.vendors.one_source import ingested
from transforms.clean.vendors import FORMS
from warehouse.errors import ExportError
from warehouse.objects import read_objects


def company(key):
    """A company of HubSpot."""
    return {
        "id": key,
        "properties": {"name": f"Company {key}", "createdate": "2026-01-15T10:00:00Z"},
        "archived": False,
    }


def account(key):
    """An account of Salesforce."""
    return {"attributes": {"type": "Account"}, "Id": key, "Name": f"Account {key}", "IsDeleted": False}


def wrapped(key):
    """A subscription of Chargebee as a list has it: beside its customer."""
    return {"subscription": chargebee_files.subscription(key), "customer": chargebee_files.customer()}


def of_chargebee(*objects):
    return {"list": list(objects), "next_offset": '["1","2"]'}


def of_stripe(*objects):
    return {"object": "list", "data": list(objects), "has_more": True, "url": "/v1/subscriptions"}


def of_recurly(*objects):
    return {"object": "list", "has_more": False, "next": None, "data": list(objects)}


def of_intercom(*objects):
    return {"type": "conversation.list", "pages": {"type": "pages", "page": 1}, "conversations": list(objects)}


def of_hubspot(*objects):
    return {"results": list(objects), "paging": {"next": {"after": "2"}}}


def of_zendesk(*objects):
    return {"tickets": list(objects), "next_page": None, "previous_page": None, "count": 3}


def of_salesforce(*objects):
    return {"totalSize": 3, "done": True, "records": list(objects)}


SENT = {
    "chargebee": ("subscriptions", "subscription_items", of_chargebee, [wrapped(key) for key in "abc"]),
    "stripe": ("subscriptions", "subscription_items", of_stripe, [test_stripe.subscription(key) for key in "abc"]),
    "recurly": ("accounts", "accounts", of_recurly, [recurly_files.account(key) for key in "abc"]),
    "intercom": (
        "conversations",
        "tickets",
        of_intercom,
        [intercom_files.conversation(key) for key in (501, 502, 503)],
    ),
    "hubspot": ("companies", "accounts", of_hubspot, [company(key) for key in ("1", "2", "3")]),
    "zendesk": ("tickets", "tickets", of_zendesk, [zendesk_files.ticket(key) for key in (101, 102, 103)]),
    "salesforce": ("Account", "accounts", of_salesforce, [account(f"0015g00000ABCd{key}AAA") for key in "EFG"]),
}
"""By vendor the file, the canonical table, a page, and three objects."""


def rows(folder, vendor, table, files):
    """The rows of the canonical table, but for where they stood; nothing is rejected."""
    found = ingested(folder, files, {"form": vendor, "written_by": "api"}, [table])
    assert found.rejects() == []
    told = found.rows(table)
    return sorted(told.drop("exported_at", "export_file", "export_line", strict=False).rows(), key=str)


@pytest.mark.parametrize("vendor", list(SENT))
def test_what_stands_in_pages_is_what_stands_line_by_line(tmp_path, vendor):
    name, table, page, (one, two, three) = SENT[vendor]
    pages = page(one, two), page(), page(three)
    plain = chargebee_files.lines(one, two, three)
    written = {
        "by line": chargebee_files.lines(*pages),
        "indented": json.dumps(page(one, two, three), indent=2),
        "after each other": "\n".join(json.dumps(each, indent=1) for each in pages) + "\n",
    }
    expected = rows(tmp_path / "plain", vendor, table, {f"{name}.jsonl": plain})
    assert len(expected) == 3
    for how, content in written.items():
        assert rows(tmp_path / how, vendor, table, {f"{name}.json": content}) == expected, how


STRIPE = {"form": "stripe", "written_by": "api"}
subscription = test_stripe.subscription


def of_pages(folder, content):
    return ingested(folder, {"subscriptions.json": content}, STRIPE, ["subscription_items"])


@pytest.mark.parametrize("indent", [None, 2])
def test_the_line_of_an_object_is_its_number_and_a_wrong_one_leaves_the_others_of_its_page(tmp_path, indent):
    wrong = subscription("c", status="unheard of")
    pages = of_stripe(subscription("a"), subscription("b")), of_stripe(wrong, subscription("d"))
    found = of_pages(tmp_path, "\n".join(json.dumps(page, indent=indent) for page in pages))
    assert found.values("subscription_items", "subscription_id") == [("a",), ("b",), ("d",)]
    (reject,) = found.rejects()
    assert reject[:3] == ("sent/subscriptions.json", 3, "status")


EMPTY = of_stripe()


@pytest.mark.parametrize("pages", [json.dumps(EMPTY), f"{json.dumps(EMPTY)}\n" * 2, json.dumps(EMPTY, indent=2)])
def test_pages_without_an_object_are_refused_as_an_export_without_rows(tmp_path, pages):
    with pytest.raises(ExportError, match=r"sent/subscriptions.json: no page of it has an object; export it whole"):
        of_pages(tmp_path, pages)


def test_pages_that_never_had_an_object_have_none_and_that_is_told(tmp_path):
    with pytest.warns(ExportWarning, match=r"sent/invoices.json has pages without an object: nothing is there"):
        found = ingested(tmp_path, {"invoices.json": json.dumps(EMPTY)}, STRIPE, ["invoices"])
    assert found.rows("invoices").is_empty()
    path = found.company.folder / "sent" / "invoices.json"
    path.write_text(chargebee_files.lines(of_stripe(test_stripe.invoice("a")), EMPTY))
    found.company.ingest(["invoices"])
    assert found.rows("invoices").height == 1
    path.write_text(json.dumps(EMPTY))
    with pytest.raises(ExportError, match="no page of it has an object, and an earlier export had rows"):
        found.company.ingest(["invoices"])


PAGE = of_stripe(subscription("a"), subscription("b"))


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_first_page_that_is_broken_off_is_told_by_the_line_in_which_it_ends(tmp_path, share, end):
    plain, indented = json.dumps(PAGE), json.dumps(PAGE, indent=2)
    broken = indented[: int(len(indented) * share)]
    told = "the page that begins in line {} is broken off or damaged here; expected a whole page with a list at data"
    with pytest.raises(ExportError, match=f"sent/subscriptions.json, line 1: {told.format(1)}; fetch it again"):
        of_pages(tmp_path / "plain", plain[: int(len(plain) * share)] + end)
    last = broken.rstrip().count("\n") + 1
    assert last > 9
    with pytest.raises(ExportError, match=f"sent/subscriptions.json, line {last}: {told.format(1)}"):
        of_pages(tmp_path / "indented", broken + end)
    with pytest.raises(ExportError, match=f"sent/subscriptions.json, line {last + 2}: {told.format(3)}"):
        of_pages(tmp_path / "below blanks", f"\n\n{broken}{end}")


def test_an_object_that_is_broken_off_is_no_page(tmp_path):
    with pytest.raises(ExportError, match="the first line is no whole object"):
        of_pages(tmp_path, json.dumps(subscription("a", data=[{"id": "x"}]))[:-5])


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrong", ['{"error": {"message": "Invalid API Key"}}', '{"object": "list", "data": [', '{"data": [1]}']
)
def test_what_is_no_page_after_one_is_told_by_its_line(tmp_path, indent, wrong):
    content = json.dumps(of_stripe(subscription("a")), indent=indent)
    line = content.count("\n") + 2
    with pytest.raises(
        ExportError, match=rf"sent/subscriptions.json, line {line}: expected a whole page with a list at data"
    ):
        of_pages(tmp_path, f"{content}\n{wrong}\n")


def test_an_object_that_has_such_a_list_is_no_page(tmp_path):
    found = of_pages(tmp_path, chargebee_files.lines(*(subscription(key, data=[{"id": "x"}]) for key in "ab")))
    assert found.values("subscription_items", "subscription_id") == [("a",), ("b",)]


def test_numbers_and_signs_of_pages_are_read_to_the_letter(tmp_path):
    odd = 'a "quoted" \\ name\u2028 with\ttabs \U0001f600'
    price = test_stripe.price(nickname=odd, unit_amount=None, unit_amount_decimal="0.000000000001")
    one = subscription("a", items=[test_stripe.item(price=price)])
    plain, paged = chargebee_files.lines(one), json.dumps(of_stripe(one), indent=2, ensure_ascii=False)
    expected = rows(tmp_path / "plain", "stripe", "subscription_items", {"subscriptions.jsonl": plain})
    assert rows(tmp_path / "pages", "stripe", "subscription_items", {"subscriptions.json": paged}) == expected
    assert odd in expected[0]


def test_a_file_that_begins_with_an_object_over_several_lines_is_refused_as_ever(tmp_path):
    with pytest.raises(ExportError, match="the first line is no whole object"):
        of_pages(tmp_path, json.dumps(subscription("a"), indent=2))


@pytest.mark.parametrize(
    ("vendor", "kind", "page"),
    [
        ("typeform", "responses", {"total_items": 2, "page_count": 1, "items": [{"response_id": "a"}, {"token": "b"}]}),
        ("surveymonkey", "responses", {"per_page": 2, "links": {}, "data": [{"id": "a"}, {"id": "b"}]}),
        ("intercom", "contacts", {"type": "list", "data": [{"id": "a"}, {"id": "b"}], "pages": {"total_pages": 1}}),
        ("zendesk", "users", {"users": [{"id": "a"}, {"id": "b"}], "meta": {"has_more": False}}),
    ],
)
def test_so_do_other_lists_of_theirs(tmp_path, vendor, kind, page):
    table = FORMS[f"{vendor}/api"].raw[kind]
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page, indent=1))
    pieces = read_objects(path, "page.json", table.contract, FORMS[f"{vendor}/api"].formats, table.places)
    told = pl.concat([piece.text for piece in pieces if piece.records], how="diagonal")
    assert told.select(pl.col("export_line"), pl.col("id")).rows() == [(1, "a"), (2, "b")]


def test_a_first_config_knows_whose_pages_they_are(tmp_path):
    path = tmp_path / "exports" / "subscriptions.json"
    path.parent.mkdir()
    path.write_text(json.dumps(of_stripe(subscription("a")), indent=2))
    assert [each.form for each in propose(path.parent)] == ["stripe/api"]
