with loaded as (

    select
        event_id,
        {{ clean('visitor_id') }} as visitor_id,
        {{ clean('contact_id') }} as contact_id,
        {{ clean_hash('email_sha256') }} as email_sha256,
        {{ identifier_key(
            contact_id=clean('contact_id'),
            email_sha256=clean_hash('email_sha256'),
            visitor_id=clean('visitor_id')
        ) }} as key_id,
        lower(trim(event_type)) as event_type,
        {{ clean('product_category') }} as product_category,
        occurred_at,
        {{ provenance(source('raw', 'web_events')) }}
    from {{ source('raw', 'web_events') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['event_id']) }}
