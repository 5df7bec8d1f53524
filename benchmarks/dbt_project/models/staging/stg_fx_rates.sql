-- One row per month and foreign currency: euros of one unit.
SELECT month::DATE AS month, currency, rate
FROM read_csv('{{ var("folder") }}/finance/fx_rates.csv')
