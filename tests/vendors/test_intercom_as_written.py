"""Intercom's conversations as each writer has them: Fivetran's histories above all; and whose its companies are."""

import datetime as dt

import pytest

from examples.generator.vendors import writing
from tests.frames import at
from tests.vendors.identified import identified
from tests.vendors.intercom_files import (
    ACME,
    ANN,
    BEN,
    BOLT,
    company,
    contact,
    conversation,
    fivetran,
    kept,
    kept_conversation,
    kept_part,
    part,
    people,
    plain,
    rating,
    source,
    tags,
)
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content
from tests.vendors.zendesk_files import lines
from transforms.clean.vendors import FORMS

OUTCOME = ("ticket_id", "first_replied_at", "last_solved_at", "public_agent_replies", "reopens")


def of_fivetran(folder, options=None, **tables):
    source = {"form": "intercom", "written_by": "fivetran", "options": options or {}}
    return ingested(folder, fivetran(**tables), source, ["tickets"])


def asked_by(person, of=501):
    return kept(contact_id=person, conversation_id=of, conversation_updated_at=plain("2026-03-06T09:00"))


def works_at(company, person=ANN, active="true"):
    return kept(contact_id=person, company_id=company, active=active)


def tagged(tag, of=501, active="true"):
    return kept(tag_id=tag, conversation_id=of, active=active)


def test_a_conversation_of_fivetran_is_a_ticket_in_its_own_words(tmp_path):
    found = of_fivetran(
        tmp_path,
        conversation_history=[kept_conversation()],
        conversation_contact_history=[asked_by(ANN)],
        contact_company_history=[works_at(ACME)],
        conversation_tag_history=[tagged(4614778)],
        tag=[{"id": 4614778, "name": "Support", "_fivetran_deleted": "FALSE"}],
    )
    told = ("ticket_id", "account_id", "requester_id", "topic", "channel", "priority", "status", "created_at")
    assert found.values("tickets", *told) == [
        ("501", ACME, ANN, "Support", "email", "not_priority", "closed", at("2026-03-02T09:00"))
    ]
    assert found.rejects() == []
    # Without parts nobody knows what became of it, and it is said so.
    assert not found.exported("tickets") & {*OUTCOME[1:]}


def test_of_a_history_the_active_row_counts_though_each_ends_when_it_starts(tmp_path):
    found = of_fivetran(
        tmp_path,
        conversation_history=[
            kept_conversation(updated="2026-03-02T09:10", active="false", state="open", priority="priority"),
            kept_conversation(updated="2026-03-04T09:00", active="true", state="closed"),
            kept_conversation(updated="2026-03-03T09:00", active="FALSE", state="snoozed"),
            # Of what was deleted no row is active.
            kept_conversation(502, active="false"),
        ],
        conversation_contact_history=[asked_by(ANN)],
        contact_company_history=[works_at(BOLT, active="false"), works_at(ACME)],
        conversation_tag_history=[tagged(1, active="false"), tagged(2)],
        tag=[{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}],
    )
    assert found.values("tickets", "ticket_id", "status", "priority", "account_id", "topic") == [
        ("501", "closed", "not_priority", ACME, "Two")
    ]
    assert found.rejects() == []


def test_of_a_history_that_does_not_tell_which_row_is_active_the_last_one_counts(tmp_path):
    def without(*names):
        files = fivetran(
            conversation_history=[
                kept_conversation(updated="2026-03-04T09:00", state="closed"),
                kept_conversation(updated="2026-03-02T09:10", state="open"),
            ],
            conversation_part_history=[
                kept_part(1, "note", "admin", "2026-03-02T10:00", "x", updated="2026-03-02T10:00"),
                kept_part(1, "comment", "admin", "2026-03-02T10:00", "x", updated="2026-03-02T10:05"),
            ],
        )
        return {name: _without(text, *names) for name, text in files.items()}

    for names in ({"_fivetran_active"}, {"_fivetran_active", "_fivetran_start", "_fivetran_end"}):
        source = {"form": "intercom", "written_by": "fivetran"}
        found = ingested(tmp_path / str(len(names)), without(*names), source, ["tickets"])
        assert found.values("tickets", "ticket_id", "status", "public_agent_replies") == [("501", "closed", 1)]
        assert found.rejects() == []


