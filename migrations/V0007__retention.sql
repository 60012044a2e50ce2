-- What is old goes: funnel.expire does it, one kind of row at a time, in bounded batches, for the sweep. docs/limits.md has
-- the kinds and their ages.

-- One row a kind. The sweep takes those that are due.
create table retention (
    what       text        primary key,
    next_at    timestamptz not null default '-infinity',
    done_until timestamptz not null default '-infinity',         -- where rows stay: those until here are done
    done_key   bytea                                             -- the same where keys are walked; null: from the start
);
insert into retention (what)
values ('counters'), ('clicks'), ('submissions'), ('deliveries'), ('addresses'), ('leads'), ('consents'), ('audit');
alter table retention enable row level security;

-- A link outlives the notification that it was sent with, and keeps its lead.
alter table short_links alter column notification_id drop not null;
alter table short_links drop constraint short_links_notification_id_fkey;
alter table short_links add constraint short_links_notification_id_fkey
    foreign key (notification_id) references scheduled_notifications (id) on delete set null;
-- No foreign key: without an index of its own each notification that goes would read all clicks. Both go with their lead.
alter table clicks drop constraint clicks_notification_id_fkey;

create index clicks_clicked on clicks (clicked_at);
create index submissions_created on submissions (created_at);
create index consents_withdrawn on consents (withdrawn_at) where withdrawn_at is not null;

-- The functions below return how many rows they did away with, and whether there may be more.

create function funnel.expire_counters(p_before timestamptz, p_most integer)
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

