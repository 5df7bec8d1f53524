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
