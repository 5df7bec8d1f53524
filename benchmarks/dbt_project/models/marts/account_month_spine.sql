-- One row per account and month, from the month of its first item through the last one.
WITH begun AS (
    SELECT account_id, date_trunc('month', min(started_on))::DATE AS first_month
    FROM {{ ref('stg_subscription_items') }}
    GROUP BY account_id
)

SELECT
    b.account_id,
    unnest(range(b.first_month, DATE '{{ var("last_month") }}' + INTERVAL 1 MONTH, INTERVAL 1 MONTH))::DATE AS month
FROM begun AS b
JOIN {{ ref('stg_accounts') }} USING (account_id)
