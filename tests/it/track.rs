//! A click counts once, and always leads to the course and nowhere else.

use crate::support::hits::click;
use crate::support::proxy::{Mode, Proxy};
use crate::support::request::{Answer, request, sample, visit};
use futures::future::join_all;
use harness::world::{Database, Waiting, World, run};
use proftest::config::{self, LinkTarget};
use proftest::domain::delivery::Channel;
use proftest::domain::hit::Verdict;
use proftest::store::Target;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub const COURSE: &str = "https://onai.academy/integrator/expresscourse";

pub fn config_of(database: config::Database) -> config::Track {
    config::Track {
        database,
        course: COURSE.parse().unwrap(),
        target: LinkTarget::Course,
        behind_cloudfront: false,
    }
}

pub fn app_of(database: config::Database) -> track::App {
    track::App::new(&config_of(database)).unwrap()
}

pub async fn follow(app: &track::App, path: &str, query: &str) -> Answer {
    track::handle(app, &visit("GET", path, query)).await.into()
}

pub fn path_of(waiting: &Waiting) -> String {
    format!("/api/landing/track/{}", waiting.lead)
}

pub async fn code_of(db: &Database, waiting: &Waiting) -> String {
    let sql = format!("select code from short_links where lead_id = '{}'", waiting.lead);
    db.row(&sql).await["code"].as_str().unwrap().to_owned()
}

pub async fn flags(db: &Database, waiting: &Waiting) -> Value {
    let sql = format!(
        "select email_clicked, email_clicked_at, sms_clicked, sms_clicked_at, click_count
         from landing_leads where id = '{}'",
        waiting.lead
    );
    db.row(&sql).await
}

/// `query` without the hit's own id, which a hit that was kept has.
pub fn assert_course(answer: &Answer, query: &str) {
    assert_eq!(answer.status, 302);
    let location = answer.header("location");
    let (location, click) = location.split_once("&click_id=").unwrap_or((location, ""));
    assert_eq!(location, format!("{COURSE}?{query}"));
    assert!(
        click.is_empty() || uuid::Uuid::try_parse(click).is_ok(),
        "{click}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// The course's query for a lead of the harness.
pub fn query(channel: &str) -> String {
    format!("utm_source=proftest&utm_medium={channel}&utm_campaign=proftest")
}

#[test]
fn both_links_count_their_channel_and_lead_to_the_course() {
    run(async {
        let world = World::new().await;
        let (db, waiting, bystander) = (&world.db, world.sent_lead().await, world.sent_lead().await);
        let app = app_of(db.config("track"));
        let lead = waiting.lead;
        let answer = follow(&app, &path_of(&waiting), "source=email").await;
        assert_course(&answer, &query("email"));
        let after_email = flags(db, &waiting).await;
        assert!(after_email["email_clicked_at"].is_string());
        assert_eq!(
            json!([
                after_email["email_clicked"],
                after_email["sms_clicked"],
                after_email["click_count"]
            ]),
            json!([true, false, 1])
        );

        let answer = follow(&app, &format!("/l/{}", code_of(db, &waiting).await), "").await;
        assert_course(&answer, &query("sms"));
        follow(&app, &path_of(&waiting), "source=email").await;
        follow(&app, &path_of(&waiting), "source=sms").await;
        let after = flags(db, &waiting).await;
        assert_eq!(
            json!([after["email_clicked"], after["sms_clicked"], after["click_count"]]),
            json!([true, true, 4])
        );
        assert_eq!(
            after["email_clicked_at"], after_email["email_clicked_at"],
            "the first click's time is kept"
        );

        let clicks = db
            .rows("select lead_id, notification_id, source, user_agent from clicks order by clicked_at, id")
            .await;
        let sources: Vec<_> = clicks
            .iter()
            .map(|click| click["source"].as_str().unwrap())
            .collect();
        assert_eq!(sources, ["email", "sms", "email", "sms"]);
        assert_eq!(
            clicks[1]["notification_id"],
            waiting.id.to_string(),
            "the code knows its message"
        );
        assert!(clicks.iter().all(|click| click["lead_id"] == lead.to_string()));
        assert!(
            clicks[0]["user_agent"]
                .as_str()
                .unwrap()
                .starts_with("Mozilla/5.0")
        );
        assert_eq!(flags(db, &bystander).await["click_count"], 0);
    });
}

/// A hundred of each channel are kept as they came: who knows a link cannot fill the disk.
#[test]
fn three_hundred_clicks_at_once_count_three_hundred() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let path = path_of(&waiting);
        let short = format!("/l/{}", code_of(&world.db, &waiting).await);
        let apps: Vec<_> = (0..20).map(|_| app_of(world.db.config("track"))).collect();
        join_all(apps.iter().map(track::App::warm_up)).await;
        let clicks = (0..300).map(|number| {
            let (path, query) = if number % 2 == 0 {
                (&path, "source=email")
            } else {
                (&short, "")
            };
            follow(&apps[number % apps.len()], path, query)
        });
        let answers = join_all(clicks).await;
        assert!(answers.iter().all(|answer| answer.status == 302));
        let before = flags(&world.db, &waiting).await;
        assert_eq!(before["click_count"], 300);
        assert_eq!(world.db.count("clicks where source = 'email'").await, 100);
        assert_eq!(world.db.count("clicks where source = 'sms'").await, 100);

        // Of another lead everything is kept, and a click that is recorded twice counts once.
        let other = world.sent_lead().await;
        let click = click(Target::Lead(other.lead, Channel::Sms));
        let store = world.db.store_as("track");
        for _ in 0..2 {
            let recorded = store.record_hit(&click).await.unwrap().unwrap();
            assert_eq!((recorded.lead, recorded.channel), (other.lead, Channel::Sms));
            assert_eq!(recorded.verdict, Verdict::Human);
        }
        let after = flags(&world.db, &other).await;
        assert_eq!(
            json!([after["email_clicked"], after["sms_clicked"], after["click_count"]]),
            json!([false, true, 1])
        );
        assert_eq!(flags(&world.db, &waiting).await, before);
        assert_eq!(world.db.count("clicks").await, 201);
    });
}

