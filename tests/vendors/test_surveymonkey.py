"""What SurveyMonkey's responses mean: as the API gives them, as Airbyte writes them, and in the CSV of two headers."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.frames import at
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.surveymonkey_files import (
    HAPPY,
    NPS,
    NPS_TITLE,
    STARS,
    WHY,
    chosen,
    export,
    of_nps,
    of_stars,
    question,
    response,
    shown,
    written,
)
from tests.vendors.told_alike import content, differences
from tests.vendors.zendesk_files import lines
from warehouse.errors import ExportError

ASKED = {"question": NPS, "kind": "nps"}
TITLED = {"question": " ".join(NPS_TITLE.split()), "kind": "nps", "comment": "Why?"}
RATED = {"question": STARS, "kind": "csat", "scale": [1, 5]}
HOW = {"question": "How satisfied are you, all in all?", "kind": "csat", "scale": [1, 5]}
TABLES = ["tickets", "survey_responses"]
ENDED = at("2026-03-02T09:00")


def read(folder, files, written_by, asked, time_zone=None, **options: Any) -> Ingested:
    source = {"form": "surveymonkey", "written_by": written_by, "options": {"questions": list(asked), **options}}
    return ingested(folder, files, source | ({"time_zone": time_zone} if time_zone else {}), TABLES)


def of_api(folder, *responses, asked=(ASKED, RATED), questions=None, details=None, **options: Any) -> Ingested:
    files = {"survey_responses.jsonl": lines(*responses)}
    told = [of_nps(), of_stars(), question(WHY, "Why?")] if questions is None and details is None else questions
    files |= {"survey_questions.jsonl": lines(*told)} if told else {}
    files |= {"survey_details.jsonl": lines(*details)} if details else {}
    return read(folder, files, "api", asked, **options)


def of_csv(folder, sent, *asked, **said: Any) -> Ingested:
    return read(folder, {"Customer survey.csv": sent}, "dashboard", asked or (TITLED,), **said)


def answers(found, *columns):
    return found.values("survey_responses", *(columns or ("response_id", "score")))


def test_what_was_chosen_is_what_the_question_says_of_it(tmp_path):
    found = of_api(
        tmp_path,
        response("1", chosen(NPS, "909", row_id="1", choice_metadata={"weight": "100"}), written(WHY, "Good")),
        response("2", chosen(NPS, "900"), chosen(STARS, "84")),
        asked=({**ASKED, "comment": WHY}, RATED),
        account="account",
    )
    told = ("response_id", "kind", "score", "scale_min", "scale_max", "comment", "account_id", "responded_at")
    # Of NPS the weight is that of its group; of a rating in words it is the answer.
    assert answers(found, *told) == [
        (f"1:{NPS}", "nps", 9.0, 0.0, 10.0, "Good", "A1", ENDED),
        (f"2:{NPS}", "nps", 0.0, 0.0, 10.0, None, "A1", ENDED),
        (f"2:{STARS}", "csat", 4.0, 1.0, 5.0, None, "A1", ENDED),
    ]
    assert found.rejects() == []
    assert "sent_at" not in found.exported("survey_responses")


def test_the_words_of_the_config_come_before_what_the_survey_counts(tmp_path):
    said = {**RATED, "words": {"Good": 5, "Fair": None}}
    found = of_api(tmp_path, *(response(n, chosen(STARS, f"8{n}")) for n in "345"), asked=(said,))
    assert answers(found) == [(f"4:{STARS}", 5.0), (f"5:{STARS}", 5.0)]


def test_details_of_a_survey_tell_its_questions_within_its_pages(tmp_path):
    survey = {
        "id": "306079584",
        "pages": [{"id": "1", "questions": [of_nps()]}, {"id": "2", "questions": [of_stars()]}],
    }
    asked = ({**TITLED, "comment": None}, RATED)
    found = of_api(tmp_path, response("1", chosen(NPS, "910"), chosen(STARS, "81")), asked=asked, details=[survey])
    assert answers(found) == [(f"1:{STARS}", 1.0), (f"1:{TITLED['question']}", 10.0)]


def test_what_the_api_was_asked_to_tell_plainly_needs_no_questions(tmp_path):
    told = chosen(NPS, "910", simple_text="10 - Extremely likely")
    found = of_api(tmp_path, response("1", {**told, "heading": NPS_TITLE}), asked=(TITLED,), questions=[])
    assert answers(found) == [(f"1:{TITLED['question']}", 10.0)]


def test_what_was_chosen_is_asked_for_where_no_file_tells_it(tmp_path):
    with pytest.raises(ExportError, match="no file says what the answers are that were chosen; add survey_questions"):
        of_api(tmp_path, response("1", chosen(NPS, "910")), asked=(ASKED,), questions=[])


def test_several_answers_that_were_chosen_of_one_question_are_none(tmp_path):
    several = {"id": STARS, "answers": [{"choice_id": "84", "row_id": "1"}, {"choice_id": "85", "row_id": "2"}]}
    other = {"id": STARS, "answers": [{"choice_id": "85"}, {"other_id": "9", "text": "because"}]}
    asked = ({**RATED, "comment": STARS},)
    found = of_api(tmp_path, response("1", several), response("2", other), asked=asked)
    assert answers(found, "response_id", "score", "comment") == [(f"2:{STARS}", 5.0, "because")]
    assert {line for _, line, *_ in found.rejects()} == {1}


def test_a_response_that_was_broken_off_answers_what_it_answered_and_previews_nothing(tmp_path):
    found = of_api(
        tmp_path,
        response("1", chosen(NPS, "909"), response_status="partial"),
        response("2", written(WHY, "x"), response_status="partial"),
        response("3", {"id": NPS, "answers": []}, response_status="partial"),
        response("4", chosen(NPS, "909"), collection_mode="preview"),
        response("5", response_status="partial", pages=[]),
        asked=(ASKED,),
    )
    assert answers(found) == [(f"1:{NPS}", 9.0)]
    assert found.rejects() == []


def test_whose_a_response_is_stands_in_a_variable_or_a_column_and_a_recipient_answered(tmp_path):
    found = of_api(
        tmp_path,
        response("1", chosen(NPS, "909"), custom_variables={"account": "A2", "t": "T5"}, recipient_id="P7"),
        response("2", chosen(NPS, "909"), custom_variables={}),
        asked=(ASKED,),
        account="account",
        ticket="t",
    )
    assert answers(found, "account_id", "respondent_id", "ticket_id") == [
        ("(unknown)", None, None), ("A2", "P7", "T5"),
    ]  # fmt: skip
    by_column = response("1", chosen(NPS, "909"), metadata={"contact": {"custom_value": {"value": "A3"}}})
    found = of_api(tmp_path / "b", by_column, asked=(ASKED,), account="metadata.contact.custom_value.value")
    assert answers(found, "account_id") == [("A3",)]


def test_two_rows_of_names_are_no_respondents_and_lines_stay_true(tmp_path):
    # The titles take lines 1 and 2, what is below them line 3.
    found = of_csv(
        tmp_path,
        export(
            shown("1001", "10 - Extremely likely", "Jo", "Acme", "4", "Good\nthings"),
            shown("1002", "11", "", "", "5"),
            shown("1003", "", "Jo", "Acme", "", "x"),
        ),
        TITLED,
        HOW,
        account="Custom Data 1",
        respondent="Email Address",
    )
    told = ("kind", "score", "comment", "account_id", "responded_at")
    assert answers(found, *told) == [
        ("csat", 4.0, None, "A1", ENDED), ("csat", 5.0, None, "A1", ENDED), ("nps", 10.0, "Good\nthings", "A1", ENDED),
    ]  # fmt: skip
    # The first response takes lines 4 and 5.
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(6, "scale_max")]


def test_a_file_without_its_second_row_of_names_is_refused_and_no_response_is_lost(tmp_path):
    title = (("How likely?", "Response"),)
    sent = export(shown("1001", "9"), shown("1002", "8"), parts=title).splitlines(keepends=True)
    with pytest.raises(ExportError, match="header of 2 rows, and in row 2 of it nothing below Respondent ID"):
        of_csv(tmp_path, sent[0] + "".join(sent[2:]), {"question": "How likely?", "kind": "nps"})


def test_a_title_without_a_name_is_that_to_its_left_and_its_parts_are_asked_for_by_themselves(tmp_path):
    parts = (("Rate us", "Speed"), ("", "Quality"), ("", "Price"), ("Why?", "Open-Ended Response"))
    sent = export(shown("1001", "2", "4", "5", "fine"), shown("1002", "", "3", "", ""), parts=parts)
    one = {"question": "Rate us [Quality]", "kind": "csat", "scale": [1, 5], "comment": "Why?"}
    found = of_csv(tmp_path / "part", sent, one)
    assert answers(found, "score", "comment") == [(3.0, None), (4.0, "fine")]
    # Of the whole title the first respondent gave three answers, of which none counts.
    whole = of_csv(tmp_path / "whole", sent, {**one, "question": "Rate us"})
    assert answers(whole) == [("1002:Rate us", 3.0)]
    assert {line for _, line, *_ in whole.rejects()} == {3}


def test_answers_that_stand_each_in_a_column_of_its_own_are_one_question(tmp_path):
    parts = tuple((NPS_TITLE if n == 0 else "", f"{n} - label" if n in {0, 10} else str(n)) for n in range(11))
    given = [shown(f"100{n}", *("" for _ in range(n)), parts[n][1]) for n in (0, 7, 10)]
    found = of_csv(tmp_path, export(*given, parts=parts), {**TITLED, "comment": None})
    assert [score for (score,) in answers(found, "score")] == [0.0, 10.0, 7.0]


def test_a_title_that_was_edited_is_told(tmp_path):
    with pytest.raises(ExportError, match=r"questions\.0: no file has the question 'Would you .*title edited\?"):
        of_csv(tmp_path, export(shown("1001", "9")), {"question": "Would you recommend us?", "kind": "nps"})


def test_times_are_of_the_accounts_zone_and_spelled_in_its_way(tmp_path):
    american = of_csv(tmp_path / "am", export(shown("1001", "9")), time_zone="America/New_York")
    # 9:00 in New York is 14:00 UTC in winter.
    assert answers(american, "responded_at") == [(at("2026-03-02T14:00"),)]
    times = {"Start Date": "", "End Date": "02/03/2026 21:00"}
    day_first = of_csv(tmp_path / "de", export(shown("1001", "9", **times)), instants=["%d/%m/%Y %H:%M"])
    assert answers(day_first, "responded_at") == [(at("2026-03-02T21:00"),)]
    evening = export(shown("1001", "9", **{"End Date": "03/02/2026 09:00:00 PM"}))
    assert answers(of_csv(tmp_path / "pm", evening), "responded_at") == [(at("2026-03-02T21:00"),)]
    wrong = of_csv(tmp_path / "wrong", export(shown("1001", "9"), shown("1002", "9", **times)))
    assert {(line, column) for _, line, column, _ in wrong.rejects()} == {(5, "End Date")}


def test_a_question_that_nobody_chose_yet_is_there_if_its_survey_has_it(tmp_path):
    found = of_api(tmp_path, response("1", chosen(NPS, "909")), asked=(ASKED, RATED))
    assert answers(found) == [(f"1:{NPS}", 9.0)]
    with pytest.raises(ExportError, match=f"no file has the question '{HAPPY}'"):
        of_api(tmp_path / "b", response("1", chosen(NPS, "909")), asked=({**ASKED, "question": HAPPY},))


MARKS = {"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1_780_290_000_000, "_airbyte_generation_id": 0}


def in_parquet(*rows) -> bytes:
    sink = pa.BufferOutputStream()
    flat = [{**MARKS, **row, "custom_variables": json.dumps(row["custom_variables"])} for row in rows]
    fields = [
        *((name, pa.string()) for name in ("_airbyte_raw_id", "id", "survey_id", "collection_mode", "recipient_id")),
        ("_airbyte_extracted_at", pa.int64()),
        ("_airbyte_generation_id", pa.int64()),
        ("date_modified", pa.string()),
        ("custom_variables", pa.string()),
        ("pages", _PAGES),
    ]
    pq.write_table(pa.Table.from_pylist(flat, pa.schema(fields)), sink)
    return sink.getvalue().to_pybytes()


_ANSWER = pa.struct([("choice_id", pa.string())])
_QUESTION = pa.struct([("id", pa.string()), ("answers", pa.list_(_ANSWER))])
_PAGES = pa.list_(pa.struct([("id", pa.string()), ("questions", pa.list_(_QUESTION))]))
"""As far as Airbyte's schema knows what is in them: what people wrote is dropped."""


