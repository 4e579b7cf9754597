{{ config(materialized='view') }}

{%- set sources = [
    ('web_events', 'int_web_hours', 'occurred_on', 'event_count'),
    ('email_engagement', 'int_email_hours', 'occurred_on', 'sent_count + open_count + click_count + bounce_count + refusal_count'),
    ('ad_engagement', 'int_ad_days', 'occurred_on', 'impression_count + click_count'),
    ('orders', 'stg_orders', workspace_day('ordered_at'), '1'),
    ('store_purchases', 'stg_store_purchases', workspace_day('purchased_at'), '1'),
    ('call_logs', 'stg_call_logs', workspace_day('started_at'), '1'),
    ('campaign_history', 'stg_campaign_history', workspace_day('sent_at'), '1')
] -%}

with counted as (

    {% for source, model, day, events in sources %}
    select
        '{{ source }}' as source,
        coalesce(sum({{ events }}), 0) as event_count,
        coalesce(sum(if(keys.customer_number is null, {{ events }}, 0)), 0) as unidentified_count
    from {{ ref(model) }} as rows_
    left join {{ ref('int_key_customers') }} as keys on rows_.key_id = keys.key_id
    where {{ is_known_on(day) }}
    union all
    {% endfor %}
    select
        'outcomes' as source,
        count(*) as event_count,
        count(*) filter (where customer_number is null) as unidentified_count
    from {{ ref('int_outcomes') }}

)

select
    source,
    cast(event_count as bigint) as event_count,
    cast(unidentified_count as bigint) as unidentified_count
from counted
