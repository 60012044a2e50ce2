-- A message's way through deliver, with what V0010 and V0013 keep: links that the pin makes, suppressions that end, the vendor's id,
-- and events.
--
-- Deliver of the release before calls the claim that goes here: between this migration and its new code, messages come back
-- through their queue. There is no deployment yet; with one, this would be two releases (see README.md).
--
-- As in V0008, the inner functions have the search_path of those that call them.

-- Pins content before anything is sent, and makes the links in it work: the e-mail's own /l/{code}, and /u/{token}. The first
-- pin wins. Returns what is pinned, by this call or an earlier one.
create function funnel.pin(p_notification uuid, p_channels text[], p_contents jsonb[], p_token text, p_code text)
returns table (channel text, content jsonb)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
begin
    return query
    update public.deliveries d set content = coalesce(d.content, p.content)
    from unnest(p_channels, p_contents) as p (channel, content)
    where d.notification_id = p_notification and d.channel = p.channel and d.state = 'sending'
    returning d.channel, d.content;

    insert into public.recipient_tokens (token, notification_id, lead_id)
    select p_token, n.id, n.lead_id from public.scheduled_notifications n where n.id = p_notification
    on conflict (token) do nothing;
    insert into public.short_links (code, lead_id, notification_id, channel)
    select p_code, n.lead_id, n.id, 'email' from public.scheduled_notifications n
    where n.id = p_notification and 'email' = any (p_channels)
    on conflict (code) do nothing;
end
$$;

-- Writes one attempt's outcome, if the claim is still held, and completes the notification if it was the last channel.
--
-- p_after: seconds until the next attempt, or null at the end. p_doubt: 'keep', 'start' or 'clear'. p_grace: seconds after which
-- the sweep wakes the row. p_undeliverable: the vendor refuses the address or number itself.
--
-- Returns a row when the claim was held. Row locks in the common order: ARCHITECTURE.md, "Locks".
create function funnel.record(
    p_notification uuid, p_channel text, p_attempt integer, p_state text, p_provider_id text, p_reason text,
    p_after double precision, p_doubt text, p_grace double precision, p_undeliverable boolean)
returns table (status text)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_n public.scheduled_notifications;
    v_early public.vendor_messages;
    v_claimed_at timestamptz;
begin
    select d.updated_at into v_claimed_at from public.deliveries d
    where d.notification_id = p_notification and d.channel = p_channel;
    update public.deliveries d set
        state = p_state,
        provider_id = p_provider_id,
        reason = p_reason,
        retries = d.retries + (p_state = 'retrying')::int,
        next_attempt_at = now() + coalesce(p_after, 0) * interval '1 second',
        unknown_since = case p_doubt when 'start' then now() when 'keep' then d.unknown_since end,
        -- The pinned content is personal data, kept only for another attempt, or for the others of its batch. A
        -- message that was given up in doubt may be redriven, and is then looked up or repeated unchanged.
        content = case
            when p_after is not null or d.batch_id is not null then d.content
            when p_state = 'failed' and (p_doubt = 'start' or p_doubt = 'keep' and d.unknown_since is not null)
                then d.content
        end,
        updated_at = now()
    where d.notification_id = p_notification and d.channel = p_channel and d.attempt = p_attempt and d.state = 'sending';
    if not found then
        return;
    end if;

    if p_state = 'accepted' then
        insert into public.vendor_messages as v (channel, provider_id, notification_id, poll_at)
        values (p_channel, p_provider_id, p_notification,
                now() + case p_channel when 'sms' then interval '2 minutes' else interval '1 hour' end)
        on conflict (channel, provider_id) do update set
            notification_id = excluded.notification_id, poll_at = excluded.poll_at, seen_at = now()
        where v.notification_id is null
        returning v.* into v_early;
        -- The lead before the notification, in intake's order.
        update public.landing_leads l set
            email_sent = l.email_sent or p_channel = 'email',
            email_sent_at = case when p_channel = 'email' then now() else l.email_sent_at end,
            sms_sent = l.sms_sent or p_channel = 'sms',
            sms_sent_at = case when p_channel = 'sms' then now() else l.sms_sent_at end,
            updated_at = now()
        from public.scheduled_notifications n
        where n.id = p_notification and l.id = n.lead_id;
    end if;

    update public.scheduled_notifications n set
        email_sent = n.email_sent or (p_state = 'accepted' and p_channel = 'email'),
        sms_sent = n.sms_sent or (p_state = 'accepted' and p_channel = 'sms'),
        sent_at = case when p_state = 'accepted' then now() else n.sent_at end,
        failure_reason = case when p_state = 'failed'
                              then concat_ws('; ', n.failure_reason, p_channel || ': ' || p_reason)
                              else n.failure_reason end,
        open_channels = n.open_channels - (p_after is null)::int,
        status = case
            when n.open_channels - (p_after is null)::int > 0 then n.status
            when p_state = 'failed' or n.failure_reason is not null then 'failed'
            else 'completed'
        end,
        wake_at = case when p_after is null then n.wake_at else now() + (p_after + p_grace) * interval '1 second' end
    where n.id = p_notification
    returning n.* into v_n;

    insert into public.lead_events (lead_id, what, channel, notification_id, detail)
    values (v_n.lead_id, 'outcome', p_channel, p_notification,
            jsonb_strip_nulls(jsonb_build_object(
                'attempt', p_attempt, 'state', p_state, 'reason', p_reason, 'id', p_provider_id,
                'seconds', round(extract(epoch from now() - v_claimed_at), 3))));

    if p_state = 'accepted' and v_early.state is not null then
        -- The vendor's report was faster than we.
        perform funnel.apply_receipt(
            p_notification, p_channel, v_early.state, v_early.reason, v_early.is_permanent, 'early');
    elsif p_state = 'failed' then
        if p_undeliverable then
            perform funnel.suppress(
                (select case p_channel when 'sms' then s.phone_key else s.email_key end
                 from public.submissions s where s.id = v_n.submission_id),
                p_channel, 'refused', 'vendor', null);
        end if;
        perform funnel.add_note(v_n.lead_id, p_channel || '_failed');
    end if;
    status := v_n.status;
    return next;
