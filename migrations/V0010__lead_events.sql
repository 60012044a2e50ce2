-- Temporary, on this branch alone: the table is made by the migration of the leads' states.
create table lead_events (
    id              bigint      generated always as identity primary key,
    lead_id         uuid        not null references landing_leads (id) on delete cascade,
    at              timestamptz not null default clock_timestamp(),
    what            text        not null check (what in ('claim','hold','outcome','receipt','hit','rejudge','crm','stop','act')),
    channel         text        check (channel in ('email','sms')),
    notification_id uuid,                    -- no foreign key
    detail          jsonb       not null default '{}'   -- words and numbers, never personal data
);
create index lead_events_lead on lead_events (lead_id, id);
alter table lead_events enable row level security;
