"""Objects in lines of JSON: each is rows with the line it stands in, or rejected with that line and why."""

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warehouse.json_lines
from schemas.contract import column
from schemas.customers import Export
from schemas.form import EPOCH, Formats, Place, Places
from schemas.support import Instant
from tests.frames import at
from tests.ways_of_reading import WAYS, go
from warehouse.errors import ExportError
from warehouse.first_look import look
from warehouse.placed import joined
from warehouse.reading import FileRows, Kind, read_export, read_kinds, texts_at

EXPORTED = at("2025-06-30T22:00")
FORMATS = Formats(instants=(EPOCH,), time_zone="UTC")


class Order(Export):
    """One row per order."""

    id: str = column("Order")
    customer: str = column("Customer", optional=True, refers=True)
    total: pl.Decimal(38, 12) = column("Total", optional=True)  # type: ignore[valid-type]
    units: pl.Int64 = column("Units", optional=True)
    made: Instant = column("When it was made", optional=True)  # type: ignore[valid-type]
    paid: bool = column("Whether it is paid", optional=True)
    address__country: str = column("Country", optional=True)
    tag: str = column("A word", optional=True)

    class Config:
        unique = ["id"]


class Line(Export):
    """One row per line of an order."""

    id: str = column("Line")
    order: str = column("Its order", optional=True)
    price__amount: pl.Int64 = column("Price", optional=True)

    class Config:
        unique = ["id"]


NAMES = [name for name in Order.dtypes() if name not in Export.dtypes()]
PLACES = Places({name: (Place(tuple(name.split("__"))),) for name in NAMES}, envelopes=(("data",), ("record", "data")))
LINES = Places(
    {
        "id": (Place(("id",)),),
        "order": (Place(("order",)), Place(("id",), "record")),
        "price__amount": (Place(("price", "amount")),),
    },
    rows=("lines", "data"),
)


@pytest.fixture(params=WAYS)
def read(request, tmp_path, monkeypatch):
    """Read text or bytes as orders (or their lines), in each way."""
    go(request.param, monkeypatch)

    def reading(content: str | bytes, contract=Order, places: Places = PLACES) -> FileRows:
        path = tmp_path / "sent"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_export(path, "orders.jsonl", "shop", EXPORTED, contract, FORMATS, exact=False, places=places)

    return reading


def values(found: FileRows, *names: str) -> list[tuple]:
    return found.rows.select(names).rows()


def rejects(found: FileRows) -> list[tuple]:
    return sorted(found.rejects.select("export_line", "column_name", "reason").rows(), key=str)


def test_each_object_is_a_row_with_its_line_whatever_stands_between(read):
    found = read('\ufeff{"id":"a","units":1}\r\n\r\n  \n{"id":"b","units":2}\n{"id":"c"}')
    assert values(found, "export_line", "id", "units") == [(1, "a", 1), (4, "b", 2), (5, "c", None)]
    assert found.rows_read == 3


def test_values_are_what_stands_there_to_the_last_digit(read):
    found = read(
        '{"id":12345678901234567890123,"total":0.1,"units":9007199254740993}\n'
        '{"id":"1.0","total":12345678901234567.25,"units":-5}\n'
        '{"id":"é\\u00e9\\"\\n","total":"19.90","made":1767225600,"paid":true}\n'
        '{"id":"x","total":1e3,"made":"1767225600","paid":"false"}\n'
    )
    assert values(found, "id", "total", "units") == [
        ("12345678901234567890123", Decimal("0.1"), 9007199254740993),
        ("1.0", Decimal("12345678901234567.25"), -5),
        ('éé"\n', Decimal("19.90"), None),
        ("x", Decimal(1000), None),
    ]
    assert values(found, "made", "paid")[2:] == [(at("2026-01-01"), True), (at("2026-01-01"), False)]


def test_what_is_no_object_is_rejected_with_its_line_and_the_others_are_read(read):
    found = read('{"id":"a"}\n{"id":"b"\n[1]\n{"id":"c"} {"id":"d"}\nnull\n{"id":"e","tag":"\\ud800"}\n{"id":"f"}\n')
    assert values(found, "export_line", "id") == [(1, "a"), (7, "f")]
    assert [line for line, _, _ in rejects(found)] == [2, 3, 4, 5, 6]
    assert (3, None, "expected a JSON object, found a list") in rejects(found)
    assert found.rows_read == 7
    assert found.text.sort("export_line")["record"].to_list()[:2] == ['{"id":"b"', "[1]"]


def test_a_value_that_is_spelled_otherwise_is_rejected_with_its_line_and_its_whole_record(read):
    found = read('{"id":"a","units":1}\n{"id":"b","units":1.5,"note":"kept"}\n{"id":"c","made":"today"}\n')
    assert values(found, "id") == [("a",)]
    assert [(line, name) for line, name, _ in rejects(found)] == [(2, "units"), (3, "made")]
    assert json.loads(found.text.filter(export_line=2)["record"].item())["note"] == "kept"


