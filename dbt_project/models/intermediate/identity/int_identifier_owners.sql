with customers as (

    select * from {{ ref('int_contact_customers') }}

),

claims as (

    select
        identifiers.kind,
        identifiers.identifier,
        customers.customer_number,
        bool_or(identifiers.is_current) as is_current,
        bool_or(identifiers.is_own) as is_own,
        sum(identifiers.sighting_count) as sighting_count,
        max(identifiers.last_on) as last_on
    from {{ ref('int_contact_identifiers') }} as identifiers
    inner join customers on identifiers.contact_id = customers.contact_id
    group by identifiers.kind, identifiers.identifier, customers.customer_number

),

-- a number or address belongs to who has it now, a browser to who is seen on it most
owned as (

    select
        kind,
        identifier,
        customer_number
    from claims
    qualify row_number() over (
        partition by kind, identifier
        order by is_current desc, is_own desc, sighting_count desc, last_on desc, customer_number asc
    ) = 1

),

evidence as (

    select
        key_id,
        sighting_count,
        last_on,
        unnest([  -- noqa: AL03
            { kind: 'email', identifier: email_sha256 },
            { kind: 'phone', identifier: phone },
            { kind: 'loyalty', identifier: loyalty_id },
            { kind: 'visitor', identifier: visitor_id }
        ], recursive := true)
    from {{ ref('int_key_evidence') }}
    where contact_id is null

),

links as (

    select
        known.kind as known_kind,
        known.identifier as known_identifier,
        unknown.kind,
        unknown.identifier,
        sum(unknown.sighting_count) as sighting_count,
        max(unknown.last_on) as last_on
    from evidence as known
    inner join evidence as unknown on known.key_id = unknown.key_id and known.kind <> unknown.kind
    where known.identifier is not null and unknown.identifier is not null
    group by known.kind, known.identifier, unknown.kind, unknown.identifier

),

{% set steps = ['owned', 'owned_one_step', 'owned_two_steps'] %}
{% for before, after in [(steps[0], steps[1]), (steps[1], steps[2])] %}
{{ after }} as (

    select
        kind,
        identifier,
        customer_number
    from {{ before }}
    union all
    (
        select
            links.kind,
            links.identifier,
            {{ before }}.customer_number
        from links
        inner join {{ before }} on links.known_kind = {{ before }}.kind and links.known_identifier = {{ before }}.identifier
        anti join {{ before }} as taken on links.kind = taken.kind and links.identifier = taken.identifier
        group by links.kind, links.identifier, {{ before }}.customer_number
        qualify row_number() over (
            partition by links.kind, links.identifier
            order by sum(links.sighting_count) desc, max(links.last_on) desc, {{ before }}.customer_number asc
        ) = 1
    )

){{ ',' if not loop.last }}

{% endfor %}

select
    kind,
    identifier,
    customer_number
from owned_two_steps
