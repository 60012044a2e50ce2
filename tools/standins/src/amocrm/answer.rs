//! amoCRM's answers: entities as `application/hal+json`, errors as `application/problem+json`.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    account::{Account, Contact, Deal, Note, Values},
    query::Listing,
    setup::{CONTACT_FIELDS, DEAL_FIELDS, Field},
};
use crate::desk::{html_page, http_status};

pub(super) const ACCOUNT_ID: i64 = 31_000_001;
const USER_ID: i64 = 1;

/// One thing wrong with one item of a request.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) code: &'static str,
    /// Where, with dots: `custom_fields_values.0.field_id`.
    pub(super) path: String,
    pub(super) detail: String,
}

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For the counts.
    pub(super) name: &'static str,
    status: u16,
    /// `None`: the page of a proxy.
    problem: Option<Value>,
}

impl Refusal {
    pub(super) fn new(name: &'static str, status: u16, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            problem: Some(problem(status, &detail.into())),
        }
    }

    pub(super) fn html(name: &'static str, status: u16) -> Self {
        Self {
            name,
            status,
            problem: None,
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new("not_found", 404, "Entity not found")
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new("bad_request", 400, detail)
    }

    /// 429, in seconds.
    pub(super) fn rate_limited(retry_after: u64) -> Self {
        Self::new("rate_limit", 429, "Too many requests").with("retry_after", json!(retry_after))
    }

    /// `items`: what is wrong by the item's `request_id`.
    pub(super) fn validation(items: Vec<(String, Vec<Wrong>)>) -> Self {
        let items: Vec<Value> = items
            .into_iter()
            .map(|(request_id, wrong)| {
                let errors: Vec<Value> = wrong
                    .into_iter()
                    .map(|Wrong { code, path, detail }| json!({"code": code, "path": path, "detail": detail}))
                    .collect();
                json!({ "request_id": request_id, "errors": errors })
            })
            .collect();
        Self::new("validation", 400, "Request validation failed")
            .with("validation-errors", Value::Array(items))
    }

    /// Adds a field to the problem, or replaces one.
    pub(super) fn with(mut self, field: &str, value: Value) -> Self {
        if let Some(problem) = &mut self.problem {
            problem[field] = value;
        }
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Some(problem) = self.problem else {
            return html_page(self.status);
        };
        let content_type = [(CONTENT_TYPE, "application/problem+json")];
        (http_status(self.status), content_type, problem.to_string()).into_response()
    }
}

fn problem(status: u16, detail: &str) -> Value {
    json!({
        "title": http_status(status).canonical_reason().unwrap_or("Error"),
        "type": format!("https://httpstatus.es/{status}"),
        "status": status,
        "detail": detail,
    })
}

/// The answer for an injected fault; `name` becomes the detail. 403 is the block, whose page is nginx's.
pub(super) fn error_answer(status: u16, name: Option<&str>, retry_after: Option<u64>) -> Response {
    if status == 403 && name.is_none() {
        return html_page(status);
    }
    let mut refusal = Refusal::new("fault", status, name.unwrap_or("Injected by the stand-in."));
    if let Some(seconds) = retry_after {
        refusal = refusal.with("retry_after", json!(seconds));
    }
    refusal.into_response()
}

/// 200 with a body, or 204 without one: nothing found.
pub(super) fn success(body: Option<&Value>) -> Response {
    let Some(body) = body else {
        return StatusCode::NO_CONTENT.into_response();
    };
    ([(CONTENT_TYPE, "application/hal+json")], body.to_string()).into_response()
}

pub(super) fn links(path: &str) -> Value {
    json!({ "self": { "href": href(path) } })
}

fn href(path: &str) -> String {
    format!("https://example.amocrm.ru/api/v4/{path}")
}

/// A page of what `found` gives; `None` when that is nothing. `path` ends in the name of the collection.
pub(super) fn page<T>(
    path: &str,
    listing: &Listing,
    found: impl Iterator<Item = T>,
    to_json: impl FnMut(T) -> Value,
) -> Option<Value> {
    let mut rest = found.skip((listing.page - 1) * listing.limit).peekable();
    let items: Vec<Value> = rest.by_ref().take(listing.limit).map(to_json).collect();
    if items.is_empty() {
        return None;
    }
    let at = |page: usize| format!("{path}?page={page}&limit={}", listing.limit);
    let mut links = links(&at(listing.page));
    if rest.peek().is_some() {
        links["next"] = json!({ "href": href(&at(listing.page + 1)) });
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    Some(json!({ "_page": listing.page, "_links": links, "_embedded": { name: items } }))
}

/// The answer to a write of many; `path` ends in the name of the collection.
pub(super) fn written(path: &str, items: &[Value]) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    json!({ "_links": links(path), "_embedded": { name: items } })
}

