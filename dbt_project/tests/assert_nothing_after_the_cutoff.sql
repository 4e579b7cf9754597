-- a cycle knows only what had happened before its day began
with moments as (

    select max(sent_at) as newest_at from {{ ref('fct_touches') }}
    union all
    select max(occurred_at) from {{ ref('fct_outcomes') }}
    union all
    select max(converted_at) from {{ ref('fct_conversions') }}
    union all
    select max(occurred_at) from {{ ref('dim_consents') }}

)

select newest_at from moments
where newest_at >= (select cutoff_at from {{ ref('stg_cycle') }})
