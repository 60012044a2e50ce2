-- The guard: what a stranger may cost us. Submissions keep what each sending of the form said; a delivery may be held;
-- budgets count what is sent; consents keep what was agreed to.
--
-- Intake, track and deliver of this release call functions of the schema `funnel`. Expand only: code of the release before
-- still works, but what it saves has no submission, and is sent without the checks that need one.

-- Supabase's Data API serves only the schema public, so nobody calls these functions over HTTP.
create schema funnel;
alter default privileges revoke execute on functions from public;

-- One sending of the form. The key is unique within its lead; the same key from another person is another lead.
alter table submissions drop constraint submissions_pkey;
alter table submissions
    alter column key drop not null,
    add column id            uuid    primary key default gen_random_uuid(),
    add column name          text,                               -- as given then; null before this migration
    add column metadata      jsonb   not null default '{}',      -- answers, quiz result and touch of this sending
    add column country       text,                               -- of the number; null before this migration
    add column is_mobile     boolean not null default true,      -- whether the number is of a known mobile range
    add column email_key     bytea,                              -- HMAC of the address without aliases
    add column phone_key     bytea,                              -- HMAC of the number
    add column hold          text,                               -- why intake wants both channels held
    add column sms_hold      text,                               -- why intake wants the SMS held
    add column email_consent boolean,                            -- null: collected by the caller of the API
    add column sms_consent   boolean,
    add column challenged_at timestamptz,                        -- a proof was asked for
    add column proved_at     timestamptz;                        -- and came in time
create unique index submissions_key on submissions (lead_id, key);

-- No foreign key: its index would make each notification dearer, and both go with their lead.
alter table scheduled_notifications
    add column submission_id uuid,
    add column held_channels smallint not null default 0 check (held_channels between 0 and open_channels),
    -- Every open channel waits for a decision: no worker and no sweep has anything to do.
    add column held boolean generated always as (held_channels > 0 and held_channels = open_channels) stored,
    -- A channel of it was held once.
    add column was_held boolean not null default false;
-- A held message does not keep the person from another one, and one that is released may meet that other one.
drop index scheduled_notifications_one_pending;
create unique index scheduled_notifications_one_pending on scheduled_notifications (lead_id, kind)
    where status = 'pending' and not was_held;

alter table deliveries drop constraint deliveries_state_check;
alter table deliveries add constraint deliveries_state_check
    check (state in ('pending', 'held', 'sending', 'retrying', 'parked', 'unknown', 'accepted', 'delivered', 'bounced',
                     'failed'));

-- Why a delivery is or was held. The work list of the team and of the sweep: an index on the state of deliveries would end
-- their heap-only updates.
create table holds (
    notification_id uuid        not null references scheduled_notifications (id) on delete cascade,
    channel         text        not null check (channel in ('email', 'sms')),
    reason          text        not null,
    held_at         timestamptz not null default now(),
    until           timestamptz not null,                        -- then the delivery fails
    waived          boolean     not null default false,          -- released once: only budgets of all and suppression count
    ended_at        timestamptz,                                 -- released or failed
    primary key (notification_id, channel)
);
create index holds_open on holds (until) where ended_at is null;

-- Who gets nothing any more, by HMAC of the address or number: it outlives the person's rows.
create table suppressions (
    key        bytea       primary key,
    reason     text        not null,
    source     text        not null,
    created_at timestamptz not null default now()
);

