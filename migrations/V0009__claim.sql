-- What deliver calls to claim a message: money and reputation are spent here, so this is where it is decided.
--
-- As in V0008, the inner functions have the search_path of those that call them.

-- Takes one message from the budget of an address or number, unless it is used up: p_limits is a list of
-- {"seconds", "most"}, or null for none. It keeps twenty times, or more if the largest limit needs more. The row's lock makes
-- the count exact for any number of workers.
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
