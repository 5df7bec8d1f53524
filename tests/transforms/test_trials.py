"""Trials, and what became of the accounts that tried."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctTrial, FxRates, SubscriptionItems
from schemas.config import Minimums
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from tests.frames import day, declared_days, margins, months, rows, turns_of
from transforms.declaration import History, Months
from transforms.exported import Exported
from transforms.facts.service import NegativeMrrWarning
from transforms.facts.trials import fct_trial
from transforms.metrics import terms
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up

FAR = "2099-12-31"
YEAR, FEBRUARY = months("2024-01", "2024-12"), months("2024-02", "2024-02")
DATES = ("trial_started_on", "trial_ends_on", "valid_from", "paused_from", "paused_until")


def item(started: str, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """An item of 10.00 a month."""
    dates = {name: day(given[name]) for name in DATES if given.get(name)}
    return {
        "subscription_id": "s",
        "item_id": "i",
        "account_id": "a",
        "unit_amount": 1_000,
        "currency": "EUR",
        "interval_unit": "month",
        "started_on": day(started),
        "ended_on": day(ended) if ended else None,
        "valid_from": day(started),
        **given,
        **dates,
    }


def tried(started: str, until: str, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """The same, on trial from its start until a day; by default it ends with the trial."""
    return item(started, ended or until, trial_started_on=started, trial_ends_on=until, **given)


def paid(started: str, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """Another subscription of the account, paid from its first day."""
    return item(started, ended, **{"subscription_id": "paid", **given})


def facts(*items: dict[str, Any], as_of: str = FAR, calendar: pl.DataFrame = YEAR) -> pl.DataFrame:
    given = rows(SubscriptionItems, *items)
    turns = turns_of(given, rows(FxRates), day(as_of))
    return FctTrial.validate(fct_trial(given, turns, calendar, day(as_of)))


def only(*items: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The one trial of some items."""
    return facts(*items, **given).row(0, named=True) if facts(*items, **given).height == 1 else {}


def counted(*items: dict[str, Any], as_of: str = FAR) -> list[tuple[str, str, float, float]]:
    given = rows(SubscriptionItems, *items)
    found = terms.trial_conversion_rate(given, turns_of(given, rows(FxRates), day(as_of)), day(as_of))
    parts = Parts.validate(found).select("month", "account_id", "numerator", "denominator").rows()
    return sorted((f"{month:%Y-%m}", account, n, d) for month, account, n, d in parts)