def test_an_object_that_is_referred_to_is_known_by_its_id_be_it_there_whole(read):
    found = read(
        '{"id":"a","customer":"k1"}\n{"id":"b","customer":{"id":"k2","name":"two\\nlines \\"q\\""}}\n'
        '{"id":"c","customer":{"id":7}}\n{"id":"d","customer":null}\n'
    )
    assert values(found, "id", "customer") == [("a", "k1"), ("b", "k2"), ("c", "7"), ("d", None)]


def test_what_is_within_is_found_and_of_another_kind_is_nothing(read):
    found = read('{"id":"a","address":{"country":"DE"}}\n{"id":"b","address":"Berlin"}\n{"id":"c","address":[1]}\n')
    assert values(found, "id", "address__country") == [("a", "DE"), ("b", None), ("c", None)]


@pytest.mark.parametrize("wrap", ['{"data":%s,"at":1}', '{"record":{"data":%s}}', "%s"])
def test_an_envelope_is_taken_off(read, wrap):
    found = read("\n".join(wrap % one for one in ('{"id":"a","units":1}', '{"id":"b"}')) + "\n")
    assert values(found, "id", "units") == [("a", 1), ("b", None)]


class TestLists:
    def test_each_element_is_a_row_that_knows_its_object(self, read):
        found = read(
            '{"id":"o1","lines":{"data":[{"id":"l1","price":{"amount":5}},{"id":"l2","order":"own","price":null}]}}\n'
            '{"id":"o2","lines":{"data":[]}}\n{"id":"o3","lines":null}\n{"id":"o4"}\n'
            '{"id":"o5","lines":{"data":[{"id":"l3","price":{"amount":7}}]}}\n',
            Line,
            LINES,
        )
        assert values(found, "export_line", "id", "order", "price__amount") == [
            (1, "l1", "o1", 5),
            (1, "l2", "own", None),
            (5, "l3", "o5", 7),
        ]
        assert found.rows_read == 5, "objects are counted"

    def test_a_list_may_stand_within_the_elements_of_another(self, read):
        places = Places(LINES.columns, ("parcels[]", "lines", "data"))
        found = read(
            '{"id":"o1","parcels":[{"lines":{"data":[{"id":"l1","price":{"amount":5}}]}},{"lines":{"data":[]}},'
            '{"lines":{"data":[{"id":"l2"},{"id":"l3","order":"own"}]}}]}\n'
            '{"id":"o2","parcels":[]}\n{"id":"o3","parcels":[{"lines":null},{},null]}\n{"id":"o4"}\n'
            '{"id":"o5","parcels":[{"lines":{"data":[{"id":"l4","price":{"amount":7}}]}}]}\n',
            Line,
            places,
        )
        assert values(found, "export_line", "id", "order", "price__amount") == [
            (1, "l1", "o1", 5),
            (1, "l2", "o1", None),
            (1, "l3", "own", None),
            (5, "l4", "o5", 7),
        ]
        assert found.rows_read == 5, "objects are counted"
        assert found.rejects.is_empty()

    def test_a_file_without_any_has_no_row(self, read):
        found = read('{"id":"o1","lines":{"data":[]}}\n{"id":"o2"}\n', Line, LINES)
        assert found.rows.is_empty()
        assert found.rejects.is_empty()
        assert found.rows_read == 2

    def test_an_object_whose_list_cannot_be_read_is_told(self, read):
        found = read('{"id":"o1","lines":{"data":[{"id":"l1"}]}}\n{"id":"o2","lines":\n', Line, LINES)
        assert values(found, "id") == [("l1",)]
        assert [line for line, *_ in rejects(found)] == [2]
        assert found.text["record"].to_list() == ['{"id":"o2","lines":']

    def test_ids_alone_stand_for_their_objects(self, read):
        found = read(
            '{"id":"o1","lines":{"data":["l1","l2"]}}\n{"id":"o2","lines":{"data":[{"id":"l3"}]}}\n', Line, LINES
        )
        assert values(found, "id", "order") == [("l1", "o1"), ("l2", "o1"), ("l3", "o2")]


def test_a_column_that_only_a_late_object_has_is_read(read):
    found = read("".join(f'{{"id":"{n}"}}\n' for n in range(50)) + '{"id":"z","tag":"late"}\n')
    assert values(found, "tag")[-1] == ("late",)
    assert "tag" in found.columns
    assert "units" not in found.columns


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{\n "id": "a"\n}\n', "orders.jsonl: expected JSON lines, one object in each line"),
        (b'{"id":"a"}\n{"id":"\xff"}\n', "orders.jsonl, line 2: not UTF-8"),
        (b'{"name":"a"}\n', "orders.jsonl: the column id is missing"),
    ],
)
def test_a_file_that_is_no_lines_of_objects_is_refused(read, content, told):
    with pytest.raises(ExportError) as refused:
        read(content)
    assert told in str(refused.value)


