"""Monthly recurring revenue and its movements."""

import datetime as dt

import polars as pl

from schemas.billing import FctMrrAccountCurrencyMonth, FctMrrAccountMonth
from transforms.calendar import add_months
from transforms.declaration import SO_FAR, monthly
from transforms.facts.rates import (
    RATE_DENOMINATOR,
    in_parts,
    joined,
    monthly_rates,
    refuse_too_much,
    rounded,
    sum_at_rates,
)
from transforms.facts.service import ITEM, Service, at_month_ends, first_paid

PAIR = ["month", "account_id", "currency"]


def _with_month_before(dim_month: pl.DataFrame) -> pl.DataFrame:
    """The months, and the one before the first of them, whose closing is the first opening."""
    first: dt.date = dim_month["month"].min()  # type: ignore[assignment]
    before = add_months(first, -1)
    row = pl.DataFrame({"month": [before], "month_end": [first - dt.timedelta(days=1)]})
    return pl.concat([row, dim_month.select("month", "month_end")])


def _opening_and_closing(item_months: pl.DataFrame, keys: list[str], dim_month: pl.DataFrame) -> pl.DataFrame:
    """Sums of `amount` by month and `keys`: `closing` at month end and `opening`, that of the month before."""
    closing = item_months.group_by("month", *keys).agg(closing=pl.col("amount").sum())
    opening = closing.select(pl.col("month").dt.offset_by("1mo"), *keys, opening="closing")
    both = closing.join(opening, on=["month", *keys], how="full", coalesce=True)
    return both.join(dim_month.select("month"), on="month", how="semi").with_columns(
        pl.col("opening", "closing").fill_null(0)
    )


