"""What the pipeline says of its own work."""

import polars as pl

from schemas.contract import Contract, column
from schemas.support import Instant


class Quarantine(Contract):
    """One row per rejected row of a file and reason; the raw value stays in the private quarantine folder."""

    source: str = column("Source of the config")
    file: str = column("File as the config names it")
    table_name: str = column("Table the row was meant for")
    line: pl.Int64 = column("Line on which the row starts; the header is line 1")
    column_name: str = column("Column at fault; empty: the row as a whole", null=True)
    reason: str = column("What was expected")
    month: pl.Date = column("Month that the row is dated in, if that can be read", null=True)
    run_id: str = column("Run that rejected it")
    rejected_at: Instant = column("When (UTC)")  # type: ignore[valid-type]


WARNED = {
    "rows_repeated": "have the id of an event or answer of which another row counts",
    "rows_skewed": "have an order of instants broken by at most 15 minutes; the later stands for both",
}
"""Columns of `export_file` that a run warns of where they are above 0, in words."""


class ExportFile(Contract):
    """One row per landed file that speaks now."""

    source: str = column("Source of the config")
    table_name: str = column("Table the file fills")
    raw_table: str = column("Kind of file, as its form calls it; of lists the records that have them are counted")
    file: str = column("File as the config names it")
    sha256: str = column(
        "SHA-256 of the landed copy; of a file that is read where it lies, of path, size and version tag"
    )
    bytes: pl.Int64 = column("Size", unit="bytes")
    rows_read: pl.Int64 = column("Rows in the file", unit="count")
    rows_loaded: pl.Int64 = column("Rows that were loaded", unit="count")
    rows_quarantined: pl.Int64 = column("Rows that were rejected", unit="count")
    rows_repeated: pl.Int64 = column(f"Of the loaded, those that {WARNED['rows_repeated']}", unit="count")
    rows_skewed: pl.Int64 = column(f"Of the loaded, those that {WARNED['rows_skewed']}", unit="count")
    exported_at: Instant = column("When it was exported (UTC)")  # type: ignore[valid-type]
    landed_at: Instant = column("When it was landed (UTC); of a file that is read where it lies, when it was written")  # type: ignore[valid-type]

    class Config:
        unique = ["source", "table_name", "raw_table", "file"]


LEFT_OUT = {
    "tells_nothing": "right, and nothing of the table: a test, a subscription that goes on among reasons to leave",
    "replaced": "another row of the same key counts: of a newer export, or of the same event or answer",
    "internal": "of our own accounts",
    "merged_or_spam": "tickets that are merged or spam, and answers about tickets that count in nothing",
    "unknown_to_config": "a milestone, cost category or source that the config does not name",
    "after_as_of": "dated after as_of",
    "before_history": "with every day before the first computed month",
}
"""Why a loaded row reaches no published number, in words; of several reasons the first counts."""


class LeftOut(Contract):
    """One row per canonical table, source and reason: the rows that were loaded and reach no metric.

    Of tables with versions (accounts, subscription items) rows that show nothing new are no loss and not counted.
    """

    table_name: str = column("Canonical table")
    source: str = column("Source of the config")
    reason: str = column("Why: " + "; ".join(f"{name}, {told}" for name, told in LEFT_OUT.items()), isin=[*LEFT_OUT])
    rows: pl.Int64 = column("Rows that were loaded and count in nothing", unit="count", gt=0)

    class Config:
        unique = ["table_name", "source", "reason"]


class Invariant(Contract):
    """One row per check and month."""

    name: str = column("What must hold")
    month: pl.Date = column("First day of the month", null=True)
    expected: pl.Float64 = column("What one side says", null=True)
    actual: pl.Float64 = column("What the other side says", null=True)
    passed: bool = column("Whether it holds")

    class Config:
        unique = ["name", "month"]


class Publication(Contract):
    """One row per publish."""

    version: pl.Int64 = column("Number of the version")
    published_at: Instant = column("When (UTC)")  # type: ignore[valid-type]
    as_of: pl.Date = column("Day the data speaks for")
    run_id: str = column("Run that published it")
    code_version: str = column("Fingerprint of the code")
    config_sha256: str = column("SHA-256 of the config file")
    first_month: pl.Date = column("First published month")
    last_month: pl.Date = column("Last published month")
    content: str = column("Hash of what all published months are made from")
    currency: str = column("Reporting currency; money in minor units is in its minor units", null=True)
    accepted: str = column("Moves of closed months beyond `change_limit` that were let through by ACCEPT", null=True)

    class Config:
        unique = ["version"]


class MetricRestatement(Contract):
    """One row per published value of a closed month that a later publish changed.

    A value that stays leaves no row; a value that was not published before, as of a new metric, is none that changes.
    """

    version: pl.Int64 = column("Version that readers got the new value with")
    metric: str = column("Metric")
    month: pl.Date = column("First day of the month, which was closed when the old value was published")
    dimension: str = column("Segment column, or all")
    segment: str = column("Value of the segment column, or all")
    old_value: pl.Float64 = column("Value that was published before, in the metric's unit", null=True)
    new_value: pl.Float64 = column("Value that is published since", null=True)
    old_null_reason: str = column("Why the old value was NULL", null=True)
    new_null_reason: str = column("Why the new one is; empty also of a segment that is no longer there", null=True)
    cause: str = column("What had changed since the version before: files, the config, the program, as_of")
    run_id: str = column("Run that published the new value")
    restated_at: Instant = column("When (UTC)")  # type: ignore[valid-type]

    class Config:
        unique = ["version", "metric", "month", "dimension", "segment"]


