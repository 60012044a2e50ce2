-- Returns the state of a notification and, if it has failed, reopens it for the channels that may be retried.
--
-- $1 notification id   $2 how long an e-mail may be repeated under its key, in seconds
-- $3 grace, in seconds, after which the sweep wakes the row   $4 false: only return what would be done
--
-- Returns no row for an unknown notification, otherwise one for each channel as it was; "becomes" is null for a
-- channel that does not change. Sent twice, it finds nothing failed and changes nothing.
--
-- unknown_since stays, so that the next claim looks an SMS up before it sends it, and repeats an e-mail only under its
-- key. A message that a newer one of the same person has replaced stays failed.
with n as (
    select id, lead_id, status,
           exists (select from scheduled_notifications newer
                   where newer.lead_id = n.lead_id and newer.created_at > n.created_at) as replaced
    from scheduled_notifications n
    where id = $1
), found as (
    select d.notification_id, d.channel, d.state, d.reason,
           d.unknown_since is not null as in_doubt,
           case
               when d.state <> 'failed' or n.status <> 'failed' or n.replaced then null
               -- A person has decided.
               when d.reason = 'cancelled' or d.reason like 'held: %' then null
               when d.unknown_since is null then 'retrying'
               when d.channel = 'sms' then 'unknown'
               when d.unknown_since > now() - $2 * interval '1 second' then 'retrying'
           end as becomes
    from deliveries d
    join n on n.id = d.notification_id
    order by d.channel
    for update of d
), reopened as (
    update deliveries d set
        state = found.becomes,
        retries = 0,
        next_attempt_at = now(),
        updated_at = now()
    from found
    where $4 and found.becomes is not null
      and d.notification_id = found.notification_id and d.channel = found.channel
    returning d.channel
), told as (
    insert into lead_events (lead_id, what, channel, notification_id, detail)
    select n.lead_id, 'act', reopened.channel, n.id, '{"act": "redrive"}'
    from reopened, n
), notification as (
    update scheduled_notifications set
        status = 'pending',
        open_channels = (select count(*) from reopened),
        failure_reason = (select string_agg(channel || ': ' || reason, '; ' order by channel)
                          from found
                          where state = 'failed' and becomes is null and reason is distinct from 'cancelled'),
        wake_at = now() + $3 * interval '1 second'
    where id = $1 and exists (select from reopened)
)
select n.lead_id, n.status, n.replaced, found.channel, found.state, found.reason, found.in_doubt, found.becomes
from n
join found on true
order by found.channel
