//! A visitor's whole way in a real browser: the real page, the real functions, and a database that hangs when the
//! form is sent.

use crate::machine::{DEJAVU, Fonts, ROBOTO, chromium};
use crate::support::stack::{DELAY, Stack, stack};
use crate::visitor::{Size, Visitor};
use crate::walk::{
    ANSWERS, Contact, DESKTOP, PHONE, answer_with_second_thoughts, fill_form_with_mistakes, send_at_once,
};
use harness::world::{Database, Person, eventually, run};
use proftest::texts::{Locale, texts};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_visitor_on_a_phone_becomes_one_lead_though_the_database_hangs() {
    run(walk(&ROBOTO, "phone", PHONE));
}

#[test]
fn a_visitor_on_a_desktop_becomes_one_lead_though_the_database_hangs() {
    run(walk(&DEJAVU, "desktop", DESKTOP));
}

async fn walk(fonts: &'static Fonts, name: &str, window: Size) {
    let Some(chromium) = chromium(fonts) else {
        return;
    };
    let stack = stack().await;
    let person = Person::new();
    let visitor = Visitor::new(&chromium, &format!("funnel-{name}"), window).await;
    for visit in [
        "first?utm_source=instagram&utm_medium=story&fbclid=x1",
        "blogger?utm_source=google&utm_campaign=spring&gclid=y2&other=no",
    ] {
        visitor
            .open(&format!("{}/proftest/{visit}", stack.gateway()))
            .await;
    }
    answer_with_second_thoughts(&visitor).await;
    let contact = Contact {
        name: &person.name,
        email: &person.email,
        phone: &person.phone,
    };
    fill_form_with_mistakes(&visitor, &contact).await;
    // The page knows no database: only from here on the others may be disturbed, and may not disturb.
    let alone = stack.peace.write().await;
    send_to_a_database_that_hangs(&visitor, stack, &person).await;
    let _peace = alone.downgrade();
    visitor.had_no_trouble().await;
    check_lead(&visitor, stack, &person).await;
    check_e_mail(&visitor, stack, &person).await;
    visitor.leave().await;
}

/// Three presses at once, answered 503, and sent again once the database answers, by the page alone.
async fn send_to_a_database_that_hangs(visitor: &Visitor, stack: &Stack, person: &Person) {
    // A connection of its own: whatever becomes of this test, the lock ends with it.
    let db = Database::open(stack.db.url.clone()).await;
    db.execute("begin; lock table landing_leads in access exclusive mode")
        .await;
    send_at_once(visitor).await;
    visitor.reads("Сервер пока не отвечает.").await;
    let theirs = format!("landing_leads where email = '{}'", person.email);
    assert_eq!(db.count(&theirs).await, 0);
    visitor.picture("7-busy").await;
    db.execute("rollback").await;
    visitor.sees("#result").await;
    visitor.picture("8-result").await;
    let failed = visitor.failed_requests();
    let url = format!("{}/api/landing/proftest", stack.gateway());
    assert!(!failed.is_empty(), "the outage went by unnoticed");
    for request in failed {
        assert!(request.contains(" 503 ") && request.ends_with(&url), "{request}");
    }
}

