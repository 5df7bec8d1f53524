-- One row per account and month with an event in it, by UTC.
SELECT
    account_id,
    date_trunc('month', occurred_on)::DATE AS month,
    sum(event_count) AS events,
    sum(errors) AS errors,
    sum(seconds) / 60 AS minutes,
    count(DISTINCT user_id) AS active_users,
    count(DISTINCT (user_id, occurred_on)) AS user_days,
    count(DISTINCT feature) AS features
FROM {{ ref('stg_usage_events') }}
GROUP BY ALL
