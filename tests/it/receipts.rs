//! What vendors report: who is believed, what it changes, and what it does not.

use crate::support::hooks::{MOBIZON, RESEND, Reported, event, save};
use crate::support::request::sample;
use harness::vendors::RESEND_WEBHOOK_SECRET;
use harness::world::{Options, Person, Settings, Vendor, World, run};
use proftest::domain::delivery::{Channel, Doubt, Outcome};
use serde_json::json;
use standins::{Bounce, HookForm, MailEvent, Mode};
use std::time::{Duration, Instant};

const OTHER: &str = "whsec_YW5vdGhlci1zZWNyZXQtb2YtcmVzZW5kLTEyMzQ=";

fn signed_with(secrets: &[&str]) -> Options {
    let mut options = Options::unlimited();
    options.resend.webhook_secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    options
}

#[test]
fn a_report_of_resend_is_believed_with_a_good_signature_alone() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let before = reported
            .world
            .db
            .row("select count(*) as n from lead_events")
            .await;
        let good = reported.happens(&waiting, MailEvent::Bounced(Bounce::Permanent));
        let changed = |name: &str, value: Option<String>| {
            let mut event = event(RESEND, &good, false);
            let headers = event["headers"].as_object_mut().unwrap();
            match value {
                Some(value) => headers.insert(name.to_owned(), value.into()),
                None => headers.remove(name),
            };
            event
        };
        let timestamp: i64 = good.headers[3].1.parse().unwrap();
        let mut tampered = event(RESEND, &good, false);
        tampered["body"] = good.body.replace("bounced", "delivered").into();
        let mut unreadable = event(RESEND, &good, false);
        unreadable["body"] = "<html>".into();
        let mut many = vec![tampered, unreadable, sample("receipts/resend.json")];
        many.extend([
            changed("svix-id", None),
            changed("svix-id", Some("msg_other".to_owned())),
            changed("svix-id", Some(String::new())),
            changed("svix-timestamp", None),
            changed("svix-timestamp", Some((timestamp + 1).to_string())),
            changed("svix-signature", None),
            changed("svix-signature", Some("v1,".to_owned())),
            changed("svix-signature", Some(format!("v1,{}", "A".repeat(43) + "="))),
        ]);
        let other = Reported::with(signed_with(&[OTHER])).await;
        let theirs = other.send_one().await;
        many.push(event(
            RESEND,
            &other.happens(&theirs, MailEvent::Complained),
            false,
        ));
        for event in &many {
            assert_eq!(reported.handle(event).await, 401, "{event}");
        }
        let after = reported
            .world
            .db
            .row("select count(*) as n from lead_events")
            .await;
        assert_eq!((after, reported.world.db.count("receipts").await), (before, 0));
        assert_eq!(reported.state(&waiting, Channel::Email).await, "accepted");
        assert_eq!(reported.post(RESEND, &good).await, 200);
        assert_eq!(reported.state(&waiting, Channel::Email).await, "bounced");
    });
}

#[test]
fn while_a_secret_is_replaced_either_counts() {
    run(async {
        let mut world = World::with(signed_with(&[OTHER, RESEND_WEBHOOK_SECRET])).await;
        for secrets in [
            RESEND_WEBHOOK_SECRET.to_owned(),
            OTHER.to_owned(),
            format!("{OTHER}, {RESEND_WEBHOOK_SECRET}"),
        ] {
            world.changes = Settings::from([("RESEND_WEBHOOK_SECRETS", secrets)]);
            let reported = Reported::over(world);
            let waiting = reported.send_one().await;
            let mut webhook = reported.happens(&waiting, MailEvent::Delivered);
            // Standard Webhooks' names.
            for (name, _) in &mut webhook.headers {
                *name = match *name {
                    "svix-id" => "webhook-id",
                    "svix-timestamp" => "webhook-timestamp",
                    "svix-signature" => "webhook-signature",
                    name => name,
                };
            }
            assert_eq!(reported.post(RESEND, &webhook).await, 200);
            assert_eq!(reported.state(&waiting, Channel::Email).await, "delivered");
            world = reported.world;
        }
    });
}

#[test]
fn every_form_of_mobizon_s_report_is_read_also_as_base64() {
    run(async {
        for form in [HookForm::Json, HookForm::Xml, HookForm::Raw] {
            let mut options = Options::unlimited();
            options.mobizon.webhook_form = form;
            let reported = Reported::with(options).await;
            for is_base64 in [false, true] {
                let waiting = reported.send_one().await;
                let webhook = reported.has_status(&waiting, "DELIVRD");
                assert_eq!(reported.handle(&event(MOBIZON, &webhook, is_base64)).await, 200);
                assert_eq!(
                    reported.state(&waiting, Channel::Sms).await,
                    "delivered",
                    "{form:?} {is_base64}"
                );
            }
        }
    });
}

