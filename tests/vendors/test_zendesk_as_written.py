"""Zendesk's objects as each writer has them: Fivetran's tables without metrics, and whose its organizations are."""

import datetime as dt

import pytest

from examples.generator.vendors import writing
from schemas.form import Told
from schemas.identity import Identities
from schemas.vendor import with_asked
from tests.frames import at
from tests.vendors.one_source import ingested
from tests.vendors.told_alike import content
from tests.vendors.zendesk_files import (
    changed,
    comment,
    export,
    fivetran,
    kept_ticket,
    lines,
    metrics,
    rating,
    shown,
    ticket,
    user,
)
from transforms.clean.vendors import FORMS
from transforms.clean.written import objects
from transforms.clean.zendesk import ZendeskOptions, identities
from warehouse.reading import read_export
from warehouse.validation import validate

FIVETRAN = {"form": "zendesk", "written_by": "fivetran"}
AGENT, ADMIN, CUSTOMER = 8001, 8002, 7001
PEOPLE = [user(AGENT, "agent", None), user(ADMIN, "admin", None), user(CUSTOMER)]
REPLIES = ("ticket_id", "first_replied_at", "public_agent_replies")


def kept(folder, options=None, **tables):
    return ingested(folder, fivetran(**tables), {**FIVETRAN, "options": options or {}}, ["tickets"])


def of_comments(folder, *comments, people=PEOPLE):
    keys = {one["ticket_id"] for one in comments}
    return kept(folder, ticket=[kept_ticket(key) for key in keys], ticket_comment=list(comments), user=people)


def test_tickets_of_fivetran_alone_tell_no_outcome_and_say_so(tmp_path):
    found = kept(tmp_path, ticket=[kept_ticket()])
    outcome = {"first_replied_at", "last_solved_at", "public_agent_replies", "reopens", "satisfaction_score"}
    assert not found.exported("tickets") & outcome
    told = ("ticket_id", "account_id", "requester_id", "topic", "channel", "priority", "status", "created_at")
    assert found.values("tickets", *told) == [
        ("101", "31", "7001", "problem", "email", "normal", "solved", at("2026-03-02T09:00"))
    ]
    assert found.rejects() == []


def test_public_comments_of_agents_and_admins_are_replies(tmp_path):
    found = of_comments(
        tmp_path,
        comment(5, ADMIN, "2026-03-02 11:00:00"),
        comment(4, AGENT, "2026-03-02 10:00:00.250"),
        comment(3, CUSTOMER, "2026-03-02 09:50:00"),
        comment(2, AGENT, "2026-03-02 09:30:00", public="false"),
        comment(1, CUSTOMER, "2026-03-02 09:00:00"),
        comment(9, CUSTOMER, "2026-03-02 09:00:00", of=102),
    )
    assert found.values("tickets", *REPLIES) == [("101", at("2026-03-02T10:00:00.250"), 2), ("102", None, 0)]


def test_an_agents_own_first_comment_is_no_reply(tmp_path):
    found = of_comments(
        tmp_path,
        comment(2, AGENT, "2026-03-02 12:00:00"),
        comment(1, AGENT, "2026-03-02 09:00:00"),
        # Of one moment the first is that with the smaller number, not with the smaller text.
        comment(1000, AGENT, "2026-03-02 09:00:00", of=102),
        comment(999, AGENT, "2026-03-02 09:00:00", of=102, public="FALSE"),
    )
    assert found.values("tickets", *REPLIES) == [
        ("101", at("2026-03-02T12:00"), 1),
        ("102", at("2026-03-02T09:00"), 1),
    ]


