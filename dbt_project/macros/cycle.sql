{#- Day on which something happened, in the workspace's time zone. -#}
{% macro workspace_day(column) -%}
    cast(timezone((select time_zone from {{ ref('stg_cycle') }}), timezone('UTC', {{ column }})) as date)
{%- endmacro %}

{#- Hour of day (0 to 23) at which something happened, in the workspace's time zone. -#}
{% macro workspace_hour(column) -%}
    hour(timezone((select time_zone from {{ ref('stg_cycle') }}), timezone('UTC', {{ column }})))
{%- endmacro %}

{#- What the cycle may know: it happened before the day began and was received by the cycle's clock. -#}
{% macro is_known(occurred_at, received_at='_received_at') -%}
    {{ occurred_at }} < (select cutoff_at from {{ ref('stg_cycle') }})
    and {{ received_at }} <= (select received_by from {{ ref('stg_cycle') }})
{%- endmacro %}

{#- The same on day grain: exact, because the cut-off is the instant at which a workspace day begins. -#}
{% macro is_known_on(occurred_on, received_at='_received_at') -%}
    {{ occurred_on }} < (select cycle_on from {{ ref('stg_cycle') }})
    and {{ received_at }} <= (select received_by from {{ ref('stg_cycle') }})
{%- endmacro %}
