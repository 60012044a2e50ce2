-- Counts one click: flags, times, the counter and the raw click, at once.
--
-- $1 click id   $2 short code or null   $3 lead id or null   $4 source (with $3)   $5 user agent
--
-- Returns the lead's id; no row for an unknown lead or code. The click's own id makes a repeated statement
-- count once.
with target as (
    select lead_id, notification_id, channel as source from short_links where code = $2
    union all
    select id, null::uuid, $4 from landing_leads where id = $3
), click as (
    insert into clicks (id, lead_id, notification_id, source, user_agent)
    select $1, lead_id, notification_id, source, $5 from target
    on conflict (id) do nothing
    returning lead_id, source
), flags as (
    update landing_leads l set
        email_clicked = l.email_clicked or c.source = 'email',
        email_clicked_at = case when c.source = 'email' then coalesce(l.email_clicked_at, now())
                                else l.email_clicked_at end,
        sms_clicked = l.sms_clicked or c.source = 'sms',
        sms_clicked_at = case when c.source = 'sms' then coalesce(l.sms_clicked_at, now())
                              else l.sms_clicked_at end,
        click_count = l.click_count + 1,
        updated_at = now()
    from click c
    where l.id = c.lead_id
    returning l.id as lead_id, c.source
), crm as (
    -- The first click of each channel becomes a note; the sweep brings it to the CRM within a minute.
    update crm_tasks t set
        state = case when t.state = 'done' then 'pending' else t.state end,
        revision = t.revision + 1,
        pending_notes = t.pending_notes || (c.source || '_click'),
        wake_at = least(t.wake_at, now())
    -- From "flags": its lock on the lead comes first. The old flags are this statement's snapshot.
    from flags c
    join landing_leads l on l.id = c.lead_id
    where t.lead_id = c.lead_id
      and not (c.source || '_click' = any (t.pending_notes))
      and not case c.source when 'email' then l.email_clicked else l.sms_clicked end
)
select lead_id, source from target