def test_the_text_of_rows_is_read_again_by_their_lines(tmp_path):
    path = tmp_path / "sent"
    path.write_text('{"id":"a","units":1}\n\n{"id":"b","units":2}\n')
    found = texts_at(path, "orders.jsonl", Order, FORMATS, pl.Series([3]), PLACES)
    assert found.select("export_line", "id", "record").rows() == [(3, "b", '{"id":"b","units":2}')]


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.text(max_size=4),
    st.decimals(-(10**9), 10**9, places=3).map(float),
)
objects = st.fixed_dictionaries(
    {"id": scalars},
    optional={
        "customer": st.one_of(scalars, st.fixed_dictionaries({"id": scalars})),
        "units": scalars,
        "total": scalars,
        "tag": scalars,
        "address": st.one_of(
            scalars, st.fixed_dictionaries({}, optional={"country": scalars, "more": st.lists(scalars)})
        ),
        "lines": st.one_of(
            scalars,
            st.fixed_dictionaries(
                {"data": st.lists(st.one_of(scalars, st.fixed_dictionaries({"id": scalars})), max_size=3)}
            ),
        ),
    },
)


@settings(max_examples=120, deadline=None)
@given(sent=st.lists(st.one_of(objects, st.sampled_from(["", "{", "[]", '{"id":1}{"id":2}'])), min_size=1, max_size=6))
def test_every_way_gives_the_same(tmp_path_factory, sent):
    path: Path = tmp_path_factory.mktemp("json") / "sent"
    first = json.dumps({"id": "first"})
    path.write_text("\n".join([first, *(one if isinstance(one, str) else json.dumps(one) for one in sent)]))
    for contract, places in ((Order, PLACES), (Line, LINES)):
        told = []
        for way in WAYS:
            with pytest.MonkeyPatch.context() as patched:
                go(way, patched)
                found = read_export(path, "o", "s", EXPORTED, contract, FORMATS, exact=False, places=places)
                told.append((found.rows.rows(), rejects(found), found.rows_read))
        assert told[0] == told[1] == told[2]


@settings(max_examples=60, deadline=None)
@given(sent=st.lists(st.one_of(objects, st.sampled_from(["", "{", '{"id":1}{"id":2}'])), min_size=1, max_size=6))
def test_kinds_that_are_read_at_once_are_what_each_is_when_it_is_read_alone(tmp_path_factory, sent):
    path: Path = tmp_path_factory.mktemp("json") / "sent"
    lines = [json.dumps({"id": "first"}), *(one if isinstance(one, str) else json.dumps(one) for one in sent)]
    path.write_text("\n".join(lines))
    kinds = [Kind(Order, PLACES), Kind(Line, LINES)]
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patched:
            go(way, patched)
            together = read_kinds(path, "o", "s", EXPORTED, kinds, FORMATS)
            alone = [read_kinds(path, "o", "s", EXPORTED, [kind], FORMATS)[0] for kind in kinds]
        for one, other in zip(together, alone, strict=True):
            assert one.rows.rows() == other.rows.rows()
            assert (rejects(one), one.rows_read, one.columns) == (rejects(other), other.rows_read, other.columns)


def test_a_file_of_several_kinds_is_parsed_once(tmp_path, monkeypatch):
    path = tmp_path / "sent"
    path.write_text('{"id":"a","total":"5","lines":{"data":[{"id":"x"},{"id":"y"}]}}\n{"id":"b","lines":{"data":[]}}\n')
    parsed, whole = list[bytes](), warehouse.json_lines.plainly
    monkeypatch.setattr(warehouse.json_lines, "plainly", lambda text, dtype: parsed.append(text) or whole(text, dtype))
    orders, order_lines = read_kinds(path, "o", "s", EXPORTED, [Kind(Order, PLACES), Kind(Line, LINES)], FORMATS)
    assert values(orders, "id", "total") == [("a", Decimal(5)), ("b", None)]
    assert values(order_lines, "id", "order", "export_line") == [("x", "a", 1), ("y", "a", 1)]
    assert parsed == [path.read_bytes()]


@pytest.mark.parametrize(
    ("trees", "whole"),
    [
        ([{"id": None}, {"id": None, "a": {"b": None}}, {"a": {"c": None}}], {"id": None, "a": {"b": None, "c": None}}),
        ([{"l": [{"x": None}]}, {"l": [{"y": None}]}], {"l": [{"x": None, "y": None}]}),
        ([{"l": [None]}, {"l": [None]}], {"l": [None]}),
        ([{"a": None}, {"a": {"b": None}}], None),
        ([{"a": {"x": None}}, {"a": {"x": [None]}}], None),
        ([{"l": [None]}, {"l": [{"y": None}]}], None),
    ],
)
def test_what_several_ends_need_is_joined_unless_one_looks_into_what_another_takes_whole(trees, whole):
    assert joined(trees) == whole


@pytest.mark.parametrize("text", ['[{"id": 1}]', '\ufeff [\n  {"id": 1},\n  {"id": 2}\n]\n'])
def test_one_array_of_objects_is_told_with_what_makes_lines_of_it(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ExportError, match=r"^x.json: this is one JSON array; expected a JSON object a line, as jq -c"):
        look(path, "x.json", Formats())
