-- Cancels messages that fell or fall due in a span of time and certainly are not out: they are never sent.
--
-- $1 from   $2 to, exclusive   $3 channel or null   $4 who does it   $5 how many notifications at most
-- $6 false: only return what would be done
--
-- Returns one row for each channel and state. "cancelled" is false for what is being sent or may be out: it is left alone.
-- A cancelled channel is no failure. When no channel is open any more, a notification whose other channel has failed is
-- "failed", one of which something was sent "completed", and any other "cancelled". One audit row. Sent twice, it goes on with
-- the next ones.
--
-- Row locks in the common order: deliveries, holds, notifications.
with chosen as materialized (
    select n.id
    from scheduled_notifications n
    where n.status = 'pending' and n.scheduled_for >= $1 and n.scheduled_for < $2
      and (not $6 or exists (
          select from deliveries d
          where d.notification_id = n.id and ($3::text is null or d.channel = $3)
            and d.state in ('pending', 'held', 'retrying', 'parked') and d.unknown_since is null and d.batch_id is null))
    order by n.scheduled_for, n.created_at
    limit $5
), found as materialized (
    select d.notification_id, d.channel, d.state,
           -- A member of a batch may have gone out with it.
           d.state in ('pending', 'held', 'retrying', 'parked') and d.unknown_since is null and d.batch_id is null
               as cancelled
    from deliveries d
    where d.notification_id in (select id from chosen) and ($3::text is null or d.channel = $3)
      and d.state in ('pending', 'held', 'sending', 'retrying', 'parked', 'unknown')
    order by d.notification_id, d.channel
    for update
), ended as (
    update holds h set ended_at = now()
    from found f
    where $6 and f.cancelled and f.state = 'held'
      and h.notification_id = f.notification_id and h.channel = f.channel and h.ended_at is null
), cancelled as (
    update deliveries d
    set state = 'failed', reason = 'cancelled', next_attempt_at = now(), content = null, updated_at = now()
    from found f
    where $6 and f.cancelled and d.notification_id = f.notification_id and d.channel = f.channel
    returning d.notification_id, d.channel, f.state as was
), of_notification as (
    select notification_id, count(*)::smallint as channels, (count(*) filter (where was = 'held'))::smallint as held
    from cancelled
    group by notification_id
), notification as (
    update scheduled_notifications n set
        open_channels = n.open_channels - c.channels,
        held_channels = n.held_channels - c.held,
        status = case
            when n.open_channels > c.channels then n.status
            when n.failure_reason is not null then 'failed'
            when n.email_sent or n.sms_sent then 'completed'
            else 'cancelled'
        end
    from of_notification c
    where n.id = c.notification_id
), told as (
    insert into lead_events (lead_id, what, channel, notification_id, detail)
    select n.lead_id, 'act', c.channel, n.id, jsonb_build_object('act', 'cancel', 'actor', $4::text)
    from cancelled c
    join scheduled_notifications n on n.id = c.notification_id
), audited as (
    insert into audit (id, actor, act, detail)
    select gen_random_uuid(), $4, 'cancel', jsonb_build_object(
        'from', $1, 'to', $2, 'channel', $3,
        'notifications', count(distinct notification_id), 'deliveries', count(*))
    from cancelled
    having count(*) > 0
)
select channel, state, cancelled, count(*) as deliveries, count(distinct notification_id) as notifications
from found
group by channel, state, cancelled
order by channel, state, cancelled