class TestTheFact:
    def test_a_trial_lies_in_the_month_of_its_start(self):
        found = only(tried("2024-01-20", "2024-02-03", plan="Pro"))
        assert {name: found[name] for name in ("month", "account_id", "plan", "trial_started_on")} == {
            "month": day("2024-01-01"),
            "account_id": "a",
            "plan": "Pro",
            "trial_started_on": day("2024-01-20"),
        }

    @pytest.mark.parametrize(
        ("given", "first_day_out"),
        [
            (tried("2024-01-20", "2024-02-03", "2024-06-01"), "2024-02-03"),
            (tried("2024-01-20", "2024-02-03", "2024-02-03"), "2024-02-03"),
            (tried("2024-01-20", "2024-02-03", "2024-01-25"), "2024-01-25"),
            (item("2024-01-20", "2024-02-10", is_trial=True), "2024-02-10"),
            (item("2024-01-20", is_trial=True), None),
        ],
    )
    def test_it_ends_on_its_planned_end_or_with_the_service_if_that_is_earlier(self, given, first_day_out):
        assert only(given)["trial_ended_on"] == (day(first_day_out) if first_day_out else None)

    def test_a_flag_without_dates_ends_with_the_version_that_has_none(self):
        after = item("2024-01-20", valid_from="2024-02-07", is_trial=False)
        found = only(item("2024-01-20", is_trial=True), after)
        assert (found["trial_started_on"], found["trial_ended_on"]) == (day("2024-01-20"), day("2024-02-07"))
        assert found["first_paid_after"] == day("2024-02-07")
        assert found["trial_ends_on"] is None

    def test_dates_speak_louder_than_the_flag(self):
        assert only(tried("2024-01-20", "2024-02-03", is_trial=False))["trial_ended_on"] == day("2024-02-03")
        assert facts(item("2024-01-20", is_trial=False)).is_empty()

    def test_a_trial_may_begin_after_the_service(self):
        found = only(item("2024-01-01", trial_started_on="2024-03-05", trial_ends_on="2024-03-19"))
        assert (found["trial_started_on"], found["was_paying_before"]) == (day("2024-03-05"), True)

    def test_an_extended_trial_is_one(self):
        extended = tried("2024-01-20", "2024-02-20", valid_from="2024-02-01")
        shortened = tried("2024-01-20", "2024-02-01", "2024-05-01", valid_from="2024-02-01")
        first = tried("2024-01-20", "2024-02-03", "2024-02-20")
        assert only(first, extended)["trial_ended_on"] == day("2024-02-20")
        assert only({**first, "ended_on": day("2024-05-01")}, shortened)["trial_ended_on"] == day("2024-02-01")

    def test_two_trials_of_an_item_are_two(self):
        again = item("2024-01-01", valid_from="2024-05-01", trial_started_on="2024-05-10", trial_ends_on="2024-05-24")
        found = facts(item("2024-01-01", trial_ends_on="2024-01-15"), again)
        assert found["trial_started_on"].to_list() == [day("2024-01-01"), day("2024-05-10")]

    def test_a_trial_of_no_day_is_none(self):
        assert facts(tried("2024-01-20", "2024-02-03", "2024-01-20")).is_empty()
        assert facts(tried("2024-01-20", "2024-01-20", "2024-05-01")).is_empty()

    @pytest.mark.parametrize(("ended", "before"), [("2024-01-20", True), ("2024-01-19", False)])
    def test_paying_before_is_paying_on_the_day_before(self, ended, before):
        found = only(tried("2024-01-20", "2024-02-03"), paid("2023-06-01", ended))
        assert found["was_paying_before"] is before

    def test_paying_on_the_first_day_is_not_paying_before(self):
        found = only(tried("2024-01-20", "2024-02-03"), paid("2024-01-20"))
        assert (found["was_paying_before"], found["first_paid_after"]) == (False, day("2024-01-20"))

    @pytest.mark.parametrize(
        ("other", "first"),
        [
            (paid("2023-06-01"), "2024-01-20"),
            (paid("2023-06-01", "2024-01-20"), None),
            (paid("2024-01-25"), "2024-01-25"),
            (paid("2024-03-04"), "2024-03-04"),
            (paid("2024-02-05", account_id="b"), None),
            (paid("2024-02-05", unit_amount=0), None),
            (paid("2024-02-01", paused_from="2024-02-01", paused_until="2024-02-10"), "2024-02-10"),
        ],
    )
    def test_the_first_paying_day_is_the_accounts_own_since_the_start(self, other, first):
        found = facts(tried("2024-01-20", "2024-02-03"), other)
        assert found["first_paid_after"].to_list() == [day(first) if first else None]

    @pytest.mark.parametrize(
        ("bought", "converted", "decided"),
        [
            ("2024-01-25", True, "2024-02-03"),
            ("2024-03-04", True, "2024-03-04"),  # 30 days after the end
            ("2024-03-05", False, "2024-03-04"),
        ],
    )
    def test_a_conversion_is_at_most_30_days_after_the_end(self, bought, converted, decided):
        found = only(tried("2024-01-20", "2024-02-03"), paid(bought))
        assert (found["is_converted"], found["decided_on"]) == (converted, day(decided))

    def test_a_trial_that_is_not_over_is_neither_converted_nor_not(self):
        found = only(tried("2024-01-20", "2024-02-03"), paid("2024-01-25"), as_of="2024-02-02")
        assert (found["trial_ended_on"], found["is_converted"], found["decided_on"]) == (None, None, None)
        assert (found["trial_ends_on"], found["first_paid_after"]) == (None, day("2024-01-25"))

    def test_nothing_after_as_of_is_seen(self):
        items = (tried("2024-01-20", "2024-02-03"), paid("2024-02-20"))
        assert only(*items, as_of="2024-02-19")["first_paid_after"] is None
        assert only(*items, as_of="2024-02-20")["first_paid_after"] == day("2024-02-20")
        assert facts(*items, as_of="2024-01-19").is_empty()

    def test_a_trial_is_followed_for_three_months_after_that_of_its_start(self):
        sixty = only(tried("2024-01-31", "2024-03-31"), paid("2024-04-30"))
        assert (sixty["is_converted"], sixty["decided_on"]) == (True, day("2024-04-30"))
        unknown = only(tried("2024-01-31", "2024-04-01"), paid("2024-05-01"))
        assert (unknown["trial_ended_on"], unknown["first_paid_after"]) == (day("2024-04-01"), None)
        assert (unknown["is_converted"], unknown["decided_on"]) == (None, None)
        long = only(tried("2024-01-31", "2024-05-01"))
        assert (long["trial_ended_on"], long["trial_ends_on"]) == (None, None)

    def test_a_month_does_not_know_what_comes_later(self):
        known = (tried("2024-01-20", "2024-02-03", "2024-12-31"), paid("2023-01-01", "2023-05-01"))
        later = (*known, tried("2024-01-20", "2024-02-03", "2024-12-31", valid_from="2024-05-01", plan="Max"))
        more = paid("2023-01-01", "2023-05-01"), paid("2024-05-01", subscription_id="new")
        january = months("2024-01", "2024-01")
        then = facts(*known, as_of="2024-04-30", calendar=january)
        assert facts(*later, *more[1:], as_of="2024-12-31", calendar=january).equals(then)

    def test_belongs_to_the_account_and_plan_with_which_it_began(self):
        moved = item("2024-01-20", valid_from="2024-06-01", is_trial=True, account_id="b", plan="Max")
        found = only(item("2024-01-20", is_trial=True, plan="Pro"), moved)
        assert (found["account_id"], found["plan"]) == ("a", "Pro")

    def test_is_the_same_for_shuffled_rows_and_alone(self):
        items = [tried("2024-01-20", "2024-02-03", subscription_id=str(n), account_id=f"{n % 3}") for n in range(9)]
        assert facts(*items).equals(facts(*items[::-1]))
        assert facts(*items, calendar=months("2024-02", "2024-03")).is_empty()

    def test_survives_empty_inputs(self):
        assert facts().schema == FctTrial.blank().schema
        assert facts(paid("2024-01-01")).is_empty()


