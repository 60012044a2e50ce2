-- TEMPORARY: stands here until V0010 of the lead's states is on main. Append-only; written in the same statement as the change
-- that it tells of.
create table lead_events (
    id              bigint      generated always as identity primary key,
    lead_id         uuid        not null references landing_leads (id) on delete cascade,
    at              timestamptz not null default clock_timestamp(),
    what            text        not null check (what in ('claim','hold','outcome','receipt','hit','rejudge','crm','stop','act')),
    channel         text        check (channel in ('email','sms')),
    notification_id uuid,
    detail          jsonb       not null default '{}'
);
create index lead_events_lead on lead_events (lead_id, id);
alter table lead_events enable row level security;
