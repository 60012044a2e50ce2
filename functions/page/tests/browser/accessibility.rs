//! Every screen through axe-core's eyes.

use crate::axe::{axe, has_no_findings};
use crate::visitor::Size;
use crate::walk::{DESKTOP, PHONE, fill_form, finish_test};
use crate::{AIGERIM, visit};

#[tokio::test]
async fn nothing_is_in_the_way_of_a_person_with_a_disability() {
    let Some(axe) = axe() else {
        return;
    };
    for (name, window) in [("axe-phone", PHONE), ("axe-desktop", DESKTOP)] {
        check_screens(&axe, name, window).await;
    }
}

async fn check_screens(axe: &str, name: &str, window: Size) {
    let Some((site, visitor)) = visit(name, window).await else {
        return;
    };
    visitor.open(&format!("{}/proftest", site.url)).await;
    // The protocol is not bound by the page's policy. (The source's own value cannot be passed on.)
    visitor.eval(&format!("{axe}; null")).await;
    has_no_findings(&visitor, "start").await;
    visitor.press("#begin").await;
    visitor.sees("#q1").await;
    has_no_findings(&visitor, "question").await;
    finish_test(&visitor, 0).await;
    has_no_findings(&visitor, "form").await;
    visitor.types("#email", "anna@gmail.con").await;
    visitor.press("#name").await;
    visitor.sees("#email-question button").await;
    has_no_findings(&visitor, "a question about the domain").await;
    visitor.eval("document.getElementById('email').value = ''").await;
    visitor.press("#send").await;
    visitor.sees("#consent-error:not(:empty)").await;
    has_no_findings(&visitor, "errors").await;
    fill_form(&visitor, &AIGERIM).await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
    has_no_findings(&visitor, "result").await;
    visitor.leave().await;
}
