"""What Typeform's responses mean: as the API gives them, as Airbyte writes them, and in the CSV of people."""

import json
from typing import Any

import pytest

from tests.frames import at
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.told_alike import content, differences
from tests.vendors.typeform_files import (
    CSAT_TITLE,
    NPS_TITLE,
    WHY,
    chosen,
    export,
    field,
    response,
    said,
    scored,
    shown,
)
from tests.vendors.zendesk_files import lines
from warehouse.errors import ExportError

NPS = {"question": "nps", "kind": "nps", "comment": "why"}
TITLED = {"question": "How likely are you, *really*, to recommend us?", "kind": "nps", "comment": WHY}
CSAT = {"question": "csat", "kind": "csat", "scale": [1, 5]}
WHOSE = {"account": "account_id", "respondent": "user_id"}
TABLES = ["tickets", "survey_responses"]
SUBMITTED = at("2026-03-02T09:00")


def read(folder, files, written_by, questions, **options: Any) -> Ingested:
    source = {"form": "typeform", "written_by": written_by, "options": {"questions": list(questions), **options}}
    return ingested(folder, files, source, TABLES)


def of_api(folder, *responses, questions=(NPS,), forms=(), **options: Any) -> Ingested:
    files = {"responses.jsonl": lines(*responses)} | ({"forms.jsonl": lines(*forms)} if forms else {})
    return read(folder, files, "api", questions, **options)


def of_csv(folder, sent, *questions, **options: Any) -> Ingested:
    return read(folder, {"responses-F1.csv": sent}, "dashboard", questions or (TITLED,), **options)


def answers(found, *columns):
    return found.values("survey_responses", *(columns or ("response_id", "score")))


def test_a_response_is_as_many_answers_as_it_gives_to_questions_of_the_config(tmp_path):
    found = of_api(
        tmp_path,
        response("t1", scored(9), said("Good"), scored(4, "csat", "rating"), scored(3, "other")),
        response("t2", scored(2, "csat", "rating")),
        response("t3", said("Nothing")),
        questions=(NPS, CSAT),
        **WHOSE,
    )
    told = ("response_id", "kind", "score", "scale_min", "scale_max", "comment", "account_id", "respondent_id")
    assert answers(found, *told, "responded_at") == [
        ("t1:csat", "csat", 4.0, 1.0, 5.0, None, "A1", "P7", SUBMITTED),
        ("t1:nps", "nps", 9.0, 0.0, 10.0, "Good", "A1", "P7", SUBMITTED),
        ("t2:csat", "csat", 2.0, 1.0, 5.0, None, "A1", "P7", SUBMITTED),
    ]
    assert found.rejects() == []
    assert "sent_at" not in found.exported("survey_responses")


@pytest.mark.parametrize("name", ["nps", "id_nps", "How likely are you, *really*, to recommend us?"])
def test_a_question_is_named_by_its_ref_its_id_or_the_title_that_its_form_has(name, tmp_path):
    form = {"id": "F1", "fields": [field("nps", NPS_TITLE, "nps")]}
    found = of_api(tmp_path, response("t1", scored(9)), questions=[{"question": name, "kind": "nps"}], forms=[form])
    assert answers(found) == [(f"t1:{name}", 9.0)]


def test_what_was_not_sent_off_is_no_answer_however_that_is_spelled(tmp_path):
    unsent = response("t2", scored(1), response_type="partial")
    without = {name: value for name, value in unsent.items() if name != "submitted_at"}
    found = of_api(
        tmp_path / "api",
        response("t1", scored(9)),
        {**unsent, "submitted_at": "0001-01-01T00:00:00Z"},
        {**without, "response_id": "t3", "token": "t3"},
        {**unsent, "response_id": "t4", "token": "t4", "submitted_at": None},
    )
    assert answers(found) == [("t1:nps", 9.0)]
    assert found.rejects() == []
    partial = {"Response Type": "partial", "Submit Date (UTC)": "", "Stage Date (UTC)": "2026-03-02 08:56:00"}
    csv = of_csv(tmp_path / "csv", export(shown(), shown("t2", **partial)))
    assert answers(csv) == [(f"tok1:{TITLED['question']}", 9.0)]
    assert csv.rejects() == []


