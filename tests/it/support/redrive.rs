//! The redrive command between rows that failed, their dead letters and the functions that go on with them.

use super::delivery::{status, wake};
use harness::world::{Queue, Vendor, Waiting, World, sdk, task};
use ops::redrive::{Redrive, Redriven};
use standins::Mode;
use std::sync::Mutex;

pub struct GivenUp {
    pub world: World,
    pub dlq: Queue,
}

impl GivenUp {
    pub async fn new() -> Self {
        let dlq = Queue::new().await;
        let mut world = World::new().await;
        world.notifications = Queue::with_dlq(&dlq, 2).await;
        world.crm = Queue::with_dlq(&Queue::new().await, 2).await;
        Self { world, dlq }
    }

    /// Runs the command; returns what it did and what it printed.
    pub async fn redrive(&self, apply: bool) -> (Redriven, String) {
        let printed = Mutex::new(Vec::new());
        let say = |line: &str| printed.lock().unwrap().push(line.to_owned());
        let redrive = Redrive::new(&self.world.ops_config(), &sdk().await).unwrap();
        let redriven = redrive.run(apply, &say).await.unwrap();
        let printed = printed.into_inner().unwrap().join("\n");
        assert!(!printed.contains('@') && !printed.contains("+7"), "{printed}");
        assert!(!printed.contains("Айгерим"), "{printed}");
        (redriven, printed)
    }

    /// What the event source mapping does until the queue has nothing to hand out.
    pub async fn work(&self, app: &deliver::App) {
        super::delivery::work_off(&self.world.notifications, app).await;
    }

    pub async fn lead(&self, app: &deliver::App, vendors: &[Vendor]) -> Waiting {
        let waiting = self.world.lead().await;
        for vendor in vendors {
            self.world.break_once(*vendor, for_good(*vendor));
        }
        assert!(wake(app, &waiting).await);
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
    match vendor {
        Vendor::Mobizon => status(200, Some("12")),
        _ => status(422, None),
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
