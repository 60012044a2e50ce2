use super::*;
use serde_json::json;

fn read(json: Value) -> Value {
    let Value::Object(map) = json else {
        panic!("{json}")
    };
    Tags::read(map).into_json()
}

/// A text of so many characters.
fn long(chars: usize) -> String {
    "aЯ3".chars().cycle().take(chars).collect()
}

#[test]
fn the_list_of_click_ids_is_read_and_has_each_once() {
    let mut ids = CLICK_IDS.clone();
    for id in [
        "gclid",
        "gbraid",
        "wbraid",
        "dclid",
        "fbclid",
        "yclid",
        "ysclid",
        "ttclid",
        "msclkid",
        "twclid",
        "li_fat_id",
        "epik",
        "sccid",
        "rdt_cid",
        "rb_clickid",
    ] {
        assert!(ids.iter().any(|one| one == id), "{id}");
    }
    assert!(ids.iter().all(|id| name(id).as_ref() == Some(id)));
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn tags_that_are_not_strings_become_texts_or_are_left_out() {
    for (value, text) in [
        (json!(21546), json!("21546")),
        (json!(-7), json!("-7")),
        (json!(0), json!("0")),
        (json!(21546.0), json!("21546")),
        (json!(0.5), json!("0.5")),
        (
            json!(18_446_744_073_709_551_615_u64),
            json!("18446744073709551615"),
        ),
        (json!(true), json!("true")),
        (json!(false), json!("false")),
        // A repeated parameter, as Express and PHP hand it over.
        (json!(["ig", "vk"]), json!("ig")),
        (json!([null, {}, 5]), json!("5")),
        (json!([["ig"]]), json!("ig")),
        (json!(" ig\n"), json!("ig")),
        (json!("i\u{0}g\u{7}"), json!("ig")),
        // Lost: nothing to keep, or digits lost on the way.
        (json!(null), Value::Null),
        (json!({"utm_source": "ig"}), Value::Null),
        (json!([]), Value::Null),
        (json!([[]]), Value::Null),
        (json!(""), Value::Null),
        (json!(" \u{0} "), Value::Null),
        (json!(1e300), Value::Null),
        (json!(12_345_678_901_234_567_890_123.0), Value::Null),
    ] {
        let tags = read(json!({"utm_content": value, "utm_source": "ig"}));
        assert_eq!(tags["utm_content"], text, "{value}");
        assert_eq!(tags["utm_source"], "ig", "{value}: the others stay");
    }
}

#[test]
fn a_name_is_read_in_each_of_its_spellings() {
    let table: Value = serde_json::from_str(include_str!("../../../../data/tags.json")).unwrap();
    let rows = table["names"].as_array().unwrap();
    assert!(rows.len() >= 40);
    for row in rows {
        let spelled = row["spelled"].as_str().unwrap();
        let expected = match row["name"].as_str() {
            Some(name) => json!({ name: "cpc" }),
            None => json!({}),
        };
        assert_eq!(read(json!({ spelled: "cpc" })), expected, "{spelled:?}");
    }
}

#[test]
fn names_of_tags_are_kept_in_lower_case() {
    // An id's letters have two cases, and both mean something.
    assert_eq!(
        read(json!({"ScCid": "aBc", "GCLID": "Cj0K"})),
        json!({"sccid": "aBc", "gclid": "Cj0K"})
    );
    // The right spelling counts, whichever comes first.
    assert_eq!(
        read(json!({"UTM_TERM": "a", "utm_term": "b"})),
        json!({"utm_term": "b"})
    );
    assert_eq!(read(json!({"gclid": "b", "?gclid": "a"})), json!({"gclid": "b"}));
    // Names that only begin alike.
    assert_eq!(
        read(json!({"ampere": "1", "amp": "2"})),
        json!({"ampere": "1", "amp": "2"})
    );
    for raw in ["a\u{0}b", &"x".repeat(NAME_MAX + 1)] {
        assert_eq!(read(json!({ raw: "ig" })), json!({}), "{raw:?}");
    }
}

#[test]
fn ids_are_kept_whole_or_left_out_and_texts_are_cut() {
    for name in [
        "ttclid",
        "gclid",
        "fbclid",
        "wbraid",
        "yclid",
        "an_id_of_tomorrow",
    ] {
        for length in [1, 201, 326, 500, ID_MAX] {
            assert_eq!(
                read(json!({ name: long(length) })),
                json!({ name: long(length) }),
                "{name} {length}"
            );
        }
        assert_eq!(read(json!({ name: long(ID_MAX + 1) })), json!({}), "{name}");
    }
    for length in [199, 200, 201, 5000] {
        let kept = long(length.min(TEXT_MAX));
        assert_eq!(
            read(json!({"utm_term": long(length)})),
            json!({ "utm_term": kept }),
            "{length}"
        );
    }
}

#[test]
fn a_touch_is_bounded_as_a_whole_and_keeps_the_most_useful_tags() {
    let mut sent = json!({});
    for number in 0..500 {
        sent[format!("a{number}")] = json!(long(1000));
        sent[format!("utm_{number}")] = json!(long(200));
    }
    for name in FIRST {
        sent[name] = json!(long(TEXT_MAX));
    }
    sent["ttclid"] = json!("x".repeat(ID_MAX));
    sent["gclid"] = json!("x".repeat(ID_MAX));
    let Value::Object(map) = sent else { unreachable!() };
    let kept = Tags::read(map);
    for name in FIRST.into_iter().chain(["ttclid", "gclid"]) {
        assert!(kept.get(name).is_some(), "{name}");
    }
    let whole: usize = kept.0.iter().map(cost).sum();
    assert!((TOUCH_MAX - 300..=TOUCH_MAX).contains(&whole), "{whole}");
    assert!(
        kept.texts()
            .all(|(name, text)| text.len() >= 200 && (name.starts_with("utm_") || name.ends_with("clid")))
    );
    // Read again, as from a row, it is the same.
    let Value::Object(row) = kept.clone().into_json() else {
        unreachable!()
    };
    assert!(Tags::read(row) == kept);
}

#[test]
fn decomposed_letters_are_stored_as_composed_ones() {
    let decomposed = "Андреи\u{306} Еще\u{308}";
    assert_eq!(
        read(json!({"utm_campaign": decomposed})),
        json!({"utm_campaign": "Андрей Ещё"})
    );
}
