-- What we say about a message is true: vendors' reports, what a person is spared from, and an append-only history.
--
-- Deliver of the release before calls the claim that goes here: between this migration and its new code, messages come back
-- through their queue. There is no deployment yet; with one, this would be two releases (see README.md).

-- Everything that happened to a lead, in order. Nothing changes a row. Each is written in the statement that makes the change.
create table lead_events (
    id              bigint      generated always as identity,
    lead_id         uuid        not null references landing_leads (id) on delete cascade,
    at              timestamptz not null default clock_timestamp(),
    what            text        not null check (what in ('claim', 'hold', 'outcome', 'receipt', 'hit', 'rejudge', 'crm',
                                                         'stop', 'act')),
    channel         text        check (channel in ('email', 'sms')),
    notification_id uuid,                                        -- no foreign key: it goes with its lead
    detail          jsonb       not null default '{}',           -- words and numbers, never personal data
    primary key (lead_id, id)
);
create index lead_events_at on lead_events using brin (at);

-- The last seven in the order of severity: a vendor's report only raises it.
alter table deliveries drop constraint deliveries_state_check;
alter table deliveries add constraint deliveries_state_check
    check (state in ('pending', 'held', 'sending', 'retrying', 'parked', 'unknown', 'failed',
                     'accepted', 'delayed', 'expired', 'undelivered', 'delivered', 'bounced', 'complained'));

-- The page /u/{token}, where a person stops our messages: 128 random bits. Made with the content that has the link in it. It lives
-- as long as its lead.
create table recipient_tokens (
    token           text primary key,
    notification_id uuid not null,                               -- no foreign key: the link outlives its notification
    lead_id         uuid not null references landing_leads (id) on delete cascade
);
create index recipient_tokens_notification on recipient_tokens (notification_id);
create index recipient_tokens_lead on recipient_tokens (lead_id);

-- A vendor's message by its id. Beside deliveries, because an index on a column of theirs that changes would end their
-- heap-only updates. A report may come before our own record of the acceptance: then the row has no notification yet, and keeps
-- the gravest state that was reported.
create table vendor_messages (
    channel         text        not null check (channel in ('email', 'sms')),
    provider_id     text        not null,
    notification_id uuid        references scheduled_notifications (id) on delete cascade,
    state           text,                                        -- reported before the acceptance was recorded
    reason          text,
    is_permanent    boolean     not null default false,          -- of a bounce
    seen_at         timestamptz not null default now(),          -- accepted, or first heard of
    poll_at         timestamptz,                                 -- ask the vendor then; null: nothing is left to learn
    polls           smallint    not null default 0,
    primary key (channel, provider_id)
);
create index vendor_messages_notification on vendor_messages (notification_id);
create index vendor_messages_unknown on vendor_messages (seen_at) where notification_id is null;
create index vendor_messages_poll on vendor_messages (channel, poll_at) where poll_at is not null;

-- Reports that were taken in: vendors send each several times.
create table receipts (
    vendor      text        not null check (vendor in ('resend', 'mobizon')),
    event       text        not null,
    received_at timestamptz not null default now(),
    primary key (vendor, event)
);
create index receipts_received on receipts (received_at);

-- A suppression ends by its time, or by the team.
alter table suppressions
    add column channel     text check (channel in ('email', 'sms')),
    add column until       timestamptz,                          -- null: for ever
    add column mirrored_at timestamptz;                          -- told to Resend, whose own list then refuses it too

-- Failures that one alone says nothing about: a full mailbox, a phone that is off.
create table soft_failures (
    key bytea       not null,
    at  timestamptz not null default now()
);
create index soft_failures_key on soft_failures (key, at);
create index soft_failures_at on soft_failures (at);

alter table lead_events enable row level security;
alter table recipient_tokens enable row level security;
alter table vendor_messages enable row level security;
alter table receipts enable row level security;
alter table soft_failures enable row level security;

-- As in V0008, the inner functions have the search_path of those that call them.

