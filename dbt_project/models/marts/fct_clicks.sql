{{ config(materialized='view') }}

with outcomes as (

    select
        message_id,
        event_type,
        occurred_at
    from {{ ref('int_outcomes') }}

)

select
    message_id,
    min(occurred_at) as clicked_at
from outcomes
where event_type = 'clicked' and message_id is not null
group by message_id
