//! Never twice: whatever dies, however many workers there are.

use crate::support::delivery::{HASTY, kill_after};
use crate::support::delivery::{finish, hasty, patient, patient_over, wake};
use crate::support::proxy::{Mode as Link, Proxy};
use futures::future::join_all;
use harness::world::{Vendor, World, event, record, run, task};
use proftest::domain::delivery::{DeliveryTiming, LEASE};
use standins::Mode;
use std::time::Duration;

#[test]
fn twenty_workers_with_the_same_message_send_once() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        // The vendors take their time, so that all twenty meet.
        world.break_once(Vendor::Resend, Mode::Slow { ms: 500 });
        world.break_once(Vendor::Mobizon, Mode::Slow { ms: 500 });
        let mut workers = Vec::new();
        for _ in 0..20 {
            workers.push(patient(&world).await);
        }
        let came_back = join_all(workers.iter().map(|app| wake(app, &waiting))).await;
        assert_eq!(
            came_back.iter().filter(|back| !**back).count(),
            1,
            "one worker had it: {came_back:?}"
        );
        world.assert_delivered_once(&waiting).await;
        let (resend, mobizon) = (world.vendors.resend.stats(), world.vendors.mobizon.stats());
        // Each of the workers also asks for the balance.
        assert_eq!((resend.requests, mobizon.requests), (1, 1 + 20), "one call each");
    });
}

#[test]
fn a_batch_that_names_one_notification_ten_times_sends_once() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, Mode::Slow { ms: 300 });
        let records = (0..10).map(|number| record(&number.to_string(), "x", &task(waiting.id)));
        let response = deliver::handle(&app, event(records.collect())).await.unwrap();
        assert_eq!(response.batch_item_failures.len(), 9);
        world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn a_worker_that_dies_after_sending_costs_no_repetition() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let slow = Mode::Slow { ms: 700 };
        world.break_once(Vendor::Resend, slow.clone());
        world.break_once(Vendor::Mobizon, slow);
        kill_after(
            patient(&world).await,
            std::slice::from_ref(&waiting),
            Duration::from_millis(400),
        )
        .await;
        for vendor in [Vendor::Resend, Vendor::Mobizon] {
            assert_eq!(world.work(&waiting, vendor).await["state"], "sending");
        }
        let app = hasty(&world).await;
        assert!(wake(&app, &waiting).await, "the lease holds");
        assert_eq!(
            world.work(&waiting, Vendor::Resend).await["attempt"],
            1,
            "the lease holds"
        );

        tokio::time::sleep(Duration::from_millis(500)).await;
        world.pass_time(LEASE).await;
        finish(&world, &app, &waiting).await;
        world.assert_delivered_once(&waiting).await;
        assert_eq!(
            world.vendors.resend.stats().replayed,
            1,
            "the e-mail went out again under its key"
        );
    });
}

#[test]
fn a_worker_that_dies_before_sending_costs_no_message() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let claimed = world
            .db
            .store()
            .claim(waiting.id, &serde_json::json!({}))
            .await
            .unwrap();
        assert!(
            matches!(claimed, proftest::store::Claim::Claimed(_)),
            "{claimed:?}"
        );
        let app = patient(&world).await;
        assert!(wake(&app, &waiting).await, "the lease holds");
        world.pass_time(LEASE).await;
        assert!(wake(&app, &waiting).await);
        assert_eq!(
            world.emails(&waiting).len(),
            1,
            "an e-mail goes out again at once"
        );
        assert_eq!(
            world.sms(&waiting).len(),
            0,
            "an SMS only when it is known to be missing"
        );
        world.pass_time(DeliveryTiming::PRODUCTION.absent).await;
        finish(&world, &app, &waiting).await;
        world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn what_was_pinned_is_sent_whatever_changes_between_attempts() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, Mode::AcceptThenDrop {});
        world.break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 0 });
        assert!(wake(&app, &waiting).await);
        world
            .db
            .execute("update landing_leads set name = 'Другое Имя', phone = '+77770000000'")
            .await;
        finish(&world, &app, &waiting).await;
        assert!(
            world.vendors.resend.stats().rejected.is_empty(),
            "{:?}",
            world.vendors.resend.stats()
        );
        world.assert_delivered_once(&waiting).await;
        assert!(
            world.emails(&waiting)[0]
                .html
                .as_ref()
                .unwrap()
                .contains("Айгерим")
        );
    });
}

#[test]
fn an_outcome_that_cannot_be_written_at_once_is_written_a_little_later() {
    run(async {
        let world = World::new().await;
        let proxy = Proxy::before(world.db.port()).await;
        let app = patient_over(&world, world.db.config_over("deliver", proxy.port)).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Resend, Mode::Slow { ms: 500 });
        world.break_once(Vendor::Mobizon, Mode::Slow { ms: 500 });
        let outage = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.set(Link::Down);
            tokio::time::sleep(Duration::from_millis(700)).await;
            proxy.set(Link::Open);
        };
        let (comes_back, ()) = futures::join!(wake(&app, &waiting), outage);
        assert!(!comes_back);
        world.assert_delivered_once(&waiting).await;
        assert_eq!(world.vendors.resend.stats().requests, 1);
    });
}

#[test]
fn a_lost_answer_to_any_statement_sends_nothing_twice() {
    run(async {
        let world = World::new().await;
        let proxy = Proxy::before(world.db.port()).await;
        for pause in [0, 120, 240, 400] {
            let app = patient_over(&world, world.db.config_over("deliver", proxy.port))
                .await
                .with_timing(HASTY);
            app.warm_up().await;
            let waiting = world.lead().await;
            world.break_once(Vendor::Resend, Mode::Slow { ms: 200 });
            world.break_once(Vendor::Mobizon, Mode::Slow { ms: 200 });
            let outage = async {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                proxy.set(Link::LoseAnswer);
            };
            futures::join!(wake(&app, &waiting), outage);
            world.pass_time(LEASE).await;
            finish(&world, &app, &waiting).await;
            world.assert_delivered_once(&waiting).await;
            world.vendors.heal();
            proxy.set(Link::Open);
        }
    });
}

#[test]
fn a_database_that_is_down_sends_nothing_and_gives_the_message_back() {
    run(async {
        let world = World::new().await;
        let proxy = Proxy::before(world.db.port()).await;
        let app = patient_over(&world, world.db.config_over("deliver", proxy.port)).await;
        let waiting = world.lead().await;
        proxy.set(Link::Down);
        assert!(wake(&app, &waiting).await);
        assert!(world.vendors.resend.sent().is_empty() && world.vendors.mobizon.sent().is_empty());
        proxy.set(Link::Open);
        assert!(!wake(&app, &waiting).await);
        world.assert_delivered_once(&waiting).await;
    });
}
