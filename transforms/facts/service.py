"""What is in service on a day: subscription items as periods of constant native MRR."""

import datetime as dt
import warnings
from dataclasses import dataclass
from math import gcd, lcm

import polars as pl

from transforms.declaration import SO_FAR, intermediate
from transforms.facts.intervals import interval
from transforms.facts.rates import LIMB, TooMuchError, rate_bounds, rates_so_far, sum_at_rates
from transforms.refusals import DataWarning

ITEM = ("export_source", "subscription_id", "item_id")
"""What names an item: its ids belong to the source that sent them."""
PRICE_DENOMINATOR = 10**12
"""Unit prices carry twelve decimals of the minor unit."""
_PER_MONTH = {"year": (1, 12), "quarter": (1, 3), "month": (1, 1), "week": (52, 12), "day": (365, 12)}


class NegativeMrrWarning(DataWarning):
    """Discounts exceed what they are taken from; MRR is taken as 0."""


@dataclass(frozen=True)
class Service:
    """Periods of constant MRR, one row per item, account and period.

    Columns: those of ITEM, account_id, plan, quantity, interval, currency, seats, cancel_requested_on, from_day (first
    day), to_day (first day after; NULL: open) and `amount`, the monthly amount in 1/`scale` native minor units, not
    zero.
    """

    periods: pl.DataFrame
    scale: int
    as_of: dt.date


@intermediate()
def service_periods(subscription_items: pl.DataFrame, as_of: dt.date) -> Service:
    """The periods in which items make MRR, as seen on `as_of`.

    Of each item the version with the greatest valid_from ≤ day speaks, the first one from started_on; it counts if
    started_on ≤ day < ended_on, not paused, not metered, not on trial. Amount = line_amount, or else quantity ×
    unit_amount, − discount, brought to a month: ÷ interval_count and year ÷ 12, quarter ÷ 3, week × 52/12, day ×
    365/12, exactly. A discount takes no more than its line: below zero a line is 0, and a warning counts such items.

    Raises:
        TooMuchError: the amounts are too large, or too finely divided, to be added exactly.
    """
    scale, factor = _monthly_factor(subscription_items)
    fineness, charge = _charge(subscription_items)
    _check_size(subscription_items, scale * fineness)
    pieces = (
        _cut(spoken_versions(subscription_items).filter(~pl.col("is_metered").fill_null(value=False)))
        .filter(pl.col("cut") <= as_of)
        .with_columns(factor=factor)
    )
    line = charge - _discount(pl.col("cut")).cast(pl.Int128) * fineness
    billed = (
        pieces.filter(~_on_trial(pl.col("cut")) & ~_paused(pl.col("cut")))
        .select(
            *ITEM, "account_id", "plan", "quantity", "currency", "seats", "cancel_requested_on", from_day="cut",
            to_day=pl.when(pl.col("piece_to") < FOREVER).then(pl.col("piece_to")),
            interval=interval(), amount=line * pl.col("factor"),
        )
        .sort(*ITEM, "from_day")
    )  # fmt: skip
    if below := billed.filter(pl.col("amount") < 0).select(ITEM).n_unique():
        told = f"{below} items with discounts above their charge: their MRR is taken as 0"
        warnings.warn(told, NegativeMrrWarning, 2)
    return Service(billed.filter(pl.col("amount") > 0), scale * fineness, as_of)


CUTS = ("from_day", "to_day", "trial_started_on", "trial_ends_on", "paused_from", "paused_until", "discount_ends_on")
"""Days on which what a version makes may change."""
FOREVER = dt.date(9999, 1, 1)
DAYS_A_MONTH = 31
LARGEST = 2**122
"""An account's amounts × LIMB stay below it, so that no sum of some of them at a rate outgrows 128 bits."""
TOO_LARGE = (
    "subscription_items: amounts too large, or prices and intervals too finely divided, to be added exactly; "
    "look for a quantity, a unit_amount, a line_amount or an interval_count that cannot be, also in an earlier export: "
    "it stays part of the history until it is forgotten"
)


def spoken_versions(items: pl.DataFrame) -> pl.DataFrame:
    """Each version with the days it speaks for and is in service: from_day ≤ day < to_day; sorted by item and start.

    Of versions with one valid_from the one changed last speaks; the others have no day.
    """
    start = pl.coalesce("valid_from", "started_on")
    # Sorted once, an item's versions are neighbours: to look for them group by group takes five times longer.
    is_first = ~pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in ITEM)
    is_last = is_first.shift(-1, fill_value=True)
    following = pl.when(~is_last).then(start.shift(-1))
    return (
        items.lazy()
        .sort(*ITEM, start, "changed_at", maintain_order=True)
        .with_columns(
            from_day=pl.when(is_first).then(pl.col("started_on")).otherwise(pl.max_horizontal(start, "started_on")),
            to_day=pl.min_horizontal(following.fill_null(FOREVER), pl.col("ended_on").fill_null(FOREVER)),
        )
        .filter(pl.col("from_day") < pl.col("to_day"))
        .collect()
    )


