//! Where a hit is led: to the course with the lead's own words, or to the person's result page; never with an id that counts.

use crate::track::{COURSE, code_of, config_of, flags, follow, path_of};
use harness::world::{World, run};
use proftest::config::LinkTarget;
use serde_json::{Value, json};

#[test]
fn the_redirect_carries_the_lead_s_own_words_if_they_are_words_and_no_id_that_counts() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = track::App::new(&config_of(world.db.config("track"))).unwrap();
        for (source, campaign, carried) in [
            (
                "proftest_kenesary",
                json!("kenesary"),
                ("proftest_kenesary", "kenesary"),
            ),
            ("instagram", json!("v-2.1_x"), ("instagram", "v-2.1_x")),
            ("a&lead_id=1#", json!("x=y"), ("proftest", "proftest")),
            ("Приём café", Value::Null, ("proftest", "proftest")),
            ("", json!("//evil.example"), ("proftest", "proftest")),
            ("anna@mail.kz", json!("+77011234567"), ("proftest", "proftest")),
        ] {
            let metadata = json!({"campaignSlug": campaign});
            let sql = format!(
                "update landing_leads set source = '{source}', metadata = '{metadata}' where id = '{}'",
                waiting.lead
            );
            world.db.execute(&sql).await;
            let answer = follow(
                &app,
                &path_of(&waiting),
                "source=email&lead_id=1&utm_campaign=x&click_id=y",
            )
            .await;
            let location = reqwest::Url::parse(answer.header("location")).unwrap();
            let query: Vec<(String, String)> = location.query_pairs().into_owned().collect();
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(
                query[..3],
                [
                    pair("utm_source", carried.0),
                    pair("utm_medium", "email"),
                    pair("utm_campaign", carried.1)
                ]
            );
            assert_eq!((query.len(), query[3].0.as_str()), (4, "click_id"));
            assert!(!answer.header("location").contains(&waiting.lead.to_string()));

            // What the course knows counts nothing when it comes back.
            let before = flags(&world.db, &waiting).await;
            let id = &query[3].1;
            assert_eq!(world.db.count(&format!("clicks where id = '{id}'")).await, 1);
            for query in ["source=email", "source=sms"] {
                follow(&app, &format!("/api/landing/track/{id}"), query).await;
            }
            follow(&app, &format!("/l/{id}"), "").await;
            assert_eq!(flags(&world.db, &waiting).await, before);
        }
    });
}

#[test]
fn with_result_as_the_target_a_link_leads_to_the_result_page_and_its_button_to_the_course() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let config = proftest::config::Track {
            target: LinkTarget::Result,
            ..config_of(world.db.config("track"))
        };
        let app = track::App::new(&config).unwrap();
        let code = code_of(&world.db, &waiting).await;
        let location = async |path: &str, query: &str| {
            let answer = follow(&app, path, query).await;
            assert_eq!((answer.status, answer.header("cache-control")), (302, "no-store"));
            answer.header("location").to_owned()
        };
        let (link, page) = (format!("/l/{code}"), format!("/r/{code}"));
        for query in [
            "",
            "to=result",
            "to=//evil.example",
            "to=https://evil.example/course",
            "to=",
        ] {
            assert_eq!(location(&link, query).await, page, "{query}");
        }
        assert_eq!(location(&format!("{link})."), "utm=x").await, page);
        let clicks = flags(&world.db, &waiting).await["click_count"].as_i64().unwrap();
        assert_eq!(clicks, 6);
        for query in ["to=course", "x=1&to=course", "to=course."] {
            assert!(location(&link, query).await.starts_with(COURSE), "{query}");
        }
        assert_eq!(
            flags(&world.db, &waiting).await["click_count"],
            clicks + 3,
            "each is a hit like any other"
        );
        for (path, query) in [
            (path_of(&waiting), "source=email"),
            ("/l/AAAAAAAAAAAA".to_owned(), ""),
            ("/l/x".to_owned(), ""),
        ] {
            assert!(location(&path, query).await.starts_with(COURSE), "{path}");
        }
        // Nobody could show the page either.
        world.db.execute("alter table short_links rename to gone").await;
        assert!(location(&link, "").await.starts_with(COURSE));
    });
}
