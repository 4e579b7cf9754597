with loaded as (

    select
        call_id,
        {{ clean_phone('phone') }} as phone,
        {{ identifier_key(phone=clean_phone('phone')) }} as key_id,
        direction,
        duration_s,
        lower({{ clean('disposition') }}) as disposition,
        transcript,
        started_at,
        {{ provenance(source('raw', 'call_logs')) }}
    from {{ source('raw', 'call_logs') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['call_id']) }}
