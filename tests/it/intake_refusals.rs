//! Any body at all gets a clear answer, and a bad one leaves no trace.

use crate::intake::{app, post, world};
use crate::support::funnel::schedules;
use crate::support::request::{Answer, raw_submission, request, sample};
use harness::world::{Person, run};
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

/// Values that are no name, no address and no phone.
const NO_CONTACT: &str = r#"
null
""
"   "
5
-1.5
true
[]
{}
["a"]
{"a":1}
"\u0000"
"\u0007\u0008"
"\u202e"
"\ufeff""#;

/// A field and a value that it must not have.
const WRONG: &str = r#"
email "a"
email "a@"
email "@b.c"
email "a b@example.com"
email "a@b@example.com"
email "a@example.com\nBcc: x@example.com"
email "a@-example.com"
email "a@example..com"
email "a,b@example.com"
email "Имя a@example.com"
email "a@localhost"
email "' or 1=1; --"
phone "1"
phone "123456"
phone "+7"
phone "abcdefghijk"
phone "+99912345678901234"
phone "0000000000000"
phone "8701"
phone "$1"
source 1
source "a\u0000b"
campaignSlug [1]
paymentMethod {"a":1}
answers "1"
answers [1.5]
answers ["1"]
answers [-1]
proftestAnswers {"a":1}
proftestAnswers [1]
utmParams "x"
utmParams [1]
metadata [1]
metadata {"a":"\u0000"}
submissionId 1"#;

/// All that a field must not have, as (field, value).
fn wrong_values() -> Vec<(String, Value)> {
    let value = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut wrong = Vec::new();
    for field in ["name", "email", "phone"] {
        let values = NO_CONTACT.lines().skip(1).map(value);
        wrong.extend(values.map(|value| (field.to_owned(), value)));
    }
    for line in WRONG.lines().skip(1) {
        let (field, text) = line.split_once(' ').unwrap();
        wrong.push((field.to_owned(), value(text)));
    }
    for (field, length) in [
        ("name", 10_000),
        ("email", 10_000),
        ("phone", 10_000),
        ("source", 101),
        ("submissionId", 256),
    ] {
        wrong.push((field.to_owned(), json!("x".repeat(length))));
    }
    wrong
}

#[test]
fn every_wrong_field_is_named_in_russian_and_nothing_is_saved() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        for (field, value) in wrong_values() {
            let mut body = Person::new().form();
            body[&field] = value.clone();
            let what = format!("{field}={:.60}", value.to_string());
            assert_fields(&post(&app, &body).await, &[&field], &what);
        }
        for field in ["name", "email", "phone"] {
            let mut body = Person::new().form();
            body.as_object_mut().unwrap().remove(field);
            assert_fields(&post(&app, &body).await, &[field], field);
        }
        assert_fields(&post(&app, &json!({})).await, &["name", "email", "phone"], "{}");
        let leads = intake.db.counts().await["leads"].clone();
        assert_eq!(leads, 0, "a refused submission was saved");
        assert!(schedules(&intake).await.is_empty());
    });
}

#[test]
fn a_refusal_says_the_true_reason_for_each_field() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        for (field, value, sentence) in [
            (
                "name",
                "12",
                "Похоже, вместо имени введены цифры. Напишите, как к вам обращаться",
            ),
            (
                "name",
                &"я".repeat(101),
                "Имя не поместилось: сократите его, пожалуйста, до 100 знаков",
            ),
            ("name", "\u{200B}", "Напишите, как к вам обращаться"),
            (
                "email",
                "anna",
                "В адресе не хватает знака @: например, name@mail.kz",
            ),
            ("email", "", "Укажите e-mail: на него придёт результат"),
            (
                "phone",
                "380501234567",
                "Похоже, это номер другой страны: поставьте, пожалуйста, плюс перед её кодом",
            ),
            (
                "phone",
                "8 701 123",
                "Не хватает 4 цифр: проверьте, пожалуйста, номер",
            ),
        ] {
            let mut body = Person::new().form();
            body[field] = json!(value);
            let answer = post(&app, &body).await;
            let all = if sentence.starts_with(['Н', 'У']) && value.trim_matches('\u{200B}').is_empty() {
                "Заполните имя, e-mail и телефон"
            } else {
                sentence
            };
            assert_eq!(answer.status, 400);
            assert_eq!(
                answer.body,
                json!({"success": false, "error": all, "fields": { field: sentence }}),
                "{value}"
            );
        }
        assert_eq!(intake.db.counts().await["leads"], 0);
    });
}

#[test]
fn what_is_no_json_object_is_refused() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
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
            "{\"name\":\"\\ud80\"}",
            "{\"name\":\"\\ud800",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "{\"a\":\"\t\"}",
            "\u{feff}",
            "\u{feff}[]",
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
        let intake = world().await;
        let app = app(&intake).await;
        let mut body = Person::new().form();
        body["note"] = json!("x".repeat(64 * 1024));
        assert_refused(&post(&app, &body).await, 413, "64 KiB and a little");
        let good = Person::new().form().to_string();
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
        let mut body = Person::new().form();
        body["note"] = json!("x".repeat(63 * 1024));
        assert_eq!(post(&app, &body).await.status, 200, "just below the limit");
    });
}

#[test]
fn what_nobody_expected_is_kept_as_it_came() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let mut body = Person::new().form();
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