-- How grave a state is that the vendor's answer or report gives; null for any other state.
create function funnel.severity(p_state text) returns integer
language plpgsql immutable as $$
begin
    return array_position(
        array['accepted', 'delayed', 'expired', 'undelivered', 'delivered', 'bounced', 'complained'], p_state);
end
$$;

create function funnel.is_suppressed(p_key bytea) returns boolean
language plpgsql stable as $$
begin
    return exists (select from public.suppressions s where s.key = p_key and (s.until is null or s.until > now()));
end
$$;

-- Leaves a note for the CRM, once. The task's lock is the last in the common order.
create function funnel.add_note(p_lead uuid, p_note text) returns void
language plpgsql volatile as $$
begin
    update public.crm_tasks t set
        state = case when t.state = 'done' then 'pending' else t.state end,
        revision = t.revision + 1,
        pending_notes = t.pending_notes || p_note,
        wake_at = least(t.wake_at, now())
    where t.lead_id = p_lead and not (p_note = any (t.pending_notes));
end
$$;

-- Sends an address or number nothing any more, until a time or for ever. What lasts longer wins.
create function funnel.suppress(p_key bytea, p_channel text, p_reason text, p_source text, p_until timestamptz) returns void
language plpgsql volatile as $$
begin
    if p_key is null then
        return;
    end if;
    insert into public.suppressions as s (key, channel, reason, source, until)
    values (p_key, p_channel, p_reason, p_source, p_until)
    on conflict (key) do update set
        channel = excluded.channel,
        reason = excluded.reason,
        source = excluded.source,
        until = excluded.until
    where s.until is not null and (excluded.until is null or excluded.until > s.until);
end
$$;

-- Whom a report concerns, and what follows from it for later messages: abuse.md's policy, with its figures.
create function funnel.suppress_after(p_notification uuid, p_channel text, p_state text, p_is_permanent boolean) returns void
language plpgsql volatile as $$
declare
    v_s public.submissions;
    v_lead uuid;
    v_key bytea;
begin
    select n.lead_id into v_lead from public.scheduled_notifications n where n.id = p_notification;
    select s.* into v_s from public.submissions s
    join public.scheduled_notifications n on n.submission_id = s.id
    where n.id = p_notification;
    v_key := case p_channel when 'sms' then v_s.phone_key else v_s.email_key end;

    if p_state = 'complained' then
        -- Who complains about one channel is spared from the other too.
        perform funnel.suppress(v_s.email_key, 'email', 'complaint', 'receipt', null);
        perform funnel.suppress(v_s.phone_key, 'sms', 'complaint', 'receipt', null);
        insert into public.lead_events (lead_id, what, notification_id, detail)
        values (v_lead, 'stop', p_notification, '{"how": "complaint", "channels": ["email", "sms"]}');
    elsif p_state = 'bounced' and p_is_permanent then
        perform funnel.suppress(v_key, p_channel, 'bounce', 'receipt', null);
        insert into public.lead_events (lead_id, what, channel, notification_id, detail)
        values (v_lead, 'stop', p_channel, p_notification, jsonb_build_object('how', 'bounce', 'channels', array[p_channel]));
    elsif p_state in ('bounced', 'undelivered', 'expired') and v_key is not null then
        insert into public.soft_failures (key) values (v_key);
        if (select count(*) >= 3 from public.soft_failures f
            where f.key = v_key
              and f.at > now() - case p_channel when 'sms' then interval '30 days' else interval '90 days' end)
        then
            perform funnel.suppress(v_key, p_channel, 'soft_failures', 'receipt',
                now() + case p_channel when 'sms' then interval '90 days' else interval '60 days' end);
            insert into public.lead_events (lead_id, what, channel, notification_id, detail)
            values (v_lead, 'stop', p_channel, p_notification,
                    jsonb_build_object('how', 'soft_failures', 'channels', array[p_channel]));
        end if;
    end if;

    if p_state = 'bounced' then
        perform funnel.add_note(v_lead, 'email_bounced');
    elsif p_state in ('undelivered', 'expired') then
        perform funnel.add_note(v_lead, case p_channel when 'sms' then 'sms_undelivered' else 'email_bounced' end);
    end if;
