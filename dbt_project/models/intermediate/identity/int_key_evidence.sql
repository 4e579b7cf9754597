{%- set sources = [
    ('int_web_hours', 'occurred_on'), ('int_ad_days', 'occurred_on'),
    ('stg_orders', workspace_day('ordered_at')), ('stg_store_purchases', workspace_day('purchased_at'))
] -%}

with linking as (

    select * from {{ ref('int_identifier_keys') }}
    where identifier_count > 1

),

seen as (

    {% for model, day in sources %}
    select
        rows_.key_id,
        count(*) as sighting_count,
        max({{ day }}) as last_on
    from {{ ref(model) }} as rows_
    semi join linking on rows_.key_id = linking.key_id
    where {{ is_known_on(day) }}
    group by rows_.key_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counted as (

    select
        key_id,
        cast(sum(sighting_count) as integer) as sighting_count,
        max(last_on) as last_on
    from seen
    group by key_id

)

select
    linking.key_id,
    linking.contact_id,
    linking.email_sha256,
    linking.phone,
    linking.loyalty_id,
    linking.visitor_id,
    counted.sighting_count,
    counted.last_on
from counted
inner join linking on counted.key_id = linking.key_id
