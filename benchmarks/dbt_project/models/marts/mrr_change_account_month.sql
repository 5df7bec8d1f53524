-- One row per account and month of the spine: opening and closing MRR, and the one kind of change between them.
WITH both_ends AS (
    SELECT
        account_id,
        month,
        mrr_cents AS closing_cents,
        coalesce(lag(mrr_cents) OVER before, 0) AS opening_cents,
        coalesce(max(mrr_cents) OVER (before ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0) > 0 AS has_paid
    FROM {{ ref('mrr_account_month') }}
    WINDOW before AS (PARTITION BY account_id ORDER BY month)
)

SELECT
    account_id,
    month,
    opening_cents,
    closing_cents,
    CASE
        WHEN opening_cents = closing_cents THEN 'none'
        WHEN opening_cents = 0 AND has_paid THEN 'reactivation'
        WHEN opening_cents = 0 THEN 'new'
        WHEN closing_cents = 0 THEN 'churn'
        WHEN closing_cents > opening_cents THEN 'expansion'
        ELSE 'contraction'
    END AS change,
    closing_cents - opening_cents AS change_cents
FROM both_ends
