//! The question about a mistyped e-mail domain.

use crate::machine::{DEJAVU, ROBOTO};
use crate::visitor::{Size, Visitor};
use crate::walk::{PHONE, fill_form, finish_test};
use crate::{AIGERIM, visit, visit_with};
use serde_json::{Value, json};

/// Puts each address into the field and leaves it. Returns what is asked, and what the field holds after a press.
const ASK: &str = "((addresses) => addresses.map((address) => {
    const input = document.getElementById('email');
    input.focus();
    input.select();
    document.execCommand('delete');
    if (address) document.execCommand('insertText', false, address);
    input.blur();
    const question = document.getElementById('email-question');
    const asked = question.textContent.replaceAll('\\u00a0', ' ');
    question.querySelector('button')?.click();
    return [asked, input.value, question.textContent, document.activeElement.id];
}))";

#[tokio::test]
async fn mistyped_domains_are_asked_about_and_no_others() {
    let Some((site, visitor)) = visit("domains", PHONE).await else {
        return;
    };
    reach_form(&visitor, &site.url).await;
    let table: Value = serde_json::from_str(include_str!("../../../../shared/data/emails.json")).unwrap();
    let rows = table["suggestions"].as_array().unwrap();
    let addresses: Vec<&str> = rows.iter().map(|row| row["input"].as_str().unwrap()).collect();
    let asked = visitor.eval(&format!("{ASK}({})", json!(addresses))).await;
    let silent = rows.iter().filter(|row| row["suggest"].is_null()).count();
    assert!(silent >= 40 && rows.len() - silent >= 40, "{silent}");
    for (row, asked) in rows.iter().zip(asked.as_array().unwrap()) {
        let address = row["input"].as_str().unwrap();
        let expected = match row["suggest"].as_str() {
            Some(domain) => {
                let (mailbox, _) = address.split_once('@').unwrap();
                json!([
                    format!("Вы имели в виду {domain}?"),
                    format!("{mailbox}@{domain}"),
                    "",
                    "email"
                ])
            }
            None => json!(["", address, "", ""]),
        };
        assert_eq!(*asked, expected, "{address}");
    }
    visitor.leave().await;
}

#[tokio::test]
async fn nothing_moves_when_a_domain_is_asked_about() {
    for fonts in [&ROBOTO, &DEJAVU] {
        for window in [(320, 740), (768, 1024), (1440, 900)] as [Size; 3] {
            let name = format!("question-{}-{}", window.0, fonts.name);
            let Some((site, visitor)) = visit_with(fonts, &name, window).await else {
                return;
            };
            reach_form(&visitor, &site.url).await;
            let places = "[...document.querySelectorAll('#form label, #send')].map((one) => one.getBoundingClientRect().top)";
            visitor.types("#email", "anna@outlook.con").await;
            // The form comes into view from a little below.
            visitor.is_at_rest().await;
            let before = visitor.eval(places).await;
            visitor.press("#name").await;
            visitor.sees("#email-question button").await;
            assert_eq!(visitor.eval(places).await, before, "{name}");
            visitor.picture("1-asked").await;
            visitor.press("#email-question button").await;
            assert_eq!(
                visitor.eval("document.getElementById('email').value").await,
                "anna@outlook.com"
            );
            // To take a picture, the browser shows the form anew.
            visitor.is_at_rest().await;
            assert_eq!(visitor.eval(places).await, before, "{name}");
            visitor.had_no_trouble().await;
            visitor.leave().await;
        }
    }
}

#[tokio::test]
async fn a_question_without_an_answer_costs_no_lead() {
    let Some((site, visitor)) = visit("unanswered", PHONE).await else {
        return;
    };
    reach_form(&visitor, &site.url).await;
    let contact = crate::Contact {
        email: "anna@gmail.con",
        ..AIGERIM
    };
    fill_form(&visitor, &contact).await;
    visitor.reads("Вы имели в виду gmail.com?").await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
    assert_eq!(site.api(|api| api.saved[0]["email"].clone()), "anna@gmail.con");
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

async fn reach_form(visitor: &Visitor, url: &str) {
    visitor.open(&format!("{url}/proftest")).await;
    visitor.press("#begin").await;
    finish_test(visitor, 0).await;
}
