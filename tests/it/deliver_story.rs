//! One message: held while it is early, sent when it is due, refused when it is hopeless.

use crate::support::delivery::{patient, wake};
use harness::world::{PUBLIC, Vendor, World, batch, event, record, run, task};
use jiff::Timestamp;
use proftest::domain::message::ucs2_units;
use proftest::texts::{Locale, texts};
use std::time::{Duration, Instant};

#[test]
fn an_early_message_is_held_to_its_second_and_then_both_go_out() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead_in(Duration::from_secs(3)).await;
        world.notifications.send(&task(waiting.id)).await;
        let received = world.notifications.next(Duration::from_secs(5)).await;
        let started = Instant::now();
        let response = deliver::handle(&app, batch(&[received])).await.unwrap();
        assert_eq!(
            response.batch_item_failures.len(),
            1,
            "an early message comes back"
        );
        assert!(world.vendors.resend.sent().is_empty() && world.vendors.mobizon.sent().is_empty());
        assert_eq!(world.work(&waiting, Vendor::Mobizon).await["attempt"], 0);
        assert_eq!(world.notifications.visible().await, 0, "it is held");

        let again = world.notifications.next(Duration::from_secs(8)).await;
        assert!(
            started.elapsed() < Duration::from_secs(6),
            "held too long: {:?}",
            started.elapsed()
        );
        let response = deliver::handle(&app, batch(&[again])).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
        world.assert_delivered_once(&waiting).await;
        let due: Timestamp = world.notification(&waiting).await["scheduled_for"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(world.emails(&waiting)[0].accepted_at >= due && world.sms(&waiting)[0].accepted_at >= due);
    });
}

#[test]
fn what_is_sent_is_what_was_promised() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        assert!(!wake(&app, &waiting).await);
        world.assert_delivered_once(&waiting).await;

        let email = world.emails(&waiting).remove(0);
        assert_eq!(
            email.idempotency_key,
            Some(format!("proftest-email-{}", waiting.id))
        );
        assert_eq!(email.subject, "Ваши результаты профориентационного теста");
        let codes = "select code from short_links where channel = 'email'";
        let code = world.db.row(codes).await["code"].as_str().unwrap().to_owned();
        let link = format!("{PUBLIC}/l/{code}");
        for part in [email.html.unwrap(), email.text.unwrap()] {
            assert!(
                part.replace("&#38;", "&").contains(&link),
                "{link} is not in {part}"
            );
            assert!(part.contains("Айгерим"));
        }
        assert_eq!(email.tags[0].value, waiting.id.to_string());

        let sms = world.sms(&waiting).remove(0);
        assert!(sms.text.starts_with(texts(Locale::Ru).sms.ready), "{}", sms.text);
        assert!(ucs2_units(&sms.text) <= 70);
        let code = sms.text.rsplit_once(&format!("{PUBLIC}/l/")).unwrap().1;
        let link = world
            .db
            .row(&format!("select * from short_links where code = '{code}'"))
            .await;
        assert_eq!(link["lead_id"], waiting.lead.to_string());
        assert_eq!(link["channel"], "sms");

        let lead = world
            .db
            .row(
                "select email_sent, sms_sent, email_sent_at, sms_sent_at, email_clicked, click_count
                  from landing_leads",
            )
            .await;
        assert_eq!(
            (&lead["email_sent"], &lead["sms_sent"]),
            (&true.into(), &true.into())
        );
        assert!(lead["email_sent_at"].is_string() && lead["sms_sent_at"].is_string());
        assert_eq!(
            (&lead["email_clicked"], &lead["click_count"]),
            (&false.into(), &0.into())
        );
        // A message that comes twice is harmless.
        assert!(!wake(&app, &waiting).await);
        world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn a_record_without_an_id_gives_the_whole_batch_back() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        for id in [None, Some(String::new())] {
            let mut nameless = record("", "x", &task(waiting.id));
            nameless.message_id = id;
            let records = vec![record("good", "x", &task(waiting.id)), nameless];
            assert!(deliver::handle(&app, event(records)).await.is_err());
        }
        assert!(
            world.vendors.resend.sent().is_empty(),
            "a refused batch sends nothing"
        );
    });
}

#[test]
fn the_sample_events_are_answered_record_by_record() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        for (sample, failed) in [("one", 0), ("mixed", 2)] {
            let sample = crate::support::request::sample(&format!("deliver/{sample}.json"));
            let event = serde_json::from_value(sample.clone()).unwrap();
            let response = deliver::handle(&app, event).await.unwrap();
            assert_eq!(response.batch_item_failures.len(), failed, "{sample}");
        }
    });
}
