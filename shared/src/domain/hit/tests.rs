use super::*;
use serde_json::json;

const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";

fn navigation() -> serde_json::Value {
    json!({"accept-language": "ru", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"})
}

/// Of the user agent, by a browser that opens a link.
fn opened(user_agent: &str) -> Rule {
    judge(&Hit {
        method: "GET",
        user_agent: Some(user_agent),
        headers: &Headers::from_json(&navigation()),
        address: None,
    })
}

#[test]
fn the_first_rule_that_matches_decides() {
    // Each hit also fulfils what all behind it need.
    let mut headers = json!({"purpose": "prefetch", "sec-ch-ua": "HeadlessChrome", "sec-fetch-mode": "cors"});
    let address = Some("104.47.1.1".parse().unwrap());
    let mut asked = |method, user_agent, change: &[&str]| {
        for name in change {
            headers[*name] = serde_json::Value::Null;
        }
        let headers = Headers::from_json(&headers);
        judge(&Hit {
            method,
            user_agent,
            headers: &headers,
            address,
        })
    };
    assert_eq!(asked("HEAD", None, &[]), Rule::NotGet);
    assert_eq!(asked("GET", None, &[]), Rule::Speculative);
    assert_eq!(asked("GET", Some(" "), &["purpose"]), Rule::NoUserAgent);
    assert_eq!(asked("GET", Some("curl/8 Slackbot crawler"), &[]), Rule::Preview);
    assert_eq!(asked("GET", Some("curl/8 crawler"), &[]), Rule::Tool);
    assert_eq!(
        asked("GET", Some("curl/8 crawler"), &["sec-ch-ua"]),
        Rule::HttpLibrary
    );
    assert_eq!(asked("GET", Some("crawler"), &[]), Rule::BotWord);
    assert_eq!(asked("GET", Some("app"), &[]), Rule::MailFilterNetwork);
    let asked = |user_agent, headers: serde_json::Value| {
        judge(&Hit {
            method: "GET",
            user_agent: Some(user_agent),
            headers: &Headers::from_json(&headers),
            address: None,
        })
    };
    assert_eq!(asked("app", json!({"sec-fetch-mode": "cors"})), Rule::NotABrowser);
    assert_eq!(
        asked(CHROME, json!({"sec-fetch-mode": "cors"})),
        Rule::NotANavigation
    );
    assert_eq!(asked(CHROME, json!({})), Rule::FakeBrowser);
    assert_eq!(asked(CHROME, json!({"accept-language": "*"})), Rule::FakeBrowser);
    assert_eq!(
        asked(CHROME, json!({"accept-language": "ru"})),
        Rule::NoFetchMetadata
    );
    assert_eq!(
        asked(CHROME, json!({"sec-fetch-mode": "navigate"})),
        Rule::NoLanguage
    );
    assert_eq!(asked(CHROME, navigation()), Rule::BrowserNavigation);
}

#[test]
fn only_the_last_two_rules_give_way_to_time() {
    for rule in Rule::ALL {
        let expected = [
            Rule::NoLanguage,
            Rule::NoFetchMetadata,
            Rule::InAppBrowser,
            Rule::BrowserNavigation,
            Rule::OlderBrowser,
        ];
        assert_eq!(
            rule.gives_way_to_time(),
            expected.contains(&rule),
            "{}",
            rule.as_str()
        );
        // What is a person's by its headers may still be too soon.
        assert!(rule.verdict() != Verdict::Human || rule.gives_way_to_time());
    }
}

#[test]
fn a_model_is_no_name_and_a_name_is_no_model() {
    let phone = |model: &str| CHROME.replace("; K)", &format!("; {model})"));
    for model in [
        "CUBOT",
        "Robot 7",
        "Facebot",
        "HeadlessPhone",
        "crawler",
        "a@b.kz",
        "http://x",
        "SM (2021) bot",
        "Spider",
    ] {
        assert_eq!(opened(&phone(model)), Rule::BrowserNavigation, "{model}");
    }
    let behind = |tail: &str| format!("{CHROME} {tail}");
    for (tail, rule) in [
        (
            "Instagram 400 Android (31/12; 440dpi; Spider; robot; ru_RU)",
            Rule::InAppBrowser,
        ),
        ("(compatible; Android bot)", Rule::BotWord),
        ("(compatible; MSIE 7.0)", Rule::BrowserNavigation),
        ("robot", Rule::BotWord),
        ("bots/1", Rule::BotWord),
        ("Botany", Rule::BrowserNavigation),
        ("CUBOT", Rule::BrowserNavigation),
        ("Spider 8", Rule::BrowserNavigation),
        ("Spider/8", Rule::BotWord),
        ("Screwcrawler", Rule::BotWord),
        ("a@b.kz", Rule::BotWord),
        ("a@b", Rule::BrowserNavigation),
        ("@b.kz", Rule::BrowserNavigation),
        ("https://x", Rule::BrowserNavigation),
        ("+https://x", Rule::BotWord),
        ("Hexpanse", Rule::BrowserNavigation),
        ("x-expanse", Rule::Scanner),
        ("(never closed; Android", Rule::BrowserNavigation),
        ("Android (a) Slackbot", Rule::Preview),
    ] {
        assert_eq!(opened(&behind(tail)), rule, "{tail}");
    }
}

#[test]
fn only_an_exact_current_browser_must_send_what_browsers_send() {
    let without = |user_agent: &str| {
        let headers = Headers::from_json(&json!({"accept-language": "ru"}));
        let hit = Hit {
            method: "GET",
            user_agent: Some(user_agent),
            headers: &headers,
            address: None,
        };
        judge(&hit) == Rule::NoFetchMetadata
    };
    let webkit = "Mozilla/5.0 (X) AppleWebKit/537.36 (KHTML, like Gecko)";
    for (user_agent, must) in [
        (format!("{webkit} Chrome/80.0.0.0 Safari/537.36"), true),
        (format!("{webkit} Chrome/79.0.0.0 Safari/537.36"), false),
        (format!("{webkit} Chrome/80.0.0.0 Mobile Safari/537.36"), true),
        (
            format!("{webkit} Chrome/80.0.0.0 Mobile Safari/537.36 OPR/60"),
            false,
        ),
        (
            format!("{webkit} Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36"),
            false,
        ),
        (format!("{webkit} Chrome/100.0.0.0 Safari/537.36 Edg/100.0"), true),
        (format!("{webkit} Version/16.4 Mobile/15E148 Safari/604.1"), true),
        (format!("{webkit} Version/16.3 Mobile/15E148 Safari/604.1"), false),
        (format!("{webkit} Version/17 Safari/605.1.15"), true),
        (
            "Mozilla/5.0 (X; rv:90.0) Gecko/20100101 Firefox/90.0".to_owned(),
            true,
        ),
        (
            "Mozilla/5.0 (X; rv:89.0) Gecko/20100101 Firefox/89.0".to_owned(),
            false,
        ),
        (
            "Mozilla/5.0 (X; rv:90.0) Gecko/20100101 Firefox/90.0 Waterfox/90".to_owned(),
            false,
        ),
        ("Mozilla/5.0".to_owned(), false),
    ] {
        assert_eq!(without(&user_agent), must, "{user_agent}");
    }
}

#[test]
fn headers_are_bounded_and_read_back() {
    let long = "й".repeat(400);
    let headers = Headers::read(|name| (name == "referer" || name == "accept").then_some(&long));
    assert_eq!(headers.get(Header::Referer).unwrap().chars().count(), 300);
    assert_eq!(headers.get(Header::Via), None);
    let json = serde_json::Value::Object(headers.to_json());
    assert_eq!(json.as_object().unwrap().len(), 2);
    assert_eq!(Headers::from_json(&json), headers);
    assert_eq!(
        Headers::from_json(&json!({"accept": 1, "other": "x"})),
        Headers::default()
    );
    assert_eq!(Headers::from_json(&json!(null)), Headers::default());
}

/// A header that came twice is joined with a comma on its way.
#[test]
fn of_a_repeated_header_the_first_counts() {
    let headers =
        Headers::from_json(&json!({"accept-language": "ru, en", "sec-fetch-mode": "navigate,navigate"}));
    let hit = Hit {
        method: "GET",
        user_agent: Some(CHROME),
        headers: &headers,
        address: None,
    };
    assert_eq!(judge(&hit), Rule::BrowserNavigation);
}
