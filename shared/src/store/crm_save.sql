-- Saves a deal and its contact, if the claim is still held.
--
-- $1 lead id   $2 attempt   $3 deal id   $4 contact id, or null   $5 revision that was worked on
-- $6 whether we made it   $7 whether it lacks a task   $8 whose task it is to be, or null
-- $9 whether it waits behind our stage for a human click
--
-- Sent twice, it writes the same, and no second event. Row locks in the common order: person, lead, task (ARCHITECTURE.md,
-- "Locks"). Each count makes the update after it wait for the lock before it.
with person as (
    select phone from crm_people where holder = $1 for update
), lead as (
    select id, phone from landing_leads, (select count(*) from person) locked
    where id = $1
    for update of landing_leads
), task as (
    update crm_tasks t set
        creating_since = null,
        deal_due = t.deal_due and t.revision <> $5,
        -- One that may have been made is looked up, also when this deal has a task now.
        task_due = t.task_due or $7,
        task_user = $8,
        move_due = $9
    from lead
    where t.lead_id = lead.id and t.attempt = $2 and t.state = 'working'
    returning t.lead_id, lead.phone
), deal as (
    update landing_leads l set amocrm_lead_id = $3, updated_at = now()
    from task
    where l.id = task.lead_id
), contact as (
    update crm_people p set contact_id = coalesce($4, p.contact_id)
    from task
    where p.phone = task.phone
), told as (
    insert into lead_events (lead_id, what, detail)
    select task.lead_id, 'crm', event.detail
    from task, (select jsonb_build_object(
        'step', 'deal', 'attempt', $2, 'deal', $3, 'made', $6, 'waits_for_click', $9) as detail) event
    where not exists (
        select from lead_events e
        where e.lead_id = task.lead_id and e.what = 'crm' and e.detail = event.detail)
)
select true from task
