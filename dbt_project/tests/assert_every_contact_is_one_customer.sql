-- contacts are neither lost nor counted twice on the way to customers
select
    (select count(*) from {{ ref('int_contacts') }}) as contact_count,
    sum(contact_count) as unified_count
from {{ ref('dim_customers') }}
having coalesce(sum(contact_count), 0) <> (select count(*) from {{ ref('int_contacts') }})
