with loaded as (

    select
        {{ clean('contact_id') }} as contact_id,
        channel,
        status,
        coalesce(basis, 'express') as basis,
        occurred_at,
        {{ provenance(source('raw', 'consents')) }}
    from {{ source('raw', 'consents') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['contact_id', 'channel', 'status', 'basis', 'occurred_at']) }}
