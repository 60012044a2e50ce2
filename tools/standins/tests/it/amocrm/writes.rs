//! Deals and notes that are taken, seeds and the board.

use serde_json::json;
use standins::{AmoCrm, Seed};

use super::{changed, crm, new_deal, note_on, wrong};

#[tokio::test]
async fn a_deal_comes_with_its_contact_in_one_call() {
    let crm = crm().await;
    let (status, answer) = crm.complex(&json!([new_deal()])).await;
    let deal = crm.only();
    let contact = &deal.contacts[0];
    assert_eq!(
        (status, answer),
        (
            200,
            json!([{"id": deal.id, "contact_id": contact.id, "merged": false}])
        )
    );
    assert_eq!(
        (deal.name.as_str(), deal.pipeline_id, deal.status_id),
        ("Профтест: Анна", AmoCrm::PIPELINE, AmoCrm::STATUS)
    );
    assert_eq!(deal.fields["UTM_SOURCE"], "instagram");
    assert_eq!(
        deal.fields["PROFTEST_LEAD_ID"],
        "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708"
    );
    assert_eq!((deal.tags, deal.seeded), (vec!["Профтест".to_owned()], false));
    assert_eq!((contact.name.as_str(), &contact.deals), ("Анна", &vec![deal.id]));
    assert_eq!(contact.phones, ["+77011234567"]);
    assert_eq!(contact.emails, ["anna@mail.example"]);

    assert_eq!(crm.vendor.stats().accepted, 1);
}

#[tokio::test]
async fn a_second_deal_of_a_known_contact_makes_no_second_contact() {
    let crm = crm().await;
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
        wrong(crm.complex(&json!([unknown])).await),
        ("NotSupportedChoice".into(), "_embedded.contacts.0.id".into())
    );
}

#[tokio::test]
async fn a_deal_changes_only_where_told() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let id = crm.only().id;
    let (talks, path) = (61_000_030, format!("/api/v4/leads/{id}"));
    let fields = json!({"custom_fields_values": [{"field_id": 880_002, "values": [{"value": "cpc"}]}]});
    let (status, answer) = crm.patch(&path, &fields).await;
    assert_eq!((status, &answer["id"]), (200, &json!(id)));
    assert_eq!(crm.only().status_id, AmoCrm::STATUS);
    let place = json!({"pipeline_id": AmoCrm::PIPELINE, "status_id": talks});
    assert_eq!(crm.patch(&path, &place).await.0, 200);
    let deal = crm.only();
    assert_eq!(
        (deal.status_id, deal.name.as_str(), deal.tags),
        (talks, "Профтест: Анна", vec!["Профтест".to_owned()])
    );
    let tags = json!({"tags_to_add": [{"name": "autumn"}, {"name": "Профтест"}]});
    assert_eq!(crm.patch(&path, &tags).await.0, 200);
    assert_eq!(crm.only().tags, ["Профтест", "autumn"]);
    assert_eq!(
        (
            deal.fields["UTM_SOURCE"].as_str(),
            deal.fields["UTM_MEDIUM"].as_str()
        ),
        ("instagram", "cpc")
    );
}

#[tokio::test]
async fn notes_are_written_on_deals_and_listed() {
    let crm = crm().await;
    crm.complex(&json!([new_deal(), new_deal()])).await;
    let [first, second] = [0, 1].map(|n| crm.vendor.deals()[n].id);
    let notes = json!([
        note_on(first, "1. Вопрос ➜ ответ"),
        note_on(second, "b"),
        note_on(first, "c")
    ]);
    assert_eq!(crm.post("/api/v4/leads/notes", &notes).await.0, 200);
    let texts: Vec<String> = crm.vendor.deals()[0]
        .notes
        .iter()
        .map(|note| note.text.clone())
        .collect();
    assert_eq!(texts, ["1. Вопрос ➜ ответ", "c"]);
    assert_eq!(crm.vendor.notes().len(), 3);

    let (_, list) = crm.get(&format!("/api/v4/leads/{second}/notes?limit=250")).await;
    assert_eq!(list["_embedded"]["notes"], json!([note_on(second, "b")]));
}

#[tokio::test]
async fn seeds_put_people_with_closed_foreign_and_advanced_deals() {
    let crm = crm().await;
    let seed = json!({"contacts": [{
        "name": "Анна", "phones": ["8 701 123 45 67"], "emails": ["anna@mail.example"],
        "deals": [
            {"name": "Старая", "status": 143},
            {"name": "Партнёрская", "pipeline": AmoCrm::FOREIGN_PIPELINE},
            {"name": "Дальше", "status": 61_000_040, "fields": {"UTM_SOURCE": "vk"}},
        ],
    }, {"name": "Никто"}]});
    let seed: Seed = serde_json::from_value(seed).unwrap();
    let seeded = crm.vendor.seed(seed).unwrap();
    let deals = crm.vendor.deals();
    let ids: Vec<i64> = deals.iter().map(|deal| deal.id).collect();
    assert_eq!(seeded.contacts[0].deals, ids);
    assert!(seeded.contacts[1].deals.is_empty() && deals.iter().all(|deal| deal.seeded));
    let places: Vec<_> = deals
        .iter()
        .map(|deal| (deal.pipeline_id, deal.status_id))
        .collect();
    assert_eq!(
        places,
        [
            (AmoCrm::PIPELINE, 143),
            (AmoCrm::FOREIGN_PIPELINE, 62_000_010),
            (AmoCrm::PIPELINE, 61_000_040),
        ]
    );
    assert_eq!(deals[2].fields["UTM_SOURCE"], "vk");
    let (_, found) = crm.get("/api/v4/contacts?query=7011234567&with=leads").await;
    let found = &found["_embedded"]["contacts"][0]["_embedded"]["leads"];
    assert_eq!(found.as_array().unwrap().len(), 3);
    assert_eq!(crm.vendor.stats().accepted, 0);

    for (deal, word) in [
        (json!({"name": "y", "status": 8}), "8"),
        (json!({"name": "y", "pipeline": 7}), "7"),
        (json!({"name": "y", "fields": {"UTM": "z"}}), "UTM"),
        (json!({"name": "y", "responsible": 9}), "9"),
    ] {
        let seed = json!({"contacts": [{"name": "x", "deals": [deal]}]});
        let error = crm
            .vendor
            .seed(serde_json::from_value(seed).unwrap())
            .unwrap_err();
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(crm.vendor.contacts().len(), 2);
}

#[tokio::test]
async fn the_board_has_the_stages_with_their_deals() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let board = json!(crm.vendor.board());
    let stages = board.as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| &stage["name"]).collect();
    assert_eq!(
        names,
        [
            "Первичный контакт",
            "ЗАЯВКА_С_ПРОФТЕСТА",
            "Переговоры",
            "Счёт выставлен",
            "Успешно реализовано",
            "Закрыто и не реализовано",
        ]
    );
    let mut card = board[1]["deals"][0].clone();
    assert!(card["updated_at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        card,
        json!({
            "title": "Профтест: Анна",
            "contact": "Анна",
            "lead": "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708",
            "tags": ["Профтест"],
            "notes": [],
            "tasks": [],
            "updated_at": null,
        })
    );
    assert_eq!(board[2]["deals"], json!([]));
}
