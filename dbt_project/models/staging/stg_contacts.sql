with loaded as (

    select
        {{ clean('contact_id') }} as contact_id,
        created_at,
        coalesce(updated_at, created_at) as effective_at,
        {{ clean_email('email') }} as email,
        {{ clean_phone('phone') }} as phone,
        {{ clean('first_name') }} as first_name,
        {{ clean('last_name') }} as last_name,
        {{ clean('address_line') }} as address_line,
        {{ clean('postal_code') }} as postal_code,
        {{ clean('city') }} as city,
        {{ clean('region') }} as region,
        upper({{ clean('country') }}) as country,
        {{ clean('time_zone') }} as time_zone,
        birth_year,
        {{ clean('loyalty_id') }} as loyalty_id,
        {{ clean('device_token') }} as device_token,
        {{ clean('acquisition_source') }} as acquisition_source,
        attributes,
        {{ provenance(source('raw', 'crm_contacts')) }}
    from {{ source('raw', 'crm_contacts') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['contact_id', 'effective_at']) }}
