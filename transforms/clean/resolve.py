"""Whose row it is: vendors' customer ids as accounts, and our own accounts left out."""

import polars as pl

from schemas.customers import UNKNOWN


def internal_accounts(accounts: pl.DataFrame) -> pl.Series:
    """Ids of the accounts that are our own, by what the CRM last said; unknown is not internal."""
    last = accounts.sort("known_from", nulls_last=False).group_by("account_id", maintain_order=True).last()
    return last.filter(pl.col("is_internal").fill_null(value=False))["account_id"]


def external(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts that are customers."""
    return accounts.filter(~pl.col("account_id").is_in(internal_accounts(accounts).implode()))


def resolve(frame: pl.DataFrame, accounts: pl.DataFrame | None, account_links: pl.DataFrame) -> pl.DataFrame:
    """The rows with the CRM's account id instead of the vendor's; those of internal accounts are dropped.

    A link decides first, then an equal id in the CRM. An id the CRM does not know is an account of its own,
    `source:id`; without a CRM (`accounts` is None) every id stands for itself. No id is `(unknown)`.
    """
    links = account_links.select(
        export_source="source", account_id="source_account_id", linked_account_id="account_id"
    ).unique(["export_source", "account_id"])
    known = (
        pl.DataFrame(schema={"account_id": pl.String}) if accounts is None else accounts.select("account_id").unique()
    )
    joined = frame.join(links, on=["export_source", "account_id"], how="left", maintain_order="left").join(
        known.with_columns(in_crm=pl.lit(value=True)), on="account_id", how="left", maintain_order="left"
    )
    alone = pl.format("{}:{}", "export_source", "account_id") if accounts is not None else pl.col("account_id")
    resolved = joined.with_columns(
        account_id=pl.when(pl.col("linked_account_id").is_not_null())
        .then("linked_account_id")
        .when(pl.col("account_id").is_null())
        .then(pl.lit(UNKNOWN))
        .when(pl.col("in_crm"))
        .then("account_id")
        .otherwise(alone)
    ).drop("linked_account_id", "in_crm")
    if accounts is None:
        return resolved
    return resolved.filter(~pl.col("account_id").is_in(internal_accounts(accounts).implode()))
