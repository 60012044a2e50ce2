//! The page of one person's result, tokens that outlive their message, and the command that lifts a suppression.

use crate::support::delivery::{patient, wake};
use crate::support::guarded::Guarded;
use crate::support::recipient::{app_of, get, post, served, wish};
use harness::world::{Person, Waiting, run};
use ops::lift_suppression::{contacts, run as lift};
use ops::store::Suppressed;
use proftest::domain::contact::{Email, Phone};
use proftest::domain::quiz;
use serde_json::json;
use std::time::Duration;

const ANSWERS: [usize; 12] = [2, 1, 3, 2, 1, 3, 3, 1, 1, 0, 1, 0];

fn answering() -> Person {
    Person::new().with(json!({"answers": ANSWERS, "campaignSlug": "kenesary"}))
}

async fn code(guarded: &Guarded, waiting: &Waiting, channel: &str) -> String {
    let sql = format!(
        "select code from short_links where notification_id = '{}' and channel = '{channel}'",
        waiting.id
    );
    guarded.world.db.row(&sql).await["code"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn both_links_show_the_result_of_the_e_mail_and_lead_to_course_and_stop() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        let (waiting, stop) = served(&guarded, &answering()).await;
        let text = guarded.world.emails(&waiting).pop().unwrap().text.unwrap();
        let result = quiz::score(&ANSWERS).unwrap().texts();
        for channel in ["email", "sms"] {
            let code = code(&guarded, &waiting, channel).await;
            for end in ["", "/", ".", ")", "%20"] {
                let seen = get(&app, &format!("/r/{code}{end}")).await;
                assert_eq!(seen.status, 200, "{end}");
                for part in result
                    .types
                    .iter()
                    .map(|kind| &kind.meaning)
                    .chain(&result.professions)
                {
                    assert!(
                        seen.body.contains(part.as_str()) && text.contains(part.as_str()),
                        "{part}"
                    );
                }
                for href in [format!("/l/{code}?to=course"), stop.clone()] {
                    assert_eq!(
                        seen.body.matches(&format!("href=\"{href}\"")).count(),
                        1,
                        "{href}"
                    );
                }
                assert!(seen.body.contains("/proftest/kenesary"));
                let person = &waiting.person;
                for contact in [
                    &*person.name,
                    &*person.email,
                    person.digits(),
                    &waiting.lead.to_string(),
                ] {
                    assert!(!seen.body.contains(contact), "{contact}");
                }
            }
        }
    });
}

#[test]
fn a_message_shows_its_own_result_and_a_lead_without_one_is_told_so() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        let person = answering();
        let (first, _) = served(&guarded, &person).await;
        guarded.world.pass_time(Duration::from_hours(25)).await;
        let (second, _) = served(&guarded, &person.with(json!({"answers": vec![0; 12]}))).await;
        let shown = async |waiting: &Waiting| {
            get(&app, &format!("/r/{}", code(&guarded, waiting, "sms").await))
                .await
                .body
        };
        let (first, second) = (shown(&first).await, shown(&second).await);
        let step = |answers: &[usize]| quiz::score(answers).unwrap().texts().first_step;
        assert!(first.contains(&step(&ANSWERS)), "{first}");
        assert!(
            second.contains(&step(&[0; 12])) && !second.contains(&step(&ANSWERS)),
            "{second}"
        );

        let (unscored, _) = served(&guarded, &Person::new()).await;
        let html = shown(&unscored).await;
        assert!(
            html.replace('\u{a0}', " ")
                .contains("не считали типы и профессии"),
            "{html}"
        );
        assert!(html.contains("?to=course"));
        let unknown = get(&app, "/r/AAAAAAAAAAAA").await;
        assert_eq!(unknown.status, 404);
        assert!(
            unknown
                .body
                .contains("href=\"https://api.onai.academy/proftest\""),
            "{}",
            unknown.body
        );
    });
}

