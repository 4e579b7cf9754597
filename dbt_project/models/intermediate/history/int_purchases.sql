with sales as (

    select
        'order:' || order_id as conversion_id,
        'order' as channel_of_sale,
        key_id,
        ordered_at as converted_at,
        revenue,
        margin,
        coalesce(discount, 0) > 0 or offer_code is not null as is_discounted,
        -- an empty field is no discount where the source has one anywhere, and unknown where it has none
        case when (select count(discount) from {{ ref('stg_orders') }}) > 0 then coalesce(discount, 0) end as discount,
        offer_code,
        product_category,
        _received_at,
        _batch_id
    from {{ ref('stg_orders') }}
    where {{ is_known('ordered_at') }}
    union all
    select
        'store:' || receipt_id as conversion_id,
        'store' as channel_of_sale,
        key_id,
        purchased_at as converted_at,
        revenue,
        margin,
        offer_code is not null as is_discounted,
        cast(null as double) as discount,
        offer_code,
        product_category,
        _received_at,
        _batch_id
    from {{ ref('stg_store_purchases') }}
    where {{ is_known('purchased_at') }}

)

-- decimals, because sums of doubles depend on the order of the rows and a cycle must be repeatable to the bit
select
    sales.conversion_id,
    sales.channel_of_sale,
    keys.customer_number,
    sales.converted_at,
    {{ workspace_day('sales.converted_at') }} as converted_on,
    cast(sales.revenue as decimal(18, 4)) as revenue,
    cast(
        coalesce(sales.margin, sales.revenue * (select margin_share from {{ ref('stg_cycle') }})) as decimal(18, 4)
    ) as margin,
    sales.is_discounted,
    case when sales.discount between 0 and 1e9 then cast(sales.discount as decimal(18, 4)) end as discount,
    sales.offer_code,
    sales.product_category,
    sales._received_at,
    sales._batch_id
from sales
left join {{ ref('int_key_customers') }} as keys on sales.key_id = keys.key_id
where
    sales.revenue between 0 and 1e9
    and coalesce(sales.margin, 0) between -1e9 and 1e9
