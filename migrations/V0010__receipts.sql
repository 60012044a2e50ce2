-- What we say about a message is true: vendors' reports, what a person is spared from, and an append-only history.
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
    end if;
    -- Resend says only in a webhook that a bounce is permanent, which may come after the bounce was asked for.
    if v_changed or p_state = 'bounced' and p_is_permanent then
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
