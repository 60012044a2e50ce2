mod odd_senders;

use super::*;
use lambda_http::{Body, http};
use proftest::domain::ids::LeadId;
use proftest::texts::{Locale, texts};
use serde_json::json;

fn request(content_type: &str, body: &str) -> Request {
    http::Request::post("/api/landing/proftest")
        .header("content-type", content_type)
        .body(Body::Text(body.to_owned()))
        .unwrap()
}

fn submit(body: &Value) -> Result<Submission, Refusal> {
    parse(&request("application/json", &body.to_string()), texts(Locale::Ru))
}

fn parse_json(body: &Value) -> Result<NewLead, Refusal> {
    submit(body).map(|submission| submission.lead)
}

fn kept(lead: NewLead) -> Value {
    Value::Object(lead.metadata.into_json())
}

fn lead() -> Value {
    json!({"name": "Айгерим", "email": "a@example.com", "phone": "8 701 000 00 00"})
}

fn with(field: &str, value: Value) -> Result<NewLead, Refusal> {
    let mut body = lead();
    body[field] = value;
    parse_json(&body)
}

fn wrong(result: Result<NewLead, Refusal>) -> Vec<&'static str> {
    match result {
        Err(Refusal::Invalid { fields, error }) => {
            assert!(!error.is_empty());
            assert!(fields.iter().all(|(_, what)| !what.is_ascii()), "{fields:?}");
            fields.into_iter().map(|(name, _)| name).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn known_fields_are_parsed_and_unknown_ones_kept() {
    let mut body = lead();
    body["campaignSlug"] = json!("blogger");
    body["answers"] = json!([0, 3, 1]);
    body["utmParams"] = json!({"utm_source": "ig"});
    body["metadata"] = json!({"screen": "360x740"});
    body["favouriteColour"] = json!("green");
    body["submissionId"] = json!("abc");
    let lead = parse_json(&body).unwrap();
    assert_eq!(
        (lead.phone.as_str(), lead.source.as_str()),
        ("+77010000000", "proftest_blogger")
    );
    assert_eq!(lead.idempotency_key.as_deref(), Some("abc"));
    let kept = kept(lead);
    assert_eq!(kept["answers"], json!([0, 3, 1]));
    assert_eq!(kept["screen"], "360x740");
    assert_eq!(kept["favouriteColour"], "green");
    assert_eq!(kept["utmParams"]["utm_source"], "ig");
    assert_eq!(kept["lastTouch"]["source"], "proftest_blogger");
    assert!(kept.get("name").is_none() && kept.get("submissionId").is_none());
}

#[test]
fn the_body_s_key_wins_over_the_header_s() {
    let mut request = request("application/json; charset=utf-8", &lead().to_string());
    request
        .headers_mut()
        .insert("idempotency-key", http::HeaderValue::from_static("from-header"));
    let parsed = parse(&request, texts(Locale::Ru)).unwrap();
    assert_eq!(parsed.lead.idempotency_key.as_deref(), Some("from-header"));
    let mut body = lead();
    body["submissionId"] = json!("from-body");
    *request.body_mut() = Body::Text(body.to_string());
    let parsed = parse(&request, texts(Locale::Ru)).unwrap();
    assert_eq!(parsed.lead.idempotency_key.as_deref(), Some("from-body"));
}

#[test]
fn a_phone_that_is_a_number_is_read_as_its_digits() {
    for value in [
        json!(77_010_000_000_i64),
        json!(87_010_000_000_i64),
        json!(7_010_000_000_i64),
    ] {
        let mut body = json!({"name": "Айгерим", "email": "a@example.com"});
        body["phone"] = value;
        assert_eq!(parse_json(&body).unwrap().phone.as_str(), "+77010000000");
    }
}

#[test]
fn every_wrong_field_is_named() {
    assert_eq!(wrong(parse_json(&json!({}))), ["name", "email", "phone"]);
    assert_eq!(
        wrong(parse_json(&json!({"name": 5, "email": [], "phone": {}}))),
        ["name", "email", "phone"]
    );
    for (field, value) in [
        ("name", json!("Я")),
        ("name", json!("Ян\u{0}а")),
        ("name", json!("x".repeat(5000))),
        ("email", json!("not an address")),
        ("email", json!("a@example.com\r\nBcc: b@example.com")),
        ("phone", json!("12")),
        ("phone", json!(77_010_000)),
        ("phone", json!(-1.5)),
        ("source", json!({"a": 1})),
        ("source", json!("x".repeat(101))),
        ("campaignSlug", json!("a\nb")),
        ("answers", json!("1,2")),
        ("answers", json!([1, -1])),
        ("answers", json!([0.5])),
        ("answers", json!(vec![1; 201])),
        ("proftestAnswers", json!([{"answer": "\u{0}"}])),
        ("utmParams", json!(["google"])),
        ("lastUtmParams", json!("google")),
        ("metadata", json!("text")),
        ("submissionId", json!("k".repeat(256))),
        ("submissionId", json!(7)),
    ] {
        assert_eq!(wrong(with(field, value.clone())), [field], "{value}");
    }
    assert_eq!(wrong(with("anything", json!({"deep": ["\u{0}"]}))), ["metadata"]);
}

#[test]
fn a_whole_test_is_scored_and_its_result_is_ours_alone() {
    let mut body = lead();
    body["answers"] = json!(vec![0; 12]);
    body["metadata"] = json!({"result": {"types": ["C", "E"]}});
    let Submission { lead, result, .. } = submit(&body).unwrap();
    let letters = result.unwrap().types().map(quiz::Type::letter);
    assert_eq!(result, quiz::score(&[0; 12]));
    assert_eq!(kept(lead)["result"], json!({"types": letters}));
    let shown = serde_json::to_value(Accepted::new(LeadId::new(), result)).unwrap();
    assert_eq!(shown["success"], true);
    assert_eq!(shown["result"]["types"][0]["letter"], letters[0]);
    let told = result.unwrap().texts();
    assert_eq!(shown["result"]["types"][1]["title"], told.types[1].title);
    assert_eq!(shown["result"]["professions"], json!(told.professions));
    assert_eq!(shown["result"]["firstStep"], json!(told.first_step));
}

#[test]
fn answers_of_another_test_are_kept_without_a_result() {
    for answers in [
        json!([0, 3, 1]),
        json!(vec![4; 12]),
        json!(vec![u64::MAX; 12]),
        json!([]),
    ] {
        let mut body = lead();
        body["answers"] = answers.clone();
        let Submission { lead, result, .. } = submit(&body).unwrap();
        assert_eq!(result, None);
        let kept = kept(lead);
        assert_eq!(
            (&kept["answers"], kept.get("result")),
            (&answers, Some(&Value::Null))
        );
        let shown = serde_json::to_value(Accepted::new(LeadId::new(), result)).unwrap();
        assert!(shown.get("result").is_none());
    }
    // Without answers an earlier result stays, and a client cannot send one.
    let lead = with("result", json!({"types": ["C", "E"]})).unwrap();
    assert_eq!(kept(lead).get("result"), None);
}

#[test]
fn what_a_program_fills_in_is_refused_and_never_lost_silently() {
    assert_eq!(wrong(with("website", json!("https://example.com"))), ["website"]);
    let lead = with("website", json!("")).unwrap();
    assert_eq!(kept(lead).get("website"), None);
    // The client's own word for the time that it took proves nothing.
    let lead = with("elapsedMs", json!(1)).unwrap();
    assert_eq!(kept(lead).get("elapsedMs"), None);
}

#[test]
fn the_last_touch_stands_beside_the_first() {
    let mut body = lead();
    body["utmParams"] = json!({"utm_source": "instagram"});
    let touch = |body: &Value| kept(parse_json(body).unwrap())["lastTouch"]["utmParams"].clone();
    assert_eq!(touch(&body), json!({"utm_source": "instagram"}));
    body["lastUtmParams"] = json!({"utm_source": "google"});
    assert_eq!(touch(&body), json!({"utm_source": "google"}));
    let kept = kept(parse_json(&body).unwrap());
    assert_eq!(kept["utmParams"], json!({"utm_source": "instagram"}));
    assert_eq!(kept.get("lastUtmParams"), None);
}

#[test]
fn bodies_that_are_no_json_object_are_refused() {
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"a\":1}x",
        "{\"name\":\"\\ud80\"}",
        "{\"name\":\"\\ud83d",
        "\u{feff}",
        "\u{feff}[]",
        "{\"a\":1e999}",
        &deep,
    ] {
        let refused = parse(&request("application/json", body), texts(Locale::Ru));
        assert_eq!(refused.unwrap_err(), Refusal::NotJson, "{body:.20}");
    }
    let mut binary = request("application/json", "");
    *binary.body_mut() = Body::Binary(vec![0xff, 0xfe, 0x00]);
    assert_eq!(parse(&binary, texts(Locale::Ru)).unwrap_err(), Refusal::NotJson);
}

#[test]
fn size_and_content_type_are_checked_first() {
    let large = json!({"name": "x".repeat(BODY_MAX)}).to_string();
    assert_eq!(
        parse(&request("application/json", &large), texts(Locale::Ru)).unwrap_err(),
        Refusal::TooLarge
    );
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let refused = parse(&request(content_type, &lead().to_string()), texts(Locale::Ru));
        assert_eq!(refused.unwrap_err(), Refusal::NotJsonType, "{content_type}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut request = request("application/json", "");
            *request.body_mut() = Body::Binary(bytes);
            let _ = parse(&request, texts(Locale::Ru));
        }

        #[test]
        fn any_value_in_any_field_gets_an_answer(field in "name|email|phone|source|answers|utmParams|metadata|submissionId|other", value in any_json()) {
            if let Ok(lead) = with(&field, value) {
                prop_assert!(!kept(lead).to_string().contains("\\u0000"));
            }
        }
    }
}

#[test]
fn a_field_is_nested_only_so_deep_that_it_can_be_read_again() {
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({"a": inner}));
    for field in ["metadata", "odd"] {
        assert!(with(field, nested(DEPTH_MAX)).is_ok(), "{field}");
        assert!(with(field, nested(DEPTH_MAX + 2)).is_err(), "{field}");
    }
    // Only the texts of tags are kept.
    assert!(with("utmParams", nested(120)).is_ok());
    assert_eq!(
        wrong(with("proftestAnswers", json!([nested(120)]))),
        ["proftestAnswers"]
    );
}