def _cut(versions: pl.DataFrame) -> pl.DataFrame:
    """Each version once for every piece of its days between two of its CUTS: `cut` ≤ day < `piece_to`."""
    numbered = versions.lazy().with_row_index("version")
    # Most versions have none of these days but their ends, so that few rows are looked at.
    days = pl.concat(
        numbered.filter(pl.col(name).is_between("from_day", "to_day")).select("version", cut=name) for name in CUTS
    )
    following = pl.when(pl.col("version") == pl.col("version").shift(-1)).then(pl.col("cut").shift(-1))
    return (
        days.unique()
        .sort("version", "cut")
        .with_columns(piece_to=following)
        .drop_nulls("piece_to")
        .join(numbered, on="version")
        .collect()
    )


def _monthly_factor(items: pl.DataFrame) -> tuple[int, pl.Expr]:
    """A common denominator of all billing intervals, and each row's amount of it for one unit of money."""
    counts = [count for count in items["interval_count"].unique().to_list() if count] + [1]
    scale = lcm(*(12 * count for count in counts))
    if scale > LARGEST:
        raise TooMuchError(TOO_LARGE)
    times = pl.col("interval_unit").replace_strict({k: n for k, (n, _) in _PER_MONTH.items()}, return_dtype=pl.Int64)
    parts = pl.col("interval_unit").replace_strict({k: d for k, (_, d) in _PER_MONTH.items()}, return_dtype=pl.Int64)
    per_line = pl.lit(scale, pl.Int128) // (parts * pl.col("interval_count").fill_null(1)).cast(pl.Int128)
    return scale, times.cast(pl.Int128) * per_line


def _charge(items: pl.DataFrame) -> tuple[int, pl.Expr]:
    """A common denominator of all unit prices, and each row's charge per interval in it."""
    exact = items["unit_amount"].drop_nulls().to_physical()
    common = gcd(PRICE_DENOMINATOR, *exact.unique().to_list())
    fineness = PRICE_DENOMINATOR // common
    price = pl.col("unit_amount").fill_null(0).to_physical() // common
    by_unit = pl.col("quantity").fill_null(1).cast(pl.Int128) * price
    return fineness, pl.coalesce(pl.col("line_amount").cast(pl.Int128) * fineness, by_unit)


def _check_size(items: pl.DataFrame, scale: int) -> None:
    """Refuse amounts of which an account's sum could outgrow the whole numbers it is added in."""
    quantity, price = pl.col("quantity").fill_null(1).cast(pl.Float64), pl.col("unit_amount").cast(pl.Float64)
    line = pl.coalesce(pl.col("line_amount").cast(pl.Float64), quantity * price, 0.0).abs()
    charged = line + pl.col("discount_amount").cast(pl.Float64).fill_null(0)
    greatest = items.group_by("account_id").agg(charged.sum().alias("charged"))["charged"].max()
    if isinstance(greatest, float) and greatest * scale * DAYS_A_MONTH > LARGEST / LIMB:
        raise TooMuchError(TOO_LARGE)


def _discount(day: pl.Expr) -> pl.Expr:
    running = pl.col("discount_ends_on").is_null() | (day < pl.col("discount_ends_on"))
    return pl.when(running).then(pl.col("discount_amount").fill_null(0)).otherwise(0)


def _on_trial(day: pl.Expr) -> pl.Expr:
    """The trial's dates decide; the flag where there are none, or where a begun trial has no end."""
    begun = pl.col("trial_started_on").is_null() | (day >= pl.col("trial_started_on"))
    dated = begun & (day < pl.col("trial_ends_on"))
    flagged = begun & pl.col("is_trial").fill_null(value=False)
    return pl.when(pl.col("trial_ends_on").is_not_null()).then(dated).otherwise(flagged)


def _paused(day: pl.Expr) -> pl.Expr:
    until = pl.col("paused_until").fill_null(FOREVER)
    return ((day >= pl.col("paused_from")) & (day < until)).fill_null(value=False)


