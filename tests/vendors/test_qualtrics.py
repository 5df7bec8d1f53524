"""What Qualtrics' responses mean: in Fivetran's tables, and in the CSV with its three rows of names."""

import polars as pl
import pytest

from pipelines.ingest.notices import ExportWarning
from tests.frames import at, day
from tests.vendors.one_source import Ingested, ingested
from tests.vendors.qualtrics_files import answer, export, fivetran, invited, mailing, response, shown
from tests.vendors.told_alike import content, differences
from transforms.metrics.satisfaction import survey_response_rate
from warehouse.errors import ConfigError, ExportError

NPS = {"question": "QID1", "kind": "nps", "comment": "QID2_TEXT"}
CSAT = {"question": "QID3", "kind": "csat", "scale": [1, 5]}
NAME = "Customers_March 2, 2026_03.58.csv"
TABLES = ["tickets", "survey_responses"]
TOLD = ("response_id", "kind", "score", "scale_min", "scale_max", "responded_at")
ENDED = at("2026-03-02T09:00")
ASKING = [{"id": key, "survey_id": "SV_1", "data_export_tag": tag} for key, tag in (("QID1", "Q1"), ("QID3", "Q3"))]


def of_csv(folder, content, *questions, **said) -> Ingested:
    options = {"questions": list(questions or (NPS, CSAT)), **said.pop("options", {})}
    return ingested(
        folder, {NAME: content}, {"form": "qualtrics", "written_by": "dashboard", "options": options, **said}, TABLES
    )


def kept(folder, *questions, options=None, **tables) -> Ingested:
    said = {"questions": list(questions or ({"question": "QID1", "kind": "nps"},)), **(options or {})}
    return ingested(
        folder, fivetran(**tables), {"form": "qualtrics", "written_by": "fivetran", "options": said}, TABLES
    )


def answers(found, *columns):
    return found.values("survey_responses", *(columns or ("response_id", "score")))


def test_three_rows_of_names_are_no_respondents_and_a_response_is_as_many_answers_as_it_gives(tmp_path):
    found = of_csv(tmp_path, export(shown(Q3=4), shown("R_2", Q1="", Q1_NPS_GROUP="", Q3=2)))
    assert answers(found, *TOLD) == [
        ("R_1:QID1", "nps", 9.0, 0.0, 10.0, ENDED),
        ("R_1:QID3", "csat", 4.0, 1.0, 5.0, ENDED),
        ("R_2:QID3", "csat", 2.0, 1.0, 5.0, ENDED),
    ]
    assert found.rejects() == []


def test_what_is_rejected_is_told_by_its_line_below_names_that_go_over_several(tmp_path):
    # The texts of the questions take lines 2 to 4, the ids line 5: the first response stands in line 6.
    found = of_csv(tmp_path, export(shown(), shown("R_2", EndDate="soon"), shown("R_3", Q1="11", Q3="5")))
    told = {(line, column) for _, line, column, _ in found.rejects()}
    assert told == {(7, "EndDate"), (8, "scale_max")}
    # The other answer of the response whose NPS is on no scale counts.
    assert answers(found) == [("R_1:QID1", 9.0), ("R_3:QID3", 5.0)]


@pytest.mark.parametrize("row", [1, 2])
def test_a_file_from_which_somebody_took_a_row_of_names_is_refused_and_no_response_is_lost(row, tmp_path):
    one_line = {"Q1": ("How likely?", "QID1"), "Q2": ("Why?", "QID2_TEXT"), "Q3": ("How satisfied?", "QID3")}
    lines = export(shown(), shown("R_2"), questions=one_line).splitlines(keepends=True)
    with pytest.raises(ExportError, match=r"expected a header of 3 rows, and in row 3 of it JSON with ImportId"):
        of_csv(tmp_path, "".join(lines[:row] + lines[row + 1 :]))


