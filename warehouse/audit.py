"""What must hold before anything is published."""

import datetime as dt
from collections.abc import Sequence

import polars as pl

from schemas.operations import Ingest, Invariant
from warehouse.database import WorkingDatabase, transaction
from warehouse.errors import AuditError
from warehouse.lineage import Stale
from warehouse.pasted import make

BROKEN = {
    "mrr identity: opening and all movements make closing": """
        SELECT month, count(*) FILTER (opening_cents + new_cents + reactivation_cents + expansion_cents
            - contraction_cents - churned_cents + fx_cents <> closing_cents) AS broken
        FROM fct_mrr_account_month GROUP BY month""",
    "expansion is upsell and cross-sell": """
        SELECT month, count(*) FILTER (upsell_cents + cross_sell_cents <> expansion_cents) AS broken
        FROM fct_mrr_account_month GROUP BY month""",
    "opening is the closing of the month before": """
        WITH months AS (SELECT month FROM dim_month WHERE month > (SELECT min(month) FROM dim_month)),
        opening AS (SELECT month, account_id, opening_cents FROM fct_mrr_account_month WHERE opening_cents > 0),
        closing AS (SELECT CAST(month + INTERVAL 1 MONTH AS DATE) AS month, account_id, closing_cents
            FROM fct_mrr_account_month WHERE closing_cents > 0)
        SELECT month, count(*) FILTER (opening_cents IS DISTINCT FROM closing_cents) AS broken
        FROM opening FULL JOIN closing USING (month, account_id) JOIN months USING (month) GROUP BY month""",
    "items add up to the account's closing MRR": """
        WITH items AS (SELECT month, account_id, sum(closing_cents) AS cents FROM fct_mrr_item_month
            GROUP BY month, account_id)
        SELECT month, count(*) FILTER (coalesce(i.cents, 0) <> coalesce(a.closing_cents, 0)) AS broken
        FROM items AS i FULL JOIN fct_mrr_account_month AS a USING (month, account_id) GROUP BY month""",
    "mrr is the sum of closing MRR": """
        SELECT month, CAST(coalesce(f.closing, 0) <> v.value AS BIGINT) AS broken
        FROM metric_month AS v LEFT JOIN
            (SELECT month, sum(closing_cents) AS closing FROM fct_mrr_account_month GROUP BY month) AS f USING (month)
        WHERE v.metric = 'mrr' AND v.dimension = 'all' AND v.value IS NOT NULL""",
    "churn_rate and crr add up to 1": """
        SELECT month, count(*) FILTER (abs(a.value + b.value - 1) > 1e-12) AS broken
        FROM metric_month AS a JOIN metric_month AS b USING (month, dimension, segment)
        WHERE a.metric = 'churn_rate' AND b.metric = 'crr' GROUP BY month""",
    "grr and mrr_churn_rate add up to 1": """
        SELECT month, count(*) FILTER (abs(a.value + b.value - 1) > 1e-12) AS broken
        FROM metric_month AS a JOIN metric_month AS b USING (month, dimension, segment)
        WHERE a.metric = 'grr' AND b.metric = 'mrr_churn_rate' GROUP BY month""",
    "grr is not above nrr": """
        SELECT month, count(*) FILTER (a.value > b.value + 1e-12) AS broken
        FROM metric_month AS a JOIN metric_month AS b USING (month, dimension, segment)
        WHERE a.metric = 'grr' AND b.metric = 'nrr' GROUP BY month""",
    "segments add up to the company": """
        WITH sums AS (
            SELECT metric, month, dimension, sum(numerator) AS n, sum(denominator) AS d
            FROM metric_month JOIN dim_metric USING (metric)
            WHERE rollup IN ('sum', 'ratio') AND dimension <> 'all'
            GROUP BY metric, month, dimension HAVING count(*) FILTER (null_reason = 'company_only') = 0)
        SELECT month, count(*) FILTER (
            abs(coalesce(s.n, 0) - coalesce(v.numerator, 0)) > 1e-9 * greatest(1, abs(v.numerator))
            OR abs(coalesce(s.d, 0) - coalesce(v.denominator, 0)) > 1e-9 * greatest(1, abs(v.denominator))) AS broken
        FROM sums AS s JOIN metric_month AS v USING (metric, month)
        -- Where one source doesn't export it, it may be known of some segments and of the company not.
        WHERE v.dimension = 'all' AND v.null_reason IS DISTINCT FROM 'not_exported' GROUP BY month""",
    "parts add up to the value": """
        WITH sums AS (SELECT metric, month, sum(numerator) AS n, sum(denominator) AS d
            FROM metric_part JOIN dim_metric USING (metric_key) GROUP BY metric, month)
        SELECT month, count(*) FILTER (
            abs(coalesce(s.n, 0) - v.numerator) > 1e-9 * greatest(1, abs(v.numerator))
            OR abs(coalesce(s.d, 0) - v.denominator) > 1e-9 * greatest(1, abs(v.denominator))) AS broken
        FROM metric_month AS v LEFT JOIN sums AS s USING (metric, month)
        WHERE v.dimension = 'all' AND v.numerator IS NOT NULL GROUP BY month""",
    "a value is there, or the reason why not": """
        SELECT month, count(*) FILTER ((value IS NULL) <> (null_reason IS NOT NULL)
            OR NOT coalesce(isfinite(value), true)) AS broken
        FROM metric_month GROUP BY month""",
}
"""For each invariant a query that counts, by month, where it is broken."""


