{{ config(materialized='view') }}

with outcomes as (

    select * from {{ ref('int_outcomes') }}

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_customers') }}

)

select
    outcomes.event_id,
    customers.customer_id,
    outcomes.message_id,
    outcomes.channel,
    outcomes.event_type,
    outcomes.occurred_at,
    outcomes.value,
    outcomes.payload
from outcomes
left join customers on outcomes.customer_number = customers.customer_number