#[test]
fn of_mobizon_s_report_only_the_id_is_believed() {
    run(async {
        let reported = Reported::new().await;
        let [waiting, other]: [_; 2] = reported
            .send(&[Person::new(), Person::new()])
            .await
            .try_into()
            .ok()
            .unwrap();
        let id = |waiting| reported.world.sms(waiting)[0].message_id;
        let mobizon = &reported.world.vendors.mobizon;
        // It says what is not so.
        mobizon.set_status(id(&waiting), "UNDELIV");
        let lie = mobizon.webhook(id(&waiting), "DELIVRD").unwrap();
        assert_eq!(reported.post(MOBIZON, &lie).await, 200);
        assert_eq!(reported.state(&waiting, Channel::Sms).await, "undelivered");
        // A captured report, with another message in it.
        mobizon.set_status(id(&other), "DELIVRD");
        let mut captured = lie.clone();
        captured.body = captured
            .body
            .replace(&id(&waiting).to_string(), &id(&other).to_string());
        assert_eq!(reported.post(MOBIZON, &captured).await, 200);
        assert_eq!(
            reported.state(&other, Channel::Sms).await,
            "delivered",
            "as it is"
        );
        // Not signed: nobody is asked.
        let asked = mobizon.stats().requests;
        captured.body = captured.body.replace("\"sign\":\"", "\"sign\":\"0");
        assert_eq!(reported.post(MOBIZON, &captured).await, 401);
        assert_eq!(mobizon.stats().requests, asked);
        // Ahead of its own list: the vendor sends it again.
        mobizon.set_status(id(&waiting), "ACCEPTD");
        let early = mobizon.webhook(id(&waiting), "DELIVRD").unwrap();
        assert_eq!(reported.post(MOBIZON, &early).await, 503);
    });
}

#[test]
fn a_vendor_that_cannot_be_asked_sends_again_and_gets_its_answer_in_time() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let webhook = reported.has_status(&waiting, "DELIVRD");
        for mode in [
            Mode::Timeout {},
            Mode::Drop {},
            Mode::Html { status: 502 },
            Mode::Status {
                status: 200,
                name: Some("30".to_owned()),
                retry_after: None,
            },
            Mode::Status {
                status: 200,
                name: Some("8".to_owned()),
                retry_after: None,
            },
            Mode::Truncated {},
        ] {
            reported.world.break_once(Vendor::Mobizon, mode.clone());
            let started = Instant::now();
            assert_eq!(reported.post(MOBIZON, &webhook).await, 503, "{mode:?}");
            assert!(started.elapsed() < Duration::from_secs(5), "{mode:?}");
        }
        assert_eq!(reported.state(&waiting, Channel::Sms).await, "accepted");
        assert_eq!(reported.post(MOBIZON, &webhook).await, 200);
        assert_eq!(reported.state(&waiting, Channel::Sms).await, "delivered");
    });
}

#[test]
fn without_a_secret_there_is_no_such_path() {
    run(async {
        let mut world = World::new().await;
        world.changes.extend([
            ("RESEND_WEBHOOK_SECRETS", String::new()),
            ("MOBIZON_WEBHOOK_SECRETS", String::new()),
        ]);
        let reported = Reported::over(world);
        let waiting = reported.send_one().await;
        let mail = reported.happens(&waiting, MailEvent::Delivered);
        let sms = reported.has_status(&waiting, "DELIVRD");
        assert_eq!(reported.post(RESEND, &mail).await, 404);
        assert_eq!(reported.post(MOBIZON, &sms).await, 404);
        let long = " ".repeat(256 * 1024 + 1);
        let mut event = event(RESEND, &mail, false);
        event["body"] = long.into();
        assert_eq!(reported.handle(&event).await, 413);
        assert_eq!(reported.world.db.count("receipts").await, 0);
    });
}

#[test]
fn messages_of_other_systems_on_the_account_change_nothing() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let vendors = &reported.world.vendors;
        // Another system's SMS, and an e-mail without our tag.
        vendors.mobizon.send_for_others("77770000001", "Код 1234");
        let theirs = vendors.mobizon.sent().last().unwrap().message_id;
        vendors.mobizon.set_status(theirs, "DELIVRD");
        let sms = vendors.mobizon.webhook(theirs, "DELIVRD").unwrap();
        assert_eq!(reported.post(MOBIZON, &sms).await, 200);
        let http = proftest::clients::http_client().unwrap();
        let body = json!({"from": "a@b.kz", "to": ["c@d.kz"], "subject": "x", "text": "x"});
        let request = http.post(format!("{}/emails", vendors.urls.resend)).json(&body);
        let request = request.bearer_auth(harness::vendors::RESEND_KEY);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let theirs = vendors.resend.sent().last().unwrap().id;
        let mail = vendors.resend.happens(theirs, MailEvent::Complained).unwrap();
        assert_eq!(reported.post(RESEND, &mail).await, 200);
        // Of the e-mail nothing is kept; the SMS could be ours, and is forgotten after a while.
        let kept = reported
            .world
            .db
            .rows("select channel from vendor_messages where notification_id is null")
            .await;
        assert_eq!(kept, [json!({"channel": "sms"})]);
        assert_eq!(reported.world.db.count("suppressions").await, 0);
        assert_eq!(reported.state(&waiting, Channel::Email).await, "accepted");
        for kind in [MailEvent::Sent, MailEvent::Opened] {
            reported.mail(&waiting, kind).await;
        }
        assert_eq!(reported.state(&waiting, Channel::Email).await, "accepted");
    });
}

