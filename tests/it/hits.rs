//! Every hit is kept with its verdict; only a person's counts, raises a flag and reaches the sales team.

use crate::support::crm::{wake, worker};
use crate::support::hits::{CHROME, FACEBOOK, click, counts, hit};
use crate::support::request::{request, sample, visit_event};
use crate::track::{code_of, config_of, flags, follow, path_of};
use futures::future::join_all;
use harness::world::{Waiting, World, run};
use proftest::domain::delivery::Channel;
use proftest::domain::hit::{RULES_VERSION, Rule, Verdict};
use proftest::domain::ids::ShortCode;
use proftest::store::Target;
use serde_json::{Value, json};

fn link(waiting: &Waiting, channel: Channel) -> Target {
    Target::Lead(waiting.lead, channel)
}

const UNTOUCHED: &str = "landing_leads where not email_clicked and not sms_clicked and click_count = 0
     and email_clicked_at is null and sms_clicked_at is null";

#[test]
fn a_preview_of_facebook_leaves_no_flag_and_no_note_and_is_kept() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = track::App::new(&config_of(world.db.config("track"))).unwrap();
        let crm = worker(&world).await;
        wake(&crm, &[waiting.lead]).await;
        let deal = world.deal(waiting.lead).await.id;
        let notes = world.notes(deal);
        let code = code_of(&world.db, &waiting).await;
        for (path, query) in [
            (format!("/l/{code}"), ""),
            (path_of(&waiting), "source=email"),
            (format!("/l/{code}"), "to=course"),
        ] {
            for method in ["GET", "HEAD"] {
                let mut event = visit_event(method, &path, query);
                event["headers"]["user-agent"] = FACEBOOK.into();
                let answer = track::handle(&app, &request(&event)).await;
                assert_eq!(answer.status(), 302, "machines are led on like everybody");
            }
        }
        assert_eq!(world.db.count(UNTOUCHED).await, 1);
        let task = world.crm_task(waiting.lead).await;
        assert_eq!(json!([task["state"], task["pending_notes"]]), json!(["done", []]));
        wake(&crm, &[waiting.lead]).await;
        assert_eq!(world.notes(deal), notes);
        assert_eq!(counts(&world.db, &waiting).await, [0, 6, 0]);
        let kept = world
            .db
            .rows("select verdict, rule, method, rules_version from clicks order by clicked_at")
            .await;
        let expected = ["GET", "HEAD"].map(|method| {
            let rule = if method == "GET" { "preview" } else { "not_get" };
            json!({"verdict": "bot", "rule": rule, "method": method, "rules_version": RULES_VERSION})
        });
        assert_eq!(kept, [expected.clone(), expected.clone(), expected].concat());

        // The person comes after it, and is seen.
        follow(&app, &format!("/l/{code}"), "").await;
        assert_eq!(counts(&world.db, &waiting).await, [1, 6, 0]);
        let flags = flags(&world.db, &waiting).await;
        assert_eq!(
            json!([flags["sms_clicked"], flags["email_clicked"]]),
            json!([true, false])
        );
        assert_eq!(
            world.crm_task(waiting.lead).await["pending_notes"],
            json!(["sms_click"])
        );
    });
}

