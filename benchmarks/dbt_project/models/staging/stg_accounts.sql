-- One row per account of a customer.
SELECT account_id::VARCHAR AS account_id, account_name, industry, region, size, signup_on
FROM read_csv('{{ var("folder") }}/crm/accounts.csv')
WHERE NOT is_internal
