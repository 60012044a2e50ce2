//! amoCRM's contract.

mod limits;
mod reads;
mod refusals;
mod tokens;
mod views;
mod writes;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use standins::{AmoCrm, AmoCrmOptions, CrmDeal, Feed, Running, SeedContact};

const TOKEN: &str = "long-lived";

/// amoCRM with a client that speaks to it.
struct Crm {
    vendor: AmoCrm,
    running: Running,
    client: Client,
}

impl Crm {
    /// Without a rate limit.
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut AmoCrmOptions)) -> Self {
        let mut options = AmoCrmOptions::new(TOKEN);
        options.rate_limit_per_second = None;
        adjust(&mut options);
        let vendor = AmoCrm::new(options, Feed::default());
        let running = crate::start(vendor.router()).await;
        Self {
            vendor,
            running,
            client: crate::client(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.url());
        self.client.request(method, url).bearer_auth(TOKEN)
    }

    /// Sends and reads; an empty body is null.
    async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let is_control = answer.url().path().starts_with("/_");
        let status = answer.status().as_u16();
        let kind = answer
            .headers()
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        let body = answer.text().await.unwrap();
        if body.is_empty() {
            assert_eq!((status, kind), (204, None));
            return (status, Value::Null);
        }
        let expected = match status {
            _ if is_control => "application/json",
            200 => "application/hal+json",
            _ => "application/problem+json",
        };
        assert_eq!(kind.as_deref(), Some(expected), "{status}");
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    async fn complex(&self, body: &Value) -> (u16, Value) {
        self.post("/api/v4/leads/complex", body).await
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

    fn only(&self) -> CrmDeal {
        let mut deals = self.vendor.deals();
        assert_eq!(deals.len(), 1);
        deals.remove(0)
    }
}

/// What the funnel sends for a new person.
fn new_deal() -> Value {
    json!({
        "name": "Профтест: Анна",
        "pipeline_id": AmoCrm::PIPELINE,
        "status_id": AmoCrm::STATUS,
        "request_id": "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708",
        "custom_fields_values": [
            {"field_code": "UTM_SOURCE", "values": [{"value": "instagram"}]},
            {"field_code": "PROFTEST_LEAD_ID", "values": [{"value": "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708"}]},
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

/// The ids in `_embedded.<name>` of an answer.
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
