//! amoCRM's contract.

mod limits;
mod reads;
mod refusals;
mod tasks;
mod tokens;
mod writes;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use standins::{AmoCrm, AmoCrmOptions, CrmDeal, SeedContact};

use crate::Served;

const TOKEN: &str = "long-lived";

/// Without a rate limit.
async fn crm() -> Served<AmoCrm> {
    crm_with(|_| {}).await
}

async fn crm_with(adjust: impl FnOnce(&mut AmoCrmOptions)) -> Served<AmoCrm> {
    let mut options = AmoCrmOptions::new(TOKEN);
    options.rate_limit_per_second = None;
    adjust(&mut options);
    let vendor = AmoCrm::new(options);
    let router = vendor.router();
    Served::start(vendor, router).await
}

impl Served<AmoCrm> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(TOKEN)
    }

    /// Sends and reads; an empty body is null.
    async fn answer(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").cloned();
        let body = answer.text().await.unwrap();
        if body.is_empty() {
            assert_eq!((status, kind), (204, None));
            return (status, Value::Null);
        }
        let expected = match status {
            200 => "application/hal+json",
            _ => "application/problem+json",
        };
        assert_eq!(kind.unwrap(), expected, "{status}");
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.answer(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.answer(self.request(Method::PATCH, path).json(body)).await
    }

    async fn complex(&self, body: &Value) -> (u16, Value) {
        self.post("/api/v4/leads/complex", body).await
    }

    fn only(&self) -> CrmDeal {
        let [deal] = self.vendor.deals().try_into().unwrap();
        deal
    }
}

/// Asserts a validation error and returns code and path of the first one of the first item.
fn wrong((status, answer): (u16, Value)) -> (String, String) {
    assert_eq!((status, &answer["status"]), (400, &json!(400)), "{answer}");
    assert_eq!(answer["title"], "Bad Request");
    assert_eq!(answer["detail"], "Request validation failed");
    let first = &answer["validation-errors"][0]["errors"][0];
    assert!(first["detail"].is_string(), "{answer}");
    let text = |key: &str| first[key].as_str().unwrap().to_owned();
    (text("code"), text("path"))
}

fn new_deal() -> Value {
    json!({
        "name": "Профтест: Анна",
        "pipeline_id": AmoCrm::PIPELINE,
        "status_id": AmoCrm::STATUS,
        "custom_fields_values": [
            {"field_code": "UTM_SOURCE", "values": [{"value": "instagram"}]},
            {"field_id": 880_010, "values": [{"value": "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708"}]},
        ],
        "_embedded": {
            "tags": [{"name": "Профтест"}],
            "contacts": [{
                "first_name": "Анна",
                "custom_fields_values": [
                    {"field_code": "PHONE", "values": [{"value": "+77011234567", "enum_code": "WORK"}]},
                    {"field_code": "EMAIL", "values": [{"value": "anna@mail.example", "enum_code": "WORK"}]},
                ],
            }],
        },
    })
}

/// [`new_deal`] with the value at `pointer` (RFC 6901) replaced, added, or taken away by null.
fn changed(pointer: &str, value: Value) -> Value {
    let mut deal = new_deal();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = deal.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        Value::Object(fields) if value.is_null() => drop(fields.remove(key)),
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        _ => panic!("{pointer} leads nowhere"),
    }
    deal
}

fn ids(answer: &Value, name: &str) -> Vec<i64> {
    let items = answer["_embedded"][name].as_array().unwrap();
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

fn note_on(deal: i64, text: &str) -> Value {
    json!({"entity_id": deal, "note_type": "common", "params": {"text": text}})
}

fn person(name: &str, phone: &str) -> SeedContact {
    SeedContact {
        name: name.to_owned(),
        phones: vec![phone.to_owned()],
        emails: vec![format!("{name}@mail.example")],
        ..SeedContact::default()
    }
}
