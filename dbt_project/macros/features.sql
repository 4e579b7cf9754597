{#- Windows over which everything is counted, in days before the as-of day. -#}
{% macro windows() %}{{ return([7, 30, 90, 365]) }}{% endmacro %}

{% macro channels() %}{{ return(['email', 'sms', 'direct_mail', 'voice', 'paid_social', 'display', 'web', 'push']) }}{% endmacro %}

{#- Measure of each window: name stem and suffix, as in `purchase_7d_count`, `revenue_7d`. -#}
{% macro windowed_measures() %}
    {{ return([
        ('purchase', '_count'), ('revenue', ''), ('margin', ''), ('web_visit', '_count'), ('email_open', '_count'),
        ('email_click', '_count'), ('ad_impression', '_count'), ('ad_click', '_count'), ('call', '_count'), ('touch', '_count')
    ]) }}
{% endmacro %}

{#- Condition: the row's day is in the last `days` days before the as-of day. -#}
{% macro within(day, days) -%} {{ day }} >= spine.as_of_on - {{ days }} {%- endmacro %}

{#- Sum over each window, as columns `<stem>_<w>d<suffix>`. -#}
{% macro windowed_sums(stem, suffix, expression, day, type='integer') -%}
    {% for days in windows() %}
    cast(coalesce(sum({{ expression }}) filter (where {{ within(day, days) }}), 0) as {{ type }}) as {{ stem }}_{{ days }}d{{ suffix }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- Days from the newest such day to the as-of day; NULL where there is none. -#}
{% macro days_since(day, condition='true') -%}
    cast(spine.as_of_on - max({{ day }}) filter (where {{ condition }}) as integer)
{%- endmacro %}

{#- Names of all feature columns in the order of the marts. -#}
{% macro feature_names() %}
    {% set names = [
        'lifecycle', 'country', 'region', 'time_zone', 'age_years', 'acquisition_source', 'favourite_category', 'tenure_days', 'contact_count',
        'has_email', 'has_phone', 'has_address', 'has_device_token', 'has_visitor',
        'days_since_last_purchase', 'days_since_last_web_visit', 'days_since_last_email_open', 'days_since_last_email_click',
        'days_since_last_ad_click', 'days_since_last_call', 'days_since_last_touch'
    ] %}
    {% for stem, suffix in windowed_measures() %}{% for days in windows() %}
        {% do names.append(stem ~ '_' ~ days ~ 'd' ~ suffix) %}
    {% endfor %}{% endfor %}
    {% for channel in channels() %}{% do names.append('touch_' ~ channel ~ '_30d_count') %}{% endfor %}
    {% do names.extend([
        'preferred_hour', 'open_morning_90d_count', 'open_noon_90d_count', 'open_evening_90d_count',
        'discount_share_365d', 'redemption_365d_count', 'average_order_value_365d', 'store_share_365d', 'weekend_share_365d',
        'category_365d_count', 'days_between_purchases', 'product_view_30d_count', 'cart_30d_count', 'email_sent_30d_count',
        'email_bounce_90d_count', 'email_refusal_365d_count', 'answered_call_365d_count', 'last_call_disposition', 'response_90d_count',
        'last_intent', 'last_objection', 'last_sentiment', 'days_since_last_objection', 'days_since_last_scan', 'days_since_last_offer', 'last_offer_id', 'last_touch_channel',
        'wear', 'attributes'
    ]) %}
    {{ return(names) }}
{% endmacro %}

{#- Every feature of each (as_of_on, customer_number) of a spine, from what had happened before that day and was received
    by the cycle's clock. The customer view and the training snapshots are both made by it, so they can't differ.

    spine: a relation with `as_of_on` and `customer_number`, one row a pair.
    extra: further columns that decide and teach nothing: `active_hours`. -#}
{% macro customer_features(spine, extra=[]) %}
with spine as materialized (

    select
        as_of_on,
        customer_number
    from {{ spine }}

),

keys as materialized (

    select keys.* from {{ ref('int_key_customers') }} as keys
    semi join spine on keys.customer_number = spine.customer_number

),

web as (

    select
        keys.customer_number,
        hours.occurred_on,
        hours.hour_of_day,
        hours.event_count,
        hours.product_view_count,
        hours.cart_count,
        hours.product_category
    from {{ ref('int_web_hours') }} as hours
    inner join keys on hours.key_id = keys.key_id
    where {{ is_known_on('hours.occurred_on', 'hours._received_at') }}

),

email as (

    select
        keys.customer_number,
        hours.occurred_on,
        hours.hour_of_day,
        hours.sent_count,
        hours.open_count,
        hours.click_count,
        hours.bounce_count,
        hours.refusal_count
    from {{ ref('int_email_hours') }} as hours
    inner join keys on hours.key_id = keys.key_id
    where {{ is_known_on('hours.occurred_on', 'hours._received_at') }}
    union all
    select
        customer_number,
        occurred_on,
        hour_of_day,
        0 as sent_count,
        (event_type = 'opened')::int as open_count,
        (event_type = 'clicked')::int as click_count,
        (event_type = 'bounced')::int as bounce_count,
        (event_type in ('unsubscribed', 'complained'))::int as refusal_count
    from {{ ref('int_outcomes') }}
    where channel = 'email' and event_type in ('opened', 'clicked', 'bounced', 'unsubscribed', 'complained')

),

ads as (

    select
        keys.customer_number,
        days.occurred_on,
        days.impression_count,
        days.click_count
    from {{ ref('int_ad_days') }} as days
    inner join keys on days.key_id = keys.key_id
    where {{ is_known_on('days.occurred_on', 'days._received_at') }}
    union all
    select
        customer_number,
        occurred_on,
        0 as impression_count,
        1 as click_count
    from {{ ref('int_outcomes') }}
    where channel in ('paid_social', 'display') and event_type = 'clicked'

),

-- a contact's newest version before the as-of day; one that is known only from later is better than none, so the oldest of these
versions as (

    select
        spine.as_of_on,
        spine.customer_number,
        versions.*,
        if(versions.effective_on < spine.as_of_on, 1, -1) * versions.version_rank as recency
    from spine
    inner join {{ ref('int_contact_customers') }} as contacts on spine.customer_number = contacts.customer_number
    inner join {{ ref('int_contact_versions') }} as versions on contacts.contact_id = versions.contact_id
    where versions.created_on < spine.as_of_on

),

profiles as materialized (

    select
        as_of_on,
        customer_number,
        {% for column in ['country', 'region', 'time_zone', 'birth_year', 'acquisition_source', 'attributes'] -%}
        arg_max({{ column }}, recency) as {{ column }},
        {% endfor -%}
        cast(as_of_on - min(created_on) as integer) as tenure_days,
        cast(count(distinct contact_id) as integer) as contact_count,
        bool_or(email is not null) as has_email,
        bool_or(phone is not null) as has_phone,
        bool_or(address_line is not null and (postal_code is not null or city is not null)) as has_address,
        bool_or(device_token is not null) as has_device_token
    from versions
    group by as_of_on, customer_number

),

visitors as (

    select distinct customer_number
    from {{ ref('int_identifier_owners') }}
    where kind = 'visitor'

),

zones as (

    select
        zones.as_of_on,
        zones.time_zone,
        date_diff(
            'hour',
            timezone((select time_zone from {{ ref('stg_cycle') }}), timezone('UTC', cast(zones.as_of_on as timestamp))),
            timezone(zones.time_zone, timezone('UTC', cast(zones.as_of_on as timestamp)))
        ) as hours_ahead
    from (select distinct as_of_on, time_zone from profiles) as zones
    semi join pg_timezone_names() as known on zones.time_zone = known.name

),

clocks as materialized (

    select
        profiles.as_of_on,
        profiles.customer_number,
        coalesce(zones.hours_ahead, 0) as hours_ahead
    from profiles
    left join zones on profiles.as_of_on = zones.as_of_on and profiles.time_zone = zones.time_zone

),

purchase_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('purchase', '_count', '1', 'purchases.converted_on') }},
        {{ windowed_sums('revenue', '', 'purchases.revenue', 'purchases.converted_on', 'double') }},
        {{ windowed_sums('margin', '', 'purchases.margin', 'purchases.converted_on', 'double') }},
        {{ days_since('purchases.converted_on') }} as days_since_last_purchase,
        avg(purchases.is_discounted::int) filter (where {{ within('purchases.converted_on', 365) }}) as discount_share_365d,
        avg((purchases.channel_of_sale = 'store')::int) filter (where {{ within('purchases.converted_on', 365) }}) as store_share_365d,
        avg((isodow(purchases.converted_on) >= 6)::int) filter (where {{ within('purchases.converted_on', 365) }}) as weekend_share_365d,
        cast(count(purchases.offer_code) filter (where {{ within('purchases.converted_on', 365) }}) as integer) as redemption_365d_count,
        cast(count(distinct purchases.product_category) filter (where {{ within('purchases.converted_on', 365) }}) as integer) as category_365d_count,
        cast((max(purchases.converted_on) - min(purchases.converted_on)) as double) / nullif(count(*) - 1, 0) as days_between_purchases
    from spine
    inner join {{ ref('int_purchases') }} as purchases on spine.customer_number = purchases.customer_number and purchases.converted_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

categories as (

    select
        spine.as_of_on,
        spine.customer_number,
        purchases.product_category,
        sum(purchases.revenue) as revenue
    from spine
    inner join {{ ref('int_purchases') }} as purchases on spine.customer_number = purchases.customer_number and purchases.converted_on < spine.as_of_on
    where {{ within('purchases.converted_on', 365) }} and purchases.product_category is not null
    group by spine.as_of_on, spine.customer_number, purchases.product_category

),

without_category as materialized (

    select spine.*
    from spine
    anti join categories on spine.as_of_on = categories.as_of_on and spine.customer_number = categories.customer_number

),

-- what is bought tells more than what is looked at, so views only speak for people who bought nothing
viewed_categories as (

    select
        spine.as_of_on,
        spine.customer_number,
        web.product_category,
        sum(web.event_count) as event_count
    from without_category as spine
    inner join web on spine.customer_number = web.customer_number and web.occurred_on < spine.as_of_on
    where {{ within('web.occurred_on', 365) }} and web.product_category is not null
    group by spine.as_of_on, spine.customer_number, web.product_category

),

weighed_categories as (

    select
        as_of_on,
        customer_number,
        product_category,
        revenue as weight
    from categories
    union all
    select
        as_of_on,
        customer_number,
        product_category,
        event_count as weight
    from viewed_categories

),

favourites as (

    select
        as_of_on,
        customer_number,
        product_category as favourite_category
    from weighed_categories
    qualify row_number() over (partition by as_of_on, customer_number order by weight desc, product_category) = 1

),

web_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('web_visit', '_count', '1', 'web.occurred_on') }},
        {{ days_since('web.occurred_on') }} as days_since_last_web_visit,
        cast(sum(web.product_view_count) filter (where {{ within('web.occurred_on', 30) }}) as integer) as product_view_30d_count,
        cast(sum(web.cart_count) filter (where {{ within('web.occurred_on', 30) }}) as integer) as cart_30d_count
    from spine
    inner join web on spine.customer_number = web.customer_number and web.occurred_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

email_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('email_open', '_count', 'email.open_count', 'email.occurred_on') }},
        {{ windowed_sums('email_click', '_count', 'email.click_count', 'email.occurred_on') }},
        {{ days_since('email.occurred_on', 'email.open_count > 0') }} as days_since_last_email_open,
        {{ days_since('email.occurred_on', 'email.click_count > 0') }} as days_since_last_email_click,
        cast(sum(email.sent_count) filter (where {{ within('email.occurred_on', 30) }}) as integer) as email_sent_30d_count,
        cast(sum(email.bounce_count) filter (where {{ within('email.occurred_on', 90) }}) as integer) as email_bounce_90d_count,
        cast(sum(email.refusal_count) filter (where {{ within('email.occurred_on', 365) }}) as integer) as email_refusal_365d_count
    from spine
    inner join email on spine.customer_number = email.customer_number and email.occurred_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

ad_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('ad_impression', '_count', 'ads.impression_count', 'ads.occurred_on') }},
        {{ windowed_sums('ad_click', '_count', 'ads.click_count', 'ads.occurred_on') }},
        {{ days_since('ads.occurred_on', 'ads.click_count > 0') }} as days_since_last_ad_click
    from spine
    inner join ads on spine.customer_number = ads.customer_number and ads.occurred_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

