"""SurveyMonkey's responses, questions and downloads in small, in its own words."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
NPS, WHY, STARS, HAPPY = "652286714", "652286726", "652286715", "652286716"
NPS_TITLE = "How likely is it that you would recommend us,\nto a friend or colleague?"
FIXED = (
    "Respondent ID",
    "Collector ID",
    "Start Date",
    "End Date",
    "IP Address",
    "Email Address",
    "First Name",
    "Last Name",
    "Custom Data 1",
)
PARTS = (
    (NPS_TITLE, ""),
    ("Contact information", "Name"),
    ("", "Company"),
    ("How satisfied are you, all in all?", "Response"),
    ("Why?", "Open-Ended Response"),
)
"""Titles, each over one or several columns, and what stands below them."""


def chosen(question: str, choice: str, **told: Any) -> Row:
    """A question of which an answer was chosen, as the API gives it."""
    return {"id": question, "answers": [{"choice_id": choice, **told}]}


def written(question: str, text: str) -> Row:
    """A question that was answered in words, as the API gives it."""
    return {"id": question, "answers": [{"tag_data": [], "text": text}]}


def response(key: str = "1001", *questions: Row, **changed: Any) -> Row:
    """A response as the API gives it; its questions stand on two pages."""
    return {
        "id": key,
        "recipient_id": "",
        "collection_mode": "default",
        "response_status": "completed",
        "custom_value": "",
        "email_address": "",
        "logic_path": {},
        "metadata": {"contact": {}},
        "page_path": [],
        "collector_id": "405437100",
        "survey_id": "306079584",
        "custom_variables": {"account": "A1"},
        "total_time": 62,
        "date_created": "2026-03-02T08:55:00+00:00",
        "date_modified": "2026-03-02T10:00:00+01:00",
        "pages": [
            {"id": "1", "questions": list(questions[:1])},
            {"id": "2", "questions": list(questions[1:])},
            {"id": "3", "questions": []},
        ],
        **changed,
    }


def question(key: str, title: str, choices: Sequence[Row] = ()) -> Row:
    """A question of a survey as the API gives it."""
    told = {"id": key, "position": 1, "family": "single_choice", "headings": [{"heading": title}]}
    return {**told, "answers": {"choices": list(choices)}} if choices else told


def of_nps() -> Row:
    """The question for NPS; its weights are those of groups."""
    weights = [-100] * 7 + [0, 0, 100, 100]
    texts = {0: "0 - Not at all likely", 10: "10 - Extremely likely"}
    choices = [{"id": f"9{n:02}", "text": texts.get(n, str(n)), "weight": weights[n], "position": n} for n in range(11)]
    return question(NPS, NPS_TITLE, choices)


def of_stars() -> Row:
    """A rating whose answers are numbered, in words."""
    words = ["Awful", "Poor", "Fair", "Good", "Great"]
    choices = [{"id": f"8{n}", "text": text, "weight": n, "position": n} for n, text in enumerate(words, 1)]
    return question(STARS, "How did we do?", choices)


def shown(key: str = "1001", *answers: Any, **changed: Any) -> dict[str, Any]:
    """A row of the CSV that people download: its fixed columns by name, and its answers in order."""
    row = {
        "Respondent ID": key,
        "Collector ID": "405437100",
        "Start Date": "03/02/2026 08:55:00 AM",
        "End Date": "03/02/2026 09:00:00 AM",
        "Custom Data 1": "A1",
    }
    return {**row, **changed, "answers": answers}


def export(*rows: Row, parts: Sequence[tuple[str, str]] = PARTS) -> str:
    """The CSV that people download: titles, and below them what each column is of its title."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*FIXED, *(title for title, _ in parts)])
    writer.writerow([*("" for _ in FIXED), *(part for _, part in parts)])
    for row in rows:
        answers = [*row["answers"], *("" for _ in parts)][: len(parts)]
        writer.writerow([*(row.get(name, "") for name in FIXED), *answers])
    return out.getvalue()
