"""What Freshdesk's tickets mean: as the API gives them, in people's CSV files, and as connectors keep them."""

import datetime as dt

import pytest

from examples.generator.vendors import writing
from schemas.customers import UNKNOWN
from tests.frames import at
from tests.vendors.freshdesk_files import (
    ACME,
    ANN,
    BEN,
    BOLT,
    HEADER,
    company,
    contact,
    conversation,
    export,
    rating,
    shown,
    stats,
    ticket,
)
from tests.vendors.identified import identified
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content
from tests.vendors.zendesk_files import lines
from transforms.clean.vendors import FORMS
from warehouse.errors import ExportError

OUTCOME = ("ticket_id", "first_replied_at", "last_solved_at", "public_agent_replies", "reopens")
REPLIED, SOLVED = at("2026-03-02T10:30"), at("2026-03-03T17:00")


def of_api(folder, *tickets, options=None, **files):
    sent = {"tickets.jsonl": lines(*tickets)} | {f"{name}.jsonl": lines(*rows) for name, rows in files.items()}
    return ingested(folder, sent, {"form": "freshdesk", "written_by": "api", "options": options or {}}, ["tickets"])


def of_csv(folder, text, name="tickets.csv", **source):
    return ingested(folder, {name: text}, {"form": "freshdesk", "written_by": "dashboard", **source}, ["tickets"])


def test_a_ticket_is_told_in_words_and_its_stats_tell_what_became_of_it(tmp_path):
    found = of_api(tmp_path, ticket())
    told = ("account_id", "requester_id", "topic", "channel", "priority", "status", "is_spam", "created_at")
    assert found.values("tickets", *told) == [
        (str(ACME), str(ANN), "Problem", "email", "medium", "closed", False, at("2026-03-02T09:00"))
    ]
    assert found.values("tickets", *OUTCOME) == [("101", REPLIED, SOLVED, None, 0)]
    assert found.rejects() == []


def test_numbers_are_told_in_words_and_a_status_of_the_helpdesks_own_is_on_hold(tmp_path):
    numbers = {2: "open", 3: "pending", 4: "solved", 5: "closed", 6: "hold", 7: "hold", 12: "hold"}
    found = of_api(tmp_path / "own", *(ticket(100 + status, status=status) for status in numbers))
    assert dict(found.values("tickets", "ticket_id", "status")) == {str(100 + n): word for n, word in numbers.items()}
    sources = {1: "email", 2: "portal", 3: "phone", 7: "chat", 9: "feedback widget", 10: "outbound email", 101: "101"}
    told = [ticket(200 + n, source=source, priority=n % 4 + 1) for n, source in enumerate(sources)]
    found = of_api(tmp_path / "words", *told)
    assert [row[1:] for row in found.values("tickets", "ticket_id", "channel", "priority")] == [
        ("email", "low"),
        ("portal", "medium"),
        ("phone", "high"),
        ("chat", "urgent"),
        ("feedback widget", "low"),
        ("outbound email", "medium"),
        ("101", "high"),
    ]


def test_the_config_can_say_what_a_status_of_the_helpdesks_own_means(tmp_path):
    said = {"statuses": {"12": "pending", "Sent to vendor": "open"}}
    by_number = of_api(tmp_path / "api", ticket(status=12), ticket(102, status=13), options=said)
    assert by_number.values("tickets", "ticket_id", "status") == [("101", "pending"), ("102", "hold")]
    by_label = of_csv(tmp_path / "csv", export(shown(Status="Sent to Vendor")), options=said)
    assert by_label.values("tickets", "status") == [("open",)]


def test_a_number_that_is_no_status_is_rejected_and_not_guessed(tmp_path):
    found = of_api(tmp_path, ticket(), ticket(102, status=1))
    assert found.values("tickets", "ticket_id") == [("101",)]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [(2, "status")]


