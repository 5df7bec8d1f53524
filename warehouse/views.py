"""What analysts see beside the tables: views with comments, made anew at every publish."""

from dataclasses import dataclass

import duckdb

from schemas.currencies import MINOR_DIGITS
from schemas.tables import PUBLISHED
from warehouse.ddl import comment, quoted


@dataclass(frozen=True)
class View:
    """A view, in words and SQL; its columns' comments are those of the tables they come from, or its own."""

    name: str
    prose: str
    sql: str
    tables: tuple[str, ...]
    """Where its columns come from; of a name in several the first speaks."""
    columns: dict[str, str]
    order: str = "month"
    """How its rows lie in the Parquet file."""
    is_by_month: bool = False
    """Whether it has a Parquet file for each month."""


VIEWS = (
    View(
        "metric_account_month",
        "One row per metric, month and account: the parts a value is made of. A ratio is Σ numerator / Σ denominator.",
        """
        SELECT m.metric, p.month, a.account_id, d.account_name, p.numerator, p.denominator
        FROM metric_part AS p
        JOIN dim_metric AS m USING (metric_key)
        JOIN lineage.account_key AS a USING (account_key)
        LEFT JOIN dim_account AS d USING (account_id)
        """,
        ("metric_part", "dim_metric", "dim_account"),
        {},
        "metric, account_id",
        is_by_month=True,
    ),
    View(
        "metric_readable",
        "One row per metric, month, dimension and segment with the value as people say it.",
        """
        SELECT v.metric, m.title, v.month, v.dimension, v.segment,
               CASE m.unit WHEN 'cents' THEN v.value / {minor_units} WHEN 'share' THEN v.value * 100 ELSE v.value END
                   AS amount,
               CASE m.unit WHEN 'cents' THEN 'currency' WHEN 'share' THEN '%' ELSE m.unit END AS unit,
               v.is_provisional, v.null_reason
        FROM metric_month AS v
        JOIN dim_metric AS m USING (metric)
        """,
        ("metric_month", "dim_metric"),
        {"amount": "The value: money in units of the reporting currency, shares in percent", "unit": "Unit of amount"},
    ),
    View(
        "scorecard",
        "One row per metric and month of the company, beside the month before and the same month last year.",
        """
        SELECT m.perspective, m.signal, v.metric, m.title, v.month, v.value, m.unit, m.better,
               previous.value AS previous_month, v.value - previous.value AS change_on_month,
               last_year.value AS same_month_last_year, v.value - last_year.value AS change_on_year,
               t.target, t.owner, t.review_on,
               CASE WHEN v.value IS NULL OR t.target IS NULL THEN NULL
                    WHEN m.better = 'lower' THEN CASE WHEN v.value = 0 THEN NULL ELSE t.target / v.value END
                    WHEN t.target = 0 THEN NULL ELSE v.value / t.target END AS attainment,
               CASE WHEN t.target IS NULL THEN NULL WHEN v.value IS NULL THEN 'unknown'
                    WHEN m.better = 'lower' AND v.value <= t.target OR m.better <> 'lower' AND v.value >= t.target
                    THEN 'met' ELSE 'missed' END AS status,
               v.is_provisional, v.null_reason
        FROM metric_month AS v
        JOIN dim_metric AS m USING (metric)
        LEFT JOIN metric_month AS previous
            ON previous.metric = v.metric AND previous.dimension = 'all' AND previous.month = v.month - INTERVAL 1 MONTH
        LEFT JOIN metric_month AS last_year
            ON last_year.metric = v.metric AND last_year.dimension = 'all'
            AND last_year.month = v.month - INTERVAL 1 YEAR
        LEFT JOIN metric_target AS t ON t.metric = v.metric AND t.month = v.month
        WHERE v.dimension = 'all'
        """,
        ("metric_month", "dim_metric", "metric_target"),
        {
            "previous_month": "Value of the month before",
            "change_on_month": "Value − that of the month before",
            "same_month_last_year": "Value of the same month a year before",
            "change_on_year": "Value − that of a year before",
            "attainment": "Value / target, or target / value where lower is better: 1 and more is met",
            "status": "met, missed, or unknown where there is a target and no value",
        },
    ),
    View(
        "open_renewal",
        "One row per term longer than a month of which it is not decided on the last day of the data whether it is "
        "renewed: it is due later, or was due less than 30 days ago.",
        """
        WITH today AS (SELECT max(month_end) AS as_of FROM dim_month),
        terms AS (
            SELECT source, renewal_id, account_id, subscription_id, term_started_on, term_ended_on, mrr_cents, basis
            FROM upcoming_renewal
            UNION ALL
            SELECT source, renewal_id, account_id, subscription_id, term_started_on, term_ended_on, mrr_cents, basis
            FROM fct_renewal, today
            WHERE counts AND outcome = 'open' AND term_ended_on <= as_of AND decided_on > as_of
        ),
        health AS (
            SELECT account_id, max(month) AS month, arg_max(score, month) AS score, arg_max(band, month) AS band
            FROM fct_health_score WHERE score IS NOT NULL GROUP BY account_id
        )
        SELECT t.account_id, a.account_name, a.csm_owner, t.source, t.renewal_id, t.subscription_id, t.term_started_on,
               t.term_ended_on AS due_on, date_diff('day', today.as_of, t.term_ended_on) AS due_in_days, t.mrr_cents,
               h.score AS health_score, h.band AS health_band, h.month AS health_month, t.basis
        FROM terms AS t CROSS JOIN today
        LEFT JOIN dim_account AS a USING (account_id)
        LEFT JOIN health AS h USING (account_id)
        """,
        ("upcoming_renewal", "dim_account"),
        {
            "due_on": "Due day: the first day after the term",
            "due_in_days": "Days from the last day of the data to the due day; below zero it has passed [days]",
            "health_score": "The account's last health score [score]",
            "health_band": "Its band: green, yellow or red",
            "health_month": "Month of that score",
        },
        order="due_on, renewal_id",
    ),
    View(
        "open_invoice",
        "One row per invoice issued in a published month that is open on the last day of the data, less what credit "
        "notes that name it took back.",
        """
        WITH today AS (SELECT max(month_end) AS as_of FROM dim_month),
        credited AS (
            SELECT source, credits_invoice_id AS invoice_id, currency, sum(abs(amount)) AS amount
            FROM fct_invoice WHERE credited_cents IS NOT NULL AND credits_invoice_id IS NOT NULL
            GROUP BY ALL
        ),
        bills AS (
            SELECT i.*, i.amount - coalesce(i.refunded, 0) AS billed,
                   CAST(i.amount - coalesce(i.refunded, 0) - coalesce(c.amount, 0) AS BIGINT) AS open_amount
            FROM fct_invoice AS i LEFT JOIN credited AS c USING (source, invoice_id, currency)
            WHERE i.status = 'open' AND i.kind = 'invoice' AND i.paid_on IS NULL
        )
        SELECT b.account_id, a.account_name, a.csm_owner, b.source, b.invoice_id, b.issued_on, b.due_on,
               date_diff('day', b.due_on, today.as_of) AS overdue_days, b.currency, b.open_amount,
               -- What is left of it, half a cent up: whole numbers all the way.
               CAST((2 * CAST(b.open_cents AS HUGEINT) * b.open_amount + b.billed) // (2 * CAST(b.billed AS HUGEINT))
                   AS BIGINT) AS open_cents
        FROM bills AS b CROSS JOIN today LEFT JOIN dim_account AS a USING (account_id)
        WHERE b.open_amount > 0
        """,
        ("fct_invoice", "dim_account"),
        {
            "overdue_days": "Days from the due day to the last day of the data; below zero it is not due yet [days]",
            "open_amount": "Amount − refunded − credited [minor units of currency]",
            "open_cents": "The same at the rate of the month of issue; NULL without such a rate [cents]",
        },
        order="due_on, source, invoice_id",
    ),
)


def create_views(connection: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Make the views and comment on them and their columns; `currency` is that of all money."""
    minor_units = 10 ** MINOR_DIGITS[currency]
    for view in VIEWS:
        sql = view.sql.replace("{minor_units}", str(minor_units))
        connection.execute(f"CREATE OR REPLACE VIEW main.{view.name} AS {sql}")
        comment_view(connection, view)


def comment_view(connection: duckdb.DuckDBPyConnection, view: View) -> None:
    """Say what a view and each of its columns is."""
    fields = [field for table in reversed(view.tables) for field in PUBLISHED[table].fields()]
    meanings = {field.name: comment(field.description, field.unit) for field in fields} | view.columns
    connection.execute(f"COMMENT ON VIEW main.{view.name} IS {quoted(view.prose)}")
    for (name,) in connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [view.name]
    ).fetchall():
        connection.execute(f'COMMENT ON COLUMN main.{view.name}."{name}" IS {quoted(meanings[name])}')
