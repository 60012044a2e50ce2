-- What the function recipient calls: a person stops our messages, and sees their result.

-- Leads whose contacts were left by somebody else, as the person behind the contacts says.
create table disputes (
    lead_id uuid        primary key references landing_leads (id) on delete cascade,
    at      timestamptz not null default now()
);
alter table disputes enable row level security;

-- As in V0008, the inner functions have the search_path of those that call them.

-- How far a withdrawal goes: null for what is none of a person.
create function funnel.stopped_so_far(p_how text) returns integer
language plpgsql immutable as $$
begin
    return case p_how when 'one_click' then 1 when 'unsubscribe_email' then 1 when 'unsubscribe' then 2 when 'not_me' then 3 end;
end
$$;

-- Suppresses for ever because the person says so. That outranks what a vendor reported: the team may lift a bounce, but must
-- see that somebody said stop.
create function funnel.suppress_by_wish(p_key bytea, p_channel text, p_reason text, p_source text) returns void
language plpgsql volatile as $$
begin
    perform funnel.suppress(p_key, p_channel, p_reason, p_source, null);
    update public.suppressions s set reason = p_reason, source = p_source
    where s.key = p_key and s.reason not in ('complaint', 'unsubscribe', 'not_me');
end
$$;

-- A person stops our messages: for ever, until the team lifts it. The claim sees it from the next moment on.
--
-- p_what: 'one_click' (RFC 8058) and 'email': e-mail; 'all': SMS too; 'not_me': both, and the name goes. Returns the lead; no
-- row for an unknown token. Repeated, it changes nothing, until the form was sent again or the team lifted it.
--
-- The lead's lock orders two of them, and a form that is sent meanwhile.
create function funnel.stop(p_token text, p_what text) returns table (lead_id uuid)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_notification uuid;
    v_before integer;
    v_how constant text := case p_what when 'email' then 'unsubscribe_email' when 'all' then 'unsubscribe' else p_what end;
    v_reason constant text := case p_what when 'not_me' then 'not_me' else 'unsubscribe' end;
    v_source constant text := case p_what when 'one_click' then 'one_click' else 'page' end;
    v_is_both constant boolean := p_what in ('all', 'not_me');
    v_email_key bytea;
    v_phone_key bytea;
begin
    if funnel.stopped_so_far(v_how) is null then
        raise exception 'nobody can ask for %', p_what;
    end if;
    select t.lead_id, t.notification_id into lead_id, v_notification
    from public.recipient_tokens t where t.token = p_token;
    perform from public.landing_leads l where l.id = stop.lead_id for no key update;
    if not found then
        return;
    end if;
    return next;

    select min(coalesce(funnel.stopped_so_far(c.withdrawn_how), 0)) into v_before
    from public.consents c where c.lead_id = stop.lead_id;
    -- Those of all submissions of the lead are the same.
    select s.email_key, s.phone_key into v_email_key, v_phone_key
    from public.submissions s
    where s.lead_id = stop.lead_id and s.email_key is not null
    order by s.created_at desc limit 1;
    -- What the team lifted since can be stopped again.
    if v_before >= funnel.stopped_so_far(v_how) and (v_email_key is null or funnel.is_suppressed(v_email_key))
        and (not v_is_both or v_phone_key is null or funnel.is_suppressed(v_phone_key))
    then
        return;
    end if;

    if p_what = 'not_me' then
        -- The column wants a name, and a deal a title. The greeting has none for it.
        update public.landing_leads l set name = '—', updated_at = now() where l.id = stop.lead_id;
        update public.submissions s set name = '—' where s.lead_id = stop.lead_id;
        insert into public.disputes (lead_id) values (stop.lead_id) on conflict do nothing;
    end if;
    update public.consents c set withdrawn_at = now(), withdrawn_how = v_how
    where c.lead_id = stop.lead_id
      and coalesce(funnel.stopped_so_far(c.withdrawn_how), 0) < funnel.stopped_so_far(v_how);
    insert into public.lead_events (lead_id, what, channel, notification_id, detail)
    values (stop.lead_id, 'stop', case when not v_is_both then 'email' end, v_notification,
            jsonb_build_object(
                'how', case p_what when 'email' then 'unsubscribe' else v_how end,
                'channels', case when v_is_both then array['email', 'sms'] else array['email'] end));

    perform funnel.suppress_by_wish(v_email_key, 'email', v_reason, v_source);
    if v_is_both then
        perform funnel.suppress_by_wish(v_phone_key, 'sms', v_reason, v_source);
    end if;
    if p_what = 'not_me' then
        perform funnel.add_note(stop.lead_id, 'not_me');
    elsif v_before is distinct from 1 then
        perform funnel.add_note(stop.lead_id, 'unsubscribed');
    end if;
end
$$;

-- What the page /r/{code} shows: the quiz result that the message with this link told, the campaign, and the token of the page
-- that stops messages. No contacts. No row for an unknown code.
--
-- After some months the notification is gone, and what its submission said unless it was the newest: then the newest counts.
create function funnel.result_of(p_code text) returns table (result jsonb, campaign text, token text)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_link public.short_links;
    v_said jsonb;
begin
    select l.* into v_link from public.short_links l where l.code = p_code;
    if not found then
        return;
    end if;
    select s.metadata into v_said
    from public.scheduled_notifications n join public.submissions s on s.id = n.submission_id
    where n.id = v_link.notification_id;
    if v_said is null or v_said = '{}' then
        select s.metadata into v_said
        from public.submissions s
        where s.lead_id = v_link.lead_id and s.metadata <> '{}'
        order by s.created_at desc limit 1;
    end if;
    if v_said is null then
        select l.metadata into v_said from public.landing_leads l where l.id = v_link.lead_id;
    end if;
    result := v_said -> 'result';
    campaign := v_said ->> 'campaignSlug';
    select t.token into token
    from public.recipient_tokens t
    where t.lead_id = v_link.lead_id
    order by (t.notification_id = v_link.notification_id) desc nulls last limit 1;
    return next;
end
$$;
