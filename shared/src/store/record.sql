-- Writes one attempt's outcome, if the claim is still held.
--
-- $1 notification id   $4 state         $7 seconds until the next attempt, or null at the end
-- $2 channel           $5 provider id   $8 doubt: 'keep', 'start' or 'clear'
-- $3 attempt           $6 reason        $9 grace, in seconds, after which the sweep wakes the row
--
-- Row locks are taken in intake's order, lead before notification, so that the two cannot deadlock: "lead" is
-- read by the join that feeds the update of the notification. The CRM task comes last.
with recorded as (
    update deliveries set
        state = $4,
        provider_id = $5,
        reason = $6,
        retries = retries + ($4 = 'retrying')::int,
        next_attempt_at = now() + coalesce($7, 0) * interval '1 second',
        unknown_since = case $8 when 'start' then now() when 'keep' then unknown_since end,
        -- The pinned content is personal data, kept only for another attempt, or for the others of its batch. A
        -- message that was given up in doubt may be redriven, and is then looked up or repeated unchanged.
        content = case
            when $7 is not null or batch_id is not null then content
            when $4 = 'failed' and ($8 = 'start' or $8 = 'keep' and unknown_since is not null) then content
        end,
        updated_at = now()
    where notification_id = $1 and channel = $2 and attempt = $3 and state = 'sending'
    returning notification_id
), lead as (
    update landing_leads l set
        email_sent = l.email_sent or $2 = 'email',
        email_sent_at = case when $2 = 'email' then now() else l.email_sent_at end,
        sms_sent = l.sms_sent or $2 = 'sms',
        sms_sent_at = case when $2 = 'sms' then now() else l.sms_sent_at end,
        updated_at = now()
    from recorded
    join scheduled_notifications n on n.id = recorded.notification_id
    where l.id = n.lead_id and $4 = 'accepted'
    returning l.id
), notification as (
    update scheduled_notifications n set
        email_sent = n.email_sent or ($4 = 'accepted' and $2 = 'email'),
        sms_sent = n.sms_sent or ($4 = 'accepted' and $2 = 'sms'),
        sent_at = case when $4 = 'accepted' then now() else n.sent_at end,
        failure_reason = case when $4 = 'failed' then concat_ws('; ', n.failure_reason, $2 || ': ' || $6)
                              else n.failure_reason end,
        open_channels = n.open_channels - ($7 is null)::int,
        status = case
            when n.open_channels - ($7 is null)::int > 0 then n.status
            when $4 = 'failed' or n.failure_reason is not null then 'failed'
            else 'completed'
        end,
        wake_at = case when $7 is null then n.wake_at else now() + ($7 + $9) * interval '1 second' end
    from recorded
    left join lead on true
    where n.id = recorded.notification_id
    returning n.lead_id, n.status
), told as (
    -- The sales team learns that a channel has failed for good.
    update crm_tasks t set
        state = case when t.state = 'done' then 'pending' else t.state end,
        revision = t.revision + 1,
        pending_notes = t.pending_notes || ($2 || '_failed'),
        wake_at = least(t.wake_at, now())
    from notification
    where $4 = 'failed' and t.lead_id = notification.lead_id and not ($2 || '_failed' = any (t.pending_notes))
)
select status from notification