def test_a_comment_of_somebody_of_no_known_role_may_be_a_reply_or_not(tmp_path):
    found = of_comments(
        tmp_path,
        comment(1, CUSTOMER, "2026-03-02 09:00:00"),
        comment(2, 9999, "2026-03-02 09:30:00"),
        comment(3, AGENT, "2026-03-02 10:00:00"),
        comment(4, CUSTOMER, "2026-03-02 09:00:00", of=102),
        comment(5, AGENT, "2026-03-02 10:00:00", of=102),
        comment(6, 9999, "2026-03-02 10:30:00", of=102),
        comment(7, CUSTOMER, "2026-03-02 09:00:00", of=103),
        comment(8, -1, "2026-03-02 10:00:00", of=103),
        comment(9, 9999, "2026-03-02 10:30:00", of=103, public="FALSE"),
    )
    assert found.values("tickets", *REPLIES) == [
        ("101", None, None),
        ("102", at("2026-03-02T10:00"), None),
        ("103", None, 0),
    ]


def test_a_reply_of_who_is_an_agent_no_more_is_not_seen_as_one(tmp_path):
    # Roles are those of today: whoever left may be a user like others.
    comments = [comment(1, CUSTOMER, "2026-03-02 09:00:00"), comment(2, AGENT, "2026-03-02 10:00:00")]
    left = [user(AGENT, "end-user", None), user(CUSTOMER)]
    assert of_comments(tmp_path, *comments, people=left).values("tickets", *REPLIES) == [("101", None, 0)]


def test_replies_are_not_exported_where_comments_or_people_are_not(tmp_path):
    comments = [comment(1, CUSTOMER, "2026-03-02 09:00:00"), comment(2, AGENT, "2026-03-02 10:00:00")]
    without_people = kept(tmp_path / "people", ticket=[kept_ticket()], ticket_comment=comments)
    without_comments = kept(tmp_path / "comments", ticket=[kept_ticket()], user=PEOPLE)
    for found in (without_people, without_comments):
        assert not found.exported("tickets") & set(REPLIES[1:])


def test_the_history_tells_when_a_ticket_was_last_solved_and_how_often_it_was_reopened(tmp_path):
    found = kept(
        tmp_path,
        ticket=[kept_ticket(), kept_ticket(102, status="open"), kept_ticket(103)],
        ticket_field_history=[
            changed("status", "closed", "2026-03-09 09:00:00"),
            changed("status", "solved", "2026-03-08 09:00:00"),
            changed("status", "on-hold", "2026-03-06 09:00:00"),
            changed("status", "solved", "2026-03-05 09:00:00"),
            changed("status", "pending", "2026-03-04 12:00:00"),
            changed("status", "open", "2026-03-04 09:00:00"),
            changed("status", "solved", "2026-03-03 09:00:00"),
            changed("status", "new", "2026-03-02 09:00:00"),
            changed("status", "open", "2026-03-02 09:00:00", of=102),
            changed("priority", "solved", "2026-03-03 09:00:00", of=102),
            changed("assignee_id", "8001", "2026-03-03 09:00:00", of=103),
        ],
    )
    assert found.values("tickets", "ticket_id", "last_solved_at", "reopens") == [
        ("101", at("2026-03-08T09:00"), 2),
        ("102", None, 0),
        ("103", None, None),
    ]


def test_the_last_answer_of_the_history_counts_and_its_time(tmp_path):
    found = kept(
        tmp_path,
        ticket=[kept_ticket(), kept_ticket(102)],
        ticket_field_history=[
            changed("satisfaction_score", "unoffered", "2026-03-02 09:00:00"),
            changed("satisfaction_score", "offered", "2026-03-03 09:00:00"),
            changed("satisfaction_score", "bad", "2026-03-04 09:00:00"),
            changed("satisfaction_score", "good", "2026-03-05 09:00:00"),
            changed("satisfaction_score", "offered", "2026-03-06 09:00:00"),
            changed("satisfaction_comment", "bad", "2026-03-07 09:00:00"),
            changed("satisfaction_score", "offered", "2026-03-06 09:00:00", of=102),
        ],
    )
    assert found.values("tickets", "ticket_id", "satisfaction_score", "satisfaction_at") == [
        ("101", 1.0, at("2026-03-05T09:00")),
        ("102", None, None),
    ]