def test_a_ticket_that_was_closed_and_never_resolved_was_solved_when_it_was_closed(tmp_path):
    closed, neither = stats(resolved_at=None), stats(resolved_at=None, closed_at=None)
    found = of_api(tmp_path, ticket(stats=closed), ticket(102, stats=neither))
    assert found.values("tickets", "ticket_id", "last_solved_at") == [("101", at("2026-03-05T17:00")), ("102", None)]


def test_a_ticket_that_tells_when_it_was_last_reopened_was_at_least_once(tmp_path):
    reopened = ticket(102, stats=stats(reopened_at="2026-03-04T09:00:00Z"))
    found = of_api(tmp_path, ticket(), reopened, ticket(103, stats=None))
    assert found.values("tickets", "ticket_id", "reopens") == [("101", 0), ("102", 1), ("103", None)]


def test_without_stats_and_replies_nothing_is_known_of_the_outcome_and_so_it_is_said(tmp_path):
    found = of_api(tmp_path, {name: value for name, value in ticket().items() if name != "stats"})
    assert found.values("tickets", *OUTCOME) == [("101", None, None, None, None)]
    assert not found.exported("tickets") & {*OUTCOME[1:], "satisfaction_score"}


def test_replies_are_what_agents_wrote_in_public(tmp_path):
    nobody = stats(first_responded_at=None, agent_responded_at=None)
    found = of_api(
        tmp_path,
        ticket(stats=None),
        ticket(102, stats=nobody),
        ticket(103),
        conversations=[
            conversation(5, "2026-03-02T12:00:00Z"),
            conversation(4, "2026-03-02T11:00:00Z"),
            conversation(3, "2026-03-02T10:00:00Z", incoming=True),
            conversation(2, "2026-03-02T09:30:00Z", private=True),
        ],
    )
    # Of 102 the stats say that nobody replied; of 103 that somebody did, and what they wrote is missing.
    assert found.values("tickets", "ticket_id", "first_replied_at", "public_agent_replies") == [
        ("101", at("2026-03-02T11:00"), 2),
        ("102", None, 0),
        ("103", REPLIED, None),
    ]


def test_where_no_replies_were_sent_nobody_knows_of_any_though_stats_say_that_there_was_none(tmp_path):
    found = of_api(tmp_path, ticket(stats=stats(first_responded_at=None, agent_responded_at=None)))
    assert found.values("tickets", "first_replied_at", "public_agent_replies") == [(None, None)]


def test_answers_are_on_a_scale_of_seven_from_extremely_unhappy_to_extremely_happy(tmp_path):
    answers = {103: 7.0, 102: 6.0, 101: 5.0, 100: 4.0, -101: 3.0, -102: 2.0, -103: 1.0, 3: None, None: None}
    found = of_api(
        tmp_path,
        *(ticket(200 + n) for n in range(len(answers))),
        satisfaction_ratings=[rating(answer, 200 + n) for n, answer in enumerate(answers)],
    )
    assert found.values("tickets", "ticket_id", "satisfaction_score", "scale_min", "scale_max", "satisfaction_at") == [
        (str(200 + n), score, *((1.0, 7.0, at("2026-03-04T08:00")) if score else (None, None, None)))
        for n, score in enumerate(answers.values())
    ]


def test_of_several_answers_the_last_counts_and_its_time(tmp_path):
    found = of_api(
        tmp_path,
        ticket(),
        ticket(102),
        satisfaction_ratings=[
            rating(103, created="2026-03-06T08:00:00Z", key=2),
            rating(-103, created="2026-03-04T08:00:00Z", key=1),
        ],
        contacts=[contact()],
    )
    assert found.values("tickets", "ticket_id", "satisfaction_score", "satisfaction_at") == [
        ("101", 7.0, at("2026-03-06T08:00")),
        ("102", None, None),
    ]


