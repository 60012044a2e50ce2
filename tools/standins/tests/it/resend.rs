//! Resend's contract.

use std::time::Duration;

use serde_json::{Value, json};
use standins::{Fault, Mode, Stats};

use crate::{RESEND_KEY, client_builder, email, mail, mail_with, parsed};

#[tokio::test]
async fn an_email_is_accepted_and_kept() {
    let mail = mail().await;
    let (status, answer) = mail.post("/emails", Some("n1"), &email()).await;
    let sent = mail.only();
    assert_eq!((status, answer), (200, json!({"id": sent.id})));
    assert_eq!(sent.to, ["anna@example.com"]);
    assert_eq!(sent.idempotency_key.as_deref(), Some("n1"));
    assert_eq!(sent.html.as_deref(), Some("<p>1</p>"));
    assert_eq!(
        (sent.tags[0].name.as_str(), sent.tags[0].value.as_str()),
        ("kind", "result_1-a")
    );
}

#[tokio::test]
async fn credentials_user_agent_and_paths_are_checked() {
    let mail = mail().await;
    let post = || mail.client.post(mail.url("/emails")).json(&email());
    for (request, status, name) in [
        (post(), 401, "missing_api_key"),
        (
            post().header("authorization", "Basic cmU="),
            401,
            "missing_api_key",
        ),
        (post().bearer_auth("re_other"), 403, "invalid_api_key"),
        (post().bearer_auth("test"), 403, "invalid_api_key"),
        (mail.client.put(mail.url("/emails")), 404, "not_found"),
        (mail.client.get(mail.url("/audiences")), 404, "not_found"),
    ] {
        let (got, answer) = parsed(request).await;
        assert_eq!((got, &answer["name"]), (status, &json!(name)));
        assert_eq!(answer["statusCode"], status);
        assert!(answer["message"].is_string() && answer.as_object().unwrap().len() == 3);
    }

    let anonymous = client_builder().build().unwrap();
    let request = anonymous.post(mail.url("/emails")).bearer_auth(RESEND_KEY);
    let answer = request.json(&email()).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.text().await.unwrap(), "error code: 1010");

    let rejected = mail.vendor.stats().rejected;
    assert_eq!((rejected["missing_api_key"], rejected["invalid_api_key"]), (2, 2));
    assert!(mail.vendor.sent().is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let mail = mail().await;
    let post = |content_type: &str, body: String| {
        let request = mail.client.post(mail.url("/emails")).bearer_auth(RESEND_KEY);
        parsed(request.header("content-type", content_type).body(body))
    };
    for (content_type, body) in [
        ("", email().to_string()),
        ("text/plain", email().to_string()),
        ("application/json", "{".to_owned()),
    ] {
        let (status, answer) = post(content_type, body).await;
        assert_eq!((status, &answer["name"]), (400, &json!("validation_error")));
    }
    let accepted = post("application/json; charset=utf-8", email().to_string()).await;
    assert_eq!(accepted.0, 200);
}

/// The good e-mail with the fields of `changes` put in; null removes one.
fn changed(changes: &Value) -> Value {
    let mut body = email();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn fields_types_and_limits_are_checked() {
    let mail = mail().await;
    let tag = |name: &str, value: &str| json!({"tags": [{"name": name, "value": value}]});
    let missing = [
        json!({"from": null}),
        json!({"to": null}),
        json!({"subject": null}),
        json!({"subject": ""}),
        json!({"html": null, "text": null}),
    ];
    let sender = [
        json!({"from": "noreply"}),
        json!({"from": "OnAI noreply@onai.academy"}),
    ];
    let invalid = [
        json!({"to": []}),
        json!({"to": vec!["a@b.co"; 51]}),
        json!({"to": ["a@b"]}),
        json!({"to": 7}),
        json!({"subject": 1}),
        json!({"subject": "a\r\nBcc: b"}),
        json!({"body": "x"}),
        json!({"replyTo": ["a@b.co"]}),
        json!({"tags": {"kind": "a"}}),
        tag("вид", "a"),
        tag("a b", "a"),
        tag("a", &"a".repeat(257)),
        tag("a", ""),
    ];
    let mut cases = vec![(json!("x"), "invalid_parameter")];
    let mut with_null = email();
    with_null["text"] = Value::Null;
    cases.push((with_null, "invalid_parameter"));
    for (changes, name) in [
        (&missing[..], "missing_required_field"),
        (&sender, "invalid_from_address"),
        (&invalid, "invalid_parameter"),
    ] {
        cases.extend(changes.iter().map(|changes| (changed(changes), name)));
    }
    for (body, name) in &cases {
        let (status, answer) = mail.post("/emails", None, body).await;
        assert_eq!((status, &answer["name"]), (422, &json!(name)), "{body}");
    }
    assert!(mail.vendor.sent().is_empty());
    let (stats, all) = (mail.vendor.stats(), cases.len() as u64);
    assert_eq!(
        (stats.requests, stats.accepted, stats.without_idempotency_key),
        (all, 0, all)
    );
    assert_eq!(stats.rejected.values().sum::<u64>(), all);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let mail = mail().await;
    let two = json!([email(), email()]);
    let (status, answer) = mail.post("/emails/batch", Some("b"), &two).await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2));
    assert_eq!(answer["data"][1]["id"], mail.vendor.sent()[1].id.to_string());
    assert_eq!(mail.post("/emails/batch", Some("b"), &two).await, (200, answer));

    for body in [
        json!([email(), changed(&json!({"to": null}))]),
        json!([]),
        json!(vec![email(); 101]),
        email(),
    ] {
        assert_eq!(mail.post("/emails/batch", None, &body).await.0, 422);
    }
    assert_eq!(mail.vendor.sent().len(), 2);
}

