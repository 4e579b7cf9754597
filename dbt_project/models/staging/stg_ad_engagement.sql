with loaded as (

    select
        event_id,
        platform as channel,
        event_type,
        {{ clean_hash('email_sha256') }} as email_sha256,
        {{ clean('visitor_id') }} as visitor_id,
        {{ identifier_key(email_sha256=clean_hash('email_sha256'), visitor_id=clean('visitor_id')) }} as key_id,
        {{ clean('campaign') }} as campaign,
        cost,
        occurred_at,
        {{ provenance(source('raw', 'ad_engagement')) }}
    from {{ source('raw', 'ad_engagement') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['event_id']) }}
