//! What was given up is opened again by one command; run twice, at once or half, it sends nothing twice.

use crate::support::cutoff::Cutoff;
use crate::support::delivery::{hasty, patient, wake, wake_all};
use crate::support::redrive::{BOTH, GivenUp, for_good, redriven};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::{join, join_all};
use harness::world::{Queue, Vendor, Waiting, run, sdk, sdk_at, task};
use ops::redrive::{Redrive, Redriven};
use proftest::config;
use standins::Mode;
use std::time::Duration;

#[test]
fn what_was_given_up_goes_out_once_after_the_redrive_and_a_second_one_finds_nothing() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let email_only = case.lead(&app, &[Vendor::Resend]).await;
        let both = case.lead(&app, &BOTH).await;

        let before = case.world.notification(&both).await;
        let (would, printed) = case.redrive(false).await;
        assert_eq!(would, redriven(2, 2, 0), "{printed}");
        assert!(
            printed.contains("resend 422") && printed.contains("mobizon code 12"),
            "{printed}"
        );
        assert!(printed.contains(&both.lead.to_string()) && printed.contains(&both.id.to_string()));
        assert_eq!(
            case.world.notification(&both).await,
            before,
            "--dry-run changes nothing"
        );
        assert_eq!(
            case.dlq.visible().await,
            2,
            "--dry-run leaves the messages to be seen"
        );

        assert_eq!(case.redrive(true).await.0, redriven(2, 2, 0));
        assert_eq!(
            (case.dlq.visible().await, case.world.notifications.visible().await),
            (0, 2)
        );
        let row = case.world.work(&both, Vendor::Mobizon).await;
        assert_eq!((&row["state"], &row["retries"]), (&"retrying".into(), &0.into()));
        assert_eq!(case.redrive(true).await.0, Redriven::default(), "nothing is left");
        case.work(&app).await;
        for waiting in [&email_only, &both] {
            case.world.assert_delivered_once(waiting).await;
        }
        // A straggler of a row that is done is put back, and acknowledged there.
        case.dlq.send(&task(both.id)).await;
        assert_eq!(case.redrive(true).await.0, redriven(0, 1, 0));
        case.work(&app).await;
        case.world.assert_delivered_once(&both).await;
        assert_eq!(case.world.notifications.visible().await, 0);
    });
}

#[test]
fn what_fails_again_returns_to_the_dead_letters_with_its_new_reason() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let waiting = case.lead(&app, &BOTH).await;
        case.redrive(true).await;
        case.world.break_once(Vendor::Mobizon, for_good(Vendor::Mobizon));
        case.work(&app).await;
        let row = case.world.notification(&waiting).await;
        assert_eq!(row["failure_reason"], "sms: mobizon code 12", "{row}");
        assert_eq!(
            (&row["status"], &row["email_sent"], &row["open_channels"]),
            (&"failed".into(), &true.into(), &0.into())
        );
        harness::world::eventually("it is in the DLQ again", Duration::from_secs(20), async || {
            case.work(&app).await;
            (case.dlq.visible().await == 1).then_some(())
        })
        .await;
        assert_eq!(case.redrive(true).await.0, redriven(1, 1, 0));
        case.work(&app).await;
        case.world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn redrives_at_once_beside_working_functions_send_one_of_each() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let mut people = Vec::new();
        for _ in 0..8 {
            people.push(case.lead(&app, &BOTH).await);
        }
        // Twice in the DLQ, as after a crash between sending and deleting.
        for waiting in &people {
            case.dlq.send(&task(waiting.id)).await;
        }
        for _ in 0..3 {
            let redrives = join_all((0..4).map(|_| case.redrive(true)));
            let workers = [patient(&case.world).await, patient(&case.world).await];
            join(redrives, join_all(workers.iter().map(|app| case.work(app)))).await;
        }
        case.work(&app).await;
        for waiting in &people {
            case.world.assert_delivered_once(waiting).await;
        }
        assert_eq!(case.dlq.visible().await, 0);
    });
}

/// An SMS of unknown outcome, given up because its look-ups failed for a day.
async fn given_up_in_doubt(case: &GivenUp, app: &deliver::App, mode: Mode) -> Waiting {
    let waiting = case.world.lead().await;
    case.world.break_once(Vendor::Mobizon, mode);
    case.world.break_once(Vendor::Mobizon, Mode::Html { status: 502 });
    assert!(wake(app, &waiting).await);
    case.world.pass_time(Duration::from_hours(25)).await;
    assert!(wake(app, &waiting).await);
    let row = case.world.work(&waiting, Vendor::Mobizon).await;
    assert_eq!(row["state"], "failed", "{row}");
    assert!(
        row["content"].is_object(),
        "a look-up needs the text as it was: {row}"
    );
    case.dlq.send(&task(waiting.id)).await;
    waiting
}

#[test]
fn an_sms_that_was_given_up_in_doubt_is_looked_up_and_never_sent_blindly() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let went_out = given_up_in_doubt(&case, &app, Mode::AcceptThenDrop {}).await;
        let never_did = given_up_in_doubt(&case, &app, Mode::Drop {}).await;
        assert_eq!(case.redrive(true).await.0, redriven(2, 2, 0));
        let row = case.world.work(&went_out, Vendor::Mobizon).await;
        assert_eq!(row["state"], "unknown", "{row}");
        case.work(&app).await;
        for waiting in [&went_out, &never_did] {
            case.world.assert_delivered_once(waiting).await;
        }
    });
}