call_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('call', '_count', '1', 'calls.started_on') }},
        {{ days_since('calls.started_on') }} as days_since_last_call,
        cast(count(*) filter (where calls.is_answered and {{ within('calls.started_on', 365) }}) as integer) as answered_call_365d_count,
        arg_max(calls.disposition, calls.call_rank) as last_call_disposition
    from spine
    inner join {{ ref('int_calls') }} as calls on spine.customer_number = calls.customer_number and calls.started_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

-- an objection stays until the next one: a call without any takes none back
spoken_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        arg_max(spoken.intent, spoken.spoken_at) as last_intent,
        arg_max(spoken.sentiment, spoken.spoken_at) as last_sentiment,
        arg_max(spoken.objection, spoken.spoken_at) filter (where spoken.objection != 'none') as last_objection,
        {{ days_since('spoken.spoken_on', "spoken.objection != 'none'") }} as days_since_last_objection
    from spine
    inner join {{ ref('int_spoken') }} as spoken on spine.customer_number = spoken.customer_number and spoken.spoken_on < spine.as_of_on
    where {{ within('spoken.spoken_on', 365) }}
    group by spine.as_of_on, spine.customer_number

),

touch_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        {{ windowed_sums('touch', '_count', '1', 'touches.sent_on') }},
        {{ days_since('touches.sent_on') }} as days_since_last_touch,
        {{ days_since('touches.sent_on', "coalesce(touches.offer_id, 'none') != 'none'") }} as days_since_last_offer,
        arg_max(touches.offer_id, touches.sent_at) filter (where coalesce(touches.offer_id, 'none') != 'none') as last_offer_id,
        arg_max(touches.channel, touches.sent_at) as last_touch_channel,
        -- sums of rows that come in any order differ in their last bits, and a model or a plan of other bits is another one
        round(coalesce(sum(exp((touches.sent_on - spine.as_of_on) / 7.0)) filter (where {{ within('touches.sent_on', 90) }}), 0), 9)
            as wear,
        {% for channel in channels() -%}
        cast(count(*) filter (where touches.channel = '{{ channel }}' and {{ within('touches.sent_on', 30) }}) as integer) as touch_{{ channel }}_30d_count{{ ',' if not loop.last }}
        {% endfor %}
    from spine
    inner join {{ ref('int_touches') }} as touches on spine.customer_number = touches.customer_number and touches.sent_on < spine.as_of_on
    group by spine.as_of_on, spine.customer_number

),

