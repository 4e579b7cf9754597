{#- Texts as they are compared: trimmed, empty as NULL. -#}
{% macro clean(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{#- E-mail addresses are compared in lower case. -#}
{% macro clean_email(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}

{#- SHA-256 of an e-mail in lower-case hex, as ad platforms and web shops give it. -#}
{% macro clean_hash(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}

{#- E.164: a plus and digits; other characters are typing habits. -#}
{% macro clean_phone(column) -%}
    nullif(regexp_replace({{ column }}, '[^0-9+]', '', 'g'), '')
{%- endmacro %}

{#- Letters only, lower case, without accents: how names are compared. -#}
{% macro clean_name(column) -%}
    nullif(regexp_replace(lower(strip_accents({{ column }})), '[^a-z]', '', 'g'), '')
{%- endmacro %}

{#- Letters and digits only: how addresses and postal codes are compared. -#}
{% macro clean_code(column) -%}
    nullif(regexp_replace(lower(strip_accents({{ column }})), '[^a-z0-9]', '', 'g'), '')
{%- endmacro %}

{#- One number for the combination of identifiers under which an event came: what identity resolves, instead of each
    event. 64 bits of MD5, which stays the same over versions of DuckDB as `hash()` doesn't; two of 10 million
    combinations share a number with a chance of 3 in a million. -#}
{% macro identifier_key(contact_id='null', email='null', email_sha256='null', phone='null', loyalty_id='null', visitor_id='null') -%}
    md5_number_lower(concat_ws(
        chr(31),
        {% for prefix, column in [('c', contact_id), ('e', email), ('h', email_sha256), ('p', phone), ('l', loyalty_id), ('v', visitor_id)]
            if column != 'null' -%}
        '{{ prefix }}:' || {{ column }}{{ "," if not loop.last }}
        {% endfor -%}
    ))
{%- endmacro %}
