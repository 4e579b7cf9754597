with outcomes as (

    select * from {{ ref('stg_outcomes') }}
    where {{ is_known('occurred_at') }}

),

touches as (

    select * from {{ ref('int_touches') }}
    where message_id is not null

),

keyed as (

    select
        event_id,
        unnest([
            customer_key,
            sha256(lower(customer_key)),
            lower(customer_key),
            regexp_replace(customer_key, '[^0-9+]', '', 'g')
        ]) as identifier
    from outcomes
    where customer_key is not null

),

identifiers as (

    select
        'contact' as kind,
        contact_id as identifier,
        customer_number
    from {{ ref('int_contact_customers') }}
    union all
    select
        'customer' as kind,
        customer_id as identifier,
        customer_number
    from {{ ref('int_customers') }}
    union all
    select
        kind,
        identifier,
        customer_number
    from {{ ref('int_identifier_owners') }}

),

key_customers as (

    select
        keyed.event_id,
        min_by(
            identifiers.customer_number,
            list_position(['contact', 'customer', 'loyalty', 'email', 'device', 'phone', 'visitor'], identifiers.kind)
        ) as customer_number
    from keyed
    inner join identifiers on keyed.identifier = identifiers.identifier
    group by keyed.event_id

)

select
    outcomes.event_id,
    coalesce(touches.customer_number, key_customers.customer_number) as customer_number,
    outcomes.message_id,
    coalesce(outcomes.channel, touches.channel) as channel,
    outcomes.event_type,
    outcomes.occurred_at,
    {{ workspace_day('outcomes.occurred_at') }} as occurred_on,
    {{ workspace_hour('outcomes.occurred_at') }} as hour_of_day,
    outcomes.value,
    outcomes.payload,
    outcomes._received_at,
    outcomes._batch_id
from outcomes
left join touches on outcomes.message_id = touches.message_id
left join key_customers on outcomes.event_id = key_customers.event_id
