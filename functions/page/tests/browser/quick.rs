//! Presses that come before the page has done all that the last one asks for.

use crate::visit;
use crate::visitor::Visitor;
use crate::walk::{ANSWERS, PHONE, finish_test};
use serde_json::json;
use std::time::Duration;

/// The question that is shown, counted from 0, and the one that the browser's history believes is shown.
const STEPS: &str =
    "[[...document.querySelectorAll('.question')].findIndex((one) => !one.hidden), history.state.step]";
/// Whatever a timer or the history still has in store comes within this time.
const SETTLED: Duration = Duration::from_millis(500);

#[tokio::test]
async fn quick_presses_do_not_overtake_each_other() {
    let Some((site, visitor)) = visit("quick", PHONE).await else {
        return;
    };
    visitor.open(&format!("{}/proftest", site.url)).await;
    visitor.press("#begin").await;
    for (question, option) in ANSWERS.iter().enumerate().take(4) {
        visitor.answer(question, *option).await;
    }
    visitor.sees("#q5").await;
    visitor.press("#back").await;
    let next = "document.getElementById('next').click();";
    let back = "document.getElementById('back').click();";
    comes_to(&visitor, "", 3).await;
    comes_to(&visitor, &format!("{next} {back}"), 3).await;
    comes_to(&visitor, &format!("{back} {back}"), 1).await;
    comes_to(&visitor, &format!("{next} {next}"), 3).await;
    comes_to(&visitor, back, 2).await;
    comes_to(&visitor, next, 3).await;
    // The browser's own button, before the page knows of it: the new question's entry is not made any more.
    let length = visitor.eval("history.length").await;
    let popped = "dispatchEvent(new PopStateEvent('popstate', {state: {step: 3}}));";
    comes_to(&visitor, &format!("{next} {popped}"), 3).await;
    assert_eq!(visitor.eval("history.length").await, length);
    // And while it goes on: the browser may take the one or the other for where it is, but not both.
    visitor.eval(&format!("{next} history.back()")).await;
    tokio::time::sleep(SETTLED).await;
    let steps = visitor.eval(STEPS).await;
    assert_eq!(steps[0], steps[1]);
    // An option goes on by itself a moment later, but not when the visitor goes back meanwhile, however slow
    // the browser is.
    let option = "document.querySelector('.question:not([hidden]) input')
                  .dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: 1, clientY: 1}));";
    let slow = "history.back = () => { delete history.back; setTimeout(() => history.back(), 300); };";
    let before = steps[0].as_u64().unwrap() - 1;
    comes_to(&visitor, &format!("{slow} {option} {back}"), before).await;
    // The heading does not take the focus from a field that the visitor is in already.
    finish_test(&visitor, usize::try_from(before).unwrap()).await;
    visitor.press("#edit").await;
    visitor.sees("#q12").await;
    visitor
        .eval(&format!("{next} document.getElementById('email').focus()"))
        .await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "email");
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

/// After this, all in one go, the question is shown, and the history knows.
async fn comes_to(visitor: &Visitor, presses: &str, question: u64) {
    visitor.eval(&format!("{{ {presses} }}")).await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(
        visitor.eval(STEPS).await,
        json!([question, question]),
        "{presses}"
    );
}
