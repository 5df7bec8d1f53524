"""Laws of MRR that hold for every company, tried on small random ones that are rich in awkward days and amounts."""

import datetime as dt
import warnings
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import cycle
from typing import Any

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.billing import FctMrrAccountMonth, FxRates, SubscriptionItems
from schemas.config import Minimums
from schemas.customers import DimAccountMonth
from tests.frames import day, margins, months, mrr_of, rows
from transforms.declaration import parameters
from transforms.exported import Exported
from transforms.facts.mrr import fct_mrr_account_currency_month
from transforms.facts.mrr_items import fct_mrr_item_month, item_months
from transforms.facts.service import NegativeMrrWarning, service_periods
from transforms.metrics import retention, revenue
from transforms.metrics.account_segments import AccountSegments
from transforms.metrics.definition import REGISTRY
from transforms.metrics.roll_up import Surroundings, roll_up

quick = settings(max_examples=25, deadline=None, database=None)
few = settings(max_examples=10, deadline=None, database=None)

FIRST, LAST = "2024-02", "2024-05"
MONTHS = ["2024-02", "2024-03", "2024-04", "2024-05"]
MOVEMENTS = (
    "opening", "new", "reactivation", "expansion", "upsell", "cross_sell", "contraction", "churned", "fx", "closing",
)  # fmt: skip
RATED_FROM, RATED_TO = dt.date(2023, 10, 1), dt.date(2025, 6, 1)
EARLIEST = dt.date(2023, 10, 20)
EDGES = [day(text) for text in (
    "2023-11-01", "2023-12-31", "2024-01-31", "2024-02-01", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-31",
    "2024-04-01", "2024-04-29", "2024-04-30", "2024-05-01", "2024-05-16", "2024-05-30", "2024-05-31", "2024-06-01",
)]  # fmt: skip
DIGITS = {"EUR": 2, "USD": 2, "JPY": 0}
Item = dict[str, Any]


@dataclass(frozen=True)
class Company:
    """Item versions, rates as (currency, month) → rate, and the day the data speaks for."""

    items: tuple[Item, ...]
    rates: dict[tuple[str, dt.date], Decimal]
    as_of: dt.date

    @property
    def subscription_items(self) -> pl.DataFrame:
        return rows(SubscriptionItems, *self.items)

    @property
    def fx_rates(self) -> pl.DataFrame:
        return rows(
            FxRates, *({"currency": code, "month": month, "rate": rate} for (code, month), rate in self.rates.items())
        )


# --- random companies -------------------------------------------------------------------------------------------------

some_days = st.sampled_from(EDGES) | st.dates(EARLIEST, dt.date(2024, 6, 20))
maybe_days = st.none() | some_days
amounts = st.sampled_from([0, 1, 5, 6, 18, 30, 99, 100_00]) | st.integers(1, 1_00) | st.integers(1, 2_000_00)
FINE_PRICES = [Decimal(text) for text in ("0.5", "12.75", "333.333333333333", "0.004")]
intervals = st.sampled_from(
    [("month", 1), ("month", None), ("month", 6), ("year", 1), ("quarter", 1), ("week", 1), ("week", 2), ("day", 10)]
)


@st.composite
def terms(draw: st.DrawFn) -> Item:
    """What one version says; most are plain, some have a trial, a pause or a discount."""
    said: Item = {
        "account_id": draw(st.sampled_from("AAAB")),
        "currency": draw(st.sampled_from(["EUR", "EUR", "USD", "JPY"])),
        "unit_amount": draw(amounts) if draw(st.integers(0, 4)) else draw(st.sampled_from(FINE_PRICES)),
        "line_amount": None if draw(st.integers(0, 5)) else draw(amounts),
        "quantity": draw(st.sampled_from([None, 1, 2, 3])),
        "seats": draw(st.sampled_from([None, 0, 3])),
    }
    extra = draw(
        st.sampled_from(["", "", "", "discount", "pause", "trial dates", "trial flag", "metered", "cancelled"])
    )
    if extra == "discount":
        said |= {"discount_amount": draw(amounts), "discount_ends_on": draw(maybe_days)}
    elif extra == "pause":
        first = draw(some_days)
        said |= {"paused_from": first, "paused_until": draw(st.none() | some_days.map(lambda d: max(d, first)))}
    elif extra == "trial dates":
        said |= {
            "trial_started_on": draw(maybe_days),
            "trial_ends_on": draw(some_days),
            "is_trial": draw(st.booleans()),
        }
    elif extra == "trial flag":
        said |= {"is_trial": True}
    elif extra == "metered":
        said |= {"is_metered": True}
    elif extra == "cancelled":
        said |= {"cancel_requested_on": draw(some_days)}
    return said


