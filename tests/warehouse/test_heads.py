"""Rows that stand above the rows of a CSV file: what they call its columns, and when they are none."""

import pytest

from schemas.contract import Contract, column
from schemas.form import Formats, Heads, Place, Places
from tests.frames import rows
from warehouse.errors import ExportError
from warehouse.heads import gathered, has_rows_below, names_of
from warehouse.objects import read_objects
from warehouse.reading import has_rows

TITLED, KEYED = Heads(rows=2, spreads=True), Heads(rows=3, key="ImportId", zone="timeZone")
IDS = ['{"ImportId":"start","timeZone":"Z"}', '{"ImportId":"QID1"}']


def named(heads, *tops, needed=(), **formats):
    return names_of(tops, "f.csv", heads, Formats(time_zone="UTC", **formats), needed)


@pytest.mark.parametrize(("needed", "name"), [((), "Q1"), (("QID1",), "QID1"), (("How was it?",), "How was it?")])
def test_a_column_goes_by_the_name_that_is_asked_for_in_whichever_row(needed, name):
    assert named(KEYED, ["Start", "Q1"], ["Start Date", "How was\n  it?"], IDS, needed=needed) == ["Start", name]


def test_a_title_over_several_columns_is_that_of_each_with_its_part():
    tops = ["id", "Rate us", "", "Why?", ""], ["", "Speed", "Price ", "Response", "Other"]
    assert named(TITLED, *tops) == ["id", "Rate us [Speed]", "Rate us [Price]", "Why? [Response]", "Why? [Other]"]
    assert named(TITLED, ["id", "Why?"], ["", "Open-Ended Response"]) == ["id", "Why?"]


@pytest.mark.parametrize(
    ("heads", "tops", "told"),
    [
        (TITLED, (["id", "Why?"], ["7", "because"]), "of 2 rows, and in row 2 of it nothing below id"),
        (TITLED, (["id", "Why?"], []), "in row 2 of it 2 values"),
        (KEYED, (["Start", "Q1"], ["Start Date", "How?"], ["2026-03-02", "9"]), "in row 3 of it JSON with ImportId"),
        (KEYED, (["Start", "Q1"], ["Start Date", "How?"], ["1", "2"]), "in row 3 of it JSON with ImportId"),
        (KEYED, (["Start", "Q1"], ["a", "b"], ['{"ImportId":"x","timeZone":"Asia/Tokyo"}', IDS[1]]), "of Asia/Tokyo"),
    ],
)
def test_rows_that_are_none_of_a_header_are_refused(heads, tops, told):
    with pytest.raises(ExportError, match=told):
        named(heads, *tops)


def test_a_header_in_utc_contradicts_a_source_that_is_said_to_be_elsewhere():
    with pytest.raises(ExportError, match="times are of Z, not of Europe/Berlin; take `time_zone` from this source"):
        names_of([["Start", "Q1"], ["a", "b"], IDS], "f.csv", KEYED, Formats(time_zone="Europe/Berlin"), ())


@pytest.mark.parametrize(("below", "has"), [("", False), ("\n", False), ('1,"a\nb"\n', True)])
def test_names_that_go_over_lines_are_no_rows(below, has, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(f'id,"Why,\nsay?"\n,Response\n{below}')
    assert has_rows(path, TITLED) is has_rows_below(path, TITLED) is has


class Answers(Contract):
    """One row per answer."""

    of: str = column("Response")
    question: str = column("Question")
    value: str = column("Answer", optional=True)


def test_a_list_of_columns_has_an_element_for_each_that_is_there_and_its_records_have_their_lines(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('id,"Rate\nus",,Why?\n,a,b,Response\n1,x,,w\n2,x,y,\n')
    columns = {"of": (Place(("id",), "record"),), "question": (Place(("question",)),), "value": (Place(("value",)),)}
    places = Places(columns, ("answers",), elements=("Rate us", "Rate us [b]", "Gone", "Why?"), heads=TITLED)
    _, piece = read_objects(path, "f.csv", Answers, Formats(), places)
    assert piece.text.rows() == [
        (4, "1", "Rate us", "x"), (4, "1", "Rate us [b]", None), (4, "1", "Why?", "w"),
        (5, "2", "Rate us", "x\ny"), (5, "2", "Rate us [b]", "y"), (5, "2", "Why?", None),
    ]  # fmt: skip
    assert piece.records == 2


def test_a_frame_of_which_no_column_is_asked_for_has_no_elements():
    frame = rows(Answers, {"of": "1", "question": "q"})
    assert gathered(frame, Places({}, ("answers",), elements=()))["answers"].to_list() == [None]
    assert gathered(frame, Places({})) is frame