create function funnel.expire_clicks(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
begin
    delete from public.clicks c
    where c.id in (select o.id from public.clicks o where o.clicked_at < p_before order by o.clicked_at limit p_most);
    get diagnostics done = row_count;
    more := done = p_most;
    return next;
end
$$;

-- Takes the key from a submission, and what the form said unless it is the lead's newest. With it go the older ones of its
-- lead, of which one was the newest before.
create function funnel.expire_submissions(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_from timestamptz;
    v_until timestamptz;
    v_leads uuid[];
begin
    select r.done_until into v_from from public.retention r where r.what = 'submissions' for update;
    select count(*) >= p_most, max(s.created_at), array_agg(distinct s.lead_id)
    into more, v_until, v_leads
    from (select o.lead_id, o.created_at from public.submissions o
          where o.created_at > v_from and o.created_at < p_before
          order by o.created_at fetch first p_most rows with ties) s;

    update public.submissions s set
        key = null,
        metadata = case when k.is_kept then s.metadata else '{}' end
    from (select o.id,
                 not exists (select from public.submissions n where n.lead_id = o.lead_id and n.created_at > o.created_at)
                 -- Its message has still to be written.
                 or exists (select from public.scheduled_notifications n
                            where n.lead_id = o.lead_id and n.status = 'pending' and n.submission_id = o.id) as is_kept
          from public.submissions o
          where o.lead_id = any (v_leads) and o.created_at < p_before) k
    where s.id = k.id and (s.key is not null or not k.is_kept and s.metadata <> '{}');
    get diagnostics done = row_count;
    update public.retention r set done_until = v_until where r.what = 'submissions' and v_until is not null;
    return next;
end
$$;

-- Notifications that are over, with their deliveries and holds. The lead keeps its flags.
create function funnel.expire_deliveries(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_old uuid[];
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
    return next;
end
$$;

create function funnel.expire_addresses(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_from timestamptz;
    v_until timestamptz;
begin
    select r.done_until into v_from from public.retention r where r.what = 'addresses' for update;
    select count(*) >= p_most, max(c.created_at) into more, v_until
    from (select o.created_at from public.consents o
          where o.created_at > v_from and o.created_at < p_before
          order by o.created_at fetch first p_most rows with ties) c;
    update public.consents c set address = null, user_agent = null
    where c.created_at > v_from and c.created_at <= v_until and (c.address is not null or c.user_agent is not null);
    get diagnostics done = row_count;
    update public.retention r set done_until = v_until where r.what = 'addresses' and v_until is not null;
    return next;
end
$$;

-- Erases a person of whom nothing was heard, as `ops erase` does. Their consents end and stay, without address.
create function funnel.expire_leads(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
declare
    v_leads uuid[];
    v_phones text[];
begin
    select array_agg(l.id), array_agg(distinct l.phone) into v_leads, v_phones
    from (select o.id, o.phone from public.landing_leads o
          where o.created_at < p_before and o.updated_at < p_before and funnel.is_silent(o, p_before)
          order by o.created_at limit p_most) l;
    more := cardinality(v_leads) = p_most;

    -- The common order of locks: deliveries, people, leads.
    perform from public.deliveries d join public.scheduled_notifications n on n.id = d.notification_id
    where n.lead_id = any (v_leads) order by d.notification_id, d.channel for update of d;
    perform from public.crm_people p where p.phone = any (v_phones) order by p.phone for update;
    -- Who sends the form at this moment holds the lead's lock, or waits for it and becomes a new lead.
    select array_agg(l.id) into v_leads
    from (select o.id from public.landing_leads o where o.id = any (v_leads) for update skip locked) l;

    -- A statement of its own sees what was committed before the locks.
    with gone as (
        delete from public.landing_leads l
        where l.id = any (v_leads) and funnel.is_silent(l, p_before)
        returning l.id
    )
    select array_agg(gone.id) into v_leads from gone;
    done := coalesce(cardinality(v_leads), 0);
    delete from public.crm_people p
    where p.phone = any (v_phones) and not exists (select from public.landing_leads l where l.phone = p.phone);
    update public.consents c set
        address = null,
        user_agent = null,
        withdrawn_at = coalesce(c.withdrawn_at, now()),
        withdrawn_how = coalesce(c.withdrawn_how, 'expired')
    where c.lead_id = any (v_leads);
    insert into public.audit (id, actor, act, detail)
    select gen_random_uuid(), 'sweep', 'expire', jsonb_build_object('leads', done) where done > 0;
    return next;
end
$$;

-- Whether a lead did nothing since: neither a click nor a form, and no message waits.
create function funnel.is_silent(p_lead public.landing_leads, p_since timestamptz) returns boolean
language plpgsql stable as $$
begin
    return p_lead.updated_at < p_since
        and not exists (select from public.submissions s where s.lead_id = p_lead.id and s.created_at >= p_since)
        and not exists (select from public.scheduled_notifications n
                        where n.lead_id = p_lead.id and n.status = 'pending');
end
$$;

create function funnel.expire_consents(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
begin
    delete from public.consents c
    where c.submission_id in (select o.submission_id from public.consents o
                              where o.withdrawn_at < p_before order by o.withdrawn_at limit p_most);
    get diagnostics done = row_count;
    more := done = p_most;
    return next;
end
$$;

create function funnel.expire_audit(p_before timestamptz, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile as $$
begin
    delete from public.audit a
    where a.id in (select o.id from public.audit o where o.at < p_before order by o.at limit p_most);
    get diagnostics done = row_count;
    more := done = p_most;
    return next;
end
$$;

-- Does away with at most p_most rows of a kind that are older than p_age. Sent twice, it goes on.
create function funnel.expire(p_what text, p_age interval, p_most integer)
returns table (done bigint, more boolean)
language plpgsql volatile security definer set search_path = '' as $$
declare
    v_before constant timestamptz := now() - p_age;
begin
    -- Whoever may call this must not be able to empty the tables.
    if p_age is null or v_before > now() - interval '31 days' then
        raise exception 'nothing younger than 31 days expires';
    end if;
    case p_what
        when 'counters' then select * into done, more from funnel.expire_counters(v_before, p_most);
        when 'clicks' then select * into done, more from funnel.expire_clicks(v_before, p_most);
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
revoke execute on function funnel.expire(text, interval, integer) from public;
