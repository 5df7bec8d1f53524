"""Objects that were written several times, in parts of a lake: the newest counts, over all parts of a day together."""

import gzip
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.notices import ExportWarning
from tests.frames import day
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.test_stripe import invoice, item, subscription
from warehouse.errors import ExportError

MAY, JUNE = 1_777_611_600_000, 1_780_290_000_000
AIRBYTE = {"form": "stripe", "written_by": "airbyte"}


def part(stream: str, moment: int, *objects: dict, number: int = 0, **marks: object) -> dict[str, str]:
    told = {"_airbyte_raw_id": "x", "_airbyte_extracted_at": moment, "_airbyte_generation_id": 0, **marks}
    text = "".join(json.dumps({**told, "_airbyte_data": one}) + "\n" for one in objects)
    return {f"{stream}/2026_05_01_{moment}_{number}.jsonl": text}


def items(tmp_path, *parts: dict[str, str], **said: object) -> Ingested:
    files = {name: text for each in parts for name, text in each.items()}
    return ingested(tmp_path, files, {**AIRBYTE, **said}, ["subscription_items"])


def of(*keys: str, **changed: object) -> dict:
    return subscription("sub", items=[item(key) for key in keys], **changed)


def test_an_item_that_a_later_part_no_longer_lists_ends_where_the_config_says_so(tmp_path):
    found = items(
        tmp_path, part("subscriptions", MAY, of("s1", "s2")), part("subscriptions", JUNE, of("s1")), vanished="ended"
    )
    assert found.values("subscription_items", "item_id", "ended_on") == [("s1", None), ("s2", day("2026-05-31"))]


def test_what_a_newer_generation_leaves_out_is_gone(tmp_path):
    one, other = subscription("one", items=[item("s1")]), subscription("other", items=[item("s2")])
    found = items(
        tmp_path,
        part("subscriptions", MAY, one, other),
        part("subscriptions", JUNE, one, _airbyte_generation_id=1),
        vanished="ended",
    )
    assert found.values("subscription_items", "item_id", "ended_on") == [("s1", None), ("s2", day("2026-05-31"))]


def test_two_parts_of_one_sync_tell_one_story(tmp_path):
    later = MAY + 1_000
    found = items(
        tmp_path,
        part("subscriptions", MAY, of("s1")),
        part("subscriptions", MAY, of("s1", canceled_at=MAY // 1000), number=1, _airbyte_extracted_at=later),
    )
    assert found.values("subscription_items", "item_id", "cancel_requested_on") == [("s1", day("2026-05-01"))]


def test_of_two_parts_that_tell_different_things_at_one_time_the_later_part_counts(tmp_path):
    files = {
        **part("invoices", MAY, invoice("in_1", status="open")),
        **part("invoices", MAY, invoice("in_1", status="paid"), number=1),
    }
    found = ingested(tmp_path, files, AIRBYTE, ["invoices"])
    assert found.values("invoices", "invoice_id", "status") == [("in_1", "paid")]


def test_an_empty_part_adds_nothing(tmp_path):
    empty = {
        f"subscriptions/2026_06_01_{JUNE}_0.jsonl": "",
        f"invoices/2026_06_01_{JUNE}_0.jsonl.gz": gzip.compress(b""),
    }
    files = {**part("subscriptions", MAY, of("s1")), **part("invoices", MAY, invoice("in_1")), **empty}
    found = ingested(tmp_path, files, {**AIRBYTE, "vanished": "ended"}, ["subscription_items", "invoices"])
    assert found.values("subscription_items", "item_id", "ended_on") == [("s1", None)]
    assert found.values("invoices", "invoice_id") == [("in_1",)]
    assert found.rejects() == []


def test_parts_of_which_all_are_empty_end_nobody(tmp_path):
    with pytest.raises(ExportError, match=r"2026_06_01_\d+_0.jsonl: there is no row"):
        items(tmp_path, {f"subscriptions/2026_06_01_{JUNE}_0.jsonl": ""})


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"_airbyte_generation_id": None}, {"_airbyte_generation_id": 0}),
        (
            {"_airbyte_extracted_at": None, "_airbyte_emitted_at": "2026-05-01T10:00:00Z"},
            {"_airbyte_extracted_at": None, "_airbyte_emitted_at": "2026-05-01T10:00:00.500Z"},
        ),
        ({"_airbyte_extracted_at": MAY}, {"_airbyte_extracted_at": "2026-06-01T10:00:00+00:00"}),
    ],
)
def test_the_newest_is_known_however_its_time_is_told(tmp_path, earlier, later):
    files = {
        **part("invoices", MAY, invoice("in_1", status="open"), invoice("in_2"), **earlier),
        **part("invoices", JUNE, invoice("in_1", status="paid"), **later),
    }
    found = ingested(tmp_path, files, AIRBYTE, ["invoices"])
    assert found.values("invoices", "invoice_id", "status") == [("in_1", "paid"), ("in_2", "paid")]


