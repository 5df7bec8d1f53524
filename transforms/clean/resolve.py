"""Whose row it is: vendors' customer ids as accounts, and our own accounts left out."""

import warnings

import polars as pl

from schemas.customers import UNKNOWN
from transforms.clean.directory import Crms, Directory
from transforms.visible import is_one, only

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
    return under(frame, named(_customers(frame), accounts, account_links, crms))


def under(frame: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """The same, where it is told of all customers of the rows, and maybe of others, whose they are (as by `named`)."""
    told = customers.rename({"name": FOUND})
    ours = told.filter("is_ours")[FOUND].unique()
    resolved = _under(frame, told.drop("is_ours"))
    return only(resolved, ~pl.col("account_id").is_in(ours.implode())) if ours.len() else resolved


def _customers(frame: pl.DataFrame) -> pl.DataFrame:
    """The customers of sources that rows name, each once."""
    customers = frame.select(CUSTOMER).drop_nulls("account_id")
    # Mostly all are one source's, and to look for the ids alone takes half the time.
    return customers.unique("account_id" if is_one(customers["export_source"]) else CUSTOMER)


def _under(frame: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The rows under the account (FOUND) that is told of each customer."""
    if (told[FOUND] == told["account_id"]).all():
        return frame.with_columns(pl.col("account_id").fill_null(UNKNOWN))
    # Of the rows themselves nothing is copied: the events of a large company would take their memory twice.
    by = CUSTOMER
    if is_one(frame["export_source"]):
        by, told = ["account_id"], told.filter(pl.col("export_source") == frame["export_source"][0])
    found = frame.select(by).join(told.select(*by, FOUND), on=by, how="left", maintain_order="left")
    return frame.with_columns(found.select(account_id=pl.coalesce(FOUND, pl.lit(UNKNOWN))).to_series())


def named(
    customers: pl.DataFrame, accounts: pl.DataFrame | None, account_links: pl.DataFrame, crms: Crms
) -> pl.DataFrame:
    """One row per customer of a source (export_source, account_id): name, the account's id; is_ours, an internal one.

    `accounts` as in `resolve`.
    """
    known = [] if accounts is None else accounts["account_id"].unique().to_list()
    directory, rows = Directory(crms, known, account_links), customers.rows()
    found = [directory.account(*customer) for customer in rows]
    if several := [source for (source, _), (_, is_of_several) in zip(rows, found, strict=True) if is_of_several]:
        warnings.warn(
            f"{len(several)} account ids that {', '.join(sorted(set(several)))} names are those of accounts in several"
            " CRMs, and stand for none of them; say under the source in the config whose they are (crm: …), or give"
            " account_links",
            AmbiguousAccountWarning,
            3,
        )
    names = [(*customer, name) for customer, (name, _) in zip(rows, found, strict=True)]
    told = pl.DataFrame(names, dict.fromkeys([*CUSTOMER, "name"], pl.String), orient="row")
    ours = pl.Series([], dtype=pl.String) if accounts is None else internal_accounts(accounts)
    return told.with_columns(is_ours=pl.col("name").is_in(ours.implode()))
