//! A suspicious submission of our page is asked for a proof of work; without it, both channels are held.

use crate::intake::{app, app_of, world};
use crate::support::delivery::{finish, patient, wake};
use crate::support::guard::{
    PAGE, key, limit, now, page_form, post, proof_event, prove, solved, ticket, waiting,
};
use crate::support::request::{Answer, request, sample, submission};
use harness::vendors::TURNSTILE_SECRET;
use harness::world::{Person, World, run, sdk};
use proftest::clients::turnstile::ACTION;
use proftest::domain::guard::{Challenge, Ticket};
use proftest::domain::ids::SubmissionId;
use serde_json::{Value, json};
use standins::{Fault, Mode};
use std::time::Duration;

/// Of the pages of `harness::world::PUBLIC`.
const HOST: &str = "api.onai.academy";

async fn limited() -> World {
    let mut world = world().await;
    limit(&mut world);
    world
}

async fn guarded_by_turnstile() -> World {
    let mut world = limited().await;
    world.changes.extend([
        ("TURNSTILE_SITE_KEY", "0x4AAA_site".to_owned()),
        ("TURNSTILE_SECRET_KEY", TURNSTILE_SECRET.to_owned()),
        ("TURNSTILE_BASE_URL", world.vendors.turnstile_url.clone()),
    ]);
    world
}

/// The challenge of an answer, which asks for one.
fn challenge(answer: &Answer) -> &str {
    answer.lead();
    let challenge = answer.body["challenge"].as_str();
    challenge.unwrap_or_else(|| panic!("no challenge: {answer:?}"))
}

async fn challenged(app: &intake::App) -> String {
    let answer = post(app, &page_form(&Person::new())).await;
    challenge(&answer).to_owned()
}

async fn proved(world: &World) -> i64 {
    world.db.count("submissions where proved_at is not null").await
}

#[test]
fn a_proof_in_time_lets_the_message_go_and_a_replay_changes_nothing() {
    run(async {
        let world = limited().await;
        let app = app(&world).await;
        let person = Person::new();
        let answer = post(&app, &page_form(&person)).await;
        assert!(answer.body.get("siteKey").is_none(), "{answer:?}");
        let solved = solved(challenge(&answer));
        let first = prove(&app, &solved).await;
        assert_eq!((first.status, &first.body), (200, &json!({"success": true})));
        assert_eq!(first.header("cache-control"), "no-store");
        let row = "select proved_at, challenged_at from submissions";
        let noted = world.db.row(row).await;
        assert!(noted["proved_at"].is_string(), "{noted}");
        let before = world.db.counts().await;
        assert_eq!(prove(&app, &solved).await.status, 200);
        assert_eq!(world.db.row(row).await, noted);
        assert_eq!(world.db.counts().await, before);

        let waiting = waiting(&world, &person, &answer).await;
        world.pass_time(Duration::from_mins(11)).await;
        finish(&world, &patient(&world).await, &waiting).await;
        world.assert_delivered_once(&waiting).await;
    });
}

#[test]
fn without_a_proof_the_lead_is_saved_and_both_channels_are_held() {
    run(async {
        let world = limited().await;
        let person = Person::new();
        let answer = post(&app(&world).await, &page_form(&person)).await;
        challenge(&answer);
        let waiting = waiting(&world, &person, &answer).await;
        world.pass_time(Duration::from_mins(11)).await;
        assert!(!wake(&patient(&world).await, &waiting).await);
        let sql = "select channel, state, reason from deliveries order by channel";
        let held = |channel: &str| json!({"channel": channel, "state": "held", "reason": "challenge"});
        assert_eq!(world.db.rows(sql).await, [held("email"), held("sms")]);
        assert!(world.emails(&waiting).is_empty() && world.sms(&waiting).is_empty());
    });
}

/// The trap's time is ours: a page that was opened a minute ago, and told so by our own signature.
#[test]
fn a_visitor_with_a_ticket_and_a_client_of_the_api_are_not_asked() {
    run(async {
        let world = limited().await;
        let app = app(&world).await;
        let asked = async |form: &Value| {
            let answer = post(&app, form).await;
            answer.lead();
            answer.body.get("challenge").is_some()
        };
        let mut form = page_form(&Person::new());
        form["ticket"] = ticket().into();
        assert!(!asked(&form).await);
        // What the client says of its time proves nothing.
        for ticket in [
            json!(Ticket::issue(&key(), now())),
            json!(Ticket::issue(
                &key(),
                now().saturating_sub(Duration::from_hours(25))
            )),
            json!("1800000000.00000000000000000000000000000000"),
            json!(1),
            json!("x".repeat(5000)),
        ] {
            let mut form = page_form(&Person::new());
            form["elapsedMs"] = json!(600_000);
            form["ticket"] = ticket.clone();
            assert!(asked(&form).await, "{ticket:.60}");
        }
        assert!(!asked(&Person::new().form()).await);
    });
}