class TestConversion:
    def test_counts_in_the_month_of_the_first_day_out(self):
        assert counted(tried("2024-01-20", "2024-02-01")) == [("2024-02", "a", 0, 1)]
        assert counted(tried("2024-01-20", "2024-02-10", "2024-01-31")) == [("2024-01", "a", 0, 1)]

    @pytest.mark.parametrize(("bought", "converted"), [("2024-03-02", 1), ("2024-03-03", 0)])
    def test_the_account_converts_if_it_pays_at_most_30_days_after(self, bought, converted):
        assert counted(tried("2024-01-20", "2024-02-01"), paid(bought)) == [("2024-02", "a", converted, 1)]

    def test_the_item_itself_going_on_is_a_conversion(self):
        assert counted(tried("2024-01-20", "2024-02-01", "2024-12-31")) == [("2024-02", "a", 1, 1)]

    def test_a_purchase_during_the_trial_is_a_conversion_even_if_it_is_over_by_then(self):
        assert counted(tried("2024-01-20", "2024-02-01"), paid("2024-01-22", "2024-01-25")) == [("2024-02", "a", 1, 1)]

    @pytest.mark.parametrize(("as_of", "parts"), [("2024-03-01", []), ("2024-03-02", [("2024-02", "a", 0, 1)])])
    def test_not_converted_is_in_neither_until_the_30_days_are_over(self, as_of, parts):
        assert counted(tried("2024-01-20", "2024-02-01"), as_of=as_of) == parts

    def test_converted_is_known_on_the_day(self):
        items = (tried("2024-01-20", "2024-02-01"), paid("2024-02-10"))
        assert counted(*items, as_of="2024-02-09") == []
        assert counted(*items, as_of="2024-02-10") == [("2024-02", "a", 1, 1)]

    def test_a_trial_that_is_not_over_is_in_neither_even_if_the_account_pays(self):
        assert counted(tried("2024-01-20", "2024-02-01"), paid("2024-01-22"), as_of="2024-01-31") == []

    @pytest.mark.parametrize(("ended", "parts"), [("2024-01-20", []), ("2024-01-19", [("2024-02", "a", 0, 1)])])
    def test_an_account_that_paid_the_day_before_is_out(self, ended, parts):
        assert counted(tried("2024-01-20", "2024-02-01"), paid("2023-06-01", ended)) == parts

    def test_of_several_trials_the_last_of_the_month_counts(self):
        first = tried("2024-02-01", "2024-02-05", subscription_id="first")
        second = tried("2024-02-08", "2024-02-20", subscription_id="second")
        assert counted(second, first) == [("2024-02", "a", 0, 1)]
        # Paid between the two: the first converts, but the second began while the account paid.
        assert counted(first, second, paid("2024-02-06")) == []
        # Paid 32 days after the first and 17 days after the second.
        assert counted(first, second, paid("2024-03-08")) == [("2024-02", "a", 1, 1)]

    def test_trials_of_two_months_count_in_both(self):
        first, second = tried("2024-01-01", "2024-01-31"), tried("2024-02-08", "2024-02-20", subscription_id="second")
        assert counted(first, second) == [("2024-01", "a", 0, 1), ("2024-02", "a", 0, 1)]

    def test_a_long_trial_counts_when_it_is_over(self):
        assert counted(tried("2023-01-01", "2024-02-01", "2024-12-31")) == [("2024-02", "a", 1, 1)]

    def test_is_the_same_for_shuffled_rows(self):
        items = [tried("2024-01-20", "2024-02-03", subscription_id=str(n), account_id=f"{n % 3}") for n in range(9)]
        assert counted(*items) == counted(*items[::-1])

    def test_survives_empty_inputs(self):
        assert counted() == []


