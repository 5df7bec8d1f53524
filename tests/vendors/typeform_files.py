"""Typeform's responses and downloads in small, in its own words."""

from collections.abc import Mapping
from typing import Any

from tests.vendors.zendesk_files import table

Row = Mapping[str, Any]
NPS_TITLE, CSAT_TITLE, WHY = "How likely are you, *really*,\nto recommend us?", "How did we do?", "Why?"
HIDDEN = ("account_id", "user_id", "ticket")
TIMES = ("Response Type", "Start Date (UTC)", "Stage Date (UTC)", "Submit Date (UTC)", "Network ID", "Tags", "Ending")
HEADER = ["#", NPS_TITLE, WHY, CSAT_TITLE, *HIDDEN, *TIMES]


def scored(number: Any, ref: str = "nps", kind: str = "nps") -> Row:
    """An answer on a scale as the API gives it."""
    return {"field": {"id": f"id_{ref}", "ref": ref, "type": kind}, "type": "number", "number": number}


def said(text: str, ref: str = "why") -> Row:
    """An answer in words as the API gives it."""
    return {"field": {"id": f"id_{ref}", "ref": ref, "type": "long_text"}, "type": "text", "text": text}


def chosen(label: str, ref: str = "csat") -> Row:
    """An answer that was chosen of several, as the API gives it."""
    field = {"id": f"id_{ref}", "ref": ref, "type": "multiple_choice"}
    return {"field": field, "type": "choice", "choice": {"id": "c", "ref": "c", "label": label}}


def response(key: str = "tok1", *answers: Row, **changed: Any) -> Row:
    """A response as the API gives it."""
    return {
        "landing_id": key,
        "token": key,
        "response_id": key,
        "form_id": "F1",
        "landed_at": "2026-03-02T08:55:00Z",
        "submitted_at": "2026-03-02T09:00:00Z",
        "metadata": {"platform": "other", "network_id": "8a0111039f"},
        "hidden": {"account_id": "A1", "user_id": "P7"},
        "calculated": {"score": 0},
        "answers": list(answers),
        **changed,
    }


def field(ref: str, title: str, kind: str, **properties: Any) -> Row:
    """A question of a form as the API gives it."""
    return {"id": f"id_{ref}", "ref": ref, "title": title, "type": kind, "properties": properties}


def shown(key: str = "tok1", **changed: Any) -> Row:
    """A row of the CSV that people download."""
    return {
        "#": key,
        NPS_TITLE: 9,
        "account_id": "A1",
        "user_id": "P7",
        "Response Type": "completed",
        "Start Date (UTC)": "2026-03-02 08:55:00",
        "Submit Date (UTC)": "2026-03-02 09:00:00",
        "Network ID": "8a0111039f",
        **changed,
    }


def export(*rows: Row, renamed: Mapping[str, str] | None = None) -> str:
    """The CSV that people download."""
    names = renamed or {}
    named = [{names.get(name, name): value for name, value in row.items()} for row in rows]
    return table([names.get(name, name) for name in HEADER], *named)
