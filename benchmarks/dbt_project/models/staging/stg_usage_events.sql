-- One row per event, or bundle of equal ones, of a customer's user.
SELECT
    event_id,
    account_id::VARCHAR AS account_id,
    user_id,
    name AS feature,
    (occurred_at AT TIME ZONE 'UTC')::DATE AS occurred_on,
    seconds,
    coalesce(event_count, 1) AS event_count,
    errors
FROM read_csv('{{ var("folder") }}/product/usage_events*.csv')
WHERE NOT coalesce(is_internal, false)