#[test]
fn the_ticket_needs_no_database_and_is_good_after_three_seconds() {
    run(async {
        let world = limited().await;
        let mut config = world.intake_config();
        config.database.url = "postgres://nobody:x@127.0.0.1:1/none".to_owned().into();
        let app = app_of(&config, &sdk().await);
        let answer = Answer::from(intake::handle(&app, request(&sample("intake/ticket.json"))).await);
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
        let ticket = answer.body["ticket"].as_str().unwrap();
        assert!(!Ticket::is_good(&key(), ticket, now()));
        assert!(Ticket::is_good(&key(), ticket, now() + Duration::from_secs(4)));
    });
}

#[test]
fn what_is_no_proof_is_refused_in_russian_and_noted_nowhere() {
    run(async {
        let world = limited().await;
        let app = app(&world).await;
        let challenge = challenged(&app).await;
        let solved = solved(&challenge);
        let (signed, signature) = challenge.rsplit_once('.').unwrap();
        let nonce = solved["nonce"].as_str().unwrap();
        let other = signed.replacen(
            signed.split('.').next().unwrap(),
            &SubmissionId::new().to_string(),
            1,
        );
        // Ours and solved, but of no submission: a lead that was erased meanwhile.
        let unknown = Challenge::issue(&key(), SubmissionId::new(), now() + Duration::from_mins(5));
        let late = Challenge::issue(
            &key(),
            SubmissionId::new(),
            now().saturating_sub(Duration::from_mins(1)),
        );
        let refused = "Проверка браузера не пройдена: отправьте форму ещё раз";
        let expired = "Время проверки браузера вышло: отправьте форму ещё раз";
        for (body, status, sentence) in [
            (json!({"challenge": challenge, "nonce": "x"}), 400, refused),
            (
                json!({"challenge": challenge, "nonce": format!("{nonce}{}", "0".repeat(40))}),
                400,
                refused,
            ),
            (json!({"challenge": challenge, "nonce": 1}), 400, refused),
            (json!({"challenge": challenge}), 400, refused),
            (
                json!({"challenge": format!("{other}.{signature}"), "nonce": nonce}),
                400,
                refused,
            ),
            (
                json!({"challenge": format!("{signed}.{}", "0".repeat(32)), "nonce": nonce}),
                400,
                refused,
            ),
            (json!({"challenge": late, "nonce": "1"}), 400, expired),
            (crate::support::guard::solved(&unknown), 400, refused),
            (json!([]), 400, "Не удалось прочитать данные: это не JSON"),
            (
                json!({"nonce": "x".repeat(70_000)}),
                413,
                "Слишком большой запрос",
            ),
        ] {
            let answer = prove(&app, &body).await;
            let told = (answer.status, &answer.body["success"], &answer.body["error"]);
            assert_eq!(told, (status, &json!(false), &json!(sentence)), "{body:.200}");
        }
        let mut event = proof_event(&solved);
        event["headers"]["content-type"] = "text/plain".into();
        let answer = Answer::from(intake::handle(&app, request(&event)).await);
        assert_eq!(answer.status, 415);
        assert_eq!(proved(&world).await, 0);
        assert_eq!(prove(&app, &solved).await.status, 200);
        assert_eq!(proved(&world).await, 1);
    });
}

#[test]
fn a_database_that_is_down_lets_the_page_send_its_proof_again() {
    run(async {
        let world = limited().await;
        let solved = solved(&challenged(&app(&world).await).await);
        let mut config = world.intake_config();
        config.database.url = "postgres://nobody:x@127.0.0.1:1/none".to_owned().into();
        let answer = prove(&app_of(&config, &sdk().await), &solved).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "3"));
        assert_eq!(prove(&app(&world).await, &solved).await.status, 200);
    });
}

