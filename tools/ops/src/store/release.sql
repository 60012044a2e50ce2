-- Releases held deliveries, of one lead or of one reason: they are pending again and due now.
--
-- $1 lead id or null   $2 reason or null   $3 how many at most   $4 who does it   $5 false: only return what would be done
--
-- Returns one row for each delivery that is released, and one for all others that are held so and stay, by why. A suppressed
-- person gets nothing; a message that a newer one of the same lead and kind has replaced is never sent. Released, a delivery
-- meets only suppression and the budgets of all: holds.waived. One audit row a lead. Sent twice, it goes on with the next ones.
--
-- Row locks in the common order: all deliveries of the notifications, then holds, then notifications.
with held as materialized (
    select h.notification_id, h.channel, h.reason, h.held_at, n.lead_id,
           case
               when exists (
                   select from suppressions p
                   join submissions s on s.id = n.submission_id
                   where p.key = case h.channel when 'sms' then s.phone_key else s.email_key end
                     and (p.until is null or p.until > now())) then 'suppressed'
               when exists (select from scheduled_notifications newer
                            where newer.lead_id = n.lead_id and newer.kind = n.kind and newer.created_at > n.created_at)
                   then 'replaced'
           end as stays
    from holds h
    join scheduled_notifications n on n.id = h.notification_id
    where h.ended_at is null and n.status = 'pending' and (n.lead_id = $1 or h.reason = $2)
), chosen as materialized (
    select notification_id, channel, reason, lead_id
    from held
    where stays is null
    order by held_at, notification_id, channel
    limit $3
), locked as materialized (
    select d.notification_id, d.channel, d.state, d.attempt
    from deliveries d
    where $5 and d.notification_id in (select notification_id from chosen)
    order by d.notification_id, d.channel
    for update
), waived as (
    update holds h set waived = true, ended_at = now()
    from chosen c
    join locked d on d.notification_id = c.notification_id and d.channel = c.channel
    -- What was tried already would not be looked at again before it is sent.
    where d.state = 'held' and d.attempt = 0
      and h.notification_id = c.notification_id and h.channel = c.channel and h.ended_at is null
    returning h.notification_id, h.channel
), released as (
    update deliveries d set state = 'pending', reason = null, next_attempt_at = now(), updated_at = now()
    from waived w
    where d.notification_id = w.notification_id and d.channel = w.channel
    returning d.notification_id, d.channel
), notification as (
    update scheduled_notifications n set held_channels = n.held_channels - r.channels, wake_at = now()
    from (select notification_id, count(*)::smallint as channels from released group by notification_id) r
    where n.id = r.notification_id
), told as (
    insert into lead_events (lead_id, what, channel, notification_id, detail)
    select c.lead_id, 'act', c.channel, c.notification_id,
           jsonb_build_object('act', 'release', 'reason', c.reason, 'actor', $4::text)
    from chosen c
    join released r on r.notification_id = c.notification_id and r.channel = c.channel
), audited as (
    insert into audit (id, actor, act, subject, detail)
    select gen_random_uuid(), $4, 'release', c.lead_id,
           jsonb_build_object('deliveries', jsonb_agg(jsonb_build_object(
               'notification', c.notification_id, 'channel', c.channel, 'reason', c.reason) order by c.channel))
    from chosen c
    join released r on r.notification_id = c.notification_id and r.channel = c.channel
    group by c.lead_id
)
select c.lead_id, c.channel, c.reason, null as stays, 1::bigint as deliveries
from chosen c
where not $5 or exists (select from released r where r.notification_id = c.notification_id and r.channel = c.channel)
union all
select null, channel, reason, stays, count(*)
from held
where stays is not null
group by channel, reason, stays
order by stays nulls first, lead_id, channel
