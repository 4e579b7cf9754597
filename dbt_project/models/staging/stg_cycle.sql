{{ config(materialized='view') }}

with cycle as (

    select * from {{ source('raw', 'cycle') }}

)

select
    cycle_on,
    cutoff_at,
    received_by,
    time_zone,
    lapsing_days,
    lapsed_days,
    margin_share,
    horizon_days,
    coalesce(is_training_due, true) as is_training_due
from cycle
