//! The sweep wakes every overdue row, each once.

use futures::future::join_all;
use harness::world::{CLOSED, Database, World, run, sdk, sdk_at};
use proftest::aws::SdkConfig;
use std::collections::HashSet;
use std::time::Duration;

struct Sweep {
    world: World,
}

impl Sweep {
    async fn new() -> Self {
        Self {
            world: World::new().await,
        }
    }

    fn app(&self, sdk: &SdkConfig) -> sweep::App {
        sweep::App::new(&self.world.sweep_config(), sdk).unwrap()
    }

    async fn run(&self) -> usize {
        sweep::handle(&self.app(&sdk().await))
            .await
            .unwrap()
            .notifications
    }

    /// So many leads, each with a pending notification that became due `age` seconds ago and was not woken
    /// within the grace.
    async fn add(&self, name: &str, count: u32, age: i32) {
        let sql = format!(
            "with lead as (
                 insert into landing_leads (id, name, email, phone, source)
                 select gen_random_uuid(), '{name}', '{name}' || i || '@example.com', '+7701' || lpad(i::text, 7, '0'), 'x'
                 from generate_series(1, {count}) as i returning id
             )
             insert into scheduled_notifications (id, lead_id, scheduled_for, source, open_channels, wake_at)
             select gen_random_uuid(), id, now() - {age} * interval '1 second', 'x', 2,
                    now() - ({age} - 90) * interval '1 second'
             from lead"
        );
        self.world.db.execute(&sql).await;
    }

    async fn ids(&self, name: &str) -> HashSet<String> {
        let sql = format!(
            "select n.id from scheduled_notifications n join landing_leads l on l.id = n.lead_id
             where l.name = '{name}'"
        );
        let rows = self.world.db.rows(&sql).await;
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The notifications that the queue's messages name; none twice.
    async fn woken(&self) -> HashSet<String> {
        let bodies = self.world.notifications.drain().await;
        let count = bodies.len();
        let ids: HashSet<String> = bodies
            .iter()
            .map(|body| {
                let task: serde_json::Value = serde_json::from_str(body).unwrap();
                assert_eq!(task["task"], "deliver_v1");
                task["notification"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(ids.len(), count, "a notification was woken twice");
        ids
    }
}

#[test]
fn what_is_overdue_is_woken_once_and_again_only_after_five_minutes() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("overdue", 3, 100).await;
        sweep.add("within the grace", 3, 60).await;
        sweep.add("future", 3, -60).await;
        sweep.add("over", 3, 100).await;
        sweep
            .world
            .db
            .execute(
                "update scheduled_notifications n set status = 'completed'
                      from landing_leads l where l.id = n.lead_id and l.name = 'over'",
            )
            .await;
        assert_eq!(sweep.run().await, 3);
        assert_eq!(sweep.woken().await, sweep.ids("overdue").await);
        assert_eq!(sweep.run().await, 0, "not again at once");
        sweep
            .world
            .db
            .execute(
                "update scheduled_notifications set wake_at = 'infinity' where wake_at < now()
                          or lead_id in (select id from landing_leads where name <> 'overdue')",
            )
            .await;
        sweep.world.pass_time(Duration::from_mins(4)).await;
        assert_eq!(sweep.run().await, 0, "not within five minutes");
        sweep.world.pass_time(Duration::from_mins(1)).await;
        assert_eq!(sweep.run().await, 3, "a message may get lost");
        assert_eq!(sweep.woken().await, sweep.ids("overdue").await);
    });
}

#[test]
fn rows_that_someone_holds_are_skipped_not_waited_for() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("held", 5, 200).await;
        sweep.add("free", 5, 100).await;
        let holder = Database::open(sweep.world.db.url.clone()).await;
        holder
            .execute(
                "begin; select from scheduled_notifications n join landing_leads l on l.id = n.lead_id
                      where l.name = 'held' for update of n",
            )
            .await;
        assert_eq!(sweep.run().await, 5);
        assert_eq!(sweep.woken().await, sweep.ids("free").await);
        holder.execute("rollback").await;
        assert_eq!(sweep.run().await, 5);
        assert_eq!(sweep.woken().await, sweep.ids("held").await);
    });
}

