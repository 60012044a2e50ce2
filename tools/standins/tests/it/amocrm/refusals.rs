//! What is refused, and with which words.

use serde_json::{Value, json};
use standins::AmoCrm;

use super::{changed, crm, new_deal, note_on, wrong};

/// Each: where in [`new_deal`], what is put there, and the code of the error at that place, or at `.below` it.
type Cases<'a> = &'a [(&'a str, Value, &'a str)];

async fn all_refused(cases: Cases<'_>) {
    let crm = crm().await;
    for (place, value, code) in cases {
        let (pointer, below) = place.split_once('.').unwrap_or((place, ""));
        let answer = crm.complex(&json!([changed(pointer, value.clone())])).await;
        let path = format!("{}.{below}", &pointer[1..].replace('/', "."));
        let path = path.trim_end_matches('.').to_owned();
        assert_eq!(wrong(answer), ((*code).into(), path), "{place}");
    }
    assert!(crm.vendor.deals().is_empty() && crm.vendor.contacts().is_empty());
    assert_eq!(crm.vendor.stats().rejected["validation"], cases.len() as u64);
}

#[tokio::test]
async fn stages_must_exist_and_types_be_right() {
    all_refused(&[
        ("/pipeline_id", json!(1), "NotSupportedChoice"),
        ("/status_id", json!(1), "NotSupportedChoice"),
        // Another pipeline's.
        ("/status_id", json!(62_000_020), "NotSupportedChoice"),
        ("/status_id", json!("142"), "InvalidType"),
        ("/pipeline_id", Value::Null, "FieldMissing"),
        ("/status_id", Value::Null, "FieldMissing"),
        ("/name", json!(7), "InvalidType"),
        ("/name", json!(""), "NotBlank"),
        ("/pipeline_id", json!(1.5), "InvalidType"),
        ("/tags", json!("a"), "FieldNotExpected"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_embedded_is_checked_and_metadata_refused() {
    let contacts = "/_embedded/contacts";
    all_refused(&[
        ("/_embedded/metadata", json!({}), "FieldNotExpected"),
        ("/_embedded/tags/0/name", Value::Null, "FieldMissing"),
        ("/_embedded/tags/0/id", json!(1), "FieldNotExpected"),
        ("/_embedded/tags/0", json!("a"), "InvalidType"),
        (contacts, json!([{}, {}]), "TooMany"),
        ("/_embedded/contacts/0/phone", json!("1"), "FieldNotExpected"),
        ("/_embedded/contacts.0.id", json!([{"id": "x"}]), "InvalidType"),
        (
            "/_embedded/contacts.0.name",
            json!([{"id": 1, "name": "x"}]),
            "FieldNotExpected",
        ),
    ])
    .await;
}

#[tokio::test]
async fn custom_values_are_checked() {
    let values = "/custom_fields_values/0/values";
    let value = "/custom_fields_values/0/values/0/value";
    let code = "/custom_fields_values/0/values/0/enum_code";
    let phones = "/_embedded/contacts/0/custom_fields_values";
    let spare = "/_embedded/contacts/0/custom_fields_values/0/values/0/enum_code";
    let many = json!([{"field_code": "PHONE", "values": vec![json!({"value": "1"}); 41]}]);
    let two = json!([{"value": "a"}, {"value": "b"}]);
    all_refused(&[
        (
            "/custom_fields_values/0/field_code",
            json!("UTM"),
            "NotSupportedChoice",
        ),
        (
            "/custom_fields_values/0/field_id",
            json!(123),
            "NotSupportedChoice",
        ),
        (
            "/custom_fields_values/0.field_id",
            json!({"values": []}),
            "FieldMissing",
        ),
        (values, Value::Null, "FieldMissing"),
        (values, two, "TooMany"),
        (value, json!(1), "InvalidType"),
        (value, json!(""), "NotBlank"),
        (code, json!("WORK"), "FieldNotExpected"),
        (spare, json!("SPARE"), "NotSupportedChoice"),
        (phones, many, "TooMany"),
    ])
    .await;
}

#[tokio::test]
async fn a_request_holds_1_to_50_items_and_is_taken_whole_or_not_at_all() {
    let crm = crm().await;
    for body in [
        json!([]),
        json!(vec![new_deal(); 51]),
        new_deal(),
        json!({"data": [new_deal()]}),
    ] {
        let (status, answer) = crm.complex(&body).await;
        assert_eq!((status, &answer["title"]), (400, &json!("Bad Request")));
    }
    let broken = crm
        .request(reqwest::Method::POST, "/api/v4/leads/complex")
        .body("[");
    assert_eq!(crm.answer(broken).await.0, 400);

    let half = json!([new_deal(), changed("/status_id", json!(1))]);
    let (status, answer) = crm.complex(&half).await;
    assert_eq!(
        (status, &answer["validation-errors"][0]["request_id"]),
        (400, &json!("1"))
    );
    assert!(crm.vendor.deals().is_empty());

    let (status, answer) = crm.complex(&json!(vec![new_deal(); 50])).await;
    assert_eq!((status, answer.as_array().unwrap().len()), (200, 50));
    assert_eq!(crm.vendor.deals().len(), 50);
}

#[tokio::test]
async fn changes_must_name_what_exists() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let id = crm.only().id;
    let path = format!("/api/v4/leads/{id}");
    let half = json!({"status_id": AmoCrm::STATUS});
    for (body, code, at) in [
        (
            json!({"_embedded": {"tags": []}}),
            "FieldNotExpected",
            "_embedded",
        ),
        (half, "FieldMissing", "pipeline_id"),
        (json!({"price": 1}), "FieldNotExpected", "price"),
        (json!({"tags_to_add": ["autumn"]}), "InvalidType", "tags_to_add.0"),
        (
            json!({"tags_to_add": [{"id": 1}]}),
            "FieldNotExpected",
            "tags_to_add.0.id",
        ),
    ] {
        assert_eq!(wrong(crm.patch(&path, &body).await), (code.into(), at.into()));
    }
    let (status, answer) = crm.patch("/api/v4/leads/1", &json!({"name": "x"})).await;
    assert_eq!((status, &answer["title"]), (404, &json!("Not Found")));
    assert_eq!(crm.patch("/api/v4/leads/x", &json!({})).await.0, 404);
    assert_eq!(crm.patch(&path, &json!([{}])).await.0, 400);
    assert_eq!(crm.post("/api/v4/leads/pipelines", &json!([])).await.0, 404);
    assert_eq!(crm.post("/api/v4/nowhere", &json!([])).await.0, 404);
}

#[tokio::test]
async fn notes_must_be_common_and_on_a_deal() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let deal = crm.only().id;
    let without = |key: &str| {
        let mut note = note_on(deal, "x");
        note.as_object_mut().unwrap().remove(key);
        note
    };
    let mut call = note_on(deal, "x");
    call["note_type"] = json!("call_in");
    for (body, code, at) in [
        (without("entity_id"), "FieldMissing", "entity_id"),
        (note_on(1, "x"), "NotSupportedChoice", "entity_id"),
        (without("note_type"), "FieldMissing", "note_type"),
        (call, "NotSupportedChoice", "note_type"),
        (without("params"), "FieldMissing", "params.text"),
    ] {
        let answer = crm.post("/api/v4/leads/notes", &json!([body])).await;
        assert_eq!(wrong(answer), (code.into(), at.into()));
    }
    let many = json!(vec![note_on(deal, "x"); 51]);
    assert_eq!(crm.post("/api/v4/leads/notes", &many).await.0, 400);
    assert!(crm.vendor.notes().is_empty());
}
