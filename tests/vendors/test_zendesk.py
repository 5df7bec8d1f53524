"""What Zendesk's tickets and their metrics mean: as the API gives them, and in the CSV that people download."""

import pytest

from schemas.config import Feedback
from schemas.customers import UNKNOWN
from tests.frames import at
from tests.vendors.one_source import ingested
from tests.vendors.zendesk_files import export, lines, metrics, rating, shown, ticket, user

OUTCOME = ("ticket_id", "first_replied_at", "last_solved_at", "public_agent_replies", "reopens")


def of_api(folder, *tickets, options=None, **files):
    sent = {"tickets.jsonl": lines(*tickets)} | {f"{name}.jsonl": lines(*rows) for name, rows in files.items()}
    return ingested(folder, sent, {"form": "zendesk", "written_by": "api", "options": options or {}}, ["tickets"])


def of_csv(folder, content, name="export_2026_05_31_4711_1.csv", **source):
    return ingested(folder, {name: content}, {"form": "zendesk", "written_by": "dashboard", **source}, ["tickets"])


def test_metrics_tell_what_became_of_a_ticket_and_their_own_creation_is_nothing(tmp_path):
    found = of_api(tmp_path, ticket(), ticket_metrics=[metrics(created_at="2026-03-04T12:00:00Z")])
    # 90 minutes by the calendar after the ticket was created, neither 30 of business hours nor after 4 March.
    assert found.values("tickets", "created_at", *OUTCOME) == [
        (at("2026-03-02T09:00"), "101", at("2026-03-02T10:30"), at("2026-03-03T17:00"), 2, 1)
    ]
    assert found.rejects() == []


def test_of_a_ticket_without_metrics_nothing_is_known_and_nothing_is_none(tmp_path):
    found = of_api(tmp_path, ticket(), ticket(102), ticket_metrics=[metrics()])
    assert found.values("tickets", *OUTCOME)[1] == ("102", None, None, None, None)


def test_where_no_metrics_were_sent_they_are_not_exported(tmp_path):
    found = of_api(tmp_path, ticket())
    assert found.values("tickets", *OUTCOME) == [("101", None, None, None, None)]
    assert not found.exported("tickets") & set(OUTCOME[1:])
    assert {"status", "priority", "channel", "topic", "created_at"} <= found.exported("tickets")


def test_metrics_count_where_the_api_sends_them_within_their_ticket(tmp_path):
    found = of_api(tmp_path, ticket(metric_set=metrics(replies=0, reopens=0)))
    assert found.values("tickets", *OUTCOME) == [("101", at("2026-03-02T10:30"), at("2026-03-03T17:00"), 0, 0)]


def test_conversations_are_replied_to_within_seconds(tmp_path):
    of_seconds = metrics(reply_time_in_minutes={"calendar": None}, reply_time_in_seconds={"calendar": 41})
    found = of_api(tmp_path, ticket(), ticket_metrics=[of_seconds])
    assert found.values("tickets", "first_replied_at") == [(at("2026-03-02T09:00:41"),)]


def test_a_rating_that_was_offered_or_not_is_no_answer(tmp_path):
    scores = ["offered", "unoffered", "good", "good_with_comment", "bad", "bad_with_comment"]
    rated = [ticket(n, satisfaction_rating={"score": score}) for n, score in enumerate(scores, 1)]
    found = of_api(tmp_path, *rated, ticket(7, satisfaction_rating="unoffered"), ticket(8, satisfaction_rating=None))
    answers = {"3": (1.0, 0.0, 1.0), "4": (1.0, 0.0, 1.0), "5": (0.0, 0.0, 1.0), "6": (0.0, 0.0, 1.0)}
    assert found.values("tickets", "ticket_id", "satisfaction_score", "scale_min", "scale_max") == [
        (str(n), *answers.get(str(n), (None, None, None))) for n in range(1, 9)
    ]


def test_the_last_answer_tells_when_a_ticket_was_rated_and_not_its_offer(tmp_path):
    found = of_api(
        tmp_path,
        ticket(satisfaction_rating={"score": "bad"}),
        ticket(102, satisfaction_rating=None),
        ticket(103),
        satisfaction_ratings=[
            rating(101, "good", "2026-03-04T08:00:00Z", 1),
            rating(101, "bad", "2026-03-05T08:00:00Z", 2),
            rating(101, "offered", "2026-03-06T08:00:00Z", 3),
            rating(102, "good_with_comment", "2026-03-07T08:00:00Z"),
            rating(103, "unoffered", "2026-03-07T08:00:00Z"),
        ],
    )
    assert found.values("tickets", "ticket_id", "satisfaction_score", "satisfaction_at") == [
        ("101", 0.0, at("2026-03-05T08:00")),
        ("102", 1.0, at("2026-03-07T08:00")),
        ("103", None, None),
    ]