def _without(text, *names):
    header, *rows = (line.split(",") for line in text.splitlines())
    stay = [place for place, name in enumerate(header) if name not in names]
    return "".join(",".join(row[place] for place in stay) + "\n" for row in [header, *rows])


def test_the_parts_of_fivetran_tell_what_became_of_a_conversation(tmp_path):
    found = of_fivetran(
        tmp_path,
        conversation_history=[kept_conversation(), kept_conversation(502), kept_conversation(503)],
        conversation_part_history=[
            kept_part(1, "comment", "bot", "2026-03-02T09:01", "Fin"),
            kept_part(2, "assignment", "bot", "2026-03-02T09:02"),
            kept_part(3, "note", "admin", "2026-03-02T09:30", "for us"),
            kept_part(4, "assignment", "admin", "2026-03-02T10:30", "one"),
            kept_part(5, "comment", "admin", "2026-03-02T11:00", "two"),
            kept_part(6, "close", "admin", "2026-03-02T12:00"),
            kept_part(7, "open", "user", "2026-03-03T09:00", "not yet"),
            kept_part(8, "close", "bot", "2026-03-03T17:00"),
            kept_part(9, "comment", "user", "2026-03-02T10:00", "hello?", of=502),
        ],
    )
    assert found.values("tickets", *OUTCOME) == [
        ("501", at("2026-03-02T10:30"), at("2026-03-03T17:00"), 2, 1),
        ("502", None, None, 0, 0),
        ("503", None, None, None, None),
    ]


def test_where_nothing_that_was_said_is_there_what_closes_may_have_been_a_reply(tmp_path):
    found = of_fivetran(
        tmp_path,
        conversation_history=[kept_conversation(), kept_conversation(502), kept_conversation(503)],
        conversation_part_history=[
            kept_part(1, "comment", "admin", "2026-03-02T10:00"),
            kept_part(2, "close", "admin", "2026-03-02T11:00"),
            kept_part(3, "assignment", "admin", "2026-03-02T09:30", of=502),
            kept_part(4, "comment", "admin", "2026-03-02T10:00", of=502),
            kept_part(5, "comment", "admin", "2026-03-02T10:00", of=503),
            kept_part(6, "close", "bot", "2026-03-02T11:00", of=503),
        ],
    )
    assert found.values("tickets", "ticket_id", "first_replied_at", "public_agent_replies") == [
        ("501", at("2026-03-02T10:00"), None),
        ("502", None, None),
        ("503", at("2026-03-02T10:00"), 1),
    ]


def test_a_rating_of_fivetran_tells_when_it_was_asked_for_and_not_when_it_was_given(tmp_path):
    asked = {"conversation_rating_created_at": plain("2026-03-04T07:00")}
    found = of_fivetran(
        tmp_path,
        conversation_history=[
            kept_conversation(**asked, conversation_rating_value=5, conversation_rating_remark="fine"),
            kept_conversation(502, **asked),
        ],
    )
    told = ("ticket_id", "satisfaction_score", "scale_min", "scale_max")
    assert found.values("tickets", *told) == [("501", 5.0, 1.0, 5.0), ("502", None, None, None)]
    assert "satisfaction_at" not in found.exported("tickets")


def test_a_campaign_of_fivetran_is_no_ticket_until_by_the_config_a_customer_answers(tmp_path):
    sent = {"source_delivered_as": "admin_initiated", "source_author_type": "admin", "source_author_id": 4077639}
    histories = {
        "conversation_history": [
            kept_conversation(501, **sent, first_contact_reply_created_at=""),
            kept_conversation(502, **sent, first_contact_reply_created_at=plain("2026-03-04T10:00")),
        ],
        "conversation_contact_history": [asked_by(ANN, 502)],
    }
    assert of_fivetran(tmp_path / "as it is", **histories).values("tickets", "ticket_id") == []
    also = of_fivetran(tmp_path / "also", {"also_if_replied": ["admin_initiated"]}, **histories)
    assert also.values("tickets", "ticket_id", "created_at", "requester_id") == [("502", at("2026-03-04T10:00"), ANN)]


