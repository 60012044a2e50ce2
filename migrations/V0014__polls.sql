-- Vendors are asked where no report came, and Resend's own list learns whom we spare. Both by the sweep.

-- When Resend is told of it next.
alter table suppressions add column mirror_at timestamptz not null default '-infinity';
create index suppressions_unmirrored on suppressions (mirror_at)
    where mirrored_at is null and channel = 'email' and reason in ('complaint', 'unsubscribe', 'not_me');

-- Takes messages whose vendor is to be asked, longest overdue first, and puts the next time off by p_lease seconds: a sweep
-- that dies leaves them for so long. Rows that another sweep holds are skipped.
create function funnel.take_polls(p_channel text, p_most integer, p_lease double precision) returns table (id text)
language sql volatile security definer set search_path = '' as $$
    with due as (
        select v.provider_id
        from public.vendor_messages v
        where v.channel = p_channel and v.poll_at <= now()
        order by v.poll_at
        limit p_most
        for update skip locked
    )
    update public.vendor_messages v set poll_at = now() + p_lease * interval '1 second'
    from due
    where v.channel = p_channel and v.provider_id = due.provider_id
    returning v.provider_id
$$;

-- Ends a question that brought nothing final. p_after: when a message is asked about, in seconds since its acceptance. After
-- the last time it is not asked about any more, and its history says so. Its delivery stays as it is: "unknown" is the word of
-- an open attempt, and this one is over. Returns for how many that was the last time.
create function funnel.end_polls(p_channel text, p_ids text[], p_after double precision[]) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
    v_over bigint;
begin
    with asked as (
        -- A report that came meanwhile has ended the questions.
        select v.provider_id from public.vendor_messages v
        where v.channel = p_channel and v.provider_id = any (p_ids) and v.poll_at is not null
        order by v.provider_id
        for update
    ), put_off as (
        update public.vendor_messages v set
            polls = v.polls + 1,
            -- Beyond the end of the list: null.
            poll_at = v.seen_at + p_after[v.polls + 2] * interval '1 second'
        from asked
        where v.channel = p_channel and v.provider_id = asked.provider_id
        returning v.notification_id, v.poll_at
    ), told as (
        insert into public.lead_events (lead_id, what, channel, notification_id, detail)
        select n.lead_id, 'receipt', p_channel, n.id,
               '{"event": "poll", "state": "no_report", "changed": false}'
        from put_off p
        join public.scheduled_notifications n on n.id = p.notification_id
        where p.poll_at is null
        returning 1
    )
    select count(*) into v_over from told;
    return v_over;
end
$$;

-- Takes suppressions that Resend is to be told of, with the addresses that belong to them. Without a known address there is
-- nothing to tell: our own suppression stands, and is asked at each claim. No index finds a key's submissions, because intake
-- would pay for it; they are read through only when there is something to tell.
create function funnel.take_unmirrored(p_most integer, p_lease double precision) returns table (key text, email text)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_keys bytea[];
    v_known bytea[];
begin
    with due as (
        select s.key
        from public.suppressions s
        where s.mirrored_at is null and s.channel = 'email' and s.reason in ('complaint', 'unsubscribe', 'not_me')
          and s.mirror_at <= now()
        order by s.mirror_at
        limit p_most
        for update skip locked
    ), taken as (
        update public.suppressions s set mirror_at = now() + p_lease * interval '1 second'
        from due
        where s.key = due.key
        returning s.key
    )
    select array_agg(t.key) into v_keys from taken t;
    if v_keys is null then
        return;
    end if;
    for key, email in
        select distinct encode(s.email_key, 'hex'), l.email
        from public.submissions s
        join public.landing_leads l on l.id = s.lead_id
        where s.email_key = any (v_keys)
    loop
        v_known := v_known || decode(key, 'hex');
        return next;
    end loop;
    update public.suppressions s set mirror_at = 'infinity'
    where s.key = any (v_keys) and not coalesce(s.key = any (v_known), false);
end
$$;

create function funnel.mirrored(p_keys text[]) returns void
language sql volatile security definer set search_path = '' as $$
    update public.suppressions s set mirrored_at = now()
    where s.key = any (select decode(k, 'hex') from unnest(p_keys) k)
$$;