#[test]
fn a_hit_is_kept_with_what_was_judged() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let config = proftest::config::Track {
            behind_cloudfront: true,
            ..config_of(world.db.config("track"))
        };
        let app = track::App::new(&config).unwrap();
        let mut event = visit_event("GET", &path_of(&waiting), "source=email");
        event["headers"]["x-amz-cf-id"] = "id".into();
        event["headers"]["x-forwarded-for"] = "6.6.6.6, 2001:db8:1:2::3, 130.176.1.1".into();
        event["headers"]["referer"] = "r".repeat(400).into();
        event["headers"]["cookie"] = "secret".into();
        track::handle(&app, &request(&event)).await;
        let row = world.db.row("select * from clicks").await;
        for (column, expected) in [
            ("verdict", json!("human")),
            ("rule", json!("browser_navigation")),
            ("rules_version", json!(RULES_VERSION)),
            ("method", json!("GET")),
            ("address", json!("2001:db8:1:2::3")),
            ("network", json!("2001:db8:1::/48")),
            ("source", json!("email")),
        ] {
            assert_eq!(row[column], expected, "{column}");
        }
        let headers = &row["headers"];
        assert_eq!(headers["sec-fetch-mode"], "navigate");
        assert_eq!(headers["referer"], "r".repeat(300));
        assert_eq!(headers["cookie"], Value::Null);
        assert!(row["sent_at"].is_string());

        // Without the distribution in front, what a sender claims is not believed.
        let app = track::App::new(&config_of(world.db.config("track"))).unwrap();
        track::handle(&app, &request(&event)).await;
        let sql = "select address, network from clicks order by clicked_at desc limit 1";
        let row = world.db.row(sql).await;
        assert_eq!(
            row,
            json!({"address": "203.0.113.24", "network": "203.0.113.0/24"})
        );

        let told = world
            .db
            .rows("select what, channel, detail from lead_events order by id")
            .await;
        assert_eq!(told.len(), 2);
        assert_eq!(
            json!([
                told[0]["what"],
                told[0]["channel"],
                told[0]["detail"]["verdict"],
                told[0]["detail"]["rule"]
            ]),
            json!(["hit", "email", "human", "browser_navigation"])
        );
    });
}

/// The last word on time has the database: what Rust calls these verdicts is what it writes.
#[test]
fn under_two_seconds_is_a_bot_s_and_before_anything_was_sent_nobody_knows() {
    run(async {
        let world = World::new().await;
        let store = world.db.store_as("track");
        for (sent, rule) in [
            ("null", Rule::BeforeSent),
            ("now() + interval '1 hour'", Rule::BeforeSent),
            ("now()", Rule::TooSoon),
            ("now() - interval '2 seconds'", Rule::BrowserNavigation),
            ("now() - interval '1 year'", Rule::BrowserNavigation),
        ] {
            for channel in Channel::ALL {
                let waiting = world.lead().await;
                // The other channel's message is out long since: it says nothing of this one.
                let sql = format!(
                    "update deliveries set first_attempt_at = case channel when '{}' then {sent} else now() - interval '1 day' end
                     where notification_id = '{}'",
                    channel.as_str(),
                    waiting.id
                );
                world.db.execute(&sql).await;
                let recorded = store
                    .record_hit(&click(link(&waiting, channel)))
                    .await
                    .unwrap()
                    .unwrap();
                assert_eq!(
                    (recorded.rule, recorded.verdict),
                    (rule, rule.verdict()),
                    "{sent}"
                );
                let clicked = flags(&world.db, &waiting).await["click_count"] == 1;
                assert_eq!(clicked, rule.verdict() == Verdict::Human, "{sent}");
                // What says that it is a machine stays one, however long ago.
                let bot = store
                    .record_hit(&hit(link(&waiting, channel), FACEBOOK))
                    .await
                    .unwrap()
                    .unwrap();
                assert_eq!(bot.rule, Rule::Preview, "{sent}");
            }
        }
    });
}

#[test]
fn two_seconds_are_two_seconds_and_who_does_not_give_way_keeps_their_rule() {
    run(async {
        let world = World::new().await;
        for (gives_way, after, rule) in [
            (true, "interval '1.999999 s'", "too_soon"),
            (true, "interval '2 s'", "older_browser"),
            (true, "interval '-0.000001 s'", "before_sent"),
            (true, "interval '0 s'", "too_soon"),
            (true, "null::interval", "before_sent"),
            (false, "interval '0 s'", "older_browser"),
            (false, "null::interval", "older_browser"),
        ] {
            let sql = format!(
                "select rule, verdict from funnel.judge('older_browser', 'human', {gives_way}, now(), now() - {after})"
            );
            let judged = world.db.row(&sql).await;
            let verdict = Rule::parse(rule).unwrap().verdict();
            assert_eq!(
                judged,
                json!({"rule": rule, "verdict": verdict.as_str()}),
                "{gives_way} {after}"
            );
        }
    });
}

