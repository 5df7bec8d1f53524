"""SQL table macros of the published file: what is behind a number, and the number of any slice."""

import re

import duckdb

from warehouse.views import View, comment_view

OBSERVED = """
    SELECT {name} AS metric, CAST({month} AS DATE) AS month, account_id, CAST({value} AS DOUBLE) AS value
    FROM {table} WHERE {month} IS NOT NULL AND {value} IS NOT NULL"""

UNOBSERVED = (
    "SELECT NULL::VARCHAR AS metric, NULL::DATE AS month, NULL::VARCHAR AS account_id, NULL::DOUBLE AS value LIMIT 0"
)

OBSERVATIONS = View(
    "metric_observation",
    "One row per single observation that a median is made of.",
    "",
    ("metric_part", "dim_metric", "dim_account"),
    {"value": "What was observed, in the unit of the metric"},
)

DERIVED = """
    UNION ALL
    SELECT a.metric, w.slice, NULL, NULL, CASE WHEN isfinite({formula}) THEN {formula} END, w.reason
    FROM (SELECT o.slice, max(o.reason) AS reason, {columns} FROM operands AS o GROUP BY o.slice) AS w
    JOIN asked AS a ON a.metric = '{metric}' JOIN dim_month AS d ON d.month = a.last"""

EXPLAIN = """
CREATE OR REPLACE MACRO explain_metric(metric_name, month_day) AS TABLE
WITH behind AS (
    SELECT p.metric AS part_of, p.account_id, p.month, p.numerator, p.denominator, CAST(NULL AS DOUBLE) AS observation
    FROM metric_account_month AS p JOIN metric_operand AS o ON o.operand = p.metric
    WHERE o.metric = metric_name
    UNION ALL
    SELECT metric, account_id, month, NULL, NULL, value FROM metric_observation WHERE metric = metric_name
)
SELECT b.part_of, b.account_id, d.account_name, b.numerator, b.denominator, b.observation,
       b.numerator / nullif(sum(b.numerator) OVER (PARTITION BY b.part_of), 0) AS share_of_numerator,
       b.denominator / nullif(sum(b.denominator) OVER (PARTITION BY b.part_of), 0) AS share_of_denominator,
       d.* EXCLUDE (month, account_id, account_name, account_key)
FROM behind AS b LEFT JOIN dim_account_month AS d USING (account_id, month)
WHERE b.month = date_trunc('month', CAST(month_day AS DATE))
ORDER BY b.part_of, abs(coalesce(b.numerator, b.observation)) DESC, b.account_id
"""

