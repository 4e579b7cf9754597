{%- set most_holders = 12 -%} {#- an identifier on more contacts is a placeholder or a company's, not a person's -#}

with contacts as (

    select * from {{ ref('int_contacts') }}

),

claims as (

    select
        contact_id,
        kind,
        identifier,
        is_own
    from {{ ref('int_contact_identifiers') }}
    union all
    select
        contact_id,
        'address' as kind,
        concat_ws(' ', address_key, postal_key) as identifier,
        true as is_own
    from contacts
    where address_key is not null and postal_key is not null

),

holders as (

    select
        claims.kind,
        claims.identifier,
        count(distinct left(contacts.first_name_key, 1)) > 1 as is_shared
    from claims
    inner join contacts on claims.contact_id = contacts.contact_id
    group by claims.kind, claims.identifier
    having count(*) between 2 and {{ most_holders }}

),

held as (

    select
        claims.*,
        holders.is_shared
    from claims
    inner join holders on claims.kind = holders.kind and claims.identifier = holders.identifier

),

shared as (

    select
        a.contact_id as contact_id_a,
        b.contact_id as contact_id_b,
        a.kind,
        bool_or(a.is_own and b.is_own) as is_own,
        bool_and(a.is_shared) as is_shared
    from held as a
    inner join held as b on a.kind = b.kind and a.identifier = b.identifier and a.contact_id < b.contact_id
    group by a.contact_id, b.contact_id, a.kind

),

-- a contact without a name can't tell which holder of a shared identifier it belongs to: half the weight
weighed as (

    select
        shared.contact_id_a,
        shared.contact_id_b,
        string_agg(shared.kind, '+' order by shared.kind) as evidence,
        sum(
            {{ identifier_weight('shared.kind', 'shared.is_own') }}
            * if(shared.is_shared and (a.first_name_key is null or b.first_name_key is null), 0.5, 1.0)
        ) as identifier_score,
        any_value({{ person_weight('a', 'b') }}) as person_score,
        any_value({{ is_two_persons('a', 'b') }}) as is_two_persons
    from shared
    inner join contacts as a on shared.contact_id_a = a.contact_id
    inner join contacts as b on shared.contact_id_b = b.contact_id
    group by shared.contact_id_a, shared.contact_id_b

),

overrides as (

    select overrides.* from {{ ref('stg_identity_overrides') }} as overrides
    semi join contacts as a on overrides.contact_id_a = a.contact_id
    semi join contacts as b on overrides.contact_id_b = b.contact_id

),

scored as (

    select
        coalesce(weighed.contact_id_a, overrides.contact_id_a) as contact_id_a,
        coalesce(weighed.contact_id_b, overrides.contact_id_b) as contact_id_b,
        coalesce(weighed.evidence, 'override') as evidence,
        overrides.decision as override_decision,
        case overrides.decision
            when 'same' then 1000.0
            when 'different' then -1000.0
            else weighed.identifier_score + weighed.person_score
        end as score,
        coalesce(weighed.is_two_persons, false) as is_two_persons
    from weighed
    full join overrides
        on weighed.contact_id_a = overrides.contact_id_a and weighed.contact_id_b = overrides.contact_id_b

)

select
    contact_id_a,
    contact_id_b,
    evidence,
    override_decision,
    cast(score as double) as score,
    score >= {{ match_threshold() }} as is_link,
    score < {{ match_threshold() }} and (is_two_persons or override_decision = 'different') as is_conflict
from scored