#[tokio::test]
async fn a_key_replays_the_same_payload_and_refuses_another() {
    let mail = mail().await;
    let refused = mail
        .post("/emails", Some("k"), &changed(&json!({"to": null})))
        .await;
    assert_eq!(refused.0, 422, "and the key is not used up");
    let first = mail.post("/emails", Some("k"), &email()).await;
    assert_eq!(first.0, 200);
    assert_eq!(mail.post("/emails", Some("k"), &email()).await, first);
    for (path, body) in [
        ("/emails", changed(&json!({"text": "2"}))),
        ("/emails/batch", json!([email()])),
    ] {
        let (status, answer) = mail.post(path, Some("k"), &body).await;
        assert_eq!(
            (status, &answer["name"]),
            (409, &json!("invalid_idempotent_request"))
        );
    }
    assert_eq!(mail.only().text.as_deref(), Some("1"));
    assert_eq!(mail.vendor.stats().replayed, 1);

    assert_eq!(mail.post("/emails", Some("k2"), &email()).await.0, 200);
    assert_eq!(mail.vendor.sent().len(), 2);

    for key in ["", &"k".repeat(257)] {
        let (status, answer) = mail.post("/emails", Some(key), &email()).await;
        assert_eq!(
            (status, &answer["name"]),
            (400, &json!("invalid_idempotency_key"))
        );
    }
    let longest = "k".repeat(256);
    assert_eq!(mail.post("/emails", Some(&longest), &email()).await.0, 200);
}

#[tokio::test]
async fn a_key_in_flight_is_a_conflict() {
    let mail = mail().await;
    mail.vendor.faults().add(Fault::times(Mode::Slow { ms: 500 }, 1));
    let slow = tokio::spawn(parsed(mail.request("/emails", Some("k"), &email())));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (status, answer) = mail.post("/emails", Some("k"), &email()).await;
    assert_eq!(
        (status, &answer["name"]),
        (409, &json!("concurrent_idempotent_requests"))
    );

    let first = slow.await.unwrap();
    assert_eq!(mail.post("/emails", Some("k"), &email()).await, first);
    assert_eq!(mail.only().id.to_string(), first.1["id"].as_str().unwrap());
}

#[tokio::test]
async fn the_rate_limit_holds() {
    let mail = mail_with(|options| options.rate_limit_per_second = Some(2)).await;
    for _ in 0..2 {
        assert_eq!(mail.post("/emails", None, &email()).await.0, 200);
    }
    let answer = mail.request("/emails", None, &email()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["name"], "rate_limit_exceeded");
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(mail.post("/emails", None, &email()).await.0, 200);

    let stats = Stats {
        requests: 4,
        accepted: 3,
        rejected: [("rate_limit_exceeded".to_owned(), 1)].into(),
        statuses: [(200, 3), (429, 1)].into(),
        max_in_one_second: 3,
        without_idempotency_key: 3,
        ..Stats::default()
    };
    assert_eq!(mail.vendor.stats(), stats);
}