def test_the_config_can_say_that_1_of_0_to_1_is_positive():
    said = Feedback.model_validate({"csat": [{"scale": [0, 1], "positive": [1, 1]}]})
    assert said.csat[0].positive == (1, 1)


def test_deleted_tickets_are_left_out(tmp_path):
    found = of_api(tmp_path, ticket(), ticket(102, status="deleted"), ticket(103, status="hold"))
    assert found.values("tickets", "ticket_id", "status") == [("101", "solved"), ("103", "hold")]
    assert found.left_out("tickets") == {"tells_nothing": 1}
    assert found.rejects() == []


def test_a_ticket_is_merged_that_is_tagged_so(tmp_path):
    found = of_api(tmp_path, ticket(tags=["a", "closed_by_merge"]), ticket(102, tags=[]), ticket(103, tags=["b"]))
    assert found.values("tickets", "ticket_id", "is_merged") == [("101", True), ("102", False), ("103", False)]


def test_whether_a_ticket_is_merged_is_unknown_where_no_tags_were_sent(tmp_path):
    untagged = {name: value for name, value in ticket().items() if name != "tags"}
    found = of_api(tmp_path, untagged)
    assert found.values("tickets", "is_merged") == [(None,)]
    assert "is_merged" not in found.exported("tickets")


def test_a_ticket_without_an_organization_is_its_requesters(tmp_path):
    found = of_api(
        tmp_path,
        ticket(),
        ticket(102, organization_id=None),
        ticket(103, organization_id=None, requester_id=7002),
        ticket(104, organization_id=None, requester_id=7003),
        users=[user(7001, organization_id=32), user(7002, organization_id=None)],
    )
    assert found.values("tickets", "ticket_id", "account_id") == [
        ("101", "31"),
        ("102", "32"),
        ("103", UNKNOWN),
        ("104", UNKNOWN),
    ]


def test_escalated_is_what_the_config_says(tmp_path):
    told = [ticket(), ticket(102, priority="urgent"), ticket(103, tags=["vip"]), ticket(104, priority=None, tags=[])]
    options = {"escalated_tags": ["vip", "tier_3"], "escalated_priorities": ["Urgent"]}
    found = of_api(tmp_path, *told, options=options)
    assert found.values("tickets", "ticket_id", "is_escalated") == [
        ("101", False),
        ("102", True),
        ("103", True),
        ("104", False),
    ]


def test_without_a_word_of_the_config_nobody_knows_what_is_escalated(tmp_path):
    found = of_api(tmp_path, ticket(priority="urgent"))
    assert "is_escalated" not in found.exported("tickets")


@pytest.mark.parametrize("topic", ["360001", "Contact reason"])
def test_the_topic_is_a_custom_field_by_its_id_or_its_title(topic, tmp_path):
    told = [
        ticket(),
        ticket(102, custom_fields=[{"id": 360002, "value": "x"}, {"id": 360001, "value": ["login", "sso"]}]),
        ticket(103, custom_fields=[{"id": 360001, "value": None}]),
        ticket(104, custom_fields=[]),
        ticket(105, custom_fields=[{"id": 360001, "value": True}, {"id": 3600011, "value": "no"}]),
    ]
    fields = [{"id": 360001, "title": "Contact reason"}, {"id": 360002, "title": "Other"}]
    found = of_api(tmp_path, *told, options={"topic": topic}, ticket_fields=fields)
    assert [row[1] for row in found.values("tickets", "ticket_id", "topic")] == [
        "billing", "login, sso", None, None, "true",
    ]  # fmt: skip


def test_the_topic_is_else_the_type(tmp_path):
    found = of_api(tmp_path, ticket(type="incident"), ticket(102, type=None))
    assert found.values("tickets", "topic") == [("incident",), (None,)]


def test_the_full_export_wraps_each_ticket_and_has_its_comments_within(tmp_path):
    def said(key, by, created, public=True):
        return {"id": key, "author_id": by, "created_at": created, "public": public}

    comments = [
        said(1, 7001, "2026-03-02T09:00:00Z"),
        said(2, 8001, "2026-03-02T09:20:00Z", public=False),
        said(3, 8001, "2026-03-02T09:40:00Z"),
    ]
    told = [{"ticket": ticket(comments=comments, tags=["closed_by_merge"])}, {"ticket": ticket(102)}]
    people = [{"user": user()}, {"user": user(8001, "agent")}]
    found = of_api(tmp_path, *told, users=people)
    # Of a ticket that was too large its comments are missing: nobody knows of any reply.
    assert found.values("tickets", "ticket_id", "first_replied_at", "public_agent_replies", "is_merged") == [
        ("101", at("2026-03-02T09:40"), 1, True),
        ("102", None, None, False),
    ]


