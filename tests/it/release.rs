//! A release lets a held message out once, inside the budgets of all, and says so in the audit.

use crate::support::cutoff::Cutoff;
use crate::support::delivery::{patient, wake};
use crate::support::held::{abroad, change_submission, guarded, lead, standing, sweep, unasked, work};
use futures::future::join_all;
use harness::world::{Database, Waiting, World, run};
use ops::release;
use ops::store::Held;
use proftest::store::Store;
use serde_json::{Value, json};
use std::time::Duration;

fn reason(reason: &str) -> Held {
    Held::For(reason.to_owned())
}

async fn release(world: &World, held: &Held, apply: bool) -> String {
    let lines = release::run(&world.db.store_as("ops"), held, 1000, "dana", apply)
        .await
        .unwrap();
    let printed = lines.join("\n");
    assert!(!printed.contains('@') && !printed.contains("+7"), "{printed}");
    printed
}

async fn audit(db: &Database) -> Vec<Value> {
    db.rows("select actor, act, subject, detail from audit order by at")
        .await
}

#[test]
fn a_released_message_goes_out_once_and_a_second_release_finds_nothing() {
    run(async {
        let world = guarded("").await;
        let waiting = abroad(&world).await;
        let before = standing(&world, &waiting).await;
        let printed = release(&world, &reason("country"), false).await;
        assert!(printed.contains("Would be released: 1 deliveries"), "{printed}");
        assert_eq!(
            standing(&world, &waiting).await,
            before,
            "--dry-run changes nothing"
        );
        assert!(audit(&world.db).await.is_empty());

        let printed = release(&world, &reason("country"), true).await;
        assert!(
            printed.contains(&format!("lead {}: sms (country)", waiting.lead)),
            "{printed}"
        );
        assert!(printed.contains("Released: 1 deliveries"), "{printed}");
        assert_eq!(
            standing(&world, &waiting).await,
            json!({"status": "pending", "failure_reason": null, "open_channels": 1, "held_channels": 0, "held": false,
                   "channels": {"email": "accepted", "sms": "pending"}})
        );
        assert_eq!(
            audit(&world.db).await,
            [json!({"actor": "dana", "act": "release", "subject": waiting.lead,
                    "detail": {"deliveries": [{"notification": waiting.id, "channel": "sms", "reason": "country"}]}})]
        );
        let printed = release(&world, &reason("country"), true).await;
        assert!(
            printed.contains("Nothing to release") && printed.contains("Held now: nothing"),
            "{printed}"
        );

        // Nobody else wakes it.
        assert_eq!(sweep(&world).await.notifications, 1);
        work(&world).await;
        world.assert_delivered_once(&waiting).await;
        release(&world, &Held::OfLead(waiting.lead), true).await;
        assert!(!wake(&patient(&world).await, &waiting).await);
        world.assert_delivered_once(&waiting).await;
        assert_eq!(audit(&world.db).await.len(), 1);
    });
}

#[test]
fn one_lead_is_released_with_all_its_channels_and_nobody_else() {
    run(async {
        let world = guarded("").await;
        let (one, other) = (unasked(&world).await, unasked(&world).await);
        let before = standing(&world, &other).await;
        let printed = release(&world, &Held::OfLead(one.lead), true).await;
        assert!(printed.contains("Released: 2 deliveries"), "{printed}");
        sweep(&world).await;
        work(&world).await;
        world.assert_delivered_once(&one).await;
        assert_eq!(standing(&world, &other).await, before);
        assert_eq!(audit(&world.db).await.len(), 1, "one row a lead");
        let printed = release(&world, &reason("contry"), true).await;
        assert!(
            printed.contains("Held now: consent 2."),
            "a misspelt reason: {printed}"
        );
    });
}

