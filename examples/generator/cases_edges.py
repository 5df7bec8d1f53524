"""Staged accounts at the edges of months: starts, ends, pauses, moves, returns."""

from examples.generator.company import Life
from examples.generator.prices import QUARTER, YEAR
from examples.generator.stage import Stage, case, day


@case("2025-02-04")
def same_month_then_back(stage: Stage) -> None:
    """Bought and ended inside February 2025, back in June: a reactivation, although no month end saw it before."""
    stage.sell(8900, quantity=2, seats=2).end(day("2025-02-20"), day("2025-02-18"))
    stage.stay(end="2025-02-20")
    stage.sell(8900, "2025-06-10", quantity=2, seats=2)
    stage.stay("2025-06-10")


@case("2024-11-05")
def same_month_only(stage: Stage) -> None:
    """Bought and ended inside November 2024, never back: no month end ever sees it."""
    stage.sell(4900, plan="Basic", seats=3).end(day("2024-11-28"), None)
    stage.stay(end="2024-11-28")


@case("2025-03-12")
def zero_days_then_new(stage: Stage) -> None:
    """Ended on the day it started: never a paying day. What it buys in April is therefore new."""
    stage.sell(4900, plan="Basic", seats=3).end(stage.account.start, None)
    stage.sell(5200, "2025-04-02", plan="Basic", seats=3)
    stage.stay("2025-04-02")


@case("2024-07-01")
def first_to_first(stage: Stage) -> None:
    """Starts and ends exactly on a 1st: new in July 2024, churned in July 2025."""
    stage.sell(31000, interval=YEAR, quantity=4, seats=4).end(day("2025-07-01"), day("2025-06-03"))
    stage.stay(end="2025-07-01")


@case("2024-06-12")
def ends_on_last_day(stage: Stage) -> None:
    """The first day out is the last day of April 2026: out at that month end."""
    stage.sell(2900, quantity=3, seats=3).end(day("2026-04-30"), day("2026-04-02"))
    stage.stay(end="2026-04-30")


@case("2024-07-31")
def changes_on_a_first(stage: Stage) -> None:
    """More seats on 1 October 2025, fewer on 31 January 2026: the month of each is that of its day."""
    item = stage.sell(8700, interval=QUARTER, quantity=4, seats=4)
    item.change(day("2025-10-01"), quantity=6, seats=6)
    item.change(day("2026-01-31"), quantity=5, seats=5)
    stage.stay()


@case("2024-06-20")
def paused_over_month_end(stage: Stage) -> None:
    """Both items rest from 20 March to 8 May 2025: churned in March, a reactivation in May."""
    item = stage.sell(2900, quantity=5, seats=5)
    other = stage.sell(3900, subscription=item.subscription_id, plan="analytics", base=False)
    for each in (item, other):
        each.pause(day("2025-03-20"), day("2025-05-08"))
    stage.rest("2025-03-20", "2025-05-08")
    stage.stay()


@case("2024-07-05")
def paused_inside_month(stage: Stage) -> None:
    """Rests from 5 to 25 June 2025: no month end sees it."""
    stage.sell(2900, quantity=4, seats=4).pause(day("2025-06-05"), day("2025-06-25"), in_place=True)
    stage.rest("2025-06-05", "2025-06-25")
    stage.stay()


@case("2025-01-12")
def paused_until_further_notice(stage: Stage) -> None:
    """Rests from 12 July 2026 on, without an end."""
    stage.sell(2900, quantity=3, seats=3).pause(day("2026-07-12"), None)
    stage.rest("2026-07-12", "2030-01-01")
    stage.stay()


@case("2024-08-20")
def gives_an_item_away(stage: Stage) -> None:
    """Its only item moves to another account on 15 September 2025: churned here, new there."""
    item = stage.sell(2900, quantity=6, seats=6)
    taker = stage.accounts["takes_an_item"]
    item.change(day("2025-09-15"), account=taker)
    stage.stay(end="2025-09-15")
    taker.lives.append(Life(day("2025-09-15"), day("2025-09-15"), None))


@case("2025-09-15")
def takes_an_item(stage: Stage) -> None:
    """See gives_an_item_away: this one has no item of its own."""


@case("2024-10-15")
def switches_subscription(stage: Stage) -> None:
    """One subscription ends and the next begins on the same day, dearer: expansion, neither churn nor new."""
    stage.sell(2900, quantity=4, seats=4).end(day("2025-07-15"), None)
    stage.sell(29000, "2025-07-15", interval=YEAR, quantity=6, seats=6)
    stage.stay()


@case("2025-03-01")
def cancelled_for_next_month(stage: Stage) -> None:
    """Cancelled in October 2026 for 1 November: paying at the last month end, pending cancellation."""
    stage.sell(5500, quantity=7, seats=7).end(day("2026-11-01"), day("2026-10-12"))
    stage.stay(end="2026-11-01")


@case("2025-05-20")
def cancelled_for_some_day(stage: Stage) -> None:
    """Cancelled on 20 September 2026, the last day not known yet: paying, pending cancellation."""
    stage.sell(2900, quantity=5, seats=5).cancel_requested_on = day("2026-09-20")
    stage.stay()