@st.composite
def versions(draw: st.DrawFn, number: int) -> list[Item]:
    """All versions of one item; most begin early, stay, and change only in what is billed."""
    started = draw(st.dates(EARLIEST, dt.date(2024, 3, 10)) | some_days)
    unit, count = draw(intervals)
    item = {
        "subscription_id": f"S{number // 2}",
        "item_id": f"I{number}",
        "started_on": started,
        "ended_on": draw(st.none() | st.none() | some_days.map(lambda d: max(d, started))),
        "interval_unit": unit,
        "interval_count": count,
    }
    since = sorted(draw(st.lists(some_days, max_size=3, unique=True)))
    said, told = draw(terms()), []
    for valid_from in since or [None]:
        told.append({**item, **said, "valid_from": valid_from})
        changed = draw(st.sampled_from(["amount", "amount", "quantity", "account and currency", "all"]))
        if changed == "all":
            said = draw(terms())
        elif changed == "account and currency":
            said = said | {key: value for key, value in draw(terms()).items() if key in ("account_id", "currency")}
        else:
            said = said | (
                {"unit_amount": draw(amounts)} if changed == "amount" else {"quantity": draw(st.integers(1, 4))}
            )
    return told


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """Up to five items of up to two accounts, and rates that move."""
    items = [version for number in range(draw(st.integers(1, 5))) for version in draw(versions(number))]
    as_of = draw(st.sampled_from([dt.date(2024, 5, 31), dt.date(2024, 5, 31), dt.date(2024, 5, 16)]))
    known = {}
    for code, low, high, digits in (("USD", 500, 1500, 3), ("JPY", 3000, 9000, 6)):
        pattern = draw(st.lists(st.integers(low, high), min_size=1, max_size=4))
        all_months = pl.date_range(RATED_FROM, RATED_TO, "1mo", eager=True).to_list()
        for month, number in zip(all_months, cycle(pattern), strict=False):
            known[code, month] = Decimal(number).scaleb(-digits)
    if as_of.day < 31 and draw(st.booleans()):
        known = {key: rate for key, rate in known.items() if key[1] < dt.date(2024, 5, 1)}
    return Company(tuple(items), known, as_of)


def plain(amount: int, currency: str, **more: Any) -> Item:
    given = {"subscription_id": "S0", "item_id": currency, "account_id": "A", "unit_amount": amount}
    return {**given, "currency": currency, "interval_unit": "month", "started_on": dt.date(2024, 2, 10), **more}


def steady(code: str, *moving: str) -> dict[tuple[str, dt.date], Decimal]:
    """The rates of the months from FIRST on; before, that of the first."""
    return {(code, dt.date(2024, month, 1)): Decimal(rate) for month, rate in enumerate(moving, start=2)} | {
        (code, dt.date(2023, month, 1)): Decimal(moving[0]) for month in (10, 11, 12)
    } | {(code, dt.date(2024, 1, 1)): Decimal(moving[0])}  # fmt: skip


LIFTED_BY_THE_RATE = Company(
    (plain(1, "JPY"),), steady("JPY", "0.004", "0.004", "0.006", "0.006"), dt.date(2024, 5, 31)
)
"""One yen is 0.4 cents until March and 0.6 from April on, when the account pays for the first time."""


LIFTED_TWICE = Company((plain(1, "JPY"),), steady("JPY", "0.004", "0.006", "0.004", "0.006"), dt.date(2024, 5, 31))
"""The same in March and in May; in April it does not pay."""


HALF_A_CENT_MORE = Company(
    tuple(plain(Decimal(amount), "EUR", valid_from=begun) for amount, begun in (
        ("0.5", dt.date(2024, 2, 10)), ("1", dt.date(2024, 3, 1)))),
    steady("USD", "0.5", "0.5", "0.5", "0.5"), dt.date(2024, 5, 31),
)  # fmt: skip
"""Half a cent is a cent once it is rounded, and so is a cent: nothing moves."""


# --- what the program makes -------------------------------------------------------------------------------------------


def made(company: Company, first: str = FIRST, last: str = LAST) -> pl.DataFrame:
    """fct_mrr_account_month; that an account is below zero is no surprise here."""
    return _of(mrr_of, company, first, last)


