//! The page where a person stops our messages, and the button that mail providers show for it (RFC 8058).

use crate::support::guarded::Guarded;
use crate::support::proxy::{Mode, Proxy};
use crate::support::recipient::{
    FORM, ONE_CLICK, Seen, UNKNOWN, app_of, ask, get, post, served, snapshot, wish,
};
use harness::world::{Person, run};
use lambda_http::http::header;
use serde_json::json;

/// What follows links in mails, or shows them: scanners, proxies, previews.
const SCANNERS: [&str; 10] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0.4472.124 Safari/537.36",
    "Mozilla/5.0 (compatible; GoogleImageProxy)",
    "Mozilla/5.0 (X11; Linux x86_64) BingPreview/1.0b",
    "Barracuda Sentinel (EE)",
    "Mimecast-URL-Protection",
    "ProofpointURLDefense/2.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0 A",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
];

/// The same exchange in the forms that mail providers use. None sends a cookie or an Origin.
fn one_click_posts() -> [(&'static str, &'static str); 4] {
    [
        (FORM, ONE_CLICK),
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            "List-Unsubscribe=One-Click\r\n",
        ),
        (
            "multipart/form-data; boundary=next",
            "--next\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--next--\r\n",
        ),
        ("", ONE_CLICK),
    ]
}

#[test]
fn the_whole_exchange_of_rfc_8058_stops_e_mail_alone() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        for (content_type, body) in one_click_posts() {
            let (waiting, path) = served(&guarded, &Person::new()).await;
            let email = guarded.world.emails(&waiting).pop().unwrap();
            assert_eq!(email.headers["List-Unsubscribe-Post"], ONE_CLICK);
            let link = format!("https://api.onai.academy{path}");
            for part in [email.html.unwrap(), email.text.unwrap()] {
                assert!(part.contains(&link), "no link that people see: {part}");
            }
            let headers = [("content-type", content_type)];
            let headers = if content_type.is_empty() {
                &[][..]
            } else {
                &headers
            };
            let answer = ask(&app, "POST", &path, headers, body).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{content_type}");
            for absent in ["location", "set-cookie"] {
                assert_eq!(answer.header(absent), "", "{absent}");
            }
            let lead = waiting.lead.to_string();
            let known = wish(&guarded.world.db, &lead).await;
            let expected = json!({
                "suppressed": ["email unsubscribe one_click"], "withdrawn": ["one_click"], "disputed": false,
                "events": [{"how": "one_click", "channels": ["email"], "channel": "email"}],
                "notes": ["unsubscribed"], "name": waiting.person.name,
            });
            assert_eq!(known, expected, "{content_type}");
            let before = snapshot(&guarded.world.db).await;
            for _ in 0..2 {
                assert_eq!(ask(&app, "POST", &path, headers, body).await, answer);
            }
            assert_eq!(snapshot(&guarded.world.db).await, before, "a repeated post");
        }
    });
}

#[test]
fn scanners_that_follow_the_links_change_nothing() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        let (_, path) = served(&guarded, &Person::new()).await;
        let codes = guarded.world.db.rows("select code from short_links").await;
        assert_eq!(codes.len(), 2);
        let codes = codes
            .iter()
            .map(|row| format!("/r/{}", row["code"].as_str().unwrap()));
        let paths: Vec<String> = [path.clone()].into_iter().chain(codes).collect();
        let before = snapshot(&guarded.world.db).await;
        for scanner in SCANNERS {
            for path in &paths {
                let mut seen = Vec::new();
                for method in ["GET", "HEAD"] {
                    let headers = [
                        ("user-agent", scanner),
                        ("cookie", "a=b"),
                        ("referer", "https://mail.example"),
                    ];
                    let answer = ask(&app, method, path, &headers, "").await;
                    assert_eq!(answer.status, 200, "{method} {path}");
                    assert_eq!(answer.body.is_empty(), method == "HEAD");
                    seen.push(answer.headers);
                }
                assert_eq!(seen[0], seen[1], "{path}");
            }
            // Not even with what the form would send, in the place where a link could carry it.
            ask(&app, "GET", &format!("{path}?stop=all"), &[], "").await;
            ask(&app, "GET", &path, &[("content-type", FORM)], "stop=all").await;
        }
        assert_eq!(snapshot(&guarded.world.db).await, before);
    });
}

