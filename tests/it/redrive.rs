//! What was given up is opened again by one command; run twice, at once or half, it sends nothing twice.

use crate::support::aws::{Queue, sdk, sdk_at, task};
use crate::support::delivery::{Vendor, Waiting};
use crate::support::guillotine::Guillotine;
use crate::support::redrive::{BOTH, Desk, for_good, redriven};
use crate::support::run;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::{join, join_all};
use ops::redrive::Redriven;
use standins::Mode;
use std::time::Duration;

#[test]
fn what_was_given_up_goes_out_once_after_the_redrive_and_a_second_one_finds_nothing() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let email_only = desk.given_up(&app, &[Vendor::Resend]).await;
        let both = desk.given_up(&app, &BOTH).await;

        let before = desk.world.notification(&both).await;
        let (would, printed) = desk.redrive(false).await;
        assert_eq!(would, redriven(2, 2, 0), "{printed}");
        assert!(
            printed.contains("resend 422") && printed.contains("mobizon code 12"),
            "{printed}"
        );
        assert!(printed.contains(&both.lead.to_string()) && printed.contains(&both.id.to_string()));
        assert_eq!(
            desk.world.notification(&both).await,
            before,
            "--dry-run changes nothing"
        );
        assert_eq!(
            desk.dlq.visible().await,
            2,
            "--dry-run leaves the messages to be seen"
        );

        assert_eq!(desk.redrive(true).await.0, redriven(2, 2, 0));
        assert_eq!(
            (desk.dlq.visible().await, desk.world.queue.visible().await),
            (0, 2)
        );
        let row = desk.world.delivery(&both, Vendor::Mobizon).await;
        assert_eq!((&row["state"], &row["retries"]), (&"retrying".into(), &0.into()));
        assert_eq!(desk.redrive(true).await.0, Redriven::default(), "nothing is left");
        desk.work(&app).await;
        for waiting in [&email_only, &both] {
            desk.world.assert_delivered_once(waiting).await;
        }
        // A straggler of a row that is done is put back, and acknowledged there.
        desk.dlq.send(&task(both.id)).await;
        assert_eq!(desk.redrive(true).await.0, redriven(0, 1, 0));
        desk.work(&app).await;
        desk.world.assert_delivered_once(&both).await;
        assert_eq!(desk.world.queue.visible().await, 0);
    });
}

#[test]
fn what_fails_again_returns_to_the_dead_letters_with_its_new_reason() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let waiting = desk.given_up(&app, &BOTH).await;
        desk.redrive(true).await;
        desk.world.break_once(Vendor::Mobizon, for_good(Vendor::Mobizon));
        desk.work(&app).await;
        let row = desk.world.notification(&waiting).await;
        assert_eq!(row["failure_reason"], "sms: mobizon code 12", "{row}");
        assert_eq!(
            (&row["status"], &row["email_sent"], &row["open_channels"]),
            (&"failed".into(), &true.into(), &0.into())
        );
        crate::support::eventually("it is in the DLQ again", Duration::from_secs(20), async || {
            desk.work(&app).await;
            (desk.dlq.visible().await == 1).then_some(())
        })
        .await;
        assert_eq!(desk.redrive(true).await.0, redriven(1, 1, 0));
        desk.work(&app).await;
        desk.world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn redrives_at_once_beside_working_functions_send_one_of_each() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let mut people = Vec::new();
        for _ in 0..8 {
            people.push(desk.given_up(&app, &BOTH).await);
        }
        // Twice in the DLQ, as after a crash between sending and deleting.
        for waiting in &people {
            desk.dlq.send(&task(waiting.id)).await;
        }
        for _ in 0..3 {
            let redrives = join_all((0..4).map(|_| desk.redrive(true)));
            let workers = [desk.world.patient().await, desk.world.patient().await];
            join(redrives, join_all(workers.iter().map(|app| desk.work(app)))).await;
        }
        desk.work(&app).await;
        for waiting in &people {
            desk.world.assert_delivered_once(waiting).await;
        }
        assert_eq!(desk.dlq.visible().await, 0);
    });
}

