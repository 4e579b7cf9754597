with components as (

    select
        components.component_id,
        contacts.*
    from {{ ref('int_contact_components') }} as components
    inner join {{ ref('int_contacts') }} as contacts on components.contact_id = contacts.contact_id

),

pairs as (

    select * from {{ ref('int_contact_pairs') }}

)

-- also contacts that share nothing directly may not meet in one person over a third contact
select
    a.component_id,
    a.contact_id as contact_id_a,
    b.contact_id as contact_id_b
from components as a
inner join components as b on a.component_id = b.component_id and a.contact_id < b.contact_id
left join pairs on a.contact_id = pairs.contact_id_a and b.contact_id = pairs.contact_id_b
where coalesce(pairs.is_conflict, {{ is_two_persons('a', 'b') }})
