-- The state of the funnel: ages in seconds, counts of rows. Indexes on time find the last day's rows.
with people as (
    select count(*) as leads, count(*) filter (where email_clicked or sms_clicked) as clicked
    from landing_leads
    where created_at > now() - interval '1 day'
), sent as (
    select count(*) as delivered,
           count(*) filter (where sent_at <= scheduled_for + interval '1 minute') as on_time
    from scheduled_notifications
    where status = 'completed' and scheduled_for > now() - interval '1 day'
), mail as (
    -- Those that Resend took, whatever it reported since.
    select count(*) as mails,
           count(*) filter (where d.state = 'bounced') as bounced,
           count(*) filter (where d.state = 'complained') as complained
    from scheduled_notifications n
    join deliveries d on d.notification_id = n.id and d.channel = 'email'
    where n.scheduled_for between now() - interval '1 day' and now()
      and d.state in ('accepted', 'delayed', 'expired', 'undelivered', 'delivered', 'bounced', 'complained')
)
select coalesce(extract(epoch from now() - min(scheduled_for) filter (where scheduled_for <= now())), 0)::float8
           as oldest_overdue_seconds,
       count(*) filter (where scheduled_for <= now()) as overdue,
       count(*) as pending,
       (select count(*) from scheduled_notifications
        where status = 'failed' and scheduled_for > now() - interval '1 day') as failed_last_day,
       (select leads from people) as leads_last_day,
       (select clicked from people) as clicked_last_day,
       (select delivered from sent) as delivered_last_day,
       (select on_time from sent) as on_time_last_day,
       (select mails from mail) as mails_last_day,
       (select bounced from mail) as bounced_last_day,
       (select complained from mail) as complained_last_day,
       (select count(*) from deliveries d join scheduled_notifications s on s.id = d.notification_id
        where s.status = 'pending' and s.scheduled_for <= now() and d.state = 'parked') as parked,
       (select count(*) from crm_tasks where state in ('pending', 'working') and wake_at <= now()) as crm_overdue,
       (select count(*) from crm_tasks where state = 'failed') as crm_failed,
       (select count(*) from crm_gate where shut_until > now()) as crm_gate_shut
from scheduled_notifications
-- What is held waits for a decision, and is no backlog.
where status = 'pending' and not held
