from functools import partial
from hashlib import blake2b

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas.billing import FctMrrAccountMonth
from schemas.config import Minimums, Privacy
from schemas.customers import DimAccountMonth
from schemas.support import FctTicket, Tickets
from tests.frames import at, day, declared_days, margins, months, rows
from transforms.declaration import ALL, SO_FAR, Months
from transforms.exported import Exported
from transforms.facts.privacy import hashed
from transforms.facts.tickets import fct_ticket
from transforms.metrics import resolution
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, medians, roll_up

YEAR = months("2023-07", "2024-06")
OF_TICKETS = (
    partial(resolution.fcr, dim_month=YEAR),
    partial(resolution.art, dim_month=YEAR),
    partial(resolution.escalation_rate, dim_month=YEAR),
    partial(resolution.reopen_rate, dim_month=YEAR),
)
EVERYTHING = {"tickets": frozenset(Tickets.dtypes()), "subscription_items": frozenset()}


def ticket(ticket_id, created="2024-01-01T00:00", solved=None, **more):
    """A ticket about billing by the person p1 of the account a, with one reply."""
    return {
        "ticket_id": ticket_id,
        "account_id": "a",
        "requester_id": "p1",
        "topic": "billing",
        "status": "solved" if solved else "open",
        "created_at": at(created),
        "last_solved_at": at(solved) if solved else None,
        "public_agent_replies": 1,
        "reopens": 0,
        **more,
    }


def facts(*tickets, dim_month=YEAR, time_zone="UTC", privacy=None):
    privacy = privacy or Privacy(publish_person_ids=True)
    return FctTicket.validate(fct_ticket(rows(Tickets, *tickets), dim_month, time_zone, privacy, b"secret"))


def around(month, as_of="2025-12-31", columns=None, accounts=()):
    account_months = [{"month": day(f"{month}-01"), "account_id": k, "industry": v} for k, v in accounts]
    dim_month = months(month, month, as_of)
    return Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month),
        accounts=AccountSegments(rows(DimAccountMonth, *account_months), ("industry",)),
        exported=Exported(EVERYTHING if columns is None else columns),
        minimums=Minimums(),
        as_of=day(as_of),
        provisional_days=declared_days("fcr"),
    )


def company(values):
    return values.row(by_predicate=pl.col("dimension") == "all", named=True)


def fcr(*tickets, month="2024-01", time_zone="UTC"):
    """(Σ numerator, Σ denominator) of the company's month."""
    values = roll_up(REGISTRY["fcr"], resolution.fcr(facts(*tickets, time_zone=time_zone), YEAR), around(month))
    found = company(values)
    return found["numerator"], found["denominator"]


# --- fct_ticket


def test_a_ticket_is_in_its_month_of_creation_in_the_reporting_time_zone():
    one = ticket("1", "2024-01-31T23:30", "2024-02-29T23:30", first_replied_at=at("2024-02-29T22:59"))
    utc, berlin = facts(one), facts(one, time_zone="Europe/Berlin")
    columns = ("month", "solved_month", "first_replied_month")
    assert utc.select(columns).row(0) == (day("2024-01-01"), day("2024-02-01"), day("2024-02-01"))
    assert berlin.select(columns).row(0) == (day("2024-02-01"), day("2024-03-01"), day("2024-02-01"))


def test_only_tickets_created_in_the_months_asked_for_are_built():
    tickets = [ticket("1", "2023-12-31T23:59"), ticket("2", "2024-01-01T00:00"), ticket("3", "2024-02-01T00:00")]
    assert facts(*tickets, dim_month=months("2024-01", "2024-01"))["ticket_id"].to_list() == ["2"]


def test_hours_are_calendar_hours_whatever_the_clock_does():
    # Summer time begins in Berlin on 31 March 2024.
    one = ticket("1", "2024-03-30T12:00", "2024-04-01T12:30", first_replied_at=at("2024-03-30T13:15"))
    found = facts(one, time_zone="Europe/Berlin").row(0, named=True)
    assert (found["resolution_hours"], found["first_response_hours"]) == (48.5, 1.25)