#[test]
fn a_report_that_is_faster_than_our_record_is_kept_for_it() {
    run(async {
        let reported = Reported::new().await;
        let db = &reported.world.db;
        let waiting = save(&reported.world, &Person::new()).await;
        let deliver = db.store_as("deliver");
        deliver.claim(waiting.id, &json!({})).await.unwrap();
        // The process has sent both, and dies before it records. Their reports come twice, the graver one first.
        let take = async |channel: &str, state: &str, event: &str| {
            let report = json!([{"vendor": if channel == "sms" { "mobizon" } else { "resend" }, "event": event,
                "channel": channel, "id": format!("early-{channel}"), "state": state, "keep": true}]);
            let sql = format!("select became from funnel.take_receipts('{report}')");
            db.row(&sql).await["became"].as_str().unwrap().to_owned()
        };
        assert_eq!(take("email", "bounced", "1").await, "unknown");
        assert_eq!(take("email", "delivered", "2").await, "unknown");
        assert_eq!(take("sms", "expired", "1").await, "unknown");
        assert_eq!(take("sms", "delivered", "2").await, "unknown");
        assert_eq!(take("sms", "delivered", "2").await, "repeated");
        for channel in Channel::ALL {
            let provider_id = format!("early-{}", channel.as_str());
            let accepted = Outcome::Accepted { provider_id };
            let recorded = deliver
                .record(waiting.id, channel, 1, &accepted, Doubt::Clear)
                .await;
            assert_eq!(recorded.unwrap(), proftest::store::Fence::Held);
        }
        assert_eq!(reported.state(&waiting, Channel::Email).await, "bounced");
        assert_eq!(reported.state(&waiting, Channel::Sms).await, "delivered");
        let history = reported.history(&waiting, Channel::Sms).await;
        assert_eq!(history, ["outcome accepted", "receipt delivered"]);
        assert_eq!(db.count("vendor_messages where poll_at is not null").await, 0);
    });
}

/// Every order of two reports, and every one of them twice: the graver one stands.
#[test]
fn severity_only_grows_in_every_order() {
    run(async {
        let reported = Reported::new().await;
        let mail = [
            (MailEvent::Delayed, "delayed"),
            (MailEvent::Failed, "undelivered"),
            (MailEvent::Suppressed, "undelivered"),
            (MailEvent::Delivered, "delivered"),
            (MailEvent::Bounced(Bounce::Transient), "bounced"),
            (MailEvent::Complained, "complained"),
        ];
        let sms = [
            ("EXPIRED", "expired"),
            ("UNDELIV", "undelivered"),
            ("REJECTD", "undelivered"),
            ("DELIVRD", "delivered"),
        ];
        let order = [
            "accepted",
            "delayed",
            "expired",
            "undelivered",
            "delivered",
            "bounced",
            "complained",
        ];
        let grave = |state: &str| order.iter().position(|one| *one == state).unwrap();
        let graver =
            |one: &'static str, other: &'static str| if grave(one) > grave(other) { one } else { other };
        let people: Vec<Person> = (0..mail.len() * mail.len()).map(|_| Person::new()).collect();
        let mut waiting = reported.send(&people).await.into_iter();
        for (first, one) in mail {
            for (second, other) in mail {
                let waiting = waiting.next().unwrap();
                let webhooks = [first, second].map(|event| reported.happens(&waiting, event));
                for webhook in [&webhooks[0], &webhooks[1], &webhooks[0], &webhooks[1]] {
                    assert_eq!(reported.post(RESEND, webhook).await, 200);
                }
                let state = reported.state(&waiting, Channel::Email).await;
                assert_eq!(state, graver(one, other), "{one}, {other}");
                let told = reported.history(&waiting, Channel::Email).await;
                let told = told.iter().filter(|told| told.starts_with("receipt")).count();
                assert_eq!(told, 2, "each is told once");
            }
        }
        let people: Vec<Person> = (0..sms.len() * sms.len()).map(|_| Person::new()).collect();
        let mut waiting = reported.send(&people).await.into_iter();
        for (first, one) in sms {
            for (second, other) in sms {
                let waiting = waiting.next().unwrap();
                for status in [first, second, first] {
                    reported.sms(&waiting, status).await;
                }
                let state = reported.state(&waiting, Channel::Sms).await;
                assert_eq!(state, graver(one, other), "{one}, {other}");
            }
        }
    });
}
