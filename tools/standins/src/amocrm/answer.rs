//! amoCRM's answers: entities as `application/hal+json`, errors as `application/problem+json`.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    account::{Account, Contact, Deal, Values},
    query::Listing,
    setup::{CONTACT_FIELDS, DEAL_FIELDS, Field},
    view::{CrmNote, CrmTask},
};
use crate::control::{html_page, http_status};

#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) code: &'static str,
    /// Where, with dots: `custom_fields_values.0.field_id`.
    pub(super) path: String,
    pub(super) detail: String,
}

#[derive(Debug)]
pub(super) struct Refusal {
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

    /// `items`: what is wrong by the item's place in the request, which the vendor calls its `request_id`.
    pub(super) fn validation(items: Vec<(usize, Vec<Wrong>)>) -> Self {
        let wrong = |Wrong { code, path, detail }| json!({"code": code, "path": path, "detail": detail});
        let items = items.into_iter().map(|(place, errors)| {
            let errors: Vec<Value> = errors.into_iter().map(wrong).collect();
            json!({ "request_id": place.to_string(), "errors": errors })
        });
        Self::new("validation", 400, "Request validation failed").with("validation-errors", items.collect())
    }

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

/// A page of what `found` gives, in the collection `name`; `None` when that is nothing.
pub(super) fn page<T>(
    name: &str,
    listing: &Listing,
    found: impl Iterator<Item = T>,
    to_json: impl FnMut(T) -> Value,
) -> Option<Value> {
    let page = found.skip((listing.page - 1) * listing.limit).take(listing.limit);
    let items: Vec<Value> = page.map(to_json).collect();
    (!items.is_empty()).then(|| json!({ "_embedded": { name: items } }))
}

fn values_json(values: &Values, fields: &[Field]) -> Value {
    // The vendor gives null, not an empty list.
    if values.is_empty() {
        return Value::Null;
    }
    let filled = fields
        .iter()
        .filter_map(|field| values.get(&field.id).map(|values| (field, values)));
    filled
        .map(|(field, values)| {
            let values: Vec<Value> = values.iter().map(|value| json!({ "value": value })).collect();
            json!({ "field_id": field.id, "field_code": field.code, "values": values })
        })
        .collect()
}

pub(super) fn deal(account: &Account, deal: &Deal) -> Value {
    let open = account.tasks_of(deal.id).filter(|task| !task.is_completed);
    let closest_task_at = open.map(|task| task.complete_till).min();
    let tags: Vec<Value> = deal.tags.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "id": deal.id,
        "name": deal.name,
        "status_id": deal.status_id,
        "pipeline_id": deal.pipeline_id,
        "responsible_user_id": deal.responsible,
        "closest_task_at": closest_task_at,
        "is_deleted": false,
        "custom_fields_values": values_json(&deal.values, &DEAL_FIELDS),
        "_embedded": { "tags": tags },
    })
}

/// A contact; `with_deals` adds their ids, and nothing else about them.
pub(super) fn contact(account: &Account, contact: &Contact, with_deals: bool) -> Value {
    let mut embedded = json!({});
    if with_deals {
        let deals = account.deals_of(contact.id);
        embedded["leads"] = deals.map(|deal| json!({ "id": deal.id })).collect();
    }
    json!({
        "id": contact.id,
        "name": contact.name,
        "custom_fields_values": values_json(&contact.values, &CONTACT_FIELDS),
        "_embedded": embedded,
    })
}

pub(super) fn task(task: &CrmTask) -> Value {
    json!({
        "id": task.id,
        "responsible_user_id": task.responsible,
        "created_at": task.created_at.as_second(),
        "entity_id": task.deal_id,
        "entity_type": "leads",
        "is_completed": task.is_completed,
        "task_type_id": 1,
        "text": task.text,
        "complete_till": task.complete_till,
    })
}

pub(super) fn note(note: &CrmNote) -> Value {
    json!({ "entity_id": note.deal_id, "note_type": "common", "params": { "text": note.text } })
}
