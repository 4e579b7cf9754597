{{ config(materialized='view') }}

with moments as (

    select
        customer_number,
        sent_at as occurred_at,
        'touch' as kind,
        1 as kind_rank,
        channel,
        offer_id as what,
        touch_id as reference_id
    from {{ ref('int_touches') }}
    union all
    select
        customer_number,
        occurred_at,
        'outcome' as kind,
        2 as kind_rank,
        channel,
        event_type as what,
        event_id as reference_id
    from {{ ref('int_outcomes') }}
    union all
    select
        customer_number,
        started_at as occurred_at,
        'call' as kind,
        3 as kind_rank,
        'voice' as channel,
        direction as what,
        call_id as reference_id
    from {{ ref('int_calls') }}
    union all
    select
        customer_number,
        converted_at as occurred_at,
        'conversion' as kind,
        4 as kind_rank,
        channel_of_sale as channel,
        coalesce(offer_code, product_category) as what,
        conversion_id as reference_id
    from {{ ref('int_purchases') }}

)

-- what happened in the same instant is told in the order in which it can cause the next: touch, outcome, call, sale
select
    customer_number,
    cast(row_number() over (
        partition by customer_number order by occurred_at, kind_rank, reference_id
    ) as integer) as position,
    occurred_at,
    kind,
    channel,
    what,
    reference_id
from moments
where customer_number is not null
