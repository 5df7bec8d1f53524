"""Objects that DuckDB parses are what Python reads, value by value; where that is not certain there are none."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.json_objects import objects
from warehouse.json_text import columns_of

TEXT = pl.String()
ORDER = pl.Struct(
    {
        "id": TEXT,
        "address": pl.Struct({"country": TEXT, "at": pl.Struct({"street": TEXT})}),
        "lines": pl.List(pl.Struct({"name": TEXT, "price": pl.Struct({"amount": TEXT})})),
        "tags": pl.List(TEXT),
    }
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(-(10**6), 10**6, places=2).map(float),
    st.text(max_size=5),
    st.sampled_from(["1.0", '{"a":1}', "[1]", "null", ", ]", ": nan", 'é"\\\n', "\x00"]),
)


def value_of(dtype):
    """Values that are of the type, and now and then others."""
    if isinstance(dtype, pl.Struct):
        fields = {field.name: value_of(field.dtype) for field in dtype.fields}
        some = st.fixed_dictionaries({}, optional={**fields, "more": scalars})
        return st.one_of(*[some] * 12, scalars, st.just([]))
    if isinstance(dtype, pl.List):
        return st.one_of(*[st.lists(value_of(dtype.inner), max_size=3)] * 12, scalars)
    return scalars


lines_of_orders = st.lists(value_of(ORDER), min_size=1, max_size=4)


def written(rows, **how):
    return "\n".join(json.dumps(row, **how) for row in rows)


@settings(max_examples=300, deadline=None)
@given(rows=lines_of_orders, is_short=st.booleans(), is_ended=st.booleans())
def test_they_are_what_python_reads(rows, is_short, is_ended):
    text = written(rows, separators=(",", ":") if is_short else None)
    found = objects(f"{text}\n".encode() if is_ended else text.encode(), ORDER)
    told, faults = columns_of(pl.Series(text.split("\n")), ORDER, certainly=True)
    assert found is None or (not faults and found.schema == told.schema and found.rows() == told.rows())


def test_they_are_certain_where_nothing_is_out_of_the_ordinary():
    rows = [
        {
            "id": "a",
            "address": {"country": "DE", "at": {"street": "x"}},
            "lines": [{"name": "n", "price": {"amount": 5}}],
        },
        {"id": 7, "address": None, "lines": [], "tags": ["t", 1.5, True], "more": {"a": [None, {}]}},
        {"id": 12345678901234567890123, "address": {"country": None, "at": {"street": "1.0"}}},
        {"id": "é", "address": {"zip": "1"}},
    ]
    found = objects(written(rows).encode(), ORDER)
    assert found is not None
    assert found.rows() == [
        ("a", {"country": "DE", "at": {"street": "x"}}, [{"name": "n", "price": {"amount": "5"}}], None),
        ("7", None, [], ["t", "1.5", "true"]),
        ("12345678901234567890123", {"country": None, "at": {"street": "1.0"}}, None, None),
        ("é", {"country": None, "at": None}, None, None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"id":1,}',
        '{"tags":["a" , ]}',
        '{"id":NaN}',
        '{"id": -inf}',
        '{"tags":[1,Infinity]}',
        '{"id":5.0}',
        '{"id":5.00 }',
        '{"id":1e3}',
        '{"id":1.5E-7}',
        '{"id":1}{"id":2}',
        "[1]",
        "null",
        '"text"',
        "",
        '{"id":"\\ud800"}',
        '{"address":"text"}',
        '{"addr\\u0065ss":"text"}',
        '{"id":"a","address":{"at":"x"}}',
        '{"tags":{}}',
        '{"address":{"at":[1],"country":"DE"}}',
        '{"lines":{"name":"a"}}',
        '{"lines":["a"]}',
        '{"lines":[null]}',
        '{"lines":[{"name":"a","price":"p"}]}',
        '{"tags":"a"}',
    ],
)
def test_they_are_none_where_duckdb_forgives_or_something_is_of_another_kind(line):
    assert objects(f'{{"id":"first"}}\n{line}\n'.encode(), ORDER) is None


def test_one_object_of_another_kind_is_told_among_many_that_have_values():
    lines = ['{"address":{"country":"DE","at":{"street":"x"}}}', '{"id":"a"}', '{"address":{"country":"FR"}}']
    for other in ('{"address":"text"}', '{"address":{"country":"FR","at":"x"}}'):
        assert objects("\n".join([*lines, other]).encode(), ORDER) is None
    found = objects("\n".join(lines).encode(), ORDER)
    assert found is not None
    assert found["address"].to_list() == [
        {"country": "DE", "at": {"street": "x"}},
        None,
        {"country": "FR", "at": None},
    ]


def test_they_are_none_of_text_that_is_not_utf_8_and_of_names_that_differ_by_case_alone():
    assert objects(b'{"id":"\xff"}\n', ORDER) is None
    assert objects(b'{"id":"a"}\n', pl.Struct({"id": TEXT, "ID": TEXT})) is None
    assert objects(b'{"id":"a"}\n', pl.Struct([])) is None


def test_a_name_with_a_quote_is_a_name():
    found = objects(b'{"it\'s":"a"}\n', pl.Struct({"it's": TEXT}))
    assert found is not None
    assert found.rows() == [("a",)]
