{{ config(tags=['training']) }}

{%- set sample_from_customers = 50000 -%} {#- below it everyone is in the snapshots -#}
{%- set sample_weight = 10 -%}

with days as (

    select * from {{ ref('int_snapshot_days') }}

),

customers as (

    select
        *,
        count(*) over () >= {{ sample_from_customers }} as is_sampled
    from {{ ref('int_customers') }}

),

first_touches as (

    select
        touches.customer_number,
        touches.sent_on as as_of_on,
        touches.channel,
        touches.offer_id,
        touches.assignment_probability
    from {{ ref('int_touches') }} as touches
    inner join days on touches.sent_on = days.as_of_on
    where touches.message_id is null
    qualify row_number() over (
        partition by touches.customer_number, touches.sent_on
        order by touches.sent_at, touches.touch_id
    ) = 1

),

members as (

    select
        customer_number,
        bit_xor(member) as member_mark
    from (
        select
            customer_number,
            md5_number_lower(contact_id) as member
        from {{ ref('int_contact_customers') }}
        union all
        select
            customer_number,
            key_id as member
        from {{ ref('int_key_customers') }}
    )
    group by customer_number

),

spine as (

    select
        days.as_of_on,
        customers.customer_id,
        customers.customer_number,
        first_touches.channel,
        first_touches.offer_id,
        first_touches.assignment_probability,
        case when customers.is_sampled and first_touches.channel is null then {{ sample_weight }} else 1 end as sample_weight
    from days
    inner join customers on days.as_of_on > customers.created_on
    left join first_touches on days.as_of_on = first_touches.as_of_on and customers.customer_number = first_touches.customer_number
    where
        not customers.is_sampled
        or first_touches.channel is not null
        or (customers.sample_bucket + (days.as_of_on - date '2000-01-01')) % {{ sample_weight }} = 0

)

select
    spine.as_of_on,
    spine.customer_id,
    spine.customer_number,
    spine.channel,
    spine.offer_id,
    spine.assignment_probability,
    cast(spine.sample_weight as double) as sample_weight,
    concat_ws(
        '|', members.member_mark, spine.channel, spine.offer_id, spine.assignment_probability, spine.sample_weight,
        cycle.time_zone, cycle.lapsing_days, cycle.lapsed_days, cycle.margin_share
    ) as basis
from spine
inner join members on spine.customer_number = members.customer_number
cross join {{ ref('stg_cycle') }} as cycle
