//! What becomes of messages: asked for, and told by webhooks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use serde_json::{Value, json};
use standins::{HookForm, MailEvent, serve};
use tokio::net::TcpListener;

use crate::{RESEND_KEY, email, id, mail, mail_with, parsed, sms, sms_with};

const PHONE: &str = "77001234567";

#[tokio::test]
async fn statuses_are_asked_for_by_a_hundred_and_unknown_ids_are_left_out() {
    let sms = sms().await;
    let first = id(&sms.send(PHONE, "a").await["messageId"]);
    let second = id(&sms.send(PHONE, "b").await["messageId"]);
    sms.vendor.set_status(first, "DELIVRD");
    let ids = format!("{first},{second},7");
    for form in [
        vec![("ids", ids.as_str())],
        vec![("ids[]", ids.split(',').next().unwrap()), ("ids[1]", "7")],
    ] {
        let data = sms.data("message/getsmsstatus", &form).await;
        let known = data.as_array().unwrap();
        assert_eq!(
            (id(&known[0]["id"]), &known[0]["status"]),
            (first, &json!("DELIVRD"))
        );
        assert!(known.iter().all(|item| id(&item["id"]) != 7));
    }
    let many: Vec<String> = (1..=101).map(|number| number.to_string()).collect();
    for (ids, code) in [
        (many.join(","), 12),
        (many[..100].join(","), 0),
        ("x".to_owned(), 12),
    ] {
        let answer = sms.call("message/getsmsstatus", &[("ids", &ids)]).await;
        assert_eq!(answer["code"], code);
    }
    assert_eq!(sms.call("message/getsmsstatus", &[]).await["code"], 2);
    assert_eq!(sms.call("message/getsmsstatus", &[("id", "1")]).await["code"], 12);
}

#[tokio::test]
async fn an_e_mail_is_read_and_a_list_of_addresses_is_kept_with_full_access_alone() {
    let mail = mail().await;
    let (_, sent) = mail.post("/emails", Some("a"), &email()).await;
    let read = |path: String| parsed(mail.client.get(mail.url(&path)).bearer_auth(RESEND_KEY));
    let path = format!("/emails/{}", sent["id"].as_str().unwrap());
    assert_eq!(read(path.clone()).await.1["last_event"], "sent");
    let webhook = mail
        .vendor
        .happens(mail.only().id, MailEvent::Complained)
        .unwrap();
    let told: Value = serde_json::from_str(&webhook.body).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["email_id"]),
        (&json!("email.complained"), &sent["id"])
    );
    assert_eq!(read(path.clone()).await.1["last_event"], "complained");
    let unknown = "/emails/01a21a77-9414-775c-8ee1-da2ec8b5d06d".to_owned();
    assert_eq!(read(unknown).await.0, 404);
    assert_eq!(read("/emails/x".to_owned()).await.0, 422);

    let suppress = "/suppressions/batch/add";
    let (status, answer) = mail
        .post(suppress, None, &json!({"emails": ["A@example.com"]}))
        .await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (201, 1));
    assert!(mail.vendor.suppressed().contains("a@example.com"));
    let many = vec!["a@example.com"; 101];
    for wrong in [
        json!({"emails": []}),
        json!({ "emails": many }),
        json!({"emails": ["x"]}),
        json!({"emails": ["a@example.com"], "reason": "x"}),
        json!({"email": "a@example.com"}),
    ] {
        assert_eq!(mail.post(suppress, None, &wrong).await.0, 422, "{wrong}");
    }
    let sending = mail_with(|options| options.sending_access = true).await;
    let addresses = json!({"emails": ["a@example.com"]});
    assert_eq!(sending.post(suppress, None, &addresses).await.0, 401);
}

/// A receiver that is late at first, then refuses, and then takes.
#[tokio::test]
async fn a_webhook_is_repeated_until_it_is_taken_in_time_and_lost_reports_are_not_sent() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let handle = async move |body: Bytes| {
        assert!(!body.is_empty());
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    };
    let receiver = Router::new().route("/", post(handle));
    let receiver = serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), receiver).unwrap();
    let mail = mail().await;
    mail.vendor.report_to(format!("{}/", receiver.url()));
    let mut lost = email();
    lost["to"] = json!(["lost+1@example.com"]);
    mail.post("/emails", Some("lost"), &lost).await;
    mail.post("/emails", Some("a"), &email()).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let stats = mail.vendor.hook_stats();
    assert_eq!((stats.sent, stats.taken, stats.late), (2, 1, 0), "{stats:?}");
    assert_eq!(stats.refused, [(503, 1)].into());

    let slow = Router::new().route(
        "/",
        post(async || {
            tokio::time::sleep(Duration::from_secs(6)).await;
            StatusCode::OK
        }),
    );
    let slow = serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), slow).unwrap();
    let sms = sms_with(|options| options.webhook_form = HookForm::Raw).await;
    sms.vendor.report_to(format!("{}/", slow.url()));
    sms.send(PHONE, "a").await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let stats = sms.vendor.hook_stats();
    assert_eq!((stats.sent, stats.taken, stats.late), (1, 0, 1), "{stats:?}");
}
