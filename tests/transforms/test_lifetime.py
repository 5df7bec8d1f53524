"""What a customer is worth, and how soon customers get to value."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas.billing import FctInvoice, FctMrrAccountMonth, FxRates, Invoices
from schemas.config import Minimums, Onboarding
from schemas.customers import DimAccount, DimAccountMonth
from schemas.metrics import MetricMonth, Parts
from schemas.success import Milestones
from tests.frames import config, day, margins, months, rows
from transforms.declaration import Months
from transforms.exported import Exported
from transforms.facts.milestones import milestone_progress
from transforms.metrics import adoption, lifetime
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, derive, medians, roll_up

EXPORTED = Exported(
    {
        "subscription_items": frozenset({"account_id"}),
        "invoices": frozenset({"paid_on"}),
        "milestones": frozenset({"milestone"}),
    }
)


def month(text: str) -> Any:
    return day(f"{text}-01")


def paid(number: str, paid_in: str, cents: int, issued_in: str | None = None, account_id: str = "a") -> dict[str, Any]:
    issued = {"invoice_id": number, "account_id": account_id, "month": month(issued_in or paid_in)}
    return {**issued, "paid_month": month(paid_in), "paid_cents": cents}


def note(number: str, issued_in: str, cents: int, credits_invoice_id: str | None = None) -> dict[str, Any]:
    issued = {"invoice_id": number, "account_id": "a", "month": month(issued_in), "kind": "credit_note"}
    return {**issued, "credited_cents": cents, "credits_invoice_id": credits_invoice_id}


def invoices(*facts: dict[str, Any]) -> pl.DataFrame:
    """The invoices that the facts are made of, in euros."""
    told = [
        {
            "invoice_id": fact["invoice_id"],
            "account_id": fact["account_id"],
            "issued_on": fact["month"],
            "paid_on": fact.get("paid_month"),
            "status": "paid",
            "amount": fact.get("paid_cents", 1),
            "kind": fact.get("kind"),
            "currency": "EUR",
        }
        for fact in facts
    ]
    return rows(Invoices, *told)


def mrr(when: str, opening: int, closing: int, account_id: str = "a") -> dict[str, Any]:
    return {"month": month(when), "account_id": account_id, "opening_cents": opening, "closing_cents": closing}


def of_parts(found: pl.DataFrame, when: str | None = None) -> list[tuple[Any, ...]]:
    Parts.validate(found)
    wanted = found if when is None else found.filter(pl.col("month") == month(when))
    return wanted.sort("month", "account_id").select("account_id", "numerator", "denominator").rows()


def around(calendar: pl.DataFrame, exported: Exported = EXPORTED, **given: Any) -> Surroundings:
    return Surroundings(
        dim_month=calendar,
        gross_margin=margins(calendar, given.get("margin")),
        accounts=AccountSegments(DimAccountMonth.blank(), ()),
        exported=exported,
        minimums=given.get("minimums", Minimums()),
        as_of=day("2099-12-31"),
    )


class TestTrailing:
    def test_sums_the_twelve_months_that_end_with_the_month(self):
        given = pl.DataFrame({"month": [month("2023-01"), month("2024-01")], "account_id": ["a", "a"], "n": [1, 10]})
        found = lifetime.trailing(given, months("2023-01", "2024-02")).sort("month")
        assert found["n"].to_list() == [1] * 12 + [10, 10]

    def test_takes_as_many_months_as_there_are_and_keeps_accounts_apart(self):
        given = pl.DataFrame(
            {
                "month": [month("2024-01"), month("2024-02"), month("2024-02")],
                "account_id": ["a", "b", "a"],
                "n": [1, 5, 2],
            }
        )
        found = lifetime.trailing(given, months("2024-01", "2024-03")).sort("account_id", "month")
        assert found["n"].to_list() == [1, 3, 3, 0, 5, 5]


def average(*facts: dict[str, Any], first: str, last: str) -> pl.DataFrame:
    """Parts of average_purchase_value from the facts: what was paid, and the credit notes."""
    calendar = months(first, last)
    return lifetime.average_purchase_value(invoices(*facts), rows(FxRates), rows(FctInvoice, *facts), calendar, "EUR")


def frequency(*facts: dict[str, Any], mrr: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    """Parts of purchase_frequency from what was paid and the MRR facts."""
    return lifetime.purchase_frequency(invoices(*facts), rows(FxRates), mrr, months(first, last), "EUR")


class TestAveragePurchaseValue:
    def test_divides_what_was_paid_by_the_invoices_paid_in_twelve_months(self):
        facts = (
            paid("1", "2023-01", 9_999),
            paid("2", "2023-02", 1_000),
            paid("3", "2024-01", 2_000),
            paid("4", "2024-01", 4_000, account_id="b"),
            {"invoice_id": "5", "account_id": "a", "month": month("2024-01")},
        )
        found = average(*facts, first="2023-01", last="2024-01")
        assert of_parts(found, "2024-01") == [("a", 3_000, 2), ("b", 4_000, 1)]
        value = roll_up(REGISTRY["average_purchase_value"], found, around(months("2024-01", "2024-01")))
        assert value.select("value", "observations").rows() == [(7_000 / 3, 3)]

    def test_counts_an_invoice_in_the_month_it_was_paid_long_after_its_issue_or_before(self):
        for issued in ("2023-01", "2024-03", "2024-04"):
            found = average(paid("1", "2024-03", 1_000, issued_in=issued), first="2023-01", last="2025-03")
            assert of_parts(found, "2024-02") == []
            assert of_parts(found, "2024-03") == of_parts(found, "2025-02") == [("a", 1_000, 1)]
            assert of_parts(found, "2025-03") == []

    def test_takes_what_a_credit_note_takes_back_from_the_sum_in_the_month_of_its_issue(self):
        facts = (paid("1", "2024-01", 5_000), paid("2", "2024-02", 3_000), note("3", "2024-03", 2_000))
        found = average(*facts, first="2024-01", last="2025-03")
        assert of_parts(found, "2024-02") == [("a", 8_000, 2)]
        assert of_parts(found, "2024-03") == of_parts(found, "2024-12") == [("a", 6_000, 2)]
        assert of_parts(found, "2025-02") == [("a", -2_000, 0)]
        assert of_parts(found, "2025-03") == []

    def test_takes_it_back_whether_its_invoice_is_paid_in_time_later_or_never(self):
        """Else a month that is over would change once the invoice is paid."""
        named = {"invoice_id": "2", "account_id": "a", "month": month("2024-01")}
        for credited in ("1", "2", "elsewhere", None):
            facts = (paid("1", "2024-01", 5_000), named, note("3", "2024-02", 1_000, credited))
            assert of_parts(average(*facts, first="2024-01", last="2024-02"), "2024-02") == [("a", 4_000, 1)], credited

    def test_keeps_an_invoice_that_rounds_to_nothing(self):
        crumb = invoices(paid("1", "2024-01", 1)).with_columns(currency=pl.lit("IDR"))
        rate = rows(FxRates, {"month": month("2024-01"), "currency": "IDR", "rate": Decimal("0.00006")})
        calendar = months("2024-01", "2024-01")
        found = lifetime.average_purchase_value(crumb, rate, rows(FctInvoice), calendar, "EUR")
        assert of_parts(found) == [("a", 0, 1)]


class TestPurchaseFrequency:
    def test_divides_invoices_paid_by_account_months_paying_at_month_end(self):
        bought = (paid("1", "2024-01", 10), paid("2", "2024-02", 10), paid("3", "2024-02", 10, account_id="z"))
        facts = rows(
            FctMrrAccountMonth,
            mrr("2024-01", 0, 500),
            mrr("2024-02", 500, 700),
            mrr("2024-03", 700, 0),
            mrr("2024-02", 0, 500, "b"),
        )
        found = frequency(*bought, mrr=facts, first="2024-01", last="2024-03")
        assert of_parts(found, "2024-02") == [("a", 2, 2), ("b", 0, 1), ("z", 1, 0)]
        assert of_parts(found, "2024-03") == [("a", 2, 2), ("b", 0, 1), ("z", 1, 0)]

    def test_forgets_what_is_a_year_ago(self):
        facts = rows(FctMrrAccountMonth, mrr("2023-01", 0, 500), mrr("2023-02", 500, 500), mrr("2023-03", 500, 0))
        found = frequency(mrr=facts, first="2023-01", last="2024-02")
        assert of_parts(found, "2024-01") == [("a", 0, 1)]
        assert of_parts(found, "2024-02") == []


def churning(count: int) -> pl.DataFrame:
    """Ten accounts that open January, of which so many are gone at its end; the others stay through February."""
    january = [mrr("2024-01", 100, 0 if n < count else 100, f"{n}") for n in range(10)]
    return rows(FctMrrAccountMonth, *january, *(mrr("2024-02", 100, 100, f"{n}") for n in range(count, 10)))


class TestCustomerLifespan:
    def test_divides_opening_accounts_by_churned_ones(self):
        found = lifetime.customer_lifespan(churning(5), months("2024-01", "2024-02"))
        value = roll_up(REGISTRY["customer_lifespan"], found, around(months("2024-02", "2024-02")))
        assert value.select("value", "numerator", "denominator", "null_reason").rows() == [(3.0, 15, 5, None)]

    def test_is_unknown_under_five_churned_accounts(self):
        calendar = months("2024-01", "2024-02")
        found = lifetime.customer_lifespan(churning(4), calendar)
        value = roll_up(REGISTRY["customer_lifespan"], found, around(calendar))
        assert value.select("value", "null_reason").rows() == [(None, "insufficient_history")] * 2
        fewer = around(calendar, minimums=Minimums(churned_accounts=4))
        assert roll_up(REGISTRY["customer_lifespan"], found, fewer)["value"].to_list() == [2.5, 4.0]

    def test_counts_neither_who_joins_nor_who_was_gone_before(self):
        facts = rows(FctMrrAccountMonth, mrr("2024-01", 0, 100), mrr("2024-01", 100, 0, "b"))
        found = lifetime.customer_lifespan(facts, months("2024-01", "2024-01"))
        assert of_parts(found) == [("b", 1, 1)]

    def test_looks_back_eleven_months_before_the_month(self):
        metric = REGISTRY["customer_lifespan"]
        assert metric.reads == {"fct_mrr_account_month": Months(back=11), "dim_month": Months(back=11)}
        assert (metric.minimum, metric.unit) == ("churned_accounts", "months")


def value_of(name: str, value: float | None, reason: str | None = None) -> dict[str, Any]:
    keys = {"metric": name, "month": month("2024-01"), "dimension": "all", "segment": "all"}
    return {**keys, "value": value, "null_reason": reason, "is_provisional": False}


class TestClv:
    january = months("2024-01", "2024-01")

    def test_multiplies_value_frequency_and_lifespan(self):
        operands = rows(
            MetricMonth,
            value_of("average_purchase_value", 5_000),
            value_of("purchase_frequency", 0.5),
            value_of("customer_lifespan", 20),
            value_of("arpa", 9),
        )
        assert derive(REGISTRY["clv"], operands, around(self.january))["value"].to_list() == [50_000]

    @pytest.mark.parametrize("columns", [None, frozenset({"amount"})])
    def test_takes_arpa_where_no_payments_are_exported_and_says_so(self, columns):
        exported = Exported({"invoices": columns} if columns else {})
        operands = rows(MetricMonth, value_of("arpa", 2_000), value_of("customer_lifespan", 20))
        found = derive(REGISTRY["clv"], operands, around(self.january, exported))
        assert found["value"].to_list() == [40_000]
        assert found["basis"][0].startswith("arpa * customer_lifespan")

    def test_is_unknown_for_the_reason_of_what_it_is_made_from(self):
        operands = rows(
            MetricMonth,
            value_of("average_purchase_value", 5_000),
            value_of("purchase_frequency", 0.5),
            value_of("customer_lifespan", None, "insufficient_history"),
        )
        found = derive(REGISTRY["clv"], operands, around(self.january))
        assert found.select("value", "null_reason").rows() == [(None, "insufficient_history")]

    def test_times_the_margin_of_the_month(self):
        operands = rows(MetricMonth, value_of("clv", 50_000))
        with_margin = around(self.january, margin=0.8)
        assert derive(REGISTRY["clv_margin"], operands, with_margin)["value"].to_list() == [40_000]
        without = derive(REGISTRY["clv_margin"], operands, around(self.january))
        assert without.select("value", "null_reason").rows() == [(None, "source_missing")]

    def test_lies_with_its_parts_in_one_asset(self):
        names = ("average_purchase_value", "purchase_frequency", "customer_lifespan", "clv", "clv_margin")
        assert {REGISTRY[name].asset for name in names} == {"clv"}


def test_lifetime_survives_empty_inputs():
    calendar = months("2024-01", "2024-02")
    assert of_parts(average(first="2024-01", last="2024-02")) == []
    assert of_parts(frequency(mrr=rows(FctMrrAccountMonth), first="2024-01", last="2024-02")) == []
    assert of_parts(lifetime.customer_lifespan(rows(FctMrrAccountMonth), calendar)) == []


def test_lifetime_is_the_same_for_shuffled_rows():
    calendar, facts = months("2024-01", "2024-02"), churning(5)
    straight = lifetime.customer_lifespan(facts, calendar)
    assert_frame_equal(lifetime.customer_lifespan(facts[::-1], calendar), straight, check_row_order=False)


STEPS = [
    {"name": "kickoff", "within_days": 7},
    {"name": "report", "within_days": 30, "is_value": True},
    {"name": "invited", "within_days": 60},
]


def onboarding(steps: list[dict[str, Any]] = STEPS) -> Onboarding:
    return config(onboarding={"milestones": steps}).onboarding


def milestone(name: str, on: str, account_id: str = "a") -> dict[str, Any]:
    return {"account_id": account_id, "milestone": name, "reached_on": day(on)}


class TestTimeToValue:
    def test_is_the_median_of_the_accounts_that_reached_value_in_the_month(self):
        reached = {"value_month": month("2024-02")}
        accounts = rows(
            DimAccount,
            {"account_id": "a", "ttv_days": 0, **reached},
            {"account_id": "b", "ttv_days": 10, **reached},
            {"account_id": "c", "ttv_days": 50, **reached},
            {"account_id": "d", "ttv_days": 99, "value_month": month("2024-03")},
            {"account_id": "e"},
        )
        found = medians(REGISTRY["ttv"], accounts, around(months("2024-01", "2024-02")))
        assert found.select("value", "observations", "null_reason").rows() == [
            (None, 0, "zero_denominator"),
            (10.0, 3, None),
        ]

    def test_within_90_days_looks_at_those_who_began_paying_three_months_before(self):
        accounts = rows(
            DimAccount,
            self.valued("a", "2024-01-01", "2024-03-31"),
            self.valued("b", "2024-01-30", "2024-04-30"),
            {"account_id": "c", "first_paid_on": day("2024-01-31")},
            self.valued("d", "2024-02-01", "2024-02-01"),
            {"account_id": "e"},
        )
        found = adoption.value_within_90d(accounts)
        assert of_parts(found, "2024-04") == [("a", 1, 1), ("b", 0, 1), ("c", 0, 1)]
        assert of_parts(found, "2024-05") == [("d", 1, 1)]

    def valued(self, account_id: str, began: str, reached: str) -> dict[str, Any]:
        value_on = day(reached)
        told = {"value_on": value_on, "value_month": value_on.replace(day=1), "ttv_days": (value_on - day(began)).days}
        return {"account_id": account_id, "first_paid_on": day(began), **told}

    def test_a_90th_day_after_the_last_of_the_month_is_too_late_as_the_month_is_final_by_then(self):
        """The 1st of May is the 90th day after the 31st of January 2023, and April is over."""
        assert REGISTRY["value_within_90d"].days(config()) == 0
        late, early = self.valued("l", "2023-01-31", "2023-05-01"), self.valued("e", "2023-01-30", "2023-04-30")
        assert (late["ttv_days"], early["ttv_days"]) == (90, 90)
        found = adoption.value_within_90d(rows(DimAccount, late, early))
        assert of_parts(found, "2023-04") == [("e", 1, 1), ("l", 0, 1)]


class TestMilestoneAdoption:
    calendar = months("2024-01", "2024-02")
    facts = rows(FctMrrAccountMonth, mrr("2024-01", 0, 5), mrr("2024-02", 5, 5), mrr("2024-02", 5, 0, "gone"))

    def rate(self, *given: dict[str, Any], steps: list[dict[str, Any]] = STEPS) -> list[Any]:
        milestones = rows(Milestones, *given)
        progress = milestone_progress(self.facts, milestones, self.calendar, onboarding(steps))
        return of_parts(adoption.milestone_adoption_rate(progress))

    def test_counts_what_paying_accounts_reached_by_month_end(self):
        given = (
            milestone("kickoff", "2019-05-01"),
            milestone("report", "2024-01-31"),
            milestone("invited", "2024-02-01"),
        )
        assert self.rate(*given) == [("a", 2, 3), ("a", 3, 3)]

    def test_counts_an_account_without_any_and_no_milestone_that_the_config_does_not_know(self):
        assert self.rate(milestone("other", "2024-01-02"), milestone("report", "2024-01-02", "gone")) == [
            ("a", 0, 3),
            ("a", 0, 3),
        ]

    def test_has_nothing_to_say_where_no_milestone_is_defined(self):
        assert self.rate(steps=[]) == []

    def test_counts_a_milestone_once_where_two_customers_became_one_account(self):
        assert self.rate(milestone("report", "2024-02-11"), milestone("report", "2024-01-01")) == [
            ("a", 1, 3),
            ("a", 1, 3),
        ]

    def test_has_an_interval_only_for_shares_of_accounts(self):
        names = ("value_within_90d", "stalled_account_rate", "milestone_adoption_rate")
        assert [REGISTRY[name].independent for name in names] == [True, True, False]


class TestStalledAccounts:
    def stalled(self, end: str, *given: dict[str, Any], steps: list[dict[str, Any]] = STEPS) -> list[Any]:
        calendar = months("2024-01", "2024-01", as_of=end)
        facts = rows(FctMrrAccountMonth, mrr("2024-01", 5, 5), mrr("2024-01", 5, 0, "gone"))
        accounts = rows(DimAccount, *({"account_id": n, "first_paid_on": day("2024-01-01")} for n in ("a", "gone")))
        progress = milestone_progress(facts, rows(Milestones, *given), calendar, onboarding(steps))
        return of_parts(adoption.stalled_account_rate(progress, accounts))

    def test_are_past_the_deadline_of_the_first_unreached_milestone(self):
        assert self.stalled("2024-01-08") == [("a", 0, 1)]  # seven days after the first paying day
        assert self.stalled("2024-01-09") == [("a", 1, 1)]

    def test_wait_for_the_first_unreached_one_in_the_order_of_the_config(self):
        assert self.stalled("2024-01-31", milestone("kickoff", "2024-01-31")) == [("a", 0, 1)]
        assert self.stalled("2024-01-31", milestone("report", "2024-01-02")) == [("a", 1, 1)]

    def test_do_not_count_as_reached_what_comes_after_month_end(self):
        assert self.stalled("2024-01-31", milestone("kickoff", "2024-02-01")) == [("a", 1, 1)]

    def test_leave_out_accounts_that_reached_everything(self):
        every = [milestone(step["name"], "2024-01-02") for step in STEPS]
        assert self.stalled("2024-01-31", *every) == []
        assert self.stalled("2024-01-31", steps=[]) == []
