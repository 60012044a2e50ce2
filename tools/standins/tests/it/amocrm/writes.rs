//! Deals, contacts and notes that are taken.

use serde_json::json;
use standins::AmoCrm;

use super::{Crm, changed, ids, new_deal, note_on};

#[tokio::test]
async fn a_deal_comes_with_its_contact_in_one_call() {
    let crm = Crm::start().await;
    let (status, answer) = crm.complex(&json!([new_deal()])).await;
    let deal = crm.only();
    assert_eq!(
        (status, answer),
        (
            200,
            json!([{
                "id": deal.id,
                "contact_id": deal.contacts[0].id,
                "company_id": null,
                "request_id": ["0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708"],
                "merged": false,
            }])
        )
    );
    assert_eq!((deal.name.as_str(), deal.price), ("Профтест: Анна", 0));
    assert_eq!((deal.pipeline, deal.status), ("Воронка", "ЗАЯВКА_С_ПРОФТЕСТА"));
    assert_eq!(deal.fields["UTM_SOURCE"], "instagram");
    assert_eq!(
        deal.fields["PROFTEST_LEAD_ID"],
        "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708"
    );
    assert_eq!(
        (deal.tags.as_slice(), deal.seeded),
        (&["Профтест".to_owned()][..], false)
    );
    let contact = &deal.contacts[0];
    assert_eq!((contact.name.as_str(), &contact.deals), ("Анна", &vec![deal.id]));
    assert_eq!(contact.phones, ["+77011234567"]);
    assert_eq!(contact.emails, ["anna@mail.example"]);

    let (_, sent) = crm.get("/_sent").await;
    assert_eq!(sent[0]["id"], deal.id);
    assert_eq!(sent[0]["contacts"][0]["phones"][0], "+77011234567");
    assert!(sent[0]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(crm.vendor.stats().accepted, 1);
    crm.vendor.clear();
    assert!(crm.vendor.deals().is_empty() && crm.vendor.contacts().is_empty());
}

#[tokio::test]
async fn a_second_deal_of_a_known_contact_makes_no_second_contact() {
    let crm = Crm::start().await;
    let (_, first) = crm.complex(&json!([new_deal()])).await;
    let known = changed("/_embedded/contacts", json!([{"id": first[0]["contact_id"]}]));
    let (status, second) = crm.complex(&json!([known])).await;
    assert_eq!((status, &second[0]["contact_id"]), (200, &first[0]["contact_id"]));
    assert_eq!(crm.vendor.contacts().len(), 1);
    assert_eq!(crm.vendor.contacts()[0].deals.len(), 2);

    // Nothing is deduplicated: the same request again is another deal and another contact.
    let (_, third) = crm.complex(&json!([new_deal()])).await;
    assert_ne!(third[0]["id"], first[0]["id"]);
    assert_eq!((crm.vendor.deals().len(), crm.vendor.contacts().len()), (3, 2));

    let unknown = changed("/_embedded/contacts", json!([{"id": 1}]));
    assert_eq!(
        Crm::wrong(crm.complex(&json!([unknown])).await),
        ("NotSupportedChoice".into(), "_embedded.contacts.0.id".into())
    );
}

#[tokio::test]
async fn a_stage_is_found_by_status_pipeline_or_default() {
    let crm = Crm::start().await;
    let body = json!([
        {},
        {"pipeline_id": AmoCrm::FOREIGN_PIPELINE},
        {"status_id": 62_000_020},
        {"status_id": 142},
        {"pipeline_id": AmoCrm::FOREIGN_PIPELINE, "status_id": 143},
    ]);
    let (status, answer) = crm.post("/api/v4/leads", &body).await;
    assert_eq!(status, 200);
    let places: Vec<_> = crm
        .vendor
        .deals()
        .iter()
        .map(|d| (d.pipeline, d.status))
        .collect();
    assert_eq!(
        places,
        [
            ("Воронка", "Первичный контакт"),
            ("Партнёры", "Первичный контакт"),
            ("Партнёры", "Договор"),
            ("Воронка", "Успешно реализовано"),
            ("Партнёры", "Закрыто и не реализовано"),
        ]
    );
    let made = &answer["_embedded"]["leads"];
    assert_eq!(made[4]["request_id"], "4");
    assert_eq!(
        made[0]["_links"]["self"]["href"],
        format!("https://example.amocrm.ru/api/v4/leads/{}", made[0]["id"])
    );
    assert_eq!(crm.vendor.deals()[0].name, format!("Сделка #{}", made[0]["id"]));
}

#[tokio::test]
async fn a_deal_changes_only_where_told() {
    let crm = Crm::start().await;
    crm.complex(&json!([new_deal(), new_deal()])).await;
    let [first, second] = [0, 1].map(|n| crm.vendor.deals()[n].id);
    let talks = 61_000_030;
    let (status, answer) = crm
        .patch(
            &format!("/api/v4/leads/{first}"),
            &json!({
                "status_id": talks,
                "custom_fields_values": [{"field_id": 880_002, "values": [{"value": "cpc"}]}],
                "_embedded": {"tags": [{"name": "Профтест"}, {"name": "Апрель"}]},
            }),
        )
        .await;
    assert_eq!((status, &answer["id"]), (200, &json!(first)));
    assert!(answer["updated_at"].is_i64() && answer["_embedded"].is_null());
    let deal = &crm.vendor.deals()[0];
    assert_eq!((deal.status_id, deal.name.as_str()), (talks, "Профтест: Анна"));
    assert_eq!(
        (
            deal.fields["UTM_SOURCE"].as_str(),
            deal.fields["UTM_MEDIUM"].as_str()
        ),
        ("instagram", "cpc")
    );
    assert_eq!(deal.tags, ["Профтест", "Апрель"]);
    assert!(deal.updated_at > deal.created_at);

    // Tags are replaced, null takes them all; null values empty a field; won leaves the pipeline as it is.
    let (status, answer) = crm
        .patch(
            "/api/v4/leads",
            &json!([
                {"id": first, "_embedded": {"tags": [{"name": "Май"}]}, "name": "Другое имя"},
                {"id": second, "status_id": 142, "_embedded": {"tags": null},
                 "custom_fields_values": [{"field_code": "UTM_SOURCE", "values": null}]},
            ]),
        )
        .await;
    assert_eq!((status, ids(&answer, "leads")), (200, vec![first, second]));
    let deals = crm.vendor.deals();
    assert_eq!(
        (deals[0].name.as_str(), deals[0].tags.as_slice()),
        ("Другое имя", &["Май".to_owned()][..])
    );
    assert!(deals[1].tags.is_empty() && !deals[1].fields.contains_key("UTM_SOURCE"));
    assert_eq!(
        (deals[1].pipeline_id, deals[1].status),
        (AmoCrm::PIPELINE, "Успешно реализовано")
    );
    let (_, closed) = crm.get(&format!("/api/v4/leads/{second}")).await;
    assert!(closed["closed_at"].is_i64());
}

#[tokio::test]
async fn contacts_are_made_and_changed() {
    let crm = Crm::start().await;
    let (status, answer) = crm
        .post(
            "/api/v4/contacts",
            &json!([
                {"name": "Анна Ким", "request_id": "a",
                 "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "87011234567"}]}]},
                {"first_name": "Болат", "last_name": "Ахметов"},
            ]),
        )
        .await;
    assert_eq!(
        (status, &answer["_embedded"]["contacts"][0]["request_id"]),
        (200, &json!("a"))
    );
    let [anna, bolat] = ids(&answer, "contacts").try_into().unwrap();

    let phones = json!([{"value": "87011234567"}, {"value": "+77027654321", "enum_code": "MOB"}]);
    let change = json!({"custom_fields_values": [{"field_id": 770_001, "values": phones}]});
    let (status, answer) = crm.patch(&format!("/api/v4/contacts/{anna}"), &change).await;
    assert_eq!((status, &answer["id"]), (200, &json!(anna)));
    let (status, _) = crm
        .patch("/api/v4/contacts", &json!([{"id": bolat, "first_name": "Булат"}]))
        .await;
    assert_eq!(status, 200);

    let contacts = crm.vendor.contacts();
    assert_eq!(
        (contacts[0].name.as_str(), contacts[0].phones.len()),
        ("Анна Ким", 2)
    );
    assert_eq!(contacts[1].name, "Булат Ахметов");
    let wrong = crm.post("/api/v4/contacts", &json!([{"phone": "1"}])).await;
    assert_eq!(Crm::wrong(wrong), ("FieldNotExpected".into(), "phone".into()));
}

#[tokio::test]
async fn notes_go_on_deals_by_path_or_by_entity() {
    let crm = Crm::start().await;
    crm.complex(&json!([new_deal(), new_deal()])).await;
    let [first, second] = [0, 1].map(|n| crm.vendor.deals()[n].id);
    let both = json!([note_on(first, "1. Вопрос ➜ ответ"), note_on(second, "b")]);
    let (status, answer) = crm.post("/api/v4/leads/notes", &both).await;
    assert_eq!(
        (status, &answer["_embedded"]["notes"][1]["entity_id"]),
        (200, &json!(second))
    );

    let path = format!("/api/v4/leads/{first}/notes");
    let more = json!([{"note_type": "common", "params": {"text": "c"}}, note_on(first, "d")]);
    assert_eq!(crm.post(&path, &more).await.0, 200);
    let notes = &crm.vendor.deals()[0].notes;
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["1. Вопрос ➜ ответ", "c", "d"]);
    assert_eq!(crm.vendor.notes().len(), 4);

    let (_, list) = crm.get(&path).await;
    let first_note = &list["_embedded"]["notes"][0];
    assert_eq!(first_note["params"]["text"], "1. Вопрос ➜ ответ");
    assert_eq!(first_note["note_type"], "common");
}