response_features as (

    select
        spine.as_of_on,
        spine.customer_number,
        cast(count(*) filter (where {{ within('outcomes.occurred_on', 90) }}) as integer) as response_90d_count,
        {{ days_since('outcomes.occurred_on', "outcomes.channel = 'direct_mail' and outcomes.event_type = 'visited'") }} as days_since_last_scan
    from spine
    inner join {{ ref('int_outcomes') }} as outcomes on spine.customer_number = outcomes.customer_number and outcomes.occurred_on < spine.as_of_on
    where outcomes.event_type in ('opened', 'clicked', 'visited', 'replied', 'answered', 'converted')
    group by spine.as_of_on, spine.customer_number

),

attention as (

    select
        customer_number,
        occurred_on,
        hour_of_day,
        0 as open_count,
        1 as weight
    from web
    union all
    select
        customer_number,
        occurred_on,
        hour_of_day,
        open_count + click_count as open_count,
        open_count + click_count as weight
    from email
    where open_count + click_count > 0

),

hours as (

    select
        spine.as_of_on,
        spine.customer_number,
        cast((attention.hour_of_day + spine.hours_ahead + 48) % 24 as utinyint) as local_hour,
        sum(attention.weight) as weight,
        sum(attention.open_count) filter (where {{ within('attention.occurred_on', 90) }}) as open_90d_count
    from clocks as spine
    inner join attention on spine.customer_number = attention.customer_number and attention.occurred_on < spine.as_of_on
    where {{ within('attention.occurred_on', 365) }}
    group by all

),

