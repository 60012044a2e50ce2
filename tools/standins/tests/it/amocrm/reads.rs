//! Searches and lists.

use std::time::Duration;

use serde_json::{Value, json};
use standins::{AmoCrm, Seed, SeedContact};

use super::{crm, crm_with, ids, new_deal, person};

fn seed(contacts: impl Into<Vec<SeedContact>>) -> Seed {
    Seed {
        contacts: contacts.into(),
    }
}

#[tokio::test]
async fn a_contact_is_found_by_any_part_and_embeds_ids_only() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let deal = crm.only();
    for query in ["7011234567", "%2B77011234567", "анна", "ANNA@mail", "1234"] {
        let path = format!("/api/v4/contacts?query={query}&with=leads&limit=50");
        let (status, found) = crm.get(&path).await;
        assert_eq!(
            (status, ids(&found, "contacts")),
            (200, vec![deal.contacts[0].id]),
            "{query}"
        );
        let contact = &found["_embedded"]["contacts"][0];
        assert_eq!(contact["_embedded"]["leads"], json!([{"id": deal.id}]));
        assert_eq!(
            contact["custom_fields_values"][0],
            json!({"field_id": 770_001, "field_code": "PHONE", "values": [{"value": "+77011234567"}]})
        );
    }
    // The vendor keeps 8… and +7… apart.
    for query in ["87011234567", "7011234568"] {
        let found = crm.get(&format!("/api/v4/contacts?query={query}")).await;
        assert_eq!(found, (204, Value::Null));
    }
    let path = format!("/api/v4/contacts/{}", deal.contacts[0].id);
    let (_, bare) = crm.get(&path).await;
    assert!(bare["_embedded"]["leads"].is_null(), "{bare}");
    let (_, with) = crm.get(&format!("{path}?with=leads")).await;
    assert_eq!(with["_embedded"]["leads"][0]["id"], deal.id);
    let (status, answer) = crm.get("/api/v4/contacts/1").await;
    assert_eq!((status, &answer["status"]), (404, &json!(404)));
}

#[tokio::test]
async fn a_phone_is_found_by_its_digits_as_stored_and_others_may_hold_them_too() {
    let crm = crm().await;
    let seeded = crm.vendor.seed(seed([
        person("Анна", "8 (701) 123-45-67"),
        person("id 7011234567", "+77770000000"),
        person("Болат", "+7 702 765 43 21"),
    ]));
    let [anna, other, _] = seeded.unwrap().contacts.try_into().unwrap();
    let (_, found) = crm.get("/api/v4/contacts?query=7011234567").await;
    assert_eq!(ids(&found, "contacts"), [anna.id, other.id]);
    assert_eq!(
        found["_embedded"]["contacts"][0]["custom_fields_values"][0]["values"][0]["value"],
        "8 (701) 123-45-67"
    );
    let (_, found) = crm.get("/api/v4/contacts?query=87011234567").await;
    assert_eq!(ids(&found, "contacts"), [anna.id]);
    assert_eq!(crm.get("/api/v4/contacts?query=%2B77011234567").await.0, 204);
}

#[tokio::test]
async fn deals_are_found_by_name_tag_field_and_id() {
    let crm = crm().await;
    let mut bolat = new_deal();
    bolat["name"] = json!("Профтест: Болат");
    bolat["custom_fields_values"] = json!([]);
    bolat["_embedded"] = json!({"tags": [{"name": "Апрель"}]});
    crm.complex(&json!([new_deal(), bolat])).await;
    let [first, second] = [0, 1].map(|n| crm.vendor.deals()[n].id);
    for (query, expected) in [
        ("query=болат", vec![second]),
        ("query=апр", vec![second]),
        ("query=0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708", vec![first]),
        ("query=instagram", vec![first]),
        ("query=Профтест", vec![first, second]),
        (&format!("filter[id][]={second}"), vec![second]),
        (
            &format!("filter%5Bid%5D%5B%5D={second}&filter[id][]={first}&with=contacts"),
            vec![first, second],
        ),
        (&format!("filter[id][]={first}&query=instagram"), vec![first]),
        ("limit=1&page=2", vec![second]),
    ] {
        let (status, found) = crm.get(&format!("/api/v4/leads?{query}")).await;
        assert_eq!((status, ids(&found, "leads")), (200, expected), "{query}");
    }
    for query in [
        "query=+77011234567",
        "query=anna@mail",
        "filter[id][]=1",
        "page=2",
        &format!("filter[id][]={second}&query=instagram"),
    ] {
        assert_eq!(crm.get(&format!("/api/v4/leads?{query}")).await.0, 204, "{query}");
    }
}