@pytest.mark.parametrize("flag", ["is_merged", "is_spam"])
def test_merged_and_spam_tickets_are_kept_and_count_in_nothing(flag):
    one = ticket("1", "2024-01-01T00:00", "2024-01-02T00:00", first_replied_at=at("2024-01-01T01:00"), **{flag: True})
    found = facts(one).row(0, named=True)
    assert found["counts"] is False
    empty = ("solved_month", "resolution_hours", "first_replied_month", "first_response_hours")
    assert [found[name] for name in empty] == [None] * 4


def test_a_ticket_that_is_not_said_to_be_merged_or_spam_counts():
    found = facts(ticket("1"), ticket("2", is_merged=False, is_spam=False))
    assert found["counts"].to_list() == [True, True]


@pytest.mark.parametrize(
    ("status", "is_solved"),
    [("new", False), ("open", False), ("pending", False), ("hold", False), ("solved", True), ("closed", True)],
)
def test_only_a_solved_or_closed_ticket_is_solved(status, is_solved):
    found = facts(ticket("1", solved="2024-01-02T00:00", status=status))
    assert found["solved_month"].is_not_null().to_list() == [is_solved]


def test_a_solved_ticket_whose_solving_is_not_known_yet_is_solved_in_no_month():
    assert facts(ticket("1", status="solved"))["solved_month"].to_list() == [None]


def test_requesters_are_hashed_unless_the_config_publishes_them():
    tickets = ticket("1"), ticket("2", requester_id=None), ticket("3")
    hidden = facts(*tickets, privacy=Privacy())["requester_id"].to_list()
    assert hidden[0] == hidden[2] != "p1"
    assert hidden[1] is None
    assert facts(*tickets)["requester_id"].to_list() == ["p1", None, "p1"]


def test_a_hash_depends_on_source_id_and_key_alone():
    ids, sources = pl.Series(["p2", None, "p1", "p2"]), pl.Series(["desk"] * 4)
    found = hashed(ids, sources, b"secret").to_list()
    of_p1 = blake2b(b'["desk", "p1"]', key=b"secret", digest_size=8).hexdigest()
    assert found[1:3] == [None, of_p1]
    assert found[0] == found[3] != found[2]
    assert hashed(ids, sources, b"other")[0] != found[0]


def test_equal_ids_of_two_sources_are_two_persons_under_two_hashes():
    ids, sources = pl.Series(["7", "7", "7", "12", "2"]), pl.Series(["desk", "chat", "desk", "a", "a1"])
    desk, chat, again, *split = hashed(ids, sources, b"secret").to_list()
    assert desk == again != chat
    assert split[0] != split[1]


def test_ids_are_not_hashed_without_a_key():
    with pytest.raises(ValueError, match="key is empty"):
        hashed(pl.Series(["p1"]), pl.Series(["desk"]), b"")


def test_no_tickets_make_an_empty_fact():
    assert_frame_equal(facts(privacy=Privacy()), FctTicket.blank())
    assert_frame_equal(facts(ticket("1"), dim_month=YEAR.clear()), FctTicket.blank())


def test_the_order_of_tickets_does_not_matter():
    tickets = [ticket(str(n), f"2024-01-{n:02}T00:00", f"2024-01-{n:02}T07:00") for n in range(1, 29)]
    assert_frame_equal(facts(*tickets), facts(*reversed(tickets)))


# --- fcr

FIRST = ticket("1", "2024-01-01T00:00", "2024-01-10T00:00")


@pytest.mark.parametrize(("replies", "resolved"), [(0, 1), (1, 1), (2, 0)])
def test_at_first_contact_means_at_most_one_public_reply(replies, resolved):
    assert fcr({**FIRST, "public_agent_replies": replies}) == (resolved, 1)