def made_by_currency(company: Company, first: str = FIRST, last: str = LAST) -> pl.DataFrame:
    return _of(_native, company, first, last)


def _native(
    items: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, as_of: dt.date, currency: str
) -> pl.DataFrame:
    return fct_mrr_account_currency_month(service_periods(items, as_of), fx_rates, dim_month, currency)


def _items(
    items: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, as_of: dt.date, currency: str
) -> pl.DataFrame:
    return fct_mrr_item_month(item_months(service_periods(items, as_of), fx_rates, dim_month, currency))


def _of(table: Any, company: Company, first: str, last: str) -> pl.DataFrame:
    # dim_month knows as_of only where it lies in a month that is asked for; a later month end is the month's own.
    as_of = company.as_of.isoformat() if f"{company.as_of:%Y-%m}" == last else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NegativeMrrWarning)
        return table(company.subscription_items, company.fx_rates, months(first, last, as_of), company.as_of, "EUR")


# --- what it must be, day by day --------------------------------------------------------------------------------------

PER_MONTH = {
    "day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "quarter": Fraction(1, 3),
    "year": Fraction(1, 12),
}  # fmt: skip
State = dict[tuple[str, str, str], Fraction]
"""(subscription, item, currency) → monthly native amount of one account on one day."""


def worth(version: Item, on: dt.date) -> Fraction:
    """Monthly native amount of a version that speaks on the day."""
    said = version.get
    paused = (
        said("paused_from") and said("paused_from") <= on and not (said("paused_until") and said("paused_until") <= on)
    )
    if said("trial_ends_on"):
        on_trial = on < said("trial_ends_on") and not (said("trial_started_on") and on < said("trial_started_on"))
    else:
        on_trial = said("is_trial")
    if paused or on_trial or said("is_metered"):
        return Fraction(0)
    quantity = 1 if said("quantity") is None else said("quantity")
    over = said("discount_ends_on") and said("discount_ends_on") <= on
    charge = said("line_amount")
    if charge is None:
        charge = quantity * Fraction(version["unit_amount"])
    line = max(charge - (0 if over else said("discount_amount") or 0), Fraction(0))
    return line * PER_MONTH[version["interval_unit"]] / (said("interval_count") or 1)


def state(company: Company, account: str, on: dt.date) -> State:
    """What each item brings the account on the day."""
    by_item: dict[tuple[str, str], list[Item]] = {}
    for version in company.items:
        by_item.setdefault((version["subscription_id"], version["item_id"]), []).append(version)
    brought: State = {}
    for name, known in by_item.items():
        started, ended = known[0]["started_on"], known[0].get("ended_on")
        if on < started or (ended and on >= ended):
            continue
        ordered = sorted(known, key=lambda version: version.get("valid_from") or started)
        begun = [version for version in ordered if (version.get("valid_from") or started) <= on]
        speaking = begun[-1] if begun else ordered[0]
        amount = worth(speaking, on) if speaking["account_id"] == account else Fraction(0)
        if amount:
            brought[*name, speaking["currency"]] = amount
    return brought


def in_cents(company: Company, held: State, month: dt.date) -> Fraction:
    """The amounts together at the month's rate; where it is not known yet, at the last known."""
    total = Fraction(0)
    for (_, _, code), amount in held.items():
        known = [at for currency, at in company.rates if currency == code and at <= month]
        rate = Fraction(1) if code == "EUR" else Fraction(company.rates[code, max(known)])
        total += amount * rate * 10 ** (2 - DIGITS[code])
    return total


def to_cent(amount: Fraction) -> int:
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def share_of_new_items(company: Company, held: State, now: State, month: dt.date) -> Fraction:
    """Of the growth of all items that grew, the share of those without MRR before."""
    grown = {True: Fraction(0), False: Fraction(0)}
    for item in {key[:2] for key in (*held, *now)}:
        before, after = (
            in_cents(company, {key: amount for key, amount in of_all.items() if key[:2] == item}, month)
            for of_all in (held, now)
        )
        grown[before == 0] += max(after - before, Fraction(0))
    return grown[True] / (grown[True] + grown[False])


def mrr_on(company: Company, account: str, on: dt.date) -> int:
    return max(0, to_cent(in_cents(company, state(company, account, on), on.replace(day=1))))