#[tokio::test]
async fn a_deal_shows_its_place_its_fields_and_its_contacts_id() {
    let crm = crm().await;
    crm.complex(&json!([new_deal()])).await;
    let (_, found) = crm.get("/api/v4/leads?with=contacts").await;
    let shown = &found["_embedded"]["leads"][0];
    assert_eq!(
        json!([shown["pipeline_id"], shown["status_id"], shown["is_deleted"]]),
        json!([AmoCrm::PIPELINE, AmoCrm::STATUS, false])
    );
    assert_eq!(
        shown["custom_fields_values"][0],
        json!({"field_id": 880_001, "field_code": "UTM_SOURCE", "values": [{"value": "instagram"}]})
    );
    assert_eq!(
        shown["_embedded"],
        json!({"tags": [{"name": "Профтест"}], "contacts": [{"id": crm.only().contacts[0].id}]})
    );
    let (_, bare) = crm.get("/api/v4/leads").await;
    assert!(bare["_embedded"]["leads"][0]["_embedded"]["contacts"].is_null());
}

#[tokio::test]
async fn lists_are_paged_and_unknown_parameters_refused() {
    let crm = crm().await;
    assert_eq!(crm.get("/api/v4/leads").await, (204, Value::Null));
    crm.complex(&json!(vec![new_deal(); 50])).await;
    crm.complex(&json!([new_deal()])).await;
    for (query, found) in [("", 50), ("?page=2", 1), ("?limit=250", 51)] {
        let (_, page) = crm.get(&format!("/api/v4/leads{query}")).await;
        assert_eq!(ids(&page, "leads").len(), found, "{query}");
    }

    let (status, answer) = crm.get("/api/v4/leads?limit=251").await;
    assert_eq!((status, &answer["detail"]), (422, &json!("Limit 250 per page")));
    for query in [
        "limit=0",
        "page=x",
        "filter[id][]=x",
        "filter[name]=x",
        "quary=x",
        "with=leads",
    ] {
        let (status, answer) = crm.get(&format!("/api/v4/leads?{query}")).await;
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{query}");
    }
}

#[tokio::test]
async fn the_search_may_lag_behind() {
    let lag = Duration::from_secs(1);
    let crm = crm_with(|options| options.search_lag = lag).await;
    let seeded = crm.vendor.seed(seed([person("Болат", "+77027654321")])).unwrap();
    crm.complex(&json!([new_deal()])).await;
    let id = crm.only().id;
    assert_eq!(crm.get("/api/v4/leads?query=instagram").await.0, 204);
    assert_eq!(crm.get("/api/v4/contacts?query=7011234567").await.0, 204);
    // By id, and what was there before, at once.
    assert_eq!(crm.get(&format!("/api/v4/leads?filter[id][]={id}")).await.0, 200);
    let (_, found) = crm.get("/api/v4/contacts?query=7027654321").await;
    assert_eq!(ids(&found, "contacts"), [seeded.contacts[0].id]);
    tokio::time::sleep(lag).await;
    assert_eq!(crm.get("/api/v4/leads?query=instagram").await.0, 200);
    assert_eq!(crm.get("/api/v4/contacts?query=7011234567").await.0, 200);
}

#[tokio::test]
async fn the_account_tells_its_pipelines_and_fields() {
    let crm = crm().await;
    assert!(crm.get("/api/v4/account").await.1["id"].is_i64());
    let (_, answer) = crm.get("/api/v4/leads/pipelines").await;
    let pipelines = &answer["_embedded"]["pipelines"];
    assert_eq!(
        json!([pipelines[0]["name"], pipelines[1]["id"]]),
        json!(["Воронка", AmoCrm::FOREIGN_PIPELINE])
    );
    for pipeline in [&pipelines[0], &pipelines[1]] {
        let statuses = pipeline["_embedded"]["statuses"].as_array().unwrap();
        assert!(statuses.is_sorted_by_key(|status| status["sort"].as_i64()));
        let last: Vec<_> = statuses.iter().rev().map(|status| &status["id"]).collect();
        assert_eq!(last[..2], [143, 142]);
    }
    let ours = &pipelines[0]["_embedded"]["statuses"][1];
    assert_eq!(
        json!([ours["id"], ours["name"]]),
        json!([AmoCrm::STATUS, "ЗАЯВКА_С_ПРОФТЕСТА"])
    );

    let (_, answer) = crm.get("/api/v4/leads/custom_fields?limit=250&page=1").await;
    let fields = answer["_embedded"]["custom_fields"].as_array().unwrap();
    assert_eq!(
        (fields.len(), &fields[5]),
        (
            7,
            &json!({"id": 880_010, "name": "proftest_lead_id", "code": "PROFTEST_LEAD_ID", "type": "text"})
        )
    );
}
