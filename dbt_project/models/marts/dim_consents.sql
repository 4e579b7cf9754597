with consents as (

    select * from {{ ref('stg_consents') }}
    where {{ is_known('occurred_at') }}

),

customers as (

    select * from {{ ref('int_contact_customers') }}

)

-- the person's last word counts, whichever contact it was given under; in doubt it is no
select
    customers.customer_id,
    consents.channel,
    consents.status,
    consents.basis,
    consents.occurred_at
from consents
inner join customers on consents.contact_id = customers.contact_id
qualify row_number() over (
    partition by customers.customer_id, consents.channel
    order by
        consents.occurred_at desc,
        consents.status desc,
        list_position(['soft_opt_in', 'express', 'express_written'], consents.basis)
) = 1