def test_a_ticket_is_merged_that_is_tagged_so_or_that_another_names(tmp_path):
    found = kept(
        tmp_path,
        ticket=[
            kept_ticket(merged_ticket_ids="[103, 104]"),
            kept_ticket(102, merged_ticket_ids=""),
            kept_ticket(103),
            kept_ticket(104, status="deleted"),
            kept_ticket(105),
        ],
        ticket_tag=[{"ticket_id": 105, "tag": "closed_by_merge"}, {"ticket_id": 101, "tag": "vip"}],
    )
    assert found.values("tickets", "ticket_id", "is_merged") == [
        ("101", False),
        ("102", False),
        ("103", True),
        ("105", True),
    ]


def test_what_a_warehouse_writes_for_nothing_is_no_account_and_its_row_is_told(tmp_path):
    told = [kept_ticket(), kept_ticket(102, organization_id=r"\N"), kept_ticket(103, organization_id="NULL")]
    found = kept(tmp_path, ticket=told)
    assert found.values("tickets", "ticket_id", "account_id") == [("101", "31")]
    assert [(line, column) for _, line, column, _ in found.rejects()] == [
        (3, "organization_id"),
        (4, "organization_id"),
    ]


def test_a_row_of_fivetran_that_was_deleted_counts_as_little_as_a_deleted_ticket(tmp_path):
    gone = {**kept_ticket(103), "_fivetran_deleted": "TRUE"}
    found = kept(tmp_path, ticket=[kept_ticket(), kept_ticket(102, status="deleted"), gone])
    assert found.values("tickets", "ticket_id") == [("101",)]


def test_the_topic_may_be_a_custom_field_that_fivetran_has_as_a_column(tmp_path):
    told = [{**kept_ticket(), "custom_contact_reason": "billing"}]
    found = kept(tmp_path, options={"topic": "Contact reason"}, ticket=told)
    assert found.values("tickets", "topic") == [("billing",)]


def test_the_topic_may_be_a_custom_field_that_dlt_has_as_a_column(tmp_path):
    row = {"id": 101, "created_at": "2026-03-02T09:00:00Z", "status": "open", "contact_reason": "billing"}
    named = {**row, "tags": '["closed_by_merge", "a"]', "_dlt_id": "x", "_dlt_load_id": "1780272000.1"}
    source = {"form": "zendesk", "written_by": "dlt", "options": {"topic": "Contact reason"}}
    found = ingested(tmp_path, {"tickets/1780272000.1.0.jsonl": lines(named)}, source, ["tickets"])
    assert found.values("tickets", "topic", "is_merged") == [("billing", True)]


# --- the same objects, whoever wrote them -----------------------------------------------------------------------------

