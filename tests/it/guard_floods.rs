//! Who posts too much from one network address: told apart before anything is read, and held where that is switched on.

use crate::support::guarded::{
    Guarded, event, intake_of, new_address, outcome, raw_event, raw_request, with_phone,
};
use crate::support::printing::Printing;
use crate::support::request::{Answer, request};
use harness::world::{Person, run};
use serde_json::{Value, json};
use std::time::Duration;

const BROKEN: &str = "{";

#[test]
fn the_eleventh_request_of_a_second_is_refused_before_it_is_read() {
    run(async {
        let guarded = Guarded::new().await;
        let (address, person) = (new_address(), Person::new());
        let post = async |body: &str| -> Answer {
            intake::handle(&guarded.intake, raw_request(body, &address))
                .await
                .into()
        };
        for _ in 0..10 {
            assert_eq!(post(BROKEN).await.status, 400);
        }
        for body in [BROKEN, &person.form().to_string(), &"x".repeat(100_000)] {
            let refused = post(body).await;
            assert_eq!(
                (refused.status, refused.header("retry-after")),
                (429, "1"),
                "{refused:?}"
            );
            assert_eq!(refused.body["success"], false);
        }
        assert_eq!(guarded.world.db.count("landing_leads").await, 0);
        guarded.post(&Person::new().form()).await.lead();
        tokio::time::sleep(Duration::from_secs(1)).await;
        post(&person.form().to_string()).await.lead();
    });
}

/// Each process sees few of a flood; the database sees all.
#[test]
fn a_flood_over_many_processes_is_seen_by_the_database() {
    run(async {
        let guarded = Guarded::limited("address.second=2").await;
        let others = [intake_of(&guarded.world).await, intake_of(&guarded.world).await];
        let last = intake_of(&guarded.world).await;
        for _ in 0..20 {
            let address = new_address();
            // Of three blocks of numbers, which are counted too.
            let post = async |app: &intake::App, code: &str| -> Answer {
                let person = with_phone(&Person::new().phone.replace("+7701", code));
                let event = event(&person.form(), &address);
                intake::handle(app, request(&event)).await.into()
            };
            for (app, code) in [(&others[0], "+7701"), (&others[1], "+7702"), (&last, "+7705")] {
                post(app, code).await.lead();
            }
            // Only when all three fell into one second of the database.
            if guarded.world.db.count("intake_counts where second_n = 3").await == 1 {
                assert_eq!(post(&last, "+7706").await.status, 429);
                return;
            }
        }
        panic!("no three posts in one second");
    });
}

/// The /48 around a subscriber has a limit of an hour, and none of a second.
#[test]
fn neighbours_in_one_48_are_no_flood() {
    run(async {
        let guarded = Guarded::limited("address.second=2").await;
        for number in 0..6 {
            let address = format!("2001:db8:1:{number:x}::1");
            for _ in 0..2 {
                guarded
                    .handle(&event(&Person::new().form(), &address))
                    .await
                    .lead();
            }
        }
    });
}

#[test]
fn without_limits_no_flood_is_refused() {
    run(async {
        let guarded = Guarded::limited("off").await;
        let address = new_address();
        for _ in 0..20 {
            let answer = guarded.handle(&raw_event(BROKEN, &address)).await;
            assert_eq!(answer.status, 400);
        }
    });
}

/// Three people from these addresses, then one from another.
async fn three(guarded: &Guarded, addresses: [&str; 3]) -> Value {
    for address in addresses.iter().copied().chain(["198.51.100.77"]) {
        let person = Person::new();
        let answer = guarded.handle(&event(&person.form(), address)).await;
        let waiting = guarded.newest(&person, answer.lead()).await;
        guarded.wake_at_once(&[waiting]).await;
    }
    guarded.outcome().await
}

const TWO: &str = "address.hour=2,net64.hour=2,net48.hour=3";

