//! Reports that never come are asked for, and Resend's own list learns whom we spare.

use crate::support::hooks::{Reported, save};
use harness::world::{Options, Person, Vendor, Waiting, run};
use proftest::domain::delivery::Channel;
use serde_json::json;
use standins::{Fault, MailEvent, Mode};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// So often were statuses asked for.
fn questions(reported: &Reported) -> u64 {
    reported.world.vendors.mobizon.stats().requests - reported.world.vendors.mobizon.stats().accepted
}

async fn give_up_events(reported: &Reported, waiting: &Waiting) -> Vec<String> {
    let told = reported.history(waiting, Channel::Sms).await;
    told.into_iter()
        .filter(|told| told.contains("no_report"))
        .collect()
}

#[test]
fn an_sms_is_asked_about_at_two_and_fifteen_minutes_one_six_and_twenty_six_hours_and_then_given_up() {
    run(async {
        let reported = Reported::new().await;
        let waiting = reported.send_one().await;
        let balance = questions(&reported);
        reported.sweep().await;
        assert_eq!(questions(&reported), balance, "not before its time");
        let mut asked = balance;
        for (passed, at) in [
            (2 * MINUTE, "2 min"),
            (13 * MINUTE, "15 min"),
            (45 * MINUTE, "1 h"),
            (5 * HOUR, "6 h"),
            (20 * HOUR, "26 h"),
        ] {
            assert!(give_up_events(&reported, &waiting).await.is_empty(), "{at}");
            reported.world.pass_time(passed).await;
            reported.sweep().await;
            asked += 1;
            assert_eq!(questions(&reported), asked, "{at}");
            reported.sweep().await;
            assert_eq!(questions(&reported), asked, "{at}: once");
        }
        assert_eq!(give_up_events(&reported, &waiting).await, ["receipt no_report"]);
        assert_eq!(
            reported.state(&waiting, Channel::Sms).await,
            "accepted",
            "it is no open attempt"
        );
        reported.world.pass_time(100 * HOUR).await;
        reported.sweep().await;
        assert_eq!(questions(&reported), asked);
        // A report that comes all the same is taken.
        reported.sms(&waiting, "DELIVRD").await;
        assert_eq!(reported.state(&waiting, Channel::Sms).await, "delivered");
    });
}

#[test]
fn a_report_that_was_lost_is_found_and_two_sweeps_at_once_count_it_once() {
    run(async {
        let reported = Reported::new().await;
        let people: Vec<Person> = (0..130).map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        for (number, one) in waiting.iter().enumerate() {
            drop(reported.has_status(one, if number % 5 == 0 { "UNDELIV" } else { "DELIVRD" }));
        }
        reported.world.pass_time(3 * MINUTE).await;
        let before = questions(&reported);
        Box::pin(futures::future::join(reported.sweep(), reported.sweep())).await;
        assert_eq!(questions(&reported), before + 2, "a hundred, and the rest");
        let db = &reported.world.db;
        assert_eq!(
            db.count("deliveries where channel = 'sms' and state = 'delivered'")
                .await,
            104
        );
        assert_eq!(
            db.count("deliveries where channel = 'sms' and state = 'undelivered'")
                .await,
            26
        );
        assert_eq!(db.count("soft_failures").await, 26);
        assert_eq!(db.count("lead_events where what = 'receipt'").await, 130);
        assert_eq!(
            db.count("vendor_messages where channel = 'sms' and poll_at is not null")
                .await,
            0
        );
        // Asked again all the same, nothing changes.
        db.execute("update vendor_messages set poll_at = now() - interval '1 minute' where channel = 'sms'")
            .await;
        reported.sweep().await;
        assert_eq!(db.count("soft_failures").await, 26);
        assert_eq!(db.count("lead_events where what = 'receipt'").await, 130);
    });
}

#[test]
fn an_e_mail_is_asked_about_after_an_hour_and_after_twenty_six() {
    run(async {
        let reported = Reported::new().await;
        let [lost, silent, late]: [Waiting; 3] = reported
            .send(&[Person::new(), Person::new(), Person::new()])
            .await
            .try_into()
            .ok()
            .unwrap();
        drop(reported.happens(&lost, MailEvent::Complained));
        drop(reported.happens(&late, MailEvent::Delayed));
        reported.world.pass_time(HOUR).await;
        reported.sweep().await;
        assert_eq!(reported.state(&lost, Channel::Email).await, "complained");
        assert_eq!(reported.state(&silent, Channel::Email).await, "accepted");
        assert_eq!(reported.state(&late, Channel::Email).await, "delayed");
        drop(reported.happens(&late, MailEvent::Opened));
        reported.world.pass_time(25 * HOUR).await;
        reported.sweep().await;
        assert_eq!(reported.state(&late, Channel::Email).await, "delivered");
        let told = reported.history(&silent, Channel::Email).await;
        assert_eq!(told, ["outcome accepted", "receipt no_report"]);
    });
}

