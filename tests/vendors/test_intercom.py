"""What Intercom's conversations mean, as its API gives them: which are tickets, and what became of them."""

import pytest

from schemas.customers import UNKNOWN
from tests.frames import at
from tests.vendors.intercom_files import (
    ACME,
    ANN,
    BEN,
    BOLT,
    contact,
    conversation,
    part,
    people,
    rating,
    seconds,
    source,
    statistics,
    tags,
)
from tests.vendors.one_source import ingested
from tests.vendors.zendesk_files import lines
from warehouse.errors import ExportError

OUTCOME = ("ticket_id", "first_replied_at", "last_solved_at", "public_agent_replies", "reopens")
UNTOLD = (None, None, None, None)


def of_api(folder, *conversations, options=None, **files):
    sent = {"conversations.jsonl": lines(*conversations)} | {f"{name}.jsonl": lines(*it) for name, it in files.items()}
    return ingested(folder, sent, {"form": "intercom", "written_by": "api", "options": options or {}}, ["tickets"])


def test_a_conversation_is_a_ticket_in_its_own_words_with_times_in_seconds(tmp_path):
    found = of_api(
        tmp_path,
        conversation(),
        conversation(502, state="snoozed", priority="priority"),
        conversation(503, state="open"),
    )
    told = ("ticket_id", "requester_id", "topic", "channel", "priority", "status", "created_at")
    began = at("2026-03-02T09:00")
    assert found.values("tickets", *told) == [
        ("501", ANN, "billing", "email", "not_priority", "closed", began),
        ("502", ANN, "billing", "email", "priority", "hold", began),
        ("503", ANN, "billing", "email", "not_priority", "open", began),
    ]
    assert found.rejects() == []


def test_what_a_company_sends_out_is_no_ticket_be_it_answered_or_not(tmp_path):
    sent = ("admin_initiated", "automated", "campaigns_initiated", "operator_initiated")
    told = [conversation(600 + n, source=source(by, "274", "admin")) for n, by in enumerate(sent)]
    found = of_api(tmp_path, conversation(), *told)
    assert found.values("tickets", "ticket_id") == [("501",)]
    assert found.left_out("tickets") == {"tells_nothing": 4}
    assert found.rejects() == []


def test_by_the_config_an_answer_to_what_was_sent_out_is_a_ticket_from_then_on(tmp_path):
    outbound = {"source": source("admin_initiated", "274", "admin"), "created_at": seconds("2026-03-01T08:00")}
    before, after = "2026-03-01T08:30", "2026-03-02T09:30"
    parts = [
        part(1, "comment", "admin", before, "one more"),
        part(2, "close", "admin", before),
        part(3, "open", "user", "2026-03-02T09:00", "a question"),
        part(4, "comment", "admin", after, "an answer"),
    ]
    closed_before = {"last_close_at": seconds(before), "first_admin_reply_at": seconds(after), "count_reopens": 1}
    found = of_api(
        tmp_path,
        conversation(601, parts, **outbound),
        conversation(602, parts, **outbound, statistics=statistics(**closed_before)),
        conversation(603, [], **{**outbound, "first_contact_reply": None}),
        conversation(
            604, [part(9, "comment", "lead", "2026-03-02T09:00")], **{**outbound, "first_contact_reply": None}
        ),
        conversation(605, source=source("automated", "274", "admin")),
        options={"also_if_replied": ["admin_initiated"]},
    )
    began = at("2026-03-02T09:00")
    # What was before the answer is none of the ticket's: a reply, a close, and what the answer opened.
    assert found.values("tickets", "created_at", *OUTCOME) == [
        (began, "601", at(after), None, 1, 0),
        (began, "602", at(after), None, 1, 0),
        (began, "604", None, None, 0, 0),
    ]
    assert found.values("tickets", "requester_id") == [(ANN,)] * 3


def test_a_conversation_that_does_not_say_how_it_began_is_a_ticket_if_a_customer_wrote_its_first_message(tmp_path):
    nobody = {**source(None), "author": None}
    found = of_api(
        tmp_path,
        conversation(501, source=source(None)),
        conversation(502, source=source(None, "274", "admin")),
        conversation(503, source=source()),
        conversation(504, source=nobody),
    )
    assert found.values("tickets", "ticket_id") == [("501",), ("503",)]