def test_a_tag_that_was_deleted_is_no_topic(tmp_path):
    found = of_fivetran(
        tmp_path,
        conversation_history=[kept_conversation()],
        conversation_tag_history=[tagged(3), tagged(2), tagged(1)],
        tag=[
            {"id": 1, "name": "    with blanks ", "_fivetran_deleted": "FALSE"},
            {"id": 2, "name": "Deleted tag", "_fivetran_deleted": "TRUE"},
            {"id": 3, "name": "dbt", "_fivetran_deleted": "FALSE"},
        ],
    )
    assert found.values("tickets", "topic") == [("dbt, with blanks",)]
    assert found.rejects() == []


def test_without_the_names_of_tags_neither_the_topic_nor_what_is_escalated_is_told(tmp_path):
    found = of_fivetran(
        tmp_path,
        {"escalated_tags": ["Support"]},
        conversation_history=[kept_conversation()],
        conversation_tag_history=[tagged(4614778)],
    )
    assert found.values("tickets", "topic", "is_escalated") == [(None, None)]
    assert not found.exported("tickets") & {"topic", "is_escalated"}


def test_the_topic_may_be_a_custom_attribute_that_fivetran_has_as_a_column(tmp_path):
    rows = [kept_conversation(custom_contact_reason="price")]
    found = of_fivetran(tmp_path, {"topic": "Contact reason"}, conversation_history=rows)
    assert found.values("tickets", "topic") == [("price",)]


# --- the same objects, whoever wrote them -----------------------------------------------------------------------------

PARTS = {
    501: [
        part(1, "assignment", "admin", "2026-03-02T10:30", "one"),
        part(2, "close", "admin", "2026-03-02T12:00"),
        part(3, "open", "user", "2026-03-03T09:00", "not yet"),
        part(4, "close", "admin", "2026-03-03T17:00"),
    ],
    502: [part(1, "comment", "admin", "2026-03-02T09:45", "one")],
    503: [part(1, "comment", "bot", "2026-03-02T09:45", "Fin")],
}
RATED = {501: rating(4, updated_at=None), 502: rating(None), 503: None, 504: None}
TAGGED = {501: ("billing", "sso"), 502: (), 503: ("sso",), 504: ()}
ASKED = {501: (ANN,), 502: (BEN,), 503: (BEN, ANN), 504: (BEN,)}
STATES = {501: "closed", 502: "snoozed", 503: "open", 504: "closed"}
CONVERSATIONS = [
    conversation(
        key,
        PARTS.get(key, []),
        conversation_rating=RATED[key],
        tags=tags(*TAGGED[key]),
        contacts=people(*ASKED[key]),
        state=STATES[key],
        topics={"topics": []},
        custom_attributes={"Reason": "price"},
        source=source("admin_initiated" if key == 504 else "customer_initiated", ASKED[key][-1]),
    )
    for key in STATES
]
CONTACTS = [contact(ANN, ACME), contact(BEN, ACME, BOLT)]
EXPORTED_ON = dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC)
KINDS = [
    writing.Objects(rows, dict.fromkeys(("api", "airbyte", "dlt"), name))
    for name, rows in {"conversations": CONVERSATIONS, "contacts": CONTACTS}.items()
]


def as_airbyte(writer):
    """The streams of its connector, which has parts in one of their own."""
    alone = [{name: value for name, value in one.items() if name != "conversation_parts"} for one in CONVERSATIONS]
    parts = [
        {**each, "conversation_id": one["id"]}
        for one in CONVERSATIONS
        for each in one["conversation_parts"]["conversation_parts"]
    ]
    streams = {"conversations": alone, "conversation_parts": parts, "contacts": CONTACTS}
    return writer([writing.Objects(rows, {"airbyte": name}) for name, rows in streams.items()], EXPORTED_ON)


