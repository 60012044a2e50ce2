//! The ways to break a vendor, and the control paths.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standins::{Fault, Feed, Mode, Resend, ResendOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Mail, RESEND_KEY, Sms, email, parsed, start};

async fn order(mail: &Mail, fault: Value) -> (u16, Value) {
    parsed(
        mail.client
            .post(mail.url("/_faults"))
            .json(&fault)
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn faults_are_ordered_listed_and_cleared_over_http() {
    let mail = Mail::start().await;
    let fault = json!({"mode": "status", "status": 500, "count": 2, "retry_after": 3});
    assert_eq!(order(&mail, fault.clone()).await, (201, json!([fault])));

    let answer = mail.request("/emails", None, &email()).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "3");
    let (status, answer) = parsed(answer).await;
    assert_eq!(
        (status, &answer["statusCode"], &answer["name"]),
        (500, &json!(500), &json!("internal_server_error"))
    );

    let list: Value = mail
        .client
        .get(mail.url("/_faults"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list[0]["count"], 1);
    assert_eq!(
        mail.client
            .delete(mail.url("/_faults"))
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(mail.post("/emails", None, &email()).await.0, 200);
    assert_eq!(mail.vendor.stats().faulted, 1);

    let (status, answer) = order(&mail, json!({"mode": "earthquake"})).await;
    assert_eq!(status, 400);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("modes: status, rate_limit"),
        "{answer}"
    );
    let broken = mail
        .client
        .post(mail.url("/_faults"))
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(mail.vendor.faults().list(), []);
}

#[tokio::test]
async fn errors_speak_the_vendors_language() {
    let mail = Mail::start().await;
    order(
        &mail,
        json!({"mode": "status", "status": 429, "name": "daily_quota_exceeded", "count": 1}),
    )
    .await;
    order(&mail, json!({"mode": "rate_limit", "retry_after": 2, "count": 1})).await;
    let (status, answer) = mail.post("/emails", None, &email()).await;
    assert_eq!((status, &answer["name"]), (429, &json!("daily_quota_exceeded")));
    let limited = mail.request("/emails", None, &email()).send().await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert_eq!(parsed(limited).await.1["name"], "rate_limit_exceeded");

    let sms = Sms::start().await;
    let faults = format!("{}/_faults", sms.running.url());
    for (fault, status, code) in [
        (
            json!({"mode": "status", "status": 200, "name": 14, "count": 1}),
            200,
            14,
        ),
        (json!({"mode": "status", "status": 500, "count": 1}), 500, 999),
        (
            json!({"mode": "rate_limit", "retry_after": 60, "count": 1}),
            200,
            30,
        ),
    ] {
        sms.client.post(&faults).json(&fault).send().await.unwrap();
        let form = [("recipient", "77001234567"), ("text", "a")];
        let call = sms.client.post(sms.url("message/sendsmsmessage")).form(&form);
        let (got, answer) = parsed(call.send().await.unwrap()).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{fault}");
    }
    assert!(mail.vendor.sent().is_empty() && sms.vendor.sent().is_empty());
}

#[tokio::test]
async fn a_page_of_html_or_half_an_answer_is_no_json() {
    let mail = Mail::start().await;
    order(&mail, json!({"mode": "html", "count": 1})).await;
    order(&mail, json!({"mode": "html", "status": 200, "count": 1})).await;
    for status in [502, 200] {
        let answer = mail.request("/emails", Some("k"), &email()).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert!(answer.text().await.unwrap().contains("nginx"));
    }
    assert!(mail.vendor.sent().is_empty());

    order(&mail, json!({"mode": "truncated", "count": 1})).await;
    let answer = mail.request("/emails", Some("k"), &email()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let body = answer.text().await.unwrap();
    assert!(
        body.starts_with(r#"{"id":""#) && serde_json::from_str::<Value>(&body).is_err(),
        "{body}"
    );

    let id = mail.only().id.to_string();
    assert_eq!(
        mail.post("/emails", Some("k"), &email()).await,
        (200, json!({"id": id}))
    );
}

#[tokio::test]
async fn accept_then_drop_takes_the_message_and_cuts_the_connection() {
    let mail = Mail::start().await;
    order(&mail, json!({"mode": "accept_then_drop", "count": 1})).await;
    let error = mail
        .request("/emails", Some("k"), &email())
        .send()
        .await
        .unwrap_err();
    assert!(
        error.is_request() && !error.is_timeout() && !error.is_connect(),
        "{error:?}"
    );
    let id = mail.only().id.to_string();
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
    assert_eq!(
        mail.post("/emails", Some("k"), &email()).await,
        (200, json!({"id": id}))
    );

    let sms = Sms::start().await;
    sms.vendor.faults().add(Fault::times(Mode::AcceptThenDrop {}, 1));
    let form = [("recipient", "77001234567"), ("text", "код")];
    let call = sms.client.post(sms.url("message/sendsmsmessage")).form(&form);
    assert!(call.send().await.is_err());
    assert_eq!(sms.list(&[("criteria[text]", "код")]).await.len(), 1);
}

#[tokio::test]
async fn a_cut_connection_carries_no_byte() {
    let mail = Mail::start().await;
    let body = email().to_string();
    let request = format!(
        "POST /emails HTTP/1.1\r\nhost: x\r\nuser-agent: t\r\nauthorization: Bearer {RESEND_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for (mode, taken) in [(Mode::Drop {}, 0), (Mode::AcceptThenDrop {}, 1)] {
        mail.vendor.faults().add(Fault::times(mode, 1));
        let mut stream = tokio::net::TcpStream::connect(mail.running.addr).await.unwrap();
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
    let mail = Mail::start().await;
    let impatient = || {
        mail.request("/emails", Some("k"), &email())
            .timeout(Duration::from_millis(200))
            .send()
    };
    order(&mail, json!({"mode": "timeout", "count": 1})).await;
    assert!(impatient().await.unwrap_err().is_timeout());
    assert!(mail.vendor.sent().is_empty());

    order(&mail, json!({"mode": "slow", "ms": 500, "count": 1})).await;
    let started = Instant::now();
    assert_eq!(mail.post("/emails", Some("patient"), &email()).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(500));

    order(&mail, json!({"mode": "slow", "ms": 500, "count": 1})).await;
    assert!(impatient().await.unwrap_err().is_timeout());
    assert_eq!(mail.vendor.sent().len(), 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(mail.vendor.sent().len(), 2);
}

#[tokio::test]
async fn every_n_th_request_only() {
    let mail = Mail::start().await;
    order(&mail, json!({"mode": "status", "status": 503, "every": 3})).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(mail.post("/emails", None, &email()).await.0);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn stopping_ends_hung_requests_and_frees_the_port() {
    let mail = Mail::start().await;
    mail.vendor.faults().add(Fault::times(Mode::Timeout {}, 1));
    let hung = tokio::spawn(mail.request("/emails", None, &email()).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (addr, started) = (mail.running.addr, Instant::now());
    mail.running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(hung.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());

    let other = Mail::start().await;
    let addr = other.running.addr;
    drop(other.running);
    for _ in 0..50 {
        if tokio::net::TcpStream::connect(addr).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a dropped server still listens");
}

#[tokio::test]
async fn the_feed_tells_each_step_without_naming_people() {
    let feed = Feed::default();
    let mut events = feed.subscribe();
    let vendor = Resend::new(ResendOptions::new(RESEND_KEY), feed);
    let mail = Mail {
        running: start(vendor.router()).await,
        vendor,
        client: crate::client(),
    };
    mail.post("/emails", Some("k"), &email()).await;
    mail.post("/emails", Some("k"), &email()).await;
    mail.post("/emails", None, &json!({})).await;
    mail.vendor
        .faults()
        .add(Fault::times(Mode::Html { status: 502 }, 1));
    mail.request("/emails", None, &email()).send().await.unwrap();

    let id = mail.only().id.simple().to_string();
    for summary in [
        &format!("e-mail accepted …{} «Ваши результаты»", &id[24..]),
        "idempotency key replayed, nothing sent",
        "refused: missing_required_field",
        "fault: HTML page with status 502",
    ] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.vendor, event.summary.as_str()), ("resend", summary));
    }
}
