with calls as (

    select * from {{ ref('stg_call_logs') }}
    where {{ is_known('started_at') }}

)

select
    calls.call_id,
    keys.customer_number,
    calls.direction,
    calls.duration_s,
    calls.disposition,
    calls.started_at,
    {{ workspace_day('calls.started_at') }} as started_on,
    coalesce(calls.duration_s, 0) > 0 and coalesce(calls.disposition, '') not in ('no_answer', 'busy', 'failed', 'voicemail')
        as is_answered,
    row_number() over (order by calls.started_at, calls.call_id) as call_rank,
    calls._received_at,
    calls._batch_id
from calls
left join {{ ref('int_key_customers') }} as keys on calls.key_id = keys.key_id
