//! What follows when a person says stop: for what waits, for what may be out, for the name, for a form that is sent again.

use crate::support::delivery::{kill_after, patient, status, wake};
use crate::support::guarded::{Guarded, outcome};
use crate::support::recipient::{ONE_CLICK, app_of, post, served, stop_path, wish};
use futures::future::join_all;
use harness::world::{Person, Vendor, run};
use serde_json::{Value, json};
use standins::Mode;
use std::time::{Duration, Instant};

/// One waits for its first attempt, one for a retry, one for a person at the vendor.
#[test]
fn within_a_second_of_the_post_nothing_that_waits_is_sent() {
    run(async {
        let guarded = Guarded::new().await;
        let (world, app) = (&guarded.world, app_of(&guarded));
        let person = Person::new();
        let (_, path) = served(&guarded, &person).await;
        let (refused, parked) = (Person::new(), Person::new());
        let mut paths = vec![path];
        for (person, mode) in [
            (&refused, status(429, Some("rate_limit_exceeded"))),
            (&parked, status(403, Some("invalid_api_key"))),
        ] {
            world.break_once(Vendor::Resend, mode);
            world.break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 30 });
            let waiting = guarded.submit(person).await;
            wake(&patient(world).await, &waiting).await;
            let token = format!(
                "select token from recipient_tokens where notification_id = '{}'",
                waiting.id
            );
            paths.push(format!(
                "/u/{}",
                world.db.row(&token).await["token"].as_str().unwrap()
            ));
        }
        world.pass_time(Duration::from_mins(12)).await;
        guarded.submit(&person).await;
        let before = guarded.sent();

        let started = Instant::now();
        for path in &paths {
            assert_eq!(post(&app, path, "stop=all").await.status, 200);
        }
        world.pass_time(Duration::from_mins(12)).await;
        guarded.wake_overdue().await;
        println!("stopped, and woken {:?} later", started.elapsed());
        assert_eq!(guarded.sent(), before, "{}", guarded.outcome().await);
        let expected = outcome([
            ("email accepted", 1),
            ("sms accepted", 1),
            ("email held suppressed", 3),
            ("sms held suppressed", 3),
        ]);
        assert_eq!(guarded.outcome().await, expected);
    });
}

/// The vendors took nothing, and one worker does not know it: it got no answer, or died.
#[test]
fn what_may_be_out_when_a_person_says_stop_is_not_sent_once_more() {
    run(async {
        let guarded = Guarded::new().await;
        let (world, app) = (&guarded.world, app_of(&guarded));
        world.break_once(Vendor::Resend, status(500, Some("application_error")));
        world.break_once(Vendor::Mobizon, Mode::Drop {});
        let unanswered = guarded.submit(&Person::new()).await;
        wake(&patient(world).await, &unanswered).await;
        world.break_once(Vendor::Resend, Mode::Timeout {});
        world.break_once(Vendor::Mobizon, Mode::Timeout {});
        let died = guarded.submit(&Person::new()).await;
        kill_after(
            patient(world).await,
            std::slice::from_ref(&died),
            Duration::from_secs(2),
        )
        .await;
        let doubtful = outcome([
            ("email retrying resend 500 application_error", 1),
            ("sms unknown mobizon connection broke", 1),
            ("email sending", 1),
            ("sms sending", 1),
        ]);
        assert_eq!(guarded.outcome().await, doubtful);
        for row in world.db.rows("select token from recipient_tokens").await {
            let path = format!("/u/{}", row["token"].as_str().unwrap());
            assert_eq!(post(&app, &path, "stop=all").await.status, 200);
        }
        for _ in 0..3 {
            world.pass_time(Duration::from_mins(12)).await;
            for waiting in [&unanswered, &died] {
                wake(&patient(world).await, waiting).await;
            }
        }
        assert_eq!(guarded.sent(), (0, 0));
        let given_up = outcome([
            ("email held suppressed", 1),
            ("email failed suppressed; it may be out already", 1),
            ("sms failed suppressed; it may be out already", 2),
        ]);
        assert_eq!(guarded.outcome().await, given_up);
    });
}

