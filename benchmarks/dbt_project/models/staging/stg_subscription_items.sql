-- One row per version of an item: what it is billed a month, in cents of its own currency, from `valid_from` on.
SELECT
    account_id::VARCHAR AS account_id,
    subscription_id,
    item_id,
    valid_from::DATE AS valid_from,
    started_on::DATE AS started_on,
    ended_on::DATE AS ended_on, -- the first day out
    currency,
    quantity * unit_amount / (interval_count * CASE interval_unit WHEN 'year' THEN 12 ELSE 1 END) AS mrr_native_cents
FROM read_csv('{{ var("folder") }}/billing/subscription_items.csv')
WHERE NOT is_trial AND NOT is_metered