def test_a_reopened_ticket_is_not_resolved_at_first_contact():
    assert fcr({**FIRST, "reopens": 1}) == (0, 1)


@pytest.mark.parametrize("unknown", ["public_agent_replies", "reopens"])
def test_a_ticket_whose_replies_or_reopens_are_empty_is_in_neither(unknown):
    assert fcr(FIRST, ticket("2", solved="2024-01-02T00:00", requester_id="p2", **{unknown: None})) == (1, 1)


@pytest.mark.parametrize(
    ("created", "resolved"),
    [
        ("2024-01-09T23:59:59.999999", 1),
        ("2024-01-10T00:00", 0),
        ("2024-01-16T23:59:59.999999", 0),
        ("2024-01-17T00:00", 1),
    ],
)
def test_a_new_ticket_within_168_hours_is_a_follow_up(created, resolved):
    assert fcr(FIRST, ticket("2", created)) == (resolved, 1)


def test_a_follow_up_in_the_next_month_counts():
    one = ticket("1", "2024-01-01T00:00", "2024-01-31T12:00")
    assert fcr(one, ticket("2", "2024-02-07T11:00")) == (0, 1)


def test_a_ticket_of_another_requester_of_the_account_is_no_follow_up():
    assert fcr(FIRST, ticket("2", "2024-01-11T00:00", requester_id="p2")) == (1, 1)
    assert fcr(FIRST, ticket("2", "2024-01-11T00:00", requester_id=None)) == (1, 1)


def test_a_ticket_of_the_same_requester_under_another_account_is_a_follow_up():
    assert fcr(FIRST, ticket("2", "2024-01-11T00:00", account_id="b")) == (0, 1)


def test_without_a_requester_any_ticket_of_the_account_is_a_follow_up():
    one = {**FIRST, "requester_id": None}
    assert fcr(one, ticket("2", "2024-01-11T00:00", requester_id="p9")) == (0, 1)
    assert fcr(one, ticket("2", "2024-01-11T00:00", requester_id=None)) == (0, 1)
    assert fcr(one, ticket("2", "2024-01-11T00:00", account_id="b")) == (1, 1)


def test_tickets_of_unknown_accounts_are_not_of_the_same_account():
    nobody = {"account_id": "(unknown)", "requester_id": None}
    assert fcr({**FIRST, **nobody}, ticket("2", "2024-01-11T00:00", **nobody)) == (1, 1)
    person = {"account_id": "(unknown)"}
    assert fcr({**FIRST, **person}, ticket("2", "2024-01-11T00:00", **person)) == (0, 1)


@pytest.mark.parametrize("who", [{}, {"requester_id": None}])
def test_a_follow_up_is_on_the_same_topic_or_any_if_the_solved_ticket_names_none(who):
    named, nameless = {**FIRST, **who}, {**FIRST, **who, "topic": None}
    other = ticket("2", "2024-01-11T00:00", topic="login", **who)
    silent = ticket("2", "2024-01-11T00:00", topic=None, **who)
    same = ticket("2", "2024-01-11T00:00", **who)
    assert [fcr(named, other), fcr(named, silent), fcr(named, same)] == [(1, 1), (1, 1), (0, 1)]
    assert [fcr(nameless, other), fcr(nameless, silent)] == [(0, 1), (0, 1)]


@pytest.mark.parametrize("flag", ["is_merged", "is_spam"])
def test_merged_and_spam_tickets_are_neither_solved_nor_follow_ups(flag):
    assert fcr(FIRST, ticket("2", "2024-01-11T00:00", "2024-01-12T00:00", **{flag: True})) == (1, 1)


def test_a_ticket_is_not_its_own_follow_up():
    at_once = ticket("1", "2024-01-10T00:00", "2024-01-10T00:00")
    assert fcr(at_once) == (1, 1)
    assert fcr(at_once, ticket("2", "2024-01-10T00:00")) == (0, 1)
    assert fcr(at_once, ticket("2", "2024-01-12T00:00")) == (0, 1)


