//! The rate limit, the block behind it, and the counts.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use standins::{AmoCrm, AmoCrmOptions};

use super::{Served, TOKEN, crm_with, new_deal};

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

    let seen = crm.vendor.stats();
    assert_eq!((seen.requests, seen.max_in_one_second), (9, 8));
    assert_eq!(seen.statuses, [(200, 8), (429, 1)].into());
    assert_eq!(seen.rejected, [("rate_limit".to_owned(), 1)].into());
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