def test_names_that_stand_again_are_told_as_such_and_not_as_responses(tmp_path):
    found = of_csv(tmp_path, export(shown()) + export(shown("R_2")))
    assert answers(found) == [("R_1:QID1", 9.0), ("R_2:QID1", 9.0)]
    again = {line for _, line, _, reason in found.rejects() if reason == "expected a row, found the header again"}
    # The first file has lines 1 to 6, of which the last is a response; then its names stand again, and one response.
    assert again == {7, 8, 11}
    assert {line for _, line, *_ in found.rejects()} == again


def test_the_zone_that_the_header_names_must_be_that_of_the_config(tmp_path):
    sent = export(shown(), zone="America/Denver")
    with pytest.raises(ExportError, match=r"times are of America/Denver, not of UTC; say `time_zone: America/Denver`"):
        of_csv(tmp_path / "unsaid", sent)
    found = of_csv(tmp_path / "said", sent, time_zone="America/Denver")
    # 9:00 in Denver is 16:00 UTC in winter.
    assert answers(found, "responded_at") == [(at("2026-03-02T16:00"),)]


@pytest.mark.parametrize("name", ["QID1", "Q1", "How likely are you to recommend us, to a friend or colleague?"])
def test_a_question_is_named_by_its_id_its_tag_or_its_text_in_whichever_file(name, tmp_path):
    said = {"question": name, "kind": "nps"}
    text = "How likely are you to recommend us,\nto a friend or colleague?"
    of_table = kept(
        tmp_path / "table",
        said,
        survey_response=[response()],
        question_response=[{**answer(), "question": text}],
        question=ASKING,
    )
    assert answers(of_csv(tmp_path / "csv", export(shown()), said)) == answers(of_table) == [(f"R_1:{name}", 9.0)]


def test_a_question_that_no_file_has_is_told_by_name_whoever_wrote_them(tmp_path):
    edited = {"question": "How likely were you to recommend us?", "kind": "nps"}
    with pytest.raises(ExportError, match=r"it: options\.questions\.0: no file has the question 'How likely were you"):
        of_csv(tmp_path / "csv", export(shown()), edited)
    with pytest.raises(
        ExportError, match=r"questions\.0: no file has the question 'QID5'; there is 'QID5_1', 'QID5_2'"
    ):
        kept(
            tmp_path / "table",
            {"question": "QID5", "kind": "csat", "scale": [1, 5]},
            survey_response=[response()],
            question_response=[answer(question="QID5", sub_question_key=row) for row in (1, 2)],
        )


def test_a_question_that_one_of_several_files_has_is_there_though_nobody_answered_it(tmp_path):
    other = export(shown("R_2"), questions={"Q1": ("How likely?", "QID1"), "Q2": ("Why?", "QID2_TEXT")})
    files = {"A.csv": export(shown(Q3="")), "B.csv": other}
    said = {"form": "qualtrics", "written_by": "dashboard", "options": {"questions": [NPS, CSAT]}}
    assert answers(ingested(tmp_path, files, said, TABLES)) == [("R_1:QID1", 9.0), ("R_2:QID1", 9.0)]


def test_a_file_of_names_alone_has_nobody_who_answered_be_it_once_more(tmp_path):
    for text in ("Why?", "Why so?"):
        with pytest.warns(ExportWarning, match="has a header and no row: nothing is there to count"):
            found = of_csv(tmp_path, export().replace("Why?", text))
        assert answers(found) == []


def test_a_source_of_which_no_question_is_named_says_so(tmp_path):
    said = {"form": "qualtrics", "written_by": "dashboard"}
    with pytest.raises(ExportError, match="of no question that it is NPS, CSAT or CES"):
        ingested(tmp_path, {NAME: export(shown())}, said, TABLES)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"questions": [NPS, NPS]}, "two questions are the same"),
        ({"questions": [{**NPS, "direction": "low_is_good"}]}, "of a question of kind ces alone"),
        ({"questions": [{**CSAT, "scale": [5, 1]}]}, r"expected scale: \[lowest, highest\]"),
        ({"questions": [NPS], "instants": ["ISO"]}, "expected a way of spelling like"),
    ],
)
def test_options_that_contradict_themselves_are_refused(wrong, told, tmp_path):
    with pytest.raises(ConfigError, match=told):
        ingested(tmp_path, {NAME: ""}, {"form": "qualtrics", "written_by": "dashboard", "options": wrong}, TABLES)


