//! What was agreed to is kept with the text that was shown.

use crate::intake::{app, world};
use crate::support::delivery::{patient, wake};
use crate::support::guard::{PAGE, page_form, post, waiting};
use crate::support::request::Answer;
use harness::world::{Person, World, run};
use proftest::texts::{Locale, texts};
use serde_json::{Value, json};
use std::time::Duration;

async fn row(world: &World, answer: &Answer) -> Value {
    let sql = format!("select * from consents where lead_id = '{}'", answer.lead());
    world.db.row(&sql).await
}

/// The hash by PostgreSQL, of the text as the page shows it.
async fn sha256(world: &World, text: &str) -> Value {
    let sql = format!("select encode(sha256(convert_to('{text}', 'UTF8')), 'hex') as hash");
    world.db.row(&sql).await["hash"].take()
}

#[test]
fn from_the_page_with_version_hash_and_place() {
    run(async {
        let world = world().await;
        let app = app(&world).await;
        for consent in texts(Locale::Ru).consents {
            let mut form = page_form(&Person::new());
            form["consent"]["version"] = consent.version.into();
            let answer = post(&app, &form).await;
            let row = row(&world, &answer).await;
            for (column, value) in [
                ("collected_by", json!("page")),
                ("email", json!(true)),
                ("sms", json!(true)),
                ("text_version", json!(consent.version)),
                ("text_sha256", sha256(&world, consent.text).await),
                ("language", json!("ru")),
                ("page", json!(PAGE)),
                ("campaign", json!("blogger")),
                ("address", json!("203.0.113.0/24")),
                ("withdrawn_at", Value::Null),
            ] {
                assert_eq!(row[column], value, "{column}");
            }
            assert!(row["user_agent"].as_str().unwrap().starts_with("Mozilla/5.0"));
            assert!(row["email_key"].is_string() && row["phone_key"].is_string());
            let submission = format!(
                "submissions where id = '{}'",
                row["submission_id"].as_str().unwrap()
            );
            assert_eq!(world.db.count(&submission).await, 1);
        }
        // A version that this release does not know, as of a page that is newer.
        let mut form = page_form(&Person::new());
        form["consent"]["version"] = "999".into();
        let answer = post(&app, &form).await;
        let row = row(&world, &answer).await;
        assert_eq!(
            (&row["text_version"], &row["text_sha256"]),
            (&json!("999"), &Value::Null)
        );
    });
}

#[test]
fn the_page_must_send_it_for_both_channels() {
    run(async {
        let world = world().await;
        let app = app(&world).await;
        for consent in [
            Value::Null,
            json!(false),
            json!({"email": true, "sms": false}),
            json!({"version": "2", "language": "ru", "email": false, "sms": true}),
        ] {
            let mut form = page_form(&Person::new());
            form["consent"] = consent.clone();
            let answer = post(&app, &form).await;
            assert_eq!(answer.status, 400, "{consent}");
            let sentence = "Без согласия мы не сможем отправить результат";
            assert_eq!(answer.body["fields"]["consent"], sentence, "{consent}");
        }
        assert_eq!(
            world.db.count("consents").await + world.db.count("landing_leads").await,
            0
        );
        // The page's word about itself never costs a lead: a campaign in Cyrillic letters has a long path.
        let mut form = page_form(&Person::new());
        form["page"] = format!("/proftest/{}", "%D0%B6".repeat(60)).into();
        let answer = post(&app, &form).await;
        let page = row(&world, &answer).await["page"].take();
        assert_eq!(page.as_str().unwrap().len(), 100);
    });
}

#[test]
fn a_caller_without_the_field_has_collected_it() {
    run(async {
        let world = world().await;
        let app = app(&world).await;
        let answer = post(&app, &Person::new().form()).await;
        let without = row(&world, &answer).await;
        for (column, value) in [
            ("collected_by", json!("caller")),
            ("email", Value::Null),
            ("sms", Value::Null),
            ("text_version", Value::Null),
            ("address", json!("203.0.113.0/24")),
        ] {
            assert_eq!(without[column], value, "{column}");
        }
        // What a caller's version stands for is not ours to say.
        let mut form = Person::new().form();
        form["consent"] = json!({"version": "2", "email": true, "sms": false});
        let answer = post(&app, &form).await;
        let said = row(&world, &answer).await;
        let told =
            ["collected_by", "email", "sms", "text_version", "text_sha256"].map(|name| said[name].clone());
        assert_eq!(json!(told), json!(["caller", true, false, "2", null]));
    });
}

#[test]
fn with_consent_always_a_caller_without_it_is_saved_and_held() {
    run(async {
        let mut world = world().await;
        world.changes.insert("CONSENT", "always".to_owned());
        let person = Person::new();
        let app = app(&world).await;
        let answer = post(&app, &person.form()).await;
        let held = waiting(&world, &person, &answer).await;
        world.pass_time(Duration::from_mins(11)).await;
        wake(&patient(&world).await, &held).await;
        let sql = format!(
            "select state, reason from deliveries where notification_id = '{}'",
            held.id
        );
        let expected = json!({"state": "held", "reason": "consent"});
        assert_eq!(world.db.rows(&sql).await, [expected.clone(), expected]);
        // With it, the message goes out.
        let agreed = Person::new();
        let mut form = agreed.form();
        form["consent"] = json!(true);
        let answer = post(&app, &form).await;
        let sent = waiting(&world, &agreed, &answer).await;
        world.pass_time(Duration::from_mins(11)).await;
        wake(&patient(&world).await, &sent).await;
        world.assert_delivered_once(&sent).await;
    });
}