def test_statistics_tell_the_outcome_by_their_instants_and_never_by_hours_in_which_the_office_is_open(tmp_path):
    found = of_api(tmp_path, conversation(statistics=statistics()))
    # 90 minutes after it began, of which ten are told as the time to a reply.
    assert found.values("tickets", *OUTCOME) == [
        ("501", at("2026-03-02T10:30"), at("2026-03-03T17:00"), None, 1),
    ]
    assert "public_agent_replies" not in found.exported("tickets")


def test_without_statistics_and_parts_nothing_is_known_of_the_outcome_and_so_it_is_said(tmp_path):
    found = of_api(tmp_path, {name: value for name, value in conversation().items() if name != "statistics"})
    assert found.values("tickets", *OUTCOME) == [("501", *UNTOLD)]
    assert not found.exported("tickets") & set(OUTCOME[1:])


def test_a_conversation_without_statistics_among_others_is_unknown(tmp_path):
    found = of_api(tmp_path, conversation(statistics=statistics()), conversation(502))
    assert found.values("tickets", *OUTCOME)[1] == ("502", *UNTOLD)


def test_where_there_are_no_statistics_the_parts_tell_the_outcome(tmp_path):
    parts = [
        part(7, "close", "admin", "2026-03-03T17:00"),
        part(6, "open", "user", "2026-03-03T09:00", "not yet"),
        part(5, "close", "admin", "2026-03-02T12:00"),
        part(4, "comment", "admin", "2026-03-02T11:00", "two"),
        part(3, "comment", "user", "2026-03-02T10:45", "thanks"),
        part(2, "comment", "admin", "2026-03-02T10:30", "one"),
        part(1, "note", "admin", "2026-03-02T09:30", "for us"),
    ]
    found = of_api(tmp_path, conversation(501, parts), conversation(502, []), conversation(503, parts[6:]))
    assert found.values("tickets", *OUTCOME) == [
        ("501", at("2026-03-02T10:30"), at("2026-03-03T17:00"), 2, 1),
        ("502", None, None, 0, 0),
        ("503", None, None, 0, 0),
    ]


def test_an_answer_that_closes_or_assigns_is_a_reply_and_to_do_so_without_a_word_is_none(tmp_path):
    parts = [
        part(1, "assignment", "admin", "2026-03-02T09:30"),
        part(2, "assignment", "admin", "2026-03-02T10:00", "I will look"),
        part(3, "close", "admin", "2026-03-02T11:00", "Done"),
        part(4, "close", "admin", "2026-03-02T12:00"),
    ]
    found = of_api(tmp_path, conversation(501, parts))
    assert found.values("tickets", *OUTCOME) == [("501", at("2026-03-02T10:00"), at("2026-03-02T12:00"), 2, 0)]


def test_a_conversation_that_a_bot_answers_and_closes_has_no_reply_of_an_agent(tmp_path):
    parts = [part(1, "comment", "bot", "2026-03-02T09:01", "Fin"), part(2, "close", "bot", "2026-03-02T09:30")]
    fin = {"ai_agent_participated": True, "ai_agent": {"resolution_state": "assumed_resolution"}}
    counted = statistics(first_admin_reply_at=None, last_close_at=seconds("2026-03-02T09:30"), count_reopens=0)
    found = of_api(tmp_path, conversation(501, parts, **fin), conversation(502, parts, **fin, statistics=counted))
    assert found.values("tickets", *OUTCOME) == [
        ("501", None, at("2026-03-02T09:30"), 0, 0),
        ("502", None, at("2026-03-02T09:30"), 0, 0),
    ]
    assert found.values("tickets", "status") == [("closed",), ("closed",)]


def test_it_is_reopened_that_was_closed_by_whatever_part(tmp_path):
    def closed(n):
        return part(n, "close", "admin", f"2026-03-02T{9 + n:02}:00")

    parts = [
        part(1, "open", "user", "2026-03-02T10:00"),
        closed(2),
        part(3, "note_and_reopen", "admin", "2026-03-02T12:00", "again"),
        closed(4),
        part(5, "assign_and_reopen", "admin", "2026-03-02T14:00"),
        part(6, "open", "admin", "2026-03-02T15:00"),
        closed(7),
        # Of one moment the part with the greater number came later, and not the greater text.
        part(10_000, "open", "user", "2026-03-02T16:00"),
    ]
    parts[6]["id"] = "9999"
    found = of_api(tmp_path, conversation(501, parts, state="open"))
    assert found.values("tickets", "reopens") == [(3,)]