TICKETS = [
    ticket(satisfaction_rating={"score": "good"}),
    ticket(102, organization_id=None, status="open", priority=None, satisfaction_rating={"score": "offered"}),
    ticket(103, tags=["closed_by_merge", "vip"], status="closed", type=None),
    ticket(104, status="deleted"),
]
METRICS = [
    metrics(),
    metrics(102, solved_at=None, replies=0, reopens=0, reply_time_in_minutes={"calendar": None, "business": None}),
    metrics(103, replies=1, reopens=0, solved_at="2026-03-02T11:00:00Z"),
    metrics(104),
]
KINDS = [
    writing.Objects(rows, dict.fromkeys(("api", "airbyte", "dlt"), name))
    for name, rows in {
        "tickets": TICKETS,
        "ticket_metrics": METRICS,
        "satisfaction_ratings": [rating(), rating(102, "offered")],
        "users": PEOPLE,
    }.items()
]
KEPT = fivetran(
    ticket=[
        kept_ticket(),
        kept_ticket(102, organization_id="", status="open", priority=""),
        kept_ticket(103, status="closed", type=""),
        kept_ticket(104, status="deleted"),
    ],
    ticket_tag=[{"ticket_id": key, "tag": "product"} for key in (101, 102, 104)]
    + [{"ticket_id": 103, "tag": tag} for tag in ("closed_by_merge", "vip")],
    ticket_comment=[
        *(comment(key, CUSTOMER, "2026-03-02 09:00:00", of=key) for key in (101, 102, 103)),
        comment(201, AGENT, "2026-03-02 10:30:00"),
        comment(202, ADMIN, "2026-03-02 12:30:00"),
        comment(203, AGENT, "2026-03-02 10:30:00", of=103),
    ],
    ticket_field_history=[
        *(changed("status", "open", "2026-03-02 09:00:00", of=key) for key in (101, 102, 103)),
        changed("status", "solved", "2026-03-02 11:00:00"),
        changed("status", "open", "2026-03-02 12:00:00"),
        changed("status", "solved", "2026-03-03 17:00:00"),
        changed("status", "solved", "2026-03-02 11:00:00", of=103),
        changed("satisfaction_score", "good", "2026-03-04 08:00:00"),
        changed("satisfaction_score", "offered", "2026-03-04 08:00:00", of=102),
    ],
    user=PEOPLE,
)
EXPORTED_ON = dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC)
OPTIONS = {"escalated_tags": ["vip"]}


@pytest.mark.parametrize("how", [how for how in writing.WRITERS if how not in {"dashboard", "api"}])
def test_the_same_tickets_are_the_same_whoever_wrote_them_down(how, tmp_path):
    def staged(name, files, by):
        source = {"form": "zendesk", "written_by": by, "options": OPTIONS}
        found = ingested(tmp_path / name, files, source, ["tickets"])
        assert found.rejects() == []
        return content(found.rows("tickets"))

    expected = staged("api", writing.as_api(KINDS, EXPORTED_ON), "api")
    assert expected.select("ticket_id", "account_id", "is_escalated", "reopens").rows() == [
        ("101", "31", False, 1),
        ("102", "31", False, 0),
        ("103", "31", True, 0),
    ]
    by, writer = writing.WRITERS[how]
    found = staged(by, KEPT if by == "fivetran" else writer(KINDS, EXPORTED_ON), by)
    assert found.equals(expected)


@pytest.mark.parametrize("how", ["airbyte as JSON lines", "airbyte as Parquet"])
def test_custom_fields_are_found_in_the_list_that_airbyte_keeps(how, tmp_path):
    odd = [{"id": 360002, "value": "no"}, {"id": 360001, "value": 'one "two"\nthree'}]
    told = [ticket(), ticket(102, custom_fields=[]), ticket(103, custom_fields=None), ticket(104, custom_fields=odd)]
    kinds = [writing.Objects(told, {"airbyte": "tickets"})]
    source = {"form": "zendesk", "written_by": "airbyte", "options": {"topic": "360001"}}
    found = ingested(tmp_path, writing.WRITERS[how][1](kinds, EXPORTED_ON), source, ["tickets"])
    assert found.values("tickets", "ticket_id", "topic") == [
        ("101", "billing"),
        ("102", None),
        ("103", None),
        ("104", 'one "two"\nthree'),
    ]


# --- whose organizations they are -------------------------------------------------------------------------------------


