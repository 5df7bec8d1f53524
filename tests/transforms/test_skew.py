"""Two clocks that stamp one order of events the wrong way round."""

import pytest

from schemas.feedback import SurveyResponses
from schemas.support import Tickets
from tests.frames import at, rows
from transforms.clean.skew import without_skew

NINE = at("2024-02-05T09:00:00")


def of_ticket(**instants: str) -> tuple[object, object, object, object]:
    """When it was created, replied to and solved, and whether its clocks disagreed."""
    given = {name: at(f"2024-02-05T{time}") for name, time in instants.items()}
    ticket = rows(Tickets, {"ticket_id": "t", "status": "solved", **given})
    found = without_skew(ticket, Tickets.clocks())
    return found.select("created_at", "first_replied_at", "last_solved_at", "is_skewed").row(0)


def test_the_instants_that_are_ordered_are_those_of_tickets_and_surveys():
    assert Tickets.clocks() == [("created_at", "first_replied_at"), ("created_at", "last_solved_at")]
    assert SurveyResponses.clocks() == [("sent_at", "responded_at")]


@pytest.mark.parametrize("early", ["08:59:58", "08:59:59.999999", "08:50:00", "08:45:00"])
@pytest.mark.parametrize("name", ["first_replied_at", "last_solved_at"])
def test_an_order_broken_by_at_most_15_minutes_takes_the_later_instant_for_both(name, early):
    created, replied, solved, is_skewed = of_ticket(created_at="09:00:00", **{name: early})
    assert (created, replied if name == "first_replied_at" else solved, is_skewed) == (NINE, NINE, True)


def test_both_orders_of_a_ticket_may_be_broken_and_it_is_one_ticket():
    times = {"created_at": "09:00:00", "first_replied_at": "08:59:00", "last_solved_at": "08:59:30"}
    assert of_ticket(**times) == (NINE, NINE, NINE, True)


def test_an_order_broken_by_more_is_left_for_the_rule_that_rejects_it():
    early = at("2024-02-05T08:44:59.999999")
    assert of_ticket(created_at="09:00:00", last_solved_at="08:44:59.999999") == (NINE, None, early, False)


def test_an_order_that_holds_is_left_as_it_is():
    later = at("2024-02-05T09:10:00")
    times = {"created_at": "09:00:00", "first_replied_at": "09:00:00", "last_solved_at": "09:10:00"}
    assert of_ticket(**times) == (NINE, NINE, later, False)
    assert of_ticket(created_at="09:00:00") == (NINE, None, None, False)


def test_an_answer_stamped_before_its_survey_was_sent_was_given_when_it_was_sent():
    sent, answered = at("2024-02-01T00:03:00"), at("2024-01-31T23:58:00")
    survey = {"response_id": "q", "kind": "nps", "sent_at": sent, "responded_at": answered}
    found = without_skew(rows(SurveyResponses, survey), SurveyResponses.clocks())
    assert found.select("sent_at", "responded_at", "is_skewed").row(0) == (sent, sent, True)
