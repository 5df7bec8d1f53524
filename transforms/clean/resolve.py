"""Whose row it is: vendors' customer ids as accounts, and our own accounts left out."""

import warnings

import polars as pl

from schemas.customers import UNKNOWN
from transforms.clean.directory import Crms, Directory
from transforms.visible import only

CUSTOMER = ["export_source", "account_id"]
FOUND, LED = "account_id?", "is_led?"
"""No names of columns, which may be any word: events have a `name`, and segments are called as people like."""


class AmbiguousAccountWarning(UserWarning):
    """Several CRMs have an account of the id that a source names."""


def internal_accounts(accounts: pl.DataFrame) -> pl.Series:
    """Ids of the accounts that are our own, by what the CRM last said; unknown is not internal."""
    last = accounts.sort("known_from", nulls_last=False).group_by("account_id", maintain_order=True).last()
    return last.filter(pl.col("is_internal").fill_null(value=False))["account_id"]


def external(accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts that are customers."""
    return accounts.filter(~pl.col("account_id").is_in(internal_accounts(accounts).implode()))


def under_names(accounts: pl.DataFrame, account_links: pl.DataFrame, crms: Crms) -> pl.DataFrame:
    """The accounts that the CRMs tell of, under ids that no two of them share.

    An account that a link leads to another is that one; it is described by that one's own CRM, if that knows it.
    """
    customers = accounts.select(CUSTOMER).unique().rows()
    own = {customer: crms.account(*customer) for customer in customers}
    directory = Directory(crms, list(own.values()), account_links)
    led = {customer: directory.linked(*customer) for customer in customers}
    names = [(*customer, led[customer] or own[customer], led[customer] is not None) for customer in customers]
    schema = {**dict.fromkeys([*CUSTOMER, FOUND], pl.String), LED: pl.Boolean}
    told = accounts.join(pl.DataFrame(names, schema, orient="row"), on=CUSTOMER, maintain_order="left")
    at_home = told.filter(~pl.col(LED)).select(FOUND).unique()
    described = pl.concat([told.filter(~pl.col(LED)), told.filter(LED).join(at_home, on=FOUND, how="anti")])
    return described.with_columns(account_id=FOUND).select(accounts.columns)


def resolve(
    frame: pl.DataFrame, accounts: pl.DataFrame | None, account_links: pl.DataFrame, crms: Crms
) -> pl.DataFrame:
    """The rows under the account's id, as the directory says, instead of the vendor's; without those of internal ones.

    `accounts` are as `under_names` gives them, None without a CRM. No id is `(unknown)`.
    """
    customers = frame.select(CUSTOMER).drop_nulls("account_id").unique()
    told = named(customers, accounts, account_links, crms).rename({"name": FOUND}).drop("is_ours")
    # Of the rows themselves nothing is copied: the events of a large company would take their memory twice.
    found = frame.select(CUSTOMER).join(told, on=CUSTOMER, how="left", maintain_order="left")
    resolved = frame.with_columns(found.select(account_id=pl.coalesce(FOUND, pl.lit(UNKNOWN))).to_series())
    if accounts is None:
        return resolved
    return only(resolved, ~pl.col("account_id").is_in(internal_accounts(accounts).implode()))


def named(
    customers: pl.DataFrame, accounts: pl.DataFrame | None, account_links: pl.DataFrame, crms: Crms
) -> pl.DataFrame:
    """One row per customer of a source (export_source, account_id): name, the account's id; is_ours, an internal one.

    `accounts` as in `resolve`.
    """
    known = [] if accounts is None else accounts["account_id"].unique().to_list()
    directory, rows = Directory(crms, known, account_links), customers.rows()
    if several := [source for source, its_id in rows if directory.is_of_several(source, its_id)]:
        warnings.warn(
            f"{len(several)} account ids that {', '.join(sorted(set(several)))} names are those of accounts in several"
            " CRMs, and stand for none of them; say under the source in the config whose they are (crm: …), or give"
            " account_links",
            AmbiguousAccountWarning,
            3,
        )
    names = [(*customer, directory.account(*customer)) for customer in rows]
    told = pl.DataFrame(names, dict.fromkeys([*CUSTOMER, "name"], pl.String), orient="row")
    ours = pl.Series([], dtype=pl.String) if accounts is None else internal_accounts(accounts)
    return told.with_columns(is_ours=pl.col("name").is_in(ours.implode()))