class TestTheMetric:
    def value(self, exported: Exported, as_of: str = FAR) -> dict[str, Any]:
        metric = REGISTRY["trial_conversion_rate"]
        items = (tried("2024-01-20", "2024-02-01"), tried("2024-01-20", "2024-02-29", "2024-12-31", account_id="b"))
        where = Surroundings(
            dim_month=FEBRUARY,
            gross_margin=margins(FEBRUARY),
            accounts=AccountSegments(DimAccountMonth.blank(), ()),
            exported=exported,
            minimums=Minimums(),
            as_of=day(as_of),
            provisional_days=declared_days(metric.name),
            reasons={metric.name: metric.unknown_when(exported=exported)},
        )
        given = rows(SubscriptionItems, items[0], {**items[1], "subscription_id": "t"})
        parts = terms.trial_conversion_rate(given, turns_of(given, rows(FxRates), day(as_of)), day(as_of))
        return MetricMonth.validate(roll_up(metric, parts, where)).row(0, named=True)

    @pytest.mark.parametrize(
        ("columns", "reason"),
        [
            (None, "source_missing"),
            ({"started_on"}, "not_exported"),
            ({"trial_ends_on"}, None),
            ({"is_trial"}, None),
        ],
    )
    def test_needs_the_end_of_trials_or_their_flag(self, columns, reason):
        found = self.value(Exported({} if columns is None else {"subscription_items": frozenset(columns)}))
        assert (found["value"], found["null_reason"]) == (None if reason else 0.5, reason)

    def test_stays_provisional_until_the_thirtieth_day_after_the_month(self):
        known = Exported({"subscription_items": frozenset({"trial_ends_on"})})
        assert self.value(known, "2024-03-29")["is_provisional"] is True
        assert self.value(known, "2024-03-30")["is_provisional"] is False

    def test_reads_as_far_ahead_as_the_30_days_reach(self):
        reads = REGISTRY["trial_conversion_rate"].reads
        last = day("2023-01-31").toordinal() + 30
        assert last <= day("2023-03-31").toordinal()
        assert reads == {"subscription_items": History(ahead=2), "paying_turns": Months(ahead=2)}


