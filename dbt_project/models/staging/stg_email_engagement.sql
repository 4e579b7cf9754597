with loaded as (

    select
        event_id,
        {{ clean_email('email') }} as email,
        {{ identifier_key(email=clean_email('email')) }} as key_id,
        event_type,
        {{ clean('campaign') }} as campaign,
        occurred_at,
        {{ provenance(source('raw', 'email_engagement')) }}
    from {{ source('raw', 'email_engagement') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['event_id']) }}
