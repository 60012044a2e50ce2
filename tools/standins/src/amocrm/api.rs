//! The paths under `/api/v4`.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    AmoCrm,
    account::Account,
    answer::{self, Refusal, links, page, written},
    query::Listing,
    rules::{self, Write},
    setup::{self, DEAL_FIELDS, field_json, status_name},
};

type Outcome = Result<Option<Value>, Refusal>;

pub(super) fn routes() -> Router<AmoCrm> {
    Router::new()
        .route("/api/v4/account", get(show_account))
        .route(
            "/api/v4/leads",
            get(list_deals).post(add_deals).patch(change_deals),
        )
        .route("/api/v4/leads/complex", post(add_complex))
        .route("/api/v4/leads/notes", post(add_notes))
        .route("/api/v4/leads/pipelines", get(list_pipelines))
        .route("/api/v4/leads/custom_fields", get(list_fields))
        .route("/api/v4/leads/tags", get(list_tags))
        .route("/api/v4/leads/{id}", get(show_deal).patch(change_deal))
        .route("/api/v4/leads/{id}/notes", get(list_notes).post(add_notes_to))
        .route(
            "/api/v4/contacts",
            get(list_contacts).post(add_contacts).patch(change_contacts),
        )
        .route("/api/v4/contacts/{id}", get(show_contact).patch(change_contact))
}

/// Whatever is no number is no one's id.
fn id(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

impl AmoCrm {
    fn read(&self, work: impl FnOnce(&Account) -> Outcome) -> Response {
        self.answer(self.0.desk.with(|account| work(account)))
    }

    fn add_deals(&self, body: &[u8], write: Write) -> Outcome {
        let (items, told) = self.0.desk.with(|account| -> Result<_, Refusal> {
            let (mut items, mut told) = (Vec::new(), Vec::new());
            for draft in rules::deals(account, body, write)? {
                let request_id = draft.request_id.clone();
                let (pipeline_id, status_id) = draft.place.unwrap_or_default();
                let (id, contact_id) = account.create_deal(draft, false);
                told.push(format!(
                    "deal {id} made in «{}»",
                    status_name(pipeline_id, status_id)
                ));
                items.push(match write {
                    Write::Complex => json!({
                        "id": id,
                        "contact_id": contact_id,
                        "company_id": null,
                        "request_id": [request_id],
                        "merged": false,
                    }),
                    _ => {
                        json!({ "id": id, "request_id": request_id, "_links": links(&format!("leads/{id}")) })
                    }
                });
            }
            Ok((items, told))
        })?;
        self.0.desk.accepted(items.len() as u64);
        for line in told {
            self.0.desk.tell(line);
        }
        Ok(Some(match write {
            Write::Complex => Value::Array(items),
            _ => written("leads", &items),
        }))
    }

    fn change_deals(&self, body: &[u8], write: Write) -> Outcome {
        let changed = self.0.desk.with(|account| -> Result<_, Refusal> {
            let mut changed = Vec::new();
            for draft in rules::deals(account, body, write)? {
                let id = draft.id;
                account.change_deal(id, draft);
                changed.extend(account.deals.get(&id).map(|deal| {
                    let line = format!(
                        "deal {id} changed, in «{}»",
                        status_name(deal.pipeline_id, deal.status_id)
                    );
                    (id, deal.updated_at.as_second(), line)
                }));
            }
            Ok(changed)
        })?;
        let items = changed.into_iter().map(|(id, updated_at, line)| {
            self.0.desk.tell(line);
            json!({ "id": id, "updated_at": updated_at, "_links": links(&format!("leads/{id}")) })
        });
        Ok(changes("leads", items.collect(), write))
    }

    fn write_contacts(&self, body: &[u8], write: Write) -> Outcome {
        let ids = self.0.desk.with(|account| -> Result<_, Refusal> {
            let mut ids = Vec::new();
            for draft in rules::contacts(account, body, write)? {
                let (mut id, request_id) = (draft.id, draft.request_id.clone());
                if write == Write::Add {
                    id = account.create_contact(draft, false);
                } else {
                    account.change_contact(id, draft);
                }
                let updated_at = account.contacts.get(&id).map(|c| c.updated_at.as_second());
                ids.push((id, request_id, updated_at));
            }
            Ok(ids)
        })?;
        let items = ids.into_iter().map(|(id, request_id, updated_at)| {
            let links = links(&format!("contacts/{id}"));
            if write == Write::Add {
                self.0.desk.tell(format!("contact {id} made"));
                json!({ "id": id, "request_id": request_id, "_links": links })
            } else {
                self.0.desk.tell(format!("contact {id} changed"));
                json!({ "id": id, "updated_at": updated_at, "_links": links })
            }
        });
        Ok(changes("contacts", items.collect(), write))
    }

    fn add_notes(&self, body: &[u8], deal: Option<i64>) -> Outcome {
        let written_notes = self.0.desk.with(|account| -> Result<_, Refusal> {
            let drafts = rules::notes(account, body, deal)?;
            let notes = drafts.into_iter().map(|draft| {
                let (deal_id, request_id) = (draft.deal_id, draft.request_id.clone());
                (account.create_note(draft), deal_id, request_id)
            });
            Ok(notes.collect::<Vec<_>>())
        })?;
        let items = written_notes.into_iter().map(|(id, deal_id, request_id)| {
            self.0.desk.tell(format!("note on deal {deal_id}"));
            json!({
                "id": id,
                "entity_id": deal_id,
                "request_id": request_id,
                "_links": links(&format!("leads/{deal_id}/notes/{id}")),
            })
        });
        let path = deal.map_or_else(|| "leads/notes".to_owned(), |id| format!("leads/{id}/notes"));
        let items: Vec<Value> = items.collect();
        Ok(Some(written(&path, &items)))
    }
}

/// The answer to a change: of one, that one.
fn changes(path: &str, mut items: Vec<Value>, write: Write) -> Option<Value> {
    match write {
        Write::ChangeOne(_) => items.pop(),
        _ => Some(written(path, &items)),
    }
}

async fn add_complex(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.add_deals(&body, Write::Complex))
}

