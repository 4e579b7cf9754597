with contacts as (

    select * from {{ ref('int_contacts') }}

),

grouped as (

    select
        contacts.contact_id,
        contacts.first_received_at,
        contacts.created_at,
        coalesce(clusters.cluster_id, components.component_id, contacts.contact_id) as group_id
    from contacts
    left join {{ ref('int_contact_components') }} as components on contacts.contact_id = components.contact_id
    left join {{ ref('int_contact_clusters') }} as clusters on contacts.contact_id = clusters.contact_id

),

named as (

    select
        contact_id,
        first_value(contact_id) over (
            partition by group_id order by first_received_at, created_at, contact_id
        ) as first_contact_id
    from grouped

)

select
    contact_id,
    left(md5(first_contact_id), 16) as customer_id,
    cast(dense_rank() over (order by first_contact_id) as integer) as customer_number
from named
