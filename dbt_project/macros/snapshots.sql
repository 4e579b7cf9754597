{#- Delete the snapshots that today's knowledge contradicts: the person is made of other contacts or identifiers, the
    day's touch or a setting differs, something from before the day came in since, or the cycle's clock is earlier than
    the one they were made at. The model then makes what is missing. -#}
{% macro delete_stale_snapshots() %}
{% if is_incremental() %}
delete from {{ this }} as kept
where (select is_training_due from {{ ref('stg_cycle') }}) and (
    kept._built_received_by > (select received_by from {{ ref('stg_cycle') }})
    or not exists (
        select 1 from {{ ref('int_snapshot_spine') }} as spine
        where kept.as_of_on = spine.as_of_on and kept.customer_id = spine.customer_id and kept.basis = spine.basis
    )
    or exists (
        select 1
        from (
            select
                customers.customer_id,
                min(late.from_on) as from_on
            from {{ ref('int_late_events') }} as late
            inner join {{ ref('int_customers') }} as customers on late.customer_number = customers.customer_number
            where
                late._batch_id > (select coalesce(max(_built_batch_id), -1) from {{ this }})
                or late._received_at > (select coalesce(max(_built_received_by), timestamp '1970-01-01') from {{ this }})
            group by customers.customer_id
        ) as changed
        where kept.customer_id = changed.customer_id and kept.as_of_on > changed.from_on
    )
)
{% endif %}
{% endmacro %}

{#- Whether this run makes snapshots: always where there are none yet, else when a training is due. Asked before the
    statement is written, since even for no rows the features take seconds to plan and scan. -#}
{% macro makes_snapshots() %}
    {%- if not execute or not is_incremental() -%}{{ return(true) }}{%- endif -%}
    {{ return(run_query("select is_training_due from " ~ ref('stg_cycle')).rows[0][0]) }}
{% endmacro %}

{#- Number of the newest load that any model on history holds. -#}
{% macro newest_batch() -%}
    greatest(
        {%- for model in ['int_web_hours', 'int_email_hours', 'int_ad_days', 'int_purchases', 'int_touches', 'int_calls', 'int_outcomes', 'int_contact_versions'] %}
        (select coalesce(max(_batch_id), -1) from {{ ref(model) }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#- Snapshots that are missing: all on the first run, then new days and those that were deleted as stale. -#}
{% macro snapshots_due() -%}
    (
        select spine.*
        from {{ ref('int_snapshot_spine') }} as spine
        {% if is_incremental() -%}
        anti join {{ this }} as kept on spine.as_of_on = kept.as_of_on and spine.customer_id = kept.customer_id
        {%- endif %}
    )
{%- endmacro %}
