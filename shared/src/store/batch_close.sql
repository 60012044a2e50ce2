-- Deletes a batch, and the content of its e-mails, once the outcome of each is known.
--
-- $1 batch id   $2 how long an e-mail may be repeated under its key, in seconds
--
-- The worker that records the last member runs this afterwards and sees all of them finished. Sent twice, it finds
-- nothing.
with closed as (
    delete from email_batches b
    where b.id = $1
      and not exists (
          select
          from unnest(b.notifications) as m (id)
          join deliveries d on d.notification_id = m.id and d.channel = 'email'
          where d.batch_id = b.id
            and (d.state in ('pending', 'sending', 'retrying', 'parked', 'unknown')
                 -- Given up in doubt: a redrive may still repeat the batch.
                 or d.state = 'failed' and d.unknown_since > now() - $2 * interval '1 second'))
    returning b.id, b.notifications
)
update deliveries d
set content = null, batch_id = null
from closed
where d.notification_id = any (closed.notifications) and d.channel = 'email' and d.batch_id = closed.id