end
$$;

-- Brings a vendor's report into its delivery. Severity only grows, whatever the order of arrival. Returns whether it did.
create function funnel.apply_receipt(
    p_notification uuid, p_channel text, p_state text, p_reason text, p_is_permanent boolean, p_event text)
returns boolean
language plpgsql volatile as $$
declare
    v_id text;
    v_changed boolean;
begin
    update public.deliveries d set state = p_state, reason = p_reason, updated_at = now()
    where d.notification_id = p_notification and d.channel = p_channel
      and funnel.severity(p_state) > funnel.severity(d.state)
    returning d.provider_id into v_id;
    v_changed := found;

    insert into public.lead_events (lead_id, what, channel, notification_id, detail)
    select n.lead_id, 'receipt', p_channel, n.id,
           jsonb_build_object('event', p_event, 'state', p_state, 'reason', p_reason, 'changed', v_changed)
    from public.scheduled_notifications n where n.id = p_notification;

    if v_changed then
        if p_state not in ('accepted', 'delayed') then
            update public.vendor_messages v set poll_at = null
            where v.channel = p_channel and v.provider_id = v_id and v.poll_at is not null;
        end if;
        perform funnel.suppress_after(p_notification, p_channel, p_state, p_is_permanent);
    end if;
    return v_changed;
end
$$;

-- Takes in vendors' reports. p_reports is a list of {"vendor", "event", "channel", "id", "state", "reason", "permanent",
-- "keep"}: `event` is the vendor's id of the report, `id` that of the message; `keep` says whether a message that we do not
-- know yet may be ours. Returns what became of each: changed, unchanged, repeated, or unknown.
create function funnel.take_receipts(p_reports jsonb) returns table (event text, became text)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_r record;
    v_notification uuid;
begin
    -- In the order of their messages, so that two lists do not deadlock.
    for v_r in
        select r.* from jsonb_to_recordset(p_reports) as r (
            vendor text, event text, channel text, id text, state text, reason text, permanent boolean, keep boolean)
        order by r.channel, r.id
    loop
        event := v_r.event;
        insert into public.receipts as t (vendor, event) values (v_r.vendor, v_r.event) on conflict do nothing;
        if not found then
            became := 'repeated';
            return next;
            continue;
        end if;
        select v.notification_id into v_notification
        from public.vendor_messages v where v.channel = v_r.channel and v.provider_id = v_r.id;
        if v_notification is null and v_r.keep then
            -- The row's lock orders this and the record of the acceptance: one of them sees the other's.
            insert into public.vendor_messages as v (channel, provider_id, state, reason, is_permanent)
            values (v_r.channel, v_r.id, v_r.state, v_r.reason, coalesce(v_r.permanent, false))
            on conflict (channel, provider_id) do update set
                state = case when funnel.severity(excluded.state) > coalesce(funnel.severity(v.state), 0)
                             then excluded.state else v.state end,
                reason = case when funnel.severity(excluded.state) > coalesce(funnel.severity(v.state), 0)
                              then excluded.reason else v.reason end,
                is_permanent = case when funnel.severity(excluded.state) > coalesce(funnel.severity(v.state), 0)
                                    then excluded.is_permanent else v.is_permanent end
            returning v.notification_id into v_notification;
        end if;
        if v_notification is null then
            became := 'unknown';
        elsif funnel.apply_receipt(
            v_notification, v_r.channel, v_r.state, v_r.reason, coalesce(v_r.permanent, false), v_r.event)
        then
            became := 'changed';
        else
            became := 'unchanged';
        end if;
        return next;
    end loop;
