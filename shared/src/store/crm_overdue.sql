-- Takes a batch of overdue CRM tasks, oldest first, and postpones their next waking; none while the gate is shut.
--
-- $1 batch size   $2 seconds until a row may be woken again
with overdue as (
    select lead_id
    from crm_tasks
    where state in ('pending', 'working') and wake_at <= now()
      and not exists (select from crm_gate where shut_until > now())
    order by wake_at
    limit $1
    for update skip locked
)
update crm_tasks t
set wake_at = now() + $2 * interval '1 second'
from overdue
where t.lead_id = overdue.lead_id
returning t.lead_id