@monthly(fx_rates=SO_FAR)
def fct_mrr_account_currency_month(
    service_periods: Service, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """See the contract. The months of `dim_month` are consecutive; `currency` is the reporting currency."""
    if dim_month.is_empty():
        return FctMrrAccountCurrencyMonth.blank()
    item_months = at_month_ends(service_periods, _with_month_before(dim_month))
    native = _opening_and_closing(item_months, ["account_id", "currency"], dim_month)
    rates = monthly_rates(fx_rates, native, dim_month, currency)
    return (
        FctMrrAccountCurrencyMonth.shaped(
            native.join(rates, on=["month", "currency"]).with_columns(
                opening_native_cents=rounded(pl.col("opening"), service_periods.scale),
                closing_native_cents=rounded(pl.col("closing"), service_periods.scale),
            )
        )
        .filter((pl.col("opening_native_cents") != 0) | (pl.col("closing_native_cents") != 0))
        .sort(PAIR)
    )


@monthly(fx_rates=SO_FAR)
def fct_mrr_account_month(
    service_periods: Service,
    paying_turns: pl.DataFrame,
    fx_rates: pl.DataFrame,
    dim_month: pl.DataFrame,
    currency: str,
) -> pl.DataFrame:
    """See the contract: MRR of each account at month end and what moved it since the month before.

    new: closing > 0, never a paying day before the month. reactivation: the same, but some paying day before.
    churned: opening where closing is 0. Paying at both ends: the native change × the month's rate, rounded, is
    expansion or contraction, and fx is what then closes the identity; where all items are in the reporting currency the
    change is closing − opening, and there is no fx.

    The months of `dim_month` are consecutive; every month is computed from the whole history.

    Raises:
        MissingRateError: a closed month lacks the rate of a currency in service.
        UndefinedError: an amount is too large to be converted exactly.
    """
    if dim_month.is_empty():
        return FctMrrAccountMonth.blank()
    item_months = at_month_ends(service_periods, _with_month_before(dim_month))
    rates = _rates_of_both_ends(item_months, fx_rates, dim_month, currency)
    native = _opening_and_closing(item_months, ["account_id", "currency"], dim_month).join(
        rates, on=["month", "currency"]
    )
    opening, closing, scale = pl.col("opening"), pl.col("closing"), service_periods.scale
    totals = native.group_by("month", "account_id").agg(
        opening=sum_at_rates(opening, pl.col("rate_before"), scale),
        closing=sum_at_rates(closing, pl.col("whole_rate"), scale),
        change=sum_at_rates(closing - opening, pl.col("whole_rate"), scale),
        is_ours=(pl.col("currency") == currency).all(),
    )
    # In one's own currency nothing but the account's own amounts moves; what rounding leaves is theirs.
    totals = totals.with_columns(change=pl.when("is_ours").then(closing - opening).otherwise("change"))
    refuse_too_much(totals, "MRR", "opening", "closing", "change")
    moved = _movements(totals, first_paid(paying_turns))
    split = _expansion_split(item_months, moved, rates, dim_month)
    extras = _pending_and_seats(item_months, rates, dim_month, scale)
    facts = (
        moved.join(split, on=["month", "account_id"], how="left")
        .join(extras, on=["month", "account_id"], how="left")
        .with_columns(
            pl.col("cross_sell_cents", "pending_cancellation_cents", "uncancelled_items").fill_null(0),
        )
        .with_columns(upsell_cents=pl.col("expansion_cents") - pl.col("cross_sell_cents"))
    )
    return FctMrrAccountMonth.shaped(facts).sort("month", "account_id")


def _rates_of_both_ends(
    item_months: pl.DataFrame, fx_rates: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """One row per month and currency in service at either end: `whole_rate`, and `rate_before` of the month before."""
    ends = item_months.select("month", "currency").unique()
    opened = ends.with_columns(pl.col("month").dt.offset_by("1mo"))
    before = _with_month_before(dim_month).with_columns(is_provisional=pl.lit(value=False))
    months = pl.concat([before.head(1).select("month", "is_provisional"), dim_month.select("month", "is_provisional")])
    rates = monthly_rates(fx_rates, pl.concat([ends, opened]), months, currency)
    shifted = rates.select(pl.col("month").dt.offset_by("1mo"), "currency", rate_before="whole_rate")
    return rates.join(shifted, on=["month", "currency"], how="left").with_columns(pl.col("rate_before").fill_null(0))


def _movements(totals: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    opening, closing, change = pl.col("opening"), pl.col("closing"), pl.col("change")
    joins = (opening == 0) & (closing > 0)
    stays = (opening > 0) & (closing > 0)
    before = (pl.col("first_paid_on") < pl.col("month")).fill_null(value=False)
    return (
        totals.filter((opening > 0) | (closing > 0))
        .join(paid, on="account_id", how="left")
        .select(
            "month",
            "account_id",
            opening_cents=opening,
            new_cents=pl.when(joins & ~before).then(closing).otherwise(0),
            reactivation_cents=pl.when(joins & before).then(closing).otherwise(0),
            expansion_cents=pl.when(stays).then(change.clip(lower_bound=0)).otherwise(0),
            contraction_cents=pl.when(stays).then((-change).clip(lower_bound=0)).otherwise(0),
            churned_cents=pl.when(closing == 0).then(opening).otherwise(0),
            fx_cents=pl.when(stays).then(closing - opening - change).otherwise(0),
            closing_cents=closing,
        )
    )


def _expansion_split(
    item_months: pl.DataFrame, moved: pl.DataFrame, rates: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """cross_sell_cents of the account-months that expanded, in proportion to growth at the month's rate."""
    grown = moved.filter(pl.col("expansion_cents") > 0).select("month", "account_id", "expansion_cents")
    months = grown.select("month").unique()
    near = pl.concat([months, months.with_columns(pl.col("month").dt.offset_by("-1mo"))]).unique()
    candidates = item_months.join(near, on="month", how="semi").join(grown, on="account_id", how="semi")
    items = (
        _opening_and_closing(candidates, [*ITEM, "account_id", "currency"], dim_month)
        .join(grown, on=["month", "account_id"], how="semi")
        .join(rates, on=["month", "currency"])
        .group_by("month", "account_id", *ITEM)
        .agg(had=(pl.col("opening") != 0).any(), **_summed_at_rate(pl.col("closing") - pl.col("opening")))
        .filter((pl.col("whole") > 0) | (pl.col("whole") == 0) & (pl.col("rest") > 0))
    )
    is_new = ~pl.col("had")
    shares = items.group_by("month", "account_id").agg(
        pl.col("whole", "rest").sum(),
        new_whole=pl.col("whole").filter(is_new).sum(),
        new_rest=pl.col("rest").filter(is_new).sum(),
    )

    def proportion(row: dict[str, int]) -> int:
        # Python's whole numbers: the product outgrows 128 bits.
        total = row["whole"] * RATE_DENOMINATOR + row["rest"]
        cross = row["new_whole"] * RATE_DENOMINATOR + row["new_rest"]
        return (2 * row["expansion_cents"] * cross + total) // (2 * total)

    return grown.join(shares, on=["month", "account_id"]).select(
        "month",
        "account_id",
        cross_sell_cents=pl.struct("expansion_cents", "whole", "rest", "new_whole", "new_rest").map_elements(
            proportion, return_dtype=pl.Int64
        ),
    )


def _summed_at_rate(amount: pl.Expr) -> dict[str, pl.Expr]:
    """A sum of amounts at their rates, exactly: `whole` and, in 1 / RATE_DENOMINATOR, `rest`."""
    high, middle, low = in_parts(amount, pl.col("whole_rate"))
    whole, rest = joined((high.sum(), middle.sum(), low.sum()))
    return {"whole": whole, "rest": rest}


def _pending_and_seats(
    item_months: pl.DataFrame, rates: pl.DataFrame, dim_month: pl.DataFrame, scale: int
) -> pl.DataFrame:
    """Seats of the items that make MRR, the MRR of those whose cancellation is requested by month end, the others."""
    requested = (pl.col("cancel_requested_on") <= pl.col("month_end")).fill_null(value=False)
    return (
        item_months.join(dim_month.select("month", "month_end"), on="month")
        .join(rates, on=["month", "currency"])
        .with_columns(pending=pl.when(requested).then("amount").otherwise(0))
        .group_by("month", "account_id")
        .agg(
            pending_cancellation_cents=sum_at_rates(pl.col("pending"), pl.col("whole_rate"), scale),
            uncancelled_items=((pl.col("amount") > 0) & ~requested).sum().cast(pl.Int64),
            seats=pl.when(pl.col("seats").count() > 0).then(pl.col("seats").sum()),
        )
    )
