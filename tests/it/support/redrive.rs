//! The redrive command between rows that failed, their dead letters and the functions that go on with them.

use super::aws::{Queue, batch, sdk, task};
use super::delivery::{Vendor, Waiting, World};
use ops::redrive::{Redrive, Redriven};
use proftest::aws::SdkConfig;
use proftest::config;
use standins::Mode;
use std::sync::Mutex;

/// The command between one test's rows and its queues.
pub struct Desk {
    pub world: World,
    pub dlq: Queue,
    crm: Queue,
}

impl Desk {
    pub async fn new() -> Self {
        let dlq = Queue::new().await;
        Self {
            world: World::around(Queue::with_dlq(&dlq, 2).await).await,
            crm: Queue::with_dlq(&Queue::new().await, 2).await,
            dlq,
        }
    }

    pub fn command(&self, database: config::Database, sdk: &SdkConfig) -> Redrive {
        let settings = config::Sweep {
            database,
            queue_url: self.world.queue.url.clone(),
            crm_queue_url: self.crm.url.clone(),
        };
        Redrive::new(&settings, sdk).unwrap()
    }

    /// Runs the command; returns what it did and what it printed.
    pub async fn redrive(&self, apply: bool) -> (Redriven, String) {
        let printed = Mutex::new(Vec::new());
        let say = |line: &str| printed.lock().unwrap().push(line.to_owned());
        let redrive = self.command(self.world.db.config(), &sdk().await);
        let redriven = redrive.run(apply, &say).await.unwrap();
        let printed = printed.into_inner().unwrap().join("\n");
        assert!(!printed.contains('@') && !printed.contains("+7"), "{printed}");
        assert!(!printed.contains("Айгерим"), "{printed}");
        (redriven, printed)
    }

    /// What the event source mapping does until the queue has nothing to hand out: handle, and delete what is not
    /// reported.
    pub async fn work(&self, app: &deliver::App) {
        for _ in 0..100 {
            let messages = self.world.queue.receive().await;
            if messages.is_empty() {
                return;
            }
            let response = deliver::handle(app, batch(&messages)).await.unwrap();
            let failed: Vec<_> = response
                .batch_item_failures
                .iter()
                .map(|failure| failure.item_identifier.clone())
                .collect();
            for message in &messages {
                if !failed.contains(message.message_id.as_ref().unwrap()) {
                    self.world.queue.delete(message).await;
                }
            }
        }
        panic!("the queue never ends");
    }

    /// A lead whose message failed over these vendors and lies in the DLQ.
    pub async fn given_up(&self, app: &deliver::App, vendors: &[Vendor]) -> Waiting {
        let waiting = self.world.lead().await;
        for vendor in vendors {
            self.world.break_once(*vendor, for_good(*vendor));
        }
        assert!(self.world.wake(app, &waiting).await);
        assert_eq!(self.world.notification(&waiting).await["status"], "failed");
        self.dlq.send(&task(waiting.id)).await;
        waiting
    }

    pub async fn status(&self, waiting: &Waiting) -> String {
        let row = self.world.notification(waiting).await;
        row["status"].as_str().unwrap().to_owned()
    }
}

/// An answer after which the vendor is not asked again.
pub fn for_good(vendor: Vendor) -> Mode {
    let (status, name) = match vendor {
        Vendor::Resend => (422, None),
        Vendor::Mobizon => (200, Some("12".to_owned())),
    };
    Mode::Status {
        status,
        name,
        retry_after: None,
    }
}

pub fn redriven(reopened: usize, moved: usize, left: usize) -> Redriven {
    Redriven {
        moved,
        reopened,
        left,
    }
}

pub const BOTH: [Vendor; 2] = [Vendor::Resend, Vendor::Mobizon];
