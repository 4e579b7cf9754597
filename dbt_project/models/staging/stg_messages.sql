with loaded as (

    select
        message_id,
        decision_id,
        cycle_id,
        customer_id,
        objective_id,
        channel,
        offer_id,
        creative_id,
        slot,
        cost,
        from_json(contact_ids, '["VARCHAR"]') as contact_ids,
        handed_over_at,
        _load_id,
        _received_at,
        (select max(_load_id) from {{ source('raw', 'messages') }}) as _batch_id
    from {{ source('raw', 'messages') }}
    {{ where_not_yet_loaded() }}

)

select loaded.*
from loaded
{% if is_incremental() %}anti join {{ this }} as known on loaded.message_id = known.message_id{% endif %}
qualify row_number() over (partition by loaded.message_id order by loaded._load_id) = 1