def identified(folder, by, files, **options):
    """The identities that these files tell, by raw table."""
    said = ZendeskOptions.model_validate(options)
    form = with_asked(FORMS[f"zendesk/{by}"], said)
    read = {}
    for name, (file, text) in files.items():
        path, raw = folder / file, form.raw[name]
        path.write_text(text)
        moment = dt.datetime(2026, 6, 1)
        found = read_export(path, file, "it", moment, raw.contract, form.formats, exact=False, places=raw.places)
        read[name], rejects = validate(found.rows, raw.contract)
        assert found.rejects.is_empty()
        assert rejects.is_empty()
    there = objects(read, form)
    cleaning = form.clean["identities"]
    of = {}
    for name in cleaning.reads:
        contract = form.lacking.get(name) or form.raw[name].contract
        prefix = "" if name == cleaning.raw[0] else f"{name}."
        of[name] = there.get(name, contract.blank()).rename(lambda column, prefix=prefix: prefix + column)
    filled = identities(of, Told("UTC", "EUR", said))
    rows = filled.rows.select(*(name for name in filled.rows.columns if name.startswith("export")), **filled.columns)
    told = Identities.checked(Identities.shaped(rows))
    return sorted(told.select("customer_id", "crm_id", "domain", "name").rows())


def organization(key=31, **changed):
    made = {"id": key, "name": "Acme", "external_id": "crm-1", "domain_names": ["Acme.Example", "acme.test"]}
    return {**made, **changed}


def test_an_organization_is_told_by_its_first_domain_and_by_the_config_its_account(tmp_path):
    text = lines(organization(), organization(32, name="Bolt", external_id=None, domain_names=[]))
    both = ("organizations.jsonl", text)
    files = {"organizations": both, "organization_domains": both}
    assert identified(tmp_path, "api", files) == [("31", None, "acme.example", "Acme"), ("32", None, None, "Bolt")]
    assert identified(tmp_path, "api", files, external_id_is_crm_id=True) == [
        ("31", "crm-1", "acme.example", "Acme"),
        ("32", None, None, "Bolt"),
    ]


def test_a_deleted_organization_of_the_full_export_is_nobody(tmp_path):
    told = [organization(), organization(32, name="Gone", deleted_at="2026-04-01T00:00:00Z")]
    both = ("organizations.jsonl", lines(*({"organization": one} for one in told)))
    files = {"organizations": both, "organization_domains": both}
    assert identified(tmp_path, "api", files) == [("31", None, "acme.example", "Acme")]


def test_the_first_domain_of_fivetran_is_that_of_the_smallest_index(tmp_path):
    sent = fivetran(
        organization=[{"id": 31, "name": "Acme"}],
        domain_name=[
            {"organization_id": 31, "index": 1, "domain_name": "acme.test"},
            {"organization_id": 31, "index": 0, "domain_name": "acme.example"},
        ],
    )
    files = {
        "organizations": ("organization.csv", sent["organization.csv"]),
        "organization_domains": ("domain_name.csv", sent["domain_name.csv"]),
    }
    assert identified(tmp_path, "fivetran", files) == [("31", None, "acme.example", "Acme")]


def test_an_organization_of_the_csv_has_the_domain_that_all_its_requesters_share(tmp_path):
    rows = [
        shown(1, Organization="Acme", Requester_domain="acme.example"),
        shown(2, Organization="Acme", Requester_domain="ACME.example"),
        shown(3, Organization="Acme", Requester_domain=""),
        shown(4, Organization="Bolt", Requester_domain="bolt.example"),
        shown(5, Organization="Bolt", Requester_domain="mail.example"),
        shown(6, Organization="", Requester_domain="nobody.example"),
    ]
    files = {"organizations": ("export_2026_05_31_4711_1.csv", export(*rows))}
    assert identified(tmp_path, "dashboard", files) == [
        ("Acme", None, "acme.example", "Acme"),
        ("Bolt", None, None, "Bolt"),
    ]


def test_nobodys_address_is_read():
    forms = [form for name, form in FORMS.items() if name.startswith("zendesk/")]
    tables = [table for form in forms for table in form.raw.values() if table.places]
    read = {name for table in tables for of in table.places.columns.values() for place in of for name in place.path}
    assert {"Requester id", "requester_id", "role"} <= read
    assert not [name for name in read if "mail" in name.lower() or name == "Requester"]
