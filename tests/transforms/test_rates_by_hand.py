"""Weekly users and reopened tickets, from the parts to the value."""

from schemas.product import FctUsageAccountMonth
from schemas.support import FctTicket
from tests.frames import at, day, months, rows
from transforms.metrics.engagement import wau
from transforms.metrics.resolution import reopen_rate

MAY = day("2024-05-01")


def test_weekly_users_are_user_weeks_over_the_weeks_of_the_month():
    # 9 and 2 user-weeks in a month of 4 weeks: 2.25 and 0.5 users a week.
    use = {"month": MAY, "days": 31, "weeks": 4, "events": 1}
    made = wau(
        rows(
            FctUsageAccountMonth,
            {**use, "account_id": "A", "user_weeks": 9},
            {**use, "account_id": "B", "user_weeks": 2},
        )
    )
    assert made.select("account_id", "numerator", "denominator").sort("account_id").rows() == [
        ("A", 2.25, None),
        ("B", 0.5, None),
    ]


def test_tickets_reopened_once_or_more_are_shared_among_those_solved():
    ticket = {"account_id": "A", "status": "solved", "month": MAY, "counts": True, "solved_month": MAY}
    given = [
        {**ticket, "ticket_id": str(number), "created_at": at("2024-05-03T10:00"), "reopens": reopens}
        for number, reopens in enumerate([0, 1, 3, 0])
    ]
    made = reopen_rate(rows(FctTicket, *given), months("2024-05", "2024-05"))
    assert made.select("month", "numerator", "denominator").rows() == [(MAY, 2.0, 4.0)]
