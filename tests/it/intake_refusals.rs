//! Any body at all gets a clear answer, and a bad one leaves no trace.

use crate::intake::{Intake, body_of, post};
use crate::support::request::{Answer, raw_submission, request, sample};
use crate::support::{Person, run};
use serde_json::{Value, json};

/// A 4xx in Russian.
fn assert_refused(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(answer.body["success"], false, "{what}");
    let error = answer.body["error"].as_str().unwrap();
    let is_russian = error.chars().any(|letter| ('а'..='я').contains(&letter));
    assert!(is_russian, "{what}: {error}");
}

/// A 400 that names exactly these fields, each with a Russian sentence.
fn assert_fields(answer: &Answer, expected: &[&str], what: &str) {
    assert_refused(answer, 400, what);
    let fields = answer.body["fields"].as_object().unwrap();
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected, "{what}");
    assert!(
        fields.values().all(|what| !what.as_str().unwrap().is_ascii()),
        "{fields:?}"
    );
}

#[test]
fn every_wrong_field_is_named_in_russian_and_nothing_is_saved() {
    run(async {
        let intake = Intake::new().await;
        let app = intake.app().await;
        let mut tried = 0;
        let contact = [
            json!(null),
            json!(""),
            json!("   "),
            json!(5),
            json!(-1.5),
            json!(true),
            json!([]),
            json!({}),
            json!(["a"]),
            json!({"a": 1}),
            json!("\u{0}"),
            json!("\u{7}\u{8}"),
            json!("\u{202e}"),
            json!("x".repeat(10_000)),
            json!("💥"),
            json!("' or 1=1; --"),
            json!("$1"),
            json!("\u{feff}"),
        ];
        for field in ["name", "email", "phone"] {
            for value in &contact {
                // Odd, but names that a person may have.
                let odd_name = ["' or 1=1; --", "$1", "💥"];
                if field == "name" && value.as_str().is_some_and(|name| odd_name.contains(&name)) {
                    continue;
                }
                let mut body = body_of(&Person::new());
                body[field] = value.clone();
                assert_fields(
                    &post(&app, &body).await,
                    &[field],
                    &format!("{field}={value:.60}"),
                );
                tried += 1;
            }
            let mut body = body_of(&Person::new());
            body.as_object_mut().unwrap().remove(field);
            assert_fields(&post(&app, &body).await, &[field], field);
        }
        let emails = [
            "a",
            "a@",
            "@b.c",
            "a b@example.com",
            "a@b@example.com",
            "a@example.com\nBcc: x@example.com",
            "a@-example.com",
            "a@example..com",
            "a,b@example.com",
            "Имя <a@example.com>",
            "a@localhost",
        ];
        let phones = [
            "1",
            "123456",
            "+7",
            "abcdefghijk",
            "+99912345678901234",
            "0000000000000",
            "8701",
            "+1",
        ];
        let wrong = emails.map(|email| ("email", email)).into_iter();
        for (field, value) in wrong.chain(phones.map(|phone| ("phone", phone))) {
            let mut body = body_of(&Person::new());
            body[field] = json!(value);
            assert_fields(&post(&app, &body).await, &[field], value);
            tried += 1;
        }
        let other = [
            ("source", json!(1)),
            ("source", json!("a\u{0}b")),
            ("source", json!("x".repeat(101))),
            ("campaignSlug", json!([])),
            ("paymentMethod", json!({})),
            ("answers", json!("1")),
            ("answers", json!([1.5])),
            ("answers", json!(["1"])),
            ("answers", json!([-1])),
            ("proftestAnswers", json!({})),
            ("proftestAnswers", json!([1])),
            ("utmParams", json!("x")),
            ("utmParams", json!({"a\u{0}": 1})),
            ("metadata", json!([])),
            ("metadata", json!({"a": "\u{0}"})),
            ("submissionId", json!(1)),
            ("submissionId", json!("x".repeat(256))),
        ];
        for (field, value) in other {
            let mut body = body_of(&Person::new());
            body[field] = value.clone();
            assert_fields(
                &post(&app, &body).await,
                &[field],
                &format!("{field}={value:.60}"),
            );
            tried += 1;
        }
        assert_fields(&post(&app, &json!({})).await, &["name", "email", "phone"], "{}");
        assert!(tried > 80, "{tried}");
        assert_eq!(
            intake.db.counts().await["leads"],
            0,
            "a refused submission was saved"
        );
        assert!(intake.schedules().await.is_empty());
    });
}

