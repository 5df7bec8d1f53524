"""Facts as most people write them first: plain DuckDB SQL over the exports, with none of the rules.

No validation, no quarantine, no trials, pauses, discounts, currencies, time zones, versions known by month end or
movements; one row per account and month, or per thing, as the facts of the warehouse have.
"""

from pathlib import Path

import duckdb

from benchmarks.generated_company import LAST
from transforms.calendar import add_months

FIRST = add_months(LAST, -35)

FACTS = (
    """CREATE TABLE months AS
       SELECT unnest(range(DATE '{first}', DATE '{last}' + INTERVAL 1 MONTH, INTERVAL 1 MONTH))::DATE AS month""",
    """CREATE TABLE fct_mrr_account_month AS
       WITH speaking AS (
           SELECT m.month, i.account_id, i.ended_on,
                  i.quantity * i.unit_amount / CASE i.interval_unit WHEN 'year' THEN 12 ELSE 1 END AS mrr
           FROM read_csv('{folder}/billing/subscription_items.csv') AS i
           JOIN months AS m ON i.started_on <= last_day(m.month) AND i.valid_from <= last_day(m.month)
           QUALIFY row_number() OVER (PARTITION BY m.month, i.subscription_id, i.item_id ORDER BY i.valid_from DESC) = 1
       ), summed AS (
           SELECT month, account_id, sum(mrr) AS closing FROM speaking
           WHERE ended_on IS NULL OR ended_on > last_day(month) GROUP BY ALL
       )
       SELECT *, lag(closing) OVER (PARTITION BY account_id ORDER BY month) AS opening FROM summed""",
    """CREATE TABLE fct_usage_account_month AS
       SELECT date_trunc('month', occurred_at)::DATE AS month, account_id, sum(event_count) AS events,
              sum(errors) AS errors, sum(seconds) / 60 AS minutes, count(DISTINCT user_id) AS active_users,
              count(DISTINCT (user_id, occurred_at::DATE)) AS user_days
       FROM read_csv('{folder}/product/usage_events*.csv') GROUP BY ALL""",
    """CREATE TABLE fct_feature_account_month AS
       SELECT date_trunc('month', occurred_at)::DATE AS month, account_id, name AS feature, sum(event_count) AS events,
              sum(errors) AS errors, count(DISTINCT user_id) AS active_users
       FROM read_csv('{folder}/product/usage_events*.csv') GROUP BY ALL""",
    """CREATE TABLE fct_ticket AS
       SELECT *, last_solved_at - created_at AS resolution,
              reopens = 0 AND public_agent_replies <= 1 AND lead(created_at) OVER (
                  PARTITION BY account_id, topic ORDER BY created_at
              ) > last_solved_at + INTERVAL 7 DAY AS is_first_contact
       FROM read_csv('{folder}/support/tickets.csv')""",
    """CREATE TABLE fct_invoice AS
       SELECT *, paid_on - due_on AS days_late FROM read_csv('{folder}/billing/invoices.csv')""",
    """CREATE TABLE fct_survey_response AS
       SELECT *, (score - scale_min) / (scale_max - scale_min) AS position
       FROM read_csv('{folder}/surveys/survey_responses.csv')""",
    """CREATE TABLE fct_renewal AS SELECT * FROM read_csv('{folder}/crm/renewals.csv')""",
    """CREATE TABLE fct_milestone AS
       SELECT a.account_id, m.milestone, m.reached_on, m.reached_on - a.signup_on AS days
       FROM read_csv('{folder}/crm/accounts.csv') AS a
       JOIN read_csv('{folder}/crm/milestones.csv') AS m USING (account_id)""",
)


def make_facts(folder: Path) -> None:
    """Make the facts in a database of their own beside the exports in `folder`."""
    path = folder / "plain.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for statement in FACTS:
            connection.execute(statement.format(folder=folder / "company", first=FIRST, last=LAST))