hour_features as (

    select
        as_of_on,
        customer_number,
        cast(arg_max(local_hour, weight * 100 - local_hour) as integer) as preferred_hour,
        cast(sum(open_90d_count) filter (where local_hour < 11) as integer) as open_morning_90d_count,
        cast(sum(open_90d_count) filter (where local_hour between 11 and 16) as integer) as open_noon_90d_count,
        cast(sum(open_90d_count) filter (where local_hour > 16) as integer) as open_evening_90d_count
        {%- if 'active_hours' in extra %},
        concat(
            {% for hour in range(24) -%}
            least(coalesce(sum(weight) filter (where local_hour = {{ hour }}), 0), 9)::integer{{ ',' if not loop.last }}
            {% endfor %}
        ) as active_hours
        {%- endif %}
    from hours
    group by as_of_on, customer_number

),

limits as (

    select
        lapsing_days,
        lapsed_days
    from {{ ref('stg_cycle') }}

),

features as (

    select
        spine.as_of_on,
        spine.customer_number,
        case
            when purchase_features.days_since_last_purchase is null then 'prospect'
            when purchase_features.days_since_last_purchase <= limits.lapsing_days then 'active'
            when purchase_features.days_since_last_purchase <= limits.lapsed_days then 'lapsing'
            else 'lapsed'
        end as lifecycle,
        cast(year(spine.as_of_on) - profiles.birth_year as integer) as age_years,
        visitors.customer_number is not null as has_visitor,
        purchase_features.revenue_365d / nullif(purchase_features.purchase_365d_count, 0) as average_order_value_365d,
        {%- set counts = ['product_view_30d_count', 'cart_30d_count', 'email_sent_30d_count', 'email_bounce_90d_count', 'email_refusal_365d_count',
            'answered_call_365d_count', 'redemption_365d_count', 'category_365d_count', 'response_90d_count', 'wear',
            'open_morning_90d_count', 'open_noon_90d_count', 'open_evening_90d_count'] -%}
        {%- for stem, suffix in windowed_measures() -%}{%- for days in windows() -%}
            {%- do counts.append(stem ~ '_' ~ days ~ 'd' ~ suffix) -%}
        {%- endfor -%}{%- endfor -%}
        {%- for channel in channels() -%}{%- do counts.append('touch_' ~ channel ~ '_30d_count') -%}{%- endfor -%}
        {%- set computed = ['lifecycle', 'age_years', 'has_visitor', 'average_order_value_365d'] -%}
        {% for name in feature_names() if name not in computed %}
        {{ 'coalesce(' ~ name ~ ', 0) as ' ~ name if name in counts else name }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- for name in extra %},
        {{ name }}
        {%- endfor %}
    from spine
    cross join limits
    inner join profiles on spine.as_of_on = profiles.as_of_on and spine.customer_number = profiles.customer_number
    left join visitors on spine.customer_number = visitors.customer_number
    {% for name in ['purchase_features', 'favourites', 'web_features', 'email_features', 'ad_features', 'call_features', 'spoken_features', 'touch_features',
        'response_features', 'hour_features'] -%}
    left join {{ name }} on spine.as_of_on = {{ name }}.as_of_on and spine.customer_number = {{ name }}.customer_number
    {% endfor %}

)

select
    as_of_on,
    customer_number,
    {% for name in feature_names() + extra %}
    {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from features
{% endmacro %}