def test_marks_of_programs_beside_the_parts_are_no_exports(tmp_path):
    found = items(tmp_path, part("subscriptions", MAY, of("s1")), {"subscriptions/_SUCCESS": ""})
    assert found.values("subscription_items", "item_id") == [("s1",)]


@pytest.mark.parametrize("wrapped", [False, True])
def test_of_messages_between_programs_of_airbytes_the_newest_of_an_object_counts(wrapped, tmp_path):
    def message(moment: int, status: str) -> dict:
        told = {"stream": "invoices", "data": invoice("in_1", status=status), "emitted_at": moment}
        return {"type": "RECORD", "record": told} if wrapped else told

    sent = "".join(json.dumps(one) + "\n" for one in (message(JUNE, "paid"), message(MAY, "open")))
    found = ingested(tmp_path, {"invoices.jsonl": sent}, AIRBYTE, ["invoices"])
    assert found.values("invoices", "invoice_id", "status") == [("in_1", "paid")]
    assert found.left_out("invoices") == {"replaced": 1}
    assert found.rejects() == []


def test_files_of_a_load_of_dlts_that_did_not_come_to_its_end_are_left_out_until_it_does(tmp_path):
    def load(number: str, key: str) -> dict[str, str]:
        told = {"_dlt_load_id": number, "_dlt_id": key}
        one = {"id": key, "email": f"{key}@acme.example", "created": MAY // 1000}
        return {f"customer/{number}.0.jsonl": json.dumps({**told, **one}) + "\n"}

    def end(number: str) -> dict[str, str]:
        return {f"_dlt_loads/stripe__{number}.jsonl": json.dumps({"load_id": number, "status": 0}) + "\n"}

    first, broken, said = "1777611600.5", "1780290000.25", {"form": "stripe", "written_by": "dlt"}
    sent = {**load(first, "cus_a"), **load(broken, "cus_b")}
    with pytest.warns(ExportWarning, match=r"it: 1 files are of loads that did not come to their end"):
        found = ingested(tmp_path, {**sent, **end(first)}, said, ["accounts"])
    assert found.values("accounts", "account_id") == [("cus_a",)]
    found = ingested(tmp_path, end(broken), said, ["accounts"])
    assert found.values("accounts", "account_id") == [("cus_a",), ("cus_b",)]
    nobody_says = ingested(tmp_path / "copied", sent, said, ["accounts"])
    assert nobody_says.values("accounts", "account_id") == [("cus_a",), ("cus_b",)]


LOAD = {"_dlt_load_id": "1777611600.5"}
"""A load of dlt's."""
STREAMS = {
    "subscription": [
        {"id": key, "customer": "cus_1", "status": "active", "created": MAY // 1000, "_dlt_id": key}
        for key in ("a", "b")
    ],
    "subscription__items__data": [
        {"id": f"i_{key}", "subscription": key, "price__id": "p", "quantity": 1, "_dlt_parent_id": key, "_dlt_id": key}
        for key in ("a", "b")
    ],
    "subscription__discounts": [
        {"id": f"d_{key}", "coupon__id": key, "_dlt_parent_id": key, "_dlt_id": f"d_{key}"} for key in ("a", "b")
    ],
    "price": [
        {
            "id": "p",
            "unit_amount": None,
            "unit_amount__v_text": "1000",
            "currency": "eur",
            "recurring__interval": "month",
        }
    ],
    "coupon": [
        {"id": "a", "percent_off": 25, "percent_off__v_double": None, "duration": "forever"},
        {"id": "b", "percent_off": None, "percent_off__v_double": 33.33, "duration": "forever"},
    ],
}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_number_that_the_column_of_dlts_cannot_hold_stands_in_another(ending, tmp_path):
    files = {}
    for name, rows in STREAMS.items():
        told = [{**LOAD, "_dlt_id": f"{name}{number}", **row} for number, row in enumerate(rows)]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(told), sink)
        text = "".join(json.dumps(row) + "\n" for row in told).encode()
        files[f"{name}/1777611600.5.0.{ending}"] = text if ending == "jsonl" else sink.getvalue()
    found = ingested(tmp_path, files, {"form": "stripe", "written_by": "dlt"}, ["subscription_items"])
    assert found.rejects() == []
    # A quarter of a thousand, and 33.33 %.
    assert found.values("subscription_items", "item_id", "unit_amount", "discount_amount") == [
        ("i_a", Decimal(1_000), 250),
        ("i_b", Decimal(1_000), 333),
    ]
