//! What is asked of a suspicious visitor's browser: they see nothing of it.

use crate::site::Site;
use crate::visitor::Visitor;
use crate::walk::{DESKTOP, PHONE, fill_form, finish_test};
use crate::{AIGERIM, visit};
use chromiumoxide::cdp::browser_protocol::fetch::{
    EnableParams, EventRequestPaused, FulfillRequestParams, RequestPattern,
};
use futures::StreamExt as _;
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// The page owes no proof any more.
const NOTHING_OWED: &str = "!JSON.parse(sessionStorage.proftest).asked";
/// Whether a worker, or Cloudflare's frame, was loaded.
const LOADED: &str = "performance.getEntriesByType('resource')
    .some((one) => /worker-|turnstile|challenges/.test(one.name)) || !!document.querySelector('iframe')";

async fn send_form(visitor: &Visitor, site: &Site) {
    visitor.open(&format!("{}/proftest/blogger", site.url)).await;
    visitor.press("#begin").await;
    finish_test(visitor, 0).await;
    fill_form(visitor, &AIGERIM).await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
}

async fn until(site: &Site, is_so: fn(&mut crate::site::Api) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !site.api(is_so) {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:?}",
            site.api(|api| api.proofs.clone())
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_challenge_is_solved_over_an_outage_and_a_reload() {
    let Some((site, visitor)) = visit("challenged", PHONE).await else {
        return;
    };
    // Without a ticket nothing is said, and nothing waits.
    site.api(|api| (api.challenges, api.is_down) = (true, true));
    send_form(&visitor, &site).await;
    assert!(site.api(|api| api.saved[0].get("ticket").is_none()));
    until(&site, |api| api.proofs.len() >= 2).await;
    visitor.picture("1-result").await;
    visitor.reload().await;
    visitor.sees("#result").await;
    site.api(|api| api.is_down = false);
    until(&site, |api| api.proved.len() == 1).await;
    visitor.until(NOTHING_OWED).await;
    visitor.had_no_trouble().await;
    // It is over: another reload proves nothing again.
    let posted = site.api(|api| api.proofs.len());
    visitor.reload().await;
    visitor.sees("#result").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(site.api(|api| api.proofs.len()), posted);
    assert_eq!(visitor.eval(LOADED).await, false);
    visitor.leave().await;
}

/// The proof is of what was sent, not of the test that is taken now.
#[tokio::test]
async fn a_visitor_who_begins_again_at_once_still_proves() {
    let Some((site, visitor)) = visit("challenged-again", DESKTOP).await else {
        return;
    };
    site.api(|api| (api.challenges, api.is_down) = (true, true));
    send_form(&visitor, &site).await;
    visitor.press("#again").await;
    visitor.press("#begin").await;
    visitor.sees("#q1").await;
    site.api(|api| api.is_down = false);
    until(&site, |api| api.proved.len() == 1).await;
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn nobody_else_loads_a_worker() {
    let Some((site, visitor)) = visit("unchallenged", PHONE).await else {
        return;
    };
    send_form(&visitor, &site).await;
    assert_eq!(visitor.eval(LOADED).await, false);
    assert_eq!(site.api(|api| api.proofs.len()), 0);
    visitor.leave().await;
}

/// Cloudflare's script, as far as the page uses it: a token at once, another one after a reload.
const CLOUDFLARE: &str = "
    sessionStorage.rendered = Number(sessionStorage.rendered || 0) + 1;
    window.turnstile = {render: (place, options) => {
        const known = document.querySelector(place) && options.sitekey === '0x4AAA' && options['error-callback'];
        if (known) options.callback(options.action + sessionStorage.rendered);
    }};
    window.ready();
";

/// Answers what is asked of Cloudflare with the script above.
async fn plays_cloudflare(visitor: &Visitor) {
    let tab = visitor.tab().clone();
    let mut paused = tab.event_listener::<EventRequestPaused>().await.unwrap();
    let pattern = RequestPattern::builder().url_pattern("https://challenges.cloudflare.com/*");
    let enable = EnableParams::builder().pattern(pattern.build()).build();
    tab.execute(enable).await.unwrap();
    tokio::spawn(async move {
        while let Some(event) = paused.next().await {
            use base64::Engine as _;
            let mut answer = FulfillRequestParams::new(event.request_id.clone(), 200);
            let script = base64::engine::general_purpose::STANDARD.encode(CLOUDFLARE);
            answer.body = Some(script.into());
            let _ = tab.execute(answer).await;
        }
    });
}

#[tokio::test]
async fn turnstile_is_asked_in_a_frame_and_a_used_token_is_replaced() {
    let Some((site, visitor)) = visit("turnstile", PHONE).await else {
        return;
    };
    plays_cloudflare(&visitor).await;
    site.api(|api| {
        (api.challenges, api.site_key) = (true, Some("0x4AAA"));
        api.used_tokens = vec!["proftest1"];
    });
    send_form(&visitor, &site).await;
    until(&site, |api| api.proved.len() == 1).await;
    visitor.until(NOTHING_OWED).await;
    visitor.until("!document.querySelector('iframe')").await;
    let tokens = site.api(|api| {
        let proofs = api.proofs.iter();
        proofs.map(|proof| proof["turnstile"].clone()).collect::<Vec<_>>()
    });
    assert_eq!(tokens, [json!("proftest1"), json!("proftest2")]);
    visitor.picture("1-result").await;
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn a_consent_that_the_server_misses_is_asked_for() {
    let Some((site, visitor)) = visit("consent", PHONE).await else {
        return;
    };
    visitor.open(&format!("{}/proftest", site.url)).await;
    visitor.press("#begin").await;
    finish_test(&visitor, 0).await;
    fill_form(&visitor, &AIGERIM).await;
    // Unticked, the form is not sent.
    visitor.press("#consent").await;
    visitor.press("#send").await;
    visitor
        .reads("Без согласия мы не сможем отправить результат")
        .await;
    assert_eq!(site.api(|api| api.posts.len()), 0);
    visitor.picture("1-unticked").await;
    visitor.press("#consent").await;
    site.api(|api| api.refusal = Some(("consent", "Без согласия никак")));
    visitor.press("#send").await;
    visitor.reads("Без согласия никак").await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "consent");
    visitor.press("#send").await;
    visitor.sees("#result").await;
    visitor.leave().await;
}
