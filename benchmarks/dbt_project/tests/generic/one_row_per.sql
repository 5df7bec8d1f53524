{% test one_row_per(model, columns) %}
-- Rows that break the grain.
SELECT {{ columns | join(', ') }}
FROM {{ model }}
GROUP BY ALL
HAVING count(*) > 1
{% endtest %}
