//! The paths under `/api/v4`.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, patch, post},
};
use serde_json::{Value, json};

use super::{
    AmoCrm,
    account::Account,
    answer::{self, Refusal, page},
    query::{Listing, TaskListing},
    rules,
    setup::{self, DEAL_FIELDS, USERS, field_json, user_json},
};

type Answered = Result<Option<Value>, Refusal>;

pub(super) fn routes() -> Router<AmoCrm> {
    Router::new()
        .route("/api/v4/account", get(show_account))
        .route("/api/v4/leads", get(list_deals))
        .route("/api/v4/leads/complex", post(add_deals))
        .route("/api/v4/leads/notes", post(add_notes))
        .route("/api/v4/leads/pipelines", get(list_pipelines))
        .route("/api/v4/leads/custom_fields", get(list_fields))
        .route("/api/v4/leads/{id}", patch(change_deal))
        .route("/api/v4/leads/{id}/notes", get(list_notes))
        .route("/api/v4/tasks", get(list_tasks).post(add_tasks))
        .route("/api/v4/users", get(list_users))
        .route("/api/v4/contacts", get(list_contacts))
        .route("/api/v4/contacts/{id}", get(show_contact))
}

fn id(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

impl AmoCrm {
    fn with(&self, work: impl FnOnce(&mut Account) -> Answered) -> Response {
        self.answer(self.0.control.with(work))
    }
}

async fn show_account() -> Response {
    answer::success(Some(&json!({ "id": 31_000_001 })))
}

async fn list_pipelines() -> Response {
    answer::success(Some(&setup::pipelines()))
}

async fn list_fields(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    crm.with(|_| {
        let listing = Listing::parse(query.as_deref(), false)?;
        Ok(page("custom_fields", &listing, DEAL_FIELDS.iter(), field_json))
    })
}

async fn list_users(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    crm.with(|_| {
        let listing = Listing::parse(query.as_deref(), false)?;
        Ok(page("users", &listing, USERS.iter(), user_json))
    })
}

async fn add_deals(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    let made = crm.0.control.with(|account| {
        let drafts = rules::new_deals(account, &body)?;
        let made = drafts.into_iter().map(|draft| {
            let (id, contact_id) = account.create_deal(draft, false);
            json!({ "id": id, "contact_id": contact_id, "merged": false })
        });
        Ok(made.collect::<Vec<Value>>())
    });
    crm.answer(made.map(|made| {
        crm.0.control.count(|stats| stats.accepted += made.len() as u64);
        Some(Value::Array(made))
    }))
}

async fn change_deal(State(crm): State<AmoCrm>, Path(deal): Path<String>, body: Bytes) -> Response {
    crm.with(|account| {
        let id = id(&deal)?;
        let draft = rules::deal_change(account, id, &body)?;
        let deal = account.deals.get_mut(&id).ok_or_else(Refusal::not_found)?;
        deal.change(draft);
        Ok(Some(json!({ "id": id })))
    })
}

async fn list_deals(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    let lag = crm.0.options.search_lag;
    crm.with(|account| {
        let listing = Listing::parse(query.as_deref(), false)?;
        Ok(page("leads", &listing, listing.deals(account, lag), |deal| {
            answer::deal(account, deal)
        }))
    })
}

async fn add_notes(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.with(|account| {
        let notes = rules::new_notes(account, &body)?;
        let written: Vec<Value> = notes
            .into_iter()
            .map(|note| {
                let deal = note.deal_id;
                json!({ "id": account.add_note(note), "entity_id": deal })
            })
            .collect();
        Ok(Some(json!({ "_embedded": { "notes": written } })))
    })
}

async fn list_notes(
    State(crm): State<AmoCrm>,
    Path(deal): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    crm.with(|account| {
        let listing = Listing::parse(query.as_deref(), false)?;
        let notes = account.notes_of(id(&deal)?);
        Ok(page("notes", &listing, notes, answer::note))
    })
}

async fn add_tasks(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.with(|account| {
        let tasks = rules::new_tasks(account, &body)?;
        let made: Vec<Value> = tasks
            .into_iter()
            .map(|task| {
                let request_id = task.request_id.clone();
                json!({ "id": account.add_task(task), "request_id": request_id })
            })
            .collect();
        Ok(Some(json!({ "_embedded": { "tasks": made } })))
    })
}

async fn list_tasks(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    crm.with(|account| {
        let listing = TaskListing::parse(query.as_deref())?;
        Ok(page("tasks", &listing.page, listing.tasks(account), answer::task))
    })
}

async fn list_contacts(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    let lag = crm.0.options.search_lag;
    crm.with(|account| {
        let listing = Listing::parse(query.as_deref(), true)?;
        let found = listing.contacts(account, lag);
        Ok(page("contacts", &listing, found, |contact| {
            answer::contact(account, contact, listing.with)
        }))
    })
}

async fn show_contact(
    State(crm): State<AmoCrm>,
    Path(contact): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    crm.with(|account| {
        let listing = Listing::parse(query.as_deref(), true)?;
        let found = account.contacts.get(&id(&contact)?);
        let found = found.ok_or_else(Refusal::not_found)?;
        Ok(Some(answer::contact(account, found, listing.with)))
    })
}
