{{ config(materialized='view') }}

select
    cycle.cycle_on as as_of_on,
    customers.customer_number
from {{ ref('int_customers') }} as customers
cross join {{ ref('stg_cycle') }} as cycle
