//! The rate limit, the block behind it, and the counts.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use standins::{AmoCrm, AmoCrmOptions};

use super::{Served, TOKEN, crm, crm_with, new_deal};

async fn call(crm: &Served<AmoCrm>) -> (u16, String) {
    let answer = crm.request(Method::GET, "/api/v4/account").send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind)
}

#[tokio::test]
async fn the_eighth_request_within_a_second_is_one_too_many() {
    assert_eq!(AmoCrmOptions::new(TOKEN).rate_limit_per_second, Some(7));
    assert_eq!(AmoCrmOptions::new(TOKEN).block_after, Some(20));
    let crm = crm_with(|options| {
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

    let counts = crm.control("/_stats").await;
    assert_eq!(
        json!([counts["requests"], counts["max_in_one_second"]]),
        json!([9, 8])
    );
    assert_eq!(counts["statuses"], json!({"200": 8, "429": 1}));
    assert_eq!(counts["rejected"], json!({"rate_limit": 1}));
}

#[tokio::test]
async fn some_429_answers_are_pages_when_asked_for() {
    let crm = crm_with(|options| {
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
async fn many_429_answers_lead_to_a_block_until_it_is_lifted() {
    let crm = crm_with(|options| {
        options.rate_limit_per_second = Some(1);
        options.block_after = Some(3);
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(call(&crm).await.0);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 403, 403]);
    // Waiting does not help, and no path is spared.
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(call(&crm).await, (403, "text/html".to_owned()));
    let tokens = crm.request(Method::POST, "/oauth2/access_token").json(&json!({}));
    let answer = tokens.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("nginx"));
    assert_eq!(crm.vendor.stats().rejected["blocked"], 4);

    crm.vendor.unblock();
    assert_eq!(call(&crm).await.0, 200);
    // The 429 answers before the block are forgotten.
    for status in [429, 429, 429, 403] {
        assert_eq!(call(&crm).await.0, status);
    }
}

#[tokio::test]
async fn a_block_can_be_ordered() {
    let crm = crm().await;
    crm.vendor.block();
    let request = crm.request(Method::POST, "/api/v4/leads/complex");
    let answer = request.json(&json!([new_deal()])).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    crm.vendor.unblock();
    assert_eq!(call(&crm).await.0, 200);
    assert!(crm.vendor.deals().is_empty());
}
