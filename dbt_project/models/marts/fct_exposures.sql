{{ config(materialized='view') }}

-- A message that nobody looks at does nothing. Where a channel tells whether somebody looked, a day counts for all messages of
-- the time: which one of them was seen doesn't matter for how likely the person is to look.
with looks as (

    select
        'email' as channel,
        key_id,
        occurred_on as exposed_on
    from {{ ref('int_email_hours') }}
    where open_count + click_count > 0 and {{ is_known_on('occurred_on') }}
    union all
    select
        'web' as channel,
        key_id,
        occurred_on as exposed_on
    from {{ ref('int_web_hours') }}
    where {{ is_known_on('occurred_on') }}

),

keyed as (

    select
        looks.channel,
        keys.customer_number,
        looks.exposed_on
    from looks
    inner join {{ ref('int_key_customers') }} as keys on looks.key_id = keys.key_id
    union all
    select
        channel,
        customer_number,
        occurred_on as exposed_on
    from {{ ref('int_outcomes') }}
    where
        (channel in ('email', 'push') and event_type in ('opened', 'clicked'))
        or (channel = 'web' and event_type = 'visited')
        or (channel = 'voice' and event_type = 'answered')
    union all
    select
        'voice' as channel,
        customer_number,
        started_on as exposed_on
    from {{ ref('int_calls') }}
    where direction = 'outbound' and is_answered

)

select distinct
    customers.customer_id,
    keyed.channel,
    keyed.exposed_on
from keyed
inner join {{ ref('int_customers') }} as customers on keyed.customer_number = customers.customer_number
