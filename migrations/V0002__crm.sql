-- What the crm function needs: its task's progress, one contact a person, the governor and the gate.

-- The task of a lead: bring amoCRM in line with the row. It is one row however often the lead changes.
alter table crm_tasks drop constraint crm_tasks_state_check;
alter table crm_tasks add constraint crm_tasks_state_check
    check (state in ('pending', 'working', 'done', 'failed'));
alter table crm_tasks
    add column revision        integer     not null default 1,          -- grows when the lead changes
    add column attempt         integer     not null default 0,          -- fencing token of the claim
    add column retries         smallint    not null default 0,          -- refusals that count towards giving up
    add column next_attempt_at timestamptz not null default now(),      -- while working: the end of the lease
    add column deal_due        boolean     not null default true,       -- the deal is not yet as the lead is
    add column pending_notes   text[]      not null default '{answers,utm}',
    add column creating_since  timestamptz,                             -- a deal may have been created, unsaved
    add column noting_since    timestamptz,                             -- notes may have been written, unsaved
    add column reason          text;
-- Rows that wait for the sweep, whoever had them last.
drop index crm_tasks_pending;
create index crm_tasks_open on crm_tasks (wake_at) where state in ('pending', 'working');

-- One amoCRM contact a phone. The row is also the lock that serialises the work on a person.
create table crm_people (
    phone      text        primary key,                                 -- E.164
    contact_id bigint,
    holder     uuid,                                                    -- the lead whose task works on it
    held_until timestamptz not null default '-infinity'
);

-- The governor: a request to amoCRM holds one of these slots from before it is sent until a second after its
-- answer. So no second ever sees more requests than there are slots in use, however late packets arrive.
create table crm_slots (
    slot    smallint    primary key,
    free_at timestamptz not null default '-infinity'
);
insert into crm_slots (slot) select generate_series(1, 50);

-- The gate: while it is shut nobody calls amoCRM. One row.
create table crm_gate (
    id         boolean     primary key default true check (id),
    shut_until timestamptz not null default '-infinity',                -- 'infinity': until opened by hand
    reason     text
);
insert into crm_gate default values;

-- OAuth tokens, when the account has no long-lived one. One row; the previous refresh token stays until the
-- new one is stored, because amoCRM honours it until the new one is used.
create table crm_tokens (
    id               boolean     primary key default true check (id),
    access_token     text        not null default '',
    refresh_token    text        not null default '',                    -- empty: none is stored yet
    expires_at       timestamptz not null default '-infinity',
    refreshing_until timestamptz not null default '-infinity'
);

insert into crm_tokens default values;

alter table crm_people enable row level security;
alter table crm_slots enable row level security;
alter table crm_gate enable row level security;
alter table crm_tokens enable row level security;
