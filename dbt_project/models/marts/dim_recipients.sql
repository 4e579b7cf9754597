with versions as (

    select
        customers.customer_id,
        customers.customer_number,
        versions.*
    from {{ ref('int_contact_customers') }} as customers
    inner join {{ ref('int_contact_versions') }} as versions on customers.contact_id = versions.contact_id
    where versions.is_newest

),

visitors as (

    select
        customer_number,
        list(identifier order by identifier) as visitor_ids
    from {{ ref('int_identifier_owners') }}
    where kind = 'visitor'
    group by customer_number

),

-- address parts come from one contact, the newest that has a line, so that no letter mixes two addresses
chosen as (

    select
        customer_id,
        customer_number,
        {% for column in ['email', 'phone', 'first_name', 'last_name', 'device_token'] -%}
        arg_max({{ column }}, version_rank) as {{ column }},
        {% endfor -%}
        arg_max(
            { address_line: address_line, postal_code: postal_code, city: city, region: region, country: country },
            if(address_line is null, 0, 1000000000) + version_rank
        ) as address
    from versions
    group by customer_id, customer_number

)

select
    chosen.customer_id,
    customers.contact_ids,
    chosen.email,
    sha256(chosen.email) as email_sha256,
    chosen.phone,
    sha256(chosen.phone) as phone_sha256,
    chosen.first_name,
    chosen.last_name,
    chosen.address.address_line as address_line,
    chosen.address.postal_code as postal_code,
    chosen.address.city as city,
    chosen.address.region as region,
    chosen.address.country as country,
    chosen.device_token,
    coalesce(visitors.visitor_ids, []) as visitor_ids
from chosen
inner join {{ ref('int_customers') }} as customers on chosen.customer_number = customers.customer_number
left join visitors on chosen.customer_number = visitors.customer_number
