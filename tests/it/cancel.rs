//! Messages are cancelled by when they are due: what certainly is not out is never sent, the rest is left alone.

use crate::support::delivery::{patient, wake};
use crate::support::held::{abroad, guarded, standing, unasked};
use crate::support::redrive::{BOTH, GivenUp, for_good, redriven};
use harness::world::{Database, Vendor, Waiting, World, run};
use jiff::{Timestamp, ToSpan as _};
use ops::cancel::{self, span};
use serde_json::{Value, json};
use std::time::Duration;

/// Cancels what is due within an hour of now.
async fn cancel(world: &World, channel: Option<&str>, apply: bool) -> String {
    let now = Timestamp::now();
    let (from, to) = (now - 1.hour(), now + 1.hour());
    let span = span(&from.to_string(), &to.to_string(), channel).unwrap();
    let lines = cancel::run(&world.db.store_as("ops"), &span, "dana", apply)
        .await
        .unwrap();
    lines.join("\n")
}

async fn audit(db: &Database) -> Vec<Value> {
    db.rows("select actor, act, subject, detail from audit order by at")
        .await
}

/// A lead whose channels are in these states.
async fn in_state(world: &World, email: &str, sms: &str) -> Waiting {
    let waiting = world.lead().await;
    for (channel, columns) in [("email", email), ("sms", sms)] {
        let id = waiting.id;
        let sql = format!(
            "update deliveries set {columns} where notification_id = '{id}' and channel = '{channel}'"
        );
        world.db.execute(&sql).await;
    }
    waiting
}

const CANCELLED: &str = "failed cancelled";

/// A run that only says what it would do; how the messages stand.
async fn only_said(world: &World, all: [&Waiting; 7]) -> Vec<Value> {
    let mut before = Vec::new();
    for waiting in all {
        before.push(standing(world, waiting).await);
    }
    let printed = cancel(world, None, false).await;
    assert!(
        printed.contains("Would be cancelled: email 3, sms 5."),
        "{printed}"
    );
    for (waiting, before) in all.into_iter().zip(&before) {
        assert_eq!(
            standing(world, waiting).await,
            *before,
            "--dry-run changes nothing"
        );
    }
    assert!(audit(&world.db).await.is_empty());
    before
}

async fn audited_once(world: &World) {
    let rows = audit(&world.db).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["actor"], &rows[0]["act"]),
        (&json!("dana"), &json!("cancel"))
    );
    let detail = &rows[0]["detail"];
    assert_eq!(
        (&detail["deliveries"], &detail["notifications"]),
        (&json!(8), &json!(5))
    );
}

async fn are_done_with(world: &World, cancelled: &[&Waiting]) {
    let app = patient(world).await;
    world.pass_time(Duration::from_mins(20)).await;
    for waiting in cancelled {
        assert!(!wake(&app, waiting).await, "its message is done with");
        assert!(world.emails(waiting).is_empty() && world.sms(waiting).is_empty());
    }
}

#[test]
fn what_is_not_out_is_never_sent_and_what_may_be_out_is_left_alone() {
    run(async {
        let world = guarded("").await;
        let (unasked, abroad) = (unasked(&world).await, abroad(&world).await);
        let certain = in_state(
            &world,
            "state = 'retrying', attempt = 1, content = '{}', reason = 'x'",
            "state = 'parked', attempt = 1, content = '{}', reason = 'x'",
        );
        let certain = certain.await;
        let doubtful = in_state(
            &world,
            "state = 'retrying', attempt = 1, unknown_since = now()",
            "state = 'unknown'",
        )
        .await;
        let busy = in_state(&world, "state = 'sending', attempt = 1", "state = 'pending'").await;
        let tomorrow = world.lead_in(Duration::from_hours(24)).await;
        let soon = world.lead_in(Duration::from_mins(10)).await;
        let all = [&unasked, &abroad, &certain, &doubtful, &busy, &tomorrow, &soon];
        let before = only_said(&world, all).await;

        let printed = cancel(&world, None, true).await;
        assert!(printed.contains("Cancelled: email 3, sms 5."), "{printed}");
        let left = "Left alone, because they are being sent or may be out: email 2, sms 1.";
        assert!(printed.contains(left), "{printed}");
        for waiting in [&unasked, &certain, &soon] {
            assert_eq!(
                standing(&world, waiting).await,
                json!({"status": "cancelled", "failure_reason": null, "open_channels": 0, "held_channels": 0, "held": false,
                       "channels": {"email": CANCELLED, "sms": CANCELLED}})
            );
        }
        assert_eq!(
            standing(&world, &abroad).await,
            json!({"status": "completed", "failure_reason": null, "open_channels": 0, "held_channels": 0, "held": false,
                   "channels": {"email": "accepted", "sms": CANCELLED}})
        );
        assert_eq!(standing(&world, &doubtful).await, before[3]);
        assert_eq!(
            standing(&world, &busy).await["channels"],
            json!({"email": "sending", "sms": CANCELLED})
        );
        assert_eq!(standing(&world, &tomorrow).await, before[5]);
        assert_eq!(world.db.count("holds where ended_at is null").await, 0);
        let with_content = "deliveries where reason = 'cancelled' and content is not null";
        assert_eq!(world.db.count(with_content).await, 0);
        audited_once(&world).await;
        let again = cancel(&world, None, true).await;
        assert!(again.contains("Cancelled: nothing."), "a second time");
        assert_eq!(audit(&world.db).await.len(), 1);
        are_done_with(&world, &[&unasked, &certain, &soon]).await;
    });
}