#[test]
fn what_is_no_json_object_is_refused() {
    run(async {
        let intake = Intake::new().await;
        let app = intake.app().await;
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let deep_field = format!("{{\"name\":{deep}}}");
        let bodies = [
            "",
            " ",
            "{",
            "}",
            "[]",
            "null",
            "1",
            "\"text\"",
            "undefined",
            "{'a':1}",
            "{\"a\":1}{\"b\":2}",
            "name=A&email=a@example.com",
            "<xml/>",
            "{\"name\":\"\\ud800\"}",
            "{\"name\":\"\\udc00x\"}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "{\"a\":\"\t\"}",
            "\u{feff}{}",
            &deep,
            &deep_field,
        ];
        for body in bodies {
            let request = raw_submission(Some("application/json"), body);
            let answer = intake::handle(&app, request).await.into();
            assert_refused(&answer, 400, &format!("{body:.40}"));
        }
        // Bytes that are no text at all, as API Gateway hands them over.
        for bytes in ["/////w==", "AAAA", "7aCA"] {
            let mut event = sample("intake/base64.json");
            event["body"] = json!(bytes);
            let answer = intake::handle(&app, request(&event)).await.into();
            assert_refused(&answer, 400, bytes);
        }
        assert_eq!(intake.db.counts().await["leads"], 0);
    });
}

#[test]
fn too_large_a_body_and_another_content_type_have_their_own_answers() {
    run(async {
        let intake = Intake::new().await;
        let app = intake.app().await;
        let mut body = body_of(&Person::new());
        body["note"] = json!("x".repeat(64 * 1024));
        assert_refused(&post(&app, &body).await, 413, "64 KiB and a little");
        let good = body_of(&Person::new()).to_string();
        for content_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            Some("json"),
        ] {
            let answer = intake::handle(&app, raw_submission(content_type, &good))
                .await
                .into();
            assert_refused(&answer, 415, content_type.unwrap_or("none"));
        }
        assert_eq!(intake.db.counts().await["leads"], 0);
        for content_type in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            " application/json ;x=y",
        ] {
            let answer = Answer::from(intake::handle(&app, raw_submission(Some(content_type), &good)).await);
            assert_eq!(answer.status, 200, "{content_type}: {answer:?}");
        }
        let mut body = body_of(&Person::new());
        body["note"] = json!("x".repeat(63 * 1024));
        assert_eq!(post(&app, &body).await.status, 200, "just below the limit");
    });
}

#[test]
fn what_nobody_expected_is_kept_as_it_came() {
    run(async {
        let intake = Intake::new().await;
        let app = intake.app().await;
        let mut body = body_of(&Person::new());
        let odd = json!({"∅": [1, {"nested": [null, 0.1, 12_345_678_901_234_567_890_u64]}], "": "empty name",
                         "emoji": "👩‍💻", "quote": "'\"\\", "newline": "a\nb"});
        body["odd"] = odd.clone();
        body["answers"] = json!(null);
        body["name"] = json!("'; drop table landing_leads; --");
        post(&app, &body).await.lead();
        let row = intake.db.row("select name, metadata from landing_leads").await;
        assert_eq!(row["name"], "'; drop table landing_leads; --");
        assert_eq!(row["metadata"]["odd"], odd);
        assert_eq!(row["metadata"].get("answers"), None::<&Value>);
    });
}
