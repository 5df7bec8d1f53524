"""Staged accounts with terms that are easy to misread: intervals, discounts, currencies, metering, trials, scope."""

from examples.generator.prices import HALF_YEAR, TWO_YEARS, WEEK, YEAR
from examples.generator.stage import Stage, case, day


@case("2024-08-10")
def four_yearly_two_monthly(stage: Stage) -> None:
    """Four yearly plans of 500 (166.67 a month), two monthly of 30 until April 2025; the rest until August 2026."""
    first = stage.sell(50000, interval=YEAR, seats=2)
    yearly = [first, *(stage.sell(50000, interval=YEAR, subscription=first.subscription_id, seats=2) for _ in range(3))]
    for _ in range(2):
        extra = stage.sell(3000, "2025-01-15", subscription=first.subscription_id, base=False, plan="analytics")
        extra.end(day("2025-04-01"), day("2025-03-20"))
    for item in yearly:
        item.end(day("2026-08-10"), day("2026-07-01"))
    stage.stay(end="2026-08-10")


@case("2024-09-02")
def weekly(stage: Stage) -> None:
    """Billed by the week: 12.00 a week is 52.00 a month."""
    stage.sell(1200, interval=WEEK, plan="Basic", seats=3)
    stage.stay()


@case("2024-06-15")
def two_years(stage: Stage) -> None:
    """A term of two years, renewed in June 2026 at another price."""
    item = stage.sell(50000, interval=TWO_YEARS, quantity=5, seats=5)
    item.change(day("2026-06-15"), unit_amount=54100)
    stage.stay()


@case("2024-05-31")
def half_year(stage: Stage) -> None:
    """interval_unit month with interval_count 6, an amount that doesn't divide."""
    stage.sell(10001, interval=HALF_YEAR, quantity=7, seats=7)
    stage.stay()


@case("2024-09-15")
def free_months_first(stage: Stage) -> None:
    """A discount of 100 % until 15 December 2024: no payer before that day, new in December."""
    stage.sell(9900, discount=19800, discount_ends_on=day("2024-12-15"), quantity=2, seats=2)
    stage.stay(paid_from="2024-12-15")


@case("2024-10-01")
def free_for_ever(stage: Stage) -> None:
    """A discount of 100 % without an end: in service, never a payer."""
    stage.sell(4900, discount=4900, plan="Basic", seats=3)
    stage.stay(paid_from=None)


@case("2024-07-08")
def pays_in_yen(stage: Stage) -> None:
    """A currency without minor units: 4,600 yen a seat are the amount 4600."""
    item = stage.sell(4600, quantity=4, seats=4)
    item.change(day("2025-11-20"), quantity=6, seats=6)
    stage.stay()


@case("2025-02-01")
def pays_in_yen_yearly(stage: Stage) -> None:
    """Yen by the year, an amount that twelve doesn't divide; lost after the first term."""
    stage.sell(99999, interval=YEAR, plan="Basic", seats=3).end(day("2026-02-01"), day("2026-01-10"))
    stage.stay(end="2026-02-01")


@case("2024-08-10")
def changes_currency(stage: Stage) -> None:
    """From 290.00 EUR to 320.00 USD on 10 August 2025, in the same item."""
    item = stage.sell(2900, quantity=10, seats=10)
    item.change(day("2025-08-10"), currency="USD", unit_amount=3200)
    stage.stay()


@case("2024-11-01")
def metered_only(stage: Stage) -> None:
    """Pays for what it uses: in service and invoiced, without any recurring revenue."""
    stage.sell(None, plan="Usage", metered=True, quantity=None)
    stage.stay(paid_from=None)


@case("2024-07-20")
def metered_beside_base(stage: Stage) -> None:
    """A metered item beside a base plan: only the plan counts."""
    item = stage.sell(2900, quantity=8, seats=8)
    stage.sell(
        None, "2025-01-20", subscription=item.subscription_id, plan="Usage", base=False, metered=True, quantity=None
    )
    stage.stay()


@case("2025-08-06")
def trial_by_flag(stage: Stage) -> None:
    """On trial by the flag alone, without any dates of the trial; pays from 20 August 2025."""
    item = stage.sell(2900, quantity=4, seats=4, is_trial=True)
    item.change(day("2025-08-20"), is_trial=False)
    stage.stay(paid_from="2025-08-20")


@case("2025-05-01")
def buys_soon_after_trial(stage: Stage) -> None:
    """The trial item ends unpaid; another subscription is bought 20 days later: still a conversion."""
    stage.sell(2900, trial_until="2025-05-15", quantity=3, seats=3).end(day("2025-05-15"), None)
    stage.stay(end="2025-05-15", paid_from=None)
    stage.sell(2900, "2025-06-04", quantity=3, seats=3)
    stage.stay("2025-06-04")


@case("2025-09-30")
def buys_long_after_trial(stage: Stage) -> None:
    """The trial item ends unpaid; bought 61 days later: new, but no conversion."""
    stage.sell(2900, trial_until="2025-10-14", quantity=3, seats=3).end(day("2025-10-14"), None)
    stage.stay(end="2025-10-14", paid_from=None)
    stage.sell(2900, "2025-12-14", quantity=3, seats=3)
    stage.stay("2025-12-14")


@case("2024-06-03")
def trial_of_an_add_on(stage: Stage) -> None:
    """A paying account tries an add-on for 30 days and keeps it: no trial conversion, but expansion (cross-sell)."""
    item = stage.sell(5500, quantity=9, seats=9)
    stage.sell(
        3900, "2026-02-10", subscription=item.subscription_id, plan="analytics", base=False, trial_until="2026-03-12"
    )
    stage.stay()


@case("2026-10-12")
def trial_running(stage: Stage) -> None:
    """A trial of 30 days that is not over on the last day of the data."""
    stage.sell(2900, trial_until="2026-11-11", quantity=3, seats=3)
    stage.stay(paid_from=None)


@case("2024-05-02")
def internal_demo(stage: Stage) -> None:
    """The company's own demonstration account: out of everything."""
    stage.account.name, stage.account.is_internal = "Tidewater Demo", True
    stage.sell(5500, quantity=12, seats=12)
    stage.stay()


@case("2025-03-10")
def internal_training(stage: Stage) -> None:
    """The company's own training account, ended: no churn."""
    stage.account.name, stage.account.is_internal = "Tidewater Training", True
    stage.sell(66000, interval=YEAR, quantity=3, seats=3).end(day("2026-03-10"), None)
    stage.stay(end="2026-03-10")


@case("2024-10-18")
def unknown_to_crm(stage: Stage) -> None:
    """A billing customer, cus_9, that the CRM has never heard of: it counts as an account of its own."""
    account = stage.account
    account.in_crm, account.account_id, account.billing_id = False, "billing:cus_9", "cus_9"
    item = stage.sell(2900, quantity=3, seats=3)
    item.change(day("2025-04-18"), quantity=5, seats=5)
    stage.stay()
