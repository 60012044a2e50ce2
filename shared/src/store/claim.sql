-- Claims what may be sent now of one notification, under a lease.
--
-- $1 notification id   $2 lease, in seconds
--
-- Returns no row for an unknown notification; otherwise one row for each claimed channel, or a single row
-- without a channel. free_in_seconds: until an open channel that could not be claimed now can be. Only the
-- database's clock counts, so a function's clock cannot make a message early.
with n as (
    select id, lead_id, kind, status, scheduled_for, failure_reason
    from scheduled_notifications
    where id = $1
), free as (
    select d.notification_id, d.channel, d.state
    from deliveries d
    join n on n.id = d.notification_id
    where n.status = 'pending'
      and n.scheduled_for <= now()
      and d.next_attempt_at <= now()
      and d.state in ('pending', 'sending', 'retrying', 'parked', 'unknown')
    order by d.channel
    for update of d
), claimed as (
    update deliveries d set
        state = 'sending',
        attempt = d.attempt + 1,
        next_attempt_at = now() + $2 * interval '1 second',
        first_attempt_at = coalesce(d.first_attempt_at, now()),
        -- An expired lease leaves an unknown outcome. For an e-mail the oldest doubt counts (its idempotency key
        -- ages from there), for an SMS the newest (the vendor's list needs time to show it).
        unknown_since = case
            when free.state <> 'sending' then d.unknown_since
            when d.channel = 'email' then coalesce(d.unknown_since, d.updated_at)
            else d.updated_at
        end,
        updated_at = now()
    from free
    where d.notification_id = free.notification_id and d.channel = free.channel
    returning d.channel, d.attempt, d.retries, d.unknown_since, d.content, d.batch_id
)
select n.status,
       extract(epoch from n.scheduled_for - now())::float8 as due_in_seconds,
       (select extract(epoch from min(d.next_attempt_at) - now())::float8
        from deliveries d
        where d.notification_id = n.id
          and d.next_attempt_at > now()
          and d.state in ('pending', 'sending', 'retrying', 'parked', 'unknown')) as free_in_seconds,
       n.failure_reason is not null as failed,
       n.kind,
       l.id as lead_id,
       l.name,
       l.email,
       l.phone,
       l.metadata -> 'result' as result,
       l.metadata ->> 'campaignSlug' as campaign,
       (select s.code from short_links s where s.notification_id = n.id and s.channel = 'sms') as code,
       c.channel,
       c.attempt,
       c.retries,
       extract(epoch from now() - c.unknown_since)::float8 as unknown_for_seconds,
       c.content,
       c.batch_id
from n
join landing_leads l on l.id = n.lead_id
left join claimed c on true
