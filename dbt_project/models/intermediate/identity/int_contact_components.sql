with recursive links as (

    select
        contact_id_a as contact_id,
        contact_id_b as other_id
    from {{ ref('int_contact_pairs') }}
    where is_link
    union all
    select
        contact_id_b as contact_id,
        contact_id_a as other_id
    from {{ ref('int_contact_pairs') }}
    where is_link

),

reached (contact_id, component_id) using key (contact_id) as (

    select distinct
        contact_id,
        contact_id as component_id
    from links
    union
    select
        links.other_id as contact_id,
        min(reached.component_id) as component_id
    from reached
    inner join links on reached.contact_id = links.contact_id
    inner join recurring.reached as before on links.other_id = before.contact_id
    where reached.component_id < before.component_id
    group by links.other_id

)

select
    contact_id,
    component_id
from reached
