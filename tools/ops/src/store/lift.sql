-- Lifts suppressions: those of contacts, or those of a lead's contacts.
--
-- $1 the contacts' keys in hexadecimal   $2 lead id or null   $3 e-mail or null   $4 phone or null   $5 who does it
-- $6 false: only return what would be lifted
--
-- Returns the suppressions. One audit row each; each lead with the contacts has it in its history. What is held stays held:
-- release.sql lets it go. Sent twice, it finds nothing.
with asked as (
    select decode(k, 'hex') as key from unnest($1) k
    union
    select unnest(array[s.email_key, s.phone_key]) from submissions s where s.lead_id = $2
), found as materialized (
    select p.key, p.channel, p.reason, p.created_at, p.until
    from suppressions p
    join asked a on a.key = p.key
), gone as (
    delete from suppressions p
    using found f
    where $6 and p.key = f.key
    returning p.key, f.channel, f.reason
), audited as (
    insert into audit (id, actor, act, subject, detail)
    select gen_random_uuid(), $5, 'lift_suppression', $2, jsonb_build_object('channel', channel, 'reason', reason)
    from gone
), told as (
    insert into lead_events (lead_id, what, channel, detail)
    select l.id, 'act', g.channel, jsonb_build_object('act', 'lift_suppression', 'actor', $5, 'reason', g.reason)
    from landing_leads l
    cross join gone g
    where l.id = $2 or l.email = $3 or l.phone = $4
)
select channel, reason, created_at, until from found order by channel, reason