def check_invariants(database: WorkingDatabase) -> pl.DataFrame:
    """Check every invariant over all months, and keep the record; its rows."""
    with database.connect() as connection:
        found = [
            connection.sql(f"SELECT month, CAST(sum(broken) AS DOUBLE) AS broken FROM ({query}) GROUP BY month")  # noqa: S608
            .pl()
            .select(
                pl.lit(name).alias("name"),
                pl.col("month").cast(pl.Date),
                expected=pl.lit(0.0),
                actual=pl.col("broken").fill_null(0.0),
                passed=pl.col("broken").fill_null(0.0) == 0,
            )
            for name, query in BROKEN.items()
        ]
        rows_in = connection.sql("""
            SELECT 'rows read are loaded or quarantined: ' || concat_ws(', ', source, table_name,
                       CASE WHEN raw_table <> table_name THEN raw_table END, file) AS name,
                   CAST(NULL AS DATE) AS month, CAST(rows_read AS DOUBLE) AS expected,
                   CAST(rows_loaded + rows_quarantined AS DOUBLE) AS actual,
                   rows_read = rows_loaded + rows_quarantined AS passed
            FROM export_file""").pl()
        record = Invariant.checked(Invariant.shaped(pl.concat([*found, rows_in], how="vertical_relaxed")))
        with transaction(connection):
            connection.execute("DELETE FROM invariant")
            connection.register("incoming", record.to_arrow())
            connection.execute("INSERT INTO invariant BY NAME SELECT * FROM incoming")
    return record


def refuse(record: pl.DataFrame, stale: Sequence[Stale], database: WorkingDatabase, published_from: dt.date) -> None:
    """Stop here unless everything that is to be published holds.

    Raises:
        AuditError: naming what is broken and the command that mends it.
    """
    failed = database.read(Ingest.table()).filter(pl.col("problem").is_not_null())
    if failed.height:
        problems = "; ".join(sorted(set(failed["problem"].to_list())))
        raise AuditError(
            f"nothing is published, as the last ingest failed: {problems}; mend that, and then: {make('run')}"
        )
    late = [entry for entry in stale if entry.month >= published_from]
    if late:
        months = sorted({entry.month for entry in late})
        first = late[0]
        stretch = f"{months[0]:%Y-%m}..{months[-1]:%Y-%m}"
        raise AuditError(
            f"nothing is published, as {len(late)} table-months are not of one lineage, such as {first.table} in "
            f"{first.month:%Y-%m} ({first.why}); build them: {make('run', MONTHS=stretch)}"
        )
    broken = record.filter(~pl.col("passed"))
    if broken.height:
        named = "; ".join(
            f"{name}{f' in {month:%Y-%m}' if month else ''} ({actual:g} instead of {expected:g})"
            for name, month, expected, actual in broken.select("name", "month", "expected", "actual")
            .head(5)
            .iter_rows()
        )
        raise AuditError(
            f"nothing is published, as {broken.height} invariants are broken: {named}; if it is not mended by "
            f"{make('rebuild')} it is a fault of the program"
        )
