//! The rate limit, the block behind it, and the counts.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use standins::{AmoCrm, AmoCrmOptions, Feed};

use super::{Crm, TOKEN, new_deal};

/// Status and content type of one call.
async fn call(crm: &Crm) -> (u16, String) {
    let answer = crm.request(Method::GET, "/api/v4/account").send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind)
}

#[tokio::test]
async fn the_eighth_request_within_a_second_is_one_too_many() {
    assert_eq!(AmoCrmOptions::new(TOKEN).rate_limit_per_second, Some(7));
    assert_eq!(AmoCrmOptions::new(TOKEN).block_after, Some(20));
    let crm = Crm::with(|options| {
        options.rate_limit_per_second = Some(7);
        options.retry_after_seconds = 5;
    })
    .await;
    for _ in 0..7 {
        assert_eq!(call(&crm).await.0, 200);
    }
    let (status, answer) = crm.complex(&json!([new_deal()])).await;
    assert_eq!(status, 429);
    assert_eq!(
        answer,
        json!({
            "title": "Too Many Requests", "type": "https://httpstatus.es/429", "status": 429,
            "detail": "Too many requests", "retry_after": 5,
        })
    );
    assert!(crm.vendor.deals().is_empty());
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(call(&crm).await.0, 200);

    let (status, counts) = crm.get("/_stats").await;
    assert_eq!(
        (status, &counts["requests"], &counts["max_in_one_second"]),
        (200, &json!(9), &json!(8))
    );
    assert_eq!(counts["statuses"], json!({"200": 8, "429": 1}));
    assert_eq!(counts["rejected"], json!({"rate_limit": 1}));
    assert!(!crm.vendor.is_blocked());
}

#[tokio::test]
async fn some_429_answers_are_pages_when_asked_for() {
    let crm = Crm::with(|options| {
        options.rate_limit_per_second = Some(1);
        options.html_every = Some(2);
    })
    .await;
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(call(&crm).await);
    }
    let json = (429, "application/problem+json".to_owned());
    let page = (429, "text/html".to_owned());
    assert_eq!(kinds[1..], [json.clone(), page.clone(), json, page]);
}

#[tokio::test]
async fn who_goes_on_after_many_429_is_blocked_until_unblocked() {
    let crm = Crm::with(|options| {
        options.rate_limit_per_second = Some(1);
        options.block_after = Some(3);
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(call(&crm).await.0);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 403, 403]);
    // Waiting does not help, and there is no path that is spared.
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(call(&crm).await, (403, "text/html".to_owned()));
    let tokens = crm.request(Method::POST, "/oauth2/access_token").json(&json!({}));
    let answer = tokens.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("nginx"));
    assert_eq!(crm.get("/_block").await.1, json!({"blocked": true}));
    assert_eq!(crm.vendor.stats().rejected["blocked"], 4);

    assert_eq!(
        crm.post("/_unblock", &json!(null)).await,
        (200, json!({"blocked": false}))
    );
    assert_eq!(call(&crm).await.0, 200);
    // The 429 answers before the block are forgotten.
    assert_eq!(
        [call(&crm).await.0, call(&crm).await.0, call(&crm).await.0],
        [429, 429, 429]
    );
    assert!(crm.vendor.is_blocked());
}

#[tokio::test]
async fn a_block_can_be_had_at_once() {
    let crm = Crm::start().await;
    crm.vendor.block();
    let answer = crm
        .request(Method::POST, "/api/v4/leads/complex")
        .json(&json!([new_deal()]));
    assert_eq!(answer.send().await.unwrap().status(), 403);
    crm.vendor.unblock();
    assert!(!crm.vendor.is_blocked());
    assert_eq!(
        crm.post("/_block", &json!(null)).await,
        (200, json!({"blocked": true}))
    );
    assert_eq!(call(&crm).await.0, 403);
    // A new start of the counts is no pardon.
    crm.vendor.clear();
    assert!(crm.vendor.is_blocked() && crm.vendor.deals().is_empty());
}

#[tokio::test]
async fn the_feed_tells_each_step_without_naming_people() {
    let feed = Feed::default();
    let mut events = feed.subscribe();
    let vendor = AmoCrm::new(AmoCrmOptions::new(TOKEN), feed);
    let crm = Crm {
        running: crate::start(vendor.router()).await,
        vendor,
        client: crate::client(),
    };
    crm.complex(&json!([new_deal()])).await;
    let id = crm.only().id;
    crm.patch(&format!("/api/v4/leads/{id}"), &json!({"status_id": 61_000_030}))
        .await;
    let note = json!([{"note_type": "common", "params": {"text": "Анна"}}]);
    crm.post(&format!("/api/v4/leads/{id}/notes"), &note).await;
    crm.complex(&json!([{"x": 1}])).await;
    crm.vendor.block();
    for summary in [
        format!("deal {id} made in «ЗАЯВКА_С_ПРОФТЕСТА»"),
        format!("deal {id} changed, in «Переговоры»"),
        format!("note on deal {id}"),
        "refused: validation".to_owned(),
        "account blocked".to_owned(),
    ] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.vendor, event.summary), ("amocrm", summary));
    }
}