/// An SMS whose look-ups failed for a day: nobody knows whether it went out, and it was given up.
async fn given_up_in_doubt(desk: &Desk, app: &deliver::App, mode: Mode) -> Waiting {
    let waiting = desk.world.lead().await;
    desk.world.break_once(Vendor::Mobizon, mode);
    desk.world.break_once(Vendor::Mobizon, Mode::Html { status: 502 });
    assert!(desk.world.wake(app, &waiting).await);
    let a_day_later =
        "update deliveries set next_attempt_at = now(), unknown_since = now() - interval '25 hours'
                       where channel = 'sms' and state = 'unknown'";
    desk.world.db.execute(a_day_later).await;
    assert!(desk.world.wake(app, &waiting).await);
    let row = desk.world.delivery(&waiting, Vendor::Mobizon).await;
    assert_eq!(row["state"], "failed", "{row}");
    assert!(
        row["content"].is_object(),
        "a look-up needs the text as it was: {row}"
    );
    desk.dlq.send(&task(waiting.id)).await;
    waiting
}

#[test]
fn an_sms_that_was_given_up_in_doubt_is_looked_up_and_never_sent_blindly() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let went_out = given_up_in_doubt(&desk, &app, Mode::AcceptThenDrop {}).await;
        let never_did = given_up_in_doubt(&desk, &app, Mode::Drop {}).await;
        assert_eq!(desk.redrive(true).await.0, redriven(2, 2, 0));
        let row = desk.world.delivery(&went_out, Vendor::Mobizon).await;
        assert_eq!(row["state"], "unknown", "{row}");
        desk.work(&app).await;
        for waiting in [&went_out, &never_did] {
            desk.world.assert_delivered_once(waiting).await;
        }
    });
}

/// E-mails that went out in one request whose answer was lost, and which were then refused until they were given up.
async fn given_up_together(desk: &Desk, app: &deliver::App, count: usize) -> Vec<Waiting> {
    let people = join_all((0..count).map(|_| desk.world.lead())).await;
    desk.world.break_once(Vendor::Resend, Mode::AcceptThenDrop {});
    let refused = Mode::RateLimit { retry_after: 0 };
    desk.world.break_times(Vendor::Resend, refused, 1000);
    for _ in 0..40 {
        desk.world.wake_all(app, &people).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    desk.world.heal();
    for waiting in &people {
        assert_eq!(desk.status(waiting).await, "failed");
        desk.dlq.send(&task(waiting.id)).await;
    }
    assert_eq!(desk.world.resend.sent().len(), count);
    people
}

#[test]
fn e_mails_that_were_given_up_in_doubt_are_repeated_under_their_key_while_it_lives() {
    run(async {
        for count in [1, 3] {
            let desk = Desk::new().await;
            let app = desk.world.hasty().await;
            let people = given_up_together(&desk, &app, count).await;
            assert_eq!(desk.redrive(true).await.0, redriven(count, count, 0));
            desk.work(&app).await;
            for waiting in &people {
                desk.world.assert_delivered_once(waiting).await;
            }
            assert_eq!(desk.world.db.count("email_batches").await, 0);
        }
    });
}

#[test]
fn an_e_mail_in_doubt_whose_key_has_expired_stays_where_it_is() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.hasty().await;
        let people = given_up_together(&desk, &app, 2).await;
        let a_day_later = "update deliveries set unknown_since = unknown_since - interval '1 day'";
        desk.world.db.execute(a_day_later).await;
        let (did, printed) = desk.redrive(true).await;
        assert_eq!(did, redriven(0, 0, 2));
        assert!(printed.contains("its idempotency key has expired"), "{printed}");
        assert_eq!(
            (desk.dlq.visible().await, desk.world.queue.visible().await),
            (2, 0)
        );
        for waiting in &people {
            assert_eq!(desk.status(waiting).await, "failed");
        }
        assert_eq!(desk.world.resend.sent().len(), 2, "no second one");
    });
}

