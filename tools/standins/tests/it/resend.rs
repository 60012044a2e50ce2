//! Resend's contract.

use std::time::Duration;

use serde_json::{Value, json};
use standins::{Fault, Mode};

use crate::{Mail, RESEND_KEY, client_builder, email, parsed};

#[tokio::test]
async fn an_email_is_accepted_kept_and_can_be_retrieved() {
    let mail = Mail::start().await;
    let (status, answer) = mail.post("/emails", Some("n1"), &email()).await;
    assert_eq!(status, 200);
    let id = answer["id"].as_str().unwrap();

    let sent = mail.only();
    assert_eq!(sent.id.to_string(), id);
    assert_eq!(sent.to, ["anna@example.com"]);
    assert_eq!(sent.idempotency_key.as_deref(), Some("n1"));

    let list: Value = mail
        .client
        .get(mail.url("/_sent"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list[0]["id"], id);
    assert_eq!(list[0]["html"], "<p>1</p>");
    assert_eq!(list[0]["tags"], json!([{"name": "kind", "value": "result_1-a"}]));
    let at = list[0]["accepted_at"].as_str().unwrap();
    assert_eq!(
        (at.len(), &at[19..20], &at[23..]),
        ("2026-01-01T00:00:00.000Z".len(), ".", "Z")
    );

    let get = |id: &str| {
        mail.client
            .get(mail.url(&format!("/emails/{id}")))
            .bearer_auth(RESEND_KEY)
            .send()
    };
    let (status, stored) = parsed(get(id).await.unwrap()).await;
    assert_eq!(
        (status, &stored["object"], &stored["subject"]),
        (200, &json!("email"), &json!("Ваши результаты"))
    );
    let (status, answer) = parsed(get("0199f000-0000-7000-8000-000000000000").await.unwrap()).await;
    assert_eq!((status, &answer["name"]), (404, &json!("not_found")));
    let (status, answer) = parsed(get("1").await.unwrap()).await;
    assert_eq!((status, &answer["name"]), (422, &json!("invalid_parameter")));

    let cleared = mail.client.delete(mail.url("/_sent")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert!(mail.vendor.sent().is_empty());
    assert_eq!(mail.vendor.stats().requests, 0);
}

#[tokio::test]
async fn credentials_user_agent_and_paths_are_checked() {
    let mail = Mail::start().await;
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
        (mail.client.put(mail.url("/emails")), 405, "method_not_allowed"),
        (mail.client.get(mail.url("/audiences")), 404, "not_found"),
    ] {
        let (got, answer) = parsed(request.send().await.unwrap()).await;
        assert_eq!((got, &answer["name"]), (status, &json!(name)));
    }

    let anonymous = client_builder().build().unwrap();
    let answer = anonymous
        .post(mail.url("/emails"))
        .bearer_auth(RESEND_KEY)
        .json(&email())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.text().await.unwrap(), "error code: 1010");

    let rejected = mail.vendor.stats().rejected;
    assert_eq!((rejected["missing_api_key"], rejected["invalid_api_key"]), (2, 2));
    assert!(mail.vendor.sent().is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let mail = Mail::start().await;
    let post = || mail.client.post(mail.url("/emails")).bearer_auth(RESEND_KEY);
    for request in [
        post().body(email().to_string()),
        post()
            .header("content-type", "text/plain")
            .body(email().to_string()),
        post().header("content-type", "application/json").body("{"),
    ] {
        let (status, answer) = parsed(request.send().await.unwrap()).await;
        assert_eq!((status, &answer["name"]), (400, &json!("validation_error")));
    }
    let accepted = post()
        .header("content-type", "application/json; charset=utf-8")
        .body(email().to_string());
    assert_eq!(accepted.send().await.unwrap().status(), 200);
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
    let mail = Mail::start().await;
    for (changes, name) in [
        (json!({"from": null}), "missing_required_field"),
        (json!({"to": null}), "missing_required_field"),
        (json!({"subject": null}), "missing_required_field"),
        (json!({"subject": ""}), "missing_required_field"),
        (json!({"html": null, "text": null}), "missing_required_field"),
        (json!({"from": "noreply"}), "invalid_from_address"),
        (
            json!({"from": "OnAI noreply@onai.academy"}),
            "invalid_from_address",
        ),
        (json!({"to": []}), "invalid_parameter"),
        (json!({"to": vec!["a@b.co"; 51]}), "invalid_parameter"),
        (json!({"to": "a@b"}), "invalid_parameter"),
        (json!({"to": 7}), "invalid_parameter"),
        (json!({"cc": "nobody"}), "invalid_parameter"),
        (json!({"subject": 1}), "invalid_parameter"),
        (json!({"subject": "a\r\nBcc: b"}), "invalid_parameter"),
        (json!({"body": "x"}), "invalid_parameter"),
        (json!({"replyTo": "a@b.co"}), "invalid_parameter"),
        (json!({"headers": {"X-A": 1}}), "invalid_parameter"),
        (json!({"tags": {"kind": "a"}}), "invalid_parameter"),
        (
            json!({"tags": [{"name": "вид", "value": "a"}]}),
            "invalid_parameter",
        ),
        (
            json!({"tags": [{"name": "a b", "value": "a"}]}),
            "invalid_parameter",
        ),
        (
            json!({"tags": [{"name": "a", "value": "a".repeat(257)}]}),
            "invalid_parameter",
        ),
        (json!({"tags": [{"name": "a", "value": ""}]}), "invalid_parameter"),
        (json!({"scheduled_at": "tomorrow"}), "invalid_parameter"),
        (json!({"template": {"id": "t"}}), "invalid_parameter"),
        (
            json!({"attachments": [{"filename": "a.pdf"}]}),
            "invalid_attachment",
        ),
    ] {
        assert_eq!(
            mail.refused(&changed(&changes)).await,
            (422, name.to_owned()),
            "{changes}"
        );
    }
    let mut with_null = email();
    with_null["cc"] = Value::Null;
    assert_eq!(mail.refused(&with_null).await.1, "invalid_parameter");
    assert_eq!(mail.refused(&json!("x")).await.1, "invalid_parameter");
    assert!(mail.vendor.sent().is_empty());
    let stats = mail.vendor.stats();
    assert_eq!(
        (stats.requests, stats.accepted, stats.without_idempotency_key),
        (27, 0, 27)
    );
    assert_eq!(stats.rejected.values().sum::<u64>(), 27);
}

#[tokio::test]
async fn every_documented_field_is_accepted() {
    let mail = Mail::start().await;
    for changes in [
        json!({"to": "a@b.co", "cc": ["c@b.co"], "reply_to": "r@b.co", "headers": {"X-A": "1"}}),
        json!({"to": vec!["a@b.co"; 50], "scheduled_at": "2026-12-01T10:00:00Z"}),
        json!({"html": null, "text": null, "template": {"id": "t", "variables": {"n": 1}}}),
        json!({"attachments": [{"filename": "a.txt", "content": "YQ=="}], "topic_id": "t"}),
    ] {
        assert_eq!(
            mail.post("/emails", None, &changed(&changes)).await.0,
            200,
            "{changes}"
        );
    }
    let sent = mail.vendor.sent();
    assert_eq!((sent.len(), sent[1].to.len()), (4, 50));
    assert_eq!(sent[0].headers["X-A"], "1");
    assert_eq!(sent[3].attachments[0].content.as_deref(), Some("YQ=="));
}

#[tokio::test]
async fn example_domains_are_refused_only_when_asked_for() {
    let strict = Mail::with(|options| options.reject_example_domains = true).await;
    assert_eq!(
        strict.refused(&email()).await,
        (422, "validation_error".to_owned())
    );
    let real = changed(&json!({"to": "delivered@resend.dev"}));
    assert_eq!(strict.post("/emails", None, &real).await.0, 200);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let mail = Mail::start().await;
    let (status, answer) = mail
        .post("/emails/batch", Some("b"), &json!([email(), email()]))
        .await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2));
    assert_eq!(answer["data"][1]["id"], mail.vendor.sent()[1].id.to_string());

    let (status, again) = mail
        .post("/emails/batch", Some("b"), &json!([email(), email()]))
        .await;
    assert_eq!((status, again), (200, answer));

    for body in [
        json!([email(), changed(&json!({"to": null}))]),
        json!([]),
        json!(vec![email(); 101]),
        email(),
    ] {
        assert_eq!(mail.post("/emails/batch", None, &body).await.0, 422);
    }
    let permissive = mail
        .request("/emails/batch", None, &json!([email()]))
        .header("x-batch-validation", "permissive");
    assert_eq!(permissive.send().await.unwrap().status(), 422);
    assert_eq!(mail.vendor.sent().len(), 2);
}