def test_the_scale_is_that_of_the_form_where_the_config_says_none(tmp_path):
    form = {
        "id": "F1",
        "fields": [
            field("stars", "Stars?", "rating", steps=5),
            field("easy", "Easy?", "opinion_scale", steps=7, start_at_one=True),
            field("liked", "Liked?", "opinion_scale", steps=11, start_at_one=False),
        ],
    }
    kinds = {"stars": "csat", "easy": "ces", "liked": "csat"}
    found = of_api(
        tmp_path,
        response("t1", scored(5, "stars"), scored(7, "easy"), scored(0, "liked")),
        response("t2", scored(0, "stars"), scored(8, "easy"), scored(11, "liked")),
        questions=[{"question": ref, "kind": kind} for ref, kind in kinds.items()],
        forms=[form],
    )
    assert answers(found, "response_id", "score", "scale_min", "scale_max") == [
        ("t1:easy", 7.0, 1.0, 7.0), ("t1:liked", 0.0, 0.0, 10.0), ("t1:stars", 5.0, 1.0, 5.0),
    ]  # fmt: skip
    # What lies on no scale is rejected, whichever end it lies beyond.
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "scale_max"), (2, "score")]


def test_a_scale_that_neither_the_config_nor_a_form_tells_is_asked_for(tmp_path):
    with pytest.raises(ExportError, match=r"options\.questions\.0: expected the scale of 'csat', which no file tells"):
        of_api(tmp_path, response("t1", scored(4, "csat")), questions=[{"question": "csat", "kind": "csat"}])


def test_answers_are_read_by_their_type(tmp_path):
    words = {**CSAT, "words": {"Terrific!": 5, "true": 1}}
    yes = {"field": {"id": "id_csat", "ref": "csat", "type": "yes_no"}, "type": "boolean", "boolean": True}
    found = of_api(
        tmp_path,
        response("t1", chosen("Terrific!")),
        response("t2", chosen("4 - good")),
        response("t3", said("3", "csat")),
        response("t4", yes),
        response("t5", chosen("Meh")),
        questions=[words],
    )
    assert answers(found) == [("t1:csat", 5.0), ("t2:csat", 4.0), ("t3:csat", 3.0), ("t4:csat", 1.0)]
    assert {line for _, line, *_ in found.rejects()} == {5}


def test_titles_that_go_over_lines_are_columns_of_the_csv_and_lines_stay_true(tmp_path):
    # The names take lines 1 and 2.
    found = of_csv(
        tmp_path,
        export(shown(**{WHY: "Good", CSAT_TITLE: 5}), shown("t2", **{NPS_TITLE: 11}), shown("t3", **{NPS_TITLE: ""})),
        TITLED,
        {**CSAT, "question": CSAT_TITLE},
        **WHOSE,
    )
    assert answers(found, "score", "comment", "account_id", "respondent_id") == [
        (5.0, None, "A1", "P7"), (9.0, "Good", "A1", "P7"),
    ]  # fmt: skip
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(4, "scale_max")]


def test_a_title_that_was_edited_is_another_column_and_is_told(tmp_path):
    edited = export(shown(), renamed={NPS_TITLE: "Would you recommend us?"})
    with pytest.raises(ExportError, match=r"questions\.0: no file has the question 'How likely .*title edited\?"):
        of_csv(tmp_path / "one", edited)
    both = {"responses-1.csv": export(shown()), "responses-2.csv": edited.replace("tok1", "tok2")}
    found = read(tmp_path / "two", both, "dashboard", [TITLED, {"question": "Would you recommend us?", "kind": "nps"}])
    assert [score for (score,) in answers(found, "score")] == [9.0, 9.0]


