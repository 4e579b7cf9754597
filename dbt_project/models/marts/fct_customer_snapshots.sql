{{ config(materialized='view', tags=['training']) }}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

)

select
    as_of_on,
    customer_id,
    channel,
    offer_id,
    assignment_probability,
    sample_weight,
    -- the linter can't see through the loop
    -- noqa: disable=LT02
    {% for name in feature_names() %}
        {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
from snapshots
