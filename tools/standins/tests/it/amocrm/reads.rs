//! Searches and lists.

use std::time::Duration;

use serde_json::{Value, json};
use standins::{AmoCrm, Seed};

use super::{Crm, ids, new_deal, person};

#[tokio::test]
async fn a_contact_is_found_by_any_part_and_embeds_ids_only() {
    let crm = Crm::start().await;
    crm.complex(&json!([new_deal()])).await;
    let deal = crm.only();
    for query in ["7011234567", "%2B77011234567", "анна", "ANNA@mail", "1234"] {
        let (status, found) = crm
            .get(&format!("/api/v4/contacts?query={query}&with=leads&limit=50"))
            .await;
        assert_eq!(
            (status, ids(&found, "contacts")),
            (200, vec![deal.contacts[0].id]),
            "{query}"
        );
        let contact = &found["_embedded"]["contacts"][0];
        assert_eq!(
            contact["_embedded"]["leads"],
            json!([{
                "id": deal.id,
                "_links": {"self": {"href": format!("https://example.amocrm.ru/api/v4/leads/{}", deal.id)}},
            }])
        );
        let phone = &contact["custom_fields_values"][0];
        assert_eq!(
            (&phone["field_code"], &phone["values"][0]["value"]),
            (&json!("PHONE"), &json!("+77011234567"))
        );
        assert_eq!(phone["values"][0]["enum_code"], "WORK");
    }
    // The vendor keeps 8… and +7… apart.
    for query in ["87011234567", "7011234568"] {
        assert_eq!(
            crm.get(&format!("/api/v4/contacts?query={query}")).await,
            (204, Value::Null)
        );
    }
    let (_, bare) = crm
        .get(&format!("/api/v4/contacts/{}", deal.contacts[0].id))
        .await;
    assert!(bare["_embedded"]["leads"].is_null(), "{bare}");
    let (_, with) = crm
        .get(&format!("/api/v4/contacts/{}?with=leads", deal.contacts[0].id))
        .await;
    assert_eq!(with["_embedded"]["leads"][0]["id"], deal.id);
    let (status, answer) = crm.get("/api/v4/contacts/1").await;
    assert_eq!((status, &answer["status"]), (404, &json!(404)));
}

#[tokio::test]
async fn a_phone_is_found_by_its_digits_as_stored_and_others_may_hold_them_too() {
    let crm = Crm::start().await;
    let seeded = crm.vendor.seed(Seed {
        contacts: vec![
            person("Анна", "8 (701) 123-45-67"),
            person("id 7011234567", "+77770000000"),
            person("Болат", "+7 702 765 43 21"),
        ],
    });
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
    let crm = Crm::start().await;
    let bolat = json!({"name": "Профтест: Болат", "_embedded": {"tags": [{"name": "Апрель"}]}});
    crm.post("/api/v4/leads", &json!([new_deal(), bolat])).await;
    // A new contact may not come with `leads`, only with `leads/complex`.
    assert_eq!(crm.vendor.deals().len(), 0);
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
            &format!("filter%5Bid%5D%5B%5D={second}&filter[id][1]={first}&with=contacts"),
            vec![first, second],
        ),
        (&format!("filter[id]={first}&query=instagram"), vec![first]),
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
        &format!("filter[id]={second}&query=instagram"),
    ] {
        assert_eq!(crm.get(&format!("/api/v4/leads?{query}")).await.0, 204, "{query}");
    }
}

#[tokio::test]
async fn a_deal_shows_its_place_and_its_contacts_ids() {
    let crm = Crm::start().await;
    crm.complex(&json!([new_deal()])).await;
    let (deal, contact) = (crm.only().id, crm.only().contacts[0].id);
    let (status, shown) = crm.get(&format!("/api/v4/leads/{deal}?with=contacts")).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&shown["pipeline_id"], &shown["status_id"]),
        (&json!(AmoCrm::PIPELINE), &json!(AmoCrm::STATUS))
    );
    assert_eq!(
        (&shown["closed_at"], &shown["is_deleted"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(
        shown["custom_fields_values"][0],
        json!({
            "field_id": 880_001, "field_name": "utm_source", "field_code": "UTM_SOURCE",
            "field_type": "tracking_data", "values": [{"value": "instagram"}],
        })
    );
    assert_eq!(
        shown["_embedded"]["contacts"],
        json!([{
            "id": contact, "is_main": true,
            "_links": {"self": {"href": format!("https://example.amocrm.ru/api/v4/contacts/{contact}")}},
        }])
    );
    assert_eq!(shown["_embedded"]["tags"][0]["name"], "Профтест");
    let (_, bare) = crm.get(&format!("/api/v4/leads/{deal}")).await;
    assert!(bare["_embedded"]["contacts"].is_null());
    assert_eq!(crm.get("/api/v4/leads/1").await.0, 404);
}

#[tokio::test]
async fn lists_are_paged_and_unknown_parameters_refused() {
    let crm = Crm::start().await;
    assert_eq!(crm.get("/api/v4/leads").await, (204, Value::Null));
    crm.complex(&json!(vec![new_deal(); 50])).await;
    crm.complex(&json!([new_deal()])).await;
    let (_, first) = crm.get("/api/v4/leads").await;
    assert_eq!(
        (first["_page"].as_i64(), ids(&first, "leads").len()),
        (Some(1), 50)
    );
    assert!(
        first["_links"]["next"]["href"]
            .as_str()
            .unwrap()
            .ends_with("page=2&limit=50")
    );
    let (_, last) = crm.get("/api/v4/leads?page=2").await;
    assert_eq!(ids(&last, "leads").len(), 1);
    assert!(last["_links"]["next"].is_null());
    let (_, all) = crm.get("/api/v4/leads?limit=250").await;
    assert_eq!(ids(&all, "leads").len(), 51);

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
    let crm = Crm::with(|options| options.search_lag = lag).await;
    let seeded = crm
        .vendor
        .seed(Seed {
            contacts: vec![person("Болат", "+77027654321")],
        })
        .unwrap();
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
