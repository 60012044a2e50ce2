-- One lead and its history, oldest first. $1 lead id
--
-- lead_events has what happened; the form and what it made stand in their own rows.
with story as (
    select created_at as at, 0 as step, 0::bigint as number, 'saved' as what, 'from ' || source as detail
    from landing_leads where id = $1
    union all
    select s.created_at, 1, 0, 'form sent',
           concat_ws(', ', case when s.challenged_at is not null then 'a proof was asked for' end,
                     case when s.proved_at is not null then 'proved' end, 'to be held: ' || s.hold)
    from submissions s where s.lead_id = $1
    union all
    select n.created_at, 2, 0, 'scheduled', 'due ' || to_char(n.scheduled_for at time zone 'UTC', 'HH24:MI:SS') || ' UTC'
    from scheduled_notifications n where n.lead_id = $1
    union all
    select e.at, 3, e.id,
           case e.what
               when 'claim' then e.channel || ' attempt ' || (e.detail ->> 'attempt')
               when 'hold' then e.channel || ' held'
               when 'outcome' then e.channel || ' ' || (e.detail ->> 'state')
               when 'receipt' then e.channel || ' reported: ' || replace(e.detail ->> 'state', '_', ' ')
               when 'hit' then concat_ws(' ', e.channel, 'link opened')
               when 'rejudge' then concat_ws(' ', e.channel, 'visit judged anew')
               when 'crm' then 'crm ' || (e.detail ->> 'step')
               when 'stop' then 'messages stopped: ' || replace(e.detail ->> 'how', '_', ' ')
               else concat_ws(': ', e.detail ->> 'actor', e.detail ->> 'act')
           end,
           case e.what
               when 'claim' then null
               when 'hold' then e.detail ->> 'reason'
               when 'outcome' then concat_ws(', ', 'attempt ' || (e.detail ->> 'attempt'), e.detail ->> 'id', e.detail ->> 'reason')
               when 'receipt' then concat_ws(', ', e.detail ->> 'reason',
                   case when e.detail ->> 'changed' = 'false' and e.detail ->> 'state' <> 'no_report'
                        then 'nothing new' end,
                   case when e.detail ->> 'event' like 'poll%' then 'asked for' end)
               when 'hit' then concat_ws(', ', e.detail ->> 'verdict', e.detail ->> 'rule')
               when 'rejudge' then concat_ws(', ', 'was ' || (e.detail ->> 'was'), e.detail ->> 'verdict', e.detail ->> 'rule')
               when 'stop' then (select string_agg(c, ', ') from jsonb_array_elements_text(e.detail -> 'channels') c)
               else (select string_agg(d.key || ' ' || (d.value #>> '{}'), ', ' order by d.key)
                     from jsonb_each(e.detail) d
                     where d.key not in ('step', 'act', 'actor') and jsonb_typeof(d.value) in ('string', 'number'))
           end
    from lead_events e where e.lead_id = $1
)
select jsonb_build_object(
    'lead', to_jsonb(l),
    'timeline', (select jsonb_agg(jsonb_build_object('at', at, 'what', what, 'detail', nullif(detail, ''))
                                  order by at, step, number)
                 from story))
from landing_leads l
where l.id = $1
