"""SQL table macros of the published file: what is behind a number, and the number of any slice."""

import re

import duckdb

from warehouse.ddl import quoted
from warehouse.views import View, comment_view

KNOWN = """CASE WHEN metric_name IN (SELECT metric FROM dim_metric) THEN metric_name
        ELSE error('there is no metric ' || coalesce(metric_name, 'NULL') || '; dim_metric lists them') END"""

MONTH = """CASE WHEN date_trunc('month', CAST({day} AS DATE)) IN (SELECT month FROM dim_month)
        THEN CAST(date_trunc('month', CAST({day} AS DATE)) AS DATE)
        ELSE error('no published month holds ' || coalesce(CAST({day} AS VARCHAR), 'NULL') || '; dim_month lists them')
        END"""

FORWARD = """CASE WHEN date_trunc('month', CAST(from_month AS DATE)) > CAST(to_month AS DATE)
        THEN error('the first month, ' || CAST(from_month AS VARCHAR) || ', comes after the last') ELSE true END"""

OBSERVED = """
    SELECT {name} AS metric, CAST({month} AS DATE) AS month, account_id, CAST({value} AS DOUBLE) AS value
    FROM working.{table} WHERE {month} >= ? AND {value} IS NOT NULL"""

UNOBSERVED = "SELECT ''::VARCHAR AS metric, ?::DATE AS month, ''::VARCHAR AS account_id, 0::DOUBLE AS value LIMIT 0"

OBSERVATIONS = View(
    "metric_observation",
    "One row per single observation that a median is made of, in the month in which it counts.",
    "SELECT metric, month, account_id, value FROM lineage.observation",
    ("metric_part", "dim_metric", "dim_account"),
    {"value": "What was observed, in the unit of the metric"},
)

EXPLAIN = """
CREATE OR REPLACE MACRO explain_metric(metric_name, month_day) AS TABLE
WITH asked AS (
    SELECT metric, {month} AS month FROM dim_metric WHERE metric = {known}
),
behind AS (
    SELECT p.metric AS part_of, p.account_id, p.month, p.numerator, p.denominator, CAST(NULL AS DOUBLE) AS observation
    FROM asked AS a
    JOIN metric_operand AS o ON o.metric = a.metric
    JOIN metric_account_month AS p ON p.metric = o.operand AND p.month = a.month
    UNION ALL
    SELECT v.metric, v.account_id, v.month, NULL, NULL, v.value
    FROM asked AS a JOIN metric_observation AS v ON v.metric = a.metric AND v.month = a.month
)
SELECT b.part_of, b.account_id, d.account_name, b.numerator, b.denominator, b.observation,
       b.numerator / nullif(sum(b.numerator) OVER (PARTITION BY b.part_of), 0) AS share_of_numerator,
       b.denominator / nullif(sum(b.denominator) OVER (PARTITION BY b.part_of), 0) AS share_of_denominator,
       d.* EXCLUDE (month, account_id, account_name, account_key)
FROM behind AS b LEFT JOIN dim_account_month AS d USING (account_id, month)
ORDER BY b.part_of, abs(coalesce(b.numerator, b.observation)) DESC, b.account_id
"""

