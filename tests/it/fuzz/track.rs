//! Links and pages: any path, any query, any header.

use super::check;
use super::mutate::{apply, change, printable, text};
use crate::support::request::{Answer, sample};
use harness::world::{World, run};
use lambda_http::Response;
use lambda_http::request::LambdaRequest;
use proftest::http::make_readable;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use std::sync::Mutex;

const COURSE: &str = "https://onai.academy/integrator/expresscourse";

pub(super) fn event(paths: Vec<String>, queries: Vec<&'static str>) -> impl Strategy<Value = Value> {
    let sample = sample("track/email.json");
    let edited = (select(paths.clone()), any::<Index>(), text()).prop_map(|(mut path, place, text)| {
        let place = place.index(path.len());
        path.truncate(place);
        path + &text
    });
    let path = prop_oneof![
        1 => select(paths),
        4 => edited,
        2 => text().prop_map(|text| format!("/{text}")),
    ];
    let query = prop_oneof![2 => select(queries).prop_map(str::to_owned), 3 => text(), 1 => text().prop_map(|text| format!("source=sms&{text}"))];
    let method = select(vec!["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "BREW"]);
    let name = select(vec![
        "user-agent",
        "host",
        "x-forwarded-proto",
        "accept-encoding",
        "if-none-match",
        "cookie",
        "accept-language",
        "sec-fetch-mode",
        "sec-purpose",
        "x-requested-with",
        "x-forwarded-for",
    ]);
    let long = (printable(), 1..90_usize).prop_map(|(text, times)| text.repeat(times));
    let value = prop_oneof![4 => printable(), 1 => long];
    let header = proptest::option::of((name, value));
    let broken = proptest::option::weighted(0.05, (any::<Index>(), change()));
    (path, query, method, header, broken).prop_map(move |(path, query, method, header, broken)| {
        let mut event = sample.clone();
        event["requestContext"]["http"]["method"] = method.into();
        event["requestContext"]["http"]["path"] = path.clone().into();
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        if let Some((name, value)) = header {
            event["headers"][name] = value.into();
        }
        if let Some((place, change)) = broken {
            apply(&mut event, place, change);
        }
        event
    })
}

/// The request of an event, if it is one.
pub(super) fn request(event: Value) -> Option<lambda_http::Request> {
    let mut event: LambdaRequest = serde_json::from_value(event).ok()?;
    make_readable(&mut event);
    Some(event.into())
}

#[test]
fn any_link_leads_to_the_course_and_nowhere_else() {
    let (world, lead, code, app) = run(async {
        let world = World::new().await;
        let lead = world.sent_lead().await.lead;
        let row = world.db.row("select code from short_links").await;
        let app = track::App::new(&world.track_config()).unwrap();
        (world, lead, row["code"].as_str().unwrap().to_owned(), app)
    });
    let (db, lead) = (&world.db, lead.to_string());
    let paths = vec![format!("/api/landing/track/{lead}"), format!("/l/{code}")];
    check(
        "track",
        25_000,
        &event(paths, vec!["source=email", "source=sms", ""]),
        |event| {
            let Some(request) = request(event) else {
                return Ok(());
            };
            let answer = Answer::from(run(track::handle(&app, &request)));
            prop_assert_eq!(answer.status, 302);
            let query = answer.header("location").strip_prefix(&format!("{COURSE}?"));
            let query = query.ok_or_else(|| TestCaseError::fail(format!("{answer:?}")))?;
            for pair in query.split('&') {
                let known = [
                    "utm_source=proftest",
                    "utm_medium=email",
                    "utm_medium=sms",
                    "utm_campaign=proftest",
                ];
                let id = pair.strip_prefix("click_id=");
                let is_id = id.is_some_and(|id| id != lead && uuid::Uuid::try_parse(id).is_ok());
                prop_assert!(known.contains(&pair) || is_id, "{}", pair);
            }
            Ok(())
        },
    );
    run(async {
        let counted = db.row("select click_count from landing_leads").await;
        let clicks = counted["click_count"].as_i64().unwrap();
        assert!(clicks > 100, "{clicks}");
        // Of each channel a hundred of people and a hundred others are kept as they came.
        let counts = db
            .row("select sum(human) as human, sum(bot + unsure) as others from hit_counts")
            .await;
        let others = counts["others"].as_i64().unwrap();
        assert_eq!(counts["human"], clicks);
        assert!(others > 100, "{others}");
        for (kept, of) in [("= 'human'", clicks), ("<> 'human'", others)] {
            let kept = db.count(&format!("clicks where verdict {kept}")).await;
            assert!((100..=200).contains(&kept) && kept <= of, "{kept} of {of}");
        }
        assert_eq!(db.count("clicks where length(user_agent) > 1024").await, 0);
        println!("{clicks} clicks and {others} other hits counted");
    });
}

#[test]
fn any_request_for_the_page_is_answered() {
    let paths = [
        "/proftest",
        "/proftest/arystan",
        "/proftest/assets/x.js",
        "/proftest/assets/",
        "/l/AAAAAAAAAAAA/",
        "/api/landing/proftest/",
    ]
    .map(str::to_owned);
    let answered = Mutex::new(0);
    check(
        "page",
        25_000,
        &event(paths.to_vec(), vec!["utm_source=x"]),
        |event| {
            let Some(request) = request(event) else {
                return Ok(());
            };
            let response: Response<_> = page::handle(&request);
            prop_assert!(
                [200, 204, 304, 308, 404, 405].contains(&response.status().as_u16()),
                "{}",
                response.status()
            );
            prop_assert_eq!(
                response.headers().contains_key("allow"),
                [204, 405].contains(&response.status().as_u16())
            );
            let header = |name| {
                response
                    .headers()
                    .get(name)
                    .map_or("", |value| value.to_str().unwrap())
            };
            let document = header("content-type").starts_with("text/html");
            prop_assert_eq!(
                document,
                response.headers().contains_key("content-security-policy") && response.status() != 304
            );
            // Another host is `//` or `scheme:` for a browser, which takes a backslash for a slash.
            let location = header("location").split('?').next().unwrap_or_default();
            let ours = ["/l/", "/proftest", "/api/landing/"]
                .iter()
                .any(|ours| location.starts_with(ours));
            prop_assert!(
                location.is_empty() || ours && !location.contains("//"),
                "{}",
                location
            );
            *answered.lock().unwrap() += 1;
            Ok(())
        },
    );
    assert!(*answered.lock().unwrap() > 100);
}