def expected(company: Company, account: str) -> dict[str, dict[str, int]]:
    """Month → movements of the account, those that are not 0; by walking through all days."""
    told = {}
    paid_before, on, opening = False, EARLIEST, 0
    for month in MONTHS:
        first = day(f"{month}-01")
        while on < first:
            paid_before = paid_before or mrr_on(company, account, on) > 0
            on += dt.timedelta(days=1)
        before = first - dt.timedelta(days=1)
        last = min((first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1), company.as_of)
        opening, closing = mrr_on(company, account, before), mrr_on(company, account, last)
        moved = {"opening": opening, "closing": closing}
        if not opening:
            moved["reactivation" if paid_before else "new"] = closing
        elif not closing:
            moved["churned"] = opening
        else:
            held, now = state(company, account, before), state(company, account, last)
            change = to_cent(in_cents(company, now, first) - in_cents(company, held, first))
            if {code for *_, code in (*held, *now)} == {"EUR"}:
                change = closing - opening  # in one's own currency there is no fx
            moved["expansion" if change > 0 else "contraction"] = abs(change)
            moved["fx"] = closing - opening - change
            if change > 0:
                moved["cross_sell"] = to_cent(change * share_of_new_items(company, held, now, first))
                moved["upsell"] = change - moved["cross_sell"]
        if opening or closing:
            told[month] = {name: value for name, value in moved.items() if value}
    return told


# --- the laws ---------------------------------------------------------------------------------------------------------


@quick
@given(companies())
@example(LIFTED_BY_THE_RATE)
@example(LIFTED_TWICE)
def test_the_movements_lead_exactly_from_opening_to_closing(company):
    row = pl.col
    gained = row("new_cents") + row("reactivation_cents") + row("expansion_cents")
    lost = row("contraction_cents") + row("churned_cents")
    wrong = made(company).filter(row("opening_cents") + gained - lost + row("fx_cents") != row("closing_cents"))
    assert wrong.is_empty()


@quick
@given(companies())
@example(LIFTED_BY_THE_RATE)
@example(LIFTED_TWICE)
@example(HALF_A_CENT_MORE)
def test_every_movement_is_what_a_walk_through_all_days_finds(company):
    told: dict[str, dict[str, dict[str, int]]] = {"A": {}, "B": {}}
    for row in made(company).iter_rows(named=True):
        told[row["account_id"]][f"{row['month']:%Y-%m}"] = {
            name: row[f"{name}_cents"] for name in MOVEMENTS if row[f"{name}_cents"]
        }
    assert told == {account: expected(company, account) for account in told}


@quick
@given(companies())
def test_a_month_opens_with_what_the_month_before_closed_with(company):
    facts = made(company, "2024-01", LAST)
    key = ["month", "account_id"]
    ends = facts.filter(pl.col("closing_cents") > 0, pl.col("month") < day(f"{LAST}-01"))
    begins = facts.filter(pl.col("opening_cents") > 0, pl.col("month") > day("2024-01-01"))
    closed = ends.select(pl.col("month").dt.offset_by("1mo"), "account_id", cents="closing_cents").sort(key)
    assert_frame_equal(closed, begins.select(*key, cents="opening_cents").sort(key))


@quick
@given(companies())
def test_nothing_but_fx_is_negative_and_expansion_is_upsell_and_cross_sell(company):
    facts = made(company)
    assert FctMrrAccountMonth.validate(facts).height == facts.height  # ge=0 of the contract, and one row a key
    assert (facts["expansion_cents"] == facts["upsell_cents"] + facts["cross_sell_cents"]).all()
    assert ((facts["opening_cents"] > 0) | (facts["closing_cents"] > 0)).all()
    one_way = ["new_cents", "reactivation_cents", "expansion_cents", "contraction_cents", "churned_cents"]
    assert (facts.select(pl.sum_horizontal(pl.col(one_way) > 0)).to_series() <= 1).all()


