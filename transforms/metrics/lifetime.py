"""What a customer is worth over its life, from the 12 months behind."""

from functools import partial

import polars as pl

from transforms.declaration import SO_FAR, Months
from transforms.facts.invoices import paid_invoices
from transforms.metrics.definition import Derived, Ratio, parts

SUBSCRIPTIONS = ("subscription_items",)
PAYMENTS = ("invoices.paid_on",)
MONTHS = 12

YEAR = Months(back=MONTHS - 1)

trailing_ratio = partial(
    Ratio, better="higher", signal="lagging", perspective="financial", over_time="stock", asset="clv"
)
lifetime_value = partial(
    Derived, unit="cents", better="higher", signal="lagging", perspective="financial", over_time="stock", asset="clv"
)


def trailing(rows: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """One row per account and month of `dim_month`: sums of the rows of the 12 months that end with it.

    `rows` has month, account_id and whole numbers; the months are consecutive, and 12 are as many as there are. Sorted
    by month and account.
    """
    numbers = [name for name in rows.columns if name not in {"month", "account_id"}]
    accounts = rows.select("account_id").unique().sort("account_id")
    of_months = rows.partition_by("month", as_dict=True)
    # In 128 bits, which no sum of amounts at their bounds outgrows.
    whole = [pl.col(name).cast(pl.Int128) for name in numbers]
    sums = accounts.select(pl.repeat(0, pl.len(), dtype=pl.Int128).alias(name) for name in numbers)
    found, added = [accounts.hstack(sums).clear().with_columns(month=pl.lit(None, pl.Date))], [sums]
    for month in dim_month["month"].sort():
        own = of_months.get((month,), rows.clear()).lazy().group_by("account_id").agg(one.sum() for one in whole)
        # In the order of the accounts, so that months are added up row by row: to group all of them takes longer.
        ordered = accounts.lazy().join(own, on="account_id", how="left", maintain_order="left")
        added.append(ordered.select(pl.col(numbers).fill_null(0)).collect())
        sums = sums + added[-1]
        if len(added) > MONTHS:
            sums = sums - added.pop(0)
        found.append(accounts.hstack(sums).with_columns(month=pl.lit(month, pl.Date)))
    return pl.concat(found)


PAID = {"invoices": Months(back=MONTHS - 1, by="paid_on"), "fx_rates": SO_FAR, "dim_month": YEAR}
"""What was paid in the twelve months, by the day of payment: an invoice may have been issued in any other month."""


def _taken_back(fct_invoice: pl.DataFrame) -> pl.DataFrame:
    """One row per credit note, in the month of its issue: no invoice, and less paid.

    Also where its invoice is paid later or never: a month that is over would change with the payment.
    """
    return fct_invoice.filter(pl.col("credited_cents").is_not_null()).select(
        "account_id", -pl.col("credited_cents").alias("paid_cents"), "month", invoices=pl.lit(0, pl.Int64)
    )


@trailing_ratio(unit="cents", reads={**PAID, "fct_invoice": YEAR}, items=True, needs=PAYMENTS)
def average_purchase_value(
    invoices: pl.DataFrame, fx_rates: pl.DataFrame, fct_invoice: pl.DataFrame, dim_month: pl.DataFrame, currency: str
) -> pl.DataFrame:
    """Σ (amount − refunded) / invoices paid, of the invoices paid in the 12 months to month end.

    What the credit notes issued in these months took back is taken from the sum; a credit note is no invoice.
    """
    paid = paid_invoices(invoices, fx_rates, dim_month, currency).with_columns(invoices=pl.lit(1, pl.Int64))
    moved = pl.concat([paid, _taken_back(fct_invoice).select(paid.columns)])
    return parts(trailing(moved, dim_month), pl.col("paid_cents"), pl.col("invoices"))


@trailing_ratio(
    unit="count",
    reads={**PAID, "fct_mrr_account_month": YEAR},
    needs=(*PAYMENTS, *SUBSCRIPTIONS),
)
def purchase_frequency(
    invoices: pl.DataFrame,
    fx_rates: pl.DataFrame,
    fct_mrr_account_month: pl.DataFrame,
    dim_month: pl.DataFrame,
    currency: str,
) -> pl.DataFrame:
    """Invoices paid / account-months paying at month end, in the 12 months to month end."""
    paid = paid_invoices(invoices, fx_rates, dim_month, currency).select(
        "month", "account_id", invoices=pl.lit(1, pl.Int64), paying=pl.lit(0, pl.Int64)
    )
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select(
        "month", "account_id", invoices=pl.lit(0, pl.Int64), paying=pl.lit(1, pl.Int64)
    )
    return parts(trailing(pl.concat([paid, paying]), dim_month), pl.col("invoices"), pl.col("paying"))


@trailing_ratio(
    unit="months",
    reads={"fct_mrr_account_month": YEAR, "dim_month": YEAR},
    minimum="churned_accounts",
    needs=SUBSCRIPTIONS,
)
def customer_lifespan(fct_mrr_account_month: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """Σ accounts with opening MRR / Σ accounts churned, over the 12 months to month end."""
    opening = pl.col("opening_cents") > 0
    counted = fct_mrr_account_month.select(
        "month",
        "account_id",
        opened=opening.cast(pl.Int64),
        churned=(opening & (pl.col("closing_cents") == 0)).cast(pl.Int64),
    )
    return parts(trailing(counted, dim_month), pl.col("opened"), pl.col("churned"))


@lifetime_value(
    expression="average_purchase_value * purchase_frequency * customer_lifespan",
    without=dict.fromkeys(("invoices", *PAYMENTS), "arpa * customer_lifespan"),
    title="Customer lifetime value",
)
def clv() -> None:
    """Average purchase value × purchase frequency × customer lifespan; without invoices ARPA × customer lifespan."""


@lifetime_value(
    expression="clv * gross_margin",
    title="Customer lifetime value, margin",
)
def clv_margin() -> None:
    """Customer lifetime value × gross margin of the month."""
