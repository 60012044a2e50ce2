//! The page in a real browser: Debian's Chromium, driven over its DevTools protocol.
//!
//! Pictures of every state are left in `target/tmp/page/<visitor>/`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes a test's helper functions for production code"
)]

mod accessibility;
mod axe;
#[path = "../../build/campaigns.rs"]
mod campaigns;
mod challenge;
mod journey;
mod layout;
mod machine;
mod pixels;
mod questions;
mod quick;
mod site;
mod spellings;
mod touches;
mod visitor;
mod walk;

use machine::{DEJAVU, Fonts, chromium};
use proftest::domain::guard::Ticket;
use serde_json::{Value, json};
use site::Site;
use std::time::Duration;
use visitor::{Size, Visitor};
use walk::{ANSWERS, Contact, DESKTOP, PHONE, fill_form, finish_test};

/// Long enough for a dozen frames.
const WATCHED: Duration = Duration::from_millis(800);

const AIGERIM: Contact<'_> = Contact {
    name: "Айгерим",
    email: "aigerim@example.com",
    phone: "87010000000",
};

async fn visit(name: &str, size: Size) -> Option<(Site, Visitor)> {
    visit_with(&DEJAVU, name, size).await
}

async fn visit_with(fonts: &'static Fonts, name: &str, size: Size) -> Option<(Site, Visitor)> {
    let chromium = chromium(fonts)?;
    Some((Site::start().await, Visitor::new(&chromium, name, size).await))
}

