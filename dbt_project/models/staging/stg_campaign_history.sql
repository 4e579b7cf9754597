with loaded as (

    select
        'h-' || left(md5(concat_ws(chr(31), contact_id, channel, sent_at, coalesce(offer_id, ''), coalesce(campaign, ''))), 24) as touch_id,
        {{ clean('contact_id') }} as contact_id,
        {{ identifier_key(contact_id=clean('contact_id')) }} as key_id,
        channel,
        coalesce({{ clean('offer_id') }}, 'none') as offer_id,
        {{ clean('campaign') }} as campaign,
        cost,
        assignment_probability,
        sent_at,
        {{ provenance(source('raw', 'campaign_history')) }}
    from {{ source('raw', 'campaign_history') }}
    {{ where_not_yet_loaded() }}

)

{{ first_received(['touch_id']) }}
