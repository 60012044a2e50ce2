//! The whole way, on three sizes of window.

use crate::machine::{DEJAVU, Fonts, ROBOTO};
use crate::visitor::Size;
use crate::walk::{DESKTOP, PHONE, answer_with_second_thoughts, fill_form_with_mistakes, send_at_once};
use crate::{AIGERIM, check_lead, check_result, visit_with};

const TABLET: Size = (768, 1024);

#[tokio::test]
async fn the_whole_test_on_a_phone() {
    walk(&ROBOTO, "phone", PHONE).await;
}

#[tokio::test]
async fn the_whole_test_on_a_phone_with_wider_letters() {
    walk(&DEJAVU, "phone-wider", PHONE).await;
}

#[tokio::test]
async fn the_whole_test_on_a_tablet() {
    walk(&ROBOTO, "tablet", TABLET).await;
}

#[tokio::test]
async fn the_whole_test_on_a_tablet_with_wider_letters() {
    walk(&DEJAVU, "tablet-wider", TABLET).await;
}

#[tokio::test]
async fn the_whole_test_on_a_desktop() {
    walk(&ROBOTO, "desktop", DESKTOP).await;
}

#[tokio::test]
async fn the_whole_test_on_a_desktop_with_wider_letters() {
    walk(&DEJAVU, "desktop-wider", DESKTOP).await;
}

async fn walk(fonts: &'static Fonts, name: &str, window: Size) {
    let Some((site, visitor)) = visit_with(fonts, name, window).await else {
        return;
    };
    visitor
        .open(&format!(
            "{}/proftest/first?utm_source=instagram&fbclid=x1&other=no",
            site.url
        ))
        .await;
    // Slowly, the page comes in pieces, and is painted before its script runs.
    visitor.is_slow(true).await;
    visitor
        .open(&format!(
            "{}/proftest/blogger?utm_source=google&gclid=y2",
            site.url
        ))
        .await;
    visitor.had_no_trouble().await;
    visitor.is_slow(false).await;
    answer_with_second_thoughts(&visitor).await;
    fill_form_with_mistakes(&visitor, &AIGERIM).await;
    assert_eq!(site.api(|api| api.posts.len()), 0);
    send_at_once(&visitor).await;
    check_result(&visitor, &site).await;
    visitor.picture("7-result").await;
    visitor.had_no_trouble().await;
    visitor.reload().await;
    check_result(&visitor, &site).await;
    visitor.had_no_trouble().await;
    check_lead(&site, "blogger");
    assert_eq!(site.api(|api| api.posts.len()), 1);

    visitor.press("#again").await;
    visitor.press("#begin").await;
    visitor.sees("#q1").await;
    assert_eq!(
        visitor
            .eval("document.querySelectorAll('.question :checked').length")
            .await,
        0
    );
    visitor.leave().await;
}
