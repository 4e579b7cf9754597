-- the eight channels are all there are
select customer_id
from {{ ref('dim_customers') }}
where
    touch_30d_count <> 0
    {% for channel in channels() -%}
    + touch_{{ channel }}_30d_count
    {% endfor %}
