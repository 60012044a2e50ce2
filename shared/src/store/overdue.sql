-- Takes a batch of overdue notifications, oldest first, and postpones their next waking.
--
-- $1 batch size   $2 seconds until a row may be woken again
with overdue as (
    select id
    from scheduled_notifications
    where status = 'pending' and not held and scheduled_for <= now() and wake_at <= now()
    order by scheduled_for, created_at
    limit $1
    for update skip locked
)
update scheduled_notifications n
set wake_at = now() + $2 * interval '1 second'
from overdue
where n.id = overdue.id
returning n.id
