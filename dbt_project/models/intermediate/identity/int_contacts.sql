with newest as (

    select * from {{ ref('int_contact_versions') }}
    where is_newest

)

select
    contact_id,
    first_received_at,
    created_at,
    created_on,
    effective_at,
    email,
    email_sha256,
    phone,
    loyalty_id,
    device_token,
    birth_year,
    {{ clean_name('first_name') }} as first_name_key,
    {{ clean_name('last_name') }} as last_name_key,
    {{ clean_code('address_line') }} as address_key,
    {{ clean_code('postal_code') }} as postal_key
from newest
