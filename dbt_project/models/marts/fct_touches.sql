{{ config(materialized='view') }}

with touches as (

    select * from {{ ref('int_touches') }}

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_customers') }}

)

select
    touches.touch_id,
    customers.customer_id,
    touches.channel,
    touches.offer_id,
    touches.creative_id,
    touches.campaign,
    touches.sent_at,
    touches.cost,
    touches.message_id,
    touches.assignment_probability,
    touches.objective_id
from touches
inner join customers on touches.customer_number = customers.customer_number
