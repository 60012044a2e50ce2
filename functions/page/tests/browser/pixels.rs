//! Third parties: nothing of theirs without consent, and nothing depends on them. No test lets the browser reach them.

use crate::visitor::Visitor;
use crate::walk::{Contact, PHONE, fill_form, finish_test};
use crate::{AIGERIM, visit};
use serde_json::json;

const SCRIPTS: [&str; 2] = [
    "https://connect.facebook.net/en_US/fbevents.js",
    "https://mc.yandex.ru/metrika/tag.js",
];
/// Which scripts of others the page has asked for.
const ASKED: &str = "[...document.querySelectorAll('script[src^=\"https:\"]')].map((script) => script.src)";

async fn reach_form(visitor: &Visitor, site_url: &str, contact: &Contact<'_>) {
    visitor.blocks_third_parties().await;
    visitor.open(&format!("{site_url}/proftest/pixels")).await;
    visitor.press("#begin").await;
    finish_test(visitor, 0).await;
    fill_form(visitor, contact).await;
}

#[tokio::test]
async fn a_pixel_waits_for_its_own_consent() {
    let Some((site, visitor)) = visit("pixels", PHONE).await else {
        return;
    };
    reach_form(&visitor, &site.url, &AIGERIM).await;
    assert_eq!(visitor.eval(ASKED).await, json!([]));
    visitor.picture("1-form").await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
    assert_eq!(visitor.eval(ASKED).await, json!([]));
    assert_eq!(visitor.failed_requests(), [""; 0]);
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn third_parties_that_are_blocked_cost_no_lead() {
    let Some((site, visitor)) = visit("blocked", PHONE).await else {
        return;
    };
    // As long as addresses get, and wider than the phone.
    let email = format!("{}@{}.example.com", "a".repeat(64), "b".repeat(60));
    let contact = Contact {
        email: &email,
        ..AIGERIM
    };
    reach_form(&visitor, &site.url, &contact).await;
    visitor.press("#ads").await;
    visitor.until(&format!("{ASKED}.length === 2")).await;
    assert_eq!(visitor.eval(ASKED).await, json!(SCRIPTS));
    visitor.press("#send").await;
    visitor.sees("#result").await;
    visitor
        .until("fbq.queue.some((call) => call[1] === 'Lead') && ym.a.some((call) => call[2] === 'lead')")
        .await;
    assert_eq!(visitor.failed_requests(), ["network blocked: inspector"; 2]);
    let saved = site.api(|api| api.saved.clone());
    assert_eq!(
        (saved.len(), &saved[0]["source"], &saved[0]["email"]),
        (1, &json!("proftest_pixels"), &json!(email))
    );
    visitor.picture("1-result").await;
    visitor.had_no_trouble().await;
    visitor.leave().await;
}
