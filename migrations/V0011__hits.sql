-- Hits: every request to a tracked link is kept with its verdict and the rule that decided. Only `human` sets flags, raises
-- click_count and reaches the CRM. The rules stand in shared/src/domain/hit.rs, but for the one of time, which is here.
--
-- Expand only: funnel.click stays for the release before. A hit without a verdict counts as it did.

alter table clicks
    add column verdict       text check (verdict in ('human', 'bot', 'unsure')),  -- null: of the release before, and counted
    add column rule          text,
    add column rules_version smallint,
    add column method        text,
    add column network       text,                               -- the client's /24 or /48
    add column address       text,                               -- for 30 days, so that it can be judged again
    add column headers       jsonb,                              -- those of domain::hit::Header, each cut at 300
    add column sent_at       timestamptz;                        -- the channel's first attempt, as known then

-- Hits by verdict. Exact also where raw rows are no longer kept.
create table hit_counts (
    lead_id uuid    not null references landing_leads (id) on delete cascade,
    channel text    not null check (channel in ('email', 'sms')),
    human   integer not null default 0,
    bot     integer not null default 0,
    unsure  integer not null default 0,
    primary key (lead_id, channel)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
alter table hit_counts enable row level security;

-- What was counted before is a person's.
insert into hit_counts (lead_id, channel, human)
select l.id, c.channel,
       greatest(1, (select count(*) from clicks k where k.lead_id = l.id and k.source = c.channel))
from landing_leads l
cross join lateral (values ('email', l.email_clicked), ('sms', l.sms_clicked)) as c (channel, is_clicked)
where c.is_clicked;

insert into retention (what) values ('hit_addresses');

-- Rule 11, and its only definition: what the time of a hit says, where the rule of its headers gives way. p_sent is the
-- first attempt of the channel, or null. Two seconds are less than anybody needs, and long before a message is accepted.
create function funnel.judge(
    p_rule text, p_verdict text, p_gives_way boolean, p_at timestamptz, p_sent timestamptz, out rule text, out verdict text)
language plpgsql immutable as $$
begin
    rule := p_rule;
    verdict := p_verdict;
    if not p_gives_way then
        return;
    end if;
    if p_sent is null or p_sent > p_at then
        rule := 'before_sent';
        verdict := 'unsure';
    elsif p_at - p_sent < interval '2 seconds' then
        rule := 'too_soon';
        verdict := 'bot';
    end if;
end
$$;

-- When something was first sent on this channel: of this notification, or, for a link by lead and one whose notification
-- is no longer kept, of any of the lead's.
create function funnel.first_sent(p_lead public.landing_leads, p_channel text, p_notification uuid) returns timestamptz
language plpgsql stable as $$
declare
    v_sent timestamptz;
begin
    if p_notification is not null then
        select d.first_attempt_at into v_sent
        from public.deliveries d where d.notification_id = p_notification and d.channel = p_channel;
        return v_sent;
    end if;
    select min(d.first_attempt_at) into v_sent
    from public.scheduled_notifications n
    join public.deliveries d on d.notification_id = n.id and d.channel = p_channel
    where n.lead_id = p_lead.id;
    return coalesce(v_sent, case p_channel when 'email' then p_lead.email_sent_at else p_lead.sms_sent_at end);
end
$$;

-- Keeps one hit with its verdict, and counts it, in one transaction: see V0006 for the order of locks and for what a repeated
-- call does.
--
-- p_code is a short link's, or null; p_lead and p_channel are of the other kind of link. p_rule, p_verdict and p_gives_way are
-- domain::hit's; without a rule the hit counts as it did before there were any. Returns the lead, the channel, the final
-- verdict and rule, and where the lead came from; no row for an unknown lead or code.
--
-- Of each channel a lead keeps c_most hits of people and c_most others as they came: a stranger who knows a link cannot fill
-- the disk, and no scanner can push a person's hit out.
create function funnel.hit(
    p_id uuid, p_code text, p_lead uuid, p_channel text, p_rule text, p_verdict text, p_gives_way boolean,
    p_version smallint, p_method text, p_user_agent text, p_address text, p_network text, p_headers jsonb)
returns table (lead_id uuid, channel text, verdict text, rule text, source text, campaign text)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    c_most constant integer := 100;
    v_lead public.landing_leads;
    v_notification uuid;
    v_channel text := p_channel;
    v_sent timestamptz;
    v_judged record;
    v_rule text;
    v_verdict text;
    v_counted boolean;
    v_alike integer;
    v_is_first boolean;
begin
    if p_code is not null then
        select s.lead_id, s.notification_id, s.channel into p_lead, v_notification, v_channel
        from public.short_links s where s.code = p_code;
    end if;
    select l.* into v_lead from public.landing_leads l where l.id = p_lead for no key update;
    if not found then
        return;
    end if;

    v_sent := funnel.first_sent(v_lead, v_channel, v_notification);
    if p_rule is not null then
        v_judged := funnel.judge(p_rule, p_verdict, p_gives_way, now(), v_sent);
        v_rule := v_judged.rule;
        v_verdict := v_judged.verdict;
    end if;
    v_counted := v_verdict is null or v_verdict = 'human';
    return query
    select v_lead.id, v_channel, v_verdict, v_rule, v_lead.source, v_lead.metadata ->> 'campaignSlug';

    if exists (select from public.clicks c where c.id = p_id) then
        return;
    end if;
    insert into public.hit_counts as h (lead_id, channel, human, bot, unsure)
    values (v_lead.id, v_channel, v_counted::integer, coalesce(v_verdict = 'bot', false)::integer,
            coalesce(v_verdict = 'unsure', false)::integer)
    on conflict (lead_id, channel) do update set
        human = h.human + excluded.human, bot = h.bot + excluded.bot, unsure = h.unsure + excluded.unsure
    returning case when v_counted then h.human else h.bot + h.unsure end into v_alike;

    insert into public.clicks
        (id, lead_id, notification_id, source, user_agent, verdict, rule, rules_version, method, network, address, headers,
         sent_at)
    select p_id, v_lead.id, v_notification, v_channel, p_user_agent, v_verdict, v_rule, p_version, p_method, p_network,
           p_address, p_headers, v_sent
    -- Old rows go, so the count alone cannot say how many are there.
    where v_alike <= c_most
       or (select count(*) from (
               select from public.clicks c
               where c.lead_id = v_lead.id and c.source = v_channel
                 and (c.verdict is null or c.verdict = 'human') = v_counted
               limit c_most) kept) < c_most;
    if found then
        insert into public.lead_events (lead_id, what, channel, notification_id, detail)
        values (v_lead.id, 'hit', v_channel, v_notification, jsonb_build_object(
            'click', p_id, 'verdict', v_verdict, 'rule', v_rule, 'method', p_method));
    end if;
    if not v_counted then
        return;
    end if;

    v_is_first := not case v_channel when 'email' then v_lead.email_clicked else v_lead.sms_clicked end;
    update public.landing_leads l set
        email_clicked = l.email_clicked or v_channel = 'email',
        email_clicked_at = case when v_channel = 'email' then coalesce(l.email_clicked_at, now()) else l.email_clicked_at end,
        sms_clicked = l.sms_clicked or v_channel = 'sms',
        sms_clicked_at = case when v_channel = 'sms' then coalesce(l.sms_clicked_at, now()) else l.sms_clicked_at end,
        click_count = l.click_count + 1,
        updated_at = now()
    where l.id = v_lead.id;

    if v_is_first then
        -- The first click of each channel becomes a note; the sweep brings it to the CRM within a minute.
        perform funnel.add_note(v_lead.id, v_channel || '_click');
    end if;
end
$$;
revoke execute on function funnel.hit(
    uuid, text, uuid, text, text, text, boolean, smallint, text, text, text, text, jsonb) from public;

-- What track of the release before calls. It goes with the next release.
create or replace function funnel.click(p_id uuid, p_code text, p_lead uuid, p_source text, p_user_agent text)
returns table (lead_id uuid, source text)
language plpgsql volatile security definer set search_path = '' as $$
begin
    return query
    select h.lead_id, h.channel
    from funnel.hit(p_id, p_code, p_lead, p_source, null, null, null, null, 'GET', p_user_agent, null, null, null) h;
end
$$;

-- Judges stored hits anew, for `ops rejudge`: the lists have one entry a hit, as domain::hit judges it today. Verdicts, counts,
-- flags and click_count are then what the new verdicts say; the CRM hears nothing of old hits. Without p_apply it only says
-- what would be done: the hits by what they were and are.
--
-- A lead's row is locked first, as by a hit.
create function funnel.rejudge(
    p_ids uuid[], p_rules text[], p_verdicts text[], p_gives_way boolean[], p_version smallint, p_actor text, p_apply boolean)
returns table (was text, verdict text, hits bigint)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
begin
    if p_apply then
        perform from public.landing_leads l
        where l.id in (select c.lead_id from public.clicks c where c.id = any (p_ids))
        order by l.id for no key update;
    end if;
    return query
    with judged as materialized (
        select c.id, c.lead_id, c.source as channel, c.notification_id, c.verdict as was, c.rule as was_rule, j.rule, j.verdict
        from unnest(p_ids, p_rules, p_verdicts, p_gives_way) as n (id, rule, verdict, gives_way)
        join public.clicks c on c.id = n.id and c.rules_version < p_version
        cross join lateral funnel.judge(n.rule, n.verdict, n.gives_way, c.clicked_at, c.sent_at) j
    ), written as (
        update public.clicks c set verdict = j.verdict, rule = j.rule, rules_version = p_version
        from judged j
        where p_apply and c.id = j.id
    ), changed as (
        select j.* from judged j where p_apply and (j.verdict <> j.was or j.rule <> j.was_rule)
    ), told as (
        insert into public.lead_events (lead_id, what, channel, notification_id, detail)
        select c.lead_id, 'rejudge', c.channel, c.notification_id,
               jsonb_build_object('click', c.id, 'verdict', c.verdict, 'rule', c.rule, 'was', c.was)
        from changed c
    ), counts as (
        select c.lead_id, c.channel,
               count(*) filter (where c.verdict = 'human') - count(*) filter (where c.was = 'human') as human,
               count(*) filter (where c.verdict = 'bot') - count(*) filter (where c.was = 'bot') as bot,
               count(*) filter (where c.verdict = 'unsure') - count(*) filter (where c.was = 'unsure') as unsure
        from changed c group by c.lead_id, c.channel
    ), counted as (
        update public.hit_counts h set human = h.human + n.human, bot = h.bot + n.bot, unsure = h.unsure + n.unsure
        from counts n
        where h.lead_id = n.lead_id and h.channel = n.channel
        returning h.lead_id, h.channel, h.human, n.human as more
    ), channels as (
        select k.lead_id, k.channel, k.human, k.more, min(c.clicked_at) as oldest,
               min(c.clicked_at) filter (where coalesce(j.verdict, c.verdict, 'human') = 'human') as first
        from counted k
        join public.clicks c on c.lead_id = k.lead_id and c.source = k.channel
        left join judged j on j.id = c.id
        group by k.lead_id, k.channel, k.human, k.more
    ), leads as (
        select c.lead_id, sum(c.more)::integer as more,
               max(c.human) filter (where c.channel = 'email') as email,
               max(c.oldest) filter (where c.channel = 'email') as email_oldest,
               max(c.first) filter (where c.channel = 'email') as email_first,
               max(c.human) filter (where c.channel = 'sms') as sms,
               max(c.oldest) filter (where c.channel = 'sms') as sms_oldest,
               max(c.first) filter (where c.channel = 'sms') as sms_first
        from channels c group by c.lead_id
    ), corrected as (
        update public.landing_leads l set
            email_clicked = coalesce(n.email > 0, l.email_clicked),
            email_clicked_at = case
                when n.email is null or n.email > 0 and l.email_clicked_at < n.email_oldest then l.email_clicked_at
                when n.email > 0 then coalesce(n.email_first, l.email_clicked_at)
            end,
            sms_clicked = coalesce(n.sms > 0, l.sms_clicked),
            sms_clicked_at = case
                when n.sms is null or n.sms > 0 and l.sms_clicked_at < n.sms_oldest then l.sms_clicked_at
                when n.sms > 0 then coalesce(n.sms_first, l.sms_clicked_at)
            end,
            click_count = l.click_count + n.more
        from leads n
        where l.id = n.lead_id
    ), audited as (
        insert into public.audit (id, actor, act, detail)
        select gen_random_uuid(), p_actor, 'rejudge', jsonb_build_object(
            'rules_version', p_version, 'hits', count(*), 'leads', count(distinct c.lead_id))
        from changed c having count(*) > 0
    )
    select j.was, j.verdict, count(*) from judged j group by j.was, j.verdict;
end
$$;
revoke execute on function funnel.rejudge(uuid[], text[], text[], boolean[], smallint, text, boolean) from public;

-- The address of a hit. Its network stays, which is all that a rule needs.
create function funnel.expire_hit_addresses(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_from timestamptz;
    v_until timestamptz;
begin
    select r.done_until into v_from from public.retention r where r.what = 'hit_addresses' for update;
    select count(*) >= p_most, max(c.clicked_at) into more, v_until
    from (select o.clicked_at from public.clicks o
          where o.clicked_at > v_from and o.clicked_at < p_before
          order by o.clicked_at fetch first p_most rows with ties) c;
    update public.clicks c set address = null
    where c.clicked_at > v_from and c.clicked_at <= v_until and c.address is not null;
    get diagnostics done = row_count;
    update public.retention r set done_until = v_until where r.what = 'hit_addresses' and v_until is not null;
    return next;
end
$$;

-- As in V0007, with hit_addresses: of them nothing but an address goes, so they may go sooner.
create or replace function funnel.expire(p_what text, p_age interval, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile security definer set search_path = '' as $$
declare
    v_before constant timestamptz := now() - p_age;
    v_least constant integer := case p_what when 'hit_addresses' then 7 else 31 end;
begin
    -- Whoever may call this must not be able to empty the tables.
    if p_age is null or v_before > now() - v_least * interval '1 day' then
        raise exception 'nothing younger than % days expires', v_least;
    end if;
    case p_what
        when 'counters' then select * into done, more from funnel.expire_counters(v_before, p_most);
        when 'clicks' then select * into done, more from funnel.expire_clicks(v_before, p_most);
        when 'hit_addresses' then select * into done, more from funnel.expire_hit_addresses(v_before, p_most);
        when 'submissions' then select * into done, more from funnel.expire_submissions(v_before, p_most);
        when 'deliveries' then select * into done, more from funnel.expire_deliveries(v_before, p_most);
        when 'addresses' then select * into done, more from funnel.expire_addresses(v_before, p_most);
        when 'leads' then select * into done, more from funnel.expire_leads(v_before, p_most);
        when 'consents' then select * into done, more from funnel.expire_consents(v_before, p_most);
        when 'audit' then select * into done, more from funnel.expire_audit(v_before, p_most);
        else raise exception 'nothing is called %', p_what;
    end case;
    more := coalesce(more, false);
    return next;
end
$$;