#[test]
fn a_slash_too_many_changes_nothing() {
    run(async {
        let world = World::new().await;
        let (db, waiting) = (&world.db, world.sent_lead().await);
        let app = app_of(db.config("track"));
        let (lead, code) = (waiting.lead, code_of(db, &waiting).await);
        let mut clicks = 0;
        for (path, query, source) in [
            (format!("/l/{code}/"), "", "sms"),
            (format!("/l/{code}//"), "", "sms"),
            (format!("//l/{code}"), "", "sms"),
            (format!("/l//{code}/"), "utm=x", "sms"),
            (format!("/api/landing/track/{lead}/"), "source=email", "email"),
            (format!("/api/landing/track/{lead}"), "source=email/", "email"),
            (format!("/api/landing/track/{lead}/"), "source=sms//", "sms"),
            (format!("//api/landing//track/{lead}"), "source=email", "email"),
        ] {
            let expected = self::query(source);
            let head = track::handle(&app, &visit("HEAD", &path, query)).await;
            assert_eq!(head.status(), 302, "{path}");
            assert_eq!(flags(db, &waiting).await["click_count"], clicks, "HEAD {path}");
            assert_course(&follow(&app, &path, query).await, &expected);
            clicks += 1;
            assert_eq!(flags(db, &waiting).await["click_count"], clicks, "{path}");
        }
        // A path below a link is no link.
        follow(&app, &format!("/l/{code}/x"), "").await;
        follow(&app, &format!("/x/l/{code}"), "").await;
        assert_eq!(flags(db, &waiting).await["click_count"], clicks);
    });
}