def test_a_ticket_counts_in_the_month_it_was_last_solved_however_long_before_it_was_created():
    one = ticket("1", "2023-07-01T00:00", "2024-01-31T23:30")
    assert fcr(one) == (1, 1)
    assert fcr(one, month="2023-07") == (0, 0)
    assert fcr(one, time_zone="Europe/Berlin") == (0, 0)
    assert fcr(one, time_zone="Europe/Berlin", month="2024-02") == (1, 1)


def test_an_open_ticket_that_was_once_solved_is_in_neither():
    assert fcr(FIRST, ticket("2", solved="2024-01-03T00:00", status="open", requester_id="p2")) == (1, 1)


def test_fcr_rolls_up_by_segment_with_the_interval_of_wilson():
    ten = [
        ticket(str(n), solved="2024-01-05T00:00", requester_id=f"p{n}", public_agent_replies=1 + (n > 8))
        for n in range(1, 11)
    ]
    other = ticket("11", solved="2024-01-05T00:00", account_id="b", requester_id="q")
    parts = resolution.fcr(facts(*ten, other), YEAR)
    values = roll_up(REGISTRY["fcr"], parts, around("2024-01", accounts=[("a", "IT"), ("b", "Law")]))
    assert company(values)["value"] == 9 / 11
    assert values.filter(pl.col("segment") == "Law").select("value", "observations").row(0) == (1, 1)
    found = values.row(by_predicate=pl.col("segment") == "IT", named=True)
    assert (found["value"], found["observations"]) == (0.8, 10)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_fcr_is_provisional_until_the_seven_days_are_over():
    parts = resolution.fcr(facts(FIRST), YEAR)
    early = company(roll_up(REGISTRY["fcr"], parts, around("2024-01", as_of="2024-02-06")))
    final = company(roll_up(REGISTRY["fcr"], parts, around("2024-01", as_of="2024-02-07")))
    assert (early["is_provisional"], final["is_provisional"]) == (True, False)
    assert (early["value"], final["value"]) == (1, 1)


def test_solved_tickets_are_looked_for_in_all_months_before_and_follow_ups_in_the_next():
    assert REGISTRY["fcr"].reads == {"fct_ticket": Months(back=ALL, ahead=1)}
    for name in ("art", "art_median", "escalation_rate", "reopen_rate"):
        assert REGISTRY[name].reads == {"fct_ticket": SO_FAR}, name


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, "source_missing"),
        ({"tickets": frozenset(["last_solved_at", "reopens"])}, "not_exported"),
        ({"tickets": frozenset(["last_solved_at", "public_agent_replies"])}, "not_exported"),
        ({"tickets": frozenset(["reopens", "public_agent_replies"])}, "not_exported"),
        ({"tickets": frozenset(["last_solved_at", "reopens", "public_agent_replies"])}, None),
    ],
)
def test_fcr_is_not_known_without_its_columns(columns, reason):
    found = company(roll_up(REGISTRY["fcr"], resolution.fcr(facts(FIRST), YEAR), around("2024-01", columns=columns)))
    assert (found["null_reason"], found["value"]) == (reason, None if reason else 1)


def test_a_month_in_which_nothing_was_solved_has_no_fcr():
    found = company(roll_up(REGISTRY["fcr"], resolution.fcr(facts(), YEAR), around("2024-01")))
    assert (found["value"], found["null_reason"]) == (None, "zero_denominator")


def test_follow_ups_are_found_among_many_tickets_of_one_account():
    # One every minute, each solved after half a minute: all but the last have a follow-up.
    many = pl.DataFrame({"number": pl.int_range(20_000, eager=True)}).select(
        export_source=pl.lit("all"),
        ticket_id=pl.col("number").cast(pl.String),
        account_id=pl.lit("a"),
        status=pl.lit("closed"),
        created_at=pl.lit(at("2024-01-01T00:00")) + pl.duration(minutes=pl.col("number")),
        last_solved_at=pl.lit(at("2024-01-01T00:00:30")) + pl.duration(minutes=pl.col("number")),
        public_agent_replies=pl.lit(1),
        reopens=pl.lit(0),
    )
    fact = fct_ticket(Tickets.shaped(many), YEAR, "UTC", Privacy(), b"secret")
    assert resolution.fcr(fact, YEAR).select("numerator", "denominator").row(0) == (1, 20_000)


