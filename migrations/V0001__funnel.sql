-- The funnel's first schema. Forward only: see migrations/README.md.
--
-- Two tables keep the names and columns that the team already queries by hand; their flags are a contract.
-- Everything that changes often lives in narrow tables of its own, because the flag indexes of
-- landing_leads keep its updates from being heap-only.

create table landing_leads (
    id               uuid        primary key,                    -- UUIDv7, made by intake
    name             text        not null,
    email            text        not null,                       -- trimmed, lower case
    phone            text        not null,                       -- E.164, with the plus sign
    source           text        not null,                       -- first touch; never overwritten
    amocrm_lead_id   bigint,
    email_sent       boolean     not null default false,
    email_sent_at    timestamptz,                                -- the latest, after a retake
    email_clicked    boolean     not null default false,
    email_clicked_at timestamptz,                                -- the first click
    sms_sent         boolean     not null default false,
    sms_sent_at      timestamptz,
    sms_clicked      boolean     not null default false,
    sms_clicked_at   timestamptz,
    click_count      integer     not null default 0,
    metadata         jsonb       not null default '{}',          -- answers, UTM (first and last touch), unknown fields
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    -- A person is one lead: this index, not a read before a write, decides it.
    constraint landing_leads_identity unique (email, phone)
) with (fillfactor = 85);

create index idx_landing_leads_email on landing_leads (email);
create index idx_landing_leads_phone on landing_leads (phone);
create index idx_landing_leads_created_at on landing_leads (created_at desc);
create index idx_landing_leads_amocrm_lead_id on landing_leads (amocrm_lead_id) where amocrm_lead_id is not null;
create index idx_landing_leads_email_tracking on landing_leads (email, email_sent, email_clicked);
create index idx_landing_leads_sms_tracking on landing_leads (phone, sms_sent, sms_clicked);
create index idx_landing_leads_source on landing_leads (source);
create index idx_landing_email_sent on landing_leads (email_sent);

create table scheduled_notifications (
    id             uuid        primary key,                      -- UUIDv7, made by intake
    lead_id        uuid        not null references landing_leads (id) on delete cascade,
    type           text        not null default 'both' check (type in ('email', 'sms', 'both')),
    status         text        not null default 'pending'
                               check (status in ('pending', 'completed', 'failed', 'cancelled')),
    scheduled_for  timestamptz not null,                         -- due; nothing is sent before it
    sent_at        timestamptz,                                  -- when the last channel was accepted
    email_sent     boolean     not null default false,
    sms_sent       boolean     not null default false,
    source         text        not null,
    created_at     timestamptz not null default now(),
    open_channels  smallint    not null check (open_channels between 0 and 2),  -- not yet accepted or failed
    failure_reason text,                                         -- 'sms: mobizon code 12'; never personal data
    wake_at        timestamptz not null                          -- the sweep wakes the row if nobody has by then
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

create index idx_scheduled_notifications_lead_id on scheduled_notifications (lead_id);
create index idx_scheduled_notifications_pending on scheduled_notifications (scheduled_for, created_at)
    where status = 'pending';
create index idx_scheduled_notifications_scheduled_for on scheduled_notifications (scheduled_for);
create index idx_scheduled_notifications_status on scheduled_notifications (status, scheduled_for);
create index idx_scheduled_notifications_source on scheduled_notifications (source);
-- At most one message waits for a person, however many times the form is sent.
create unique index scheduled_notifications_one_pending on scheduled_notifications (lead_id)
    where status = 'pending';

-- The state of each channel of each notification: see shared/src/domain/delivery.rs.
create table deliveries (
    notification_id  uuid        not null references scheduled_notifications (id) on delete cascade,
    channel          text        not null check (channel in ('email', 'sms')),
    state            text        not null default 'pending'
                                 check (state in ('pending', 'sending', 'retrying', 'parked', 'unknown',
                                                  'accepted', 'delivered', 'bounced', 'failed')),
    attempt          integer     not null default 0,             -- fencing token of the claim
    retries          smallint    not null default 0,             -- refusals that count towards giving up
    next_attempt_at  timestamptz not null,                       -- while sending: the end of the lease
    first_attempt_at timestamptz,                                -- Resend's idempotency key lives 24 h from here
    unknown_since    timestamptz,                                -- an SMS whose outcome nobody knows yet
    content          jsonb,                                      -- pinned at the first claim; cleared at the end
    provider_id      text,
    reason           text,
    updated_at       timestamptz not null default now(),
    primary key (notification_id, channel)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

-- Codes of /l/{code}: 12 random characters of base 62, because a public link must not be guessable.
create table short_links (
    code            text primary key,
    lead_id         uuid not null references landing_leads (id) on delete cascade,
    notification_id uuid not null references scheduled_notifications (id) on delete cascade,
    channel         text not null check (channel in ('email', 'sms'))
);
create index short_links_notification on short_links (notification_id);
create index short_links_lead on short_links (lead_id);

-- Every counted click as it came.
create table clicks (
    id              uuid        primary key,                     -- UUIDv7; makes a repeated statement harmless
    lead_id         uuid        not null references landing_leads (id) on delete cascade,
    notification_id uuid        references scheduled_notifications (id) on delete cascade,
    source          text        not null check (source in ('email', 'sms')),
    user_agent      text,                                        -- first 256 characters
    clicked_at      timestamptz not null default now()
);
create index clicks_lead on clicks (lead_id, clicked_at);

-- A submission's idempotency key, within its lead: the same key from another person is another lead.
create table submissions (
    lead_id    uuid        not null references landing_leads (id) on delete cascade,
    key        text        not null,
    created_at timestamptz not null default now(),
    primary key (lead_id, key)
);

-- What the CRM has still to be told, one row a lead.
create table crm_tasks (
    lead_id    uuid        primary key references landing_leads (id) on delete cascade,
    state      text        not null default 'pending' check (state in ('pending', 'done', 'failed')),
    wake_at    timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index crm_tasks_pending on crm_tasks (wake_at) where state = 'pending';

-- Supabase serves the public schema over HTTP to its anonymous role. Row security without a policy closes
-- every table to it; the owner, as whom the functions connect, is not bound by it.
alter table landing_leads enable row level security;
alter table scheduled_notifications enable row level security;
alter table deliveries enable row level security;
alter table short_links enable row level security;
alter table clicks enable row level security;
alter table submissions enable row level security;
alter table crm_tasks enable row level security;
