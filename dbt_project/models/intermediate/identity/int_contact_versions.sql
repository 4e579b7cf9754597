with versions as (

    select * from {{ ref('stg_contacts') }}
    where
        {{ is_known('effective_at') }}
        and created_at < (select cutoff_at from {{ ref('stg_cycle') }})

)

select
    contact_id,
    effective_at,
    {{ workspace_day('effective_at') }} as effective_on,
    {{ workspace_day('created_at') }} as created_on,
    created_at,
    email,
    sha256(email) as email_sha256,
    phone,
    first_name,
    last_name,
    address_line,
    postal_code,
    city,
    region,
    country,
    time_zone,
    birth_year,
    loyalty_id,
    device_token,
    acquisition_source,
    attributes,
    _received_at,
    _batch_id,
    min(_received_at) over (partition by contact_id) as first_received_at,
    effective_at = max(effective_at) over (partition by contact_id) as is_newest,
    row_number() over (order by effective_at, contact_id) as version_rank
from versions
