//! Links and headers as messengers, mail programs and phones send them.

use crate::support::request::{request, visit_event};
use crate::track::{app_of, assert_course, code_of, flags, follow, path_of, query};
use harness::world::{World, run};
use serde_json::json;
use std::fmt::Write as _;

/// What messengers, mail programs and people leave behind a link, as it arrives.
const STUCK: [&str; 34] = [
    "",
    "/",
    "//",
    ".",
    ")",
    ",",
    "!",
    "?",
    ";",
    ":",
    "'",
    "\"",
    "]",
    ">",
    "*",
    "_",
    "~",
    "...",
    ").",
    "/.",
    "&",
    "#",
    "»",
    "%C2%BB",
    "…",
    "%E2%80%A6",
    "”",
    "%E2%80%9D",
    "、",
    "%20",
    "%0A",
    "%E2%80%8B",
    "и",
    "%D0%B8",
];

#[test]
fn punctuation_stuck_to_a_link_by_a_messenger_costs_no_click() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = app_of(world.db.config("track"));
        let (path, code) = (path_of(&waiting), code_of(&world.db, &waiting).await);
        for (clicks, stuck) in (1..).zip(STUCK) {
            let answer = follow(&app, &format!("/l/{code}{stuck}"), "").await;
            assert_course(&answer, &query("sms"));
            // In the other link, punctuation sticks to the query, and a slash to the path.
            let answer = follow(&app, &format!("{path}{stuck}"), "source=email").await;
            assert_course(&answer, &query("email"));
            let stuck_query = format!("source=sms{}", stuck.replace(['&', '#'], ""));
            assert_course(&follow(&app, &path, &stuck_query).await, &query("sms"));
            let counted = flags(&world.db, &waiting).await["click_count"].clone();
            assert_eq!(counted, 3 * clicks, "{stuck}");
        }
    });
}

#[test]
fn a_code_is_found_in_its_link_and_never_guessed() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = app_of(world.db.config("track"));
        let code = code_of(&world.db, &waiting).await;
        let escaped = code.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02X}");
            text
        });
        for (clicks, link) in (1..).zip([
            format!("/l//{code}"),
            format!("/l/%20{code}"),
            format!("/l/«{code}»"),
            format!("/l/%E2%80%8B{code}"),
            format!("/l/{escaped}"),
        ]) {
            follow(&app, &link, "").await;
            assert_eq!(flags(&world.db, &waiting).await["click_count"], clicks, "{link}");
        }
        // Another letter or digit is another code, and so is another case.
        let other_case = |c: char| match c {
            'a'..='z' => c.to_ascii_uppercase(),
            _ => c.to_ascii_lowercase(),
        };
        for other in [
            format!("{code}0"),
            format!("x{code}"),
            format!("{}.", &code[1..]),
            format!("{}-{}", &code[..6], &code[6..]),
            format!("{}.", code.chars().map(other_case).collect::<String>()),
        ] {
            let answer = follow(&app, &format!("/l/{other}"), "").await;
            assert_course(&answer, "utm_source=proftest&utm_campaign=proftest");
        }
        assert_eq!(flags(&world.db, &waiting).await["click_count"], 5);
    });
}

#[test]
fn a_user_agent_that_is_not_ascii_is_kept() {
    run(async {
        let world = World::new().await;
        let waiting = world.sent_lead().await;
        let app = app_of(world.db.config("track"));
        let long = "青".repeat(1100);
        for (sent, kept) in [
            (
                "Mozilla/5.0 (Linux; Android 12; Redmi Note 8 青春版) AppleWebKit/537.36",
                None,
            ),
            ("Mozilla/5.0 (Linux; Android 14; Ұлпан-Телефон)", None),
            ("Mozilla/5.0 (Linux; Android 13; Téléphone 🌸)", None),
            ("Instagram 300.0 (iPhone; iOS 17; ру_RU)", None),
            ("é\u{9d}\u{92}æ\u{98}¥", Some("青春")),
            (&long, Some(&long[..1024 * 3])),
        ] {
            let mut event = visit_event("GET", &path_of(&waiting), "source=email");
            event["headers"]["user-agent"] = json!(sent);
            track::handle(&app, &request(&event)).await;
            let sql = "select user_agent from clicks order by clicked_at desc, id desc limit 1";
            assert_eq!(world.db.row(sql).await["user_agent"], kept.unwrap_or(sent));
        }
    });
}
