{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

with events as (

    select
        *,
        {{ workspace_day('occurred_at') }} as occurred_on,
        {{ workspace_hour('occurred_at') }} as hour_of_day
    from {{ ref('stg_web_events') }}
    {{ where_not_yet_built() }}

)

select
    key_id,
    occurred_on,
    cast(hour_of_day as utinyint) as hour_of_day,
    _received_at,
    _batch_id,
    cast(count(*) as integer) as event_count,
    cast(count(*) filter (where contains(event_type, 'product')) as integer) as product_view_count,
    cast(count(*) filter (where contains(event_type, 'cart') or contains(event_type, 'checkout')) as integer) as cart_count,
    min(product_category) as product_category
from events
group by key_id, occurred_on, hour_of_day, _received_at, _batch_id