#[test]
fn links_go_on_working_when_their_notification_is_gone() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let (waiting, stop) = served(&guarded, &answering()).await;
        let code = code(&guarded, &waiting, "email").await;
        let before = get(&app, &format!("/r/{code}")).await;
        db.execute("delete from scheduled_notifications").await;
        assert_eq!(get(&app, &format!("/r/{code}")).await, before);
        post(&app, &stop, "stop=all").await;
        let known = wish(db, &waiting.lead.to_string()).await;
        assert_eq!(
            known["suppressed"],
            json!(["email unsubscribe page", "sms unsubscribe page"])
        );
    });
}

/// By address, then the rest by lead; what is printed has no contact.
async fn lift_both(guarded: &Guarded, person: &Person, waiting: &Waiting) {
    let (db, ops) = (&guarded.world.db, guarded.world.db.store_as("ops"));
    let key = guarded.world.intake_config().guard.key;
    let email = Email::parse(&person.email).unwrap();
    let phone = Phone::parse(&person.phone).unwrap();
    let by_email = || contacts(&key, Some(email.clone()), None);
    let told = lift(&ops, &by_email(), "dana", false).await.unwrap();
    assert!(
        told[0].starts_with("email: unsubscribe, since ") && told[0].ends_with(", for ever"),
        "{told:?}"
    );
    assert!(told[1].contains("--yes"), "{told:?}");
    assert_eq!(
        db.count("suppressions").await,
        2,
        "without --yes nothing is lifted"
    );
    let told = lift(&ops, &by_email(), "dana", true).await.unwrap().join("\n");
    assert!(
        told.contains("Lifted: 1.") && !told.contains('@') && !told.contains("+7"),
        "{told}"
    );
    assert_eq!(db.count("suppressions").await, 1, "the number's stays");
    let told = lift(&ops, &Suppressed::Lead(waiting.lead), "dana", true)
        .await
        .unwrap()
        .join("\n");
    assert!(
        told.contains("sms: unsubscribe") && told.contains("Lifted: 1."),
        "{told}"
    );
    let again = lift(
        &ops,
        &contacts(&key, Some(email.clone()), Some(phone)),
        "dana",
        true,
    )
    .await
    .unwrap();
    assert_eq!(again, ["Nothing is suppressed."]);
}

#[test]
fn the_team_lifts_a_suppression_by_lead_or_contact_and_the_audit_says_so() {
    run(async {
        let guarded = Guarded::new().await;
        let (db, app) = (&guarded.world.db, app_of(&guarded));
        let person = Person::new();
        let (waiting, stop) = served(&guarded, &person).await;
        post(&app, &stop, "stop=all").await;
        guarded.world.pass_time(Duration::from_hours(25)).await;
        let next = guarded.submit(&person).await;
        wake(&patient(&guarded.world).await, &next).await;
        assert!(
            guarded
                .release("suppressed")
                .await
                .contains("the person wants nothing")
        );

        lift_both(&guarded, &person, &waiting).await;
        let audit = "select actor, act, detail from audit where act = 'lift_suppression' order by at";
        let expected = ["email", "sms"].map(|channel| {
            json!({"actor": "dana", "act": "lift_suppression", "detail": {"channel": channel, "reason": "unsubscribe"}})
        });
        assert_eq!(db.rows(audit).await, expected);
        let told = format!("lead_events where lead_id = '{}' and what = 'act'", waiting.lead);
        assert_eq!(db.count(&told).await, 2);

        let before = guarded.sent();
        assert!(
            guarded
                .release("suppressed")
                .await
                .contains("Released: 2 deliveries")
        );
        assert_eq!(guarded.sent(), (before.0 + 1, before.1 + 1));

        // The person may say stop again after each lift, with the same link; said twice, it counts once.
        for _ in 0..2 {
            db.execute("delete from suppressions").await;
            for _ in 0..2 {
                post(&app, &stop, "stop=all").await;
                assert_eq!(db.count("suppressions").await, 2);
            }
        }
        let stops = format!("lead_events where lead_id = '{}' and what = 'stop'", waiting.lead);
        assert_eq!(db.count(&stops).await, 3);
    });
}
