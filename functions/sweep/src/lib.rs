//! Runs every minute: wakes what is overdue, ends holds whose time is over, asks vendors for reports that did not come, reports
//! the state of the funnel, and does away with what is old.
//!
//! Schedules and messages only wake a function and may get lost; the row is the truth. The sweep alone would deliver
//! everything, a little late.

mod report;
mod retention;
mod vendors;

use proftest::aws::AwsError;
use proftest::aws::queue::Queue;
use proftest::clients::{self, mobizon::Mobizon, resend::Resend};
use proftest::config;
use proftest::domain::limits::Limits;
use proftest::domain::retention::Retention;
use proftest::store::{Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use std::time::Duration;
use vendors::Vendors;

/// Overdue rows per statement.
const BATCH: u16 = 500;
/// Batches per run. The rest waits a minute; a longer queue would not drain faster.
const BATCHES_MAX: usize = 20;
/// A woken row is left alone for this long.
const AGAIN_AFTER: Duration = Duration::from_mins(5);
/// For one statement, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(10);

pub struct App {
    store: Store,
    queue: Queue,
    crm: Queue,
    vendors: Vendors,
    limits: Limits,
    retention: Retention,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Why a run ended early. The next one starts within a minute.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows that it should have woken are taken again after a pause.
    #[error(transparent)]
    Queue(#[from] AwsError),
}

impl App {
    /// Builds the clients without opening a connection.
    pub fn new(config: &config::Sweep, sdk: &proftest::aws::SdkConfig) -> Result<Self, StartError> {
        let http = clients::http_client()?;
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            queue: Queue::new(sdk, &config.queue_url),
            crm: Queue::new(sdk, &config.crm_queue_url),
            vendors: Vendors::new(
                Resend::new(http.clone(), &config.resend),
                Mobizon::new(http, &config.mobizon),
            ),
            limits: config.limits.clone(),
            retention: config.retention.clone(),
        })
    }
}

/// How many rows a run woke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Woken {
    pub notifications: usize,
    /// None while the gate to amoCRM is shut.
    pub crm_tasks: usize,
}

/// Wakes what is overdue and reports. The report comes before an error, if there can be one.
pub async fn handle(app: &App) -> Result<Woken, SweepError> {
    report::backlog(&app.store.backlog().await?);
    // A failure of one must not stop the others.
    let (notifications, crm_tasks, closed, ended, guard, ()) = futures::join!(
        wake_notifications(&app.store, &app.queue),
        wake_crm(&app.store, &app.crm),
        app.store.close_left_behind(),
        Box::pin(end_holds(&app.store)),
        Box::pin(app.store.guard_state()),
        Box::pin(app.vendors.ask(&app.store)),
    );
    if let Ok(state) = &guard {
        report::guard(state, &app.limits);
    }
    // Old rows can wait, so this comes last. If it fails, the run still succeeds.
    Box::pin(retention::apply(&app.store, &app.retention)).await;
    let woken = Woken {
        notifications: notifications?,
        crm_tasks: crm_tasks?,
    };
    if woken != Woken::default() {
        tracing::warn!(woken.notifications, woken.crm_tasks, "Woke what was overdue");
    }
    closed?;
    ended?;
    guard?;
    Ok(woken)
}

async fn wake_notifications(store: &Store, queue: &Queue) -> Result<usize, SweepError> {
    let mut woken = 0;
    for _ in 0..BATCHES_MAX {
        let overdue = store.take_overdue(BATCH, AGAIN_AFTER).await?;
        let tasks: Vec<_> = overdue
            .iter()
            .map(|&notification| DeliverTask::DeliverV1 { notification })
            .collect();
        woken += queue.send_all(&tasks).await?;
        if overdue.len() < usize::from(BATCH) {
            break;
        }
    }
    Ok(woken)
}

async fn wake_crm(store: &Store, queue: &Queue) -> Result<usize, SweepError> {
    let mut woken = 0;
    for _ in 0..BATCHES_MAX {
        let overdue = store.take_overdue_crm(BATCH, AGAIN_AFTER).await?;
        let tasks: Vec<_> = overdue.iter().map(|&lead| CrmTask::CrmV1 { lead }).collect();
        woken += queue.send_all(&tasks).await?;
        if overdue.len() < usize::from(BATCH) {
            break;
        }
    }
    Ok(woken)
}

async fn end_holds(store: &Store) -> Result<(), StoreError> {
    let mut total = 0;
    for _ in 0..BATCHES_MAX {
        let ended = store.end_holds(BATCH).await?;
        total += ended;
        if ended < usize::from(BATCH) {
            break;
        }
    }
    if total > 0 {
        tracing::warn!(
            ended = total,
            "Nobody released them in time: held deliveries have failed"
        );
    }
    Ok(())
}