-- When messages were claimed for an address or number: the times of the last month.
create table contact_budgets (
    key  bytea         primary key,
    sent timestamptz[] not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

-- What all together have used: `sms`, `email`, `sms:RU`. A backend of the server writes its own row of 32, so that claims do
-- not wait for each other. Hours and days are counted from 1970.
create table budgets (
    name    text     not null,
    shard   smallint not null,
    hour    integer  not null,
    hour_n  integer  not null,
    day     integer  not null,
    day_n   integer  not null,
    money   bigint   not null,                                   -- of the day, in hundredths of the account's currency
    primary key (name, shard)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- How many submissions came from a network address, and for a block of numbers. Keys are HMACs.
create table intake_counts (
    key      bytea   primary key,
    second   bigint  not null,
    second_n integer not null,
    hour     integer not null,
    hour_n   integer not null,
    day      integer not null,
    day_n    integer not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index intake_counts_day on intake_counts (day);

-- What was agreed to, with the text that was shown. No foreign key: the proof outlives the lead, without contacts.
create table consents (
    submission_id uuid        primary key,
    lead_id       uuid        not null,
    email_key     bytea,
    phone_key     bytea,
    collected_by  text        not null check (collected_by in ('page', 'caller')),
    email         boolean,                                       -- null: the caller did not say
    sms           boolean,
    text_version  text,
    text_sha256   text,                                          -- of the exact text; null for a version unknown to us
    language      text,
    page          text,
    campaign      text,
    address       text,                                          -- cut to /24 or /48
    user_agent    text,                                          -- first 256 characters
    created_at    timestamptz not null default now(),
    withdrawn_at  timestamptz,
    withdrawn_how text
);
create index consents_lead on consents (lead_id);
create index consents_created on consents (created_at);

-- Every act of the team, in the same statement as the act.
create table audit (
    id      uuid        primary key,
    at      timestamptz not null default now(),
    actor   text        not null,
    act     text        not null,
    subject uuid,                                                -- a lead or a notification
    detail  jsonb       not null default '{}'                    -- never personal data
);
create index audit_at on audit (at);

alter table holds enable row level security;
alter table suppressions enable row level security;
alter table contact_budgets enable row level security;
alter table budgets enable row level security;
alter table intake_counts enable row level security;
alter table consents enable row level security;
alter table audit enable row level security;

-- The functions that follow without a search_path of their own are called by those that set it: setting it costs a few
-- microseconds a call. plpgsql keeps their plans; functions in SQL are planned at every call.

-- Counts one submission under each key and compares with the limits of an hour and a day. p_counted is a list of
-- {"key", "what", "soft", "hour", "day"}. Keys are taken in order, so that two submissions do not deadlock.
create function funnel.count_submission(p_counted jsonb)
returns table (what text, second_n integer, is_soft boolean, is_hard boolean)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    return query
    with counted as (
        select decode(c.key, 'hex') as key, c.what, c.soft, c.hour, c.day,
               floor(extract(epoch from now()))::bigint as now
        from jsonb_to_recordset(p_counted) as c (key text, what text, soft integer, hour integer, day integer)
    ), written as (
        insert into public.intake_counts as c (key, second, second_n, hour, hour_n, day, day_n)
        select key, now, 1, now / 3600, 1, now / 86400, 1 from counted order by key
        on conflict (key) do update set
            second = excluded.second,
            second_n = case when c.second = excluded.second then c.second_n + 1 else 1 end,
            hour = excluded.hour,
            hour_n = case when c.hour = excluded.hour then c.hour_n + 1 else 1 end,
            day = excluded.day,
            day_n = case when c.day = excluded.day then c.day_n + 1 else 1 end
        returning c.key, c.second_n, c.hour_n, c.day_n
    )
    select c.what, w.second_n, w.hour_n > c.soft, w.hour_n > c.hour or w.day_n > c.day
    from written w join counted c on c.key = w.key;
end
$$;

-- Saves one submission: lead, submission, consent, notification, deliveries, short link and CRM task, in one transaction.
--
-- Ids and code are the caller's, so the same call twice changes nothing. p_key is the idempotency key or null; p_delay and
-- p_grace are seconds; p_guard is domain::guard's `Evidence`. Returns one row; notification_id is null when the person's
-- message has gone out.
create function funnel.intake(
    p_lead uuid, p_submission uuid, p_notification uuid, p_name text, p_email text, p_phone text, p_source text,
    p_metadata jsonb, p_key text, p_kind text, p_channels text[], p_code text, p_delay double precision,
    p_grace double precision, p_guard jsonb)
returns table (
    lead_id uuid, notification_id uuid, scheduled_for timestamptz, due_in_seconds double precision, changed boolean,
    submission_id uuid, challenged boolean, address_second integer, address_over boolean)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    -- A person's submissions of a day that are kept. More are a program's: they change nothing.
    c_most constant integer := 50;
    v_due timestamptz;
    v_hard text[];
    v_soft text[];
begin
    changed := false;
    challenged := false;
    p_guard := jsonb_strip_nulls(p_guard);
    -- Also meets a row that a parallel submission committed meanwhile. The first name and touch stay.
    insert into public.landing_leads as l (id, name, email, phone, source, metadata)
    values (p_lead, p_name, p_email, p_phone, p_source, p_metadata)
    on conflict (email, phone) do update set email = excluded.email
    returning l.id into lead_id;

    select coalesce(max(c.second_n) filter (where c.what = 'address'), 0),
           coalesce(bool_or(c.is_hard) filter (where c.what = 'address'), false),
           array_agg(c.what) filter (where c.is_hard),
           array_agg(c.what) filter (where c.is_soft)
    into address_second, address_over, v_hard, v_soft
    from funnel.count_submission(p_guard -> 'counted') c;

    if p_guard ->> 'may_challenge' = 'true' then
        challenged := p_guard ->> 'is_suspicious' = 'true'
            or 'block' = any (v_soft)
            or 'address' = any (v_soft) and p_guard ->> 'addresses_count' = 'true'
            or (select count(*) from public.landing_leads l
                where l.phone = p_phone and l.created_at > now() - interval '1 day') > (p_guard ->> 'pair_soft')::integer
            or (select count(*) from public.landing_leads l
                where l.email = p_email and l.created_at > now() - interval '1 day') > (p_guard ->> 'pair_soft')::integer;
    end if;

    insert into public.submissions as s
        (id, lead_id, key, name, metadata, country, is_mobile, email_key, phone_key, hold, sms_hold, email_consent,
         sms_consent, challenged_at)
    select p_submission, lead_id, p_key, p_name, p_metadata, p_guard ->> 'country',
           (p_guard ->> 'is_mobile')::boolean, decode(p_guard ->> 'email_key', 'hex'),
           decode(p_guard ->> 'phone_key', 'hex'),
           case when p_guard ->> 'addresses_count' = 'true' and 'address' = any (v_hard) then 'budget:address'
                else p_guard ->> 'hold' end,
           case when 'block' = any (v_hard) then 'budget:block' end,
           (p_guard #>> '{consent,email}')::boolean, (p_guard #>> '{consent,sms}')::boolean,
           case when challenged then now() end
    where lead_id = p_lead
       or (select count(*) from public.submissions s
           where s.lead_id = intake.lead_id and s.created_at > now() - interval '1 day') < c_most
    on conflict do nothing;

    if found then
        submission_id := p_submission;
        if lead_id <> p_lead then
            update public.landing_leads l
            set metadata = l.metadata || jsonb_build_object('lastTouch', p_metadata -> 'lastTouch'), updated_at = now()
            where l.id = lead_id and p_metadata ? 'lastTouch';
        end if;

        insert into public.consents
            (submission_id, lead_id, email_key, phone_key, collected_by, email, sms, text_version, text_sha256, language,
             page, campaign, address, user_agent)
        select p_submission, lead_id, decode(p_guard ->> 'email_key', 'hex'), decode(p_guard ->> 'phone_key', 'hex'),
               coalesce(c.collected_by, 'caller'), c.email, c.sms, c.text_version, c.text_sha256, c.language, c.page,
               p_metadata ->> 'campaignSlug', p_guard ->> 'address', p_guard ->> 'user_agent'
        from jsonb_to_record(coalesce(p_guard -> 'consent', '{}')) as c (
            collected_by text, email boolean, sms boolean, text_version text, text_sha256 text, language text, page text);

        insert into public.scheduled_notifications as n
            (id, lead_id, submission_id, kind, type, scheduled_for, source, open_channels, wake_at)
        values (p_notification, lead_id, p_submission, p_kind,
                case when cardinality(p_channels) > 1 then 'both' else p_channels[1] end,
                now() + p_delay * interval '1 second', p_source, cardinality(p_channels),
                now() + (p_delay + p_grace) * interval '1 second')
        on conflict (lead_id, kind) where status = 'pending' and not was_held do nothing
        returning n.scheduled_for into v_due;

        if found then
            insert into public.deliveries (notification_id, channel, next_attempt_at)
            select p_notification, channel, v_due from unnest(p_channels) as c (channel);

            insert into public.short_links (code, lead_id, notification_id, channel)
            select p_code, lead_id, p_notification, 'sms' where 'sms' = any (p_channels);

            insert into public.crm_tasks as t (lead_id, wake_at)
            values (lead_id, now() + p_grace * interval '1 second')
            -- A retake reopens the task.
            on conflict (lead_id) do update set
                state = case when t.state = 'working' then t.state else 'pending' end,
                revision = t.revision + 1,
                retries = 0,
                deal_due = true,
                pending_notes = array(select unnest(t.pending_notes) union select unnest(excluded.pending_notes)),
                wake_at = excluded.wake_at;
            changed := true;
        end if;
    else
        -- The answer to the first sending may have been lost, and the challenge with it.
        select s.id, s.challenged_at is not null and s.proved_at is null into submission_id, challenged
        from public.submissions s
        where s.lead_id = intake.lead_id and (s.key = p_key or s.id = p_submission);
        challenged := coalesce(challenged, false);
    end if;

    -- A repeated submission wakes its notification again, in case the first request died before that.
    select n.id, n.scheduled_for, greatest(extract(epoch from n.scheduled_for - now()), 0)
    into notification_id, scheduled_for, due_in_seconds
    from public.scheduled_notifications n
    where n.lead_id = intake.lead_id and n.kind = p_kind and n.status = 'pending' and not n.was_held;
    return next;
end
$$;

-- Takes one message from the budget of an address or number, unless it is used up: p_limits is a list of
-- {"seconds", "most"}, or null for none. At least twenty times are kept, and as many as the largest limit needs. The row's lock makes the count exact for any number of workers.
create function funnel.take_contact(p_key bytea, p_limits jsonb) returns boolean
language plpgsql volatile as $$
begin
    if p_key is null or p_limits is null then
        return true;
    end if;
    insert into public.contact_budgets as b (key, sent) values (p_key, array[now()])
    on conflict (key) do update
        set sent = now() || array(
                select t from unnest(b.sent) t where t > now() - interval '31 days' order by t desc
                limit greatest(20, (select max(l.most) from jsonb_to_recordset(p_limits) as l (most integer))) - 1)
        where not exists (
            select from jsonb_to_recordset(p_limits) as l (seconds integer, most integer)
            where (select count(*) from unnest(b.sent) t where t > now() - l.seconds * interval '1 second') >= l.most);
    return found;
end
$$;

-- Whether a budget of all is used up: p_limit is {"hour", "day", "money"}, each absent for none. Workers that ask at the same
-- time may exceed it by their number.
create function funnel.is_used_up(p_name text, p_limit jsonb) returns boolean
language plpgsql stable as $$
declare
    v_hour constant integer := floor(extract(epoch from now()) / 3600);
    v_used record;
begin
    if p_limit is null then
        return false;
    end if;
    select coalesce(sum(b.hour_n) filter (where b.hour = v_hour), 0) as hour,
           coalesce(sum(b.day_n) filter (where b.day = v_hour / 24), 0) as day,
           coalesce(sum(b.money) filter (where b.day = v_hour / 24), 0) as money
    into v_used
    from public.budgets b
    where b.name = p_name;
    return coalesce(v_used.hour >= (p_limit ->> 'hour')::bigint, false)
        or coalesce(v_used.day >= (p_limit ->> 'day')::bigint, false)
        or coalesce(v_used.money >= (p_limit ->> 'money')::bigint, false);
end
$$;

create function funnel.charge(p_name text, p_money bigint) returns void
language plpgsql volatile as $$
declare
    v_hour constant integer := floor(extract(epoch from now()) / 3600);
begin
    insert into public.budgets as b (name, shard, hour, hour_n, day, day_n, money)
    values (p_name, pg_backend_pid() % 32, v_hour, 1, v_hour / 24, 1, p_money)
    on conflict (name, shard) do update set
        hour = excluded.hour,
        hour_n = case when b.hour = excluded.hour then b.hour_n + 1 else 1 end,
        day = excluded.day,
        day_n = case when b.day = excluded.day then b.day_n + 1 else 1 end,
        money = case when b.day = excluded.day then b.money else 0 end + excluded.money;
end
$$;

-- Why this channel must not be sent now, or null. Then, and only then, its budgets are charged. Order matters: a message that
-- is held for its own sake must not use up the budget of others.
create function funnel.reason_to_hold(
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
    if exists (select from public.suppressions s where s.key = v_key) then
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
create function funnel.claim(p_notification uuid, p_lease double precision, p_limits jsonb)
returns table (
    status text, due_in_seconds double precision, free_in_seconds double precision, failed boolean, held boolean, kind text,
    lead_id uuid, name text, email text, phone text, result jsonb, campaign text, code text, channel text, attempt integer,
    retries smallint, unknown_for_seconds double precision, content jsonb, batch_id uuid)
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
                when v_d.state in ('pending', 'retrying', 'parked') then (
                    select 'suppressed' from public.suppressions s
                    where s.key = case v_d.channel when 'sms' then v_submission.phone_key else v_submission.email_key end)
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
           d.channel, d.attempt, d.retries,
           extract(epoch from now() - d.unknown_since)::double precision, d.content, d.batch_id
    from (select) one
    left join public.deliveries d on d.notification_id = p_notification and d.channel = any (v_claimed)
    order by d.channel;
end
$$;

-- Notes that a submission's challenge was solved. Returns a row when that is so, by this call or an earlier one.
create function funnel.prove(p_submission uuid) returns table (proved_at timestamptz)
language sql volatile security definer set search_path = '' as $$
    update public.submissions s set proved_at = coalesce(s.proved_at, now())
    where s.id = p_submission and s.challenged_at is not null
    returning s.proved_at
$$;