def test_a_question_that_no_response_of_the_api_has_is_told_by_name(tmp_path):
    with pytest.raises(ExportError, match=r"it: options\.questions\.0: no file has the question 'NPS'; there is 'nps'"):
        of_api(tmp_path, response("t1", scored(9)), questions=[{"question": "NPS", "kind": "nps"}])


def test_a_question_that_its_form_has_is_there_though_nobody_answered_it(tmp_path):
    form = {"id": "F1", "fields": [field("nps", NPS_TITLE, "nps"), field("csat", CSAT_TITLE, "rating", steps=5)]}
    found = of_api(
        tmp_path, response("t1", scored(4, "csat")), questions=[{"question": "nps", "kind": "nps"}], forms=[form]
    )
    assert answers(found) == []


def test_a_title_that_two_columns_have_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"the name of column .* stands twice"):
        of_csv(tmp_path, export(shown(), renamed={CSAT_TITLE: WHY}))


def test_a_question_of_another_form_is_another_one(tmp_path):
    questions = [
        {"question": "q", "kind": "nps", "survey": "F1"},
        {"question": "q", "kind": "csat", "scale": [1, 5], "survey": "F2"},
    ]
    found = of_api(
        tmp_path,
        response("t1", scored(5, "q")),
        response("t2", scored(4, "q"), form_id="F2"),
        response("t3", scored(3, "q"), form_id="F3"),
        questions=questions,
    )
    assert answers(found, "response_id", "kind") == [("t1:q", "nps"), ("t2:q", "csat")]


def test_a_response_without_a_hidden_field_is_of_no_account(tmp_path):
    found = of_api(
        tmp_path,
        response("t1", scored(9), hidden={}),
        response("t2", scored(9), hidden={"account_id": "A2", "ticket": "T5"}),
        **WHOSE,
        ticket="ticket",
    )
    assert answers(found, "response_id", "account_id", "respondent_id", "ticket_id") == [
        ("t1:nps", "(unknown)", None, None), ("t2:nps", "A2", None, "T5"),
    ]  # fmt: skip


def airbyte(*responses):
    marks = {"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1_780_290_000_000, "_airbyte_generation_id": 0}
    text = "".join(json.dumps({**marks, "_airbyte_data": one}) + "\n" for one in responses)
    return {"responses/2026_06_01_1780290000000_0.jsonl": text}


def test_all_writers_tell_the_same(tmp_path):
    sent = [
        response("t1", scored(9), said("Good"), scored(4, "csat", "rating")),
        response("t2", scored(0), hidden={}),
        response("t3", scored(5), submitted_at="0001-01-01T00:00:00Z"),
    ]
    of_lake = read(tmp_path / "lake", airbyte(*sent), "airbyte", [NPS, CSAT], **WHOSE)
    api = of_api(tmp_path / "api", *sent, questions=[NPS, CSAT], **WHOSE)
    rows = [
        shown("t1", **{WHY: "Good", CSAT_TITLE: 4}),
        shown("t2", **{NPS_TITLE: 0, "account_id": "", "user_id": ""}),
        shown("t3", **{NPS_TITLE: 5, "Submit Date (UTC)": ""}),
    ]
    # Titles are the names of columns: such are called here as the API calls the questions.
    sheet = export(*rows, renamed={NPS_TITLE: "nps", WHY: "why", CSAT_TITLE: "csat"})
    csv = of_csv(tmp_path / "csv", sheet, NPS, CSAT, **WHOSE)
    one, *others = (content(found.rows("survey_responses")) for found in (api, of_lake, csv))
    assert one.height == 3
    assert [differences(one, other) for other in others] == [[], []]


def test_the_newest_of_what_airbyte_wrote_several_times_counts(tmp_path):
    early = airbyte(response("t1", scored(3)))
    late = {
        name.replace("1780290000000", "1780390000000"): text.replace("1780290000000", "1780390000000")
        for name, text in airbyte(response("t1", scored(9))).items()
    }
    found = read(tmp_path, early | late, "airbyte", [NPS])
    assert answers(found) == [("t1:nps", 9.0)]
