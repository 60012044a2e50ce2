-- What intake calls: it saves a submission in one statement, and owns no table.
--
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
           coalesce(bool_or(c.is_hard) filter (where c.what in ('address', 'network')), false),
           array_agg(c.what) filter (where c.is_hard),
           array_agg(c.what) filter (where c.is_soft)
    into address_second, address_over, v_hard, v_soft
    from funnel.count_submission(p_guard -> 'counted') c;

    if p_guard ->> 'may_challenge' = 'true' then
        challenged := p_guard ->> 'is_suspicious' = 'true'
            or 'block' = any (v_soft)
            or v_soft && '{address,network}' and p_guard ->> 'addresses_count' = 'true'
            or (select count(*) from public.landing_leads l
                where l.phone = p_phone and l.created_at > now() - interval '1 day') > (p_guard ->> 'pair_soft')::integer
            or (select count(*) from public.landing_leads l
                where l.email = p_email and l.created_at > now() - interval '1 day') > (p_guard ->> 'pair_soft')::integer;
        challenged := coalesce(challenged, false);
    end if;

    insert into public.submissions as s
        (id, lead_id, key, name, metadata, country, is_mobile, email_key, phone_key, hold, sms_hold, email_consent,
         sms_consent, challenged_at)
    select p_submission, lead_id, p_key, p_name, p_metadata, p_guard ->> 'country',
           (p_guard ->> 'is_mobile')::boolean, decode(p_guard ->> 'email_key', 'hex'),
           decode(p_guard ->> 'phone_key', 'hex'),
           case when p_guard ->> 'addresses_count' = 'true' and v_hard && '{address,network}' then 'budget:address'
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

-- Notes that a submission's challenge was solved. Returns a row when that is so, by this call or an earlier one.
create function funnel.prove(p_submission uuid) returns table (proved_at timestamptz)
language sql volatile security definer set search_path = '' as $$
    update public.submissions s set proved_at = coalesce(s.proved_at, now())
    where s.id = p_submission and s.challenged_at is not null
    returning s.proved_at
$$;