#[test]
fn what_a_person_does_not_want_and_what_a_newer_message_has_replaced_stays() {
    run(async {
        let world = guarded("").await;
        let app = patient(&world).await;
        let (stopped, stops, replaced) = (world.lead().await, abroad(&world).await, unasked(&world).await);
        for (waiting, key) in [(&stopped, "\\x01"), (&stops, "\\x02")] {
            change_submission(
                &world,
                waiting,
                &format!("phone_key = '{key}', email_key = '{key}'"),
            )
            .await;
            let sql = format!(
                "insert into suppressions (key, reason, source) values ('{key}', 'complaint', 'test')"
            );
            world.db.execute(&sql).await;
        }
        assert!(!wake(&app, &stopped).await);
        assert_eq!(
            standing(&world, &stopped).await["channels"]["sms"],
            "held suppressed"
        );
        let again = world.save(&replaced.person, Duration::from_mins(10)).await;
        assert_ne!(
            again.id, replaced.id,
            "a held message keeps nobody from another one"
        );
        let all = [&stopped, &stops, &replaced];
        let before = join_all(all.map(|waiting| standing(&world, waiting))).await;

        for (held, said) in [
            (
                reason("suppressed"),
                "1 sms (suppressed) stay: the person wants nothing",
            ),
            (
                reason("country"),
                "1 sms (country) stay: the person wants nothing",
            ),
            (
                reason("consent"),
                "1 sms (consent) stay: the person has a newer message",
            ),
        ] {
            let printed = release(&world, &held, true).await;
            assert!(
                printed.contains(said) && printed.contains("Nothing to release"),
                "{printed}"
            );
        }
        for waiting in all {
            release(&world, &Held::OfLead(waiting.lead), true).await;
        }
        let after = join_all(all.map(|waiting| standing(&world, waiting))).await;
        assert_eq!(after, before);
        assert!(audit(&world.db).await.is_empty());
    });
}

#[test]
fn a_release_stays_inside_the_budgets_of_all() {
    run(async {
        let world = guarded("sms.hour=2").await;
        let mut released = Vec::new();
        for _ in 0..4 {
            released.push(abroad(&world).await);
        }
        let printed = release(&world, &reason("country"), true).await;
        assert!(printed.contains("Released: 4 deliveries"), "{printed}");
        // One after the other: claims at the same moment may pass the limit.
        let app = patient(&world).await;
        for waiting in &released {
            assert!(!wake(&app, waiting).await);
        }
        let sent = released
            .iter()
            .filter(|waiting| world.sms(waiting).len() == 1)
            .count();
        assert_eq!((sent, world.vendors.mobizon.sent().len()), (2, 2));
        assert_eq!(
            world
                .db
                .count("holds where reason = 'budget:global' and ended_at is null")
                .await,
            2
        );
        // In the next hour, and no condition of a person's own stands in the way.
        world.pass_time(Duration::from_hours(1)).await;
        release(&world, &reason("budget:global"), true).await;
        sweep(&world).await;
        work(&world).await;
        for waiting in &released {
            world.assert_delivered_once(waiting).await;
        }
    });
}

#[test]
fn the_oldest_are_released_first_and_no_more_than_asked_for() {
    run(async {
        let world = guarded("").await;
        let (old, young) = (abroad(&world).await, abroad(&world).await);
        let older = format!(
            "update holds set held_at = held_at - interval '1 hour' where notification_id = '{}'",
            old.id
        );
        world.db.execute(&older).await;
        release::run(&world.db.store_as("ops"), &reason("country"), 1, "dana", true)
            .await
            .unwrap();
        assert_eq!(standing(&world, &old).await["channels"]["sms"], "pending");
        assert_eq!(standing(&world, &young).await["channels"]["sms"], "held country");
    });
}

/// Kills the command at one step and runs it again; says whether it had survived.
async fn survives(step: usize) -> bool {
    let world = guarded("").await;
    let waiting: Waiting = lead(&world, &patient(&world).await, "country = 'DE'").await;
    let cutoff = Cutoff::at(step);
    let port = cutoff.before(world.db.direct("ops").port).await;
    let victim = Store::new(&world.db.direct("ops").over(port), 1, Duration::from_secs(5)).unwrap();
    let held = reason("country");
    let survived = cutoff.run(async {
        let _ = release::run(&victim, &held, 1000, "dana", true).await;
    });
    let survived = survived.await;
    release(&world, &held, true).await;
    sweep(&world).await;
    work(&world).await;
    world.assert_delivered_once(&waiting).await;
    assert_eq!(audit(&world.db).await.len(), 1, "step {step}");
    survived
}

#[test]
fn a_release_killed_at_any_step_releases_once() {
    run(async {
        for step in 1..40 {
            if survives(step).await {
                assert!(step > 2, "the command has more steps");
                return;
            }
        }
        panic!("the command never comes to an end");
    });
}