/// Links that count nothing, and the query with which each leads to the course.
const UNCOUNTED: &str = "
/api/landing/track/019aab2e-7c40-7d1e-9f3a-5b6c7d8e9f01?source=email => &utm_medium=email
/api/landing/track/{lead} =>
/api/landing/track/{lead}?source= =>
/api/landing/track/{lead}?source=fax =>
/api/landing/track/{lead}?source=EMAIL =>
/api/landing/track/{lead}?source=email2 =>
/api/landing/track/{lead}?source=e-mail =>
/api/landing/track/{lead}0?source=email => &utm_medium=email
/api/landing/track/{lead}-0?source=email => &utm_medium=email
/api/landing/track/?source=email => &utm_medium=email
/api/landing/track/1?source=sms => &utm_medium=sms
/api/landing/track/..%2f..?source=sms => &utm_medium=sms
/l/AAAAAAAAAAAA =>
/l/AAAAAAAAAAAA. =>
/l/AAAAAAAAAAAA?to=course =>
/l/ =>
/l/x'; drop table =>
/elsewhere =>";

#[test]
fn what_cannot_be_counted_still_leads_to_the_course_and_counts_nothing() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = app_of(world.db.config("track"));
        let (path, lead) = (path_of(&waiting), waiting.lead);
        for line in UNCOUNTED.lines().skip(1) {
            let case = line.replace("{lead}", &lead.to_string());
            let (link, medium) = case.split_once(" =>").unwrap();
            let (path, query) = link.split_once('?').unwrap_or((link, ""));
            let expected = format!("utm_source=proftest{}&utm_campaign=proftest", medium.trim());
            let answer = follow(&app, path, query).await;
            assert_course(&answer, &expected);
            assert!(!answer.header("location").contains("click_id"), "{link}");
        }
        assert_eq!(world.db.count("clicks").await, 0);
        for method in ["HEAD", "OPTIONS", "POST"] {
            let answer = track::handle(&app, &visit(method, &path, "source=email"))
                .await
                .into();
            assert_course(&answer, &query("email"));
        }
        assert_eq!(flags(&world.db, &waiting).await["click_count"], 0);
        let kept =
            "clicks where verdict = 'bot' and rule = 'not_get' and method in ('HEAD', 'OPTIONS', 'POST')";
        assert_eq!(world.db.count(kept).await, 3);
    });
}

#[test]
fn a_database_that_is_gone_delays_nobody_by_two_seconds() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let proxy = Proxy::before(world.db.port()).await;
        let app = app_of(world.db.config_over("track", proxy.port));
        app.warm_up().await;
        let expected = query("email");
        for mode in [Mode::Down, Mode::Silent] {
            proxy.set(mode);
            let started = Instant::now();
            let answer = follow(&app, &path_of(&waiting), "source=email").await;
            assert_course(&answer, &expected);
            assert!(
                started.elapsed() < Duration::from_secs(2),
                "{mode:?}: {:?}",
                started.elapsed()
            );
            let short = follow(&app, "/l/AAAAAAAAAAAA", "").await;
            assert_course(&short, "utm_source=proftest&utm_campaign=proftest");
            proxy.set(Mode::Open);
        }
        assert_eq!(flags(&world.db, &waiting).await["click_count"], 0);
        follow(&app, &path_of(&waiting), "source=email").await;
        proxy.set(Mode::LoseAnswer);
        follow(&app, &path_of(&waiting), "source=email").await;
        assert_eq!(
            flags(&world.db, &waiting).await["click_count"],
            2,
            "a repeated statement counts once"
        );
    });
}

#[test]
fn the_sample_events_are_redirected() {
    run(async {
        let db = Database::fresh().await;
        let app = app_of(db.config("track"));
        for file in ["email", "head", "preview", "short_link", "to_course", "unknown"] {
            let event = sample(&format!("track/{file}.json"));
            let answer = Answer::from(track::handle(&app, &request(&event)).await);
            assert_eq!(answer.status, 302, "{file}");
            assert!(answer.header("location").starts_with(COURSE), "{file}");
        }
        assert_eq!(db.count("clicks").await, 0);
    });
}
