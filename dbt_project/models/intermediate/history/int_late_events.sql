{{ config(tags=['training'], materialized='view') }}

{%- set sources = [
    ('int_web_hours', 'occurred_on', true), ('int_email_hours', 'occurred_on', true), ('int_ad_days', 'occurred_on', true),
    ('int_purchases', 'converted_on', false), ('int_touches', 'sent_on', false), ('int_calls', 'started_on', false),
    ('int_outcomes', 'occurred_on', false)
] -%}

{% for model, day, is_keyed in sources %}
select
    {{ 'keys' if is_keyed else 'rows_' }}.customer_number,
    rows_.{{ day }} as from_on,
    rows_._received_at,
    rows_._batch_id
from {{ ref(model) }} as rows_
{% if is_keyed %}inner join {{ ref('int_key_customers') }} as keys on rows_.key_id = keys.key_id{% endif %}
union all
{% endfor %}
select
    contacts.customer_number,
    versions.created_on as from_on,
    versions._received_at,
    versions._batch_id
from {{ ref('int_contact_versions') }} as versions
inner join {{ ref('int_contact_customers') }} as contacts on versions.contact_id = contacts.contact_id
