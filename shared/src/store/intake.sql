-- One lead, its notification, the deliveries, the short link and the CRM task: one statement, one commit.
--
-- $1 lead id          $6 metadata          $11 grace, in seconds, after which the sweep wakes the row
-- $2 name             $7 notification id   $12 kind of the notification
-- $3 email            $8 delay, in seconds $13 channels of it
-- $4 phone            $9 short code
-- $5 source           $10 idempotency key, or null
--
-- ON CONFLICT also meets a row that a parallel submission committed after this statement began, although the row is
-- not visible to it. "do update" without a change returns that row; "do nothing" would not.
--
-- Sent twice with the same ids, it finds all its rows and changes nothing.
with lead as (
    insert into landing_leads as l (id, name, email, phone, source, metadata)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (email, phone) do update set
        name = excluded.name,
        -- The first touch is kept; the last one is stored beside it in lastTouch.
        metadata = l.metadata || excluded.metadata
            || jsonb_strip_nulls(jsonb_build_object(
                'utmParams', coalesce(l.metadata -> 'utmParams', excluded.metadata -> 'utmParams'),
                'campaignSlug', coalesce(l.metadata -> 'campaignSlug', excluded.metadata -> 'campaignSlug'))),
        updated_at = now()
    returning l.id
), submission as (
    insert into submissions (lead_id, key)
    select lead.id, $10 from lead where $10 is not null
    on conflict do nothing
    returning true
), notification as (
    insert into scheduled_notifications as n
        (id, lead_id, kind, type, scheduled_for, source, open_channels, wake_at)
    select $7, lead.id, $12, case when cardinality($13::text[]) > 1 then 'both' else ($13::text[])[1] end,
           now() + $8 * interval '1 second', $5, cardinality($13::text[]), now() + ($8 + $11) * interval '1 second'
    from lead
    where $10 is null or exists (select from submission)
    on conflict (lead_id, kind) where status = 'pending' do update set lead_id = excluded.lead_id
    returning n.id, n.scheduled_for
), made as (
    select id, scheduled_for from notification where id = $7
), delivery as (
    insert into deliveries (notification_id, channel, next_attempt_at)
    select made.id, channel, made.scheduled_for from made, unnest($13::text[]) as c (channel)
    on conflict do nothing
), link as (
    insert into short_links (code, lead_id, notification_id, channel)
    select $9, lead.id, made.id, 'sms' from made, lead where 'sms' = any ($13::text[])
    on conflict do nothing
), crm as (
    insert into crm_tasks as t (lead_id, wake_at)
    select lead.id, now() + $11 * interval '1 second' from lead
    -- A retake reopens the task; a repeated submission leaves it alone.
    on conflict (lead_id) do update set
        state = case when t.state = 'working' then t.state else 'pending' end,
        revision = t.revision + 1,
        retries = 0,
        deal_due = true,
        pending_notes = array(select unnest(t.pending_notes) union select unnest(excluded.pending_notes)),
        wake_at = excluded.wake_at
    where exists (select from made)
)
select lead.id as lead_id,
       due.id as notification_id,
       due.scheduled_for,
       exists (select from made) as changed,
       greatest(extract(epoch from due.scheduled_for - now()), 0)::float8 as due_in_seconds
from lead
left join lateral (
    select id, scheduled_for from notification
    union all
    -- A repeated submission wakes its notification again, in case the first request died before that.
    select id, scheduled_for from scheduled_notifications
    where lead_id = lead.id and kind = $12 and status = 'pending' and not exists (select from notification)
    limit 1
) due on true