class IdentityCoverage(Contract):
    """One row per source and published month: how much of what it tells is of accounts that the CRM knows.

    None without a CRM. What is of no known account counts in the company, under an account of its own and in no segment
    but `(unknown)`.
    """

    source: str = column("Source of the config")
    month: pl.Date = column("First day of the month")
    rows: pl.Int64 = column(
        "Its rows of the month that may name an account: dated in it, or items with MRR at its end; without those of a "
        "table that is read where it lies",
        unit="count",
        ge=0,
    )
    rows_in_crm: pl.Int64 = column("Of these, rows of accounts that the CRM knows", unit="count", ge=0)
    rows_share: pl.Float64 = column("rows_in_crm ÷ rows; empty: there are no rows", unit="share", null=True)
    tells_mrr: bool = column("Whether the source has subscription items, so that the MRR is its own")
    mrr_cents: pl.Int64 = column(
        "Closing MRR of its items; of a source without items, that of the company", unit="cents", ge=0
    )
    mrr_in_crm_cents: pl.Int64 = column(
        "Of it, MRR of accounts that the CRM knows; of a source without items, also that the source has named by then",
        unit="cents",
        ge=0,
    )
    mrr_share: pl.Float64 = column("mrr_in_crm_cents ÷ mrr_cents; empty: there is no MRR", unit="share", null=True)

    class Config:
        unique = ["source", "month"]


class SourceMonth(Contract):
    """One row per canonical table, source and month in which it has rows: how many, and how many the CRM knows."""

    table_name: str = column("Canonical table")
    source: str = column("Source of the config")
    month: pl.Date = column("First day of the month")
    rows: pl.Int64 = column("Rows dated in the month", unit="count", gt=0)
    rows_in_crm: pl.Int64 = column("Of these, rows of accounts that the CRM knows", unit="count", ge=0)

    class Config:
        unique = ["table_name", "source", "month"]


class SourceAccount(Contract):
    """One row per canonical table, source and account of the CRM that its rows name: since when."""

    table_name: str = column("Canonical table")
    source: str = column("Source of the config")
    account_id: str = column("Account of the CRM")
    month: pl.Date = column("First month of its rows; empty: rows that nothing dates", null=True)

    class Config:
        unique = ["table_name", "source", "account_id"]


class Build(Contract):
    """One row per table and month that is built: what it was made from."""

    table_name: str = column("Table, or metric asset")
    month: pl.Date = column("First day of the month")
    fingerprint: str = column("What the month's rows were made from, in one hash")
    made_from: str = column("The same, part by part, as JSON")
    rows: pl.Int64 = column("Rows written", unit="count")
    run_id: str = column("Run that wrote it")
    built_at: Instant = column("When (UTC)")  # type: ignore[valid-type]

    class Config:
        unique = ["table_name", "month"]


class ContentMonth(Contract):
    """One row per unpartitioned table, reach of a window on it, and month: a hash of the rows that the window shows."""

    table_name: str = column("Canonical table, or dim_account")
    reach: str = column("How far the window reaches; 'by month': the rows dated in the month")
    month: pl.Date = column("First day of the month; empty: the same for all months", null=True)
    fingerprint: str = column("Hash of the rows")

    class Config:
        unique = ["table_name", "reach", "month"]


class Ingest(Contract):
    """One row per canonical table: how its last ingest went."""

    table_name: str = column("Canonical table")
    made_from: str = column("Fingerprint of landed files, code and config; unchanged: nothing to do")
    exported_columns: str = column("Columns the source exports, parted by commas; empty: no source", null=True)
    partly_exported: str = column("Those of them that not every source of the table exports", null=True)
    rows: pl.Int64 = column("Rows staged", unit="count")
    problem: str = column("Why it failed; empty: it did not", null=True)
    as_of: pl.Date = column("Day the data speaks for")
    sight: str = column("What months see of the table: windows, months and code, in one hash")
    ingested_at: Instant = column("When (UTC)")  # type: ignore[valid-type]
    staged_sha256: str = column(
        "SHA-256 of the staged file, or of the list of its months; empty: there is none", null=True
    )
    left_out: str = column("Rows of left_out that the staged file does not hold, as JSON", null=True)

    class Config:
        unique = ["table_name"]


class EventDay(Contract):
    """One row per source and day of a large canonical table: what of it counts, of customers."""

    table_name: str = column("Canonical table")
    export_source: str = column("Source of the config")
    day: pl.Date = column("Day in the reporting time zone")
    rows: pl.Int64 = column("Rows that count", unit="count")
    content: str = column("Hash of these rows, in whatever order")

    class Config:
        unique = ["table_name", "export_source", "day"]


class EventAccount(Contract):
    """One row per customer of a source that a canonical table names which is read where it lies: whose its rows are."""

    table_name: str = column("Canonical table")
    export_source: str = column("Source of the config")
    customer: str = column("The customer's id as the source writes it")
    account_id: str = column("Account")
    is_ours: bool = column("Whether the account is one of our own")

    class Config:
        unique = ["table_name", "export_source", "customer"]


class AccountKey(Contract):
    """One row per account that ever was: its number, never reused."""

    account_id: str = column("Account")
    account_key: pl.Int32 = column("Number")

    class Config:
        unique = ["account_id"]


class MetricKey(Contract):
    """One row per metric that ever was: its number, never reused."""

    metric: str = column("Metric")
    metric_key: pl.Int16 = column("Number")

    class Config:
        unique = ["metric"]
