{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

with events as (

    select
        *,
        {{ workspace_day('occurred_at') }} as occurred_on,
        {{ workspace_hour('occurred_at') }} as hour_of_day
    from {{ ref('stg_email_engagement') }}
    {{ where_not_yet_built() }}

)

select
    key_id,
    occurred_on,
    cast(hour_of_day as utinyint) as hour_of_day,
    _received_at,
    _batch_id,
    cast(count(*) filter (where event_type = 'sent') as integer) as sent_count,
    cast(count(*) filter (where event_type = 'open') as integer) as open_count,
    cast(count(*) filter (where event_type = 'click') as integer) as click_count,
    cast(count(*) filter (where event_type = 'bounce') as integer) as bounce_count,
    cast(count(*) filter (where event_type in ('complaint', 'unsubscribe')) as integer) as refusal_count
from events
group by key_id, occurred_on, hour_of_day, _received_at, _batch_id
