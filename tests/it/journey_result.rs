//! The whole way of a test's result: from the page's own address to the e-mail.

use crate::support::stack::{DELAY, stack};
use harness::world::{eventually, run};
use serde_json::json;
use std::time::Duration;

#[test]
fn the_e_mail_shows_the_result_that_the_page_was_given() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let page = stack.get(&format!("{}/proftest/blogger", stack.gateway())).await;
        assert_eq!(page.status(), 200);
        assert!(page.headers().contains_key("content-security-policy"));
        let body = json!({
            "name": "Дана", "email": "result@example.com", "phone": "+77020000001", "campaignSlug": "blogger",
            "answers": [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3],
        });
        let (status, answer) = stack.post(&body).await;
        assert_eq!(status, 200, "{answer}");
        let result = &answer["result"];
        let email = eventually("the e-mail", DELAY + Duration::from_secs(10), async || {
            stack.emails_to("result@example.com").pop()
        })
        .await;
        let text = email.text.unwrap();
        // Texts are set with unbreakable spaces; how a line breaks is no difference.
        let plain = |text: &str| {
            text.replace('\u{a0}', " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let text = plain(&text);
        let mut shown = Vec::new();
        for one in result["types"].as_array().unwrap() {
            shown.extend([one["title"].as_str().unwrap(), one["meaning"].as_str().unwrap()]);
        }
        assert_eq!(shown.len(), 4, "two types with their meanings");
        shown.extend(
            result["professions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one.as_str().unwrap()),
        );
        shown.push(result["firstStep"].as_str().unwrap());
        assert!(shown.len() >= 10, "{shown:?}");
        for part in shown {
            assert!(text.contains(&plain(part)), "{part} is not in {text}");
        }
        let select = "select source, metadata -> 'result' -> 'types' as types from landing_leads
                      where email = 'result@example.com'";
        let row = stack.db.row(select).await;
        assert_eq!(row["source"], "proftest_blogger");
        assert_eq!(row["types"].as_array().unwrap().len(), 2);
    });
}