def test_a_scale_that_nobody_tells_is_asked_for(tmp_path):
    with pytest.raises(ExportError, match=r"options\.questions\.0: expected the scale of 'QID3', which no file tells"):
        of_csv(tmp_path, export(shown()), {"question": "QID3", "kind": "csat"})


def test_what_nps_makes_of_a_respondent_is_no_answer(tmp_path):
    group = {"value": 3, "text": "Promoter"}
    found = kept(
        tmp_path,
        survey_response=[response(), response("R_2"), response("R_3")],
        question_response=[
            answer(),
            answer(question="QID1_NPS_GROUP", **group),
            answer("R_2", value=10),
            answer("R_2", sub_question_key="NPS_GROUP", **group),
            answer("R_3", value=8),
            answer("R_3", **group),
        ],
    )
    assert answers(found) == [("R_1:QID1", 9.0), ("R_2:QID1", 10.0), ("R_3:QID1", 8.0)]
    assert found.rejects() == []


def test_previews_and_tests_are_left_out(tmp_path):
    words = ["IP Address", "Survey Preview", "Survey Test", "Imported", "0", "1", "2"]
    csv = of_csv(tmp_path / "csv", export(*(shown(f"R_{n}", Status=word) for n, word in enumerate(words))), NPS)
    assert [key for (key,) in answers(csv, "response_id")] == ["R_0:QID1", "R_3:QID1", "R_4:QID1"]
    numbers = [0, 1, 2, 4, 9, 16, 17]
    table = kept(
        tmp_path / "table",
        survey_response=[response(f"R_{number}", status=number) for number in numbers],
        question_response=[answer(f"R_{number}") for number in numbers],
    )
    assert [key for (key,) in answers(table, "response_id")] == ["R_0:QID1", "R_16:QID1", "R_4:QID1"]


def test_an_unfinished_response_answers_what_it_answered_when_it_did(tmp_path):
    # It is closed a week after it was broken off.
    partial = {"finished": 0, "progress": 20}
    found = kept(
        tmp_path,
        {"question": "QID1", "kind": "nps"},
        CSAT,
        survey_response=[response(**partial), response("R_2", **partial, end_date="")],
        question_response=[answer(), answer(question="QID3", value=""), answer("R_2", question="QID3", value=4)],
    )
    assert answers(found, "response_id", "responded_at") == [
        ("R_1:QID1", ENDED),
        ("R_2:QID3", at("2026-03-09T09:00:05")),
    ]


def test_answers_in_words_have_their_number_or_that_of_the_config_and_others_are_rejected(tmp_path):
    words = {"Very happy": 5, "Rather  not": 2, "N/A": None}
    texts = ["10 - Extremely likely", "Not at all likely (0)", " 7 ", "2-3 times", "Extremely likely"]
    rows = [shown(f"R_{n}", Q1=text, Q1_NPS_GROUP="") for n, text in enumerate(texts)]
    rows += [
        shown(f"S_{n}", Q1="", Q3=text) for n, text in enumerate(["Very happy", "Rather not", "N/A", "very happy"])
    ]
    found = of_csv(tmp_path, export(*rows), NPS, {**CSAT, "words": words})
    assert answers(found) == [
        ("R_0:QID1", 10.0), ("R_1:QID1", 0.0), ("R_2:QID1", 7.0), ("S_0:QID3", 5.0), ("S_1:QID3", 2.0),
    ]  # fmt: skip
    # Lines 6 to 10 are NPS, 11 to 14 CSAT; what a word of the config says is none is no fault.
    assert {line for _, line, *_ in found.rejects()} == {9, 10, 14}


