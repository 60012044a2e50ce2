//! The crm function in this process.

use harness::world::{World, event, record, sdk};
use proftest::config::{self, Stage};
use proftest::domain::ids::LeadId;
use proftest::task::{self, CrmTask};
use std::time::Duration;
use uuid::Uuid;

/// Production's schedule in a hurry.
pub const HASTY: proftest::domain::crm::CrmTiming = proftest::domain::crm::CrmTiming {
    backoff: &[Duration::from_millis(20); 6],
    absent: Duration::ZERO,
};

pub fn config(world: &World) -> config::Crm {
    let mut config = world.crm_config();
    config.amocrm.stage = Stage::Names("воронка ".to_owned(), "ЗАЯВКА_С_ПРОФТЕСТА".to_owned());
    config
}

pub async fn worker(world: &World) -> crm::App {
    worker_with(&config(world)).await
}

pub async fn worker_with(config: &config::Crm) -> crm::App {
    crm::App::new(config, &sdk().await).unwrap().with_timing(HASTY)
}

/// Hands a worker one batch; says how many messages must come back.
pub async fn wake(app: &crm::App, leads: &[LeadId]) -> usize {
    let records = leads.iter().map(|&lead| {
        let body = task::body(&CrmTask::CrmV1 { lead });
        record(&Uuid::new_v4().to_string(), "no such receipt handle", &body)
    });
    let response = crm::handle(app, event(records.collect())).await.unwrap();
    response.batch_item_failures.len()
}

/// Wakes what is open, in batches of ten on all `workers`, until nothing is; gives up after `within`.
pub async fn drain(world: &World, workers: &[crm::App], within: Duration) {
    let until = tokio::time::Instant::now() + within;
    loop {
        let open = world.open_in_crm().await;
        if open.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "still open: {}", open.len());
        let mut busy: Vec<_> = workers.iter().map(|_| Vec::new()).collect();
        for (index, batch) in open.chunks(10).enumerate() {
            busy[index % workers.len()].push(batch);
        }
        let rounds = workers.iter().zip(busy).map(async |(app, batches)| {
            for batch in batches {
                wake(app, batch).await;
            }
        });
        futures::future::join_all(rounds).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
