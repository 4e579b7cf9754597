{#- The columns are never NULL and never the same twice.

    columns: names of the key's columns.
    newest_batch_only: look only at keys that the last run added. It's enough where rows are only ever appended, and
    keeps the test as small as the day. -#}
{% test is_key(model, columns, newest_batch_only=false) %}

{%- set key = columns | join(', ') -%}
{%- set is_empty = columns | map('string') | join(' is null or ') ~ ' is null' %}

with suspects as (

    select {{ key }}
    from {{ model }}
    {% if newest_batch_only -%}
    where _batch_id = (select max(_batch_id) from {{ model }})
    {%- endif %}

),

{% if newest_batch_only -%}
counted as (

    select {{ key }}
    from {{ model }}
    semi join suspects using ({{ key }})

)
{%- else -%}
counted as (

    select {{ key }}
    from suspects

)
{%- endif %}

select
    {{ key }},
    count(*) as row_count
from counted
group by {{ key }}
having count(*) > 1
union all
select
    {{ key }},
    0 as row_count
from suspects
where {{ is_empty }}

{% endtest %}