SLICE = """
CREATE OR REPLACE MACRO slice_metric(metric_name, from_month, to_month, column_name) AS TABLE
WITH asked AS (
    SELECT metric, rollup, over_time, over_time IN ('flow', 'mean_rate') AS pools,
           {first} AS first, {last} AS last
    FROM dim_metric WHERE metric = {known} AND {forward}
),
needed AS (
    -- The metrics it is made of, and those that make these NULL. A flow or a pooled rate takes every month of the
    -- period, if what is asked for does; anything else takes the last one.
    SELECT DISTINCT m.metric, m.rollup, m.scale, coalesce(m.minimum, 0) AS minimum, m.null_with, m.is_company_only,
           m.known_where, m.history_months,
           CASE WHEN a.pools AND m.over_time IN ('flow', 'mean_rate') THEN a.first ELSE a.last END AS first, a.last
    FROM asked AS a
    JOIN metric_operand AS o ON o.metric = a.metric
    JOIN dim_metric AS d ON d.metric = o.operand
    JOIN dim_metric AS m ON m.metric = d.metric OR m.metric = d.null_with
),
accounts AS (
    -- Each account-month counts under what the column says of that month.
    SELECT d.account_id, d.month,
           coalesce(json_extract_string(to_json(d), '$."' || column_name || '"'), '(unknown)') AS slice
    FROM dim_account_month AS d
    WHERE d.month BETWEEN (SELECT CASE WHEN pools THEN first ELSE last END FROM asked) AND (SELECT last FROM asked)
    AND CASE WHEN column_name = 'all' THEN false WHEN column_name IN (
        SELECT c.column_name FROM duckdb_columns() AS c WHERE c.table_name = 'dim_account_month') THEN true
        ELSE error('dim_account_month has no column ' || coalesce(column_name, 'NULL')) END
    UNION ALL
    -- The company is every account that counts in anything, also those that are in no segment.
    SELECT DISTINCT c.account_id, c.month, 'all'
    FROM (SELECT account_id, month FROM metric_account_month UNION ALL
          SELECT account_id, month FROM metric_observation) AS c
    WHERE column_name = 'all'
    AND c.month BETWEEN (SELECT CASE WHEN pools THEN first ELSE last END FROM asked) AND (SELECT last FROM asked)
),
slices AS (
    SELECT slice FROM accounts
    UNION
    SELECT 'all' FROM asked WHERE column_name = 'all'
),
parts AS (
    SELECT n.metric, a.slice, sum(p.numerator) AS numerator, sum(p.denominator) AS denominator
    FROM needed AS n
    JOIN metric_account_month AS p ON p.metric = n.metric AND p.month BETWEEN n.first AND n.last
    JOIN accounts AS a ON a.account_id = p.account_id AND a.month = p.month
    GROUP BY n.metric, a.slice
),
medians AS (
    SELECT n.metric, a.slice, median(o.value) AS middle
    FROM needed AS n
    JOIN metric_observation AS o ON o.metric = n.metric AND o.month BETWEEN n.first AND n.last
    JOIN accounts AS a ON a.account_id = o.account_id AND a.month = o.month
    GROUP BY n.metric, a.slice
),
company AS (
    -- What not even the company can know in any of the months. (A period may reach a minimum that no month does.)
    SELECT n.metric, max(v.null_reason) AS reason
    FROM needed AS n
    JOIN metric_month AS v ON v.metric = n.metric AND v.dimension = 'all' AND v.month BETWEEN n.first AND n.last
    -- What is known of some accounts, and so not of the company, is told slice by slice.
    WHERE NOT (v.null_reason IS NOT DISTINCT FROM 'not_exported' AND n.known_where IS NOT NULL)
    GROUP BY n.metric
    HAVING count(*) = count(*) FILTER (
        v.null_reason IN ('source_missing', 'not_exported')
        OR v.null_reason = 'insufficient_history' AND (n.minimum = 0 OR n.first = n.last))
),
early AS (
    -- That the data begins too late holds of every slice, whatever the company says instead.
    SELECT n.metric
    FROM needed AS n
    CROSS JOIN (SELECT date_trunc('month', min(first_paid_on)) AS begins FROM dim_account) AS d
    WHERE n.history_months > 0 AND coalesce(n.last - to_months(n.history_months) < d.begins, true)
),
unknown AS (
    -- Slices with an account of which the metric cannot be known, as a source of its doesn't export what it needs.
    SELECT DISTINCT n.metric, a.slice
    FROM needed AS n
    JOIN dim_account_month AS d ON d.month BETWEEN n.first AND n.last
        AND json_extract_string(to_json(d), '$."' || n.known_where || '"') = 'false'
    JOIN accounts AS a ON a.account_id = d.account_id AND a.month = d.month
    WHERE n.known_where IS NOT NULL
),
numbers AS (
    -- Every metric has a row in every slice; a sum over nothing is 0.
    SELECT n.metric, n.rollup, n.minimum, n.null_with, n.is_company_only, s.slice,
           CASE WHEN u.slice IS NOT NULL AND c.reason IS DISTINCT FROM 'source_missing' THEN 'not_exported'
                WHEN e.metric IS NOT NULL THEN coalesce(c.reason, 'insufficient_history')
                ELSE c.reason END AS of_company,
           CASE WHEN n.rollup IN ('sum', 'ratio') THEN coalesce(p.numerator, 0) END AS numerator,
           CASE WHEN n.rollup = 'ratio' THEN coalesce(p.denominator, 0) END AS denominator,
           CASE n.rollup WHEN 'sum' THEN coalesce(p.numerator, 0) WHEN 'median' THEN m.middle
                         WHEN 'ratio' THEN n.scale * p.numerator / nullif(p.denominator, 0) END AS value
    FROM needed AS n CROSS JOIN slices AS s
    LEFT JOIN parts AS p ON p.metric = n.metric AND p.slice = s.slice
    LEFT JOIN medians AS m ON m.metric = n.metric AND m.slice = s.slice
    LEFT JOIN company AS c ON c.metric = n.metric
    LEFT JOIN early AS e ON e.metric = n.metric
    LEFT JOIN unknown AS u ON u.metric = n.metric AND u.slice = s.slice
),
reasoned AS (
    -- The first reason that holds, in the order of the catalogue.
    SELECT metric, slice, null_with, value, numerator, denominator,
           CASE WHEN of_company IN ('source_missing', 'not_exported') THEN of_company
                WHEN is_company_only AND column_name <> 'all' THEN 'company_only'
                WHEN of_company = 'insufficient_history' OR denominator < minimum THEN 'insufficient_history'
                WHEN value IS NULL THEN 'zero_denominator' END AS reason
    FROM numbers
),
known AS (
    SELECT r.metric, r.slice, r.numerator, r.denominator, coalesce(r.reason, w.reason) AS reason,
           CASE WHEN coalesce(r.reason, w.reason) IS NULL THEN r.value END AS value
    FROM reasoned AS r LEFT JOIN reasoned AS w ON w.metric = r.null_with AND w.slice = r.slice
),
derived AS (
    -- Formulas over the slices of the metrics in them; the first unknown one of these is the reason.
    SELECT a.metric, o.slice, {values} AS value, {reasons} AS reason
    FROM asked AS a
    JOIN dim_month AS d ON d.month = a.last
    CROSS JOIN (SELECT {columns} FROM known GROUP BY slice) AS o
    WHERE a.rollup = 'derived'
),
told AS (
    SELECT metric, slice, value, numerator, denominator, reason FROM known
    UNION ALL
    SELECT metric, slice, CASE WHEN reason IS NULL AND isfinite(value) THEN value END, NULL, NULL,
           coalesce(reason, CASE WHEN isfinite(value) THEN NULL ELSE 'zero_denominator' END)
    FROM derived
),
answered AS (
    SELECT a.metric, a.first, a.last, t.slice, t.value, t.numerator, t.denominator,
           CASE WHEN a.over_time = 'none' AND a.first < a.last THEN 'not_additive' ELSE t.reason END AS reason
    FROM asked AS a JOIN told AS t ON t.metric = a.metric
)
SELECT metric, first AS first_month, last AS last_month, slice, CASE WHEN reason IS NULL THEN value END AS value,
       CASE WHEN there THEN numerator END AS numerator, CASE WHEN there THEN denominator END AS denominator,
       reason AS null_reason
FROM (SELECT *, coalesce(reason IN ('insufficient_history', 'zero_denominator'), true) AS there FROM answered)
ORDER BY slice
"""


