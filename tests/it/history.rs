//! What is remembered of a message: its history, and whom we are never to write to again.

use crate::support::delivery::{finish, hasty, wake};
use crate::support::guarded::{Guarded, outcome};
use harness::world::{Person, Vendor, Waiting, World, run};
use proftest::domain::retention::{Expiring, Retention};
use standins::Mode;

/// Each event of a lead's message, in order: what, of which channel, and the word that says more.
async fn history(world: &World, waiting: &Waiting) -> Vec<String> {
    let events = format!(
        "select concat_ws(' ', what, channel, coalesce(detail ->> 'state', detail ->> 'act', detail ->> 'how'),
                          detail ->> 'reason', detail ->> 'attempt') as line
         from lead_events where lead_id = '{}' and what <> 'crm' order by id",
        waiting.lead
    );
    let rows = world.db.rows(&events).await.into_iter();
    rows.map(|row| row["line"].as_str().unwrap().to_owned()).collect()
}

fn of<'a>(history: &'a [String], channel: &str) -> Vec<&'a str> {
    let lines = history.iter().map(String::as_str);
    lines
        .filter(|line| line.split(' ').nth(1) == Some(channel))
        .collect()
}

#[test]
fn every_attempt_and_every_outcome_is_told_in_order() {
    run(async {
        let world = World::new().await;
        let app = hasty(&world).await;
        let waiting = world.lead().await;
        world.break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 0 });
        finish(&world, &app, &waiting).await;
        let history = history(&world, &waiting).await;
        assert_eq!(of(&history, "email"), ["outcome email accepted 1"]);
        assert_eq!(
            of(&history, "sms"),
            [
                "outcome sms retrying mobizon code 30 1",
                "claim sms 2",
                "outcome sms accepted 2"
            ]
        );
    });
}

#[test]
fn a_hold_its_release_and_a_hold_that_ends_are_told() {
    run(async {
        let guarded = Guarded::new().await;
        let german = || Person {
            phone: "+4915112345678".to_owned(),
            ..Person::new()
        };
        let waiting = guarded.serve(&[german()]).await.remove(0);
        guarded.release("country").await;
        let first = history(&guarded.world, &waiting).await;
        assert_eq!(
            of(&first, "sms"),
            [
                "hold sms country",
                "act sms release country",
                "outcome sms accepted 1"
            ]
        );

        let other = guarded.serve(&[german()]).await.remove(0);
        guarded
            .world
            .db
            .execute("update holds set until = now() where ended_at is null")
            .await;
        assert_eq!(guarded.world.db.store_as("sweep").end_holds(10).await.unwrap(), 1);
        let second = history(&guarded.world, &other).await;
        let told = ["hold sms country", "outcome sms failed held: country"];
        assert_eq!(of(&second, "sms"), told);
        let notes = format!(
            "select pending_notes from crm_tasks where lead_id = '{}'",
            other.lead
        );
        let notes = guarded.world.db.row(&notes).await;
        assert!(
            notes["pending_notes"].to_string().contains("sms_failed"),
            "{notes}"
        );
    });
}

#[test]
fn a_number_that_the_vendor_refuses_gets_nothing_any_more() {
    run(async {
        let guarded = Guarded::limited("off").await;
        let person = Person::new();
        let waiting = guarded.submit(&person).await;
        // What the row holds is no number to the vendor.
        let db = &guarded.world.db;
        db.execute(&format!(
            "update landing_leads set phone = '+7' where id = '{}'",
            waiting.lead
        ))
        .await;
        let app = hasty(&guarded.world).await;
        assert!(wake(&app, &waiting).await, "it failed");
        db.execute(&format!(
            "update landing_leads set phone = '{}' where id = '{}'",
            person.phone, waiting.lead
        ))
        .await;
        guarded.serve(&[person]).await;
        let all = outcome([
            ("email accepted", 2),
            ("sms failed mobizon code 1", 1),
            ("sms held suppressed", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        let row = db.row("select channel, reason, until from suppressions").await;
        assert_eq!(
            (&row["channel"], &row["reason"]),
            (&"sms".into(), &"refused".into())
        );
        assert!(row["until"].is_null(), "{row}");
    });
}

#[test]
fn a_suppression_ends_by_its_time_and_the_longer_one_wins() {
    run(async {
        let guarded = Guarded::limited("off").await;
        let person = Person::new();
        guarded.suppress_phone(&person).await;
        let db = &guarded.world.db;
        db.execute("update suppressions set until = now() + interval '1 hour'")
            .await;
        guarded.serve(std::slice::from_ref(&person)).await;
        assert_eq!(guarded.sent(), (1, 0));
        db.execute("update suppressions set until = now() - interval '1 second'")
            .await;
        guarded.serve(&[person]).await;
        assert_eq!(guarded.sent(), (2, 1));

        let suppress = async |reason: &str, until: &str| {
            db.rows(&format!(
                "select funnel.suppress(key, 'sms', '{reason}', 'test', {until}) from suppressions"
            ))
            .await;
            db.row("select reason from suppressions").await["reason"].clone()
        };
        assert_eq!(suppress("month", "now() + interval '30 days'").await, "month");
        assert_eq!(suppress("day", "now() + interval '1 day'").await, "month");
        assert_eq!(suppress("for ever", "null").await, "for ever");
        assert_eq!(suppress("month", "now() + interval '30 days'").await, "for ever");
    });
}

#[test]
fn what_was_taken_in_and_told_grows_old() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        world
            .db
            .execute(&format!(
                "insert into lead_events (lead_id, what, at)
                     select '{}', 'claim', now() - days * interval '1 day' from unnest('{{4000, 3000, 1}}'::int[]) days;
                 insert into receipts (vendor, event, received_at) values
                     ('resend', 'old', now() - interval '400 days'), ('resend', 'new', now());
                 insert into soft_failures (key, at) values
                     ('a', now() - interval '400 days'), ('b', now() - interval '89 days');
                 insert into vendor_messages (channel, provider_id, seen_at) values
                     ('sms', 'old', now() - interval '400 days'), ('sms', 'new', now())",
                waiting.lead
            ))
            .await;
        let store = world.db.store_as("sweep");
        for kind in [Expiring::Counters, Expiring::Deliveries] {
            let mut more = true;
            while more {
                more = store
                    .expire(kind, Retention::default().age(kind), 2)
                    .await
                    .unwrap()
                    .more;
            }
        }
        for (what, left) in [
            ("lead_events where what = 'claim'", 1),
            ("receipts", 1),
            ("soft_failures", 1),
            ("vendor_messages", 1),
        ] {
            assert_eq!(world.db.count(what).await, left, "{what}");
        }
    });
}
