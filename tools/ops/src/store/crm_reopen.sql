-- Says how a lead's CRM task stands and opens it again if it has failed.
--
-- $1 lead id   $2 grace, in seconds, after which the sweep wakes the row   $3 false: only say how it stands
--
-- Returns the task as it was; no row for a lead without one. Sent twice, it finds nothing that has failed. What may have
-- been created stays marked (creating_since, noting_since), so that the next claim searches before it creates.
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
)
select state, reason from found
