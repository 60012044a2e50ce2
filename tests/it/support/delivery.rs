//! The deliver function in this process.

use harness::world::{Queue, Waiting, World, event, record, sdk, task};
use proftest::config;
use proftest::domain::delivery::DeliveryTiming;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// Production's schedule in a hurry: four retries.
pub const HASTY: DeliveryTiming = DeliveryTiming {
    email_key: Duration::from_hours(23),
    backoff: &[Duration::from_millis(20); 4],
    repeats: 0,
    parked: Duration::from_millis(60),
    look_up: Duration::from_millis(20),
    absent: Duration::from_millis(600),
    unknown_max: Duration::from_hours(24),
};

pub async fn app_of(config: &config::Deliver) -> deliver::App {
    deliver::App::new(config, &sdk().await).unwrap()
}

pub async fn patient(world: &World) -> deliver::App {
    app_of(&world.deliver_config()).await
}

pub async fn patient_over(world: &World, database: config::Database) -> deliver::App {
    app_of(&config::Deliver {
        database,
        ..world.deliver_config()
    })
    .await
}

/// The function with a retry schedule in milliseconds.
pub async fn hasty(world: &World) -> deliver::App {
    patient(world).await.with_timing(HASTY)
}

/// Hands the function one message, as if received; says whether it must come back.
pub async fn wake(app: &deliver::App, waiting: &Waiting) -> bool {
    wake_all(app, std::slice::from_ref(waiting)).await == 1
}

/// Hands the function one message each, in one batch; says how many must come back.
pub async fn wake_all(app: &deliver::App, waiting: &[Waiting]) -> usize {
    let records = waiting.iter().map(|one| {
        let id = Uuid::new_v4().to_string();
        record(&id, "no such receipt handle", &task(one.id))
    });
    let records: Vec<_> = records.collect();
    let ids: Vec<_> = records.iter().map(|record| record.message_id.clone()).collect();
    let response = deliver::handle(app, event(records)).await.unwrap();
    let failures = response.batch_item_failures;
    assert!(
        failures
            .iter()
            .all(|failure| ids.contains(&Some(failure.item_identifier.clone())))
    );
    failures.len()
}

/// Wakes until nothing is left to do; panics when that takes more than a hundred times.
pub async fn finish(world: &World, app: &deliver::App, waiting: &Waiting) -> Value {
    for _ in 0..100 {
        wake(app, waiting).await;
        let row = world.notification(waiting).await;
        if row["status"] != "pending" {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("still pending: {}", world.notification(waiting).await);
}

/// Works off the queue until it has nothing to hand out.
pub async fn work_off(queue: &Queue, app: &deliver::App) {
    for _ in 0..100 {
        let messages = queue.receive().await;
        if messages.is_empty() {
            return;
        }
        queue
            .hand_over(messages, async |event| deliver::handle(app, event).await.unwrap())
            .await;
    }
    panic!("the queue never ends");
}

/// A worker that dies while its calls are out: its claim stands, the vendors go on.
pub async fn kill_after(app: deliver::App, waiting: &[Waiting], after: Duration) {
    // Dropping the work is its death: nothing of it runs any more.
    let died = tokio::time::timeout(after, wake_all(&app, waiting)).await;
    assert!(died.is_err(), "the worker was too quick to be killed");
}
