-- Pins the members of a batch: all of these claims, or none if one of them was lost.
--
-- $1 batch id   $2 notification ids, in the order of the request   $3 their claims' attempts
--
-- Returns a row for each member. Sent twice, it finds its own batch and returns the same. Rows are locked in the order
-- of their ids, so that no two batches wait for each other.
with members as (
    select d.notification_id
    from deliveries d
    join unnest($2::uuid[], $3::int[]) as m (notification_id, attempt) on m.notification_id = d.notification_id
    where d.channel = 'email' and d.attempt = m.attempt and d.state = 'sending' and d.content is not null
    order by d.notification_id
    for update of d
), batch as (
    insert into email_batches as b (id, notifications)
    select $1, $2 where (select count(*) from members) = cardinality($2)
    on conflict (id) do update set id = b.id
    returning id
)
update deliveries d
set batch_id = batch.id
from batch, members
where d.notification_id = members.notification_id and d.channel = 'email'
returning d.notification_id
