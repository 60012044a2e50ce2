//! A hold ends after seven days: what nobody has released fails, each once.

use crate::support::held::{WEEK, abroad, guarded, standing, sweep, unasked};
use futures::future::join;
use harness::world::{Database, World, run, sdk};
use proftest::store::Store;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_nobody_releases_within_seven_days_fails_and_says_why() {
    run(async {
        let world = guarded("").await;
        let (sms, both) = (abroad(&world).await, unasked(&world).await);
        let before = [standing(&world, &sms).await, standing(&world, &both).await];
        assert_eq!(
            before[0]["channels"],
            json!({"email": "accepted", "sms": "held country"})
        );
        world.pass_time(WEEK.saturating_sub(HOUR)).await;
        sweep(&world).await;
        assert_eq!(
            [standing(&world, &sms).await, standing(&world, &both).await],
            before
        );

        world.pass_time(HOUR).await;
        assert_eq!(sweep(&world).await.notifications, 0, "a hold is no backlog");
        assert_eq!(
            standing(&world, &sms).await,
            json!({"status": "failed", "failure_reason": "sms: held: country", "open_channels": 0, "held_channels": 0,
                   "held": false, "channels": {"email": "accepted", "sms": "failed held: country"}})
        );
        assert_eq!(
            standing(&world, &both).await,
            json!({"status": "failed", "failure_reason": "email: held: consent; sms: held: consent",
                   "open_channels": 0, "held_channels": 0, "held": false,
                   "channels": {"email": "failed held: consent", "sms": "failed held: consent"}})
        );
        assert_eq!(world.db.count("holds where ended_at is null").await, 0);
        let ended = everything(&world.db).await;
        sweep(&world).await;
        assert_eq!(everything(&world.db).await, ended, "once");
        assert!(world.sms(&sms).is_empty());
    });
}

async fn everything(db: &Database) -> Vec<Value> {
    let mut rows = db.rows("select * from scheduled_notifications order by id").await;
    rows.extend(
        db.rows("select * from deliveries order by notification_id, channel")
            .await,
    );
    rows.extend(
        db.rows("select * from holds order by notification_id, channel")
            .await,
    );
    rows
}

#[test]
fn a_message_whose_channels_were_held_at_different_times_fails_with_the_last_one() {
    run(async {
        let world = guarded("").await;
        let both = unasked(&world).await;
        let later = "update holds set until = until + interval '1 hour' where channel = 'sms'";
        world.db.execute(later).await;
        world.pass_time(WEEK).await;
        sweep(&world).await;
        let one = standing(&world, &both).await;
        assert_eq!(
            (
                &one["status"],
                &one["open_channels"],
                &one["held_channels"],
                &one["held"]
            ),
            (&json!("pending"), &json!(1), &json!(1), &json!(true)),
            "{one}"
        );
        world.pass_time(HOUR).await;
        sweep(&world).await;
        let all = standing(&world, &both).await;
        assert_eq!(
            (&all["status"], &all["failure_reason"]),
            (
                &json!("failed"),
                &json!("email: held: consent; sms: held: consent")
            ),
            "{all}"
        );
    });
}

#[test]
fn what_somebody_has_locked_is_left_for_the_next_run_and_the_rest_does_not_wait() {
    run(async {
        let world = guarded("").await;
        let (locked, free) = (abroad(&world).await, abroad(&world).await);
        world.pass_time(WEEK).await;
        let holder = Database::open(world.db.url.clone()).await;
        let lock = format!(
            "begin; select from deliveries where notification_id = '{}' for update",
            locked.id
        );
        holder.execute(&lock).await;
        sweep(&world).await;
        assert_eq!(standing(&world, &free).await["status"], "failed");
        assert_eq!(standing(&world, &locked).await["status"], "pending");
        holder.execute("rollback").await;
        sweep(&world).await;
        assert_eq!(standing(&world, &locked).await["status"], "failed");
    });
}

/// The documents tell a person to cancel so after a restore, and an earlier version of them forgot the holds.
#[test]
fn a_message_that_was_cancelled_by_hand_stays_cancelled_and_stops_nothing() {
    run(async {
        let world = guarded("").await;
        let (cancelled, other) = (unasked(&world).await, unasked(&world).await);
        let by_hand = format!(
            "update scheduled_notifications set status = 'cancelled', open_channels = 0, held_channels = 0 where id = '{}'",
            cancelled.id
        );
        world.db.execute(&by_hand).await;
        world.pass_time(WEEK).await;
        sweep(&world).await;
        assert_eq!(standing(&world, &cancelled).await["status"], "cancelled");
        assert_eq!(standing(&world, &other).await["status"], "failed");
        assert_eq!(world.db.count("holds where ended_at is null").await, 0);
    });
}

#[test]
fn two_sweeps_at_once_end_twelve_hundred_between_them_in_batches() {
    run(async {
        let world = World::new().await;
        world
            .db
            .execute(
                "with lead as (
                     insert into landing_leads (id, name, email, phone, source)
                     select gen_random_uuid(), 'x', i || '@example.com', '+7701' || lpad(i::text, 7, '0'), 'x'
                     from generate_series(1, 600) i returning id
                 ), n as (
                     insert into scheduled_notifications
                         (id, lead_id, scheduled_for, source, open_channels, held_channels, wake_at)
                     select gen_random_uuid(), id, now(), 'x', 2, 2, now() from lead returning id
                 ), d as (
                     insert into deliveries (notification_id, channel, state, reason, next_attempt_at)
                     select id, channel, 'held', 'country', now() from n, (values ('email'), ('sms')) as c (channel)
                 )
                 insert into holds (notification_id, channel, reason, until)
                 select id, channel, 'country', now() from n, (values ('email'), ('sms')) as c (channel)",
            )
            .await;
        let app = sweep::App::new(&world.sweep_config(), &sdk().await).unwrap();
        let store: Store = world.db.store_as("sweep");
        assert_eq!(store.end_holds(100).await.unwrap(), 100, "a batch is bounded");
        let (one, other) = Box::pin(join(sweep::handle(&app), sweep::handle(&app))).await;
        one.and(other).unwrap();
        sweep(&world).await;
        let over = "scheduled_notifications where status = 'failed' and open_channels = 0 and held_channels = 0
                    and failure_reason in ('email: held: country; sms: held: country', 'sms: held: country; email: held: country')";
        assert_eq!(world.db.count(over).await, 600);
        assert_eq!(
            world.db.count("deliveries where reason = 'held: country'").await,
            1200
        );
    });
}

#[test]
fn what_is_held_counts_as_held_and_not_as_overdue() {
    run(async {
        let world = guarded("").await;
        abroad(&world).await;
        unasked(&world).await;
        world.pass_time(2 * HOUR).await;
        abroad(&world).await;
        let backlog = world.db.store_as("sweep").backlog().await.unwrap();
        assert_eq!((backlog.overdue, backlog.pending), (0, 0), "{backlog:?}");
        let guard = world.db.store_as("sweep").guard_state().await.unwrap();
        assert_eq!((guard.held, guard.held_last_hour), (4, 1), "{guard:?}");
    });
}
