{#- Rows of loads that this model hasn't taken in: `where` clause over a relation of `raw`. -#}
{% macro where_not_yet_loaded() -%}
    {% if is_incremental() %}where _load_id > (select coalesce(max(_batch_id), -1) from {{ this }}){% endif %}
{%- endmacro %}

{#- Rows of batches that this model hasn't taken in: `where` clause over a staging model. -#}
{% macro where_not_yet_built() -%}
    {% if is_incremental() %}where _batch_id > (select coalesce(max(_batch_id), -1) from {{ this }}){% endif %}
{%- endmacro %}

{#- The columns that say where a row came from and with which dbt run it arrived here; `_batch_id` is the newest load
    that the run has seen, so later runs know where to go on. -#}
{% macro provenance(raw_relation) -%}
    _file_id,
    _line,
    _load_id,
    _received_at,
    (select max(_load_id) from {{ raw_relation }}) as _batch_id
{%- endmacro %}

{#- Keep the first received row of each key, within the new rows (`loaded`) and against those that are here already. -#}
{% macro first_received(key) -%}
    select loaded.*
    from loaded
    {% if is_incremental() %}anti join {{ this }} as known on {% for column in key %}loaded.{{ column }} is not distinct from known.{{ column }}{{ " and " if not loop.last }}{% endfor %}{% endif %}
    qualify row_number() over (
        partition by {% for column in key %}loaded.{{ column }}{{ ", " if not loop.last }}{% endfor %}
        order by loaded._load_id, loaded._file_id, loaded._line
    ) = 1
{%- endmacro %}