def test_an_agreed_time_that_passed_is_no_escalation(tmp_path):
    assert "is_escalated" not in of_api(tmp_path / "api", ticket()).exported("tickets")
    assert "is_escalated" not in of_csv(tmp_path / "csv", export(shown())).exported("tickets")


@pytest.mark.parametrize("options", [{"escalated_tags": ["Tier 2"]}, {"escalated_priorities": ["Urgent"]}])
def test_escalated_is_what_the_config_says(options, tmp_path):
    told = [ticket(), ticket(102, tags=["a", "tier 2"], priority=4), ticket(103, tags=[], priority=1)]
    expected = [("101", False), ("102", True), ("103", False)]
    found = of_api(tmp_path / "api", *told, options=options)
    assert found.values("tickets", "ticket_id", "is_escalated") == expected
    rows = [shown(Tags="product"), shown(102, Tags="a, tier 2", Priority="Urgent"), shown(103, Tags="")]
    found = of_csv(tmp_path / "csv", export(*rows), options=options)
    assert found.values("tickets", "ticket_id", "is_escalated") == expected


def test_spam_is_told_and_what_was_deleted_is_left_out(tmp_path):
    found = of_api(tmp_path, ticket(), ticket(102, spam=True), ticket(103, deleted=True))
    assert found.values("tickets", "ticket_id", "is_spam") == [("101", False), ("102", True)]
    assert found.left_out("tickets") == {"tells_nothing": 1, "merged_or_spam": 1}


def test_a_ticket_without_a_company_is_of_that_of_its_requester(tmp_path):
    told = [ticket(), ticket(102, company_id=None), ticket(103, company_id=None, requester_id=BEN)]
    found = of_api(tmp_path, *told, contacts=[contact(ANN, BOLT), contact(BEN, None)])
    assert found.values("tickets", "ticket_id", "account_id") == [
        ("101", str(ACME)),
        ("102", str(BOLT)),
        ("103", UNKNOWN),
    ]


def test_the_topic_may_be_a_field_of_the_helpdesks_own(tmp_path):
    by_name = of_api(tmp_path / "api", ticket(), ticket(102, custom_fields={}), options={"topic": "cf_reason"})
    assert by_name.values("tickets", "ticket_id", "topic") == [("101", "billing"), ("102", None)]
    text = export({**shown(), "Reason": "Billing"}, also=("Reason",))
    assert of_csv(tmp_path / "csv", text, options={"topic": "Reason"}).values("tickets", "topic") == [("Billing",)]


# --- the CSV ----------------------------------------------------------------------------------------------------------


def test_neither_column_of_hours_counts_in_the_csv_for_these_are_of_the_offices_day(tmp_path):
    text = export(
        shown(),
        shown(102, Initial_response_time="", Resolved_time="", Closed_time="", Agent_interactions=0),
        shown(103, Resolved_time=""),
    )
    found = of_csv(tmp_path, text)
    assert found.values("tickets", *OUTCOME[:4]) == [
        ("101", REPLIED, SOLVED, 2),
        ("102", None, None, 0),
        ("103", REPLIED, at("2026-03-05T17:00"), 2),
    ]
    assert not found.exported("tickets") & {"reopens", "satisfaction_at", "is_spam"}
    assert found.rejects() == []


def test_times_of_the_csv_are_of_the_helpdesks_zone(tmp_path):
    # 9:00 in New York is 14:00 UTC in winter and, from 8 March 2026 on, 13:00 UTC.
    text = export(shown(), shown(102, Created_time="2026-03-09 09:00:30", Initial_response_time="",
                                 Resolved_time="", Closed_time=""))  # fmt: skip
    found = of_csv(tmp_path, text, time_zone="America/New_York")
    assert found.values("tickets", "ticket_id", "created_at", "first_replied_at") == [
        ("101", at("2026-03-02T14:00"), at("2026-03-02T15:30")),
        ("102", at("2026-03-09T13:00:30"), None),
    ]