end
$$;

-- Why this channel must not be sent now, or null. Then, and only then, its budgets are charged. Order matters: a message that
-- is held for its own sake must not use up the budget of others.
create or replace function funnel.reason_to_hold(
    p_channel text, p_waived boolean, p_lead public.landing_leads, p_submission public.submissions, p_limits jsonb)
returns text
language plpgsql volatile as $$
declare
    v_is_sms constant boolean := p_channel = 'sms';
    v_key constant bytea := case when v_is_sms then p_submission.phone_key else p_submission.email_key end;
    v_consent constant boolean := case when v_is_sms then p_submission.sms_consent else p_submission.email_consent end;
    v_country constant text := case when v_is_sms then p_submission.country end;
    v_pair constant integer := p_limits ->> 'pair';
begin
    if funnel.is_suppressed(v_key) then
        return 'suppressed';
    end if;
    if not p_waived then
        if not v_consent then
            return 'consent';
        elsif p_submission.hold is not null then
            return p_submission.hold;
        elsif p_submission.challenged_at is not null and p_submission.proved_at is null then
            return 'challenge';
        elsif v_is_sms and p_submission.sms_hold is not null then
            return p_submission.sms_hold;
        elsif not (p_limits -> 'countries') ? v_country then
            return 'country';
        elsif p_limits ? 'countries' and v_country is not null and not p_submission.is_mobile then
            return 'range';
        elsif v_is_sms and (
            select count(*) from public.landing_leads l
            where l.email = p_lead.email
              and l.created_at between p_lead.created_at - interval '1 day' and p_lead.created_at) > v_pair
        then
            return 'budget:pair';
        elsif not v_is_sms and (
            select count(*) from public.landing_leads l
            where l.phone = p_lead.phone
              and l.created_at between p_lead.created_at - interval '1 day' and p_lead.created_at) > v_pair
        then
            return 'budget:pair';
        end if;
    end if;
    if funnel.is_used_up(p_channel, p_limits -> p_channel) then
        return 'budget:global';
    elsif v_country is not null and funnel.is_used_up('sms:' || v_country, p_limits #> array['by_country', v_country]) then
        return 'budget:country';
    elsif not p_waived and v_is_sms and not funnel.take_contact(v_key, p_limits -> 'phone') then
        return 'budget:phone';
    elsif not p_waived and not v_is_sms and not funnel.take_contact(v_key, p_limits -> 'address') then
        return 'budget:email';
    end if;
    if p_limits -> p_channel is not null then
        -- An e-mail has no country, and no price.
        perform funnel.charge(p_channel, coalesce((p_limits #>> array['price', v_country])::bigint, 0));
    end if;
    if p_limits #> array['by_country', v_country] is not null then
        perform funnel.charge('sms:' || v_country, 0);
    end if;
    return null;
end
$$;

-- Claims what may be sent now of one notification, under a lease, and holds what may not be sent.
--
-- p_lease is in seconds; p_limits is domain::limits's JSON. Returns no row for an unknown notification; otherwise one row for
-- each claimed channel, or a single row without a channel. free_in_seconds: until an open channel that could not be claimed
-- now can be. Only the database's clock counts, so a function's clock cannot make a message early.
drop function funnel.claim(uuid, double precision, jsonb);
create function funnel.claim(p_notification uuid, p_lease double precision, p_limits jsonb)
returns table (
    status text, due_in_seconds double precision, free_in_seconds double precision, failed boolean, held boolean, kind text,
    lead_id uuid, name text, email text, phone text, result jsonb, campaign text, code text, email_code text, token text,
    channel text, attempt integer, retries smallint, unknown_for_seconds double precision, content jsonb, batch_id uuid,
    suppressed boolean)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_n public.scheduled_notifications;
    v_lead public.landing_leads;
    v_submission public.submissions;
    v_d record;
    v_reason text;
    v_claimed text[] := '{}';
    v_held integer := 0;
begin
    select n.* into v_n from public.scheduled_notifications n where n.id = p_notification;
    if not found then
        return;
    end if;
    select l.* into v_lead from public.landing_leads l where l.id = v_n.lead_id;
    select s.* into v_submission from public.submissions s where s.id = v_n.submission_id;

    if v_n.status = 'pending' and v_n.scheduled_for <= now() then
        for v_d in
            select d.channel, d.state, d.attempt,
                   coalesce((select h.waived from public.holds h
                             where h.notification_id = d.notification_id and h.channel = d.channel), false) as waived
            from public.deliveries d
            where d.notification_id = p_notification
              and d.next_attempt_at <= now()
              and d.state in ('pending', 'sending', 'retrying', 'parked', 'unknown')
            order by d.channel
            for update of d
        loop
            -- What may be out already is looked up or repeated, whatever was decided since.
            v_reason := case
                when v_d.attempt = 0 then
                    funnel.reason_to_hold(v_d.channel, v_d.waived, v_lead, v_submission, p_limits)
                when v_d.state in ('pending', 'retrying', 'parked') and funnel.is_suppressed(
                    case v_d.channel when 'sms' then v_submission.phone_key else v_submission.email_key end)
                then 'suppressed'
            end;
            if v_reason is null then
                update public.deliveries d set
                    state = 'sending',
                    attempt = d.attempt + 1,
                    next_attempt_at = now() + p_lease * interval '1 second',
                    first_attempt_at = coalesce(d.first_attempt_at, now()),
                    -- An expired lease leaves an unknown outcome. For an e-mail the oldest doubt counts (its idempotency
                    -- key ages from there), for an SMS the newest (the vendor's list needs time to show it).
                    unknown_since = case
                        when v_d.state <> 'sending' then d.unknown_since
                        when d.channel = 'email' then coalesce(d.unknown_since, d.updated_at)
                        else d.updated_at
                    end,
                    updated_at = now()
                where d.notification_id = p_notification and d.channel = v_d.channel;
                v_claimed := v_claimed || v_d.channel;
                if v_d.attempt > 0 then
                    -- The outcome tells of a first attempt, or this of what became of it.
                    insert into public.lead_events (lead_id, what, channel, notification_id, detail)
                    values (v_n.lead_id, 'claim', v_d.channel, p_notification,
                            jsonb_build_object('attempt', v_d.attempt + 1, 'after', v_d.state));
                end if;
            else
                update public.deliveries d set
                    state = 'held',
                    reason = v_reason,
                    next_attempt_at = now() + interval '7 days',
                    updated_at = now()
                where d.notification_id = p_notification and d.channel = v_d.channel;
                insert into public.holds (notification_id, channel, reason, until)
                values (p_notification, v_d.channel, v_reason, now() + interval '7 days')
                on conflict (notification_id, channel) do update set
                    reason = excluded.reason, held_at = now(), until = excluded.until, ended_at = null;
                insert into public.lead_events (lead_id, what, channel, notification_id, detail)
                values (v_n.lead_id, 'hold', v_d.channel, p_notification, jsonb_build_object('reason', v_reason));
                v_held := v_held + 1;
            end if;
        end loop;
        if v_held > 0 then
            update public.scheduled_notifications n set held_channels = n.held_channels + v_held, was_held = true
            where n.id = p_notification
            returning n.held into v_n.held;
        end if;
    end if;

    return query
    select v_n.status,
           extract(epoch from v_n.scheduled_for - now())::double precision,
           (select extract(epoch from min(d.next_attempt_at) - now())::double precision
            from public.deliveries d
            where d.notification_id = p_notification
              and d.next_attempt_at > now()
              and d.state in ('pending', 'sending', 'retrying', 'parked', 'unknown')
              and d.channel <> all (v_claimed)),
           v_n.failure_reason is not null, v_n.held, v_n.kind, v_lead.id,
           coalesce(v_submission.name, v_lead.name), v_lead.email, v_lead.phone,
           coalesce(v_submission.metadata, v_lead.metadata) -> 'result',
           coalesce(v_submission.metadata, v_lead.metadata) ->> 'campaignSlug',
           (select s.code from public.short_links s where s.notification_id = p_notification and s.channel = 'sms'),
           (select s.code from public.short_links s
            where s.notification_id = p_notification and s.channel = 'email' limit 1),
           (select t.token from public.recipient_tokens t where t.notification_id = p_notification limit 1),
           d.channel, d.attempt, d.retries,
           extract(epoch from now() - d.unknown_since)::double precision, d.content, d.batch_id,
           -- Of what may be out already: it is looked up, and not sent once more.
           d.attempt > 1 and funnel.is_suppressed(
               case d.channel when 'sms' then v_submission.phone_key else v_submission.email_key end)
    from (select) one
    left join public.deliveries d on d.notification_id = p_notification and d.channel = any (v_claimed)
    order by d.channel;
end
$$;