#[test]
fn nobody_learns_whether_a_token_exists() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        let (waiting, path) = served(&guarded, &Person::new()).await;
        let others = [format!("/u/{UNKNOWN}"), "/u/x".to_owned(), format!("{path}x")];
        for (method, body) in [
            ("GET", ""),
            ("HEAD", ""),
            ("POST", "stop=email"),
            ("POST", "stop=all"),
            ("POST", "stop=not_me"),
            ("POST", ONE_CLICK),
            ("POST", "nonsense"),
        ] {
            let known = ask(&app, method, &path, &[], body).await;
            assert_eq!(
                known.status,
                if body == "nonsense" { 400 } else { 200 },
                "{method} {body}"
            );
            for other in &others {
                assert_eq!(
                    ask(&app, method, other, &[], body).await,
                    known,
                    "{method} {other} {body}"
                );
            }
            let contacts = [
                &*waiting.person.name,
                &*waiting.person.email,
                waiting.person.digits(),
            ];
            assert!(
                !contacts.iter().any(|contact| known.body.contains(contact)),
                "{}",
                known.body
            );
        }
    });
}

#[test]
fn every_answer_is_for_its_reader_alone() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        let (_, path) = served(&guarded, &Person::new()).await;
        for seen in [
            get(&app, &path).await,
            post(&app, &path, "stop=all").await,
            post(&app, &path, "?").await,
            get(&app, "/r/AAAAAAAAAAAA").await,
        ] {
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
                ("x-robots-tag", "noindex, nofollow"),
                ("x-content-type-options", "nosniff"),
                ("set-cookie", ""),
                ("location", ""),
            ] {
                assert_eq!(seen.header(name), value, "{name}");
            }
            let policy = seen.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("http"),
                "{policy}"
            );
        }
    });
}

#[test]
fn a_database_that_is_down_is_said_and_asked_again() {
    run(async {
        let guarded = Guarded::new().await;
        let (_, path) = served(&guarded, &Person::new()).await;
        let proxy = Proxy::before(guarded.world.db.port()).await;
        let mut config = guarded.world.recipient_config();
        config.database = guarded.world.db.config_over("recipient", proxy.port);
        let app = recipient::App::new(&config).unwrap();
        app.warm_up().await;
        let code = guarded
            .world
            .db
            .row("select code from short_links where channel = 'sms'")
            .await;
        let result = format!("/r/{}", code["code"].as_str().unwrap());
        for mode in [Mode::Down, Mode::Silent] {
            proxy.set(mode);
            let by_hand = post(&app, &path, "stop=all").await;
            let by_program = post(&app, &path, ONE_CLICK).await;
            let result = get(&app, &result).await;
            for seen in [&by_hand, &by_program, &result] {
                assert_eq!((seen.status, seen.header("retry-after")), (503, "3"), "{mode:?}");
            }
            assert!(by_hand.reads("ваш отказ ещё не записан") && by_hand.body.contains("<form"));
            assert_eq!(by_program.body, "");
            let course = format!("href=\"/l/{}?to=course\"", code["code"].as_str().unwrap());
            assert!(result.body.contains(&course), "{}", result.body);
            assert_eq!(get(&app, &path).await.status, 200, "the page asks no database");
            proxy.set(Mode::Open);
        }
        assert_eq!(guarded.world.db.count("suppressions").await, 0);
        // The answer is lost, the person presses again.
        proxy.set(Mode::LoseAnswer);
        assert_eq!(post(&app, &path, "stop=all").await.status, 200);
        assert_eq!(guarded.world.db.count("lead_events where what = 'stop'").await, 1);
    });
}

#[test]
fn the_sample_events_are_answered() {
    run(async {
        let guarded = Guarded::new().await;
        let app = app_of(&guarded);
        for (file, status, is_empty) in [
            ("result", 404, false),
            ("choices", 200, false),
            ("head", 200, true),
            ("stop", 200, false),
            ("one_click", 200, true),
            ("one_click_parts", 200, true),
        ] {
            let event = crate::support::request::sample(&format!("recipient/{file}.json"));
            let seen = Seen::from(recipient::handle(&app, &crate::support::request::request(&event)).await);
            assert_eq!((seen.status, seen.body.is_empty()), (status, is_empty), "{file}");
            assert!(seen.headers.contains_key(header::CACHE_CONTROL), "{file}");
        }
    });
}
