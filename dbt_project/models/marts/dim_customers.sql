with features as (

    select * from {{ ref('int_customer_features') }}

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_customers') }}

)

select
    customers.customer_id,
    features.as_of_on,
    -- the linter can't see through the loop
    -- noqa: disable=LT02
    {% for name in feature_names() %}
        features.{{ name }},
    {% endfor %}
    features.active_hours
from features
inner join customers on features.customer_number = customers.customer_number
