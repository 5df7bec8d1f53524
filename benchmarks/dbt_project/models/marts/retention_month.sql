-- One row per month: churn rate by customers, NRR and GRR, of those who paid at its beginning.
WITH summed AS (
    SELECT
        month,
        count(*) FILTER (opening_cents > 0) AS customers,
        count(*) FILTER (change = 'churn') AS churned_customers,
        sum(opening_cents) AS opening_cents,
        sum(closing_cents) AS closing_cents,
        coalesce(sum(change_cents) FILTER (change IN ('expansion', 'contraction', 'churn')), 0) AS kept_change_cents,
        coalesce(sum(change_cents) FILTER (change IN ('contraction', 'churn')), 0) AS lost_cents
    FROM {{ ref('mrr_change_account_month') }}
    GROUP BY month
)

SELECT
    month,
    opening_cents,
    closing_cents,
    churned_customers / nullif(customers, 0) AS churn_rate,
    (opening_cents + kept_change_cents) / nullif(opening_cents, 0) AS nrr,
    (opening_cents + lost_cents) / nullif(opening_cents, 0) AS grr
FROM summed
ORDER BY month
