with contacts as (

    select
        customers.customer_id,
        customers.customer_number,
        contacts.*
    from {{ ref('int_contact_customers') }} as customers
    inner join {{ ref('int_contacts') }} as contacts on customers.contact_id = contacts.contact_id

)

select
    customer_id,
    customer_number,
    min(created_on) as created_on,
    cast(count(*) as integer) as contact_count,
    list(contact_id order by first_received_at, created_at, contact_id) as contact_ids,
    cast(md5_number_lower(customer_id) % 10 as utinyint) as sample_bucket
from contacts
group by customer_id, customer_number