#[test]
fn a_message_that_a_newer_one_has_replaced_is_not_sent_any_more() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let old = desk.given_up(&app, &BOTH).await;
        // The person takes the test again, and the new message waits. Uncommitted, it is not yet to be seen.
        let retake = format!(
            "begin;
             insert into scheduled_notifications (id, lead_id, scheduled_for, source, open_channels, wake_at, created_at)
             values (gen_random_uuid(), '{}', now() + interval '10 min', 'proftest', 2, now(), clock_timestamp())",
            old.lead
        );
        desk.world.db.execute(&retake).await;
        let commits = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            desk.world.db.execute("commit").await;
        };
        let ((did, printed), ()) = join(desk.redrive(true), commits).await;
        assert_eq!(did, redriven(0, 0, 1), "{printed}");
        assert!(printed.contains("the person has a newer message"), "{printed}");
        assert_eq!(desk.redrive(true).await.0, redriven(0, 0, 1));
        assert_eq!(desk.status(&old).await, "failed");
        assert!(desk.world.emails(&old).is_empty() && desk.world.sms(&old).is_empty());
    });
}

#[test]
fn what_no_function_can_read_stays_and_what_has_no_work_left_goes() {
    run(async {
        let desk = Desk::new().await;
        let app = desk.world.patient().await;
        let (erased, pending) = (desk.world.lead().await, desk.world.lead().await);
        let erase = format!("delete from landing_leads where id = '{}'", erased.lead);
        desk.world.db.execute(&erase).await;
        for body in [
            "{\"task\":\"aizhan@example.com\"}",
            &task(erased.id),
            &task(pending.id),
        ] {
            desk.dlq.send(body).await;
        }
        let (did, printed) = desk.redrive(true).await;
        assert_eq!(did, redriven(0, 2, 1), "{printed}");
        desk.work(&app).await;
        desk.world.assert_delivered_once(&pending).await;
        assert_eq!(
            (desk.dlq.visible().await, desk.world.queue.visible().await),
            (1, 0)
        );
    });
}

/// Messages of a queue, seen or not.
async fn lying(queue: &Queue) -> usize {
    let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    queue.visible().await + queue.attribute(hidden).await.parse::<usize>().unwrap()
}

/// Kills the command at one step and runs it again; says whether it had survived.
async fn survives(step: usize, desk: Desk) -> bool {
    let app = desk.world.patient().await;
    let waiting = desk.given_up(&app, &BOTH).await;
    let blade = Guillotine::at(step);
    let port = blade.before(desk.world.db.port()).await;
    let database = desk.world.db.config_over(port);
    let aws = sdk().await;
    let port = aws.endpoint_url().unwrap().rsplit_once(':').unwrap().1;
    let port = blade.before(port.parse().unwrap()).await;
    let victim = desk.command(database, &sdk_at(&format!("http://127.0.0.1:{port}")));
    let survived = blade.run(async {
        let _ = victim.run(true, &|_| ()).await;
    });
    let survived = survived.await;
    drop(victim);
    let left = lying(&desk.dlq).await + lying(&desk.world.queue).await;
    assert!(left >= 1, "lost at step {step}");
    desk.work(&app).await;
    // A dead reader's message stays hidden for two minutes; this stands for it.
    desk.dlq.send(&task(waiting.id)).await;
    desk.redrive(true).await;
    desk.work(&app).await;
    desk.world.assert_delivered_once(&waiting).await;
    survived
}

#[test]
fn a_redrive_killed_at_any_step_loses_no_message_and_repeats_nothing() {
    run(async {
        for fives in 0..16 {
            let mut steps = Vec::new();
            for step in 1..=5 {
                steps.push(survives(fives * 5 + step, Desk::new().await));
            }
            let survived = join_all(steps).await;
            if survived.contains(&true) {
                assert!(fives > 1, "the command has more than ten steps");
                return;
            }
        }
        panic!("the command never comes to an end");
    });
}
