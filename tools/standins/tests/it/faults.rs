//! The ways to break a vendor, and the control paths.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standins::{Fault, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{RESEND_KEY, email, mail, parsed, sms};

#[tokio::test]
async fn faults_are_ordered_listed_and_cleared_over_http() {
    let mail = mail().await;
    let fault = json!({"mode": "status", "status": 500, "count": 2, "retry_after": 3});
    assert_eq!(mail.order(fault.clone()).await, (201, json!([fault])));

    let answer = mail.request("/emails", None, &email()).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "3");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        json!([answer["statusCode"], answer["name"]]),
        json!([500, "internal_server_error"])
    );

    assert_eq!(mail.control("/_faults").await[0]["count"], 1);
    let cleared = mail.client.delete(mail.url("/_faults")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(mail.post("/emails", None, &email()).await.0, 200);
    assert_eq!(mail.vendor.stats().faulted, 1);

    let (status, answer) = mail.order(json!({"mode": "earthquake"})).await;
    assert_eq!(status, 400);
    let help = answer["error"].as_str().unwrap();
    assert!(help.contains("modes: status, rate_limit"), "{answer}");
    let broken = mail.client.post(mail.url("/_faults")).body("{");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    assert_eq!(mail.vendor.faults().list(), []);
}

#[tokio::test]
async fn errors_are_in_the_vendors_own_format() {
    let mail = mail().await;
    mail.order(json!({"mode": "status", "status": 429, "name": "daily_quota_exceeded", "count": 1}))
        .await;
    mail.order(json!({"mode": "rate_limit", "retry_after": 2, "count": 1}))
        .await;
    let (status, answer) = mail.post("/emails", None, &email()).await;
    assert_eq!((status, &answer["name"]), (429, &json!("daily_quota_exceeded")));
    let limited = mail.request("/emails", None, &email()).send().await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    let answer: Value = limited.json().await.unwrap();
    assert_eq!(answer["name"], "rate_limit_exceeded");

    let sms = sms().await;
    for (fault, status, code) in [
        (json!({"mode": "status", "status": 200, "name": 14}), 200, 14),
        (json!({"mode": "status", "status": 500}), 500, 999),
        (json!({"mode": "rate_limit", "retry_after": 60}), 200, 30),
    ] {
        sms.vendor.faults().clear();
        sms.order(fault.clone()).await;
        let call = sms.client.post(sms.service("message/sendsmsmessage"));
        let (got, answer) = parsed(call.form(&[("recipient", "77001234567"), ("text", "a")])).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{fault}");
    }
    assert!(mail.vendor.sent().is_empty() && sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn a_page_of_html_or_half_an_answer_is_no_json() {
    let mail = mail().await;
    mail.order(json!({"mode": "html", "count": 1})).await;
    mail.order(json!({"mode": "html", "status": 200, "count": 1}))
        .await;
    for status in [502, 200] {
        let answer = mail.request("/emails", Some("k"), &email()).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert!(answer.text().await.unwrap().contains("nginx"));
    }
    assert!(mail.vendor.sent().is_empty());

    mail.order(json!({"mode": "truncated", "count": 1})).await;
    let answer = mail.request("/emails", Some("k"), &email()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let body = answer.text().await.unwrap();
    let is_json = serde_json::from_str::<Value>(&body).is_ok();
    assert!(body.starts_with(r#"{"id":""#) && !is_json, "{body}");

    let id = mail.only().id.to_string();
    assert_eq!(
        mail.post("/emails", Some("k"), &email()).await,
        (200, json!({"id": id}))
    );
}

#[tokio::test]
async fn accept_then_drop_takes_the_message_and_cuts_the_connection() {
    let mail = mail().await;
    mail.order(json!({"mode": "accept_then_drop", "count": 1})).await;
    let request = mail.request("/emails", Some("k"), &email());
    let error = request.send().await.unwrap_err();
    assert!(
        error.is_request() && !error.is_timeout() && !error.is_connect(),
        "{error:?}"
    );
    let id = mail.only().id.to_string();
    assert_eq!(
        mail.post("/emails", Some("k"), &email()).await,
        (200, json!({"id": id}))
    );

    let sms = sms().await;
    sms.vendor.faults().add(Fault::times(Mode::AcceptThenDrop {}, 1));
    let form = [("recipient", "77001234567"), ("text", "код")];
    let call = sms.client.post(sms.service("message/sendsmsmessage")).form(&form);
    assert!(call.send().await.is_err());
    assert_eq!(sms.list(&[("criteria[text]", "код")]).await.len(), 1);
}

#[tokio::test]
async fn a_cut_connection_carries_no_byte() {
    let mail = mail().await;
    let body = email().to_string();
    let request = format!(
        "POST /emails HTTP/1.1\r\nhost: x\r\nuser-agent: t\r\nauthorization: Bearer {RESEND_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for (mode, taken) in [(Mode::Drop {}, 0), (Mode::AcceptThenDrop {}, 1)] {
        mail.vendor.faults().add(Fault::times(mode, 1));
        let mut stream = TcpStream::connect(mail.running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The end may come as a reset.
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
            .await
            .unwrap();
        assert_eq!(answer, b"");
        assert_eq!(mail.vendor.sent().len(), taken);
    }
}

#[tokio::test]
async fn a_timeout_takes_nothing_and_a_slow_answer_takes_the_message_anyway() {
    let mail = mail().await;
    let impatient = async || {
        let request = mail.request("/emails", Some("k"), &email());
        let answer = request.timeout(Duration::from_millis(200)).send().await;
        assert!(answer.unwrap_err().is_timeout());
    };
    mail.order(json!({"mode": "timeout", "count": 1})).await;
    impatient().await;
    assert!(mail.vendor.sent().is_empty());

    mail.order(json!({"mode": "slow", "ms": 500, "count": 1})).await;
    let started = Instant::now();
    assert_eq!(mail.post("/emails", Some("patient"), &email()).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(500));

    mail.order(json!({"mode": "slow", "ms": 500, "count": 1})).await;
    impatient().await;
    assert_eq!(mail.vendor.sent().len(), 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(mail.vendor.sent().len(), 2);
}

#[tokio::test]
async fn stopping_ends_hung_requests_and_frees_the_port() {
    let hanging = mail().await;
    hanging.vendor.faults().add(Fault::times(Mode::Timeout {}, 1));
    let hung = tokio::spawn(hanging.request("/emails", None, &email()).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (addr, started) = (hanging.running.addr, Instant::now());
    hanging.running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(hung.await.unwrap().is_err());
    assert!(TcpStream::connect(addr).await.is_err());

    let other = mail().await;
    let addr = other.running.addr;
    drop(other.running);
    for _ in 0..50 {
        if TcpStream::connect(addr).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a dropped server still listens");
}
