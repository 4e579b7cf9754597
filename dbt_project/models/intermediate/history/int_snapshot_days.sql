{{ config(tags=['training']) }}

{%- set most_days = 12 -%}

with touches as (

    select * from {{ ref('int_touches') }}
    where message_id is null

),

cycle as (

    select * from {{ ref('stg_cycle') }}

),

days as (

    select
        sent_on as as_of_on,
        count(*) as touch_count
    from touches
    group by sent_on

),

-- a day with a few stray sends is no campaign
campaign_days as (

    select
        as_of_on,
        touch_count,
        touch_count >= 0.1 * max(touch_count) over () as is_campaign
    from days

)

-- a day whose horizon isn't over has no labels yet; where nothing is trained there's nothing to prepare
select
    campaign_days.as_of_on,
    campaign_days.touch_count
from campaign_days
cross join cycle
where cycle.is_training_due and campaign_days.is_campaign and campaign_days.as_of_on + cycle.horizon_days <= cycle.cycle_on
order by campaign_days.as_of_on desc
limit {{ most_days }}
