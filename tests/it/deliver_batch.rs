//! E-mails that go out in one request: each is still sent once, whatever becomes of the request and of the company.

use crate::support::delivery::{finish, hasty, kill_after, patient, wake_all};
use futures::future::{join, join_all};
use harness::world::{Vendor, Waiting, World, run};
use standins::{Fault, Mode};
use std::time::Duration;

async fn leads(world: &World, count: usize) -> Vec<Waiting> {
    join_all((0..count).map(|_| world.lead())).await
}

/// Everybody has one e-mail and one SMS, and nothing is left of any batch.
async fn assert_over(world: &World, leads: &[Waiting]) {
    for waiting in leads {
        world.assert_delivered_once(waiting).await;
        let row = world.work(waiting, Vendor::Resend).await;
        assert!(row["batch_id"].is_null(), "{row}");
    }
    assert_eq!(world.db.count("email_batches").await, 0);
    assert_eq!(world.vendors.resend.stats().without_idempotency_key, 0);
}

/// Wakes in groups of other sizes, so that no batch is woken as it was sent.
async fn finish_in_other_company(world: &World, app: &deliver::App, leads: &[Waiting]) {
    for round in 0..40 {
        for group in leads.chunks([1, 3, 4][round % 3]) {
            wake_all(app, group).await;
        }
        if world
            .db
            .count("scheduled_notifications where status = 'pending'")
            .await
            == 0
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("still pending after forty rounds");
}

#[test]
fn ten_due_at_once_go_in_one_request() {
    run(async {
        let world = World::new().await;
        let leads = leads(&world, 10).await;
        let back = wake_all(&patient(&world).await, &leads).await;
        assert_eq!(back, 0);
        assert_eq!(world.vendors.resend.stats().requests, 1);
        let keys: std::collections::HashSet<_> = world
            .vendors
            .resend
            .sent()
            .into_iter()
            .map(|email| email.idempotency_key)
            .collect();
        assert_eq!(keys.len(), 1);
        assert_over(&world, &leads).await;
    });
}

#[test]
fn a_batch_of_unknown_outcome_is_repeated_as_it_was() {
    run(async {
        for mode in [
            Mode::AcceptThenDrop {},
            Mode::Truncated {},
            Mode::Drop {},
            Mode::Status {
                status: 500,
                name: None,
                retry_after: None,
            },
        ] {
            let world = World::new().await;
            let app = hasty(&world).await;
            let leads = leads(&world, 10).await;
            world.break_once(Vendor::Resend, mode.clone());
            assert_eq!(wake_all(&app, &leads).await, 10, "{mode:?}");
            let row = world.work(&leads[0], Vendor::Resend).await;
            assert!(row["batch_id"].is_string() && row["content"].is_object(), "{row}");
            finish_in_other_company(&world, &app, &leads).await;
            assert_over(&world, &leads).await;
        }
    });
}

#[test]
fn a_batch_that_was_certainly_refused_is_taken_apart() {
    run(async {
        for mode in [
            Mode::RateLimit { retry_after: 0 },
            Mode::Status {
                status: 403,
                name: None,
                retry_after: None,
            },
        ] {
            let world = World::new().await;
            let app = hasty(&world).await;
            let leads = leads(&world, 10).await;
            world.break_once(Vendor::Resend, mode.clone());
            wake_all(&app, &leads).await;
            assert_eq!(world.db.count("email_batches").await, 0, "{mode:?}");
            finish_in_other_company(&world, &app, &leads).await;
            assert_over(&world, &leads).await;
        }
    });
}

#[test]
fn one_e_mail_that_can_never_be_sent_keeps_no_other_back() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let leads = leads(&world, 5).await;
        let sql = format!(
            "update landing_leads set email = 'nobody' where id = '{}'",
            leads[2].lead
        );
        world.db.execute(&sql).await;
        assert_eq!(wake_all(&app, &leads).await, 1);
        let mut others = leads.clone();
        let bad = others.remove(2);
        assert_over(&world, &others).await;
        let row = world.notification(&bad).await;
        assert_eq!(row["status"], "failed", "{row}");
        assert_eq!(row["failure_reason"], "email: resend 422 invalid_parameter");
        assert_eq!(world.sms(&bad).len(), 1);
    });
}

#[test]
fn a_worker_that_dies_between_composing_and_recording_costs_no_repetition() {
    run(async {
        // After the vendor took it, and before it did.
        for mode in [Mode::Slow { ms: 500 }, Mode::Timeout {}] {
            let world = World::new().await;
            let leads = leads(&world, 6).await;
            world.break_once(Vendor::Resend, mode);
            kill_after(patient(&world).await, &leads, Duration::from_millis(300)).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            for waiting in &leads {
                assert_eq!(world.work(waiting, Vendor::Resend).await["state"], "sending");
            }
            world.pass_time(Duration::from_hours(1)).await;
            finish_in_other_company(&world, &hasty(&world).await, &leads).await;
            assert_over(&world, &leads).await;
        }
    });
}

#[test]
fn two_workers_that_repeat_one_batch_at_once_send_it_once() {
    run(async {
        let world = World::new().await;
        let (one, two) = (hasty(&world).await, hasty(&world).await);
        let leads = leads(&world, 8).await;
        world.break_once(Vendor::Resend, Mode::Drop {});
        wake_all(&one, &leads).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.break_once(Vendor::Resend, Mode::Slow { ms: 300 });
        let (left, right) = leads.split_at(4);
        join(wake_all(&one, left), wake_all(&two, right)).await;
        finish_in_other_company(&world, &one, &leads).await;
        assert_over(&world, &leads).await;
    });
}

#[test]
fn those_who_come_back_join_no_new_batch_while_their_old_one_is_in_doubt() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let old = leads(&world, 3).await;
        world.break_once(Vendor::Resend, Mode::AcceptThenDrop {});
        wake_all(&app, &old).await;
        let new = leads(&world, 4).await;
        world
            .vendors
            .resend
            .faults()
            .add(Fault::times(Mode::RateLimit { retry_after: 0 }, 1));
        tokio::time::sleep(Duration::from_millis(30)).await;
        let both = [old, new].concat();
        wake_all(&app, &both).await;
        finish_in_other_company(&world, &app, &both).await;
        assert_over(&world, &both).await;
    });
}

#[test]
fn a_batch_whose_member_was_erased_is_not_repeated_in_other_words() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let leads = leads(&world, 3).await;
        world.break_once(Vendor::Resend, Mode::AcceptThenDrop {});
        wake_all(&app, &leads).await;
        let erase = format!("delete from landing_leads where id = '{}'", leads[0].lead);
        world.db.execute(&erase).await;
        let rest = &leads[1..];
        for waiting in rest {
            let row = finish(&world, &app, waiting).await;
            assert_eq!(row["status"], "failed", "{row}");
            assert_eq!(world.emails(waiting).len(), 1);
        }
    });
}

#[test]
fn the_sweep_forgets_a_batch_that_a_dead_worker_left_behind() {
    run(async {
        let world = World::new().await;
        let leads = leads(&world, 2).await;
        wake_all(&patient(&world).await, &leads).await;
        let left = format!(
            "insert into email_batches (id, notifications, created_at)
             values (gen_random_uuid(), '{{{},{}}}', now() - interval '2 hours')",
            leads[0].id, leads[1].id
        );
        world.db.execute(&left).await;
        world.db.store().close_left_behind().await.unwrap();
        assert_over(&world, &leads).await;
    });
}
