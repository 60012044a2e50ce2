//! The scene in which rows expire: people of whom nothing was heard for years, whose last message is still held.

use super::scene::start;
use harness::world::World;
use serde_json::json;
use std::time::Duration;

/// So many hours are enough: in the first one the holds end, in the second one the people go.
const HOURS_MAX: u32 = 5;

const PLANTED: &str = "landing_leads where name = 'old'";

pub async fn plant(world: &World, leads: usize) {
    world
        .db
        .execute(&format!(
            "with person as (
                 insert into landing_leads (id, name, email, phone, source, created_at, updated_at)
                 select gen_random_uuid(), 'old', 'old' || i || '@example.com', '+7702' || lpad(i::text, 7, '0'), 'x',
                        now() - interval '3 years', now() - interval '3 years'
                 from generate_series(1, {leads}) i returning id
             ), submission as (
                 insert into submissions (id, lead_id, key, created_at)
                 select gen_random_uuid(), id, 'old', now() - interval '3 years' from person returning id, lead_id
             ), consent as (
                 insert into consents (submission_id, lead_id, collected_by, address)
                 select id, lead_id, 'page', '203.0.113.0/24' from submission
             ), notification as (
                 insert into scheduled_notifications
                     (id, lead_id, scheduled_for, source, open_channels, held_channels, wake_at)
                 select gen_random_uuid(), id, now() - interval '3 years', 'x', 2, 2, now() from person
                 returning id, lead_id
             ), link as (
                 insert into short_links (code, lead_id, notification_id, channel)
                 select substr(md5(id::text), 1, 12), lead_id, id, 'sms' from notification
             ), delivery as (
                 insert into deliveries (notification_id, channel, state, next_attempt_at)
                 select id, channel, 'held', now() from notification, (values ('email'), ('sms')) as c (channel)
             )
             insert into holds (notification_id, channel, reason, until)
             select id, channel, 'country', now() from notification, (values ('email'), ('sms')) as c (channel)"
        ))
        .await;
}

/// Lets the sweep finish. Returns how many people are still there, were counted twice in the audit or have no end of their
/// consent.
pub async fn settle(world: &World, leads: usize) -> usize {
    let db = &world.db;
    let mut sweep = start(world, "sweep", None).await;
    for _ in 0..HOURS_MAX {
        world.pass_time(Duration::from_hours(1)).await;
        // On a slow machine it may wait in vain for the queue.
        let _ = sweep.invoke(&json!({})).await;
        if db.count(PLANTED).await == 0 {
            break;
        }
    }
    let told = "select coalesce(sum((detail ->> 'leads')::int), 0) as n from audit where act = 'expire'";
    let told = usize::try_from(db.row(told).await["n"].as_u64().unwrap()).unwrap();
    let left = usize::try_from(db.count(PLANTED).await).unwrap();
    let ended = "consents where withdrawn_how = 'expired' and address is null";
    let ended = usize::try_from(db.count(ended).await).unwrap();
    left + told.abs_diff(leads) + ended.abs_diff(leads)
}
