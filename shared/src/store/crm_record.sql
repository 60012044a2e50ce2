-- Ends one attempt at a CRM task, if the claim is still held, and releases the person.
--
-- $1 lead id   $2 attempt   $3 state   $4 revision that was worked on   $5 notes written
-- $6 seconds until the next attempt   $7 reason   $8 grace before the sweep, in seconds
-- $9 whether it counts towards giving up   $10 whether the deal has its task, or is to have none
with held as (
    -- Person before task, in the common order: ARCHITECTURE.md, "Locks".
    select phone from crm_people where holder = $1 for update
), before as (
    select task_due, reason from crm_tasks where lead_id = $1
), recorded as (
    update crm_tasks t set
        pending_notes = array(select unnest(t.pending_notes) except select unnest($5)),
        -- A change during this work leaves the task open.
        state = case when $3 = 'done' and t.revision <> $4 then 'pending' else $3 end,
        retries = case when $9 then t.retries + 1 when $3 = 'done' then 0 else t.retries end,
        noting_since = case when $3 = 'done' then null else t.noting_since end,
        task_due = t.task_due and not $10,
        tasking_since = case when $10 then null else t.tasking_since end,
        next_attempt_at = now() + $6 * interval '1 second',
        wake_at = now() + ($6 + $8) * interval '1 second',
        reason = $7,
        updated_at = now()
    from (select count(*) from held) locked
    where t.lead_id = $1 and t.attempt = $2 and t.state = 'working'
    returning t.lead_id, t.state
), person as (
    update crm_people p set holder = null, held_until = '-infinity'
    from recorded
    where p.holder = recorded.lead_id
), told as (
    insert into lead_events (lead_id, what, detail)
    select recorded.lead_id, 'crm', jsonb_build_object('attempt', $2) || event.detail
    from recorded, before, lateral (values
        (cardinality($5) > 0, jsonb_build_object('step', 'notes', 'notes', $5)),
        ($10 and before.task_due, jsonb_build_object('step', 'task')),
        -- What waits is told once, not at every look.
        ($3 = 'pending' and ($9 or before.reason is distinct from $7),
         jsonb_build_object('step', 'retry', 'reason', $7, 'after', $6)),
        ($3 = 'failed', jsonb_build_object('step', 'failed', 'reason', $7))
    ) as event (happened, detail)
    where event.happened
)
select state from recorded