end
$$;

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
    channel text, attempt integer, retries smallint, unknown_for_seconds double precision, content jsonb, batch_id uuid)
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
           extract(epoch from now() - d.unknown_since)::double precision, d.content, d.batch_id
    from (select) one
    left join public.deliveries d on d.notification_id = p_notification and d.channel = any (v_claimed)
    order by d.channel;
end
$$;

-- Tells the history and the CRM that a hold ended unanswered; for the sweep, which sees neither.
create function funnel.tell_hold_over(p_notification uuid, p_channel text, p_reason text) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
    v_lead uuid;
begin
    select n.lead_id into v_lead from public.scheduled_notifications n where n.id = p_notification;
    insert into public.lead_events (lead_id, what, channel, notification_id, detail)
    values (v_lead, 'outcome', p_channel, p_notification, jsonb_build_object('state', 'failed', 'reason', p_reason));
    perform funnel.add_note(v_lead, p_channel || '_failed');
end
$$;

-- Retention: what this migration keeps grows old too. The rest of both is V0007's.

create or replace function funnel.expire_counters(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_key bytea;
    v_keys bytea[];
    v_old bytea[];
    v_rows bigint;
begin
    delete from public.budgets b where b.day < floor(extract(epoch from p_before) / 86400);
    get diagnostics done = row_count;

    delete from public.intake_counts c
    where c.key in (select o.key from public.intake_counts o
                    where o.day < floor(extract(epoch from p_before) / 86400)
                    order by o.day limit p_most for update skip locked);
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := v_rows = p_most;

    delete from public.receipts r
    where (r.vendor, r.event) in (select o.vendor, o.event from public.receipts o
                                  where o.received_at < p_before order by o.received_at limit p_most);
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := more or v_rows = p_most;
    -- The policy looks back 90 days.
    delete from public.soft_failures f
    where f.at < least(p_before, now() - interval '90 days')
      and f.at <= (select max(o.at) from (select at from public.soft_failures order by at limit p_most) o);
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := more or v_rows >= p_most;
    -- Reported, and never ours.
    delete from public.vendor_messages v
    where (v.channel, v.provider_id) in (
        select o.channel, o.provider_id from public.vendor_messages o
        where o.notification_id is null and o.seen_at < p_before limit p_most);
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := more or v_rows = p_most;

    -- An index on their times would make each claim dearer, so they are walked in the order of their keys.
    select r.done_key into v_key from public.retention r where r.what = 'counters' for update;
    select array_agg(b.key order by b.key),
           array_agg(b.key order by b.key) filter (where b.sent[1] < p_before)
    into v_keys, v_old
    from (select * from public.contact_budgets b
          where v_key is null or b.key > v_key order by b.key limit p_most) b;
    delete from public.contact_budgets b where b.key = any (v_old) and b.sent[1] < p_before;
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := more or cardinality(v_keys) = p_most;
    update public.retention r
    set done_key = case when cardinality(v_keys) = p_most then v_keys[p_most] end
    where r.what = 'counters';
    return next;
end
$$;

create or replace function funnel.expire_deliveries(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_old uuid[];
    v_rows bigint;
begin
    select array_agg(n.id) into v_old
    from (select o.id from public.scheduled_notifications o
          where o.status <> 'pending' and o.scheduled_for < p_before
          order by o.scheduled_for limit p_most) n;
    more := cardinality(v_old) = p_most;
    -- The common order of locks: a redrive may open one of them at this moment.
    perform from public.deliveries d
    where d.notification_id = any (v_old) order by d.notification_id, d.channel for update;
    delete from public.scheduled_notifications n where n.id = any (v_old) and n.status <> 'pending';
    get diagnostics done = row_count;
    -- Their history.
    delete from public.lead_events e
    where (e.lead_id, e.id) in (select o.lead_id, o.id from public.lead_events o where o.at < p_before limit p_most);
    get diagnostics v_rows = row_count;
    done := done + v_rows;
    more := coalesce(more, false) or v_rows = p_most;
    return next;
end
$$;
