"""Which tickets count, and which answers: none about a ticket that is merged, spam or our own."""

import polars as pl

from transforms.clean.resolve import external, internal_accounts

SURVEY = ["export_source", "ticket_id"]


def is_nothing() -> pl.Expr:
    """Whether a ticket is merged into another, or spam (empty: it is not)."""
    return pl.col("is_merged").fill_null(value=False) | pl.col("is_spam").fill_null(value=False)


def _is_internal() -> pl.Expr:
    return pl.col("is_internal").fill_null(value=False)


def of_customers(table: str, staged: pl.DataFrame) -> pl.DataFrame:
    """The rows of a staged table that are customers': our own accounts, and their tickets, are left out."""
    if table == "accounts":
        return external(staged)
    return staged.filter(~_is_internal()) if table == "tickets" else staged


def internal_told(tickets: pl.DataFrame, accounts: pl.DataFrame | None) -> pl.DataFrame:
    """The tickets of all accounts with `is_internal`: as exported, or since the account is one of our own.

    They are staged, other than the rest of what our own accounts do, so that answers about them are known.
    """
    if accounts is None:
        return tickets
    ours = pl.col("account_id").is_in(internal_accounts(accounts).implode())
    return tickets.with_columns(is_internal=_is_internal() | ours)


def about_what_counts(survey_responses: pl.DataFrame, tickets: pl.DataFrame) -> pl.DataFrame:
    """The surveys without those about a ticket that is merged, spam or our own, whatever account they name."""
    named = survey_responses.select(SURVEY).drop_nulls("ticket_id").unique()
    counts = ~(is_nothing() | _is_internal())
    known = tickets.select("ticket_id", ticket_source="export_source", counts=counts)
    in_nothing = own_or_only(named.join(known, on="ticket_id"), SURVEY).filter(~pl.col("counts"))
    return survey_responses.join(in_nothing, on=SURVEY, how="anti", maintain_order="left")


def own_or_only(having: pl.DataFrame, survey: list[str]) -> pl.DataFrame:
    """Of the tickets that have the id that a survey names (`ticket_source`) the one that it is about, if it is known.

    That of the survey's own source, if it has such a ticket; else that of the only source that has one.
    """
    own = having.filter(pl.col("ticket_source") == pl.col("export_source"))
    only = having.join(own, on=survey, how="anti").filter(pl.len().over(survey) == 1)
    return pl.concat([own, only])
