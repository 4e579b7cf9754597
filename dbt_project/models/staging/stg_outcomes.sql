with loaded as (

    select
        event_id,
        {{ clean('message_id') }} as message_id,
        {{ clean('customer_key') }} as customer_key,
        channel,
        event_type,
        value,
        payload,
        occurred_at,
        {{ provenance(source('raw', 'outcomes')) }}
    from {{ source('raw', 'outcomes') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['event_id']) }}
