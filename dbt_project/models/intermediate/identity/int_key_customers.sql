with keys as (

    select * from {{ ref('int_identifier_keys') }}

),

owners as (

    select * from {{ ref('int_identifier_owners') }}

),

resolved as (

    select
        keys.key_id,
        coalesce(
            contacts.customer_number,
            loyalty.customer_number,
            emails.customer_number,
            phones.customer_number,
            visitors.customer_number
        ) as customer_number
    from keys
    left join {{ ref('int_contact_customers') }} as contacts on keys.contact_id = contacts.contact_id
    left join owners as loyalty on keys.loyalty_id = loyalty.identifier and loyalty.kind = 'loyalty'
    left join owners as emails on keys.email_sha256 = emails.identifier and emails.kind = 'email'
    left join owners as phones on keys.phone = phones.identifier and phones.kind = 'phone'
    left join owners as visitors on keys.visitor_id = visitors.identifier and visitors.kind = 'visitor'

)

select
    key_id,
    customer_number
from resolved
where customer_number is not null
