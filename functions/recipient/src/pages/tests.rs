use super::*;

fn pages() -> Pages {
    Pages::new("https://api.onai.academy")
}

fn told(result: Option<[&str; 2]>, campaign: Option<&str>) -> ToldResult {
    ToldResult {
        result: result.map(|letters| QuizResult::from_letters(&letters).unwrap()),
        campaign: campaign.map(str::to_owned),
        token: RecipientToken::parse("3Jx8QfYw0RkT5mVb2ZnLpA"),
    }
}

fn code() -> ShortCode {
    ShortCode::parse("k7Qm2xV9bTzR").unwrap()
}

/// Every document there is.
fn all() -> Vec<String> {
    let pages = pages();
    let mut all = vec![
        pages.choices(),
        pages.unread().1,
        pages.not_done(),
        pages.unknown(),
        pages.down(&code()),
        pages.result(&code(), &told(Some(["I", "A"]), Some("kenesary"))),
        pages.result(&code(), &told(None, None)),
    ];
    all.extend(Stop::ALL.map(|what| pages.done(what)));
    all
}

#[test]
fn every_document_is_whole_and_its_policy_allows_its_style_alone() {
    let policy = pages().policy().to_str().unwrap().to_owned();
    for html in all() {
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"ru\">") && html.ends_with("</html>"),
            "{html}"
        );
        let style = html
            .split_once("<style>")
            .unwrap()
            .1
            .split_once("</style>")
            .unwrap()
            .0;
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        for banned in ["<script", " on", "style=\"", "url(", "@import", "<iframe", "<img"] {
            assert!(
                !html.split_once("</style>").unwrap().1.contains(banned),
                "{banned}"
            );
        }
        assert!(html.contains("<meta name=\"robots\" content=\"noindex,nofollow\">"));
        assert_eq!(html.matches("<h1>").count(), 1);
        // What a browser loads by itself.
        assert_eq!(html.matches("<link ").count(), 1);
        assert!(html.contains("<link rel=\"icon\" href=\"/favicon.ico\">"));
    }
}

#[test]
fn a_result_is_the_one_of_the_e_mail_with_one_button_and_the_way_to_stop() {
    let html = pages().result(&code(), &told(Some(["I", "A"]), Some("kenesary")));
    let texts = QuizResult::from_letters(&["I", "A"]).unwrap().texts();
    assert!(html.contains("<h1>Исследователь и\u{a0}творец</h1>"));
    for part in texts
        .types
        .iter()
        .map(|kind| &kind.meaning)
        .chain(&texts.professions)
        .chain([&texts.first_step])
    {
        assert!(html.contains(part.as_str()), "{part}");
    }
    assert_eq!(html.matches("class=\"main\"").count(), 1);
    assert_eq!(html.matches("href=\"/l/k7Qm2xV9bTzR?to=course\"").count(), 1);
    assert_eq!(html.matches("href=\"/u/3Jx8QfYw0RkT5mVb2ZnLpA\"").count(), 1);
    assert_eq!(html.matches("class=\"on\"").count(), 2);
    assert!(html.contains("https://api.onai.academy/proftest/kenesary</p>"));
    // Whom the text is shared with learns of no person.
    for shared in html.split("href=\"https://").skip(1) {
        let shared = shared.split('"').next().unwrap();
        assert!(
            !shared.contains("k7Qm2xV9bTzR") && !shared.contains("3Jx8QfYw0RkT5mVb2ZnLpA"),
            "{shared}"
        );
    }
}

#[test]
fn a_campaign_that_is_no_plain_word_is_not_linked_to() {
    let pages = pages();
    let shared = |campaign| pages.shared(String::new(), Some(campaign)).url;
    assert_eq!(
        shared("kenesary-2_b"),
        "https://api.onai.academy/proftest/kenesary-2_b"
    );
    let long = "x".repeat(41);
    for campaign in [
        "",
        "evil.example",
        "a/b",
        "A",
        "а",
        "a b",
        "\"><b>",
        long.as_str(),
    ] {
        assert_eq!(
            shared(campaign),
            "https://api.onai.academy/proftest",
            "{campaign}"
        );
    }
}

#[test]
fn without_a_scored_test_the_words_are_honest_and_the_button_stays() {
    let html = pages().result(&code(), &told(None, Some("kenesary")));
    let t = &texts(Locale::Ru).result;
    assert!(
        html.contains(t.nothing) && html.contains(t.nothing_lede),
        "{html}"
    );
    assert_eq!(html.matches("href=\"/l/k7Qm2xV9bTzR?to=course\"").count(), 1);
    assert!(!html.contains("class=\"map\"") && !html.contains("wa.me"));
    let unsent = ToldResult {
        token: None,
        ..told(None, None)
    };
    assert!(
        !pages().result(&code(), &unsent).contains("/u/"),
        "no link without a token"
    );
}

#[test]
fn the_choices_are_those_that_the_form_s_reader_knows() {
    let html = pages().choices();
    let values: Vec<_> = html.split("name=\"stop\" value=\"").skip(1).collect();
    let values: Vec<_> = values
        .iter()
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(values, ["all", "email", "not_me"]);
    assert!(values.iter().all(|value| Stop::parse(value).is_some()));
    // It posts to its own address, so that the token is nowhere in it.
    assert!(html.contains("<form method=\"post\">"));
}
