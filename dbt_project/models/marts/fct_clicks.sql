{{ config(materialized='view') }}

with outcomes as (

    select
        message_id,
        channel,
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

-- a campaign that no report names tells nothing of its clicks, nor does a mail from before there were reports: not that there were none
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
        and sent_at >= (select min(reports.occurred_at) from reports) - interval 1 day

),

-- a campaign that is sent again and again: the click is on the last of its mails
clicked_mails as (

    select
        past_mails.touch_id,
        min(clicks.occurred_at) as clicked_at
    from clicks
    asof inner join past_mails
        on
            clicks.customer_number = past_mails.customer_number
            and clicks.campaign = past_mails.campaign
            and clicks.occurred_at >= past_mails.sent_at
    group by past_mails.touch_id

)

select
    message_id,
    any_value(channel) as channel,
    false as is_past,
    min(occurred_at) as clicked_at
from outcomes
where event_type = 'clicked' and message_id is not null
group by message_id
union all
select
    past_mails.touch_id as message_id,
    'email' as channel,
    true as is_past,
    clicked_mails.clicked_at
from past_mails
left join clicked_mails on past_mails.touch_id = clicked_mails.touch_id