def test_of_a_long_conversation_of_which_only_the_last_parts_are_there_nobody_knows_the_first(tmp_path):
    last = [part(900, "comment", "admin", "2026-03-03T10:00", "x"), part(901, "close", "admin", "2026-03-03T11:00")]
    told = [conversation(501, last), conversation(502, last, statistics=statistics())]
    for one in told:
        one["conversation_parts"]["total_count"] = 640
    found = of_api(tmp_path, *told)
    assert found.values("tickets", *OUTCOME) == [
        ("501", None, at("2026-03-03T11:00"), None, None),
        ("502", at("2026-03-02T10:30"), at("2026-03-03T17:00"), None, 1),
    ]


def test_a_rating_counts_once_it_is_answered_and_when_it_was_and_not_when_it_was_asked_for(tmp_path):
    found = of_api(
        tmp_path,
        conversation(501, conversation_rating=rating(4)),
        conversation(502, conversation_rating=rating(None)),
        conversation(503),
        conversation(504, conversation_rating={"rating": 1, "remark": "no", "created_at": seconds("2026-03-04T07:00")}),
    )
    told = ("ticket_id", "satisfaction_score", "scale_min", "scale_max", "satisfaction_at")
    assert found.values("tickets", *told) == [
        ("501", 4.0, 1.0, 5.0, at("2026-03-05T08:00")),
        ("502", None, None, None, None),
        ("503", None, None, None, None),
        ("504", 1.0, 1.0, 5.0, None),
    ]


def test_a_ticket_is_that_of_the_only_company_of_who_asked(tmp_path):
    found = of_api(
        tmp_path,
        conversation(501),
        conversation(502, contacts=people(BEN)),
        conversation(503, contacts=people("x"), source=source(author="x")),
        conversation(504, contacts=people("y"), source=source(author="y")),
        contacts=[contact(ANN, ACME), contact(BEN, ACME, BOLT), contact("x")],
    )
    assert found.values("tickets", "ticket_id", "account_id") == [
        ("501", ACME),
        ("502", UNKNOWN),
        ("503", UNKNOWN),
        ("504", UNKNOWN),
    ]


def test_of_several_people_in_a_conversation_who_asked_is_who_wrote_first(tmp_path):
    found = of_api(
        tmp_path,
        conversation(501, contacts=people(BEN, ANN)),
        conversation(502, contacts=people(BEN, "x")),
        # A person who was merged into another stays as the author.
        conversation(503, contacts=people(BEN)),
        contacts=[contact(ANN, ACME), contact(BEN, BOLT)],
    )
    assert found.values("tickets", "ticket_id", "requester_id", "account_id") == [
        ("501", ANN, ACME),
        ("502", None, UNKNOWN),
        ("503", BEN, BOLT),
    ]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [("tags", "billing, sso"), ("topics", "Invoices"), ("Reason", "price"), ("other", None)],
)
def test_the_topic_is_the_tags_or_what_the_config_names(topic, expected, tmp_path):
    found = of_api(
        tmp_path,
        conversation(
            tags=tags("sso", " billing ", "sso"),
            topics={"type": "topic.list", "topics": [{"type": "topic", "id": 1, "name": "Invoices"}]},
            custom_attributes={"Reason": "price"},
        ),
        conversation(502, tags=tags()),
        options={"topic": topic},
    )
    assert found.values("tickets", "ticket_id", "topic") == [("501", expected), ("502", None)]


def test_escalated_is_what_has_a_tag_that_the_config_names(tmp_path):
    told = [conversation(), conversation(502, tags=tags("Tier 2")), conversation(503, tags=tags())]
    found = of_api(tmp_path / "named", *told, options={"escalated_tags": ["tier 2"]})
    assert found.values("tickets", "ticket_id", "is_escalated") == [("501", False), ("502", True), ("503", False)]
    assert "is_escalated" not in of_api(tmp_path / "none", *told).exported("tickets")


def test_without_how_they_began_a_file_of_conversations_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"the column source\.delivered_as is missing"):
        of_api(tmp_path, {**conversation(), "source": {"type": "email"}})


def test_a_page_of_another_list_than_the_apis_is_refused_and_not_taken_for_nothing(tmp_path):
    with pytest.raises(ExportError, match=r"the column id, created_at, state, source\.delivered_as is missing"):
        of_api(tmp_path, {"type": "conversation.list", "threads": [conversation()], "total_count": 1})
