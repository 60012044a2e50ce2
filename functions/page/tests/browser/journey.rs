//! The whole way, on three sizes of window.

use crate::site::Site;
use crate::visitor::{Size, Visitor};
use crate::{ANSWERS, DESKTOP, PHONE, TABLET, check_lead, check_result, fill_form, finish_test, visit};

#[tokio::test]
async fn the_whole_test_on_a_phone() {
    walk("phone", PHONE).await;
}

#[tokio::test]
async fn the_whole_test_on_a_tablet() {
    walk("tablet", TABLET).await;
}

#[tokio::test]
async fn the_whole_test_on_a_desktop() {
    walk("desktop", DESKTOP).await;
}

async fn walk(name: &str, window: Size) {
    let Some((site, visitor)) = visit(name, window).await else {
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
    send_with_mistakes(&visitor, &site).await;
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

/// The questions: a wrong answer taken back, a reload amid them, the browser's back button.
async fn answer_with_second_thoughts(visitor: &Visitor) {
    visitor.picture("1-start").await;
    visitor.press("#begin").await;
    visitor.sees("#q1").await;
    visitor.picture("2-question").await;
    visitor.answer(0, 2).await;
    visitor.press("#back").await;
    visitor.sees("#q1").await;
    assert_eq!(
        visitor
            .eval("document.querySelector('#q1 ~ .options :checked') !== null")
            .await,
        true
    );
    visitor.picture("3-answered").await;
    for (question, option) in ANSWERS.iter().enumerate().take(5) {
        visitor.answer(question, *option).await;
    }
    visitor.sees("#q6").await;
    visitor.reload().await;
    visitor.sees("#q6").await;
    visitor.had_no_trouble().await;
    visitor.eval("history.back()").await;
    visitor.sees("#q5").await;
    visitor.press("#next").await;
    finish_test(visitor, 5).await;
    visitor.picture("4-form").await;
}

/// The form: empty, then wrong, then right and sent three times at once.
async fn send_with_mistakes(visitor: &Visitor, site: &Site) {
    visitor.press("#send").await;
    visitor.sees("#consent-error:not(:empty)").await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "name");
    visitor.types("#email", "почта@example.com").await;
    visitor.types("#phone", "8701").await;
    visitor.press("#send").await;
    visitor.reads("латинскими").await;
    visitor.picture("5-errors").await;
    assert_eq!(site.api(|api| api.posts.len()), 0);
    visitor
        .eval("for (const id of ['email', 'phone']) document.getElementById(id).value = ''")
        .await;
    fill_form(visitor).await;
    assert_eq!(
        visitor
            .eval("document.querySelectorAll('[aria-invalid]').length")
            .await,
        0
    );
    visitor
        .eval("for (const _ of [1, 2, 3]) document.getElementById('send').click()")
        .await;
    visitor.reads("Отправляем…").await;
    visitor.picture("6-sending").await;
}
