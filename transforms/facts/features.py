"""Account × month × feature → month × feature."""

import polars as pl

from schemas.product import FeatureMonth
from transforms.declaration import Months, monthly

FEATURE = ["month", "feature"]
DIGITS = 12
ACCOUNT = ["month", "account_id"]


@monthly(fct_feature_account_month=Months(back=1), fct_mrr_account_month=Months(back=1))
def feature_month(
    fct_feature_account_month: pl.DataFrame, fct_mrr_account_month: pl.DataFrame, dim_month: pl.DataFrame
) -> pl.DataFrame:
    """See the contract. It reads the month before of both facts.

    adoption: paying accounts that used the feature / paying accounts. A feature that nobody used has adoption 0.
    """
    paying = fct_mrr_account_month.filter(pl.col("closing_cents") > 0).select(ACCOUNT)
    used = fct_feature_account_month
    adoption = _adoption(used, paying)
    before = adoption.select(pl.col("month").dt.offset_by("1mo"), "feature", adoption_before="adoption")
    sums = used.group_by(FEATURE).agg(
        users=_sum_or_null("active_users"), events=pl.col("events").sum(), errors=_sum_or_null("errors")
    )
    rows = (
        _named(used, dim_month)
        .join(paying.group_by("month").agg(paying_accounts=pl.len()), on="month", how="left")
        .join(adoption, on=FEATURE, how="left")
        .join(before, on=FEATURE, how="left")
        .join(sums, on=FEATURE, how="left")
        .join(_comparable(used, paying), on="month", how="left")
        .with_columns(pl.col("accounts_using", "paying_accounts", "events").fill_null(0))
    )
    share, known = pl.col("adoption").fill_null(0), pl.col("paying_accounts") > 0
    change = share - pl.col("adoption_before").fill_null(0)
    return FeatureMonth.shaped(
        rows.with_columns(
            adoption=pl.when(known).then(share), adoption_change=pl.when(known & pl.col("comparable")).then(change)
        )
    ).sort(FEATURE)


def _adoption(used: pl.DataFrame, paying: pl.DataFrame) -> pl.DataFrame:
    """One row per month and feature that a paying account used: accounts_using, adoption."""
    users = used.join(paying, on=ACCOUNT).group_by(FEATURE).agg(accounts_using=pl.len())
    all_of_them = paying.group_by("month").agg(paying_accounts=pl.len())
    # Polars divides a whole column by one number as a product with its reciprocal, which may differ in the last bit.
    share = (pl.col("accounts_using") / pl.col("paying_accounts")).round(DIGITS)
    return users.join(all_of_them, on="month").select(*FEATURE, "accounts_using", adoption=share)


def _named(used: pl.DataFrame, dim_month: pl.DataFrame) -> pl.DataFrame:
    """The months' features: those used in the month or in the one before."""
    now = used.select(FEATURE)
    later = now.with_columns(pl.col("month").dt.offset_by("1mo"))
    return pl.concat([now, later]).unique().join(dim_month.select("month"), on="month", how="semi")


def _comparable(used: pl.DataFrame, paying: pl.DataFrame) -> pl.DataFrame:
    """The months before which there is one with paying accounts and use of anything."""
    both = used.select("month").unique().join(paying.select("month").unique(), on="month")
    return both.select(pl.col("month").dt.offset_by("1mo"), comparable=pl.lit(value=True))


def _sum_or_null(name: str) -> pl.Expr:
    """The sum of what is known; NULL, not 0, where nothing is."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())