def test_labels_of_the_csv_are_told_as_the_numbers_are(tmp_path):
    labels = ["Open", "Pending", "Resolved", "Closed", "Waiting on Customer", "Waiting on Third Party"]
    rows = [shown(101 + n, Status=label) for n, label in enumerate(labels)]
    also = shown(107, Status="Open", Priority="Urgent", Source="Feedback Widget", Company_Name="", Contact_ID="")
    found = of_csv(tmp_path, export(*rows, also))
    told = ("ticket_id", "status", "priority", "channel", "account_id", "requester_id")
    assert found.values("tickets", *told) == [
        *(
            (str(101 + n), status, "medium", "email", "Acme", str(ANN))
            for n, status in enumerate(["open", "pending", "solved", "closed", "hold", "hold"])
        ),
        ("107", "open", "urgent", "feedback widget", UNKNOWN, None),
    ]


def test_the_answer_of_the_csv_is_a_label_and_one_that_is_none_of_freshdesks_is_unknown(tmp_path):
    labels = {"Extremely happy": 7.0, "Happy": 5.0, "Neutral": 4.0, "Extremely Unhappy": 1.0, "Awesome": None, "": None}
    found = of_csv(tmp_path, export(*(shown(101 + n, Survey_results=label) for n, label in enumerate(labels))))
    scores = [score for _, score in found.values("tickets", "ticket_id", "satisfaction_score")]
    assert scores == list(labels.values())


@pytest.mark.parametrize("case", [str.title, str.lower, str.upper, lambda name: name.replace("Created t", "Created T")])
def test_the_header_of_the_csv_is_read_in_whatever_case_it_stands(case, tmp_path):
    header, _, rows = export(shown(Survey_results="Happy")).partition("\n")
    found = of_csv(tmp_path, f"{','.join(case(name) for name in header.split(','))}\n{rows}", "1_tickets-2026-05.csv")
    told = ("account_id", "channel", "satisfaction_score", *OUTCOME)
    assert found.values("tickets", *told) == [("Acme", "email", 5.0, "101", REPLIED, SOLVED, 2, None)]


def test_a_header_may_stand_twice_unless_it_is_needed(tmp_path):
    def twice(name):
        header, _, row = export(shown()).strip().partition("\n")
        return f"{header},{name}\n{row},9\n"

    assert "Resolution time (in hrs)" in HEADER
    found = of_csv(tmp_path / "hours", twice("Resolution time (in hrs)"))
    assert found.values("tickets", "last_solved_at") == [(SOLVED,)]
    with pytest.raises(ExportError, match="the name of column Resolved time stands twice"):
        of_csv(tmp_path / "times", twice("Resolved time"))


# --- the same objects, whoever wrote them -----------------------------------------------------------------------------

EXPORTED_ON = dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC)
TICKETS = [
    ticket(custom_fields={"cf_reason": "billing"}),
    ticket(102, status=7, company_id=None, priority=1, source=2, tags=["vip"], spam=True),
    ticket(103, status=2, type=None, tags=[], stats=stats(first_responded_at=None, agent_responded_at=None,
                                                         resolved_at=None, closed_at=None)),
]  # fmt: skip
EVERYWHERE = {"tickets": TICKETS, "contacts": [contact(ANN, BOLT)]}
NOT_DLT = {
    "conversations": [conversation(1, "2026-03-02T10:30:00Z"), conversation(2, "2026-03-02T11:00:00Z", of=102)],
    "satisfaction_ratings": [rating(103), rating(-101, 102)],
}


def written(tmp_path, how, *, with_stats=True, writers=("api", "airbyte", "dlt")):
    stays = [{name: value for name, value in one.items() if with_stats or name != "stats"} for one in TICKETS]
    kinds = [
        writing.Objects(rows, dict.fromkeys(writers, name))
        for name, rows in ({**EVERYWHERE, "tickets": stays} | (NOT_DLT if with_stats else {})).items()
    ]
    by, writer = writing.WRITERS[how]
    source = {"form": "freshdesk", "written_by": by, "options": {"topic": "cf_reason", "escalated_tags": ["vip"]}}
    found = ingested(tmp_path / by, writer(kinds, EXPORTED_ON), source, ["tickets"])
    assert found.rejects() == []
    return found


