-- A lead may wait for several messages at once, one of each kind, over any number of channels.
--
-- Intake of the release before names its conflict by the index that goes here: between this migration and its new code it
-- answers 503 to new leads. There is no deployment yet; with one, this would be two releases (see README.md).
alter table scheduled_notifications
    add column kind text not null default 'result' check (kind in ('result'));                  -- which message it is

drop index scheduled_notifications_one_pending;
create unique index scheduled_notifications_one_pending on scheduled_notifications (lead_id, kind)
    where status = 'pending';

alter table scheduled_notifications drop constraint scheduled_notifications_open_channels_check;
alter table scheduled_notifications
    add constraint scheduled_notifications_open_channels_check check (open_channels >= 0);
