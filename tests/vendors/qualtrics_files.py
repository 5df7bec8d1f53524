"""Qualtrics' tables and downloads in small, under their own headers."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.vendors.zendesk_files import of_text, table

Row = Mapping[str, Any]
FIVETRAN = {
    "survey_response": "id,_fivetran_synced,distribution_channel,duration_in_seconds,end_date,finished,ip_address,"
    "last_modified_date,location_latitude,location_longitude,progress,recipient_email,recipient_first_name,"
    "recipient_last_name,recorded_date,start_date,status,survey_id,user_language",
    "question_response": "_fivetran_id,_fivetran_synced,loop_id,question,question_id,question_option_key,response_id,"
    "sub_question_key,sub_question_text,text,value",
    "question": "id,survey_id,_fivetran_deleted,_fivetran_synced,data_export_tag,data_visibility_hidden,"
    "data_visibility_private,next_answer_id,next_choice_id,question_description,question_description_option,"
    "question_text,question_text_unsafe,question_type,selector,sub_selector,validation_setting_force_response,"
    "validation_setting_force_response_type,validation_setting_type",
    "survey_embedded_data": "import_id,key,response_id,value,_fivetran_synced",
    "distribution": "id,_fivetran_deleted,_fivetran_synced,created_date,header_from_email,header_from_name,"
    "header_reply_to_email,header_subject,message_library_id,message_message_id,message_message_text,"
    "modified_date,organization_id,owner_id,parent_distribution_id,recipient_contact_id,"
    "recipient_library_id,recipient_mailing_list_id,recipient_sample_id,request_status,request_type,"
    "send_date,survey_link_expiration_date,survey_link_link_type,survey_link_survey_id",
    "distribution_contact": "contact_id,distribution_id,_fivetran_synced,contact_frequency_rule_id,contact_lookup_id,"
    "opened_at,response_completed_at,response_id,response_started_at,sent_at,status,survey_link,survey_session_id",
}
SYNCED = {"_fivetran_synced": "2026-06-01 02:00:00.123000"}
HOUSEKEEPING = (
    "StartDate,EndDate,Status,IPAddress,Progress,Duration (in seconds),Finished,RecordedDate,ResponseId,"
    "RecipientLastName,RecipientFirstName,RecipientEmail,ExternalReference,LocationLatitude,LocationLongitude,"
    "DistributionChannel,UserLanguage"
)
IMPORT_IDS = {"ResponseId": "_recordId", "Duration (in seconds)": "duration"}
"""Where they are not the name of the column with a small first letter."""


def fivetran(**tables: Sequence[Row]) -> dict[str, str]:
    """Tables as Fivetran keeps them."""
    return {
        f"{name}.csv": table(of_text(FIVETRAN[name]), *({**SYNCED, **row} for row in rows))
        for name, rows in tables.items()
    }


def response(key: str = "R_1", **changed: Any) -> Row:
    """A response as Fivetran keeps it; it was closed a week after its last answer."""
    return {
        "id": key,
        "survey_id": "SV_1",
        "end_date": "2026-03-02 09:00:00.000000",
        "recorded_date": "2026-03-09 09:00:05.000000",
        "finished": 1,
        "progress": 100,
        "status": 0,
        **changed,
    }


def answer(of: str = "R_1", question: str = "QID1", value: Any = 9, **changed: Any) -> Row:
    """An answer as Fivetran keeps it."""
    key = "/".join(map(str, (of, question, *changed.values())))
    return {"_fivetran_id": key, "response_id": of, "question_id": question, "value": value, **changed}


def invited(person: str, sent: str = "2026-03-01 08:00:00", mailing: str = "EMD_1", response_id: str = "") -> Row:
    """A person to whom a mailing was sent, as Fivetran keeps it."""
    return {"contact_id": person, "distribution_id": mailing, "sent_at": sent, "response_id": response_id}


def mailing(key: str = "EMD_1", survey: str = "SV_1", parent: str = "", kind: str = "Invite") -> Row:
    """A mailing as Fivetran keeps it."""
    return {"id": key, "survey_link_survey_id": survey, "parent_distribution_id": parent, "request_type": kind}


QUESTIONS = {
    "Q1": ("How likely are you to recommend us, to a friend\nor colleague?", "QID1"),
    "Q1_NPS_GROUP": ("How likely are you to recommend us, to a friend\nor colleague? - Group", "QID1_NPS_GROUP"),
    "Q2": ("Why?", "QID2_TEXT"),
    "Q3": ("How satisfied are you?", "QID3"),
    "account_id": ("account_id", "account_id"),
}


def export(*rows: Row, zone: str = "Etc/UTC", questions: Mapping[str, tuple[str, str]] = QUESTIONS) -> str:
    """The CSV that people download: names, texts, and the ids under which it can be read in again."""
    own = of_text(HOUSEKEEPING)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*own, *questions])
    writer.writerow([*(name.replace("Date", " Date") for name in own), *(text for text, _ in questions.values())])
    ids = [{"ImportId": IMPORT_IDS.get(name, name[0].lower() + name[1:])} for name in own]
    for one in ids:
        if one["ImportId"].endswith("Date"):
            one["timeZone"] = zone
    ids += [{"ImportId": key} for _, key in questions.values()]
    writer.writerow([json.dumps(one, separators=(",", ":")) for one in ids])
    writer.writerows([row.get(name, "") for name in [*own, *questions]] for row in rows)
    return out.getvalue()


def shown(key: str = "R_1", **changed: Any) -> Row:
    """A row of it."""
    return {
        "StartDate": "2026-03-02 08:55:00",
        "EndDate": "2026-03-02 09:00:00",
        "RecordedDate": "2026-03-09 09:00:05",
        "Status": "IP Address",
        "Progress": 100,
        "Finished": "True",
        "ResponseId": key,
        "Q1": 9,
        "Q1_NPS_GROUP": "Promoter",
        **changed,
    }
