with loaded as (

    select
        receipt_id,
        {{ clean('loyalty_id') }} as loyalty_id,
        {{ clean_phone('phone') }} as phone,
        {{ clean_email('email') }} as email,
        {{ identifier_key(loyalty_id=clean('loyalty_id'), phone=clean_phone('phone'), email=clean_email('email')) }} as key_id,
        purchased_at,
        revenue,
        margin,
        {{ clean('store_id') }} as store_id,
        {{ clean('product_category') }} as product_category,
        {{ clean('offer_code') }} as offer_code,
        {{ provenance(source('raw', 'store_purchases')) }}
    from {{ source('raw', 'store_purchases') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['receipt_id']) }}