def as_fivetran():
    def moment(seconds):
        return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}"

    return fivetran(
        conversation_history=[
            kept_conversation(
                key,
                state=STATES[key],
                conversation_rating_value=(RATED[key] or {}).get("rating"),
                source_author_id=ASKED[key][-1],
                source_delivered_as="admin_initiated" if key == 504 else "customer_initiated",
            )
            for key in STATES
        ],
        conversation_part_history=[
            kept_part(f"{key}{each['id']}", each["part_type"], each["author"]["type"], moment(each["created_at"]),
                      each["body"] or "", of=key)
            for key, parts in PARTS.items() for each in parts
        ],
        conversation_contact_history=[asked_by(person, key) for key, persons in ASKED.items() for person in persons],
        contact_company_history=[works_at(ACME), works_at(ACME, BEN), works_at(BOLT, BEN)],
        conversation_tag_history=[tagged(f"t-{tag}", key) for key, names in TAGGED.items() for tag in names],
        tag=[{"id": f"t-{name}", "name": name} for name in ("billing", "sso")],
    )  # fmt: skip


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how not in {"dashboard", "api"}])
def test_the_same_conversations_are_the_same_whoever_wrote_them_down(how, tmp_path):
    def staged(name, files, by):
        source = {"form": "intercom", "written_by": by, "options": {"escalated_tags": ["billing"]}}
        found = ingested(tmp_path / name, files, source, ["tickets"])
        assert found.rejects() == []
        return content(found.rows("tickets"))

    expected = staged("api", writing.as_api(KINDS, EXPORTED_ON), "api")
    told = ("ticket_id", "requester_id", "topic", "status", "public_agent_replies", "reopens", "satisfaction_score")
    assert expected.select(*told).rows() == [
        ("501", ANN, "billing, sso", "closed", 1, 1, 4.0),
        ("502", BEN, None, "hold", 1, 0, None),
        ("503", ANN, "sso", "open", 0, 0, None),
    ]
    by, writer = writing.WRITERS[how]
    files = as_fivetran() if by == "fivetran" else as_airbyte(writer) if by == "airbyte" else writer(KINDS, EXPORTED_ON)
    found = staged(by, files, by)
    assert found.equals(expected)


def test_a_person_who_left_a_company_is_of_the_one_that_airbyte_saw_last(tmp_path):
    def synced(row, moment):
        return {"_airbyte_extracted_at": moment, "_airbyte_generation_id": 1, "_airbyte_data": row}

    people_seen = lines(synced(contact(ANN, BOLT), 1780272000000), synced(contact(ANN, ACME), 1780275600000))
    files = {
        "conversations/2026_06_01_1780272000000_0.jsonl": lines(synced(conversation(), 1780272000000)),
        "contacts/2026_06_01_1780272000000_0.jsonl": people_seen,
    }
    found = ingested(tmp_path, files, {"form": "intercom", "written_by": "airbyte"}, ["tickets"])
    assert found.values("tickets", "account_id") == [(ACME,)]


# --- whose companies they are -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("crm_id", "expected"), [("company_id", "crm-1"), ("custom_attributes.crm", "A-1")])
def test_a_company_is_told_by_its_site_and_by_the_config_its_account_and_never_by_the_id_that_it_has_itself(
    crm_id, expected, tmp_path
):
    files = {"companies": ("companies.jsonl", lines(company(), company(BOLT, "crm-2", website=None, name=None)))}
    assert identified(tmp_path, "intercom/api", files) == [
        (ACME, None, "acme.example", "Acme"),
        (BOLT, None, None, None),
    ]
    assert identified(tmp_path, "intercom/api", files, crm_id=crm_id)[0] == (ACME, expected, "acme.example", "Acme")


def test_a_company_of_fivetran_is_what_it_is_now(tmp_path):
    rows = [
        kept("2026-03-01T09:00", "false", id=ACME, company_id="crm-0", name="Old", website="old.example"),
        kept("2026-03-02T09:00", id=ACME, company_id="crm-1", name="Acme", website="acme.example"),
    ]
    files = {"companies": ("company_history.csv", fivetran(company_history=rows)["company_history.csv"])}
    assert identified(tmp_path, "intercom/fivetran", files, crm_id="company_id") == [
        (ACME, "crm-1", "acme.example", "Acme")
    ]


def test_nobodys_name_or_address_is_read():
    forms = [form for name, form in FORMS.items() if name.startswith("intercom/")]
    tables = [table for form in forms for table in form.raw.values() if table.places]
    read = {name for table in tables for of in table.places.columns.values() for place in of for name in place.path}
    assert {"delivered_as", "source_delivered_as", "author"} <= read
    assert not [name for name in read if "mail" in name.lower()]
