//! The pages of a person: any path, any query, any header, any body.

use super::check;
use super::mutate::text;
use super::track::{event, request};
use crate::support::recipient::Seen;
use harness::world::{World, run};
use proptest::prelude::*;
use proptest::sample::select;

#[test]
fn any_request_for_a_person_s_pages_is_answered_and_only_a_wish_is_heard() {
    let (world, app, paths) = run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let (id, lead) = (waiting.id, waiting.lead);
        let sql = format!(
            "insert into recipient_tokens (token, notification_id, lead_id) values ('3Jx8QfYw0RkT5mVb2ZnLpA', '{id}', '{lead}')"
        );
        world.db.execute(&sql).await;
        let code = world.db.row("select code from short_links").await;
        let app = recipient::App::new(&world.recipient_config()).unwrap();
        let paths = vec![
            "/u/3Jx8QfYw0RkT5mVb2ZnLpA".to_owned(),
            format!("/r/{}", code["code"].as_str().unwrap()),
        ];
        (world, app, paths)
    });
    let wishes = [
        "stop=all",
        "stop=email",
        "stop=not_me",
        "List-Unsubscribe=One-Click",
    ]
    .map(str::to_owned);
    let body = prop_oneof![1 => select(wishes.to_vec()), 2 => text(), 1 => text().prop_map(|text| format!("stop={text}"))];
    let events = (event(paths, vec!["stop=all", ""]), body).prop_map(|(mut event, body)| {
        event["body"] = body.into();
        event["isBase64Encoded"] = false.into();
        event
    });
    check("recipient", 15_000, &events, |event| {
        let (body, method) = (
            event["body"].clone(),
            event["requestContext"]["http"]["method"].clone(),
        );
        let Some(request) = request(event) else {
            return Ok(());
        };
        let seen = Seen::from(run(recipient::handle(&app, &request)));
        prop_assert!([200, 400, 404].contains(&seen.status), "{}", seen.status);
        prop_assert_eq!(seen.header("cache-control"), "no-store");
        prop_assert_eq!(seen.header("location"), "");
        prop_assert!(!seen.body.contains("Айгерим") && !seen.body.contains("@example.com"));
        prop_assert!(seen.status != 400 || method == "POST", "{} {}", method, body);
        Ok(())
    });
    run(async {
        let db = &world.db;
        let stops = db.count("lead_events where what = 'stop'").await;
        assert!((1..=3).contains(&stops), "{stops}");
        assert_eq!(db.count("lead_events where what <> 'stop'").await, 0);
    });
}