class TestPayingTurns:
    def turns(self, *items: dict[str, Any], rates: tuple[dict[str, Any], ...] = ()) -> list[Any]:
        found = turns_of(rows(SubscriptionItems, *items), rows(FxRates, *rates), day("2024-12-31"))
        return [(f"{on:%m-%d}", pays) for on, pays in found.select("day", "pays").rows()]

    def test_are_the_days_on_which_an_account_begins_and_ceases_to_pay(self):
        one = paid("2024-02-01", "2024-05-01")
        other = paid("2024-03-01", "2024-06-01", subscription_id="other")
        back = paid("2024-08-01", subscription_id="back")
        assert self.turns(one, other, back) == [("02-01", True), ("06-01", False), ("08-01", True)]

    def test_one_item_after_the_other_is_no_turn(self):
        assert self.turns(paid("2024-02-01", "2024-05-01"), paid("2024-05-01", subscription_id="next")) == [
            ("02-01", True)
        ]

    def test_less_than_half_a_cent_is_not_paid(self):
        tiny = paid("2024-02-01", unit_amount=1, currency="JPY")
        assert (
            self.turns(tiny, rates=({"month": day("2024-02-01"), "currency": "JPY", "rate": Decimal("0.004")},)) == []
        )
        assert self.turns(tiny, rates=({"month": day("2024-02-01"), "currency": "JPY", "rate": Decimal("0.005")},))

    def test_what_the_rate_alone_lifts_over_half_a_cent_is_paid_from_the_start_of_that_month(self):
        # One yen is 0.4 cents in February and April, and 0.6 in March.
        tiny, by_month = paid("2024-02-01", unit_amount=1, currency="JPY"), {2: "0.004", 3: "0.006", 4: "0.004"}
        rates = tuple(
            {"month": day(f"2024-0{number}-01"), "currency": "JPY", "rate": Decimal(rate)}
            for number, rate in by_month.items()
        )
        assert self.turns(tiny, rates=rates) == [("03-01", True), ("04-01", False)]

    def test_an_amount_without_any_known_rate_is_paid(self):
        assert self.turns(paid("2024-02-01", currency="USD")) == [("02-01", True)]

    def test_before_the_first_rate_of_its_currency_whatever_is_above_zero_is_paid(self):
        tiny = paid("2024-02-01", "2024-03-01", unit_amount=1, currency="JPY")
        later = ({"month": day("2024-03-01"), "currency": "JPY", "rate": Decimal("0.004")},)
        assert self.turns(tiny, rates=later) == [("02-01", True), ("03-01", False)]

    def test_a_line_below_zero_takes_nothing_from_what_is_paid(self):
        credit = paid("2024-03-01", "2024-04-01", unit_amount=-1_000, subscription_id="credit")
        with pytest.warns(NegativeMrrWarning):
            assert self.turns(paid("2024-02-01"), credit) == [("02-01", True)]


def test_trials_of_two_sources_with_one_subscription_id_are_two_trials():
    east = tried("2024-02-01", "2024-02-15", export_source="east", account_id="a")
    west = item("2024-02-01", export_source="west", account_id="b", trial_started_on="2024-02-01")
    found = facts(east, {**west, "trial_ends_on": day("2024-02-10")})
    assert found.select("source", "account_id", "is_converted").rows() == [("east", "a", False), ("west", "b", True)]
