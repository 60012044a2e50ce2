-- Dissolves a batch that was certainly not sent: its e-mails may go in other batches next time.
--
-- $1 batch id   $2 notification ids   $3 their claims' attempts
--
-- All or nothing, and only while all claims are held: a worker that took one over may have sent the batch.
-- Sent twice, it finds nothing.
with members as (
    select d.notification_id
    from deliveries d
    join unnest($2::uuid[], $3::int[]) as m (notification_id, attempt) on m.notification_id = d.notification_id
    where d.channel = 'email' and d.attempt = m.attempt and d.state = 'sending' and d.batch_id = $1
    order by d.notification_id
    for update of d
), dissolved as (
    delete from email_batches b
    where b.id = $1 and (select count(*) from members) = cardinality(b.notifications)
    returning id
)
update deliveries d
set batch_id = null
from dissolved, members
where d.notification_id = members.notification_id and d.channel = 'email'
returning d.notification_id