SLICE = """
CREATE OR REPLACE MACRO slice_metric(metric_name, from_month, to_month, column_name) AS TABLE
WITH asked AS (
    SELECT metric, rollup, over_time, CAST(date_trunc('month', CAST(from_month AS DATE)) AS DATE) AS first,
           CAST(date_trunc('month', CAST(to_month AS DATE)) AS DATE) AS last
    FROM dim_metric WHERE metric = metric_name
),
pooled AS (
    -- A flow or a pooled rate takes every month of the period, a stock its last one.
    SELECT o.operand AS metric, m.rollup, m.scale, m.minimum, d.month
    FROM asked AS a JOIN metric_operand AS o ON o.metric = a.metric JOIN dim_metric AS m ON m.metric = o.operand
    JOIN dim_month AS d ON d.month BETWEEN
        CASE WHEN a.over_time IN ('flow', 'mean_rate') AND m.over_time IN ('flow', 'mean_rate')
             THEN a.first ELSE a.last END AND a.last
),
accounts AS (
    SELECT d.account_id, d.month,
           coalesce(json_extract_string(to_json(d), '$."' || column_name || '"'), '(unknown)') AS slice
    FROM dim_account_month AS d
    WHERE d.month IN (SELECT month FROM pooled) AND CASE WHEN column_name IN (
        SELECT c.column_name FROM duckdb_columns() AS c WHERE c.table_name = 'dim_account_month') THEN true
        ELSE error('dim_account_month has no column ' || column_name) END
),
numbers AS (
    SELECT p.metric, p.rollup, p.scale, p.minimum, s.slice, sum(x.numerator) AS numerator,
           sum(x.denominator) AS denominator, median(v.value) AS middle
    FROM pooled AS p
    JOIN (SELECT DISTINCT month, slice FROM accounts) AS s ON s.month = p.month
    LEFT JOIN (
        SELECT m.metric, m.month, a.slice, sum(m.numerator) AS numerator, sum(m.denominator) AS denominator
        FROM metric_account_month AS m JOIN accounts AS a USING (account_id, month)
        WHERE m.metric IN (SELECT metric FROM pooled) GROUP BY ALL
    ) AS x ON x.metric = p.metric AND x.month = p.month AND x.slice = s.slice AND p.rollup <> 'median'
    LEFT JOIN (
        SELECT m.metric, m.month, a.slice, m.value
        FROM metric_observation AS m JOIN accounts AS a USING (account_id, month)
    ) AS v ON v.metric = p.metric AND v.month = p.month AND v.slice = s.slice AND p.rollup = 'median'
    GROUP BY ALL
),
operands AS (
    SELECT metric, slice, numerator, denominator,
           CASE rollup WHEN 'median' THEN middle WHEN 'sum' THEN coalesce(numerator, 0)
                WHEN 'ratio' THEN CASE WHEN coalesce(denominator, 0) = 0 OR denominator < coalesce(minimum, 0) THEN NULL
                                       ELSE scale * numerator / denominator END END AS value,
           CASE WHEN rollup = 'ratio' AND coalesce(denominator, 0) < coalesce(minimum, 0) THEN 'insufficient_history'
                WHEN rollup = 'median' AND middle IS NULL OR rollup = 'ratio' AND coalesce(denominator, 0) = 0
                THEN 'zero_denominator' END AS reason
    FROM numbers
),
sliced AS (
    SELECT a.metric, o.slice, o.numerator, o.denominator, o.value, o.reason
    FROM operands AS o JOIN asked AS a ON a.metric = o.metric AND a.rollup <> 'derived'
    {derived}
),
unknown AS (
    SELECT any_value(v.null_reason) AS reason FROM metric_month AS v JOIN asked AS a ON a.metric = v.metric
    JOIN dim_metric AS m ON m.metric = v.metric
    WHERE v.month = a.last AND (v.null_reason = 'company_only'
        OR v.dimension = 'all' AND v.null_reason IN ('source_missing', 'not_exported')
        OR v.dimension = 'all' AND v.null_reason = 'insufficient_history' AND m.minimum IS NULL
            AND m.rollup <> 'derived')
)
SELECT a.metric, a.first AS first_month, a.last AS last_month, s.slice,
       CASE WHEN a.over_time = 'none' AND a.first < a.last OR u.reason IS NOT NULL THEN NULL ELSE s.value END AS value,
       s.numerator, s.denominator,
       CASE WHEN a.over_time = 'none' AND a.first < a.last THEN 'not_additive'
            ELSE coalesce(u.reason, CASE WHEN s.value IS NULL THEN coalesce(s.reason, 'zero_denominator') END)
       END AS null_reason
FROM sliced AS s JOIN asked AS a USING (metric) CROSS JOIN unknown AS u
ORDER BY s.slice
"""


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros, and the view of single observations that medians are made of, as dim_metric tells."""
    observed = connection.execute(
        "SELECT metric, observed_table, observed_value, observed_month FROM dim_metric "
        "WHERE observed_table IS NOT NULL ORDER BY metric"
    ).fetchall()
    selects = [
        OBSERVED.format(name=f"'{name}'", table=table, value=value, month=month)
        for name, table, value, month in observed
    ]
    connection.execute(f"CREATE OR REPLACE VIEW main.metric_observation AS {' UNION ALL '.join(selects) or UNOBSERVED}")
    comment_view(connection, OBSERVATIONS)
    connection.execute(EXPLAIN)
    connection.execute(SLICE.replace("{derived}", _derived(connection)))


def _derived(connection: duckdb.DuckDBPyConnection) -> str:
    """For each derived metric its formula over its operands' slices, as one more branch of a union."""
    formulas = dict(
        connection.execute("SELECT metric, expression FROM dim_metric WHERE expression IS NOT NULL").fetchall()
    )
    operands = connection.execute("SELECT DISTINCT operand FROM metric_operand ORDER BY operand").fetchall()
    columns = ", ".join(f"max(o.value) FILTER (o.metric = '{name}') AS {name}" for (name,) in operands)
    return "".join(
        DERIVED.format(columns=columns, formula=_whole(formulas, metric), metric=metric) for metric in sorted(formulas)
    )


def _whole(formulas: dict[str, str], metric: str) -> str:
    """A formula with derived metrics in it written out; a division by zero is NULL."""
    text = formulas[metric]
    for name in formulas:
        text = re.sub(rf"\b{name}\b", lambda match: f"({_whole(formulas, match[0])})", text)
    return text
