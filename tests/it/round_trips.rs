//! How often a function waits for the database: what the figures of intake and track rest on.

use crate::intake::{app_of, post, world};
use crate::support::delivery::{patient_over, wake};
use crate::support::hooks::{MOBIZON, RESEND, Reported, event};
use crate::support::proxy::Proxy;
use crate::support::recipient::ask;
use crate::support::request::{request, visit};
use harness::world::{Person, World, run, sdk};
use proftest::config;
use standins::MailEvent;

#[test]
fn a_warm_intake_makes_exactly_one_round_trip() {
    run(async {
        let intake = world().await;
        let route = intake.db.readable("intake");
        let proxy = Proxy::before(route.port).await;
        let mut config = intake.intake_config();
        config.database = route.over(proxy.port);
        let app = app_of(&config, &sdk().await);
        app.warm_up().await;
        proxy.take_round_trips();
        for number in 1..=5 {
            let body = Person::new().form();
            post(&app, &body).await.lead();
            assert_eq!(proxy.take_round_trips(), 1, "lead {number}");
            post(&app, &body).await.lead();
            assert_eq!(proxy.take_round_trips(), 1, "lead {number} again");
        }
        assert_eq!(proxy.connections(), 1);
    });
}

#[test]
fn a_warm_click_makes_exactly_one_round_trip_and_an_impossible_link_none() {
    run(async {
        let world = World::new().await;
        let route = world.db.readable("track");
        let proxy = Proxy::before(route.port).await;
        let app = crate::track::app_of(route.over(proxy.port));
        app.warm_up().await;
        let waiting = world.sent_lead().await;
        let code = world.db.row("select code from short_links").await;
        let code = code["code"].as_str().unwrap();
        proxy.take_round_trips();
        let track = format!("/api/landing/track/{}", waiting.lead);
        for (method, path, query, round_trips) in [
            ("GET", track.as_str(), "source=email", 1),
            ("GET", &format!("/l/{code}"), "", 1),
            ("GET", "/l/AAAAAAAAAAAA", "", 1),
            ("HEAD", track.as_str(), "source=email", 1),
            ("GET", &format!("/l/{code}"), "to=course", 1),
            ("GET", track.as_str(), "source=fax", 0),
            ("GET", "/l/too-short", "", 0),
            ("GET", "/api/landing/track/not-a-lead", "source=sms", 0),
        ] {
            track::handle(&app, &visit(method, path, query)).await;
            assert_eq!(proxy.take_round_trips(), round_trips, "{method} {path}?{query}");
        }
    });
}

#[test]
fn a_warm_report_makes_exactly_one_round_trip_and_a_forged_one_none() {
    run(async {
        let reported = Reported::new().await;
        let route = reported.world.db.readable("receipts");
        let proxy = Proxy::before(route.port).await;
        let app = receipts::App::new(&config::Receipts {
            database: route.over(proxy.port),
            ..reported.world.receipts_config()
        })
        .unwrap();
        app.warm_up().await;
        let waiting = reported.send_one().await;
        let mail = event(RESEND, &reported.happens(&waiting, MailEvent::Delivered), false);
        let sms = event(MOBIZON, &reported.has_status(&waiting, "DELIVRD"), false);
        let mut forged = mail.clone();
        forged["headers"]["svix-id"] = "msg_forged".into();
        proxy.take_round_trips();
        for (what, event, status, round_trips) in [
            ("e-mail", &mail, 200, 1),
            ("e-mail again", &mail, 200, 1),
            ("SMS", &sms, 200, 1),
            ("forged", &forged, 401, 0),
        ] {
            let answer = receipts::handle(&app, &request(event)).await;
            assert_eq!(answer.status().as_u16(), status, "{what}");
            assert_eq!(proxy.take_round_trips(), round_trips, "{what}");
        }
    });
}

#[test]
fn a_result_and_a_stop_make_one_round_trip_each_and_the_choices_none() {
    run(async {
        let world = World::new().await;
        let route = world.db.readable("recipient");
        let proxy = Proxy::before(route.port).await;
        let mut config = world.recipient_config();
        config.database = route.over(proxy.port);
        let app = recipient::App::new(&config).unwrap();
        app.warm_up().await;
        world.lead().await;
        let code = world.db.row("select code from short_links").await;
        let result = format!("/r/{}", code["code"].as_str().unwrap());
        proxy.take_round_trips();
        for (method, path, body, round_trips) in [
            ("GET", result.as_str(), "", 1),
            ("HEAD", &result, "", 1),
            ("GET", "/r/AAAAAAAAAAAA", "", 1),
            ("GET", "/r/too-short", "", 0),
            ("GET", "/u/AAAAAAAAAAAAAAAAAAAAAA", "", 0),
            ("POST", "/u/AAAAAAAAAAAAAAAAAAAAAA", "stop=all", 1),
            ("POST", "/u/AAAAAAAAAAAAAAAAAAAAAA", "nonsense", 0),
            ("POST", "/u/too-short", "stop=all", 0),
        ] {
            ask(&app, method, path, &[], body).await;
            assert_eq!(proxy.take_round_trips(), round_trips, "{method} {path} {body}");
        }
    });
}

#[test]
fn a_delivery_makes_one_round_trip_to_claim_one_to_pin_and_one_a_channel_to_record() {
    run(async {
        let world = World::new().await;
        let route = world.db.readable("deliver");
        let proxy = Proxy::before(route.port).await;
        let app = patient_over(&world, route.over(proxy.port)).await;
        app.warm_up().await;
        let waiting = world.lead().await;
        proxy.take_round_trips();
        assert!(!wake(&app, &waiting).await);
        assert_eq!(proxy.take_round_trips(), 4);
        assert!(!wake(&app, &waiting).await);
        assert_eq!(proxy.take_round_trips(), 1, "to see that nothing is left");
    });
}
