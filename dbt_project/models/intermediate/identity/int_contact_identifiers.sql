with versions as (

    select * from {{ ref('int_contact_versions') }}

),

contacts as (

    select contact_id from {{ ref('int_contacts') }}

),

evidence as (

    select evidence.* from {{ ref('int_key_evidence') }} as evidence
    semi join contacts on evidence.contact_id = contacts.contact_id

),

claims as (

    {% for kind, column in [('email', 'email_sha256'), ('phone', 'phone'), ('loyalty', 'loyalty_id'), ('device', 'device_token')] %}
    select
        contact_id,
        '{{ kind }}' as kind,
        {{ column }} as identifier,
        true as is_own,
        is_newest as is_current,
        effective_on as last_on,
        0 as sighting_count
    from versions
    where {{ column }} is not null
    union all
    {% endfor %}
    {% for kind, column in [('email', 'email_sha256'), ('visitor', 'visitor_id')] %}
    select
        contact_id,
        '{{ kind }}' as kind,
        {{ column }} as identifier,
        false as is_own,
        false as is_current,
        last_on,
        sighting_count
    from evidence
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    contact_id,
    kind,
    identifier,
    bool_or(is_own) as is_own,
    bool_or(is_current) as is_current,
    max(last_on) as last_on,
    cast(sum(sighting_count) as integer) as sighting_count
from claims
group by contact_id, kind, identifier
