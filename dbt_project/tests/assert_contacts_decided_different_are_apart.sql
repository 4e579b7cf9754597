-- an operator's word that two contacts are different persons holds over any chain of evidence
select
    overrides.contact_id_a,
    overrides.contact_id_b
from {{ ref('stg_identity_overrides') }} as overrides
inner join {{ ref('int_contact_customers') }} as a on overrides.contact_id_a = a.contact_id
inner join {{ ref('int_contact_customers') }} as b on overrides.contact_id_b = b.contact_id
where overrides.decision = 'different' and a.customer_id = b.customer_id