def test_all_writers_tell_the_same(tmp_path):
    sent = [
        response("1", chosen(NPS, "909"), chosen(STARS, "84")),
        response("2", chosen(NPS, "910"), custom_variables={}),
        response("3", chosen(NPS, "905"), collection_mode="preview"),
        response("4"),
    ]
    asked, questions = (ASKED, RATED), [of_nps(), of_stars()]
    api = of_api(tmp_path / "api", *sent, asked=asked, account="account")
    part = "2026_06_01_1780290000000_0"
    wrapped = {
        f"{stream}/{part}.jsonl": lines(*({**MARKS, "_airbyte_data": one} for one in rows))
        for stream, rows in (("survey_responses", sent), ("survey_questions", questions))
    }
    lake = read(tmp_path / "lake", wrapped, "airbyte", asked, account="account")
    typed = wrapped | {f"survey_responses/{part}.parquet": in_parquet(*sent)}
    del typed[f"survey_responses/{part}.jsonl"]
    parquet = read(tmp_path / "parquet", typed, "airbyte", asked, account="account")
    parts = ((NPS, "Response"), (STARS, "Response"))
    rows = [shown("1", "9", "4 - Good"), shown("2", "10 - Extremely likely", **{"Custom Data 1": ""}), shown("4")]
    csv = of_csv(tmp_path / "csv", export(*rows, parts=parts), *asked, account="Custom Data 1")
    one, *others = (content(found.rows("survey_responses")) for found in (api, lake, parquet, csv))
    assert one.height == 3
    assert [differences(one, other) for other in others] == [[], [], []]
