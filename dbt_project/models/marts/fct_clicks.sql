{{ config(materialized='view') }}

with outcomes as (

    select
        message_id,
        event_type,
        occurred_at
    from {{ ref('int_outcomes') }}

),

reports as (

    select
        key_id,
        campaign,
        event_type,
        occurred_at
    from {{ ref('stg_email_engagement') }}
    where campaign is not null and {{ is_known('occurred_at') }}

),

clicks as (

    select
        keys.customer_number,
        reports.campaign,
        reports.occurred_at
    from reports
    inner join {{ ref('int_key_customers') }} as keys on reports.key_id = keys.key_id
    where reports.event_type = 'click'

),

-- a campaign that no report names tells nothing of its clicks, not that there were none
past_mails as (

    select
        touch_id,
        customer_number,
        campaign,
        sent_at
    from {{ ref('int_touches') }}
    where
        message_id is null
        and channel = 'email'
        and campaign in (select reports.campaign from reports)

)

select
    message_id,
    min(occurred_at) as clicked_at
from outcomes
where event_type = 'clicked' and message_id is not null
group by message_id
union all
select
    past_mails.touch_id as message_id,
    min(clicks.occurred_at) as clicked_at
from past_mails
left join
    clicks
    on
        past_mails.customer_number = clicks.customer_number
        and past_mails.campaign = clicks.campaign
        and past_mails.sent_at <= clicks.occurred_at
group by past_mails.touch_id