def test_the_order_of_tickets_does_not_matter_to_their_metrics():
    tickets = facts(
        *(
            ticket(str(n), f"2024-01-{n:02}T00:00", f"2024-01-{n:02}T{n % 24:02}:10", requester_id=f"p{n % 5}")
            for n in range(1, 29)
        )
    )
    shuffled = tickets.sample(fraction=1, shuffle=True, seed=7)
    for function in (
        partial(resolution.fcr, dim_month=YEAR),
        partial(resolution.art, dim_month=YEAR),
        partial(resolution.escalation_rate, dim_month=YEAR),
        partial(resolution.reopen_rate, dim_month=YEAR),
    ):
        assert_frame_equal(function(tickets), function(shuffled))


# --- the other metrics


def test_resolution_time_is_the_mean_and_the_median_over_tickets_solved_in_the_month():
    tickets = facts(
        ticket("1", "2024-01-01T00:00", "2024-01-01T10:00"),
        ticket("2", "2023-12-31T20:00", "2024-01-01T16:00", account_id="b"),
        ticket("3", "2024-01-01T00:00", "2024-01-03T12:00", status="closed"),
        ticket("4", "2024-01-31T00:00", "2024-02-01T00:00"),
        ticket("5", "2024-01-01T00:00", "2024-01-09T00:00", status="open"),
        ticket("6", "2024-01-01T00:00", "2024-01-09T00:00", is_spam=True),
    )
    mean = company(roll_up(REGISTRY["art"], resolution.art(tickets, YEAR), around("2024-01")))
    assert (mean["value"], mean["observations"], mean["ci_low"]) == (30, 3, None)
    median = company(medians(REGISTRY["art_median"], tickets, around("2024-01")))
    assert (median["value"], median["observations"]) == (20, 3)


def test_what_was_solved_in_other_months_than_those_that_are_asked_is_in_nothing():
    tickets = facts(
        ticket("1", "2024-01-01T00:00", "2024-01-31T10:00"), ticket("2", "2024-01-31T00:00", "2024-02-01T10:00")
    )
    february = months("2024-02", "2024-02")
    for function in (resolution.fcr, resolution.art, resolution.escalation_rate, resolution.reopen_rate):
        of_year = function(tickets, YEAR)
        assert_frame_equal(function(tickets, february), of_year.filter(pl.col("month") == day("2024-02-01")))


def test_a_ticket_solved_at_once_took_no_time_and_counts():
    tickets = facts(FIRST, ticket("2", "2024-01-10T00:00", "2024-01-10T00:00", account_id="b"))
    found = company(roll_up(REGISTRY["art"], resolution.art(tickets, YEAR), around("2024-01")))
    assert (found["numerator"], found["denominator"]) == (216, 2)


def test_first_response_time_is_the_median_over_tickets_first_replied_to_in_the_month():
    tickets = facts(
        ticket("1", "2024-01-01T00:00", first_replied_at=at("2024-01-01T01:00")),
        ticket("2", "2023-12-31T20:00", first_replied_at=at("2024-01-01T00:00")),
        ticket("3", "2024-01-31T23:00", first_replied_at=at("2024-02-01T07:00")),
        ticket("4", "2024-01-05T00:00"),
        ticket("5", "2024-01-05T00:00", first_replied_at=at("2024-01-06T00:00"), is_merged=True),
    )
    metric = REGISTRY["first_response_time"]
    assert company(medians(metric, tickets, around("2024-01")))["value"] == 2.5
    assert company(medians(metric, tickets, around("2024-02")))["value"] == 8


