//! What is refused, and with which words.

use serde_json::{Value, json};
use standins::{AmoCrm, Fault, Mode};

use super::{changed, crm, ids, new_deal, note_on, wrong};

/// Each: where in [`new_deal`], what is put there, and the code and path of the error.
type Cases<'a> = &'a [(&'a str, Value, &'a str, &'a str)];

async fn all_refused(cases: Cases<'_>) {
    let crm = crm().await;
    for (pointer, value, code, path) in cases {
        let answer = crm.complex(&json!([changed(pointer, value.clone())])).await;
        assert_eq!(wrong(answer), ((*code).into(), (*path).into()), "{pointer}");
    }
    assert!(crm.vendor.deals().is_empty() && crm.vendor.contacts().is_empty());
    assert_eq!(crm.vendor.stats().rejected["validation"], cases.len() as u64);
}

#[tokio::test]
async fn stages_must_exist_and_types_be_right() {
    all_refused(&[
        ("/pipeline_id", json!(1), "NotSupportedChoice", "pipeline_id"),
        ("/status_id", json!(1), "NotSupportedChoice", "status_id"),
        // Another pipeline's.
        ("/status_id", json!(62_000_020), "NotSupportedChoice", "status_id"),
        ("/status_id", json!("142"), "InvalidType", "status_id"),
        ("/pipeline_id", Value::Null, "FieldMissing", "pipeline_id"),
        ("/status_id", Value::Null, "FieldMissing", "status_id"),
        ("/name", json!(7), "InvalidType", "name"),
        ("/name", json!(""), "NotBlank", "name"),
        ("/pipeline_id", json!(1.5), "InvalidType", "pipeline_id"),
        ("/tags", json!("a"), "FieldNotExpected", "tags"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_embedded_is_checked_and_metadata_refused() {
    let embedded = |path: &str| format!("_embedded.{path}");
    all_refused(&[
        (
            "/_embedded/metadata",
            json!({}),
            "FieldNotExpected",
            &embedded("metadata"),
        ),
        (
            "/_embedded/tags/0",
            json!({}),
            "FieldMissing",
            &embedded("tags.0.name"),
        ),
        (
            "/_embedded/tags/0",
            json!({"id": 1}),
            "FieldNotExpected",
            &embedded("tags.0.id"),
        ),
        (
            "/_embedded/tags/0",
            json!("a"),
            "InvalidType",
            &embedded("tags.0"),
        ),
        (
            "/_embedded/contacts",
            json!([{}, {}]),
            "TooMany",
            &embedded("contacts"),
        ),
        (
            "/_embedded/contacts/0/phone",
            json!("1"),
            "FieldNotExpected",
            &embedded("contacts.0.phone"),
        ),
        (
            "/_embedded/contacts",
            json!([{"id": "x"}]),
            "InvalidType",
            &embedded("contacts.0.id"),
        ),
        (
            "/_embedded/contacts",
            json!([{"id": 1, "name": "x"}]),
            "FieldNotExpected",
            &embedded("contacts.0.name"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn custom_values_are_checked() {
    let values = |path: &str| format!("custom_fields_values.0.{path}");
    let first = "/custom_fields_values/0";
    let value = |key: &str| format!("{first}/values/0/{key}");
    let phones = "_embedded.contacts.0.custom_fields_values";
    let spare = json!([{"field_code": "PHONE", "values": [{"value": "1", "enum_code": "SPARE"}]}]);
    let many = json!([{"field_code": "PHONE", "values": vec![json!({"value": "1"}); 41]}]);
    let two = json!([{"value": "a"}, {"value": "b"}]);
    all_refused(&[
        (
            "/custom_fields_values/0/field_code",
            json!("UTM"),
            "NotSupportedChoice",
            &values("field_code"),
        ),
        (
            "/custom_fields_values/0/field_id",
            json!(123),
            "NotSupportedChoice",
            &values("field_id"),
        ),
        (first, json!({"values": []}), "FieldMissing", &values("field_id")),
        (
            first,
            json!({"field_code": "UTM_TERM"}),
            "FieldMissing",
            &values("values"),
        ),
        (
            "/custom_fields_values/0/values",
            two,
            "TooMany",
            &values("values"),
        ),
        (
            &value("value"),
            json!(1),
            "InvalidType",
            &values("values.0.value"),
        ),
        (&value("value"), json!(""), "NotBlank", &values("values.0.value")),
        (
            &value("enum_code"),
            json!("WORK"),
            "FieldNotExpected",
            &values("values.0.enum_code"),
        ),
        (
            "/_embedded/contacts/0/custom_fields_values",
            spare,
            "NotSupportedChoice",
            &format!("{phones}.0.values.0.enum_code"),
        ),
        (
            "/_embedded/contacts/0/custom_fields_values",
            many,
            "TooMany",
            phones,
        ),
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
    for (body, code, at) in [
        (
            json!({"_embedded": {"contacts": []}}),
            "FieldNotExpected",
            "_embedded.contacts",
        ),
        (
            json!({"status_id": AmoCrm::STATUS}),
            "FieldMissing",
            "pipeline_id",
        ),
        (json!({"price": 1}), "FieldNotExpected", "price"),
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
    let (text, common) = (json!({"text": "x"}), "common");
    for (body, code, at) in [
        (
            json!({"note_type": common, "params": text}),
            "FieldMissing",
            "entity_id",
        ),
        (note_on(1, "x"), "NotSupportedChoice", "entity_id"),
        (
            json!({"entity_id": deal, "params": text}),
            "FieldMissing",
            "note_type",
        ),
        (
            json!({"entity_id": deal, "note_type": "call_in", "params": text}),
            "NotSupportedChoice",
            "note_type",
        ),
        (
            json!({"entity_id": deal, "note_type": common}),
            "FieldMissing",
            "params.text",
        ),
    ] {
        let answer = crm.post("/api/v4/leads/notes", &json!([body])).await;
        assert_eq!(wrong(answer), (code.into(), at.into()));
    }
    let many = json!(vec![note_on(deal, "x"); 51]);
    assert_eq!(crm.post("/api/v4/leads/notes", &many).await.0, 400);
    assert!(crm.vendor.notes().is_empty());
}

#[tokio::test]
async fn accept_then_drop_takes_every_second_create_and_leaves_a_marker_to_find() {
    let crm = crm().await;
    let fault = json!({"mode": "accept_then_drop", "every": 2, "path": "POST /api/v4/leads/complex"});
    crm.order(fault).await;
    assert_eq!(crm.complex(&json!([new_deal()])).await.0, 200);
    assert_eq!(crm.get("/api/v4/account").await.0, 200);
    let marked = changed("/custom_fields_values/1/values/0/value", json!("lead-2"));
    let cut = crm
        .request(reqwest::Method::POST, "/api/v4/leads/complex")
        .json(&json!([marked]));
    assert!(cut.send().await.is_err());
    assert_eq!(crm.vendor.deals().len(), 2);
    let (status, found) = crm.get("/api/v4/leads?query=lead-2&with=contacts").await;
    assert_eq!(
        (status, ids(&found, "leads")),
        (200, vec![crm.vendor.deals()[1].id])
    );
    // Three answers, two of them to what is no create; the cut one counts nowhere.
    let counts = crm.vendor.stats();
    assert_eq!(
        (counts.statuses[&200], counts.requests, counts.faulted),
        (3, 4, 1)
    );
}

#[tokio::test]
async fn faults_are_in_the_vendors_own_format() {
    let crm = crm().await;
    let fault = |mode| crm.vendor.faults().add(Fault::times(mode, 1));
    let refusal = |status| Mode::Status {
        status,
        name: None,
        retry_after: None,
    };
    fault(Mode::RateLimit { retry_after: 300 });
    let (status, answer) = crm.complex(&json!([new_deal()])).await;
    assert_eq!((status, &answer["retry_after"]), (429, &json!(300)));
    for expected in [500, 402, 401] {
        fault(refusal(expected));
        let (status, answer) = crm.complex(&json!([new_deal()])).await;
        assert_eq!((status, &answer["status"]), (expected, &json!(expected)));
        assert!(answer["title"].is_string(), "{answer}");
    }
    fault(refusal(403));
    let call = crm.request(reqwest::Method::GET, "/api/v4/account");
    let page = call.send().await.unwrap();
    assert_eq!(
        (page.status().as_u16(), &page.headers()["content-type"]),
        (403, &"text/html".parse().unwrap())
    );
    assert!(crm.vendor.deals().is_empty());
}