fn values_json(values: &Values, fields: &[Field]) -> Value {
    // The vendor gives null, not an empty list.
    if values.is_empty() {
        return Value::Null;
    }
    let filled = fields
        .iter()
        .filter_map(|field| values.get(&field.id).map(|v| (field, v)));
    filled
        .map(|(field, values)| {
            let values: Vec<Value> = values
                .iter()
                .map(|value| match value.enum_code {
                    Some(code) => {
                        let place = field.enums.iter().position(|known| *known == code).unwrap_or(0);
                        // Any number will do, if it is always the same one.
                        let enum_id = field.id * 100 + i64::try_from(place).unwrap_or(0);
                        json!({ "value": value.value, "enum_id": enum_id, "enum_code": code })
                    }
                    None => json!({ "value": value.value }),
                })
                .collect();
            json!({
                "field_id": field.id,
                "field_name": field.name,
                "field_code": field.code,
                "field_type": field.kind,
                "values": values,
            })
        })
        .collect()
}

/// A deal; `with_contacts` adds their ids, and nothing else about them.
pub(super) fn deal(account: &Account, deal: &Deal, with_contacts: bool) -> Value {
    let tags: Vec<Value> = deal
        .tags
        .iter()
        .map(|id| json!({ "id": id, "name": account.tag_name(*id), "color": null }))
        .collect();
    let mut embedded = json!({ "tags": tags, "companies": [] });
    if with_contacts {
        let contacts = deal.contacts.iter().enumerate().map(|(index, id)| {
            json!({ "id": id, "is_main": index == 0, "_links": links(&format!("contacts/{id}")) })
        });
        embedded["contacts"] = contacts.collect();
    }
    json!({
        "id": deal.id,
        "name": deal.name,
        "price": deal.price,
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "status_id": deal.status_id,
        "pipeline_id": deal.pipeline_id,
        "loss_reason_id": null,
        "created_by": 0,
        "updated_by": 0,
        "created_at": deal.created_at.as_second(),
        "updated_at": deal.updated_at.as_second(),
        "closed_at": deal.closed_at.map(jiff::Timestamp::as_second),
        "closest_task_at": null,
        "is_deleted": false,
        "custom_fields_values": values_json(&deal.values, &DEAL_FIELDS),
        "score": null,
        "account_id": ACCOUNT_ID,
        "_links": links(&format!("leads/{}", deal.id)),
        "_embedded": embedded,
    })
}

/// A contact; `with_deals` adds their ids, and nothing else about them.
pub(super) fn contact(account: &Account, contact: &Contact, with_deals: bool) -> Value {
    let mut embedded = json!({ "tags": [], "companies": [] });
    if with_deals {
        let deals = account.deals_of(contact.id);
        embedded["leads"] = deals
            .map(|deal| json!({ "id": deal.id, "_links": links(&format!("leads/{}", deal.id)) }))
            .collect();
    }
    json!({
        "id": contact.id,
        "name": contact.name,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "created_by": 0,
        "updated_by": 0,
        "created_at": contact.created_at.as_second(),
        "updated_at": contact.updated_at.as_second(),
        "closest_task_at": null,
        "is_deleted": false,
        "is_unsorted": false,
        "custom_fields_values": values_json(&contact.values, &CONTACT_FIELDS),
        "account_id": ACCOUNT_ID,
        "_links": links(&format!("contacts/{}", contact.id)),
        "_embedded": embedded,
    })
}

/// A note of a deal.
pub(super) fn note(note: &Note) -> Value {
    json!({
        "id": note.id,
        "entity_id": note.deal_id,
        "created_by": 0,
        "updated_by": 0,
        "created_at": note.created_at.as_second(),
        "updated_at": note.created_at.as_second(),
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "note_type": "common",
        "params": { "text": note.text },
        "account_id": ACCOUNT_ID,
        "_links": links(&format!("leads/{}/notes/{}", note.deal_id, note.id)),
    })
}