def test_escalation_and_reopening_are_shares_of_the_tickets_solved_in_the_month():
    solved = "2024-01-05T00:00"
    tickets = facts(
        ticket("1", solved=solved, is_escalated=True, reopens=2),
        ticket("2", solved=solved, is_escalated=False),
        ticket("3", solved=solved, is_escalated=None, reopens=1),
        ticket("4", solved=solved, is_escalated=None, reopens=None),
        ticket("5", is_escalated=True, reopens=3),
        ticket("6", solved=solved, is_escalated=True, reopens=3, is_spam=True),
        ticket("7", solved="2024-02-05T00:00", is_escalated=True, reopens=3),
    )
    escalated = company(
        roll_up(REGISTRY["escalation_rate"], resolution.escalation_rate(tickets, YEAR), around("2024-01"))
    )
    assert (escalated["numerator"], escalated["denominator"]) == (1, 4)
    reopened = company(roll_up(REGISTRY["reopen_rate"], resolution.reopen_rate(tickets, YEAR), around("2024-01")))
    assert (reopened["numerator"], reopened["denominator"]) == (2, 3)


def test_tickets_per_account_are_those_created_by_accounts_with_opening_or_closing_mrr():
    tickets = facts(
        ticket("1"),
        ticket("2", solved="2024-02-01T00:00"),
        ticket("3", account_id="left"),
        ticket("4", account_id="free"),
        ticket("5", is_spam=True),
        ticket("6", "2024-02-01T00:00"),
    )
    mrr = rows(
        FctMrrAccountMonth,
        {"month": day("2024-01-01"), "account_id": "a", "opening_cents": 0, "closing_cents": 100},
        {"month": day("2024-01-01"), "account_id": "left", "opening_cents": 100, "closing_cents": 0},
        {"month": day("2024-01-01"), "account_id": "quiet", "opening_cents": 100, "closing_cents": 100},
        {"month": day("2024-01-01"), "account_id": "silent", "opening_cents": 100, "closing_cents": 100},
    )
    found = company(
        roll_up(REGISTRY["tickets_per_account"], resolution.tickets_per_account(tickets, mrr), around("2024-01"))
    )
    assert (found["numerator"], found["denominator"], found["value"]) == (3, 4, 0.75)


def test_the_metrics_of_support_survive_a_company_without_tickets():
    empty = facts()
    for function in (
        partial(resolution.fcr, dim_month=YEAR),
        partial(resolution.art, dim_month=YEAR),
        partial(resolution.escalation_rate, dim_month=YEAR),
        partial(resolution.reopen_rate, dim_month=YEAR),
    ):
        assert function(empty).is_empty()
    assert resolution.tickets_per_account(empty, FctMrrAccountMonth.blank()).is_empty()
    assert company(medians(REGISTRY["art_median"], empty, around("2024-01")))["null_reason"] == "zero_denominator"


# --- two helpdesks that number alike


def test_tickets_of_two_sources_with_one_id_are_two_tickets():
    """Only that of the chat was followed up."""
    desk, chat = {**FIRST, "export_source": "desk"}, {**FIRST, "export_source": "chat"}
    again = ticket("2", "2024-01-11T00:00", export_source="chat")
    assert facts(desk, chat, again).select("source", "ticket_id").rows() == [
        ("chat", "1"),
        ("chat", "2"),
        ("desk", "1"),
    ]
    assert fcr(desk, chat, again) == (1, 2)


def test_equal_requester_ids_of_two_sources_are_two_persons():
    of_another = ticket("2", "2024-01-11T00:00", export_source="chat")
    assert fcr(FIRST, of_another) == (1, 1)
    assert fcr(FIRST, {**of_another, "export_source": "all"}) == (0, 1)


def test_an_account_that_asks_again_elsewhere_without_a_name_follows_up():
    nameless = {"requester_id": None}
    assert fcr({**FIRST, **nameless}, ticket("2", "2024-01-11T00:00", export_source="chat")) == (0, 1)
