{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

with events as (

    select
        *,
        {{ workspace_day('occurred_at') }} as occurred_on
    from {{ ref('stg_ad_engagement') }}
    {{ where_not_yet_built() }}

)

select
    key_id,
    channel,
    occurred_on,
    _received_at,
    _batch_id,
    cast(count(*) filter (where event_type = 'impression') as integer) as impression_count,
    cast(count(*) filter (where event_type = 'click') as integer) as click_count
from events
group by key_id, channel, occurred_on, _received_at, _batch_id
