{#- Weights of evidence that two contacts are one person, in bits of a log-likelihood ratio as Fellegi and Sunter
    (1969) add them; a pair is linked from `threshold` on. Identifiers link, names and years only confirm or refute:
    nothing but an identifier or a full address makes a pair a candidate. -#}
{% macro match_threshold() -%} 5.0 {%- endmacro %}

{#- Weight of a shared identifier. Loyalty cards and devices are personal, e-mails are sometimes shared in a household,
    phones often, and numbers are given to strangers later; browsers tell the least. -#}
{% macro identifier_weight(kind, is_own) -%}
    case {{ kind }}
        when 'loyalty' then 8.0
        when 'device' then 8.0
        when 'email' then if({{ is_own }}, 6.0, 4.0)
        when 'phone' then 4.0
        when 'visitor' then 3.0
        when 'address' then 2.0
    end
{%- endmacro %}

{#- Whether two cleaned names may be one with a typing error: two letters swapped or the last one lost. -#}
{% macro is_similar_name(a, b) -%}
    (jaro_winkler_similarity({{ a }}, {{ b }}) >= 0.91)
{%- endmacro %}

{#- Whether one of two cleaned names is the other's initial. -#}
{% macro is_initial_of(a, b) -%}
    (least(length({{ a }}), length({{ b }})) = 1 and left({{ a }}, 1) = left({{ b }}, 1))
{%- endmacro %}

{#- Weight of two first names; different ones are the best sign of a shared household or a recycled number. -#}
{% macro first_name_weight(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null or {{ is_initial_of(a, b) }} then 0.0
        when {{ a }} = {{ b }} then 2.5
        when {{ is_similar_name(a, b) }} then 1.5
        else -12.0
    end
{%- endmacro %}

{#- Weight of two last names; they change by marriage, so a difference weighs less than in first names. -#}
{% macro last_name_weight(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null then 0.0
        when {{ a }} = {{ b }} then 2.0
        when {{ is_similar_name(a, b) }} then 1.5
        else -3.0
    end
{%- endmacro %}

{#- Weight of two years of birth; a gap of a decade tells parents from children of the same name. -#}
{% macro birth_year_weight(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null or abs({{ a }} - {{ b }}) = 1 then 0.0
        when {{ a }} = {{ b }} then 2.5
        when abs({{ a }} - {{ b }}) >= 10 then -12.0
        else -6.0
    end
{%- endmacro %}

{#- Weight of two different values of what a person mostly has once: cards and devices stay, numbers and addresses change,
    and relatives of one name at one address have each their own. -#}
{% macro different_identifier_weight(a, b, weight) -%}
    coalesce(if({{ a }} <> {{ b }}, {{ weight }}, 0.0), 0.0)
{%- endmacro %}

{#- Score of what names, years and personal identifiers say about two relations of `int_contacts`. -#}
{% macro person_weight(a, b) -%}
    {{ first_name_weight(a ~ '.first_name_key', b ~ '.first_name_key') }}
    + {{ last_name_weight(a ~ '.last_name_key', b ~ '.last_name_key') }}
    + {{ birth_year_weight(a ~ '.birth_year', b ~ '.birth_year') }}
    + {{ different_identifier_weight(a ~ '.loyalty_id', b ~ '.loyalty_id', -4.0) }}
    + {{ different_identifier_weight(a ~ '.device_token', b ~ '.device_token', -3.0) }}
    + {{ different_identifier_weight(a ~ '.email', b ~ '.email', -2.0) }}
    + {{ different_identifier_weight(a ~ '.phone', b ~ '.phone', -1.0) }}
{%- endmacro %}

{#- Whether two contacts look like two persons, whatever they share. -#}
{% macro is_two_persons(a, b) -%}
    (
        {{ first_name_weight(a ~ '.first_name_key', b ~ '.first_name_key') }} < 0
        or {{ birth_year_weight(a ~ '.birth_year', b ~ '.birth_year') }} < 0
    )
{%- endmacro %}
