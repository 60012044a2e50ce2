use super::*;
use crate::texts::{Locale, texts};

const LINK: &str =
    "https://api.onai.academy/api/landing/track/0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708?source=email";
const STOP: &str = "https://api.onai.academy/u/3Jx8QfYw0RkT5mVb2ZnLpA";
const SHORT_LINK: &str = "https://api.onai.academy/l/k7Qm2xV9bTzR";

fn ru() -> &'static Texts {
    texts(Locale::Ru)
}

fn rendered(name: &str, result: Option<&ResultTexts>) -> EmailContent {
    email(ru(), Kind::Result, name, result, LINK, STOP).unwrap()
}

fn result() -> ResultTexts {
    let kind = |title: &str, meaning: &str| TypeText {
        title: title.to_owned(),
        meaning: meaning.to_owned(),
    };
    ResultTexts {
        types: vec![
            kind("Исследователь", "Любит понимать."),
            kind("Организатор", "Любит <порядок> & \"план\"."),
        ],
        professions: vec!["Аналитик".to_owned(), "R&D-инженер".to_owned()],
        first_step: "Соберите помощника.".to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .map(|rest| rest.split(after).next().unwrap())
        .collect()
}

fn without_mso(html: &str) -> String {
    let mut seen = String::new();
    for (i, part) in html.split("<!--[if mso]>").enumerate() {
        seen += if i == 0 {
            part
        } else {
            part.split_once("<![endif]-->").unwrap().1
        };
    }
    seen
}

#[test]
fn the_subject_is_constant_and_one_line() {
    let content = rendered("Айгерим\r\nBcc: victim@example.com", None);

    assert_eq!(content.subject, "Ваши результаты профориентационного теста");
    assert!(!content.subject.contains(['\r', '\n']));
}

#[test]
fn the_name_is_escaped_in_html_and_plain_in_text() {
    let content = rendered("Д'Артаньян", None);
    assert!(
        content.html.contains("Здравствуйте, Д&#39;Артаньян!"),
        "{}",
        content.html
    );
    assert!(content.text.contains("Здравствуйте, Д'Артаньян!\n"));
}

#[test]
fn the_greeting_has_the_given_name_or_none() {
    let content = rendered("Нурланова Айгерим", None);
    assert!(content.text.contains("Здравствуйте, Айгерим!\n"));
    for name in ["", "Приз ждёт на evil.example/x", "Звоните 8 727 evil"] {
        let content = rendered(name, None);
        assert!(content.text.contains("\n\nЗдравствуйте!\n"), "{name:?}");
        assert!(content.html.contains(">Здравствуйте!</p>"), "{name:?}");
        assert!(
            !content.html.contains("evil") && !content.text.contains("evil"),
            "{name:?}"
        );
    }
}

#[test]
fn without_a_result_nothing_of_its_block_remains() {
    let t = &ru().email;
    let content = rendered("Айгерим", None);

    for heading in [t.types, t.professions, t.first_step] {
        assert!(!content.html.contains(heading), "{heading}");
        assert!(!content.text.contains(&heading.to_uppercase()), "{heading}");
    }
    assert!(content.html.contains(t.intro) && content.text.contains(t.intro));
}

#[test]
fn a_result_is_shown_in_both_parts() {
    let t = &ru().email;
    let content = rendered("Айгерим", Some(&result()));

    for shown in [
        "Исследователь",
        "Любит понимать.",
        "Аналитик",
        "Соберите помощника.",
        t.intro_with_result,
    ] {
        assert!(
            content.html.contains(shown) && content.text.contains(shown),
            "{shown}"
        );
    }
    for heading in [t.types, t.professions, t.first_step] {
        assert!(content.html.contains(heading), "{heading}");
        assert!(content.text.contains(&heading.to_uppercase()), "{heading}");
    }
    assert!(
        content
            .html
            .contains("Любит &#60;порядок&#62; &#38; &#34;план&#34;.")
    );
    assert!(content.html.contains("R&#38;D-инженер") && content.text.contains("- R&D-инженер\n"));
    assert!(content.text.contains("Любит <порядок> & \"план\"."));
    assert_eq!(content.html.matches("border-bottom:1px").count(), 1);
}

#[test]
fn an_empty_part_of_a_result_leaves_no_heading_behind() {
    let t = &ru().email;
    let empty = ResultTexts {
        types: vec![],
        professions: vec![],
        first_step: String::new(),
    };
    let content = rendered("Айгерим", Some(&empty));

    for heading in [t.types, t.professions, t.first_step] {
        assert!(!content.html.contains(heading) && !content.text.contains(&heading.to_uppercase()));
    }
}

#[test]
fn every_link_is_the_given_one_and_the_button_is_the_only_call() {
    let t = &ru().email;
    for (result, button) in [(None, t.button), (Some(result()), t.button_with_result)] {
        let content = rendered("Айгерим", result.as_ref());
        let seen = without_mso(&content.html);

        // The button of Outlook, the button of the others, the plain link.
        assert_eq!(between(&content.html, "href=\"", "\""), [LINK, LINK, LINK, STOP]);
        assert_eq!(
            content.html.matches("http").count(),
            content.html.matches(LINK).count() + 1
        );
        assert_eq!(content.html.matches("<v:roundrect ").count(), 1);
        assert_eq!(seen.matches("<a ").count(), 3);
        assert_eq!(seen.matches(button).count(), 1);
        assert_eq!(between(&seen, "<a class=\"btn\"", "</a>").len(), 1);
        assert!(seen.contains(&format!(">{LINK}</a>")));

        assert_eq!(content.text.matches(LINK).count(), 1);
        assert_eq!(content.text.matches("http").count(), 2);
        assert!(content.text.contains(&format!("\n{button}:\n{LINK}\n")));
    }
}

#[test]
fn a_link_with_markup_characters_stays_one_attribute() {
    let content = email(ru(), Kind::Result, "Ян", None, "https://x.kz/?a=1&b=\"><b>", STOP).unwrap();

    assert_eq!(
        between(&content.html, "href=\"", "\""),
        [
            ["https://x.kz/?a=1&#38;b=&#34;&#62;&#60;b&#62;"; 3].as_slice(),
            &[STOP]
        ]
        .concat()
    );
    assert!(content.text.contains("https://x.kz/?a=1&b=\"><b>\n"));
}

#[test]
fn the_html_loads_nothing_and_uses_nothing_that_outlook_drops() {
    let html = rendered("Айгерим", Some(&result())).html;

    for banned in [
        "<img",
        "src=",
        "url(",
        "@import",
        "<link",
        "<script",
        "flex",
        "grid",
        "position:",
        "float:",
    ] {
        assert!(!html.contains(banned), "{banned}");
    }
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"ru\""));
    assert_eq!(
        html.matches("<table").count(),
        html.matches("<table role=\"presentation\"").count()
    );
    for tag in ["table", "tr", "td", "p", "a", "div", "style"] {
        let opened = html.matches(&format!("<{tag} ")).count() + html.matches(&format!("<{tag}>")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_parts_are_small_and_the_text_has_no_holes() {
    for result in [None, Some(result())] {
        let content = rendered(&"Ж".repeat(64), result.as_ref());

        // Gmail cuts a message at 102 KB.
        assert!(content.html.len() < 12_000, "{} bytes", content.html.len());
        assert!(content.text.len() < 4_000, "{} bytes", content.text.len());
        assert!(!content.text.contains("\n\n\n"), "{}", content.text);
        assert!(
            content.text.lines().all(|line| line == line.trim_end()),
            "{}",
            content.text
        );
    }
}

#[test]
fn both_parts_say_who_sends_why_and_how_to_stop() {
    let t = &ru().email;
    let content = rendered("Айгерим", None);

    for line in [t.sender, t.reason, t.stop] {
        assert!(
            content.html.contains(line) && content.text.contains(line),
            "{line}"
        );
    }
}

#[test]
fn the_link_to_stop_stands_in_both_footers() {
    let t = &ru().email;
    let content = rendered("Айгерим", None);

    let link = between(&content.html, &format!("href=\"{STOP}\""), "</a>");
    assert_eq!(link.len(), 1);
    assert!(link[0].ends_with(&format!(">{}", t.stop_link)), "{link:?}");
    let end = format!("\n{} {}:\n{STOP}", t.stop, t.stop_link);
    assert!(content.text.ends_with(&end), "{}", content.text);
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    let result = result();

    assert!(rendered("Айгерим", Some(&result)) == rendered("Айгерим", Some(&result)));
}

#[test]
fn the_button_fits_the_fixed_shape_of_outlook() {
    for button in [ru().email.button, ru().email.button_with_result] {
        assert!(button.chars().count() <= 26, "{button}");
    }
}

#[test]
fn debug_output_shows_neither_name_nor_link() {
    let printed = format!("{:?}", rendered("Айгерим", None));

    assert!(
        !printed.contains("Айгерим") && !printed.contains("http"),
        "{printed}"
    );
}

#[test]
fn the_sms_with_the_production_link_fits_one_segment() {
    let sms = sms(ru(), SHORT_LINK).unwrap();

    assert_eq!(
        sms.as_str(),
        "Ваши результаты готовы! https://api.onai.academy/l/k7Qm2xV9bTzR"
    );
    assert_eq!(ucs2_units(sms.as_str()), 63);
}

#[test]
fn the_sms_may_take_the_whole_segment_and_not_one_unit_more() {
    let fits = format!("{SHORT_LINK}1234567");

    assert_eq!(ucs2_units(sms(ru(), &fits).unwrap().as_str()), SMS_UNITS_MAX);
    assert_eq!(
        sms(ru(), &format!("{fits}8")),
        Err(SmsTooLong { units: 71, limit: 70 })
    );
}

#[test]
fn units_are_utf16_code_units() {
    assert_eq!(ucs2_units(""), 0);
    assert_eq!(ucs2_units("Қа-я1"), 5);
    assert_eq!(ucs2_units("🎉"), 2);
}