/// The browser's word for where the post comes from is enough.
#[test]
fn a_post_of_our_own_origin_is_our_page_s_whatever_its_fields_say() {
    run(async {
        let world = limited().await;
        let app = app(&world).await;
        let mut event = sample("intake/valid.json");
        event["headers"]["sec-fetch-site"] = "same-origin".into();
        let mut form = Person::new().form();
        form["elapsedMs"] = json!(60_000);
        event["body"] = form.to_string().into();
        let answer = Answer::from(intake::handle(&app, request(&event)).await);
        assert_eq!(answer.status, 400);
        assert!(answer.body["fields"]["consent"].is_string(), "{answer:?}");
        assert_eq!(world.db.count("consents").await, 0);
        form["consent"] = json!({"version": "2", "email": true, "sms": true});
        event["body"] = form.to_string().into();
        let answer = Answer::from(intake::handle(&app, request(&event)).await);
        answer.lead();
        assert!(answer.body.get("challenge").is_some(), "{answer:?}");
    });
}

#[test]
fn where_turnstile_is_asked_too_the_proof_counts_with_its_token_alone() {
    run(async {
        let world = guarded_by_turnstile().await;
        let app = app(&world).await;
        let turnstile = &world.vendors.turnstile;
        let answer = post(&app, &page_form(&Person::new())).await;
        assert_eq!(answer.body["siteKey"], "0x4AAA_site");
        let mut solved = solved(challenge(&answer));
        for token in [
            Value::Null,
            json!(""),
            json!("x".repeat(3000)),
            json!("never seen"),
            json!(turnstile.solve("evil.example", ACTION)),
            json!(turnstile.solve(HOST, "login")),
        ] {
            solved["turnstile"] = token.clone();
            let answer = prove(&app, &solved).await;
            assert_eq!(answer.status, 400, "{token:.40}");
            assert!(answer.body["fields"]["turnstile"].is_string(), "{answer:?}");
        }
        assert_eq!(proved(&world).await, 0);
        let token = turnstile.solve(HOST, ACTION);
        solved["turnstile"] = token.clone().into();
        assert_eq!(prove(&app, &solved).await.status, 200);
        assert_eq!(proved(&world).await, 1);
        // The token is the challenge's first condition, not the only one.
        let unsolved = json!({"challenge": challenged(&app).await, "nonce": "x", "turnstile": token});
        let asked = turnstile.stats().requests;
        assert_eq!(prove(&app, &unsolved).await.status, 400);
        assert_eq!(turnstile.stats().requests, asked, "Turnstile was asked in vain");
    });
}

#[test]
fn while_turnstile_is_out_of_order_nothing_is_proved_and_the_same_token_counts_later() {
    run(async {
        let world = guarded_by_turnstile().await;
        let app = app(&world).await;
        let turnstile = &world.vendors.turnstile;
        let mut solved = solved(&challenged(&app).await);
        solved["turnstile"] = turnstile.solve(HOST, ACTION).into();
        for mode in [
            Mode::Status {
                status: 500,
                name: None,
                retry_after: None,
            },
            Mode::Html { status: 502 },
            Mode::Html { status: 200 },
            Mode::Timeout {},
            Mode::Drop {},
            // The token is used up, and nobody was told.
            Mode::AcceptThenDrop {},
        ] {
            turnstile.faults().add(Fault::times(mode.clone(), 1));
            let began = std::time::Instant::now();
            let answer = prove(&app, &solved).await;
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (503, "3"),
                "{mode:?}"
            );
            assert!(
                began.elapsed() < Duration::from_secs(3),
                "{mode:?}: {:?}",
                began.elapsed()
            );
            assert_eq!(proved(&world).await, 0, "{mode:?}");
        }
        assert_eq!(prove(&app, &solved).await.status, 200);
        assert_eq!(proved(&world).await, 1);
    });
}

#[test]
fn a_wrong_secret_confirms_nobody() {
    run(async {
        let mut world = guarded_by_turnstile().await;
        world.changes.insert("TURNSTILE_SECRET_KEY", "another".to_owned());
        let app = app(&world).await;
        let mut solved = solved(&challenged(&app).await);
        solved["turnstile"] = world.vendors.turnstile.solve(HOST, ACTION).into();
        assert_eq!(prove(&app, &solved).await.status, 503);
        assert_eq!(proved(&world).await, 0);
    });
}

#[test]
fn with_challenge_always_a_client_of_the_api_is_asked_too() {
    run(async {
        let mut world = limited().await;
        world.changes.insert("CHALLENGE", "always".to_owned());
        let answer = post(&app(&world).await, &Person::new().form()).await;
        challenge(&answer);
        world.changes.insert("CHALLENGE", "off".to_owned());
        let mut form = page_form(&Person::new());
        form["page"] = PAGE.into();
        let answer = Answer::from(intake::handle(&app(&world).await, submission(&form)).await);
        answer.lead();
        assert!(answer.body.get("challenge").is_none(), "{answer:?}");
    });
}
