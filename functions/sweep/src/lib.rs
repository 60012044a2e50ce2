//! Runs every minute: wakes what is overdue and reports the state of the funnel.
//!
//! Schedules and messages only wake a function and may get lost; the row is the truth. The sweep alone would deliver
//! everything, a little late.

#![allow(missing_docs, reason = "only this workspace uses the crate")]

use proftest::aws::AwsError;
use proftest::aws::queue::Queue;
use proftest::config;
use proftest::store::{Backlog, Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use proftest::telemetry::{self, Unit};
use std::time::Duration;

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
    pub fn new(config: &config::Sweep, sdk: &proftest::aws::SdkConfig) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            queue: Queue::new(sdk, &config.queue_url),
            crm: Queue::new(sdk, &config.crm_queue_url),
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
    report(&app.store.backlog().await?);
    // A failure to wake one kind must not stop the others.
    let (notifications, crm_tasks, closed) = futures::future::join3(
        wake_notifications(&app.store, &app.queue),
        wake_crm(&app.store, &app.crm),
        app.store.close_left_behind(),
    )
    .await;
    let woken = Woken {
        notifications: notifications?,
        crm_tasks: crm_tasks?,
    };
    if woken != Woken::default() {
        tracing::warn!(woken.notifications, woken.crm_tasks, "Woke what was overdue");
    }
    closed?;
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

#[allow(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
fn report(backlog: &Backlog) {
    telemetry::metrics(
        &config::function_name(),
        &[
            (
                "OldestOverdueSeconds",
                backlog.oldest_overdue_seconds,
                Unit::Seconds,
            ),
            ("OverdueNotifications", backlog.overdue as f64, Unit::Count),
            ("PendingNotifications", backlog.pending as f64, Unit::Count),
            (
                "FailedNotificationsLastDay",
                backlog.failed_last_day as f64,
                Unit::Count,
            ),
            ("LeadsLastDay", backlog.leads_last_day as f64, Unit::Count),
            ("DeliveredLastDay", backlog.delivered_last_day as f64, Unit::Count),
            ("OnTimeLastDay", backlog.on_time_last_day as f64, Unit::Count),
            ("ClickedLastDay", backlog.clicked_last_day as f64, Unit::Count),
            ("ParkedDeliveries", backlog.parked as f64, Unit::Count),
            ("OverdueCrmTasks", backlog.crm_overdue as f64, Unit::Count),
            ("FailedCrmTasks", backlog.crm_failed as f64, Unit::Count),
            ("CrmGateShut", backlog.crm_gate_shut as f64, Unit::Count),
        ],
    );
}
