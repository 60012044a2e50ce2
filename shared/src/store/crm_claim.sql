-- Takes a lead's CRM task and its person, both under a lease, unless the gate is shut.
--
-- $1 lead id   $2 lease, in seconds
--
-- Returns no row for a lead without a task. "claimed" is false when the task is over or waits, when a
-- worker holds it or its person, or when the gate is shut; "free_in_seconds" then says when to look again.
with task as (
    select t.lead_id, t.state, t.next_attempt_at, l.phone,
           t.state in ('pending', 'working') and t.next_attempt_at <= now() as free
    from crm_tasks t
    join landing_leads l on l.id = t.lead_id
    where t.lead_id = $1
), gate as (
    select shut_until, reason from crm_gate where shut_until > now()
), person as (
    insert into crm_people as p (phone, holder, held_until)
    select task.phone, task.lead_id, now() + $2 * interval '1 second'
    from task
    where task.free and not exists (select from gate)
    on conflict (phone) do update set holder = excluded.holder, held_until = excluded.held_until
    where p.held_until <= now() or p.holder = excluded.holder
    returning p.contact_id
), claimed as (
    update crm_tasks t set
        state = 'working',
        attempt = t.attempt + 1,
        next_attempt_at = now() + $2 * interval '1 second',
        wake_at = now() + $2 * interval '1 second',
        updated_at = now()
    from person
    where t.lead_id = $1 and t.state in ('pending', 'working') and t.next_attempt_at <= now()
    returning t.attempt, t.retries, t.revision, t.deal_due, t.pending_notes, t.creating_since, t.noting_since,
              t.task_due, t.task_user, t.tasking_since, t.move_due, person.contact_id
)
select task.state,
       claimed.attempt is not null as claimed,
       (extract(epoch from gate.shut_until) - extract(epoch from now()))::float8 as shut_for_seconds,
       gate.reason as shut_reason,
       (extract(epoch from greatest(
           task.next_attempt_at,
           (select p.held_until from crm_people p where p.phone = task.phone))) - extract(epoch from now()))::float8 as free_in_seconds,
       claimed.attempt, claimed.retries, claimed.revision, claimed.deal_due, claimed.pending_notes, claimed.contact_id,
       extract(epoch from now() - claimed.creating_since)::float8 as creating_for_seconds,
       extract(epoch from now() - claimed.noting_since)::float8 as noting_for_seconds,
       claimed.task_due, claimed.task_user, claimed.move_due,
       extract(epoch from now() - claimed.tasking_since)::float8 as tasking_for_seconds,
       l.email_clicked or l.sms_clicked as clicked,
       l.name, l.email, l.phone, l.source, l.amocrm_lead_id,
       newest.email_state, newest.email_reason, newest.sms_state, newest.sms_reason,
       -- Of a retake, answers and result are those of the submission that made the newest message. What the client wrote in
       -- its own words stays here.
       (l.metadata - 'proftestAnswers') || case when newest.metadata ? 'answers' then jsonb_build_object(
           'answers', newest.metadata -> 'answers',
           'result', newest.metadata -> 'result') else '{}' end as metadata
from task
join landing_leads l on l.id = task.lead_id
left join lateral (
    select s.metadata, email.state as email_state, email.reason as email_reason,
           sms.state as sms_state, sms.reason as sms_reason
    from scheduled_notifications n
    left join submissions s on s.id = n.submission_id
    left join deliveries email on email.notification_id = n.id and email.channel = 'email'
    left join deliveries sms on sms.notification_id = n.id and sms.channel = 'sms'
    where n.lead_id = task.lead_id
    order by n.created_at desc
    limit 1
) newest on true
left join claimed on true
left join gate on true