@quick
@given(companies(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(company, chance):
    items, known = list(company.items), list(company.rates.items())
    chance.shuffle(items)
    chance.shuffle(known)
    shuffled = Company(tuple(items), dict(known), company.as_of)
    assert_frame_equal(made(shuffled), made(company))
    assert_frame_equal(made_by_currency(shuffled), made_by_currency(company))


@few
@given(companies(), st.permutations(MONTHS))
def test_months_computed_alone_in_any_order_are_those_computed_together(company, order):
    for table in (made, made_by_currency):
        together = table(company)
        alone = pl.concat([table(company, month, month) for month in order])
        assert_frame_equal(alone.sort(together.columns[:3]), together.sort(together.columns[:3]))


@few
@given(companies(), st.integers(1, 3))
def test_months_computed_in_two_stretches_are_those_computed_at_once(company, cut):
    stretches = [made(company, MONTHS[cut], LAST), made(company, FIRST, MONTHS[cut - 1])]
    assert_frame_equal(pl.concat(stretches).sort("month", "account_id"), made(company))


# --- the company twice ------------------------------------------------------------------------------------------------

TWICE = ("2023-12", "2025-03")
OF_TWO_MODULES = [
    metric
    for metric in REGISTRY.values()
    if metric.module in (revenue.__name__, retention.__name__)
    and parameters(metric.function) == ("fct_mrr_account_month",)
]


def values(metric: Any, facts: pl.DataFrame, size_of: dict[str, str]) -> pl.DataFrame:
    """A metric for the company and the two sizes of accounts."""
    first, last = TWICE
    dim_month = months(first, last)
    known = [
        {"month": month, "account_id": account, "account_key": key, "size": size}
        for month in dim_month["month"]
        for key, (account, size) in enumerate(size_of.items())
    ]
    where = Surroundings(
        dim_month, margins(dim_month), AccountSegments(rows(DimAccountMonth, *known), ("size",)),
        Exported({"subscription_items": frozenset({"valid_from"})}), Minimums(), dt.date(2099, 12, 31),
        begins=dim_month["month"][0],
    )  # fmt: skip
    return roll_up(metric, metric.function(facts), where).sort("month", "dimension", "segment")


@few
@given(companies())
def test_a_company_twice_its_size_has_the_same_ratios_and_twice_the_sums(company):
    copies = [
        {**version, "account_id": version["account_id"] + "2", "subscription_id": version["subscription_id"] + "2"}
        for version in company.items
    ]
    whole = Company(
        company.items, company.rates | {key: Decimal(1) for key in _unrated(company)}, dt.date(2099, 12, 31)
    )
    twice = Company((*whole.items, *copies), whole.rates, whole.as_of)
    size_of = {"A": "S", "B": "L"}
    once, doubled = made(whole, *TWICE), made(twice, *TWICE)
    for metric in OF_TWO_MODULES:
        one = values(metric, once, size_of)
        two = values(metric, doubled, size_of | {f"{account}2": size for account, size in size_of.items()})
        if metric.rollup == "ratio":
            assert_frame_equal(one.select("value", "null_reason"), two.select("value", "null_reason"))
        else:
            assert_frame_equal(one.select(pl.col("value") * 2), two.select("value"))


def _unrated(company: Company) -> list[tuple[str, dt.date]]:
    every = pl.date_range(RATED_FROM, RATED_TO, "1mo", eager=True).to_list()
    return [(code, month) for code in ("USD", "JPY") for month in every if (code, month) not in company.rates]


# --- items ------------------------------------------------------------------------------------------------------------


@quick
@given(companies())
@example(LIFTED_BY_THE_RATE)
def test_items_add_up_to_the_accounts_closing_and_to_it_in_each_currency(company: Company) -> None:
    items = _of(_items, company, FIRST, LAST)
    for table, keys, name in (
        (made(company), ["month", "account_id"], "closing_cents"),
        (made_by_currency(company), ["month", "account_id", "currency"], "closing_native_cents"),
    ):
        closing = table.filter(pl.col(name) > 0).select(*keys, name).sort(keys)
        summed = items.group_by(keys).agg(pl.col(name).sum()).filter(pl.col(name) > 0).sort(keys)
        assert_frame_equal(summed, closing)


@quick
@given(companies())
def test_an_item_is_less_than_a_cent_from_what_it_makes_alone(company: Company) -> None:
    items = _of(_items, company, FIRST, LAST)
    alone = pl.concat(
        [_of(_items, _only(company, name), FIRST, LAST) for name in {i["item_id"] for i in company.items}]
    )
    keys = ["month", "source", "subscription_id", "item_id"]
    both = items.join(alone, on=keys, how="full", suffix="_alone")
    for name in ("closing_cents", "closing_native_cents"):
        # Alone it is rounded to the nearest cent, so that the two differ by one at most.
        assert both.select((pl.col(name) - pl.col(f"{name}_alone")).abs().max()).item() in (0, 1, None)
    assert (
        both.null_count().select(name for name in both.columns if name.startswith("closing")).sum_horizontal()[0] == 0
    )


def _only(company: Company, item_id: str) -> Company:
    return Company(tuple(i for i in company.items if i["item_id"] == item_id), company.rates, company.as_of)
