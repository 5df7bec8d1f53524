"""Terms that came up for renewal: as exported, and as read from subscription items."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from schemas.billing import FctRenewal, FxRates, Renewals, SubscriptionItems
from schemas.config import Minimums
from schemas.customers import DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from tests.frames import day, declared_days, margins, months, rows
from transforms.exported import Exported
from transforms.facts.rates import MissingRateError
from transforms.facts.renewals import fct_renewal
from transforms.facts.service import FOREVER, service_periods
from transforms.facts.terms_of_items import billing_runs
from transforms.metrics import terms as metrics
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up, with_items_of
from transforms.visible import seen_on

FAR = "2099-12-31"
ITEMS = {"subscription_items": frozenset({"subscription_id"})}
ALL_OF_IT = Exported({"renewals": frozenset({"renewed_on", "mrr_amount", "currency"}), **ITEMS})
WITHOUT_DAYS = Exported({"renewals": frozenset({"mrr_amount", "currency"}), **ITEMS})
FROM_ITEMS = Exported(ITEMS)
YEARS = months("2022-01", "2026-12")


def term(number: str, ended: str, outcome: str = "renewed", renewed: str | None = None, **given: Any) -> dict[str, Any]:
    """A term of a year, 1,000 cents, that was due on a day."""
    started = given.pop("started", None)
    return {
        "renewal_id": number,
        "account_id": "a",
        "term_started_on": day(started) if started else day(ended).replace(year=day(ended).year - 1),
        "term_ended_on": day(ended),
        "outcome": outcome,
        "renewed_on": day(renewed) if renewed else None,
        "mrr_amount": 1_000,
        "currency": "EUR",
        **given,
    }


def item(started: str, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """An item of 120.00 a year, version by version the same but for what is given."""
    dates = {name: day(value) for name, value in given.items() if name.endswith(("_on", "_from", "_until")) and value}
    return {
        "subscription_id": "s",
        "item_id": "i",
        "account_id": "a",
        "unit_amount": 12_000,
        "currency": "EUR",
        "interval_unit": "year",
        "started_on": day(started),
        "ended_on": day(ended) if ended else None,
        "valid_from": day(started),
        **given,
        **dates,
    }


def rate(month: str, value: str, currency: str = "USD") -> dict[str, Any]:
    return {"month": day(f"{month}-01"), "currency": currency, "rate": Decimal(value)}


def facts(
    *terms: dict[str, Any],
    items: tuple[dict[str, Any], ...] = (),
    rates: tuple[dict[str, Any], ...] = (),
    exported: Exported = ALL_OF_IT,
    as_of: str = FAR,
    calendar: pl.DataFrame = YEARS,
) -> pl.DataFrame:
    given = rows(SubscriptionItems, *items)
    found = fct_renewal(
        rows(Renewals, *terms),
        given,
        service_periods(given, day(as_of)),
        rows(FxRates, *rates),
        calendar,
        day(as_of),
        "EUR",
        exported,
    )
    return FctRenewal.validate(found)


def derived(*items: dict[str, Any], as_of: str = "2026-12-31", **given: Any) -> list[Any]:
    """(due day, renewed?, MRR, MRR after) of the terms of some items."""
    found = facts(items=items, exported=FROM_ITEMS, as_of=as_of, **given)
    return found.sort("term_ended_on").select("term_ended_on", "is_renewed", "mrr_cents", "renewed_mrr_cents").rows()


def due_days(*items: dict[str, Any], as_of: str = "2024-12-31") -> list[str]:
    return [str(row[0]) for row in derived(*items, as_of=as_of)]


def counted(found: pl.DataFrame, as_of: str = FAR) -> list[tuple[str, float, float]]:
    parts = Parts.validate(metrics.renewal_rate(found, day(as_of)))
    return [(f"{month:%Y-%m}", n, d) for month, n, d in parts.select("month", "numerator", "denominator").rows()]


def value(name: str, parts: pl.DataFrame, month: str = "2024-03", as_of: str = FAR, **given: Any) -> dict[str, Any]:
    exported = given.get("exported", ALL_OF_IT)
    dim_month = months(month, month)
    where = Surroundings(
        dim_month=dim_month,
        gross_margin=margins(dim_month),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=exported,
        minimums=Minimums(),
        as_of=day(as_of),
        provisional_days=declared_days(name),
        reasons={name: REGISTRY[name].unknown_when(exported=exported)},
    )
    return MetricMonth.validate(roll_up(REGISTRY[name], parts, where)).row(0, named=True)


class TestRenewed:
    def test_a_term_counts_in_the_month_of_its_due_day(self):
        found = facts(term("1", "2024-03-01", renewed="2024-03-01"), term("2", "2024-03-31", "lost"))
        assert counted(found) == [("2024-03", 1, 2)]

    def test_renewed_early_counts_in_the_due_month(self):
        assert counted(facts(term("1", "2024-03-01", renewed="2023-12-20"))) == [("2024-03", 1, 1)]

    @pytest.mark.parametrize(("renewed", "is_renewed"), [("2024-04-13", True), ("2024-04-14", False)])
    def test_the_thirtieth_day_after_is_too_late(self, renewed, is_renewed):
        found = facts(term("1", "2024-03-15", renewed=renewed))
        assert found["is_renewed"].to_list() == [is_renewed]
        assert counted(found) == [("2024-03", int(is_renewed), 1)]

    def test_cancelled_in_mid_term_is_not_renewed_in_the_due_month(self):
        assert counted(facts(term("1", "2024-03-15", "lost"))) == [("2024-03", 0, 1)]

    @pytest.mark.parametrize(("as_of", "parts"), [("2024-04-13", []), ("2024-04-14", [("2024-03", 0, 1)])])
    def test_still_open_is_in_neither_until_the_thirtieth_day(self, as_of, parts):
        assert counted(facts(term("1", "2024-03-15", "open")), as_of) == parts

    @pytest.mark.parametrize(("as_of", "parts"), [("2024-04-13", []), ("2024-04-14", [("2024-03", 0, 1)])])
    def test_renewed_too_late_is_as_if_still_open(self, as_of, parts):
        assert counted(facts(term("1", "2024-03-15", renewed="2024-06-01")), as_of) == parts

    def test_what_is_lost_is_final_on_the_due_day_and_what_is_renewed_late_when_it_is(self):
        found = facts(term("1", "2024-03-15", "lost"), term("2", "2024-03-15", renewed="2024-03-20"))
        assert counted(found, "2024-03-14") == []
        assert counted(found, "2024-03-15") == [("2024-03", 0, 1)]
        assert counted(found, "2024-03-20") == [("2024-03", 1, 2)]

    def test_a_term_that_is_not_due_yet_is_in_neither_whatever_became_of_it(self):
        found = facts(term("1", "2024-03-30", renewed="2024-03-01"), term("2", "2024-03-30", "lost"))
        assert counted(found, "2024-03-29") == []
        assert counted(found, "2024-03-30") == [("2024-03", 1, 2)]

    def test_a_renewal_that_is_told_without_a_day_counts_on_the_due_day(self):
        found = facts(term("1", "2024-03-15"), term("2", "2024-03-15", renewed="2024-02-20"))
        assert counted(found, "2024-03-14") == []
        assert counted(found, "2024-03-15") == [("2024-03", 2, 2)]
        assert found["renewed_mrr_cents"].to_list() == [1_000, 1_000]

    @pytest.mark.parametrize(("as_of", "parts"), [("2024-04-13", []), ("2024-04-14", [("2024-03", 0, 1)])])
    def test_a_renewal_of_a_day_that_has_not_come_is_still_open(self, as_of, parts):
        """An empty day is no later day: what as_of does not know is not as if the export had told none."""
        later = rows(Renewals, term("1", "2024-03-15", renewed="2024-04-20", renewed_mrr_amount=900))
        seen = seen_on(later, Renewals, day(as_of), "UTC").row(0, named=True)
        assert (seen["outcome"], seen["renewed_on"], seen["renewed_mrr_amount"]) == ("open", None, None)
        assert counted(facts(seen), as_of) == parts

    def test_without_days_of_renewal_the_outcome_alone_speaks(self):
        found = facts(term("1", "2024-03-15"), term("2", "2024-03-15", "open"), exported=WITHOUT_DAYS)
        assert counted(found, "2024-03-15") == [("2024-03", 1, 1)]

    @pytest.mark.parametrize(
        ("started", "ended", "counts"),
        [
            ("2024-02-15", "2024-03-15", False),  # a month to the day
            ("2024-02-15", "2024-03-16", True),
            ("2024-03-01", "2024-03-02", False),
            ("2024-01-31", "2024-02-29", False),  # from last day to last day
            ("2024-01-31", "2024-03-01", True),
            ("2023-02-28", "2023-03-31", False),
            ("2023-02-28", "2023-04-01", True),
        ],
    )
    def test_only_terms_longer_than_a_month_count(self, started, ended, counts):
        found = facts(term("1", ended, "lost", started=started))
        assert found["counts"].to_list() == [counts]
        assert counted(found) == ([(ended[:7], 0, 1)] if counts else [])


class TestTheFact:
    def test_keeps_the_exported_columns_and_says_what_it_is_made_from(self):
        found = facts(term("1", "2024-03-15", renewed="2024-03-20", subscription_id="s"))
        names = ("renewal_id", "subscription_id", "outcome", "renewed_on", "mrr_amount", "currency", "month", "basis")
        assert found.select(names).rows() == [
            ("1", "s", "renewed", day("2024-03-20"), 1_000, "EUR", day("2024-03-01"), "renewals")
        ]

    def test_has_the_months_asked_for_alone(self):
        terms = (term("1", "2024-02-28", "lost"), term("2", "2024-03-01", "lost"), term("3", "2024-04-01", "lost"))
        assert facts(*terms, calendar=months("2024-03", "2024-03"))["renewal_id"].to_list() == ["2"]

    def test_is_the_same_for_shuffled_rows(self):
        terms = [term(str(n), f"2024-03-{n:02}", "lost") for n in range(1, 9)]
        assert facts(*terms).equals(facts(*terms[::-1]))
        items = [item("2022-03-01", subscription_id=str(n)) for n in range(9)]
        assert facts(items=tuple(items), exported=FROM_ITEMS).equals(
            facts(items=tuple(items[::-1]), exported=FROM_ITEMS)
        )

    def test_survives_empty_inputs(self):
        for exported in (ALL_OF_IT, FROM_ITEMS, Exported({})):
            assert facts(exported=exported).schema == FctRenewal.blank().schema
        assert facts(term("1", "2024-03-15"), calendar=YEARS.clear()).is_empty()


class TestMoney:
    def of(self, *terms: dict[str, Any], **given: Any) -> list[Any]:
        found = facts(*terms, **given)
        parts = Parts.validate(metrics.renewal_rate_mrr(found, day(FAR))).sort("month", "account_id")
        return parts.select("numerator", "denominator").rows()

    def test_renewed_for_more_counts_as_the_old_amount(self):
        assert self.of(term("1", "2024-03-15", renewed="2024-03-15", renewed_mrr_amount=1_500)) == [(1_000, 1_000)]

    def test_renewed_for_less_counts_as_the_new_amount(self):
        assert self.of(term("1", "2024-03-15", renewed="2024-03-15", renewed_mrr_amount=400)) == [(400, 1_000)]

    def test_renewed_for_nothing_is_a_renewal_without_money(self):
        assert self.of(term("1", "2024-03-15", renewed="2024-03-15", renewed_mrr_amount=0)) == [(0, 1_000)]

    def test_without_a_new_amount_the_old_one_is_renewed(self):
        assert self.of(term("1", "2024-03-15", renewed="2024-03-15")) == [(1_000, 1_000)]

    @pytest.mark.parametrize(("outcome", "renewed"), [("lost", None), ("open", None), ("renewed", "2024-05-01")])
    def test_what_is_not_renewed_keeps_nothing_even_if_an_amount_is_given(self, outcome, renewed):
        assert self.of(term("1", "2024-03-15", outcome, renewed, renewed_mrr_amount=900)) == [(0, 1_000)]

    def test_a_term_without_amount_or_currency_is_in_neither(self):
        unknown = (term("1", "2024-03-15", "lost", mrr_amount=None), term("2", "2024-03-15", "lost", currency=None))
        assert self.of(*unknown, term("3", "2024-03-15", "lost")) == [(0, 1_000)]
        assert counted(facts(*unknown)) == [("2024-03", 0, 2)]

    def test_a_term_of_a_month_is_in_neither(self):
        assert self.of(term("1", "2024-03-15", "lost", started="2024-02-15")) == []

    def test_amounts_take_the_rate_of_the_due_month_and_round_half_away_from_zero(self):
        rates = (rate("2024-03", "0.5"), rate("2024-04", "0.9"))
        early = term("1", "2024-03-31", renewed="2024-02-01", mrr_amount=1_001, currency="USD")
        late = term("2", "2024-04-01", renewed="2024-03-31", mrr_amount=1_001, currency="USD")
        assert self.of(early, late, rates=rates) == [(501, 501), (901, 901)]

    def test_a_yen_has_no_minor_unit(self):
        assert self.of(
            term("1", "2024-03-31", "lost", mrr_amount=1_000, currency="JPY"), rates=(rate("2024-03", "0.006", "JPY"),)
        ) == [(0, 600)]

    def test_a_closed_month_without_the_rate_stops_the_run(self):
        with pytest.raises(MissingRateError, match="USD in 2024-03"):
            facts(term("1", "2024-03-31", "lost", currency="USD"), rates=(rate("2024-02", "0.9"),))

    def test_an_amount_of_zero_needs_no_rate(self):
        assert facts(term("1", "2024-03-31", "lost", currency="USD", mrr_amount=0))["mrr_cents"].to_list() == [0]

    def test_in_the_month_of_as_of_the_last_known_rate_speaks(self):
        calendar = months("2024-03", "2024-03", as_of="2024-03-20")
        found = facts(
            term("1", "2024-03-15", "lost", currency="USD"),
            rates=(rate("2024-02", "0.9"),),
            calendar=calendar,
            as_of="2024-03-20",
        )
        assert found["mrr_cents"].to_list() == [900]


class TestFromItems:
    def test_in_service_on_the_due_day_is_renewed(self):
        assert derived(item("2023-03-15"), as_of="2024-12-31") == [(day("2024-03-15"), True, 1_000, 1_000)]

    def test_an_end_on_the_due_day_is_not_renewed(self):
        assert derived(item("2023-03-15", "2024-03-15")) == [(day("2024-03-15"), False, 1_000, 0)]

    def test_an_end_the_day_after_is_renewed_and_then_lost(self):
        assert derived(item("2023-03-15", "2024-03-16")) == [
            (day("2024-03-15"), True, 1_000, 1_000),
            (day("2025-03-15"), False, 1_000, 0),
        ]

    def test_cancelled_in_mid_term_is_lost_in_the_due_month_and_not_before(self):
        ended = item("2023-03-15", "2023-08-01")
        assert derived(ended, as_of="2024-03-14") == []
        assert derived(ended, as_of="2024-03-15") == [(day("2024-03-15"), False, 1_000, 0)]

    def test_what_is_not_due_yet_is_no_row(self):
        assert derived(item("2023-03-15"), as_of="2024-03-14") == []

    def test_is_final_at_once(self):
        found = facts(items=(item("2023-03-15"),), exported=FROM_ITEMS, as_of="2024-03-15")
        assert counted(found, "2024-03-15") == [("2024-03", 1, 1)]
        names = ("basis", "outcome", "renewed_on", "renewal_id", "account_id", "term_started_on", "currency")
        assert found.select(names).rows() == [
            ("subscription_items", "renewed", day("2024-03-15"), "a/2024-03-15", "a", day("2023-03-15"), "EUR")
        ]

    @pytest.mark.parametrize(
        ("unit", "count", "first_due"),
        [
            ("month", None, None),
            ("month", 1, None),
            ("month", 2, "2024-03-01"),
            ("quarter", 1, "2024-04-01"),
            ("quarter", 2, "2024-07-01"),
            ("year", 1, None),  # after the last day of the data
            ("week", 4, None),
            ("week", 5, "2024-02-05"),
            ("day", 31, None),
            ("day", 32, "2024-02-02"),
        ],
    )
    def test_only_intervals_of_more_than_a_month_make_terms(self, unit, count, first_due):
        days = due_days(item("2024-01-01", interval_unit=unit, interval_count=count), as_of="2024-12-30")
        assert (days[0] if days else None) == first_due

    def test_steps_are_counted_from_the_start_and_keep_its_day(self):
        quarterly = item("2024-01-31", interval_unit="quarter")
        assert due_days(quarterly) == ["2024-04-30", "2024-07-31", "2024-10-31"]

    def test_the_first_term_begins_when_the_trial_is_over(self):
        tried = item("2024-01-01", interval_unit="quarter", trial_ends_on="2024-01-15")
        assert due_days(tried) == ["2024-04-15", "2024-07-15", "2024-10-15"]
        given_up = item("2024-01-01", "2024-04-15", interval_unit="quarter", trial_ends_on="2024-01-15")
        assert derived(given_up) == [(day("2024-04-15"), False, 4_000, 0)]

    def test_the_first_term_begins_when_the_flag_of_a_trial_is_gone(self):
        flagged = item("2024-01-01", interval_unit="quarter", is_trial=True)
        assert due_days(flagged) == []
        after = item("2024-01-01", interval_unit="quarter", is_trial=False, valid_from="2024-02-10")
        assert due_days(flagged, after) == ["2024-05-10", "2024-08-10", "2024-11-10"]

    @pytest.mark.parametrize(
        ("until", "is_renewed"), [("2024-03-15", True), ("2024-04-13", True), ("2024-04-14", False)]
    )
    def test_paused_on_the_due_day_is_renewed_if_it_is_paid_again_within_30_days(self, until, is_renewed):
        paused = item("2023-03-15", paused_from="2024-03-01", paused_until=until)
        kept = 1_000 if is_renewed else 0
        assert derived(paused, as_of="2024-12-31") == [(day("2024-03-15"), is_renewed, 1_000, kept)]

    def test_a_term_in_which_nothing_is_paid_is_none(self):
        free = item("2022-03-15", discount_amount=12_000, discount_ends_on="2024-03-15")
        assert derived(free, as_of="2025-03-15") == [(day("2025-03-15"), True, 1_000, 1_000)]
        assert derived(item("2022-03-15", is_metered=True)) == []

    def test_the_old_amount_is_that_of_the_last_paying_day_and_the_new_that_of_the_due_day(self):
        first = item("2023-03-15", quantity=1)
        more = item("2023-03-15", quantity=3, valid_from="2023-09-01")
        less = item("2023-03-15", quantity=2, valid_from="2024-03-15")
        assert derived(first, more, less, as_of="2024-12-31") == [(day("2024-03-15"), True, 3_000, 2_000)]

    def test_amounts_are_exact_until_they_are_converted(self):
        third = item("2023-03-15", unit_amount=10_000, currency="USD")  # 833⅓ cents a month
        rates = tuple(rate(f"{year}-{n:02}", "3") for year in (2023, 2024) for n in range(1, 13))
        assert derived(third, as_of="2024-12-31", rates=rates) == [(day("2024-03-15"), True, 2_500, 2_500)]
        found = facts(items=(third,), exported=FROM_ITEMS, as_of="2024-12-31", rates=rates)
        assert found.select("currency", "mrr_amount", "renewed_mrr_amount").rows() == [("EUR", 2_500, 2_500)]

    def test_an_item_that_moves_on_the_due_day_is_not_renewed_by_whom_it_leaves(self):
        theirs = item("2023-03-15", account_id="b", valid_from="2024-03-15")
        found = facts(items=(item("2023-03-15"), theirs), exported=FROM_ITEMS, as_of="2024-12-31")
        assert found.select("account_id", "is_renewed").rows() == [("a", False)]

    def test_a_change_of_the_interval_begins_a_term(self):
        monthly = item("2024-01-10", interval_unit="month")
        quarterly = item("2024-01-10", interval_unit="quarter", valid_from="2024-03-05")
        assert due_days(monthly, quarterly) == ["2024-06-05", "2024-09-05", "2024-12-05"]

    def test_items_that_are_billed_alike_one_after_the_other_are_runs_of_their_own(self):
        """What stands beside each other in the order of items is no run, neither of two items nor of two intervals."""
        first = item("2024-01-10", interval_unit="quarter")
        second = item("2024-02-20", item_id="j", interval_unit="quarter")
        third = item("2024-02-20", item_id="j", interval_unit="quarter", valid_from="2024-04-01", quantity=2)
        found = billing_runs(rows(SubscriptionItems, third, second, first))
        assert found.select("item_id", "run_from", "run_to", "months").rows() == [
            ("i", day("2024-01-10"), FOREVER, 3),
            ("j", day("2024-02-20"), FOREVER, 3),
        ]

    def test_a_term_left_for_another_interval_is_renewed_on_its_due_day(self):
        yearly, monthly = item("2023-03-15"), item("2023-03-15", interval_unit="month", valid_from="2023-10-01")
        assert [row[:2] for row in derived(yearly, monthly, as_of="2025-12-31")] == [(day("2024-03-15"), True)]

    def test_items_of_an_account_whose_term_ends_on_one_day_are_one_term(self):
        """Of 1,000 and 1,000 the second was cancelled in mid-term."""
        both = (item("2023-03-15"), item("2023-03-15", "2024-01-01", item_id="j"))
        assert derived(*both, as_of="2024-12-31") == [(day("2024-03-15"), True, 2_000, 1_000)]
        found = facts(items=both, exported=FROM_ITEMS, as_of="2024-12-31")
        assert counted(found) == [("2024-03", 1, 1)]

    def test_items_of_two_accounts_or_of_two_days_are_terms_of_their_own(self):
        other = item("2023-03-15", "2024-03-15", item_id="j", account_id="b")
        later = item("2023-03-16", "2024-03-16", item_id="k")
        found = facts(items=(item("2023-03-15"), other, later), exported=FROM_ITEMS, as_of="2024-12-31")
        assert found.select("renewal_id", "is_renewed").rows() == [
            ("a/2024-03-15", True),
            ("a/2024-03-16", False),
            ("b/2024-03-15", False),
        ]

    def test_items_of_two_currencies_are_one_term_at_the_rates_of_the_due_month(self):
        """1,000 EUR and 1,000 USD at 0.9; the dollars end."""
        dollars = item("2023-03-15", "2024-03-15", item_id="j", currency="USD")
        rates = tuple(rate(f"{year}-{n:02}", "0.9") for year in (2023, 2024) for n in range(1, 13))
        assert derived(item("2023-03-15"), dollars, as_of="2024-12-31", rates=rates) == [
            (day("2024-03-15"), True, 1_900, 1_000)
        ]

    old = item("2023-03-15", "2024-03-15")

    @pytest.mark.parametrize(
        ("began", "is_renewed"),
        [
            ("2024-02-13", False),  # 31 days before
            ("2024-02-14", True),
            ("2024-03-15", True),
            ("2024-04-13", True),
            ("2024-04-14", False),  # the 30th day after
        ],
    )
    @pytest.mark.parametrize("unit", ["year", "month"])
    def test_what_the_account_begins_near_the_due_day_renews_its_term(self, began, is_renewed, unit):
        """A change of plan, or a renewal, that the billing system writes as another subscription."""
        new = item(began, subscription_id="t", interval_unit=unit, unit_amount=24_000 if unit == "year" else 2_000)
        kept = 1_000 if is_renewed else 0
        assert derived(self.old, new, as_of="2024-12-31")[0] == (day("2024-03-15"), is_renewed, 1_000, kept)

    def test_a_cheaper_plan_renews_no_more_than_it_costs(self):
        new = item("2024-03-20", subscription_id="t", unit_amount=4_800)
        assert derived(self.old, new, as_of="2024-12-31") == [(day("2024-03-15"), True, 1_000, 400)]

    def test_what_another_account_begins_renews_nothing(self):
        new = item("2024-03-15", subscription_id="t", account_id="b")
        assert derived(self.old, new, as_of="2024-12-31") == [(day("2024-03-15"), False, 1_000, 0)]

    def test_what_the_account_had_all_along_renews_nothing(self):
        monthly = item("2023-06-01", subscription_id="t", interval_unit="month")
        assert derived(self.old, monthly, as_of="2024-12-31") == [(day("2024-03-15"), False, 1_000, 0)]

    def test_not_renewed_is_open_until_the_thirtieth_day(self):
        open_still = facts(items=(self.old,), exported=FROM_ITEMS, as_of="2024-04-13")
        assert open_still["outcome"].to_list() == ["open"]
        assert counted(open_still, "2024-04-13") == []
        lost = facts(items=(self.old,), exported=FROM_ITEMS, as_of="2024-04-14")
        assert lost["outcome"].to_list() == ["lost"]
        assert counted(lost, "2024-04-14") == [("2024-03", 0, 1)]

    def test_renewed_late_is_final_on_that_day(self):
        new = item("2024-04-02", subscription_id="t")
        found = facts(items=(self.old, new), exported=FROM_ITEMS, as_of="2024-04-02")
        assert found.select("outcome", "renewed_on", "decided_on").rows() == [
            ("renewed", day("2024-04-02"), day("2024-04-02"))
        ]

    def test_a_month_does_not_know_what_comes_after_it(self):
        known = (item("2022-03-15"), item("2022-03-15", subscription_id="t", interval_unit="quarter"))
        later = (
            item("2022-03-15", "2024-04-01"),
            item("2022-03-15", subscription_id="t", interval_unit="quarter"),
            item("2022-03-15", subscription_id="t", interval_unit="year", valid_from="2024-04-02"),
        )
        march = months("2024-03", "2024-03")
        then = facts(items=known, exported=FROM_ITEMS, as_of="2024-03-31", calendar=march)
        now = facts(items=later, exported=FROM_ITEMS, as_of="2026-12-31", calendar=march)
        assert then.height == 1
        assert now.equals(then)


class TestTheMetrics:
    two = (term("1", "2024-03-15", renewed="2024-03-15"), term("2", "2024-03-16", "lost", mrr_amount=3_000))

    def test_divide_terms_and_money(self):
        found = facts(*self.two)
        share = value("renewal_rate", metrics.renewal_rate(found, day(FAR)))
        money = value("renewal_rate_mrr", metrics.renewal_rate_mrr(found, day(FAR)))
        assert (share["value"], share["observations"]) == (0.5, 2)
        assert money["value"] == 0.25
        assert share["ci_low"] is not None
        assert money["ci_low"] is None

    def test_stay_provisional_until_the_thirtieth_day_after_the_month(self):
        parts = metrics.renewal_rate(facts(*self.two), day(FAR))
        assert value("renewal_rate", parts, as_of="2024-04-29")["is_provisional"] is True
        assert value("renewal_rate", parts, as_of="2024-04-30")["is_provisional"] is False

    def test_a_month_without_due_terms_has_no_rate(self):
        assert value("renewal_rate", metrics.renewal_rate(facts(), day(FAR)))["null_reason"] == "zero_denominator"

    @pytest.mark.parametrize(
        ("exported", "terms", "money"),
        [
            (Exported({}), "source_missing", "source_missing"),
            (FROM_ITEMS, None, None),
            (Exported({"renewals": frozenset({"outcome"})}), None, "not_exported"),
            (Exported({"renewals": frozenset({"mrr_amount"}), **ITEMS}), None, "not_exported"),
            (ALL_OF_IT, None, None),
        ],
    )
    def test_say_why_they_are_unknown(self, exported, terms, money):
        parts = metrics.renewal_rate(facts(*self.two), day(FAR))
        assert value("renewal_rate", parts, exported=exported)["null_reason"] == terms
        assert value("renewal_rate_mrr", parts, exported=exported)["null_reason"] == money

    @pytest.mark.parametrize("name", ["renewal_rate", "renewal_rate_mrr"])
    def test_say_what_terms_were_made_from(self, name):
        parts = getattr(metrics, name)(facts(*self.two), day(FAR))
        assert value(name, parts, exported=ALL_OF_IT)["basis"] == "renewals"
        assert value(name, parts, exported=FROM_ITEMS)["basis"] == "subscription_items"

    def test_count_terms_also_where_money_is_divided(self):
        """Two terms of one account."""
        found = facts(*self.two)
        rate, money = (
            value(name, getattr(metrics, name)(found, day(FAR))) for name in ("renewal_rate", "renewal_rate_mrr")
        )
        both = with_items_of(rows(MetricMonth, money), rows(MetricMonth, rate))
        assert REGISTRY["renewal_rate_mrr"].items_of == "renewal_rate"
        assert both.select("observations", "value", "numerator", "denominator").rows() == [(2, 0.25, 1_000, 4_000)]

    def test_lie_in_one_asset(self):
        assert REGISTRY["renewal_rate_mrr"].asset == REGISTRY["renewal_rate"].asset == "renewal_rate"


# --- two sources that number alike


def test_terms_of_two_sources_with_one_id_are_two_terms():
    east, west = (term("1", "2024-03-10", "renewed", "2024-03-10", export_source=s) for s in ("east", "west"))
    found = facts(east, {**west, "outcome": "lost", "renewed_on": None})
    assert found.select("source", "renewal_id", "is_renewed").rows() == [("east", "1", True), ("west", "1", False)]


def test_the_terms_of_items_are_read_from_their_own_source_alone():
    east = item("2023-03-10", export_source="east", account_id="a")
    west = item("2023-03-10", "2024-03-10", export_source="west", account_id="b", unit_amount=24_000)
    found = facts(items=(east, west), exported=FROM_ITEMS, as_of="2024-06-30")
    told = found.select("source", "subscription_id", "is_renewed", "mrr_cents", "renewed_mrr_cents").rows()
    assert told == [("east", "s", True, 1_000, 1_000), ("west", "s", False, 2_000, 0)]


def test_a_term_of_items_of_two_sources_is_of_none_of_them_and_of_no_one_subscription():
    both = (item("2023-03-10", export_source=source) for source in ("east", "west"))
    found = facts(items=tuple(both), exported=FROM_ITEMS, as_of="2024-06-30")
    assert found.select("source", "subscription_id", "mrr_cents").rows() == [(None, None, 2_000)]