def test_the_comment_is_that_of_the_same_response(tmp_path):
    found = of_csv(tmp_path, export(shown(Q2="Good\nthings", Q3=4), shown("R_2", Q2=""), shown("R_3", Q1="", Q2="x")))
    assert answers(found, "response_id", "comment") == [
        ("R_1:QID1", "Good\nthings"), ("R_1:QID3", None), ("R_2:QID1", None),
    ]  # fmt: skip


def test_effort_may_be_asked_with_its_scale_turned(tmp_path):
    ces = {"question": "QID3", "kind": "ces", "scale": [1, 7], "direction": "low_is_good"}
    found = of_csv(tmp_path, export(shown(Q3=2)), NPS, ces)
    assert answers(found, "kind", "direction") == [("ces", "low_is_good"), ("nps", "high_is_good")]
    assert "direction" not in of_csv(tmp_path / "plain", export(shown(Q3=2))).exported("survey_responses")


def test_whose_a_response_is_stands_in_a_column_or_in_embedded_data(tmp_path):
    whose = {"account": "account_id", "respondent": "ExternalReference", "ticket": "ticket"}
    csv = of_csv(
        tmp_path / "csv",
        export(shown(account_id="A1", ExternalReference="P7"), shown("R_2")),
        NPS,
        options={key: whose[key] for key in ("account", "respondent")},
    )
    assert answers(csv, "account_id", "respondent_id") == [("(unknown)", None), ("A1", "P7")]
    fields = [("account_id", "A1"), ("ExternalReference", "P7"), ("ticket", "T5"), ("Website", "x")]
    table = kept(
        tmp_path / "table",
        options=whose,
        survey_response=[response()],
        question_response=[answer()],
        survey_embedded_data=[{"import_id": k, "key": k, "response_id": "R_1", "value": v} for k, v in fields],
    )
    assert answers(table, "account_id", "respondent_id", "ticket_id") == [("A1", "P7", "T5")]


def test_invitations_without_an_answer_are_surveys_sent_and_each_invitation_is_sent_once(tmp_path):
    found = kept(
        tmp_path,
        {"question": "QID1", "kind": "nps"},
        {**CSAT, "survey": "SV_1"},
        survey_response=[response(), response("R_2")],
        question_response=[answer(), answer(question="QID3", value=5)],
        question=ASKING,
        distribution=[mailing(), mailing("EMD_2", "SV_2")],
        distribution_contact=[
            invited("C1", response_id="R_1"),
            invited("C2"),
            invited("C3", sent=""),
            # Who began and answered nothing of what the config names was asked, and has not answered.
            invited("C4", response_id="R_2"),
            invited("C5", mailing="EMD_2"),
        ],
    )
    sent = at("2026-03-01T08:00")
    assert answers(found, "response_id", "respondent_id", "sent_at", "responded_at") == [
        ("EMD_1:C2:QID1", "C2", sent, None),
        ("EMD_1:C4:QID1", "C4", sent, None),
        ("R_1:QID1", "C1", sent, ENDED),
        ("R_1:QID3", "C1", None, ENDED),
    ]


def test_a_reminder_is_no_second_invitation(tmp_path):
    late = "2026-03-01 20:00:00"
    found = kept(
        tmp_path,
        survey_response=[response()],
        question_response=[answer()],
        question=ASKING,
        distribution=[mailing(), mailing("EMD_R", parent="EMD_1", kind="Reminder")],
        distribution_contact=[
            invited("C1"), invited("C1", late, "EMD_R", "R_1"), invited("C2"), invited("C2", late, "EMD_R"),
        ],
    )  # fmt: skip
    sent = at("2026-03-01T08:00")
    assert answers(found, "response_id", "sent_at") == [("EMD_1:C2:QID1", sent), ("R_1:QID1", sent)]


