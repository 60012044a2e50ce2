-- The hand-over to the sales team: a first note with the quiz result, a task with a deadline, and a deal that moves on only
-- when a human has clicked.

-- `result` replaces `answers`; rows that still say so are read as the same note. crm of the release before does not know the
-- new word: between this migration and its new code it leaves new leads waiting in their rows.
alter table crm_tasks alter column pending_notes set default '{result,utm}';

alter table crm_tasks
    add column task_due      boolean not null default false,     -- the deal lacks its task
    add column task_user     bigint,                             -- whose it is to be; null: amoCRM chooses
    add column tasking_since timestamptz,                        -- the task may have been made, unsaved
    add column move_due      boolean not null default false;     -- the deal waits behind our stage for a human click
