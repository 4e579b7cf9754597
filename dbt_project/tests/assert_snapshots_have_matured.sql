-- a snapshot whose horizon isn't over would train on conversions that may still come
select
    snapshots.as_of_on,
    count(*) as snapshot_count
from {{ ref('fct_customer_snapshots') }} as snapshots
cross join {{ ref('stg_cycle') }} as cycle
where snapshots.as_of_on + cycle.horizon_days > cycle.cycle_on
group by snapshots.as_of_on