def test_every_row_that_was_read_is_accounted_for(tmp_path):
    found = kept(
        tmp_path,
        survey_response=[response()],
        question_response=[answer(), answer(question="QID9")],
        question=ASKING,
        distribution=[mailing()],
        distribution_contact=[invited("C1", response_id="R_1"), invited("C2")],
    )
    files = found.company.project().database.read("export_file")
    assert files.filter(pl.col("rows_read") != pl.col("rows_loaded")).is_empty()
    assert files.filter(raw_table="distribution_contacts")["rows_read"].to_list() == [2]
    # The answer to another question, and the invitation that was answered.
    assert found.left_out("survey_responses") == {"tells_nothing": 2}


def test_two_answers_to_one_question_of_one_response_are_none_unless_it_was_asked_twice(tmp_path):
    found = kept(
        tmp_path,
        survey_response=[response(), response("R_2")],
        question_response=[
            answer(loop_id=1), answer(value=3, loop_id=2), answer("R_2", text="a"), answer("R_2", value=2, text="b"),
        ],
    )  # fmt: skip
    assert answers(found) == [("R_1:1:QID1", 9.0), ("R_1:2:QID1", 3.0)]
    assert {(line, column) for _, line, column, _ in found.rejects()} == {
        (n, column) for n in (4, 5) for column in ("score", "scale_max")
    }


def test_rows_of_one_question_are_asked_for_by_themselves(tmp_path):
    said = {**CSAT, "question": "QID5_2"}
    found = kept(
        tmp_path,
        said,
        survey_response=[response()],
        question_response=[answer(question="QID5", value=row + 2, sub_question_key=row) for row in (1, 2)],
    )
    assert answers(found) == [("R_1:QID5_2", 4.0)]


def test_a_question_of_another_survey_is_another_one(tmp_path):
    found = kept(
        tmp_path,
        {"question": "QID1", "kind": "nps", "survey": "SV_1"},
        {"question": "QID1", "kind": "ces", "scale": [1, 7], "survey": "SV_2"},
        survey_response=[response(), response("R_2", survey_id="SV_2"), response("R_3", survey_id="SV_3")],
        question_response=[answer(), answer("R_2", value=6), answer("R_3")],
    )
    assert answers(found, "response_id", "kind") == [("R_1:QID1", "nps"), ("R_2:QID1", "ces")]


def test_times_are_read_as_the_config_says_they_are_spelled(tmp_path):
    spelled = {"StartDate": "", "EndDate": "02.03.2026 09:00", "RecordedDate": "09.03.2026 09:00"}
    found = of_csv(tmp_path, export(shown(**spelled)), NPS, options={"instants": ["%d.%m.%Y %H:%M"]})
    assert answers(found, "responded_at") == [(ENDED,)]


def test_both_writers_tell_the_same(tmp_path):
    csv = of_csv(tmp_path / "csv", export(shown(Q2="Good", Q3=4), shown("R_2", Q1="", Q3=1), shown("R_3", Status=1)))
    table = kept(
        tmp_path / "table",
        NPS,
        CSAT,
        survey_response=[response(), response("R_2"), response("R_3", status=1)],
        question_response=[
            answer(),
            answer(question="QID2", value="", text="Good"),
            answer(question="QID3", value=4),
            answer("R_2", question="QID3", value=1),
            answer("R_3"),
        ],
    )
    one, other = (content(found.rows("survey_responses")) for found in (csv, table))
    assert one.height == 3
    assert differences(one, other) == []


def test_the_share_of_answered_surveys_counts_an_invitation_once_however_many_questions_it_has(tmp_path):
    found = kept(
        tmp_path,
        {"question": "QID1", "kind": "nps"},
        CSAT,
        survey_response=[response()],
        question_response=[answer(), answer(question="QID3", value=5)],
        question=ASKING,
        distribution=[mailing()],
        distribution_contact=[invited("C1", response_id="R_1"), *(invited(f"C{n}") for n in (2, 3, 4))],
    )
    month = pl.coalesce("sent_at", "responded_at").dt.month_start().dt.date()
    rate = survey_response_rate(found.rows("survey_responses").with_columns(source="export_source", month=month))
    # Both questions were answered in one of four surveys that were sent.
    assert rate.select("month", "numerator", "denominator").rows() == [(day("2026-03-01"), 1, 4)]
