-- what the customer view adds up over a year is what was sold in it to known customers
with viewed as (

    select coalesce(sum(revenue_365d), 0) as revenue
    from {{ ref('dim_customers') }}

),

sold as (

    select coalesce(sum(revenue), 0) as revenue
    from {{ ref('int_purchases') }}
    where
        customer_number is not null
        and converted_on >= (select cycle_on from {{ ref('stg_cycle') }}) - 365

)

select
    viewed.revenue as viewed_revenue,
    sold.revenue as sold_revenue
from viewed
cross join sold
where abs(viewed.revenue - sold.revenue) > 0.01 + 1e-9 * sold.revenue
