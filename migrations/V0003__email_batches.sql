-- E-mails that go out in one request (Resend: POST /emails/batch, all or nothing) under one idempotency key. The
-- same key must repeat exactly the same e-mails, so who belongs to a batch, and in which order, is pinned here before
-- it is sent. What each e-mail says is pinned in its delivery, and stays there until the whole batch is over.
create table email_batches (
    id            uuid        primary key,
    notifications uuid[]      not null,
    created_at    timestamptz not null default now()
);

-- Set while the e-mail's fate is that of a batch. No foreign key: its index would make each update of a delivery
-- dearer, and a batch that is gone is told apart from one that is there.
alter table deliveries add column batch_id uuid;
alter table email_batches enable row level security;
