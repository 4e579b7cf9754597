with history as (

    select
        history.touch_id,
        keys.customer_number,
        history.channel,
        history.offer_id,
        cast(null as varchar) as creative_id,
        history.campaign,
        history.sent_at,
        history.cost,
        cast(null as varchar) as message_id,
        history.assignment_probability,
        cast(null as varchar) as objective_id,
        history._received_at,
        history._batch_id
    from {{ ref('stg_campaign_history') }} as history
    inner join {{ ref('int_key_customers') }} as keys on history.key_id = keys.key_id
    where {{ is_known('history.sent_at', 'history._received_at') }}

),

-- the person may have been merged or parted since: the contacts tell who it is now, the customer's name of then only helps out
messages as (

    select
        messages.message_id as touch_id,
        coalesce(contacts.customer_number, customers.customer_number) as customer_number,
        messages.channel,
        messages.offer_id,
        messages.creative_id,
        messages.cycle_id as campaign,
        messages.handed_over_at as sent_at,
        messages.cost,
        messages.message_id,
        cast(null as double) as assignment_probability,
        messages.objective_id,
        messages._received_at,
        messages._batch_id
    from {{ ref('stg_messages') }} as messages
    left join {{ ref('int_contact_customers') }} as contacts on messages.contact_ids[1] = contacts.contact_id
    left join {{ ref('int_customers') }} as customers on messages.customer_id = customers.customer_id
    where
        {{ is_known('messages.handed_over_at', 'messages._received_at') }}
        and coalesce(contacts.customer_number, customers.customer_number) is not null

),

touches as (

    select * from history
    union all
    select * from messages

)

select
    *,
    {{ workspace_day('sent_at') }} as sent_on
from touches
