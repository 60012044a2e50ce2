//! One poisonous message among nine good ones: the nine are delivered at once, and the poison ends in the dead letters.

use crate::support::delivery::{patient, wake_all};
use aws_sdk_sqs::types::Message;
use futures::future::{join, join_all};
use harness::world::{Queue, Vendor, Waiting, World, batch, eventually, run, task};
use proftest::aws::queue::Queue as Client;
use proftest::batch::{Handled, each};
use serde_json::Value;
use standins::{Fault, Mode};
use std::sync::Mutex;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

/// A queue whose messages go to the DLQ after two receipts, and the people whose messages lie in it.
struct Ward {
    world: World,
    dlq: Queue,
}

impl Ward {
    async fn new() -> Self {
        let dlq = Queue::new().await;
        let mut world = World::new().await;
        world.notifications = Queue::with_dlq(&dlq, 2).await;
        Self { world, dlq }
    }

    async fn leads(&self, count: usize) -> Vec<Waiting> {
        join_all((0..count).map(|_| self.world.lead())).await
    }

    async fn receive(&self, good: &[Waiting], poison: &str) -> Vec<Message> {
        for waiting in &good[..5] {
            self.world.notifications.send(&task(waiting.id)).await;
        }
        self.world.notifications.send(poison).await;
        for waiting in &good[5..] {
            self.world.notifications.send(&task(waiting.id)).await;
        }
        let all = Mutex::new(Vec::new());
        eventually("ten messages", SOON, async || {
            let some = self.world.notifications.receive().await;
            let mut all = all.lock().unwrap();
            all.extend(some);
            (all.len() == good.len() + 1).then_some(())
        })
        .await;
        all.into_inner().unwrap()
    }

    /// Hands over one batch, deletes what is not reported, and returns the bodies of what is.
    async fn hand_over(&self, app: &deliver::App, messages: Vec<Message>) -> Vec<String> {
        let handle = async |event| deliver::handle(app, event).await.unwrap();
        let reported = self.world.notifications.hand_over(messages, handle).await;
        reported.into_iter().filter_map(|message| message.body).collect()
    }

    /// Nine good messages and this one: one invocation serves the nine, and leaves only the poison.
    async fn takes(&self, app: &deliver::App, poison: &str) {
        let good = self.leads(9).await;
        let messages = self.receive(&good, poison).await;
        assert_eq!(self.hand_over(app, messages).await, [poison]);
        for waiting in &good {
            self.world.assert_delivered_once(waiting).await;
        }
        eventually("the poison is in the DLQ", SOON, async || {
            self.hand_over(app, self.world.notifications.receive().await)
                .await;
            (self.dlq.visible().await == 1).then_some(())
        })
        .await;
        assert_eq!(self.dlq.drain().await, [poison]);
    }

    /// A lead whose address this vendor will never take.
    async fn hopeless(&self, column: &str, value: &str) -> Waiting {
        let waiting = self.world.lead().await;
        let sql = format!(
            "update landing_leads set {column} = '{value}' where id = '{}'",
            waiting.lead
        );
        self.world.db.execute(&sql).await;
        waiting
    }
}

#[test]
fn a_message_that_nobody_can_read_blocks_no_other() {
    run(async {
        let ward = Ward::new().await;
        let app = patient(&ward.world).await;
        for poison in ["not a task", r#"{"task":"deliver_v9","notification":"x"}"#] {
            ward.takes(&app, poison).await;
        }
    });
}

#[test]
fn an_address_that_a_vendor_never_takes_blocks_no_other() {
    run(async {
        let ward = Ward::new().await;
        let app = patient(&ward.world).await;
        for (column, value, refuses, other) in [
            ("email", "nobody", Vendor::Resend, Vendor::Mobizon),
            ("phone", "+77", Vendor::Mobizon, Vendor::Resend),
        ] {
            let poison = ward.hopeless(column, value).await;
            ward.takes(&app, &task(poison.id)).await;
            let row = ward.world.notification(&poison).await;
            assert_eq!(row["status"], "failed", "{row}");
            let failed = ward.world.work(&poison, refuses).await;
            assert_eq!(
                (&failed["state"], &failed["attempt"]),
                (&"failed".into(), &1.into())
            );
            // Its other channel went out with the nine.
            assert_eq!(ward.world.work(&poison, other).await["state"], "accepted");
        }
    });
}

#[test]
fn a_message_of_an_erased_person_among_nine_is_done_with_them() {
    run(async {
        let ward = Ward::new().await;
        let app = patient(&ward.world).await;
        let (good, gone) = (ward.leads(9).await, ward.world.lead().await);
        let erase = format!("delete from landing_leads where id = '{}'", gone.lead);
        ward.world.db.execute(&erase).await;
        let messages = ward.receive(&good, &task(gone.id)).await;
        assert!(ward.hand_over(&app, messages).await.is_empty());
        for waiting in &good {
            ward.world.assert_delivered_once(waiting).await;
        }
    });
}

#[test]
fn nobody_waits_for_an_sms_that_the_vendor_sits_on() {
    run(async {
        let ward = Ward::new().await;
        let app = patient(&ward.world).await;
        let people = ward.leads(10).await;
        ward.world
            .vendors
            .mobizon
            .faults()
            .add(Fault::times(Mode::Slow { ms: 9_000 }, 1));
        let others_are_done = eventually("nine are done", SOON, async || {
            let completed = "scheduled_notifications where status = 'completed'";
            (ward.world.db.count(completed).await == 9).then_some(())
        });
        let meanwhile = async {
            others_are_done.await;
            ward.world
                .db
                .count("deliveries where channel = 'sms' and state = 'sending'")
                .await
        };
        let (back, at_work) = join(wake_all(&app, &people), meanwhile).await;
        assert_eq!(
            (back, at_work),
            (0, 1),
            "nine were done while one still waited for its vendor"
        );
        for waiting in &people {
            ward.world.assert_delivered_once(waiting).await;
        }
    });
}

#[test]
fn a_task_that_panics_comes_back_alone_and_later() {
    run(async {
        let queue = Queue::new().await;
        for number in 0..10 {
            queue.send(&number.to_string()).await;
        }
        let messages = queue.receive().await;
        assert_eq!(messages.len(), 10);
        let client = Client::new(&harness::world::sdk().await, &queue.url);
        let done = Mutex::new(Vec::new());
        let response = each(batch(&messages), &client, (), async |task: Value, ()| {
            tokio::task::yield_now().await;
            assert_ne!(task, 5, "a defect that one message meets");
            done.lock().unwrap().push(task);
            Handled::Done
        });
        let failures = response.await.unwrap().batch_item_failures;
        let poison = messages
            .iter()
            .find(|message| message.body.as_deref() == Some("5"));
        assert_eq!(failures.len(), 1);
        assert_eq!(
            Some(&failures[0].item_identifier),
            poison.unwrap().message_id.as_ref()
        );
        assert_eq!(done.into_inner().unwrap().len(), 9);
        assert_eq!(queue.visible().await, 0, "it waits before it comes back");
    });
}
