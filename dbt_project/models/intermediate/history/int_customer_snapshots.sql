{{ config(
    tags=['training'],
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_stale_snapshots() }}"
) }}
{# the hook needs these before the model does; dbt learns of it here -#}
-- depends_on: {{ ref('int_late_events') }}
-- depends_on: {{ ref('int_customers') }}

{% if makes_snapshots() %}
with snapshots as (

    {{ customer_features(snapshots_due()) }}

)

select
    spine.customer_id,
    spine.channel,
    spine.offer_id,
    spine.assignment_probability,
    spine.sample_weight,
    spine.basis,
    (select received_by from {{ ref('stg_cycle') }}) as _built_received_by,
    {{ newest_batch() }} as _built_batch_id,
    snapshots.* exclude (customer_number)
from snapshots
inner join {{ ref('int_snapshot_spine') }} as spine
    on snapshots.as_of_on = spine.as_of_on and snapshots.customer_number = spine.customer_number
{% else %}
select * from {{ this }}
where false
{% endif %}