#[test]
fn an_address_over_its_limit_is_held_where_that_is_on() {
    run(async {
        let third_held = outcome([
            ("email accepted", 3),
            ("email held budget:address", 1),
            ("sms accepted", 3),
            ("sms held budget:address", 1),
        ]);
        let none_held = outcome([("email accepted", 4), ("sms accepted", 4)]);
        // A subscriber has a whole /64.
        let one_network = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3"];
        let neighbours = ["2001:db8:1:2::1", "2001:db8:1:3::2", "2001:db8:1:4::3"];
        for (addresses, expected) in [
            (["203.0.113.7"; 3], &third_held),
            (["203.0.113.7", "203.0.113.8", "203.0.113.9"], &none_held),
            (one_network, &third_held),
            (neighbours, &none_held),
        ] {
            let guarded = Guarded::with(&[("LIMITS", TWO), ("ADDRESS_LIMITS", "on")]).await;
            assert_eq!(three(&guarded, addresses).await, *expected, "{addresses:?}");
        }
        // And a site a /48, with a limit of its own.
        let guarded = Guarded::with(&[("LIMITS", "net48.hour=2"), ("ADDRESS_LIMITS", "on")]).await;
        assert_eq!(three(&guarded, neighbours).await, third_held);
    });
}

#[test]
fn by_default_an_address_over_its_limit_is_told_of_and_nothing_is_held() {
    run(async {
        let guarded = Guarded::limited(TWO).await;
        let none_held = outcome([("email accepted", 4), ("sms accepted", 4)]);
        assert_eq!(three(&guarded, ["203.0.113.7"; 3]).await, none_held);

        let mut intake = Printing::start("intake", &guarded.world.settings("intake")).await;
        let told = || intake_lines(&intake);
        assert_eq!(told().len(), 0);
        let post = event(&Person::new().form(), "203.0.113.7");
        assert_eq!(intake.function.invoke(&post).await.unwrap()["statusCode"], 200);
        let told = intake_lines(&intake);
        assert_eq!(told.len(), 1, "{}", intake.printed());
        assert_eq!(told[0]["level"], "WARN");
        assert_eq!(told[0]["holds"], false, "{}", told[0]);
        assert!(!intake.printed().contains("203.0.113"), "{}", intake.printed());
    });
}

fn intake_lines(intake: &Printing) -> Vec<Value> {
    let lines = intake.lines_with("level").into_iter();
    lines
        .filter(|line| line.to_string().contains("passed its limit"))
        .collect()
}

#[test]
fn a_block_of_numbers_over_its_limit_gets_no_sms() {
    run(async {
        let guarded = Guarded::limited("block.hour=2").await;
        let phones = ["+77051110001", "+77051110002", "+77051110003", "+77051120003"];
        guarded.serve(&phones.map(with_phone)).await;
        let all = outcome([
            ("email accepted", 4),
            ("sms accepted", 3),
            ("sms held budget:block", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}

/// The last but one of `X-Forwarded-For` is CloudFront's word; what stands before it is the client's.
#[test]
fn behind_cloudfront_the_visitor_s_address_is_the_last_but_one() {
    run(async {
        let through = |forwarded: &str, by_cloudfront: bool| {
            let mut event = event(&Person::new().form(), "130.176.1.1");
            event["headers"]["x-forwarded-for"] = forwarded.into();
            if by_cloudfront {
                event["headers"]["x-amz-cf-id"] = "id".into();
            }
            event
        };
        let forged = "192.0.2.1, 203.0.113.9, 130.176.1.1";
        for (behind, event, expected) in [
            ("yes", through(forged, true), json!("203.0.113.0/24")),
            (
                "yes",
                through("203.0.113.9, 130.176.1.1", true),
                json!("203.0.113.0/24"),
            ),
            (
                "yes",
                through("x, 2001:db8:1:2::3, 130.176.1.1", true),
                json!("2001:db8:1::/48"),
            ),
            ("yes", through("130.176.1.1", true), Value::Null),
            // A request that did not come through it.
            ("yes", through(forged, false), json!("130.176.1.0/24")),
            ("no", through(forged, true), json!("130.176.1.0/24")),
        ] {
            let guarded = Guarded::with(&[("BEHIND_CLOUDFRONT", behind)]).await;
            guarded.handle(&event).await.lead();
            let row = guarded.world.db.row("select address from consents").await;
            assert_eq!(row["address"], expected, "{behind} {event}");
        }
    });
}