#[test]
fn with_the_sms_alone_cancelled_the_e_mail_goes_out_and_the_message_is_complete() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead_in(Duration::from_mins(10)).await;
        let printed = cancel(&world, Some("sms"), true).await;
        assert!(printed.contains("Cancelled: sms 1."), "{printed}");
        assert_eq!(standing(&world, &waiting).await["status"], "pending");
        world.pass_time(Duration::from_mins(10)).await;
        assert!(!wake(&app, &waiting).await, "nothing for the dead-letter queue");
        assert_eq!(
            standing(&world, &waiting).await,
            json!({"status": "completed", "failure_reason": null, "open_channels": 0, "held_channels": 0, "held": false,
                   "channels": {"email": "accepted", "sms": CANCELLED}})
        );
        assert_eq!((world.emails(&waiting).len(), world.sms(&waiting).len()), (1, 0));
    });
}

#[test]
fn a_redrive_opens_what_failed_and_not_what_was_cancelled() {
    run(async {
        let case = GivenUp::new().await;
        let app = patient(&case.world).await;
        let (before, after) = (case.world.lead().await, case.world.lead().await);
        case.world
            .break_times(Vendor::Resend, for_good(Vendor::Resend), 2);
        // One fails before the SMS is cancelled, one after it.
        let wait = "update deliveries set next_attempt_at = now() + interval '1 hour' where channel = 'sms'";
        case.world.db.execute(wait).await;
        assert!(wake(&app, &before).await);
        cancel(&case.world, Some("sms"), true).await;
        assert!(wake(&app, &after).await);
        for waiting in [&before, &after] {
            let failed = standing(&case.world, waiting).await;
            assert_eq!(failed["status"], "failed", "{failed}");
            assert_eq!(failed["failure_reason"], "email: resend 422 invalid_parameter");
            case.dlq.send(&harness::world::task(waiting.id)).await;
        }
        let (did, printed) = case.redrive(true).await;
        assert_eq!(did, redriven(2, 2, 0), "{printed}");
        assert!(
            printed.contains("sms failed (cancelled), stays: that was decided"),
            "{printed}"
        );
        case.work(&app).await;
        for waiting in [&before, &after] {
            assert_eq!(standing(&case.world, waiting).await["status"], "completed");
            assert_eq!(
                (case.world.emails(waiting).len(), case.world.sms(waiting).len()),
                (1, 0)
            );
        }
        // What else failed is opened as ever.
        let both = case.lead(&app, &BOTH).await;
        assert_eq!(case.redrive(true).await.0, redriven(1, 1, 0));
        case.work(&app).await;
        case.world.assert_delivered_once(&both).await;
    });
}

#[test]
fn thousands_are_cancelled_in_batches() {
    run(async {
        let world = World::new().await;
        world
            .db
            .execute(
                "with lead as (
                     insert into landing_leads (id, name, email, phone, source)
                     select gen_random_uuid(), 'x', i || '@example.com', '+7701' || lpad(i::text, 7, '0'), 'x'
                     from generate_series(1, 2500) i returning id
                 ), n as (
                     insert into scheduled_notifications (id, lead_id, scheduled_for, source, open_channels, wake_at)
                     select gen_random_uuid(), id, now(), 'x', 2, now() from lead returning id
                 )
                 insert into deliveries (notification_id, channel, next_attempt_at)
                 select id, channel, now() from n, (values ('email'), ('sms')) as c (channel)",
            )
            .await;
        // Those that cannot be cancelled do not stand in the way of the others.
        world
            .db
            .execute(
                "update deliveries set state = 'unknown' where notification_id in (
                     select id from scheduled_notifications order by scheduled_for, created_at limit 1100)",
            )
            .await;
        let printed = cancel(&world, None, true).await;
        assert!(printed.contains("Cancelled: email 1400, sms 1400."), "{printed}");
        assert!(printed.contains("may be out: email 1100, sms 1100."), "{printed}");
        assert_eq!(
            world
                .db
                .count("scheduled_notifications where status = 'cancelled'")
                .await,
            1400
        );
        assert_eq!(audit(&world.db).await.len(), 2, "one row a batch");
    });
}
