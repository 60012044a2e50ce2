-- Erases a person's leads, and by the foreign keys' cascades all rows that refer to them.
--
-- $1 lead ids   $2 who does it
--
-- What stays has no contacts: suppressions and counters under keyed hashes; consents, as proof, ended now and without address;
-- one audit row a lead.
--
-- Returns one row: what the vendors still store, and the batches with the person's e-mails. Row locks in the
-- common order: deliveries, person, lead (ARCHITECTURE.md, "Locks"); the counts make the deletion wait for the
-- locks before it. The contact is deleted unless another lead has the same phone. Sent twice, it finds nothing.
with sent as (
    select d.notification_id, d.channel, d.provider_id
    from deliveries d
    join scheduled_notifications n on n.id = d.notification_id
    where n.lead_id = any ($1)
    order by d.notification_id, d.channel
    for update of d
), person as (
    select p.phone, p.contact_id
    from crm_people p
    where p.phone in (select l.phone from landing_leads l where l.id = any ($1))
    order by p.phone
    for update
), gone as (
    delete from landing_leads l
    using (select count(*) from sent) sent_locked, (select count(*) from person) person_locked
    where l.id = any ($1)
    returning l.id, l.phone, l.amocrm_lead_id
), forgotten as (
    delete from crm_people p
    using (select distinct phone from gone) g
    where p.phone = g.phone
      and not exists (select from landing_leads o where o.phone = p.phone and o.id <> all ($1))
    returning p.contact_id
), ended as (
    update consents c set
        address = null,
        user_agent = null,
        withdrawn_at = coalesce(c.withdrawn_at, now()),
        withdrawn_how = coalesce(c.withdrawn_how, 'erase')
    from gone
    where c.lead_id = gone.id
), audited as (
    insert into audit (id, actor, act, subject)
    select gen_random_uuid(), $2, 'erase', id from gone
)
select (select count(*) from gone) as leads,
       coalesce((select array_agg(distinct amocrm_lead_id) from gone where amocrm_lead_id is not null), '{}') as deals,
       coalesce((select array_agg(distinct contact_id) from forgotten where contact_id is not null), '{}') as contacts,
       coalesce((select array_agg(provider_id) from sent where channel = 'email' and provider_id is not null), '{}') as emails,
       coalesce((select array_agg(provider_id) from sent where channel = 'sms' and provider_id is not null), '{}') as sms,
       coalesce((select array_agg(b.id) from email_batches b
                 where b.notifications && (select array_agg(notification_id) from sent)), '{}') as batches