#[test]
fn two_sweeps_at_once_drain_twelve_hundred_between_them() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("overdue", 1_200, 100).await;
        sweep.add("future", 50, -60).await;
        let sdk = sdk().await;
        let apps = [sweep.app(&sdk), sweep.app(&sdk)];
        let woken = join_all(apps.iter().map(sweep::handle)).await;
        let woken: Vec<usize> = woken
            .into_iter()
            .map(|woken| woken.unwrap().notifications)
            .collect();
        assert_eq!(woken.iter().sum::<usize>(), 1_200, "{woken:?}");
        assert!(
            woken.iter().all(|count| *count > 0),
            "both had a share: {woken:?}"
        );
        assert_eq!(sweep.world.notifications.visible().await, 1_200);
        assert_eq!(sweep.woken().await, sweep.ids("overdue").await);
    });
}

#[test]
fn the_oldest_are_taken_first() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("young", 5, 100).await;
        sweep.add("old", 5, 900).await;
        let taken = sweep
            .world
            .db
            .store()
            .take_overdue(5, Duration::from_mins(5))
            .await
            .unwrap();
        let taken: HashSet<String> = taken.iter().map(ToString::to_string).collect();
        assert_eq!(taken, sweep.ids("old").await);
    });
}

#[test]
fn without_a_queue_the_run_fails_and_the_rows_are_kept() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("overdue", 3, 100).await;
        assert!(sweep::handle(&sweep.app(&sdk_at(CLOSED))).await.is_err());
        sweep.world.pass_time(Duration::from_mins(5)).await;
        assert_eq!(sweep.run().await, 3);
    });
}

#[test]
fn the_backlog_says_how_the_funnel_stands() {
    run(async {
        let sweep = Sweep::new().await;
        let store = sweep.world.db.store();
        let empty = store.backlog().await.unwrap();
        assert_eq!(
            (empty.overdue, empty.pending, empty.failed_last_day, empty.parked),
            (0, 0, 0, 0)
        );
        assert!(empty.oldest_overdue_seconds.abs() < f64::EPSILON);
        sweep.add("overdue", 3, 300).await;
        sweep.add("future", 2, -60).await;
        sweep.add("failed", 4, 60).await;
        sweep
            .world
            .db
            .execute(
                "update scheduled_notifications n set status = 'failed'
                 from landing_leads l where l.id = n.lead_id and l.name = 'failed';
                 insert into deliveries (notification_id, channel, state, next_attempt_at)
                 select n.id, 'sms', 'parked', now() from scheduled_notifications n
                 join landing_leads l on l.id = n.lead_id where l.name = 'overdue' limit 1;
                 insert into crm_tasks (lead_id, wake_at)
                 select id, now() - interval '1 second' from landing_leads where name = 'overdue'",
            )
            .await;
        let backlog = store.backlog().await.unwrap();
        assert_eq!((backlog.overdue, backlog.pending), (3, 5));
        assert_eq!(
            (backlog.failed_last_day, backlog.parked, backlog.crm_overdue),
            (4, 1, 3)
        );
        assert!(
            (300.0..310.0).contains(&backlog.oldest_overdue_seconds),
            "{backlog:?}"
        );
    });
}

#[test]
fn the_funnel_of_the_last_day_is_counted() {
    run(async {
        let sweep = Sweep::new().await;
        sweep.add("future", 2, -60).await;
        sweep.add("delivered", 3, 600).await;
        sweep.add("last week", 1, 600).await;
        sweep
            .world.db
            .execute(
                "update scheduled_notifications n
                 set status = 'completed', open_channels = 0,
                     sent_at = scheduled_for + case l.name when 'delivered' then interval '59 s' else interval '0 s' end
                 from landing_leads l where l.id = n.lead_id and l.name in ('delivered', 'last week');
                 update scheduled_notifications set sent_at = scheduled_for + interval '61 s'
                 where id = (select n.id from scheduled_notifications n join landing_leads l on l.id = n.lead_id
                             where l.name = 'delivered' limit 1);
                 update scheduled_notifications n
                 set scheduled_for = scheduled_for - interval '7 days', sent_at = sent_at - interval '7 days'
                 from landing_leads l where l.id = n.lead_id and l.name = 'last week';
                 update landing_leads set created_at = created_at - interval '7 days', sms_clicked = true
                 where name = 'last week';
                 update landing_leads set email_clicked = true, sms_clicked = true where name = 'delivered'",
            )
            .await;
        let backlog = sweep.world.db.store().backlog().await.unwrap();
        assert_eq!(
            (
                backlog.leads_last_day,
                backlog.clicked_last_day,
                backlog.delivered_last_day,
                backlog.on_time_last_day
            ),
            (3 + 2, 3, 3, 2)
        );
    });
}