#[tokio::test]
async fn a_key_replays_the_same_payload_and_refuses_another() {
    let mail = Mail::start().await;
    let first = mail.post("/emails", Some("k"), &email()).await;
    assert_eq!(first.0, 200);
    assert_eq!(mail.post("/emails", Some("k"), &email()).await, first);
    let (status, answer) = mail
        .post("/emails", Some("k"), &changed(&json!({"text": "2"})))
        .await;
    assert_eq!(
        (status, &answer["name"]),
        (409, &json!("invalid_idempotent_request"))
    );
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
    assert_eq!(
        mail.post("/emails", Some(&"k".repeat(256)), &email()).await.0,
        200
    );
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let mail = Mail::start().await;
    assert_eq!(
        mail.post("/emails", Some("k"), &changed(&json!({"to": null})))
            .await
            .0,
        422
    );
    assert_eq!(mail.post("/emails", Some("k"), &email()).await.0, 200);
}

#[tokio::test]
async fn a_key_is_forgotten_in_the_end() {
    let mail = Mail::with(|options| options.idempotency_ttl = Duration::from_millis(50)).await;
    let first = mail.post("/emails", Some("k"), &email()).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_ne!(mail.post("/emails", Some("k"), &email()).await, first);
    assert_eq!(mail.vendor.sent().len(), 2);
}

