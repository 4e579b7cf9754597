{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

{%- set sources = [
    ('stg_web_events', 'contact_id', 'null', 'email_sha256', 'null', 'null', 'visitor_id'),
    ('stg_orders', 'contact_id', 'email', 'null', 'null', 'null', 'null'),
    ('stg_store_purchases', 'null', 'email', 'null', 'phone', 'loyalty_id', 'null'),
    ('stg_ad_engagement', 'null', 'null', 'email_sha256', 'null', 'null', 'visitor_id'),
    ('stg_email_engagement', 'null', 'email', 'null', 'null', 'null', 'null'),
    ('stg_call_logs', 'null', 'null', 'null', 'phone', 'null', 'null'),
    ('stg_campaign_history', 'contact_id', 'null', 'null', 'null', 'null', 'null')
] %}

with seen as (

    {% for model, contact_id, email, email_sha256, phone, loyalty_id, visitor_id in sources %}
    select
        key_id,
        cast({{ loop.index }} as utinyint) as source_number,
        any_value(cast({{ contact_id }} as varchar)) as contact_id,
        any_value(cast({{ email }} as varchar)) as email,
        any_value(cast({{ email_sha256 }} as varchar)) as email_sha256,
        any_value(cast({{ phone }} as varchar)) as phone,
        any_value(cast({{ loyalty_id }} as varchar)) as loyalty_id,
        any_value(cast({{ visitor_id }} as varchar)) as visitor_id,
        max(_batch_id) as _batch_id
    from {{ ref(model) }}
    {% if is_incremental() -%}
    where
        _batch_id > (
            select coalesce(max(_batch_id), -1) from {{ this }}
            where source_number = {{ loop.index }}
        )
    {%- endif %}
    group by key_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

new as (

    select seen.*
    from seen
    {% if is_incremental() %}anti join {{ this }} as known on seen.key_id = known.key_id{% endif %}
    qualify row_number() over (partition by seen.key_id order by seen.source_number) = 1

)

select
    key_id,
    source_number,
    contact_id,
    email,
    coalesce(email_sha256, sha256(email)) as email_sha256,
    phone,
    loyalty_id,
    visitor_id,
    (contact_id is not null)::int + (coalesce(email_sha256, email) is not null)::int + (phone is not null)::int
    + (loyalty_id is not null)::int + (visitor_id is not null)::int as identifier_count,
    _batch_id
from new
