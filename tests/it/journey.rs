//! Whole journeys through the real binaries: from the form to the course.

use crate::support::hits::{BROWSER, FACEBOOK};
use crate::support::stack::{COURSE, DELAY, Stack, stack};
use crate::track::query;
use futures::StreamExt as _;
use harness::world::{eventually, run};
use serde_json::json;
use standins::{Fault, Mode, SentEmail, SentSms};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// As a reader does: the links are taken from what has arrived.
async fn follow_both(stack: &Stack, lead: &str, email: &SentEmail, sms: &SentSms) {
    let mut words = email.text.as_ref().unwrap().split_whitespace();
    let email_link = words.find(|word| word.starts_with(stack.gateway())).unwrap();
    let sms_link = sms.text.split_whitespace().last().unwrap();
    let short = format!("{}/l/", stack.gateway());
    assert!(sms_link.starts_with(&short), "{sms_link}");
    for (link, source) in [(email_link, "email"), (sms_link, "sms")] {
        let head = stack.http.head(link).send().await.unwrap();
        assert_eq!(head.status(), 302, "a preview's HEAD");
        let preview = stack.http.get(link).header("user-agent", FACEBOOK).send().await;
        assert_eq!(preview.unwrap().status(), 302, "a preview");
        let mut request = stack.http.get(link);
        for (name, value) in BROWSER {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 302, "{link}");
        let course = format!("{COURSE}?{}&click_id=", query(source));
        let location = response.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&course), "{location}");
        assert!(!location.contains(lead), "{location}");
    }
}

#[test]
fn the_seeds_line_becomes_an_e_mail_an_sms_and_two_clicks() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let started = Instant::now();
        let body =
            json!({"name": "Performance Test", "email": "perftest@example.com", "phone": "+77010000000"});
        let (status, answer) = stack.post(&body).await;
        assert_eq!(status, 200, "{answer}");
        let lead = answer["leadId"].as_str().unwrap();
        assert_eq!(answer, json!({"success": true, "leadId": lead}));
        let select = format!(
            "select status, sent_at, email_sent, sms_sent from scheduled_notifications where lead_id = '{lead}'"
        );
        assert_eq!(stack.db.row(&select).await["status"], "pending");
        let row = eventually("both are sent", DELAY + Duration::from_secs(10), async || {
            let row = stack.db.row(&select).await;
            (row["status"] == "completed").then_some(row)
        })
        .await;
        assert!(started.elapsed() >= DELAY, "early");
        assert_eq!(
            json!([row["sent_at"].is_string(), row["email_sent"], row["sms_sent"]]),
            json!([true, true, true])
        );
        let (emails, sms) = (
            stack.emails_to("perftest@example.com"),
            stack.sms_to("77010000000"),
        );
        assert_eq!((emails.len(), sms.len()), (1, 1));

        // Nobody reads faster.
        tokio::time::sleep(Duration::from_secs(2)).await;
        follow_both(stack, lead, &emails[0], &sms[0]).await;
        let flags = stack
            .db
            .row(&format!(
                "select email_clicked, sms_clicked, click_count from landing_leads where id = '{lead}'"
            ))
            .await;
        assert_eq!(
            flags,
            json!({"email_clicked": true, "sms_clicked": true, "click_count": 2})
        );
    });
}

#[test]
fn a_burst_of_leads_is_delivered_none_twice_and_none_early() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let people = Stack::people("burst", 703, 300);
        let answers: Vec<_> = futures::stream::iter(&people)
            .map(|person| stack.post(person))
            .buffer_unordered(50)
            .collect()
            .await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        let leads: HashSet<&str> = answers
            .iter()
            .map(|(_, body)| body["leadId"].as_str().unwrap())
            .collect();
        assert_eq!(leads.len(), people.len());
        let count = i64::try_from(people.len()).unwrap();
        eventually("all are delivered", Duration::from_mins(2), async || {
            (stack.count("burst", "completed").await == count).then_some(())
        })
        .await;
        stack.assert_each_delivered_once("burst", &people).await;
        let again = "deliveries d join scheduled_notifications n on n.id = d.notification_id
                     join landing_leads l on l.id = n.lead_id where l.email like 'burst%' and d.attempt <> 1";
        assert_eq!(stack.db.count(again).await, 0, "attempts beside the first");
    });
}

#[test]
fn the_gateway_answers_bad_requests_as_production_does() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let url = format!("{}/api/landing/proftest", stack.gateway());
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
        for (content_type, body, status) in [
            ("application/json", "{", 400),
            ("application/json", "{}", 400),
            ("application/json; charset=utf-8", "{\"name\":\"\\u0000\"}", 400),
            ("application/json", large.as_str(), 413),
            ("text/plain", "{}", 415),
            ("application/x-www-form-urlencoded", "name=A", 415),
        ] {
            let request = stack.http.post(&url).header("content-type", content_type);
            let response = request.body(body.to_owned()).send().await.unwrap();
            assert_eq!(response.status(), status, "{content_type} {body:.40}");
            let answer: serde_json::Value = response.json().await.unwrap();
            assert_eq!(answer["success"], false, "{answer}");
            assert!(
                !answer["error"].as_str().unwrap().is_ascii(),
                "in Russian: {answer}"
            );
        }
        let lost = stack
            .get(&format!(
                "{}/api/landing/track/nobody?source=sms",
                stack.gateway()
            ))
            .await;
        assert_eq!(lost.status(), 302);
        assert_eq!(
            stack.get(&format!("{}/admin", stack.gateway())).await.status(),
            404
        );
    });
}

#[test]
fn a_vendor_s_hiccup_heals_by_itself() {
    run(async {
        let stack = stack().await;
        let _alone = stack.peace.write().await;
        let people = Stack::people("hiccup", 705, 3);
        let busy = Mode::Status {
            status: 503,
            name: None,
            retry_after: Some(2),
        };
        stack.resend.faults().add(Fault::times(busy, 3));
        let full = Mode::RateLimit { retry_after: 2 };
        stack.mobizon.faults().add(Fault::times(full, 3));
        for person in &people {
            assert_eq!(stack.post(person).await.0, 200);
        }
        eventually("all are delivered", Duration::from_mins(1), async || {
            (stack.count("hiccup", "completed").await == 3).then_some(())
        })
        .await;
        assert!(stack.resend.faults().list().is_empty() && stack.mobizon.faults().list().is_empty());
        stack.assert_each_delivered_once("hiccup", &people).await;
    });
}
