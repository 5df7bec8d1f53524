-- One row per account and month of the spine: MRR at the month's end in euro cents; 0 where nothing is billed.
WITH versions AS (
    -- Of each item the last version that is valid by the month's end.
    SELECT s.month, i.*
    FROM {{ ref('account_month_spine') }} AS s
    JOIN {{ ref('stg_subscription_items') }} AS i
        ON i.account_id = s.account_id
        AND i.valid_from <= last_day(s.month)
        AND i.started_on <= last_day(s.month)
    QUALIFY row_number() OVER (PARTITION BY s.month, i.subscription_id, i.item_id ORDER BY i.valid_from DESC) = 1
),

billed AS (
    SELECT v.month, v.account_id, sum(v.mrr_native_cents * coalesce(r.rate, 1)) AS cents
    FROM versions AS v
    LEFT JOIN {{ ref('stg_fx_rates') }} AS r USING (month, currency)
    WHERE v.ended_on IS NULL OR v.ended_on > last_day(v.month)
    GROUP BY ALL
)

SELECT s.account_id, s.month, coalesce(round(b.cents), 0)::BIGINT AS mrr_cents
FROM {{ ref('account_month_spine') }} AS s
LEFT JOIN billed AS b USING (account_id, month)
