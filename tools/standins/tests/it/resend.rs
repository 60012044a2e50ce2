//! Resend's contract.

use std::time::Duration;

use serde_json::{Value, json};
use standins::{Fault, Mode};

use crate::{RESEND_KEY, client_builder, email, mail, mail_with, parsed};

#[tokio::test]
async fn an_email_is_accepted_kept_and_can_be_retrieved() {
    let mail = mail().await;
    let (status, answer) = mail.post("/emails", Some("n1"), &email()).await;
    assert_eq!(status, 200);
    let id = answer["id"].as_str().unwrap();

    let sent = mail.only();
    assert_eq!(sent.id.to_string(), id);
    assert_eq!(sent.to, ["anna@example.com"]);
    assert_eq!(sent.idempotency_key.as_deref(), Some("n1"));

    let list = mail.control("/_sent").await;
    assert_eq!(
        (&list[0]["id"], &list[0]["html"]),
        (&json!(id), &json!("<p>1</p>"))
    );
    assert_eq!(list[0]["tags"], json!([{"name": "kind", "value": "result_1-a"}]));
    let at = list[0]["accepted_at"].as_str().unwrap();
    assert_eq!(
        (at.len(), &at[19..20], &at[23..]),
        ("2026-01-01T00:00:00.000Z".len(), ".", "Z")
    );

    let (status, stored) = mail.get(&format!("/emails/{id}")).await;
    assert_eq!(
        (status, &stored["object"], &stored["subject"]),
        (200, &json!("email"), &json!("Ваши результаты"))
    );
    let (status, answer) = mail.get("/emails/0199f000-0000-7000-8000-000000000000").await;
    assert_eq!((status, &answer["name"]), (404, &json!("not_found")));
    let (status, answer) = mail.get("/emails/1").await;
    assert_eq!((status, &answer["name"]), (422, &json!("invalid_parameter")));

    let cleared = mail.client.delete(mail.url("/_sent")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert!(mail.vendor.sent().is_empty());
    assert_eq!(mail.vendor.stats().requests, 0);
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

/// The good e-mail with `changes` applied; null removes the field.
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
    let (missing, invalid) = ("missing_required_field", "invalid_parameter");
    let mut with_null = email();
    with_null["reply_to"] = Value::Null;
    let cases = [
        (changed(&json!({"from": null})), missing),
        (changed(&json!({"to": null})), missing),
        (changed(&json!({"subject": null})), missing),
        (changed(&json!({"subject": ""})), missing),
        (changed(&json!({"html": null, "text": null})), missing),
        (changed(&json!({"from": "noreply"})), "invalid_from_address"),
        (
            changed(&json!({"from": "OnAI noreply@onai.academy"})),
            "invalid_from_address",
        ),
        (changed(&json!({"to": []})), invalid),
        (changed(&json!({"to": vec!["a@b.co"; 51]})), invalid),
        (changed(&json!({"to": ["a@b"]})), invalid),
        (changed(&json!({"to": 7})), invalid),
        (changed(&json!({"reply_to": ["nobody"]})), invalid),
        (changed(&json!({"subject": 1})), invalid),
        (changed(&json!({"subject": "a\r\nBcc: b"})), invalid),
        (changed(&json!({"body": "x"})), invalid),
        (changed(&json!({"replyTo": ["a@b.co"]})), invalid),
        (changed(&json!({"headers": {"X-A": 1}})), invalid),
        (changed(&json!({"tags": {"kind": "a"}})), invalid),
        (
            changed(&json!({"tags": [{"name": "вид", "value": "a"}]})),
            invalid,
        ),
        (
            changed(&json!({"tags": [{"name": "a b", "value": "a"}]})),
            invalid,
        ),
        (
            changed(&json!({"tags": [{"name": "a", "value": "a".repeat(257)}]})),
            invalid,
        ),
        (changed(&json!({"tags": [{"name": "a", "value": ""}]})), invalid),
        (with_null, invalid),
        (json!("x"), invalid),
    ];
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
async fn many_recipients_headers_and_reply_to_are_accepted() {
    let mail = mail().await;
    let changes =
        json!({"to": vec!["a@b.co"; 50], "reply_to": ["r@b.co"], "headers": {"X-A": "1"}, "html": null});
    assert_eq!(mail.post("/emails", None, &changed(&changes)).await.0, 200);
    let sent = mail.only();
    assert_eq!(
        (sent.to.len(), sent.headers["X-A"].as_str(), sent.html),
        (50, "1", None)
    );
    assert_eq!(sent.reply_to, ["r@b.co"]);
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

    assert_eq!(
        mail.control("/_stats").await,
        json!({
            "requests": 4, "accepted": 3, "replayed": 0, "faulted": 0,
            "rejected": {"rate_limit_exceeded": 1}, "statuses": {"200": 3, "429": 1},
            "max_in_one_second": 3, "without_idempotency_key": 3,
        })
    );
}

#[tokio::test]
async fn domains_are_listed_for_a_key_with_full_access_alone() {
    let (status, answer) = mail().await.get("/domains").await;
    assert_eq!(
        (status, &answer["data"]),
        (200, &json!([{"name": "onai.academy", "status": "verified"}]))
    );

    let sender = mail_with(|options| options.sending_access = true).await;
    let (status, answer) = sender.get("/domains").await;
    assert_eq!((status, &answer["name"]), (401, &json!("restricted_api_key")));
    assert_eq!(sender.post("/emails", Some("n1"), &email()).await.0, 200);
}
