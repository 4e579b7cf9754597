{{ config(materialized='view') }}

with purchases as (

    select * from {{ ref('int_purchases') }}

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_customers') }}

)

select
    purchases.conversion_id,
    customers.customer_id,
    purchases.converted_at,
    cast(purchases.revenue as double) as revenue,
    cast(purchases.margin as double) as margin,
    purchases.offer_code,
    cast(purchases.discount as double) as discount,
    purchases.product_category,
    purchases.channel_of_sale
from purchases
inner join customers on purchases.customer_number = customers.customer_number
