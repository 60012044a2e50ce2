-- One lead and its timeline. $1 lead id
with story as (
    select created_at as at, 'saved' as what, 'from ' || source as detail, 0 as step
    from landing_leads where id = $1
    union all
    select created_at, 'scheduled', 'due ' || to_char(scheduled_for at time zone 'UTC', 'HH24:MI:SS') || ' UTC', 1
    from scheduled_notifications where lead_id = $1
    union all
    select d.updated_at, d.channel || ' ' || d.state,
           concat_ws(', ', 'attempt ' || d.attempt, d.provider_id, d.reason), 2
    from deliveries d join scheduled_notifications n on n.id = d.notification_id
    where n.lead_id = $1
    union all
    select n.sent_at, 'notification ' || n.status, n.failure_reason, 3
    from scheduled_notifications n where n.lead_id = $1 and n.sent_at is not null
    union all
    select clicked_at, case when verdict is null or verdict = 'human' then 'clicked' else 'hit' end,
           concat_ws(', ', source, method, verdict, rule), 4
    from clicks where lead_id = $1
    union all
    select updated_at, 'crm ' || state, null, 5 from crm_tasks where lead_id = $1
)
select jsonb_build_object(
    'lead', to_jsonb(l),
    'timeline', (select jsonb_agg(jsonb_build_object('at', at, 'what', what, 'detail', detail) order by at, step)
                 from story))
from landing_leads l
where l.id = $1
