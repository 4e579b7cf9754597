{{ config(materialized='view') }}

with overrides as (

    select * from {{ source('raw', 'identity_overrides') }}

),

ordered as (

    select distinct
        least({{ clean('contact_id_a') }}, {{ clean('contact_id_b') }}) as contact_id_a,
        greatest({{ clean('contact_id_a') }}, {{ clean('contact_id_b') }}) as contact_id_b,
        decision
    from overrides

)

select * from ordered
where contact_id_a <> contact_id_b
