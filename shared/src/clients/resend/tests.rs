use super::*;
use reqwest::header::HeaderValue;

fn answer(status: u16, body: &str) -> Answer {
    let mut answer = Answer::new(status, body);
    answer
        .headers
        .insert("retry-after", HeaderValue::from_static("3"));
    answer
}

fn reaction(status: u16, name: &str) -> Reaction {
    let body = format!(r#"{{"statusCode":{status},"name":"{name}","message":"someone@example.com"}}"#);
    let failure = read(&answer(status, &body)).unwrap_err();
    assert!(!failure.reason.contains("example.com"), "{}", failure.reason);
    failure.reaction
}

#[test]
fn every_documented_error_has_its_reaction() {
    let retry = Reaction::Retry {
        after: Some(Duration::from_secs(3)),
    };
    for (status, name, expected) in [
        (429, "rate_limit_exceeded", retry),
        (503, "service_unavailable", retry),
        (409, "resource_locked", retry),
        (409, "concurrent_idempotent_requests", Reaction::Unknown),
        (500, "application_error", Reaction::Unknown),
        (500, "internal_server_error", Reaction::Unknown),
        (429, "daily_quota_exceeded", Reaction::Park),
        (429, "monthly_quota_exceeded", Reaction::Park),
        (401, "missing_api_key", Reaction::Park),
        (401, "restricted_api_key", Reaction::Park),
        (403, "invalid_api_key", Reaction::Park),
        (403, "validation_error", Reaction::Park),
        (400, "validation_error", Reaction::GiveUp),
        (409, "invalid_idempotent_request", Reaction::GiveUp),
        (422, "invalid_parameter", Reaction::GiveUp),
        (418, "never_heard_of", Reaction::GiveUp),
        (599, "never_heard_of", Reaction::Unknown),
    ] {
        assert_eq!(reaction(status, name), expected, "{status} {name}");
    }
}

#[test]
fn a_batch_needs_an_id_for_each_and_is_taken_apart_only_for_a_member() {
    let ids = vec!["a".to_owned(), "b".to_owned()];
    let read = |status, body: &str| read_batch(&answer(status, body), 2);
    assert_eq!(read(200, r#"{"data":[{"id":"a"},{"id":"b"}]}"#), Ok(ids));
    for body in [
        "",
        "{}",
        r#"{"data":[{"id":"a"}]}"#,
        r#"{"data":[{"id":"a"},{"id":""}]}"#,
    ] {
        let Err(Refused::Batch(failure)) = read(200, body) else {
            panic!("{body}")
        };
        assert_eq!(failure.reaction, Reaction::Unknown, "{body}");
    }
    for (status, name, member) in [
        (422, "validation_error", true),
        (400, "validation_error", true),
        (413, "", true),
        (409, "invalid_idempotent_request", false),
        (409, "concurrent_idempotent_requests", false),
        (429, "rate_limit_exceeded", false),
        (403, "invalid_api_key", false),
        (500, "application_error", false),
    ] {
        let refused = read(status, &format!(r#"{{"name":"{name}"}}"#)).unwrap_err();
        assert_eq!(matches!(refused, Refused::Member(_)), member, "{status} {name}");
    }
}

#[test]
fn every_documented_event_has_its_state() {
    for (event, state) in [
        ("bounced", Some(State::Bounced)),
        ("canceled", Some(State::Undelivered)),
        ("clicked", Some(State::Delivered)),
        ("complained", Some(State::Complained)),
        ("delivered", Some(State::Delivered)),
        ("delivery_delayed", Some(State::Delayed)),
        ("failed", Some(State::Undelivered)),
        ("opened", Some(State::Delivered)),
        ("queued", None),
        ("scheduled", None),
        ("sent", None),
        ("suppressed", Some(State::Undelivered)),
        ("of_tomorrow", None),
    ] {
        assert_eq!(last_state(event), state, "{event}");
    }
    assert_eq!(state_of("opened"), None);
}

#[test]
fn what_was_pinned_before_there_were_headers_stays_the_same_body() {
    let pinned = r#"{"from":"a@b.kz","to":["c@d.kz"],"subject":"s","html":"h","text":"t","tags":[]}"#;
    let message: Message = serde_json::from_str(pinned).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), pinned);
    let headers = Some(Headers::one_click("https://a.kz/u/x"));
    let message = serde_json::to_value(Message { headers, ..message }).unwrap();
    let expected = serde_json::json!({
        "List-Unsubscribe": "<https://a.kz/u/x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"});
    assert_eq!(message["headers"], expected);
    assert_eq!(
        serde_json::from_value::<Message>(message.clone())
            .unwrap()
            .headers,
        Some(Headers::one_click("https://a.kz/u/x"))
    );
}

#[test]
fn a_success_needs_an_id() {
    assert_eq!(read(&answer(200, r#"{"id":"a"}"#)).unwrap(), "a");
    for body in [
        "",
        "{}",
        r#"{"id":""}"#,
        r#"{"id":"a\u0000"}"#,
        "<html>",
        r#"{"id":"#,
    ] {
        assert_eq!(
            read(&answer(200, body)).unwrap_err().reaction,
            Reaction::Unknown,
            "{body}"
        );
    }
}
