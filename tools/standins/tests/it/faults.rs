//! The ways to break a vendor.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standins::{Fault, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{RESEND_KEY, email, fault, mail, sms};

#[tokio::test]
async fn a_page_of_html_or_half_an_answer_is_no_json() {
    let mail = mail().await;
    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "html", "count": 1})));
    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "html", "status": 200, "count": 1})));
    for status in [502, 200] {
        let answer = mail.request("/emails", Some("k"), &email()).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert!(answer.text().await.unwrap().contains("nginx"));
    }
    assert!(mail.vendor.sent().is_empty());

    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "truncated", "count": 1})));
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
async fn a_cut_connection_carries_no_byte() {
    let mail = mail().await;
    let body = email().to_string();
    let request = format!(
        "POST /emails HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: t\r\nauthorization: Bearer {RESEND_KEY}\r\n\
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

    let sms = sms().await;
    sms.vendor.faults().add(Fault::times(Mode::AcceptThenDrop {}, 1));
    let form = [("recipient", "77001234567"), ("text", "код")];
    let call = sms.client.post(sms.service("message/sendsmsmessage")).form(&form);
    let error = call.send().await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(sms.list(&[("criteria[text]", "код")]).await.len(), 1);
}

#[tokio::test]
async fn a_timeout_takes_nothing_and_a_slow_answer_takes_the_message_anyway() {
    let mail = mail().await;
    let impatient = async || {
        let request = mail.request("/emails", Some("k"), &email());
        let answer = request.timeout(Duration::from_millis(200)).send().await;
        assert!(answer.unwrap_err().is_timeout());
    };
    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "timeout", "count": 1})));
    impatient().await;
    assert!(mail.vendor.sent().is_empty());

    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "slow", "ms": 500, "count": 1})));
    let started = Instant::now();
    assert_eq!(mail.post("/emails", Some("patient"), &email()).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(500));

    mail.vendor
        .faults()
        .add(fault(&json!({"mode": "slow", "ms": 500, "count": 1})));
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
