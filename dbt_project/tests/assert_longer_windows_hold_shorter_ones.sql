-- 7 days are part of 30, these of 90, these of 365; sums of money are exempt, since margins may be negative
select customer_id
from {{ ref('dim_customers') }}
where
    false
    {% for stem, suffix in windowed_measures() if suffix == '_count' -%}
    or not {{ stem }}_7d_count <= {{ stem }}_30d_count
    or not {{ stem }}_30d_count <= {{ stem }}_90d_count
    or not {{ stem }}_90d_count <= {{ stem }}_365d_count
    {% endfor %}
