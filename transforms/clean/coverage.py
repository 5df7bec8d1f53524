"""How much of what sources tell is of accounts that the CRM knows."""

import polars as pl

from schemas.contract import Contract
from schemas.customers import UNKNOWN
from schemas.operations import IdentityCoverage, SourceAccount, SourceMonth
from transforms.clean.counting import SURVEY, own_or_only
from transforms.visible import is_one

KEY = ["source", "month"]


def rows_by_month(
    staged: pl.DataFrame, contract: type[Contract], month: pl.Expr, in_crm: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `source_month` and of `source_account` of a canonical table.

    `month`: that dates a row, NULL where nothing does; `in_crm`: ids of the CRM's accounts.

    What speaks on from its day, as a subscription item does, is in every month that it speaks for, and not counted.
    """
    told = staged.select("account_id", source="export_source", month=month)
    which, by = {"table_name": pl.lit(contract.table())}, ["source"]
    if is_one(told["source"]):  # mostly: of many events to group by it takes as long again
        which, by = {**which, "source": pl.lit(told["source"][0])}, []
    is_known = pl.col("account_id").is_in(in_crm.implode())
    accounts = told.group_by(*by, "account_id").agg(pl.col("month").min())
    named = accounts.filter(is_known).with_columns(**which)
    by_month = told.group_by(*by, "month").agg(rows=pl.len(), rows_in_crm=is_known.sum()).with_columns(**which)
    dated = by_month.clear() if contract.cumulative() else by_month.drop_nulls("month")
    return _in_order(dated, SourceMonth), _in_order(named, SourceAccount)


def told_by_numbers(table: str, months: pl.DataFrame, accounts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same of a table that is read where it lies, of what was asked there: `rows_of_months` and `first_months`."""
    month = pl.date(pl.col("month") // 100, pl.col("month") % 100, 1)
    named = {"source": pl.col("export_source"), "table_name": pl.lit(table), "month": month}
    dated = months.select("rows", "is_known", **named).group_by("table_name", "source", "month")
    by_month = dated.agg(pl.col("rows").sum(), rows_in_crm=pl.col("rows").filter("is_known").sum())
    return _in_order(by_month, SourceMonth), _in_order(accounts.select("account_id", **named), SourceAccount)


def under_tickets(survey_responses: pl.DataFrame, tickets: pl.DataFrame) -> pl.DataFrame:
    """The responses, one without an account under that of its ticket."""
    known = tickets.select("ticket_id", ticket_source="export_source", its_account="account_id")
    about = survey_responses.select(SURVEY).drop_nulls("ticket_id").unique()
    found = own_or_only(about.join(known, on="ticket_id"), SURVEY).select(*SURVEY, "its_account")
    account = pl.when(pl.col("account_id") != UNKNOWN).then("account_id")
    return survey_responses.join(found, on=SURVEY, how="left", maintain_order="left").with_columns(
        account_id=pl.coalesce(account, "its_account", pl.lit(UNKNOWN))
    )


def identity_coverage(
    months: pl.DataFrame, rows: pl.DataFrame, named: pl.DataFrame, items: pl.DataFrame, in_crm: pl.Series
) -> pl.DataFrame:
    """See the contract; of every source that tells something of the `months` (month) or of an account.

    `rows`: of `source_month`. `named`: of `source_account`; of customers that a source lists, without a month.
    `items`: source, account_id, month, closing_cents of fct_mrr_item_month. `in_crm`: ids of the CRM's accounts.
    """
    mrr = items.filter(pl.col("closing_cents") > 0).with_columns(is_known=pl.col("account_id").is_in(in_crm.implode()))
    known_cents = pl.col("closing_cents").filter("is_known").sum()
    of_items = mrr.group_by(KEY).agg(
        rows=pl.len(),
        rows_in_crm=pl.col("is_known").sum(),
        own_cents=pl.col("closing_cents").sum(),
        own_in_crm_cents=known_cents,
    )
    counts = [frame.select(*KEY, "rows", "rows_in_crm") for frame in (rows, of_items)]
    every = pl.concat(counts, how="vertical_relaxed")
    counted = every.group_by(KEY).agg(pl.col("rows").sum(), pl.col("rows_in_crm").sum())
    sources = pl.concat([frame.select("source") for frame in (every, named, items)]).unique()
    company = mrr.group_by("month").agg(company_cents=pl.col("closing_cents").sum())
    found = (
        sources.join(months.select("month"), how="cross")
        .join(counted, on=KEY, how="left")
        .join(of_items.drop("rows", "rows_in_crm"), on=KEY, how="left")
        .join(company, on="month", how="left")
        .join(_mrr_of_named(mrr, named), on=KEY, how="left")
        .with_columns(pl.col("rows", "rows_in_crm").fill_null(0))
        .with_columns(tells_mrr=pl.col("source").is_in(items["source"].unique().implode()))
    )
    own = pl.col("tells_mrr")
    shares = found.with_columns(
        mrr_cents=pl.when(own).then("own_cents").otherwise("company_cents").fill_null(0),
        mrr_in_crm_cents=pl.when(own).then("own_in_crm_cents").otherwise("named_cents").fill_null(0),
    ).with_columns(
        rows_share=pl.when(pl.col("rows") > 0).then(pl.col("rows_in_crm") / pl.col("rows")),
        mrr_share=pl.when(pl.col("mrr_cents") > 0).then(pl.col("mrr_in_crm_cents") / pl.col("mrr_cents")),
    )
    return _in_order(shares, IdentityCoverage)


def _mrr_of_named(mrr: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """By source and month the MRR of the CRM's accounts that it has named by then: source, month, named_cents."""
    since = named.group_by("source", "account_id").agg(
        first=pl.when(pl.col("month").has_nulls()).then(None).otherwise(pl.col("month").min())
    )
    closing = mrr.filter("is_known").group_by("account_id", "month").agg(pl.col("closing_cents").sum())
    both = closing.join(since, on="account_id").filter(pl.col("first").is_null() | (pl.col("first") <= pl.col("month")))
    return both.group_by(KEY).agg(named_cents=pl.col("closing_cents").sum())


def under(coverage: pl.DataFrame, floor: float) -> pl.DataFrame:
    """The rows with a share under the floor: of rows, or of the MRR that the source itself tells."""
    own = pl.when("tells_mrr").then("mrr_share")
    return coverage.filter(pl.min_horizontal("rows_share", own) < floor)


def _in_order(rows: pl.DataFrame, contract: type[Contract]) -> pl.DataFrame:
    return contract.shaped(rows).sort(contract.grain())
