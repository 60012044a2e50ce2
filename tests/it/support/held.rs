//! Leads whose messages the guard holds.

use super::delivery::{patient, wake};
use harness::world::{Waiting, World, sdk};
use serde_json::Value;
use std::time::Duration;

/// A world with these changes to production's limits.
pub async fn guarded(limits: &'static str) -> World {
    let mut world = World::new().await;
    world.changes.insert("LIMITS", limits.to_owned());
    world
}

/// A lead whose submission differs by these columns, woken once.
pub async fn lead(world: &World, app: &deliver::App, columns: &str) -> Waiting {
    let waiting = world.lead().await;
    change_submission(world, &waiting, columns).await;
    assert!(!wake(app, &waiting).await, "nothing is left for its message");
    waiting
}

pub async fn change_submission(world: &World, waiting: &Waiting, columns: &str) {
    let lead = waiting.lead;
    let sql = format!("update submissions set {columns} where lead_id = '{lead}'");
    world.db.execute(&sql).await;
}

/// A German number: the e-mail goes out, the SMS is held.
pub async fn abroad(world: &World) -> Waiting {
    lead(world, &patient(world).await, "country = 'DE'").await
}

/// Nobody agreed: both are held.
pub async fn unasked(world: &World) -> Waiting {
    let app = patient(world).await;
    lead(world, &app, "email_consent = false, sms_consent = false").await
}

pub async fn sweep(world: &World) -> sweep::Woken {
    let app = sweep::App::new(&world.sweep_config(), &sdk().await).unwrap();
    sweep::handle(&app).await.unwrap()
}

/// What the notification's and the deliveries' rows say, without their times.
pub async fn standing(world: &World, waiting: &Waiting) -> Value {
    let id = waiting.id;
    world
        .db
        .row(&format!(
            "select n.status, n.failure_reason, n.open_channels, n.held_channels, n.held,
                    (select jsonb_object_agg(channel, concat_ws(' ', state, reason)) from deliveries
                     where notification_id = n.id) as channels
             from scheduled_notifications n where id = '{id}'"
        ))
        .await
}

/// What the event source mapping does until the queue is empty.
pub async fn work(world: &World) {
    super::delivery::work_off(&world.notifications, &patient(world).await).await;
}

pub const WEEK: Duration = Duration::from_hours(7 * 24);