/// Everything that the one lead must hold.
fn check_lead(site: &Site, campaign: &str) {
    let saved = site.api(|api| api.saved.clone());
    assert_eq!(saved.len(), 1, "{saved:?}");
    let lead = &saved[0];
    for (field, value) in [
        ("name", json!("Айгерим")),
        ("email", json!("aigerim@example.com")),
        ("phone", json!("+7 701 000 00 00")),
        ("source", json!(format!("proftest_{campaign}"))),
        ("campaignSlug", json!(campaign)),
        ("answers", json!(ANSWERS)),
        ("website", json!("")),
        ("utmParams", json!({"utm_source": "instagram", "fbclid": "x1"})),
        ("lastUtmParams", json!({"utm_source": "google", "gclid": "y2"})),
    ] {
        assert_eq!(lead[field], value, "{field}");
    }
    let questions = proftest::domain::quiz::questions();
    for (index, text) in lead["proftestAnswers"].as_array().unwrap().iter().enumerate() {
        let question = &questions[index];
        let option = question.options[ANSWERS[index]].text;
        assert_eq!(
            *text,
            json!({"questionNumber": index + 1, "question": question.text, "answer": option})
        );
    }
    let consent = json!({"version": "2", "language": "ru", "email": true, "sms": true});
    assert_eq!(lead["consent"], consent);
    assert_eq!(lead["page"], format!("/proftest/{campaign}"));
    let ticket = lead["ticket"].as_str().unwrap();
    let later = site::now() + Duration::from_secs(3);
    assert!(Ticket::is_good(&site::guard_key(), ticket, later), "{ticket}");
    assert!(lead.get("elapsedMs").is_none());
    let posts = site.api(|api| api.posts.clone());
    let ids: std::collections::HashSet<&str> = posts
        .iter()
        .map(|post| post["submissionId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 1);
    assert!(ids.iter().all(|id| id.len() >= 32));
}

async fn check_result(visitor: &Visitor, site: &Site) {
    visitor.sees("#result").await;
    let shown = site.api(|api| site::result(&api.saved[0])).unwrap();
    for text in [
        &shown["types"][0]["title"],
        &shown["types"][1]["meaning"],
        &shown["firstStep"],
        &shown["professions"][4],
    ] {
        visitor.reads(text.as_str().unwrap()).await;
    }
    visitor
        .reads("Через 10 минут придут письмо на aigerim@example.com и SMS на +7 701 000 00 00")
        .await;
    assert_eq!(
        visitor
            .eval("document.querySelectorAll('#result .on').length")
            .await,
        2
    );
}

#[tokio::test]
async fn an_outage_a_reload_and_a_lost_network_cost_nothing() {
    let Some((site, visitor)) = visit("outage", PHONE).await else {
        return;
    };
    visitor
        .open(&format!("{}/proftest/x?utm_source=instagram&fbclid=x1", site.url))
        .await;
    visitor
        .open(&format!(
            "{}/proftest/blogger?utm_source=google&gclid=y2",
            site.url
        ))
        .await;
    visitor.press("#begin").await;
    finish_test(&visitor, 0).await;
    fill_form(&visitor, &AIGERIM).await;
    site.api(|api| api.failures = 3);
    visitor.press("#send").await;
    visitor.reads("Сервер пока не отвечает.").await;
    visitor.reads("Следующая попытка через").await;
    visitor.picture("1-busy").await;
    // A reload goes on sending by itself, and so does the page left alone.
    visitor.reload().await;
    visitor
        .until("document.getElementById('notice-title').textContent.startsWith('Сервер')")
        .await;
    assert!(site.api(|api| api.posts.len()) >= 2);
    visitor.is_offline(true).await;
    visitor.press("#send").await;
    visitor.reads("Нет интернета.").await;
    visitor.picture("2-offline").await;
    assert_eq!(site.api(|api| api.saved.len()), 0);
    visitor.is_offline(false).await;
    check_result(&visitor, &site).await;
    check_lead(&site, "blogger");
    assert!(site.api(|api| api.posts.len()) >= 4);
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn what_the_server_refuses_is_said_and_mended() {
    let Some((site, visitor)) = visit("refused", PHONE).await else {
        return;
    };
    visitor.open(&format!("{}/proftest", site.url)).await;
    visitor.press("#begin").await;
    finish_test(&visitor, 0).await;
    fill_form(&visitor, &AIGERIM).await;
    site.api(|api| api.refusal = Some(("phone", "Введите корректный номер")));
    visitor.press("#send").await;
    visitor.reads("Введите корректный номер").await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "phone");
    // A browser has filled in the trap for a person: the second press goes through.
    visitor
        .eval("document.getElementById('website').value = 'https://example.com'")
        .await;
    site.api(|api| api.refusal = Some(("website", "Нажмите кнопку ещё раз")));
    visitor.press("#send").await;
    visitor.reads("Нажмите кнопку ещё раз").await;
    visitor.picture("1-trapped").await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
    let posts = site.api(|api| api.posts.clone());
    let sent: Vec<&Value> = posts.iter().map(|post| &post["website"]).collect();
    assert_eq!(sent, ["", "https://example.com", ""]);
    assert_eq!(posts[2]["source"], "proftest");
    assert!(posts[2].get("campaignSlug").is_none() && posts[2].get("utmParams").is_none());
    visitor.leave().await;
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    let Some((site, visitor)) = visit("keyboard", DESKTOP).await else {
        return;
    };
    visitor.open(&format!("{}/proftest/blogger", site.url)).await;
    visitor.key("Tab").await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "begin");
    visitor.key("Enter").await;
    visitor.sees("#q1").await;
    visitor.until("document.activeElement.id === 'q1'").await;
    // Arrows only move the choice; Enter goes on.
    visitor.key("Tab").await;
    visitor.key("ArrowDown").await;
    visitor.key("ArrowDown").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    visitor.sees("#q1").await;
    visitor.key("Enter").await;
    visitor.sees("#q2").await;
    for question in 1..ANSWERS.len() {
        visitor.sees(&format!("#q{}", question + 1)).await;
        visitor.key("1").await;
        visitor
            .until(&format!(
                "!document.getElementById('q{}').checkVisibility({{visibilityProperty: true}})",
                question + 1
            ))
            .await;
    }
    visitor.sees("#contact").await;
    visitor.leave().await;
}

#[tokio::test]
async fn nothing_is_animated_where_nobody_wants_or_sees_it() {
    let Some((site, visitor)) = visit("frames", DESKTOP).await else {
        return;
    };
    let url = format!("{}/proftest", site.url);
    visitor.open(&url).await;
    visitor.until("watched.frames > 5").await;
    assert!(
        visitor.frames_in(WATCHED).await > 5,
        "nothing is animated on a desktop"
    );
    visitor.resize(PHONE).await;
    visitor.until("innerWidth < 768").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(visitor.frames_in(WATCHED).await, 0, "narrowed");
    visitor.resize(DESKTOP).await;
    visitor.until("innerWidth > 768").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(visitor.frames_in(WATCHED).await > 5, "widened");
    visitor.looks_away().await;
    assert_eq!(visitor.frames_in(WATCHED).await, 0, "hidden");
    visitor.leave().await;

    let Some((_, visitor)) = visit("frames-phone", PHONE).await else {
        return;
    };
    visitor.open(&url).await;
    assert_eq!(visitor.frames_in(WATCHED).await, 0, "phone");
    assert_eq!(
        visitor
            .eval("performance.getEntriesByType('resource').some((one) => one.name.includes('particles'))")
            .await,
        false
    );
    visitor.leave().await;

    let Some((_, visitor)) = visit("frames-reduced", DESKTOP).await else {
        return;
    };
    visitor.prefers_reduced_motion().await;
    visitor.open(&url).await;
    assert_eq!(visitor.frames_in(WATCHED).await, 0, "reduced motion");
    visitor.leave().await;
}

#[tokio::test]
async fn without_scripts_and_without_a_page_something_is_said() {
    let Some((site, visitor)) = visit("plain", PHONE).await else {
        return;
    };
    visitor.open(&format!("{}/proftest/a/b/c", site.url)).await;
    visitor.reads("Такой страницы нет").await;
    visitor.picture("1-not-found").await;
    visitor.had_no_trouble().await;
    visitor.press("a.main").await;
    visitor.sees("#begin").await;
    visitor.has_no_scripts().await;
    visitor.open(&format!("{}/proftest", site.url)).await;
    visitor.reads("Для теста нужен JavaScript.").await;
    visitor.picture("2-no-scripts").await;
    visitor
        .until("!document.getElementById('begin').checkVisibility()")
        .await;
    visitor.leave().await;
}