MACROS = {
    "explain_metric": "One row per account behind a metric's number in a month: its parts, or each observation of a "
    "median, with what the account was then. Example: FROM explain_metric('churn_rate', '2026-05-01')",
    "slice_metric": "One row per value of any column of dim_account_month ('all': the company): the metric from a "
    "first month through a last one. Example: FROM slice_metric('nrr', '2026-07-01', '2026-09-01', 'csm_owner')",
}
"""What each macro gives, as it is commented in the file."""


def keep_observations(connection: duckdb.DuckDBPyConnection, first_month: object) -> None:
    """Keep the single observations that medians are made of, from a month on, as dim_metric tells.

    They are those of the working database, which is attached: the file that readers get holds published months only.

    A ticket counts in the month it was solved, and the month it was filed under may be one that isn't published.
    """
    observed = connection.execute(
        "SELECT metric, observed_table, observed_value, observed_month FROM dim_metric "
        "WHERE observed_table IS NOT NULL ORDER BY metric"
    ).fetchall()
    selects = [
        OBSERVED.format(name=f"'{name}'", table=table, value=value, month=month)
        for name, table, value, month in observed
    ] or [UNOBSERVED]
    connection.execute(
        f"CREATE OR REPLACE TABLE lineage.observation AS {' UNION ALL '.join(selects)}",
        [first_month] * len(selects),
    )


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros, as dim_metric tells, and the view of what was kept of single observations."""
    connection.execute(f"CREATE OR REPLACE VIEW main.{OBSERVATIONS.name} AS {OBSERVATIONS.sql}")
    comment_view(connection, OBSERVATIONS)
    connection.execute(EXPLAIN.replace("{known}", KNOWN).replace("{month}", MONTH.format(day="month_day")))
    values, reasons, columns = _derived(connection)
    told = SLICE.replace("{values}", values).replace("{reasons}", reasons).replace("{columns}", columns)
    first, last = (MONTH.format(day=day) for day in ("from_month", "to_month"))
    told = told.replace("{first}", first).replace("{last}", last).replace("{forward}", FORWARD)
    connection.execute(told.replace("{known}", KNOWN))
    for name, prose in MACROS.items():
        connection.execute(f"COMMENT ON MACRO TABLE main.{name} IS {quoted(prose)}")


def _derived(connection: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    """By metric the formulas and why they have no value; and the columns that these read, one row a slice."""
    formulas = dict(
        connection.execute("SELECT metric, expression FROM dim_metric WHERE expression IS NOT NULL").fetchall()
    )
    metrics = {name for (name,) in connection.execute("SELECT metric FROM dim_metric").fetchall()}
    of_month = {name for (name,) in connection.execute("SELECT column_name FROM (DESCRIBE dim_month)").fetchall()}
    values, reasons, operands = "", "", dict[str, None]()
    for metric in sorted(formulas):
        formula = _whole(formulas, metric)
        names = dict.fromkeys(re.findall(r"[a-z_]\w*", formula))
        first = [f'o."{name}?"' for name in names if name in metrics]
        constants = [f"CASE WHEN d.{name} IS NULL THEN 'source_missing' END" for name in names if name in of_month]
        values += f" WHEN '{metric}' THEN {formula}"
        reasons += f" WHEN '{metric}' THEN coalesce({', '.join([*first, *constants])})"
        operands |= dict.fromkeys(name for name in names if name in metrics)
    columns = ["slice"]
    for name in operands:
        columns.append(f"max(value) FILTER (metric = '{name}') AS {name}")
        columns.append(f"max(reason) FILTER (metric = '{name}') AS \"{name}?\"")
    if not formulas:
        return "NULL::DOUBLE", "NULL::VARCHAR", "slice"
    return f"CASE a.metric{values} END", f"CASE a.metric{reasons} END", ", ".join(columns)


def _whole(formulas: dict[str, str], metric: str) -> str:
    """A formula with derived metrics in it written out."""
    text = formulas[metric]
    for name in formulas:
        text = re.sub(rf"\b{name}\b", lambda match: f"({_whole(formulas, match[0])})", text)
    return text