def test_times_of_the_csv_are_of_the_accounts_zone(tmp_path):
    # 9:00 in New York is 14:00 UTC in winter and, from 8 March 2026 on, 13:00 UTC.
    content = export(shown(), shown(102, Created_at="2026-03-09 09:00:30", Solved_at=""))
    found = of_csv(tmp_path, content, time_zone="America/New_York")
    assert found.values("tickets", "created_at", *OUTCOME[:3]) == [
        (at("2026-03-02T14:00"), "101", at("2026-03-02T15:30"), at("2026-03-03T22:00")),
        (at("2026-03-09T13:00:30"), "102", at("2026-03-09T14:30:30"), None),
    ]


def test_neither_business_hours_nor_the_rounded_resolution_time_count_in_the_csv(tmp_path):
    rounded = shown(
        Resolution_time=5,
        First_reply_time_in_minutes="",
        First_reply_time_in_minutes_within_business_hours=30,
        Full_resolution_time_in_minutes_within_business_hours=600,
    )
    found = of_csv(tmp_path, export(rounded, shown(102, Solved_at="")))
    assert found.values("tickets", *OUTCOME) == [
        ("101", None, at("2026-03-03T17:00"), 2, 1),
        ("102", at("2026-03-02T10:30"), None, 2, 1),
    ]


@pytest.mark.parametrize("renamed", [{}, {"Id": "ID", "Requester id": "Requester ID"}])
@pytest.mark.parametrize("name", ["export_2026_05_31_4711_1.csv", "tickets.csv", "export-2026-05-31-0900.csv"])
def test_the_csv_is_read_in_both_spellings_of_its_header_and_under_its_usual_names(renamed, name, tmp_path):
    found = of_csv(tmp_path, export(shown(), renamed=renamed), name)
    told = ("ticket_id", "requester_id", "account_id", "topic", "channel", "priority", "status", "is_merged")
    assert found.values("tickets", *told) == [("101", "7001", "Acme", "problem", "Mail", "normal", "solved", False)]
    assert found.rejects() == []


def test_the_parts_of_a_csv_export_are_one(tmp_path):
    parts = {f"export_2026_05_31_4711_{n}.csv": export(shown(100 + n)) for n in (1, 2)}
    found = ingested(tmp_path, parts, {"form": "zendesk", "written_by": "dashboard"}, ["tickets"])
    assert found.values("tickets", "ticket_id") == [("101",), ("102",)]


def test_the_csv_tells_ratings_without_their_time(tmp_path):
    scores = {1: "Not Offered", 2: "Offered", 3: "Good", 4: "Bad", 5: ""}
    found = of_csv(tmp_path, export(*(shown(n, Satisfaction_Score=score) for n, score in scores.items())))
    assert [row[1] for row in found.values("tickets", "ticket_id", "satisfaction_score")] == [
        None, None, 1.0, 0.0, None,
    ]  # fmt: skip
    assert "satisfaction_at" not in found.exported("tickets")


def test_words_of_the_csv_are_those_of_the_api(tmp_path):
    content = export(
        shown(Status="On-hold", Priority="-", Ticket_type="-", Tags="a closed_by_merge b", Organization=""),
        shown(102, Status="Closed", Priority="Urgent", Ticket_type="Incident", Tags=""),
    )
    found = of_csv(tmp_path, content)
    assert found.values("tickets", "status", "priority", "topic", "is_merged", "account_id") == [
        ("closed", "urgent", "incident", False, "Acme"),
        ("hold", None, None, True, UNKNOWN),
    ]


def test_the_topic_may_be_a_custom_field_or_a_column_of_the_csv(tmp_path):
    content = export(
        {**shown(), "Contact reason [list]": "Billing", "Group": "Tier 2"}, also=("Contact reason [list]",)
    )
    by_title = of_csv(tmp_path / "title", content, options={"topic": "Contact reason"})
    by_column = of_csv(tmp_path / "column", content, options={"topic": "Group"})
    assert by_title.values("tickets", "topic") == [("Billing",)]
    assert by_column.values("tickets", "topic") == [("Tier 2",)]