#[test]
fn a_vendor_that_hangs_stops_nothing_else_of_the_sweep() {
    run(async {
        let reported = Reported::new().await;
        reported.send_one().await;
        // Woken by nobody: the sweep must.
        save(&reported.world, &Person::new()).await;
        reported.world.pass_time(2 * HOUR).await;
        for vendor in [Vendor::Resend, Vendor::Mobizon] {
            reported.world.vendors.faults(vendor).add(Fault {
                mode: Mode::Timeout {},
                count: None,
                every: None,
                path: None,
            });
        }
        let started = Instant::now();
        reported.sweep().await;
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(reported.world.notifications.visible().await, 1);
        reported.world.vendors.heal();
        let before = questions(&reported);
        reported.sweep().await;
        assert_eq!(questions(&reported), before, "it is left alone for a while");
        reported.world.pass_time(6 * MINUTE).await;
        reported.sweep().await;
        assert_eq!(questions(&reported), before + 1, "it is asked again");
    });
}

#[test]
fn a_key_that_may_only_send_is_not_tried_every_minute() {
    run(async {
        let mut options = Options::unlimited();
        options.resend.sending_access = true;
        let reported = Reported::with(options).await;
        let people: Vec<Person> = (0..20).map(|_| Person::new()).collect();
        reported.send(&people).await;
        reported.world.pass_time(2 * HOUR).await;
        let sdk = harness::world::sdk().await;
        let app = sweep::App::new(&reported.world.sweep_config(), &sdk).unwrap();
        for _ in 0..5 {
            sweep::handle(&app).await.unwrap();
        }
        assert_eq!(
            reported.world.vendors.resend.stats().rejected["restricted_api_key"],
            1
        );
    });
}

#[test]
fn resend_s_own_list_learns_of_those_who_want_nothing_more_once() {
    run(async {
        let reported = Reported::new().await;
        let people: Vec<Person> = (0..4).map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        reported.mail(&waiting[0], MailEvent::Complained).await;
        reported
            .mail(&waiting[1], MailEvent::Bounced(standins::Bounce::Permanent))
            .await;
        let key = |person: &Person| {
            let email = proftest::domain::contact::Email::parse(&person.email).unwrap();
            reported.world.intake_config().guard.key.email(&email)
        };
        let db = &reported.world.db;
        for (key, reason) in [
            (key(&people[2]), "unsubscribe"),
            (key(&people[3]), "not_me"),
            // Of somebody whose rows are gone.
            ("00".repeat(16), "unsubscribe"),
        ] {
            db.execute(&format!(
                "insert into suppressions (key, channel, reason, source) values (decode('{key}', 'hex'), 'email', '{reason}', 'test')"
            ))
            .await;
        }
        // Not at once: the account does not have the list.
        reported.world.vendors.resend.faults().add(Fault {
            path: Some("/suppressions".to_owned()),
            ..Fault::times(
                Mode::Status {
                    status: 404,
                    name: None,
                    retry_after: None,
                },
                1,
            )
        });
        reported.sweep().await;
        assert!(reported.world.vendors.resend.suppressed().is_empty());
        reported.sweep().await;
        assert!(
            reported.world.vendors.resend.suppressed().is_empty(),
            "not before an hour"
        );
        reported.world.pass_time(HOUR).await;
        reported.sweep().await;
        // Resend knows of a bounce by itself.
        let expected: BTreeSet<String> = [0, 2, 3].map(|number| people[number].email.clone()).into();
        assert_eq!(reported.world.vendors.resend.suppressed(), expected);
        let told = db
            .rows("select channel, reason from suppressions where mirrored_at is not null order by 2")
            .await;
        let told: Vec<&str> = told.iter().map(|row| row["reason"].as_str().unwrap()).collect();
        assert_eq!(told, ["complaint", "not_me", "unsubscribe"]);
        let asked = reported.world.vendors.resend.stats().requests;
        reported.world.pass_time(2 * HOUR).await;
        db.execute("update vendor_messages set poll_at = null").await;
        reported.sweep().await;
        assert_eq!(reported.world.vendors.resend.stats().requests, asked, "once");
    });
}

#[test]
fn bounces_and_complaints_of_a_day_are_counted() {
    run(async {
        let reported = Reported::new().await;
        let people: Vec<Person> = (0..5).map(|_| Person::new()).collect();
        let waiting = reported.send(&people).await;
        reported.mail(&waiting[0], MailEvent::Complained).await;
        for one in &waiting[1..3] {
            reported
                .mail(one, MailEvent::Bounced(standins::Bounce::Transient))
                .await;
        }
        let backlog = reported.world.db.store_as("sweep").backlog().await.unwrap();
        let counted = (
            backlog.mails_last_day,
            backlog.bounced_last_day,
            backlog.complained_last_day,
        );
        assert_eq!(counted, (5, 2, 1));
        reported.world.pass_time(25 * HOUR).await;
        let backlog = reported.world.db.store_as("sweep").backlog().await.unwrap();
        assert_eq!(
            json!([backlog.mails_last_day, backlog.bounced_last_day]),
            json!([0, 0])
        );
    });
}