#[test]
fn a_code_counts_from_its_own_message_and_a_lead_from_any_of_its_channel() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let store = world.db.store_as("track");
        let over = "update scheduled_notifications set status = 'completed', open_channels = 0";
        world.db.execute(over).await;
        // A retake: its message waits.
        let again = world
            .save(&waiting.person, std::time::Duration::from_mins(1))
            .await;
        assert_eq!(again.lead, waiting.lead);
        let code = world
            .db
            .row(&format!(
                "select code from short_links where notification_id = '{}'",
                again.id
            ))
            .await;
        let code = Target::Code(ShortCode::parse(code["code"].as_str().unwrap()).unwrap());
        let early = store.record_hit(&click(code)).await.unwrap().unwrap();
        assert_eq!(early.rule, Rule::BeforeSent);
        let old = store
            .record_hit(&click(link(&waiting, Channel::Sms)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(old.verdict, Verdict::Human);
    });
}

#[test]
fn a_scanner_pushes_no_person_out_and_every_counter_is_exact() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let stores: Vec<_> = (0..10).map(|_| world.db.store_as("track")).collect();
        let hits: Vec<_> = (0..300)
            .map(|number| {
                let agent = match number % 3 {
                    0 => CHROME,
                    1 => FACEBOOK,
                    _ => "Dalvik/2.1.0",
                };
                hit(link(&waiting, Channel::Sms), agent)
            })
            .chain((0..150).map(|_| hit(link(&waiting, Channel::Sms), FACEBOOK)))
            .collect();
        let recorded = hits
            .iter()
            .enumerate()
            .map(|(n, hit)| stores[n % 10].record_hit(hit));
        assert!(
            join_all(recorded)
                .await
                .into_iter()
                .all(|one| one.unwrap().is_some())
        );
        assert_eq!(counts(&world.db, &waiting).await, [100, 250, 100]);
        assert_eq!(flags(&world.db, &waiting).await["click_count"], 100);
        assert_eq!(world.db.count("clicks where verdict = 'human'").await, 100);
        assert_eq!(world.db.count("clicks where verdict <> 'human'").await, 100);
        assert_eq!(world.db.count("lead_events where what = 'hit'").await, 200);
        // A person's hit that is sent again counts once.
        for hit in hits.iter().step_by(3).take(100) {
            stores[0].record_hit(hit).await.unwrap().unwrap();
        }
        assert_eq!(counts(&world.db, &waiting).await[0], 100);
        assert_eq!(flags(&world.db, &waiting).await["click_count"], 100);
    });
}

/// The release before calls `funnel.click` until it is replaced: it counts as it did.
#[test]
fn what_the_release_before_counts_is_a_person_s() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let call = |id: &str| {
            format!(
                "select * from funnel.click('{id}', null, '{}', 'email', 'Mozilla/5.0')",
                waiting.lead
            )
        };
        let id = uuid::Uuid::new_v4().to_string();
        for _ in 0..2 {
            let row = world.db.row(&call(&id)).await;
            assert_eq!(row, json!({"lead_id": waiting.lead, "source": "email"}));
        }
        let flags = flags(&world.db, &waiting).await;
        assert_eq!(
            json!([flags["email_clicked"], flags["click_count"]]),
            json!([true, 1])
        );
        assert_eq!(counts(&world.db, &waiting).await, [1, 0, 0]);
    });
}

/// The samples are what they are named for.
#[test]
fn the_sample_events_are_judged_as_their_names_say() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = track::App::new(&config_of(world.db.config("track"))).unwrap();
        for (file, rule) in [
            ("email", "browser_navigation"),
            ("short_link", "browser_navigation"),
            ("to_course", "browser_navigation"),
            ("head", "not_get"),
            ("preview", "preview"),
        ] {
            let mut event = sample(&format!("track/{file}.json"));
            event["rawPath"] = path_of(&waiting).into();
            event["rawQueryString"] = "source=email".into();
            track::handle(&app, &request(&event)).await;
            let row = world
                .db
                .row("select rule from clicks order by clicked_at desc limit 1")
                .await;
            assert_eq!(row["rule"], rule, "{file}");
        }
    });
}
