{{ config(severity='warn') }}

-- returns and absurd amounts are no conversions; many of them mean that a source has changed
select
    'orders' as source,
    count(*) as sale_count
from {{ ref('stg_orders') }}
where not revenue between 0 and 1e9
having count(*) > 0
union all
select
    'store_purchases' as source,
    count(*) as sale_count
from {{ ref('stg_store_purchases') }}
where not revenue between 0 and 1e9
having count(*) > 0