async fn add_deals(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.add_deals(&body, Write::Add))
}

async fn change_deals(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.change_deals(&body, Write::Change))
}

async fn change_deal(State(crm): State<AmoCrm>, Path(deal): Path<String>, body: Bytes) -> Response {
    crm.answer(id(&deal).and_then(|id| crm.change_deals(&body, Write::ChangeOne(id))))
}

async fn add_contacts(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.write_contacts(&body, Write::Add))
}

async fn change_contacts(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.write_contacts(&body, Write::Change))
}

async fn change_contact(State(crm): State<AmoCrm>, Path(contact): Path<String>, body: Bytes) -> Response {
    crm.answer(id(&contact).and_then(|id| crm.write_contacts(&body, Write::ChangeOne(id))))
}

async fn add_notes(State(crm): State<AmoCrm>, body: Bytes) -> Response {
    crm.answer(crm.add_notes(&body, None))
}

async fn add_notes_to(State(crm): State<AmoCrm>, Path(deal): Path<String>, body: Bytes) -> Response {
    crm.answer(id(&deal).and_then(|id| crm.add_notes(&body, Some(id))))
}

async fn show_account() -> Response {
    answer::success(Some(&setup::account()))
}

async fn list_pipelines() -> Response {
    answer::success(Some(&setup::pipelines()))
}

async fn list_deals(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    let lag = crm.0.options.search_lag;
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "contacts")?;
        let found = listing.deals(account, lag);
        let to_json = |deal| answer::deal(account, deal, listing.with);
        Ok(page("leads", &listing, found, to_json))
    })
}

async fn show_deal(
    State(crm): State<AmoCrm>,
    Path(deal): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "contacts")?;
        let found = account.deals.get(&id(&deal)?).ok_or_else(Refusal::not_found)?;
        Ok(Some(answer::deal(account, found, listing.with)))
    })
}

async fn list_contacts(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    let lag = crm.0.options.search_lag;
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "leads")?;
        let found = listing.contacts(account, lag);
        let to_json = |contact| answer::contact(account, contact, listing.with);
        Ok(page("contacts", &listing, found, to_json))
    })
}

async fn show_contact(
    State(crm): State<AmoCrm>,
    Path(contact): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "leads")?;
        let found = account.contacts.get(&id(&contact)?);
        let found = found.ok_or_else(Refusal::not_found)?;
        Ok(Some(answer::contact(account, found, listing.with)))
    })
}

async fn list_notes(
    State(crm): State<AmoCrm>,
    Path(deal): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "")?;
        let id = id(&deal)?;
        let path = format!("leads/{id}/notes");
        Ok(page(&path, &listing, account.notes_of(id), answer::note))
    })
}

async fn list_fields(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    crm.read(|_| {
        let listing = Listing::parse(query.as_deref(), "")?;
        Ok(page(
            "leads/custom_fields",
            &listing,
            DEAL_FIELDS.iter(),
            field_json,
        ))
    })
}

async fn list_tags(State(crm): State<AmoCrm>, RawQuery(query): RawQuery) -> Response {
    crm.read(|account| {
        let listing = Listing::parse(query.as_deref(), "")?;
        let to_json = |(id, name)| json!({ "id": id, "name": name, "color": null });
        Ok(page("leads/tags", &listing, listing.tags(account), to_json))
    })
}
