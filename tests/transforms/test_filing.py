"""Facts that were filed before the first computed month, and are not over by then."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctInvoice, FctRenewal, FctTrial, FxRates, Invoices, Renewals, SubscriptionItems
from schemas.config import Feedback, Privacy, Sentiment
from schemas.feedback import SurveyResponses
from schemas.success import CsmActivities
from schemas.support import Tickets
from tests.frames import at, day, months, rows, turns_of
from transforms.exported import Exported
from transforms.facts.activities import fct_csm_activity
from transforms.facts.answers import UnknownScaleError, counting_answers, fct_survey_response
from transforms.facts.invoices import fct_invoice
from transforms.facts.renewals import fct_renewal
from transforms.facts.service import service_periods
from transforms.facts.tickets import fct_ticket
from transforms.facts.trials import fct_trial

MARCH = day("2024-03-01")
"""The first computed month."""
CALENDAR = months("2024-03", "2024-04")
LATER = months("2024-04", "2024-04")


def tickets(*given: dict[str, Any], calendar: pl.DataFrame = CALENDAR, computed_from: Any = MARCH) -> pl.DataFrame:
    frame = rows(Tickets, *({"account_id": "a", "status": "solved", **ticket} for ticket in given))
    return fct_ticket(frame, calendar, "UTC", Privacy(), b"secret", computed_from)


class TestATicket:
    @pytest.mark.parametrize("name", ["first_replied_at", "last_solved_at", "satisfaction_at"])
    def test_that_was_created_earlier_is_kept_if_anything_of_it_happens_in_the_months(self, name):
        created = {"created_at": at("2021-05-05T09:00")}
        found = tickets(
            {"ticket_id": "kept", **created, name: at("2024-03-01T00:00")},
            {"ticket_id": "over", **created, name: at("2024-02-29T23:59")},
            {"ticket_id": "open", **created},
        )
        assert found.select("ticket_id", "month").rows() == [("kept", day("2021-05-01"))]

    def test_that_was_created_earlier_is_solved_in_its_month_after_all_its_hours(self):
        told = {"created_at": at("2024-02-20T09:00"), "last_solved_at": at("2024-03-02T09:00")}
        (found,) = tickets({"ticket_id": "t", **told}).to_dicts()
        assert (found["solved_month"], found["resolution_hours"]) == (MARCH, 11 * 24)

    def test_that_was_created_earlier_is_not_made_with_a_later_month_than_the_first(self):
        told = {"ticket_id": "t", "created_at": at("2024-02-20T09:00"), "last_solved_at": at("2024-04-02T09:00")}
        assert tickets(told, calendar=LATER, computed_from=None).is_empty()


class TestAnActivity:
    def test_that_was_due_earlier_is_kept_if_it_was_held_in_the_months(self):
        given = (("kept", "2024-03-02"), ("over", "2024-02-29"), ("never", None))
        frame = rows(CsmActivities, *(
            {"activity_id": key, "kind": "review", "due_on": day("2024-02-10"), "held_on": day(held) if held else None}
            for key, held in given
        ))  # fmt: skip
        found = fct_csm_activity(frame, Sentiment(), CALENDAR, MARCH)
        assert found.select("activity_id", "month").rows() == [("kept", day("2024-02-01"))]
        assert fct_csm_activity(frame, Sentiment(), LATER).is_empty()


class TestAnAnswer:
    def facts(self, surveys: tuple[dict[str, Any], ...], of_tickets: tuple[dict[str, Any], ...] = ()) -> pl.DataFrame:
        scored = ({"account_id": "a", "kind": "csat", "scale_min": 1, "scale_max": 5, **one} for one in surveys)
        given = rows(SurveyResponses, *scored), rows(Tickets, *of_tickets)
        return fct_survey_response(*given, CALENDAR, "UTC", Feedback(), Privacy(), b"secret", MARCH)

    def test_to_a_survey_that_was_sent_earlier_counts_in_its_month(self):
        survey = {"response_id": "q", "score": 5, "sent_at": at("2024-02-20T09:00")}
        found = counting_answers(self.facts(({**survey, "responded_at": at("2024-03-01T09:00")},)))
        assert found.select("month", "is_positive").rows() == [(MARCH, True)]

    def test_given_earlier_is_the_first_about_its_ticket_and_a_later_one_counts_no_more(self):
        rated = {"satisfaction_score": 1.0, "scale_min": 1, "scale_max": 5, "satisfaction_at": at("2024-02-06T09:00")}
        ticket = {"ticket_id": "t", "status": "solved", "created_at": at("2024-02-05T09:00"), **rated}
        survey = {"response_id": "q", "ticket_id": "t", "score": 5, "responded_at": at("2024-03-01T09:00")}
        found = counting_answers(self.facts((survey,), (ticket,)))
        assert found.select("response_id", "month").rows() == [("ticket:t", day("2024-02-01"))]

    def test_on_a_scale_that_the_config_does_not_know_is_refused_only_if_it_counts_in_the_months(self):
        survey = {"response_id": "q", "score": 9, "scale_max": 12, "sent_at": at("2024-02-20T09:00")}
        assert self.facts(({**survey, "responded_at": at("2024-02-21T09:00")},)).height == 1
        with pytest.raises(UnknownScaleError):
            self.facts(({**survey, "responded_at": at("2024-03-01T09:00")},))


class TestAnInvoice:
    def facts(self, *invoices: dict[str, Any]) -> list[tuple[Any, ...]]:
        first = {"account_id": "a", "status": "paid", "amount": 10_000, "currency": "USD"}
        rates = ({"month": day(f"2024-0{n}-01"), "currency": "USD", "rate": Decimal("0.5")} for n in (3, 4))
        frame = rows(Invoices, *({**first, **invoice} for invoice in invoices))
        found = fct_invoice(frame, rows(FxRates, *rates), CALENDAR, day("2024-04-30"), "EUR", MARCH)
        return FctInvoice.validate(found).select("invoice_id", "month", "paid_cents", "one_off_cents").rows()

    def test_that_was_issued_earlier_is_kept_if_it_is_paid_in_the_months_or_not_yet(self):
        issued = {"issued_on": day("2023-12-20")}
        december = day("2023-12-01")
        assert self.facts(
            {"invoice_id": "1", **issued, "paid_on": day("2024-03-05")},
            {"invoice_id": "2", **issued, "paid_on": day("2024-02-29")},
            {"invoice_id": "3", **issued},
        ) == [("1", december, 5_000, None), ("3", december, None, None)]

    def test_of_the_two_months_before_is_kept_for_health_however_early_it_was_paid_and_asks_for_no_rate(self):
        issued = {"issued_on": day("2024-01-01")}
        paid = self.facts({"invoice_id": "1", **issued, "paid_on": day("2024-01-02")})
        assert paid == [("1", day("2024-01-01"), None, None)]
        assert self.facts({"invoice_id": "1", "issued_on": day("2023-12-31"), "paid_on": day("2024-01-02")}) == []

    def test_that_was_issued_earlier_asks_for_no_rate_of_a_month_that_is_not_computed(self):
        """Its one-off amount belongs to the month of issue, which nobody looks at."""
        issued = {"issued_on": day("2024-02-20"), "one_off_amount": 500}
        assert self.facts({"invoice_id": "1", **issued, "paid_on": day("2024-04-05")}) == [
            ("1", day("2024-02-01"), 5_000, None)
        ]


class TestATerm:
    def test_that_was_due_earlier_is_kept_if_it_is_renewed_or_decided_in_the_months(self):
        def term(key: str, due: str, outcome: str, renewed: str | None = None) -> dict[str, Any]:
            days = {"term_started_on": day("2023-01-01"), "term_ended_on": day(due)}
            told = {"outcome": outcome, "mrr_amount": 500, "currency": "USD"}
            return {"renewal_id": key, **days, **told, "renewed_on": day(renewed) if renewed else None}

        frame = rows(
            Renewals,
            term("renewed", "2024-02-20", "renewed", "2024-03-01"),
            term("open", "2024-01-31", "open"),  # not renewed from the 1st of March on
            term("older", "2024-01-30", "open"),  # from the 29th of February on
            term("lost", "2024-02-20", "lost"),
        )
        items = rows(SubscriptionItems)
        exported = Exported({"renewals": frozenset(Renewals.dtypes())})
        as_of = day("2024-04-30")
        nothing = service_periods(items, as_of)
        found = fct_renewal(frame, items, nothing, rows(FxRates), CALENDAR, as_of, "EUR", exported, MARCH)
        assert FctRenewal.validate(found).select("renewal_id", "month", "is_renewed", "mrr_cents").rows() == [
            ("open", day("2024-01-01"), False, None),
            ("renewed", day("2024-02-01"), True, None),
        ]


class TestATrial:
    def test_that_began_earlier_is_kept_if_it_ends_or_is_decided_in_the_months(self):
        def trial(key: str, began: str, until: str) -> dict[str, Any]:
            dates = {"started_on": day(began), "valid_from": day(began), "ended_on": day(until)}
            on_trial = {"trial_started_on": day(began), "trial_ends_on": day(until)}
            price = {"unit_amount": 100, "currency": "EUR", "interval_unit": "month"}
            return {"subscription_id": key, "item_id": "i", "account_id": key, **dates, **on_trial, **price}

        items = rows(
            SubscriptionItems,
            trial("ends", "2024-02-20", "2024-03-05"),
            trial("decided", "2024-01-20", "2024-02-03"),  # the 30th day after is the 4th of March
            trial("over", "2024-01-20", "2024-01-30"),  # the 30th day after is the 29th of February
            trial("long before", "2023-10-20", "2024-03-05"),  # followed for three months only
        )
        as_of = day("2024-12-31")
        found = fct_trial(items, turns_of(items, rows(FxRates), as_of), CALENDAR, as_of, MARCH)
        assert FctTrial.validate(found).select("subscription_id", "month").rows() == [
            ("decided", day("2024-01-01")),
            ("ends", day("2024-02-01")),
        ]