#[tokio::test]
async fn a_key_in_flight_is_a_conflict() {
    let mail = Mail::start().await;
    mail.vendor.faults().add(Fault::times(Mode::Slow { ms: 500 }, 1));
    let slow = tokio::spawn(mail.request("/emails", Some("k"), &email()).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (status, answer) = mail.post("/emails", Some("k"), &email()).await;
    assert_eq!(
        (status, &answer["name"]),
        (409, &json!("concurrent_idempotent_requests"))
    );

    let first = parsed(slow.await.unwrap().unwrap()).await;
    assert_eq!(mail.post("/emails", Some("k"), &email()).await, first);
    assert_eq!(mail.only().id.to_string(), first.1["id"].as_str().unwrap());
}

#[tokio::test]
async fn the_rate_limit_holds_and_is_announced() {
    let mail = Mail::with(|options| options.rate_limit_per_second = Some(2)).await;
    let mut last = None;
    for (status, left) in [(200, "1"), (200, "0"), (429, "0")] {
        let answer = mail.request("/emails", None, &email()).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["ratelimit-limit"], "2");
        assert_eq!(answer.headers()["ratelimit-remaining"], left);
        assert_eq!(answer.headers()["ratelimit-reset"], "1");
        last = Some(answer);
    }
    let last = last.unwrap();
    assert_eq!(last.headers()["retry-after"], "1");
    assert_eq!(parsed(last).await.1["name"], "rate_limit_exceeded");
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(mail.post("/emails", None, &email()).await.0, 200);

    let stats: Value = mail
        .client
        .get(mail.url("/_stats"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stats["requests"], 4);
    assert_eq!(stats["accepted"], 3);
    assert_eq!(stats["rejected"], json!({"rate_limit_exceeded": 1}));
    assert_eq!(stats["max_in_one_second"], 3);
    assert_eq!(stats["without_idempotency_key"], 4 - 1);
}

#[tokio::test]
async fn domains_are_listed_for_a_key_with_full_access_alone() {
    let list = async |mail: &Mail| {
        let request = mail.client.get(mail.url("/domains")).bearer_auth(RESEND_KEY);
        parsed(request.send().await.unwrap()).await
    };
    let (status, answer) = list(&Mail::start().await).await;
    assert_eq!((status, &answer["object"]), (200, &json!("list")));
    let domain = &answer["data"][0];
    assert_eq!(
        json!([domain["name"], domain["status"]]),
        json!(["onai.academy", "verified"])
    );

    let sender = Mail::with(|options| options.sending_access = true).await;
    let (status, answer) = list(&sender).await;
    assert_eq!((status, &answer["name"]), (401, &json!("restricted_api_key")));
    assert_eq!(sender.post("/emails", Some("n1"), &email()).await.0, 200);
}