#[test]
fn it_was_not_me_stops_both_drops_the_name_and_tells_the_sales_team() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let person = Person::new();
        let (waiting, path) = served(&guarded, &person).await;
        guarded.world.pass_time(Duration::from_hours(25)).await;
        let next = guarded.submit(&person).await;
        let answer = post(&app, &path, "stop=not_me").await;
        assert!(answer.reads("Простите за беспокойство"), "{}", answer.body);
        let lead = waiting.lead.to_string();
        let expected = json!({
            "suppressed": ["email not_me page", "sms not_me page"], "withdrawn": ["not_me", "not_me"], "disputed": true,
            "events": [{"how": "not_me", "channels": ["email", "sms"], "channel": null}],
            "notes": ["not_me"], "name": "—",
        });
        assert_eq!(wish(db, &lead).await, expected);
        assert_eq!(
            db.count(&format!("submissions where name like '%{}%'", person.name))
                .await,
            0
        );

        // Should the team lift it, the message that waited greets nobody by a name.
        db.execute("delete from suppressions").await;
        assert!(!wake(&patient(&guarded.world).await, &next).await);
        let email = guarded.world.emails(&next).pop().unwrap();
        assert_eq!(
            email.headers["List-Unsubscribe"].len(),
            format!("<https://api.onai.academy{path}>").len()
        );
        let text = email.text.unwrap();
        assert!(
            text.contains("Здравствуйте!") && !text.contains(&person.name),
            "{text}"
        );
        assert_ne!(
            stop_path(&guarded, &next),
            path,
            "each message has a token of its own"
        );
    });
}

#[test]
fn a_form_that_is_sent_again_lifts_nothing() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let person = Person::new();
        let (waiting, path) = served(&guarded, &person).await;
        post(&app, &path, "stop=all").await;
        guarded.world.pass_time(Duration::from_hours(25)).await;
        // By the same person, and by a stranger who knows the address or the number alone.
        let by_email = Person {
            email: person.email.clone(),
            ..Person::new()
        };
        let by_phone = Person {
            phone: person.phone.clone(),
            ..Person::new()
        };
        let before = guarded.sent();
        for person in [&person, &by_email, &by_phone] {
            let answer = guarded.post(&person.form()).await;
            assert_eq!(answer.body["success"], true, "the same answer as to anybody");
            let next = guarded.newest(person, answer.lead()).await;
            wake(&patient(&guarded.world).await, &next).await;
        }
        assert_eq!(
            guarded.sent(),
            (before.0 + 1, before.1 + 1),
            "the other channel of the two strangers"
        );
        let suppressed = db
            .count("deliveries where state = 'held' and reason = 'suppressed'")
            .await;
        assert_eq!(suppressed, 4);
        // A stop after the new form is a new one, and says so.
        let lead = waiting.lead.to_string();
        post(&app, &path, "stop=all").await;
        let known = wish(db, &lead).await;
        assert_eq!(known["events"].as_array().unwrap().len(), 2, "{known}");
        assert_eq!(known["withdrawn"], json!(["unsubscribe", "unsubscribe"]));
    });
}

#[test]
fn a_stop_only_goes_further_and_many_at_once_are_one() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let apps: Vec<_> = (0..8).map(|_| app_of(&guarded)).collect();
        join_all(apps.iter().map(recipient::App::warm_up)).await;
        for _ in 0..5 {
            let (_, path) = served(&guarded, &Person::new()).await;
            join_all(apps.iter().map(|app| post(app, &path, ONE_CLICK))).await;
        }
        assert_eq!(db.count("lead_events where what = 'stop'").await, 5);
        let (waiting, path) = served(&guarded, &Person::new()).await;
        let lead = waiting.lead.to_string();
        post(&app, &path, ONE_CLICK).await;
        for what in [
            "stop=email",
            "stop=all",
            "stop=email",
            "stop=not_me",
            "stop=all",
            ONE_CLICK,
        ] {
            post(&app, &path, what).await;
        }
        let known = wish(db, &lead).await;
        let how = known["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["how"].clone());
        assert_eq!(
            how.collect::<Value>(),
            json!(["one_click", "unsubscribe", "not_me"]),
            "{known}"
        );
        assert_eq!(known["withdrawn"], json!(["not_me"]));
        assert_eq!(known["notes"], json!(["not_me", "unsubscribed"]));
        assert_eq!(
            known["suppressed"],
            json!(["email unsubscribe one_click", "sms unsubscribe page"])
        );
    });
}

#[test]
fn what_a_person_says_outranks_what_a_vendor_reported() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let (waiting, path) = served(&guarded, &Person::new()).await;
        db.execute(
            "insert into suppressions (key, channel, reason, source)
             select email_key, 'email', 'bounce', 'receipt' from submissions",
        )
        .await;
        post(&app, &path, "stop=email").await;
        let known = wish(db, &waiting.lead.to_string()).await;
        assert_eq!(known["suppressed"], json!(["email unsubscribe page"]));
    });
}