/// E-mails that went out in one request whose answer was lost, and which were then refused until they were given up.
async fn given_up_together(case: &GivenUp, app: &deliver::App, count: usize) -> Vec<Waiting> {
    let people = join_all((0..count).map(|_| case.world.lead())).await;
    case.world.break_once(Vendor::Resend, Mode::AcceptThenDrop {});
    let refused = Mode::RateLimit { retry_after: 0 };
    case.world.break_times(Vendor::Resend, refused, 1000);
    for _ in 0..40 {
        wake_all(app, &people).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    case.world.vendors.heal();
    for waiting in &people {
        assert_eq!(case.status(waiting).await, "failed");
        case.dlq.send(&task(waiting.id)).await;
    }
    assert_eq!(case.world.vendors.resend.sent().len(), count);
    people
}

#[test]
fn e_mails_that_were_given_up_in_doubt_are_repeated_under_their_key_while_it_lives() {
    run(async {
        for count in [1, 3] {
            let case = GivenUp::new().await;
            let app = hasty(&case.world).await;
            let people = given_up_together(&case, &app, count).await;
            assert_eq!(case.redrive(true).await.0, redriven(count, count, 0));
            case.work(&app).await;
            for waiting in &people {
                case.world.assert_delivered_once(waiting).await;
            }
            assert_eq!(case.world.db.count("email_batches").await, 0);
        }
    });
}

#[test]
fn an_e_mail_in_doubt_whose_key_has_expired_stays_where_it_is() {
    run(async {
        let case = GivenUp::new().await;
        let app = hasty(&case.world).await;
        let people = given_up_together(&case, &app, 2).await;
        case.world.pass_time(Duration::from_hours(24)).await;
        let (did, printed) = case.redrive(true).await;
        assert_eq!(did, redriven(0, 0, 2));
        assert!(printed.contains("its idempotency key has expired"), "{printed}");
        assert_eq!(
            (case.dlq.visible().await, case.world.notifications.visible().await),
            (2, 0)
        );
        for waiting in &people {
            assert_eq!(case.status(waiting).await, "failed");
        }
        assert_eq!(case.world.vendors.resend.sent().len(), 2, "no second one");
    });
}

#[test]
fn a_message_that_a_newer_one_has_replaced_is_not_sent_any_more() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let old = case.lead(&app, &BOTH).await;
        // The person takes the test again, and the new message waits. Uncommitted, it is not yet to be seen.
        let retake = format!(
            "begin;
             insert into scheduled_notifications (id, lead_id, scheduled_for, source, open_channels, wake_at, created_at)
             values (gen_random_uuid(), '{}', now() + interval '10 min', 'proftest', 2, now(), clock_timestamp())",
            old.lead
        );
        case.world.db.execute(&retake).await;
        let commits = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            case.world.db.execute("commit").await;
        };
        let ((did, printed), ()) = join(case.redrive(true), commits).await;
        assert_eq!(did, redriven(0, 0, 1), "{printed}");
        assert!(printed.contains("the person has a newer message"), "{printed}");
        assert_eq!(case.redrive(true).await.0, redriven(0, 0, 1));
        assert_eq!(case.status(&old).await, "failed");
        assert!(case.world.emails(&old).is_empty() && case.world.sms(&old).is_empty());
    });
}

#[test]
fn what_no_function_can_read_stays_and_what_has_no_work_left_goes() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let (erased, pending) = (case.world.lead().await, case.world.lead().await);
        let erase = format!("delete from landing_leads where id = '{}'", erased.lead);
        case.world.db.execute(&erase).await;
        for body in [
            "{\"task\":\"aizhan@example.com\"}",
            &task(erased.id),
            &task(pending.id),
        ] {
            case.dlq.send(body).await;
        }
        let (did, printed) = case.redrive(true).await;
        assert_eq!(did, redriven(0, 2, 1), "{printed}");
        case.work(&app).await;
        case.world.assert_delivered_once(&pending).await;
        assert_eq!(
            (case.dlq.visible().await, case.world.notifications.visible().await),
            (1, 0)
        );
    });
}

async fn lying(queue: &Queue) -> usize {
    let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    queue.visible().await + queue.attribute(hidden).await.parse::<usize>().unwrap()
}

/// Kills the command at one step and runs it again; says whether it had survived.
async fn survives(step: usize, case: GivenUp) -> bool {
    let app = patient(&case.world).await;
    let waiting = case.lead(&app, &BOTH).await;
    let cutoff = Cutoff::at(step);
    let port = cutoff.before(case.world.db.port()).await;
    let database = case.world.db.config_over("ops", port);
    let aws = sdk().await;
    let port = aws.endpoint_url().unwrap().rsplit_once(':').unwrap().1;
    let port = cutoff.before(port.parse().unwrap()).await;
    let settings = config::Queues {
        database,
        ..case.world.ops_config()
    };
    let aws = sdk_at(&format!("http://127.0.0.1:{port}"));
    let victim = Redrive::new(&settings, &aws).unwrap();
    let survived = cutoff.run(async {
        let _ = victim.run(true, &|_| ()).await;
    });
    let survived = survived.await;
    drop(victim);
    let left = lying(&case.dlq).await + lying(&case.world.notifications).await;
    assert!(left >= 1, "lost at step {step}");
    case.work(&app).await;
    // A dead reader's message stays hidden for two minutes; this stands for it.
    case.dlq.send(&task(waiting.id)).await;
    case.redrive(true).await;
    case.work(&app).await;
    case.world.assert_delivered_once(&waiting).await;
    survived
}

#[test]
fn a_redrive_killed_at_any_step_loses_no_message_and_repeats_nothing() {
    run(async {
        for fives in 0..16 {
            let mut steps = Vec::new();
            for step in 1..=5 {
                steps.push(survives(fives * 5 + step, GivenUp::new().await));
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
