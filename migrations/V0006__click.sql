-- Track owns no table: it may call this function and nothing else. See docs/deploy.md, "Roles".

-- Counts one click: flags, times, the counter and the raw click, in one transaction.
--
-- p_code is a short link's, or null; p_lead and p_source are of the other kind of link. Returns the lead and the channel; no
-- row for an unknown lead or code.
--
-- A repeated call with the same id counts once while the click has a raw row. A lead keeps c_most of them in each channel: a
-- stranger who knows a link cannot fill the disk. A click beyond has no row, so its repetition after a lost answer counts again.
--
-- The lead's lock comes before all else, so the clicks of one lead come one after another, and none counts the rows too early.
create function funnel.click(p_id uuid, p_code text, p_lead uuid, p_source text, p_user_agent text)
returns table (lead_id uuid, source text)
language plpgsql volatile security definer set search_path = '' as $$
declare
    c_most constant integer := 100;
    v_notification uuid;
    v_is_first boolean;
begin
    if p_code is not null then
        select s.lead_id, s.notification_id, s.channel into lead_id, v_notification, source
        from public.short_links s where s.code = p_code;
    else
        lead_id := p_lead;
        source := p_source;
    end if;

    select not case click.source when 'email' then l.email_clicked else l.sms_clicked end into v_is_first
    from public.landing_leads l where l.id = click.lead_id
    for no key update;
    if not found then
        return;
    end if;
    return next;

    if exists (select from public.clicks c where c.id = p_id) then
        return;
    end if;
    insert into public.clicks (id, lead_id, notification_id, source, user_agent)
    select p_id, click.lead_id, v_notification, click.source, p_user_agent
    where (select count(*) from (
               select from public.clicks c where c.lead_id = click.lead_id and c.source = click.source limit c_most) kept)
          < c_most;

    update public.landing_leads l set
        email_clicked = l.email_clicked or click.source = 'email',
        email_clicked_at = case when click.source = 'email' then coalesce(l.email_clicked_at, now())
                                else l.email_clicked_at end,
        sms_clicked = l.sms_clicked or click.source = 'sms',
        sms_clicked_at = case when click.source = 'sms' then coalesce(l.sms_clicked_at, now())
                              else l.sms_clicked_at end,
        click_count = l.click_count + 1,
        updated_at = now()
    where l.id = click.lead_id;

    if v_is_first then
        -- The first click of each channel becomes a note; the sweep brings it to the CRM within a minute.
        update public.crm_tasks t set
            state = case when t.state = 'done' then 'pending' else t.state end,
            revision = t.revision + 1,
            pending_notes = t.pending_notes || (click.source || '_click'),
            wake_at = least(t.wake_at, now())
        where t.lead_id = click.lead_id and not (click.source || '_click' = any (t.pending_notes));
    end if;
end
$$;
revoke execute on function funnel.click(uuid, text, uuid, text, text) from public;
