{{ config(materialized='view') }}

with spoken as (

    select
        'call' as source,
        call_id as reference_id,
        customer_number,
        started_at as spoken_at,
        started_on as spoken_on
    from {{ ref('int_calls') }}
    union all
    select
        'outcome' as source,
        event_id as reference_id,
        customer_number,
        occurred_at as spoken_at,
        occurred_on as spoken_on
    from {{ ref('int_outcomes') }}

)

select
    spoken.customer_number,
    spoken.spoken_at,
    spoken.spoken_on,
    readings.intent,
    readings.objection,
    readings.sentiment
from {{ ref('int_call_readings') }} as readings
inner join spoken on readings.source = spoken.source and readings.reference_id = spoken.reference_id