@intermediate(fx_rates=SO_FAR)
def paying_turns(service_periods: Service, fx_rates: pl.DataFrame, currency: str) -> pl.DataFrame:
    """One row per account and day on which it begins or ceases to pay: account_id, day, pays.

    Paying is MRR above zero to the cent, at the rate of the day's month or the last one before; before a currency's
    first rate whatever is above zero pays.
    """
    periods, as_of = service_periods.periods, service_periods.as_of
    moves = pl.concat(
        [
            periods.select("account_id", "currency", "amount", day="from_day"),
            periods.select("account_id", "currency", pl.col("amount") * -1, day="to_day").drop_nulls("day"),
        ]
    ).filter(pl.col("day") <= as_of)
    days = moves.select("account_id", "day").unique()
    totals = _totals(moves, days, service_periods.scale, fx_rates, currency)
    # Where it depends on the rate whether it is a cent, the account may begin or cease to pay as a month starts.
    wavering = totals.filter(pl.col("wavers")).select("account_id").unique()
    if wavering.height:
        first: dt.date = moves["day"].min()  # type: ignore[assignment]
        months = pl.date_range(first.replace(day=1), as_of, "1mo", eager=True).dt.truncate("1mo")
        starts = wavering.join(pl.DataFrame({"day": months}), how="cross").join(
            days, on=["account_id", "day"], how="anti"
        )
        looked_at = pl.concat([days.join(wavering, on="account_id", how="semi"), starts])
        again = _totals(moves, looked_at, service_periods.scale, fx_rates, currency)
        totals = pl.concat([totals.join(wavering, on="account_id", how="anti"), again])
    changed = pl.col("pays") != pl.col("pays").shift(1, fill_value=False).over("account_id")
    return totals.sort("account_id", "day").filter(changed).select("account_id", "day", "pays")


def first_paid(turns: pl.DataFrame) -> pl.DataFrame:
    """One row per account that ever paid: account_id, first_paid_on, the first day with MRR above zero to the cent."""
    return turns.filter("pays").group_by("account_id").agg(first_paid_on=pl.col("day").min()).sort("account_id")


def _totals(
    moves: pl.DataFrame, days: pl.DataFrame, scale: int, fx_rates: pl.DataFrame, reporting: str
) -> pl.DataFrame:
    """Of each account on some days whether it pays, by its total over currencies and all moves so far.

    `wavers`: under some of the rates it would pay, under others not.
    """
    on_day = moves.group_by("account_id", "currency", "day").agg(pl.col("amount").sum())
    pairs = days.join(on_day.select("account_id", "currency").unique(), on="account_id")
    running = (
        pairs.join(on_day, on=["account_id", "currency", "day"], how="full", coalesce=True)
        .with_columns(pl.col("amount").fill_null(0))
        .sort("account_id", "currency", "day")
        .with_columns(pl.col("amount").cum_sum().over("account_id", "currency"), month=pl.col("day").dt.truncate("1mo"))
        .join(days, on=["account_id", "day"], how="semi")
    )
    rated = rates_so_far(fx_rates, running, reporting).join(
        rate_bounds(fx_rates, running, reporting), on="currency", how="left"
    )
    amount = pl.col("amount")
    unrated = (pl.col("whole_rate").is_null() & (amount > 0)).any()
    at_least = pl.when(amount > 0).then("least_rate").otherwise("greatest_rate")
    at_most = pl.when(amount > 0).then("greatest_rate").otherwise("least_rate")

    def is_a_cent(rate: pl.Expr) -> pl.Expr:
        return sum_at_rates(amount, rate, scale) > 0

    return rated.group_by("account_id", "day").agg(
        pays=is_a_cent(pl.col("whole_rate")) | unrated,
        wavers=(is_a_cent(at_least) != is_a_cent(at_most)) | unrated,
    )


def at_month_ends(in_service: Service, months: pl.DataFrame) -> pl.DataFrame:
    """The periods' rows once for each of the consecutive `months` (month, month_end) on whose last day they run."""

    def index(day: pl.Expr) -> pl.Expr:
        return day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1

    bounds = months.select(
        first=index(pl.col("month")).min(), last=index(pl.col("month")).max(), end=pl.col("month_end").max()
    )
    first, last, end = bounds.row(0)
    # A period runs on a month's last day from the month it starts in, until the month it ends in is reached.
    until = (
        pl.when(pl.col("to_day").is_null() | (pl.col("to_day") > end)).then(last + 1).otherwise(index(pl.col("to_day")))
    )
    return (
        in_service.periods.filter(pl.col("from_day") <= end)
        .with_columns(
            begin=pl.max_horizontal(index(pl.col("from_day")), pl.lit(first)),
            until=pl.min_horizontal(until, pl.lit(last + 1)),
        )
        .filter(pl.col("begin") < pl.col("until"))
        .with_columns(at=pl.int_ranges("begin", "until"))
        .explode("at", empty_as_null=False)
        .with_columns(month=pl.date(pl.col("at") // 12, pl.col("at") % 12 + 1, 1))
        .drop("begin", "until", "at")
    )
