"""What hangs on rows of accounts and links that were rejected: it counts as if the CRM didn't know the account."""

import polars as pl

from pipelines.ingest.notices import places_of
from pipelines.ingest.sources import crms_of, sources_of
from pipelines.project import Project
from transforms.clean.resolve import internal_accounts
from warehouse.landed import LandedFile
from warehouse.rejected import of_rows
from warehouse.staging import read_quarantined
from warehouse.validation import AT, REPEATED


def notices_on_rejected(
    project: Project, table: str, whose: pl.DataFrame, files: list[LandedFile], own: pl.DataFrame | None = None
) -> list[str]:
    """In words: accounts that stay as last known, or rows of other tables whose account nobody knows.

    `whose`: how many rows of the table each account has; `own`: of accounts the table as it will be. Rows are named by
    file and line, never by a value.
    """
    if table == "account_links":
        return _links(read_quarantined(project.folders, table))
    if whose.is_empty() and own is None:
        return []
    rejected = _rejected(project, files)
    if rejected.is_empty():
        return []
    accounts = project.staged("accounts") if own is None else own
    known = rejected.filter(pl.col("account_id").is_in(accounts["account_id"].unique().implode()))
    if table == "accounts":
        return [*_kept(known, accounts), *_unknown(rejected.join(known, on="account_id", how="anti"))]
    lost = rejected.join(known, on="account_id", how="anti")
    hanging = whose.filter(
        pl.col("account_id").is_in(lost["account_id"].implode()) | _orphan().is_in(lost["its_id"].implode())
    )
    if hanging.is_empty():
        return []
    # Of a table that is read where it lies only the first rows are here.
    number = "" if project.config.in_place(table) else f"{hanging['rows'].sum()} "
    return [
        f"{table}: {number}rows name accounts whose row of accounts was rejected ({places_of(lost)}); they "
        "count as of customers that the CRM does not know, even if they are our own; mend those rows"
    ]


def _links(texts: pl.DataFrame) -> list[str]:
    rows = of_rows(texts) if texts.width else texts
    if rows.is_empty():
        return []
    return [
        f"account_links: {rows.select(AT).n_unique()} rows were rejected "
        f"({places_of(rows.cast({'export_line': pl.Int64}))}); what they link counts as of customers that the CRM does "
        "not know, and not as of its accounts; mend those rows"
    ]


def _orphan() -> pl.Expr:
    """The id of a row's customer, where the account is one of its own (source:id)."""
    return pl.col("account_id").str.strip_prefix(pl.col("export_source") + ":")


def _kept(known: pl.DataFrame, accounts: pl.DataFrame) -> list[str]:
    if known.is_empty():
        return []
    ours = known.filter(pl.col("account_id").is_in(internal_accounts(accounts).implode()))["account_id"].n_unique()
    number = known["account_id"].n_unique()
    return [
        f"accounts: {number} accounts whose row was rejected ({places_of(known)}) stay as they were last known, {ours} "
        "of them our own"
    ]


def _unknown(lost: pl.DataFrame) -> list[str]:
    if lost.is_empty():
        return []
    return [
        f"accounts: {lost['account_id'].n_unique()} accounts whose row was rejected ({places_of(lost)}) were never "
        "known; what hangs on them counts as of customers that the CRM does not know, even if they are our own"
    ]


def _rejected(project: Project, files: list[LandedFile]) -> pl.DataFrame:
    """The rejected rows of accounts that name one: where they stand, their id, and that of the account."""
    found = [pl.DataFrame(schema={"export_source": pl.String, "export_file": pl.String, "export_line": pl.Int64,
                                  "its_id": pl.String, "account_id": pl.String})]  # fmt: skip
    texts, crms = read_quarantined(project.folders, "accounts"), crms_of(project, files)
    for source, form, cleaning in sources_of(project, "accounts", files):
        (key,) = form.raw[cleaning.raw[0]].contract.grain()[:1] or ("",)
        if key not in texts.columns:
            continue
        rows = texts.filter(pl.col("export_source") == source, pl.col("reason") != REPEATED).drop_nulls(key)
        prefix = crms.account(source, "")
        found.append(
            rows.select(
                "export_source",
                "export_file",
                pl.col("export_line").cast(pl.Int64),
                its_id=pl.col(key),
                account_id=pl.lit(prefix) + pl.col(key),
            ).unique(maintain_order=True)
        )
    return pl.concat(found)
