{{ config(materialized='view') }}

with conversations as (

    select * from {{ ref('int_conversations') }}

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_customers') }}

)

select
    customers.customer_id,
    conversations.position,
    conversations.occurred_at,
    conversations.kind,
    conversations.channel,
    conversations.what,
    conversations.reference_id
from conversations
inner join customers on conversations.customer_number = customers.customer_number
