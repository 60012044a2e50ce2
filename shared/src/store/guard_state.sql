-- What of the budgets of all is used, what is held, and SMS that nobody clicks. Counts of messages; money in hundredths.
--
-- Ten minutes are counted by first attempts of what fell due within the last hour: the budgets themselves only know whole
-- hours and days. What a release sends late is left out.
with clock as (
    select floor(extract(epoch from now()) / 3600)::integer as hour
), used as (
    select coalesce(sum(b.hour_n) filter (where b.name = 'sms' and b.hour = clock.hour), 0)::bigint as sms_hour,
           coalesce(sum(b.day_n) filter (where b.name = 'sms' and b.day = clock.hour / 24), 0)::bigint as sms_day,
           coalesce(sum(b.money) filter (where b.name = 'sms' and b.day = clock.hour / 24), 0)::bigint as money_day,
           coalesce(sum(b.hour_n) filter (where b.name = 'email' and b.hour = clock.hour), 0)::bigint as mail_hour,
           coalesce(sum(b.day_n) filter (where b.name = 'email' and b.day = clock.hour / 24), 0)::bigint as mail_day
    from budgets b
    cross join clock
), burst as (
    select count(*) filter (where d.channel = 'sms') as sms_ten_minutes,
           count(*) filter (where d.channel = 'email') as mail_ten_minutes
    from scheduled_notifications n
    join deliveries d on d.notification_id = n.id
    where n.scheduled_for between now() - interval '1 hour' and now()
      and d.first_attempt_at > now() - interval '10 minutes'
), held as (
    select count(*) as held, count(*) filter (where held_at > now() - interval '1 hour') as held_last_hour
    from holds
    where ended_at is null
), silent as (
    -- Of the last day, by country and in all. Nobody clicks within the first minutes.
    select count(*) as sms
    from scheduled_notifications n
    join landing_leads l on l.id = n.lead_id
    left join submissions s on s.id = n.submission_id
    where n.scheduled_for between now() - interval '1 day' and now() - interval '15 minutes' and n.sms_sent
    group by grouping sets ((s.country), ())
    having not coalesce(bool_or(l.sms_clicked), false)
)
select used.*, burst.*, held.*, (select coalesce(max(sms), 0) from silent) as sms_without_click
from used, burst, held
