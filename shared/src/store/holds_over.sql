-- Ends holds whose time is over: their deliveries fail.
--
-- $1 batch size
--
-- Returns the ended deliveries. Row locks in the common order: deliveries, holds, notifications (ARCHITECTURE.md, "Locks").
-- A delivery that somebody has locked is left for the next run. Sent twice, it goes on with the next ones.
with due as materialized (
    select notification_id, channel
    from holds
    where ended_at is null and until <= now()
    order by until
    limit $1
), held as (
    select d.notification_id, d.channel
    from deliveries d
    join due on due.notification_id = d.notification_id and due.channel = d.channel
    where d.state = 'held'
    order by d.notification_id, d.channel
    for update of d skip locked
), ended as (
    -- The conditions are read again under the lock: it may have been released and held anew.
    update holds h
    set ended_at = now()
    from held
    where h.notification_id = held.notification_id and h.channel = held.channel
      and h.ended_at is null and h.until <= now()
    returning h.notification_id, h.channel, 'held: ' || h.reason as reason
), failed as (
    update deliveries d set
        state = 'failed',
        reason = ended.reason,
        next_attempt_at = now(),
        -- As in funnel.record: kept for a redrive that must repeat it unchanged.
        content = case when d.batch_id is not null or d.unknown_since is not null then d.content end,
        updated_at = now()
    from ended
    where d.notification_id = ended.notification_id and d.channel = ended.channel
    returning d.notification_id, d.channel, ended.reason
), of_notification as (
    select notification_id, count(*)::smallint as channels,
           string_agg(channel || ': ' || reason, '; ' order by channel) as reasons
    from failed
    group by notification_id
), notification as (
    update scheduled_notifications n set
        failure_reason = concat_ws('; ', n.failure_reason, f.reasons),
        -- One that was cancelled by hand has no open channel any more.
        open_channels = greatest(n.open_channels - f.channels, 0),
        held_channels = greatest(n.held_channels - f.channels, 0),
        status = case when n.status = 'pending' and n.open_channels <= f.channels then 'failed' else n.status end
    from of_notification f
    where n.id = f.notification_id
    returning n.id
)
-- The history and the sales team's note come after the locks above.
select f.channel, f.reason, funnel.tell_hold_over(f.notification_id, f.channel, f.reason)
from failed f, (select count(*) from notification) locked