@pytest.mark.parametrize("how", ["airbyte as JSON lines", "airbyte as Parquet"])
def test_the_same_tickets_are_the_same_whoever_wrote_them_down(how, tmp_path):
    expected = content(written(tmp_path, "api").rows("tickets"))
    told = ("ticket_id", "account_id", "topic", "status", "is_escalated", "public_agent_replies", "satisfaction_score")
    assert expected.select(*told).rows() == [
        ("101", str(ACME), "billing", "closed", False, 1, 7.0),
        ("102", str(BOLT), "billing", "hold", True, 1, 3.0),
        ("103", str(ACME), "billing", "open", False, 0, None),
    ]
    assert content(written(tmp_path, how).rows("tickets")).equals(expected)


def test_the_tickets_of_dlt_have_no_stats_and_all_else_is_the_same(tmp_path):
    expected, found = written(tmp_path, "api", with_stats=False), written(tmp_path, "dlt", with_stats=False)
    assert content(found.rows("tickets")).equals(content(expected.rows("tickets")))
    assert found.values("tickets", *OUTCOME) == [(str(key), None, None, None, None) for key in (101, 102, 103)]
    assert not found.exported("tickets") & {*OUTCOME[1:], "satisfaction_score", "satisfaction_at"}
    assert {"is_escalated", "account_id", "topic"} <= found.exported("tickets")


# --- whose companies they are -----------------------------------------------------------------------------------------


def test_a_company_is_told_by_its_first_domain_and_by_the_config_its_account(tmp_path):
    text = lines(company(), company(BOLT, name="Bolt", domains=[], custom_fields={}))
    files = dict.fromkeys(("companies", "company_domains"), ("companies.jsonl", text))
    assert identified(tmp_path, "freshdesk/api", files, crm_id="custom_fields.crm") == [
        (str(BOLT), None, None, "Bolt"),
        (str(ACME), "A-1", "acme.example", "Acme"),
    ]
    assert identified(tmp_path, "freshdesk/api", files)[1] == (str(ACME), None, "acme.example", "Acme")


def test_the_first_domain_of_dlt_is_that_of_the_smallest_index(tmp_path):
    row = {"_dlt_load_id": "1780272000.1", "_dlt_id": "c1", "id": ACME, "name": "Acme"}
    domains = [
        {"_dlt_id": f"d{n}", "_dlt_parent_id": "c1", "_dlt_list_idx": n, "value": value}
        for n, value in ((1, "acme.test"), (0, "acme.example"))
    ]
    files = {"companies": ("companies.jsonl", lines(row)), "company_domains": ("domains.jsonl", lines(*domains))}
    assert identified(tmp_path, "freshdesk/dlt", files) == [(str(ACME), None, "acme.example", "Acme")]


def test_a_company_of_the_csv_is_its_name_with_what_its_tickets_tell(tmp_path):
    rows = [shown(1, Company_Domains=""), shown(2), shown(3, Company_Name="", Company_Domains="")]
    files = {"companies": ("tickets.csv", export(*rows))}
    assert identified(tmp_path, "freshdesk/dashboard", files) == [("Acme", None, "acme.example", "Acme")]


def test_nobodys_name_or_address_is_read():
    forms = [form for name, form in FORMS.items() if name.startswith("freshdesk/")]
    tables = [table for form in forms for table in form.raw.values() if table.places]
    read = {name for table in tables for of in table.places.columns.values() for place in of for name in place.path}
    assert {"Contact ID", "requester_id", "Company Name"} <= read
    assert not [name for name in read if "mail" in name.lower() or "full name" in name.lower() or "hrs" in name.lower()]
