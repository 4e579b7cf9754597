with loaded as (

    select
        order_id,
        {{ clean('contact_id') }} as contact_id,
        {{ clean_email('email') }} as email,
        {{ identifier_key(contact_id=clean('contact_id'), email=clean_email('email')) }} as key_id,
        ordered_at,
        revenue,
        margin,
        item_count,
        discount,
        {{ clean('product_category') }} as product_category,
        {{ clean('offer_code') }} as offer_code,
        {{ provenance(source('raw', 'orders')) }}
    from {{ source('raw', 'orders') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['order_id']) }}
