"""How much of what each source tells is of accounts that the CRM knows, by month; and what a run says of it."""

from collections.abc import Iterator

import polars as pl

from pipelines.ingest.sources import crms_of, speaking_files
from pipelines.project import Project
from schemas.billing import FctMrrItemMonth
from schemas.customers import DimAccount, DimMonth
from schemas.identity import Identities
from schemas.operations import IdentityCoverage, SourceAccount, SourceMonth
from transforms.clean.coverage import identity_coverage, under
from transforms.clean.resolve import named

CLOSED = ~pl.col("is_provisional")


def coverage(project: Project) -> pl.DataFrame:
    """`identity_coverage` of the published months, of what the working database holds; no rows without a CRM."""
    database, crms = project.database, crms_of(project, speaking_files(project))
    if not crms.names:
        return IdentityCoverage.blank()
    months = database.read(DimMonth.table()).filter(pl.col("month") >= project.config.first_month)
    in_crm = database.read(DimAccount.table()).filter("is_in_crm")["account_id"]
    listed = project.staged(Identities.table()).select("export_source", account_id="customer_id").unique()
    whose = named(listed, project.staged("accounts"), project.staged("account_links"), crms)
    customers = whose.filter(pl.col("name").is_in(in_crm.implode())).select(
        source="export_source", account_id="name", month=pl.lit(None, pl.Date)
    )
    own = (
        project.staged("accounts")
        .select(source="export_source", account_id="account_id", month=pl.lit(None, pl.Date))
        .unique()
    )
    named_by_rows = database.read(SourceAccount.table()).select("source", "account_id", "month")
    with database.connect() as connection:
        asked = f"SELECT source, account_id, month, closing_cents FROM {FctMrrItemMonth.table()}"  # noqa: S608
        items = connection.sql(asked).pl()
    rows = database.read(SourceMonth.table())
    return identity_coverage(months, rows, pl.concat([named_by_rows, customers, own]), items, in_crm)


def lacking(project: Project) -> pl.DataFrame:
    """Rows of `identity_coverage` of the last closed month that are under the floor of the config."""
    database = project.database
    closed = database.read(DimMonth.table()).filter(CLOSED).filter(pl.col("month") == pl.col("month").max())
    told = database.read(IdentityCoverage.table()).join(closed.select("month"), on="month", how="semi")
    return under(told, project.config.identity.coverage_floor)


def told_of_lacking(project: Project) -> Iterator[str]:
    """The same in words, a line each."""
    floor = project.config.identity.coverage_floor
    for row in lacking(project).iter_rows(named=True):
        shares = [f"{row['rows_share']:.1%} of its {row['rows']:,} rows"] if row["rows"] else []
        if row["tells_mrr"] and row["mrr_share"] is not None:
            shares.append(f"{row['mrr_share']:.1%} of its MRR")
        yield (
            f"{row['source']}: of {row['month']:%Y-%m} {' and '.join(shares)} are of accounts that the CRM knows; "
            f"identity.coverage_floor asks for {floor:.0%} (identity_coverage). Link the others by account_links, or "
            "by the fields that identity.rules compare"
        )
