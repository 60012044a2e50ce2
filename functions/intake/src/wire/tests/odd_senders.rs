//! What programs send that is not quite as documented: each class of `inputs`, one test.

use super::*;
use unicode_normalization::UnicodeNormalization as _;

/// The lead of a body, as a browser or API Gateway may hand it over.
fn sent(body: Body) -> Result<NewLead, Refusal> {
    let mut request = request("application/json", "");
    *request.body_mut() = body;
    parse(&request, texts(Locale::Ru)).map(|submission| submission.lead)
}

fn sent_text(body: &str) -> Result<NewLead, Refusal> {
    sent(Body::Text(body.to_owned()))
}

/// A body with a name and a note of these characters of JSON.
fn named(name: &str, note: &str) -> String {
    format!(r#"{{"name":"{name}","email":"a@example.com","phone":"8 701 000 00 00","note":"{note}"}}"#)
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

#[test]
fn half_an_emoji_costs_no_lead() {
    for (escaped, read) in [
        (r"Аня \ud83d", "Аня"),
        (r"Аня \ude00", "Аня"),
        (r"\ud83dАня", "Аня"),
        (r"А\uD83Dня", "Аня"),
        (r"Аня \ude00\ud83d", "Аня"),
        (r"Аня \ud83d\ud83d", "Аня"),
        (r"Аня \udfff \ud800 \udc00", "Аня"),
        (r"Аня\ud83d\u0020Ли", "Аня Ли"),
        // Whole characters stay, whatever stands beside them.
        (r"Аня \ud83d\ude00", "Аня 😀"),
        (r"Аня \ud83d\ud83d\ude00", "Аня 😀"),
        (r"Аня \ud83d\ude00\ude00", "Аня 😀"),
        (r"\u0410\u043d\u044f \ud83d", "Аня"),
    ] {
        let lead = sent_text(&named(escaped, escaped)).unwrap();
        assert_eq!(lead.name.as_str(), read, "{escaped}");
        assert_eq!(kept(lead)["note"].as_str().unwrap().trim(), read, "{escaped}");
    }
    // An escaped backslash is no escape of what follows it.
    let note = |text: &str| kept(sent_text(&named(r"Аня \ud83d", text)).unwrap())["note"].clone();
    assert_eq!(note(r"\\ud83d"), r"\ud83d");
    assert_eq!(note(r"\\\ud83d!"), r"\!");
    assert_eq!(note(r#"\"\n\u00e9\ud83d"#), "\"\né");
    // In a key, in the address and in the number.
    let odd = r#"{"name":"Аня","email":"a\ud83d@example.com\ude00","phone":"8701\ud83d0000000","k\ud83d":[{"\ude00":1}]}"#;
    let lead = sent_text(odd).unwrap();
    assert_eq!(
        (lead.email.as_str(), lead.phone.as_str()),
        ("a@example.com", "+77010000000")
    );
    assert_eq!(kept(lead)["k"], json!([{"": 1}]));
}

#[test]
fn half_a_character_in_bytes_costs_no_lead() {
    let whole = named("Аня", "@");
    for half in [
        &b"\xF0\x9F"[..],
        b"\xF0\x9F\x98",
        b"\xD0",
        b"\x98\x80",
        // Surrogates in bytes, as Java and MySQL write them.
        b"\xED\xA0\xBD",
        b"\xED\xA0\xBD\xED\xB8\x80",
        b"\xFF",
    ] {
        let mut bytes = Vec::new();
        for byte in whole.replace("Аня", "Аня@").bytes() {
            match byte {
                b'@' if bytes.ends_with("Аня".as_bytes()) || bytes.ends_with(b"\"note\":\"") => {
                    bytes.extend(half);
                }
                _ => bytes.push(byte),
            }
        }
        let lead = sent(Body::Binary(bytes)).unwrap();
        assert_eq!(lead.name.as_str(), "Аня", "{half:?}");
        let note = kept(lead)["note"].clone();
        assert!(note.as_str().unwrap().chars().all(|c| c == '\u{FFFD}'), "{note}");
    }
}

#[test]
fn a_byte_order_mark_before_the_json_is_skipped() {
    let json = named("Аня 😀", "x");
    let bom = '\u{FEFF}';
    let texts = [
        format!("{bom}{json}"),
        format!("{bom}{bom}{json}"),
        format!("\n {bom}{json}"),
        format!("{bom}\r\n{json}\r\n"),
        format!("{json}{bom}"),
        format!("{bom}{json}\u{200B}"),
        format!("\u{A0}{json}\u{2028}"),
        format!("{json}\0"),
    ];
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for text in &texts {
        bodies.push(text.as_bytes().to_vec());
        bodies.push(utf16(text, u16::to_le_bytes));
        bodies.push(utf16(text, u16::to_be_bytes));
    }
    bodies.push(utf16(&json, u16::to_le_bytes));
    bodies.push(utf16(&json, u16::to_be_bytes));
    for body in bodies {
        let what = format!("{:?}", &body[..8]);
        let lead = sent(Body::Binary(body)).unwrap_or_else(|refusal| panic!("{what}: {refusal:?}"));
        assert_eq!(lead.name.as_str(), "Аня 😀", "{what}");
    }
    for text in texts
        .into_iter()
        .chain([format!("\u{200B}{json}"), format!("\u{2060}{json}")])
    {
        assert!(sent(Body::Text(text)).is_ok());
    }
    // Half a character in UTF-16.
    let mut cut = utf16(&named("Аня", "x"), u16::to_le_bytes);
    cut.splice(22..22, 0xD83D_u16.to_le_bytes());
    assert!(sent(Body::Binary(cut)).is_ok());
}

#[test]
fn an_empty_value_of_another_type_is_absent() {
    let empty = [
        json!([]),
        json!({}),
        json!(""),
        json!("  "),
        json!(false),
        json!(null),
    ];
    for field in [
        "utmParams",
        "lastUtmParams",
        "metadata",
        "answers",
        "proftestAnswers",
        "campaignSlug",
        "source",
        "paymentMethod",
        "submissionId",
        "website",
    ] {
        for value in &empty {
            let lead =
                with(field, value.clone()).unwrap_or_else(|refusal| panic!("{field} {value}: {refusal:?}"));
            assert_eq!(
                (lead.source.as_str(), lead.idempotency_key.as_deref()),
                ("proftest", None),
                "{field} {value}"
            );
            let is_own_type = matches!((field, value), ("utmParams", Value::Object(_)))
                || value.is_array() && matches!(field, "answers" | "proftestAnswers");
            let kept = kept(lead).get(field).cloned();
            assert_eq!(kept, is_own_type.then(|| value.clone()), "{field} {value}");
        }
    }
    // A contact is missing then, and the sentence says so.
    for field in ["name", "email", "phone"] {
        for value in &empty {
            let Err(Refusal::Invalid { error, fields }) = with(field, value.clone()) else {
                panic!("{field} {value}");
            };
            assert_eq!(error, texts(Locale::Ru).errors.fields_required);
            assert!(fields[0].1.starts_with(['Н', 'У']), "{fields:?}");
        }
    }
}

#[test]
fn tags_never_refuse_a_lead() {
    let mut body = lead();
    body["utmParams"] = json!({"utm_content": 21546, "UTM_Source": "ig", "amp;utm_medium": "cpc", "utm_term": null,
        "utm_id": {"a": 1}, "gclid": "x".repeat(1024), "ttclid": "x".repeat(1025), "\u{0}": "x", "utm_x": true});
    body["lastUtmParams"] = json!({"gbraid": 5});
    let kept = kept(parse_json(&body).unwrap());
    let tags = json!({"utm_content": "21546", "utm_source": "ig", "utm_medium": "cpc", "gclid": "x".repeat(1024),
        "utm_x": "true"});
    assert_eq!(kept["utmParams"], tags);
    assert_eq!(kept["lastTouch"]["utmParams"], json!({"gbraid": "5"}));
}

#[test]
fn decomposed_letters_are_the_same_person_and_campaign() {
    let mut composed = lead();
    composed["name"] = json!("Андрей Ёлкин");
    composed["email"] = json!("andrey@йога-ёж.рф");
    composed["campaignSlug"] = json!("андрей");
    composed["source"] = json!("Приём café");
    composed["utmParams"] = json!({"utm_campaign": "Приём"});
    let decomposed: Value = serde_json::from_str(&composed.to_string().nfd().collect::<String>()).unwrap();
    assert_ne!(composed, decomposed);
    let [first, second] = [composed, decomposed].map(|body| parse_json(&body).unwrap());
    assert_eq!(first.name.as_str(), "Андрей Ёлкин");
    assert_eq!(
        (&first.name, &first.email, &first.source),
        (&second.name, &second.email, &second.source)
    );
    assert_eq!(kept(first), kept(second));
}

#[test]
fn a_header_that_is_not_ascii_is_read() {
    for (name, value) in [
        ("content-type", "application/json; charset=utf‑8"),
        ("content-type", "application/json; x=Ұ"),
        ("content-type", "application/json;\u{A0}charset=utf-8"),
        ("idempotency-key", "ключ-1"),
        ("idempotency-key", "é"),
        ("user-agent", "Redmi Note 8 青春版"),
    ] {
        let mut request = request("application/json", &lead().to_string());
        let bytes = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().insert(name, bytes);
        let lead = parse(&request, texts(Locale::Ru)).unwrap().lead;
        let key = (name == "idempotency-key").then_some(value);
        assert_eq!(lead.idempotency_key.as_deref(), key, "{name}: {value}");
    }
    // What cannot be read could equal another key.
    let mut request = request("application/json", &lead().to_string());
    let bytes = http::HeaderValue::from_bytes(b"key \xFF").unwrap();
    request.headers_mut().insert("idempotency-key", bytes);
    let refused = parse(&request, texts(Locale::Ru)).map(|submission| submission.lead);
    assert_eq!(wrong(refused), ["submissionId"]);
}

#[test]
fn a_refusal_says_the_true_reason() {
    for (field, value, sentence) in [
        ("phone", "380501234567", "поставьте, пожалуйста, плюс"),
        ("phone", "8 701 123 4", "Не хватает 3 цифр"),
        ("phone", "8 701 123 45 67, 8 702 555 00 00", "два номера"),
        ("phone", "+870 776 123456", "спутниковая"),
        ("phone", "anna@mail.kz", "вместо телефона введён e-mail"),
        ("name", "12", "вместо имени введены цифры"),
        ("name", "Я", "хотя бы 2 буквы"),
        ("name", &"я".repeat(101), "до 100 знаков"),
        ("email", "anna", "не хватает знака @"),
        ("email", "anna@mail", "не дописан"),
        ("email", "анна@mail.kz", "«а» здесь кириллическая"),
        ("email", "8 701 123 45 67", "введён телефон"),
    ] {
        let Err(Refusal::Invalid { error, fields }) = with(field, json!(value)) else {
            panic!("{field} {value}");
        };
        let [(name, what)] = &fields[..] else {
            panic!("{fields:?}")
        };
        assert_eq!(*name, field);
        assert!(what.contains(sentence), "{value}: {what}");
        assert_eq!(error, *what, "the form says what its one field says");
    }
    // The keyboard's double space is no reason.
    assert_eq!(
        with("email", json!("anna@mail.kz. ")).unwrap().email.as_str(),
        "anna@mail.kz"
    );
}
