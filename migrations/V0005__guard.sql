-- The guard: what a stranger may cost us. Submissions keep what each sending of the form said; a delivery may be held;
-- budgets count what is sent; consents keep what was agreed to.
--
-- Intake, track and deliver of this release call functions of the schema `funnel`. Expand only: code of the release before
-- still works, but what it saves has no submission, and is sent without the checks that need one.

-- Supabase's Data API serves only the schema public, so nobody calls these functions over HTTP.
create schema funnel;
alter default privileges revoke execute on functions from public;

-- One sending of the form. The key is unique within its lead; the same key from another person is another lead.
alter table submissions drop constraint submissions_pkey;
alter table submissions
    alter column key drop not null,
    add column id            uuid    primary key default gen_random_uuid(),
    add column name          text,                               -- as given then; null before this migration
    add column metadata      jsonb   not null default '{}',      -- answers, quiz result and touch of this sending
    add column country       text,                               -- of the number; null before this migration
    add column is_mobile     boolean not null default true,      -- whether the number is of a known mobile range
    add column email_key     bytea,                              -- HMAC of the address without aliases
    add column phone_key     bytea,                              -- HMAC of the number
    add column hold          text,                               -- why intake wants both channels held
    add column sms_hold      text,                               -- why intake wants the SMS held
    add column email_consent boolean,                            -- null: collected by the caller of the API
    add column sms_consent   boolean,
    add column challenged_at timestamptz,                        -- a proof was asked for
    add column proved_at     timestamptz;                        -- and came in time
create unique index submissions_key on submissions (lead_id, key);

-- No foreign key: its index would make each notification dearer, and both go with their lead.
alter table scheduled_notifications
    add column submission_id uuid,
    add column held_channels smallint not null default 0 check (held_channels between 0 and open_channels),
    -- Every open channel waits for a decision: no worker and no sweep has anything to do.
    add column held boolean generated always as (held_channels > 0 and held_channels = open_channels) stored,
    -- A channel of it was held once.
    add column was_held boolean not null default false;
-- A held message does not keep the person from another one, and one that is released may meet that other one.
drop index scheduled_notifications_one_pending;
create unique index scheduled_notifications_one_pending on scheduled_notifications (lead_id, kind)
    where status = 'pending' and not was_held;

alter table deliveries drop constraint deliveries_state_check;
alter table deliveries add constraint deliveries_state_check
    check (state in ('pending', 'held', 'sending', 'retrying', 'parked', 'unknown', 'accepted', 'delivered', 'bounced',
                     'failed'));

-- Why a delivery is or was held. The work list of the team and of the sweep: an index on the state of deliveries would end
-- their heap-only updates.
create table holds (
    notification_id uuid        not null references scheduled_notifications (id) on delete cascade,
    channel         text        not null check (channel in ('email', 'sms')),
    reason          text        not null,
    held_at         timestamptz not null default now(),
    until           timestamptz not null,                        -- then the delivery fails
    waived          boolean     not null default false,          -- released once: only budgets of all and suppression count
    ended_at        timestamptz,                                 -- released or failed
    primary key (notification_id, channel)
);
create index holds_open on holds (until) where ended_at is null;

-- Who gets nothing any more, by HMAC of the address or number: it outlives the person's rows.
create table suppressions (
    key        bytea       primary key,
    reason     text        not null,
    source     text        not null,
    created_at timestamptz not null default now()
);

-- When messages were claimed for an address or number: the times of the last month.
create table contact_budgets (
    key  bytea         primary key,
    sent timestamptz[] not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

-- What all together have used: `sms`, `email`, `sms:RU`. A backend of the server writes its own row of 32, so that claims do
-- not wait for each other. Hours and days are counted from 1970.
create table budgets (
    name    text     not null,
    shard   smallint not null,
    hour    integer  not null,
    hour_n  integer  not null,
    day     integer  not null,
    day_n   integer  not null,
    money   bigint   not null,                                   -- of the day, in hundredths of the account's currency
    primary key (name, shard)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- How many submissions came from a network address, and for a block of numbers. Keys are HMACs.
create table intake_counts (
    key      bytea   primary key,
    second   bigint  not null,
    second_n integer not null,
    hour     integer not null,
    hour_n   integer not null,
    day      integer not null,
    day_n    integer not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index intake_counts_day on intake_counts (day);

-- What was agreed to, with the text that was shown. No foreign key: the proof outlives the lead, without contacts.
create table consents (
    submission_id uuid        primary key,
    lead_id       uuid        not null,
    email_key     bytea,
    phone_key     bytea,
    collected_by  text        not null check (collected_by in ('page', 'caller')),
    email         boolean,                                       -- null: the caller did not say
    sms           boolean,
    text_version  text,
    text_sha256   text,                                          -- of the exact text; null for a version unknown to us
    language      text,
    page          text,
    campaign      text,
    address       text,                                          -- cut to /24 or /48
    user_agent    text,                                          -- first 256 characters
    created_at    timestamptz not null default now(),
    withdrawn_at  timestamptz,
    withdrawn_how text
);
create index consents_lead on consents (lead_id);
create index consents_created on consents (created_at);

-- Every act of the team, in the same statement as the act.
create table audit (
    id      uuid        primary key,
    at      timestamptz not null default now(),
    actor   text        not null,
    act     text        not null,
    subject uuid,                                                -- a lead or a notification
    detail  jsonb       not null default '{}'                    -- never personal data
);
create index audit_at on audit (at);

alter table holds enable row level security;
alter table suppressions enable row level security;
alter table contact_budgets enable row level security;
alter table budgets enable row level security;
alter table intake_counts enable row level security;
alter table consents enable row level security;
alter table audit enable row level security;
