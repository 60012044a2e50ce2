-- Returns the state of a lead's CRM task and reopens it if it has failed.
--
-- $1 lead id   $2 grace, in seconds, after which the sweep wakes the row   $3 false: only return its state
--
-- Returns the task as it was; no row for a lead without one. Sent twice, it finds no failed one. The marks
-- creating_since and noting_since stay, so that the next claim searches before it creates.
with found as (
    select lead_id, state, reason from crm_tasks where lead_id = $1 for update
), reopened as (
    update crm_tasks t set
        state = 'pending',
        retries = 0,
        next_attempt_at = now(),
        wake_at = now() + $2 * interval '1 second',
        updated_at = now()
    from found
    where $3 and found.state = 'failed' and t.lead_id = found.lead_id
    returning t.lead_id
), told as (
    insert into lead_events (lead_id, what, detail) select lead_id, 'act', '{"act": "redrive crm"}' from reopened
)
select state, reason from found