/// One of everything, with what was answered, as the page worded it, and with where the visitor came from.
async fn check_lead(visitor: &Visitor, stack: &Stack, person: &Person) {
    let of_lead = format!(
        "(select l.id from landing_leads l where l.email = '{}')",
        person.email
    );
    let counts = format!(
        "select (select count(*) from {of_lead} l) as leads,
                (select count(*) from submissions where lead_id in {of_lead}) as submissions,
                (select count(*) from scheduled_notifications where lead_id in {of_lead}) as notifications,
                (select count(*) from crm_tasks where lead_id in {of_lead}) as crm"
    );
    let one_of_each = json!({"leads": 1, "submissions": 1, "notifications": 1, "crm": 1});
    assert_eq!(stack.db.row(&counts).await, one_of_each);
    let select = format!("select name, phone, source, metadata from landing_leads where id in {of_lead}");
    let lead = stack.db.row(&select).await;
    assert_eq!(
        json!([lead["name"], lead["phone"], lead["source"]]),
        json!([person.name, person.phone, "proftest_blogger"])
    );
    let page = "[...document.querySelectorAll('.question')].map((question) =>
        [question.querySelector('h1'), ...question.querySelectorAll('.option')].map((one) => one.textContent))";
    let page = visitor.eval(page).await;
    let questions = page.as_array().unwrap();
    assert_eq!(questions.len(), ANSWERS.len());
    let texts = questions.iter().zip(ANSWERS).enumerate();
    let texts: Vec<Value> = texts
        .map(|(at, (texts, answer))| {
            json!({"questionNumber": at + 1, "question": texts[0], "answer": texts[1 + answer]})
        })
        .collect();
    let last = json!({"utm_source": "google", "utm_campaign": "spring", "gclid": "y2"});
    for (field, expected) in [
        ("answers", json!(ANSWERS)),
        ("proftestAnswers", json!(texts)),
        ("campaignSlug", json!("blogger")),
        (
            "utmParams",
            json!({"utm_source": "instagram", "utm_medium": "story", "fbclid": "x1"}),
        ),
        (
            "lastTouch",
            json!({"source": "proftest_blogger", "campaignSlug": "blogger", "utmParams": last}),
        ),
    ] {
        assert_eq!(lead["metadata"][field], expected, "{field}");
    }
}

/// One e-mail, whose block of the result is what the screen shows, and nothing else; in both of its forms.
async fn check_e_mail(visitor: &Visitor, stack: &Stack, person: &Person) {
    let completed = format!(
        "scheduled_notifications n join landing_leads l on l.id = n.lead_id
         where l.email = '{}' and n.status = 'completed'",
        person.email
    );
    eventually("it is delivered", DELAY + Duration::from_secs(30), async || {
        (stack.db.count(&completed).await == 1).then_some(())
    })
    .await;
    let (mut emails, sms) = (stack.emails_to(&person.email), stack.sms_to(person.digits()));
    assert_eq!((emails.len(), sms.len()), (1, 1));
    let email = emails.remove(0);
    let read =
        |selector: &str| format!("[...document.querySelectorAll('{selector}')].map((one) => one.innerText)");
    let types = visitor.eval(&read("#result-types h2, #result-types p")).await;
    let professions = visitor.eval(&read("#result-professions li")).await;
    let first_step = visitor.eval(&read("#result-first")).await;
    let texts = &texts(Locale::Ru).email;
    let mut shown = vec![texts.types];
    for (heading, parts) in [
        ("", &types),
        (texts.professions, &professions),
        (texts.first_step, &first_step),
    ] {
        shown.push(heading);
        shown.extend(
            parts
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part.as_str().unwrap()),
        );
    }
    assert!(shown.len() > 4 + 4 + 5, "{shown:?}");
    let shown = words(&shown.join(" ")).to_lowercase();
    let inbox = format!("{}/api/emails/{}/html", stack.console(), email.id);
    visitor.open(&inbox).await;
    visitor.picture("9-e-mail").await;
    let html = visitor.eval("document.body.innerText").await;
    for (form, body) in [
        ("text", email.text.unwrap().as_str()),
        ("HTML", html.as_str().unwrap()),
    ] {
        let body = words(body);
        let (_, rest) = body.split_once(&words(texts.intro_with_result)).unwrap();
        let (block, _) = rest.split_once(&words(texts.button_with_result)).unwrap();
        assert_eq!(words(&block.to_lowercase()), shown, "{form}");
    }
}

/// Only the words: how lines break, how lists are marked and where spaces are unbreakable is the form's own.
fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| *word != "-");
    words.collect::<Vec<_>>().join(" ")
}
