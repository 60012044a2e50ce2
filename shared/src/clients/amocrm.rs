//! amoCRM v4. Contract: the vendor's developer pages, its PHP SDK, and the pages of its English twin, Kommo.
//!
//! Creating a deal has no idempotency key, so each deal carries our lead's id in a custom field. After a lost answer
//! the deal is searched by it. The caller limits the rate.

mod place;
mod tasks;
mod token;
mod wire;

pub use place::{Misplaced, place};
pub use tasks::{NewTask, Task};
pub use token::days_left;
pub use wire::{Contact, Deal, Pipeline, Status};

use super::{Answer, call, clean_name, retry_after};
use crate::config::OAuthClient;
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::ids::{ContactId, DealId, FieldId, PipelineId, StageId, UserId};
use crate::failpoint::Step;
use crate::failure::{Failure, Reaction};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// The pause after a 429 without `Retry-After`.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(10);
/// The most notes per call. Source: the vendor's recommendation for arrays.
pub const NOTES_MAX: usize = 50;
/// The most deals of one contact that are read.
const DEALS_MAX: usize = 50;

/// Won and lost: the two statuses that every pipeline has.
pub const CLOSED: [StageId; 2] = [StageId(142), StageId(143)];

/// A client of amoCRM; cheap to clone.
#[derive(Clone)]
pub struct AmoCrm {
    http: Client,
    base_url: String,
}

#[derive(Clone)]
pub struct NewDeal {
    pub name: String,
    pub pipeline: PipelineId,
    pub stage: StageId,
    pub fields: Vec<(FieldId, String)>,
    pub tags: Vec<String>,
    /// `None`: amoCRM takes the user of the token.
    pub responsible: Option<UserId>,
    pub contact: DealContact,
}

/// What changes in a deal. Everything else stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DealChange {
    pub stage: Option<(PipelineId, StageId)>,
    pub fields: Vec<(FieldId, String)>,
    /// Tags to add; the others stay.
    pub tags: Vec<String>,
}

#[derive(Clone)]
pub enum DealContact {
    Known(ContactId),
    New {
        name: Name,
        /// Becomes the field PHONE.
        phone: Phone,
        /// Becomes the field EMAIL.
        email: Email,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub deal: DealId,
    /// The contact's id, if the answer has it.
    pub contact: Option<ContactId>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    pub deal: DealId,
    pub text: String,
}

#[derive(Clone)]
pub struct Tokens {
    pub access: SecretString,
    pub refresh: SecretString,
    pub lives: Duration,
}

impl AmoCrm {
    /// A client of the account at `base_url`, `https://<subdomain>.amocrm.ru`.
    pub fn new(http: Client, base_url: impl Into<String>) -> Self {
        Self {
            http,
            base_url: base_url.into(),
        }
    }

    pub async fn pipelines(&self, token: &SecretString) -> Result<Vec<Pipeline>, Failure> {
        let answer = self
            .get(Step::AmocrmPipelines, token, "leads/pipelines", &[])
            .await?;
        parse::<wire::Pipelines>(&answer).map(|page| page.embedded.pipelines)
    }

    /// Contacts that contain `query` in any field; the caller must check for the right one.
    pub async fn find_contacts(&self, token: &SecretString, query: &str) -> Result<Vec<Contact>, Failure> {
        let query = [("query", query), ("with", "leads"), ("limit", "50")];
        let page: Option<wire::Contacts> = self
            .look(Step::AmocrmFindContacts, token, "contacts", &query)
            .await?;
        Ok(page.unwrap_or_default().embedded.contacts)
    }

    /// One contact with its deals' ids; `None` when it was deleted.
    pub async fn contact(&self, token: &SecretString, id: ContactId) -> Result<Option<Contact>, Failure> {
        let path = format!("contacts/{id}");
        match self
            .look(Step::AmocrmContact, token, &path, &[("with", "leads")])
            .await
        {
            Err(failure) if failure.status == Some(404) => Ok(None),
            found => found,
        }
    }

    /// The deals with these ids that still exist.
    pub async fn deals(&self, token: &SecretString, ids: &[DealId]) -> Result<Vec<Deal>, Failure> {
        let ids: Vec<String> = ids
            .iter()
            .rev()
            .take(DEALS_MAX)
            .map(ToString::to_string)
            .collect();
        let mut query: Vec<(&str, &str)> = ids.iter().map(|id| ("filter[id][]", id.as_str())).collect();
        query.push(("limit", "50"));
        self.deals_by(Step::AmocrmDeals, token, &query).await
    }

    /// Deals that contain `query` in name, tags or custom fields.
    pub async fn find_deals(&self, token: &SecretString, query: &str) -> Result<Vec<Deal>, Failure> {
        self.deals_by(Step::AmocrmFindDeals, token, &[("query", query), ("limit", "50")])
            .await
    }

    async fn deals_by(
        &self,
        step: Step,
        token: &SecretString,
        query: &[(&str, &str)],
    ) -> Result<Vec<Deal>, Failure> {
        let page: Option<wire::Deals> = self.look(step, token, "leads", query).await?;
        Ok(page.unwrap_or_default().embedded.leads)
    }

    pub async fn create_deal(&self, token: &SecretString, deal: &NewDeal) -> Result<Created, Failure> {
        let contact = match &deal.contact {
            DealContact::Known(id) => json!({"id": id}),
            DealContact::New { name, phone, email } => json!({
                "first_name": name.as_str(),
                "custom_fields_values": [
                    {"field_code": "PHONE", "values": [{"value": phone.as_str(), "enum_code": "WORK"}]},
                    {"field_code": "EMAIL", "values": [{"value": email.as_str(), "enum_code": "WORK"}]},
                ],
            }),
        };
        let mut embedded = json!({"contacts": [contact]});
        if !deal.tags.is_empty() {
            embedded["tags"] = wire::names(&deal.tags);
        }
        let mut body = json!({
            "name": deal.name,
            "pipeline_id": deal.pipeline,
            "status_id": deal.stage,
            "custom_fields_values": wire::fields(&deal.fields),
            "_embedded": embedded,
        });
        if let Some(user) = deal.responsible {
            body["responsible_user_id"] = json!(user);
        }
        let answer = self
            .send(
                Step::AmocrmCreateDeal,
                Method::POST,
                token,
                "leads/complex",
                &json!([body]),
            )
            .await?;
        // Only an answer with an id counts as accepted.
        let unreadable = || Failure::new(Reaction::Unknown, "amocrm created a deal without an id");
        wire::created(&answer.body).ok_or_else(unreadable)
    }

    pub async fn update_deal(
        &self,
        token: &SecretString,
        id: DealId,
        change: &DealChange,
    ) -> Result<(), Failure> {
        let mut body = json!({});
        if let Some((pipeline, stage)) = change.stage {
            body["pipeline_id"] = json!(pipeline);
            body["status_id"] = json!(stage);
        }
        if !change.fields.is_empty() {
            body["custom_fields_values"] = wire::fields(&change.fields);
        }
        if !change.tags.is_empty() {
            // `_embedded.tags` would replace those of the sales team.
            body["tags_to_add"] = wire::names(&change.tags);
        }
        self.send(
            Step::AmocrmUpdateDeal,
            Method::PATCH,
            token,
            &format!("leads/{id}"),
            &body,
        )
        .await
        .map(|_| ())
    }

    /// Writes notes on deals, at most [`NOTES_MAX`].
    pub async fn add_notes(&self, token: &SecretString, notes: &[Note]) -> Result<(), Failure> {
        let notes: Vec<Value> = notes
            .iter()
            .map(|note| json!({"entity_id": note.deal, "note_type": "common", "params": {"text": note.text}}))
            .collect();
        let answer = self
            .send(
                Step::AmocrmAddNotes,
                Method::POST,
                token,
                "leads/notes",
                &json!(notes),
            )
            .await?;
        if wire::made(&answer.body, "notes") < notes.len() {
            let reason = "amocrm wrote a note without an id";
            return Err(Failure::new(Reaction::Unknown, reason));
        }
        Ok(())
    }

    /// The texts of a deal's notes, at most 250 of them.
    pub async fn notes(&self, token: &SecretString, deal: DealId) -> Result<Vec<String>, Failure> {
        let path = format!("leads/{deal}/notes");
        let page: Option<wire::Notes> = self
            .look(Step::AmocrmNotes, token, &path, &[("limit", "250")])
            .await?;
        let notes = page.unwrap_or_default().embedded.notes.into_iter();
        Ok(notes.filter_map(|note| note.params.text).collect())
    }

    /// Exchanges a refresh token for a new pair. The old pair works until the new one is used.
    pub async fn refresh(&self, client: &OAuthClient, refresh: &SecretString) -> Result<Tokens, Failure> {
        let body = json!({
            "client_id": client.id,
            "client_secret": client.secret.expose_secret(),
            "grant_type": "refresh_token",
            "refresh_token": refresh.expose_secret(),
            "redirect_uri": client.redirect_uri,
        });
        let request = self
            .http
            .post(format!("{}/oauth2/access_token", self.base_url))
            .json(&body);
        let answer = checked(call(Step::AmocrmRefresh, request).await?)?;
        let tokens = parse::<wire::TokenPair>(&answer)?;
        Ok(Tokens {
            access: tokens.access_token.into(),
            refresh: tokens.refresh_token.into(),
            lives: Duration::from_secs(tokens.expires_in),
        })
    }

    /// As [`get`](Self::get); `None` when there is nothing: amoCRM then answers 204 with an empty body.
    async fn look<T: DeserializeOwned>(
        &self,
        step: Step,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, Failure> {
        let answer = self.get(step, token, path, query).await?;
        let none = answer.status == StatusCode::NO_CONTENT || answer.body.is_empty();
        (!none).then(|| parse(&answer)).transpose()
    }

    async fn get(
        &self,
        step: Step,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, Failure> {
        checked(call(step, self.request(Method::GET, token, path).query(query)).await?)
    }

    async fn send(
        &self,
        step: Step,
        method: Method,
        token: &SecretString,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Failure> {
        checked(call(step, self.request(method, token, path).json(body)).await?)
    }

    fn request(&self, method: Method, token: &SecretString, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/api/v4/{path}", self.base_url))
            .bearer_auth(token.expose_secret())
    }
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::new(
            Reaction::Unknown,
            "amocrm answered something else than its documentation",
        )
    })
}

/// Maps a refusal to its reaction. 429 and 403 may come as HTML, so their bodies are not parsed.
fn checked(answer: Answer) -> Result<Answer, Failure> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let status = answer.status.as_u16();
    let body: wire::Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    let reaction = match status {
        429 => {
            let in_body = body
                .retry_after
                .map(|seconds| Duration::from_secs(seconds.min(6 * 3600)));
            Reaction::Retry {
                after: in_body
                    .or(retry_after(&answer.headers))
                    .or(Some(RATE_LIMIT_PAUSE)),
            }
        }
        403 => Reaction::Block,
        401 | 402 => Reaction::Park,
        408 | 500..=599 => Reaction::Unknown,
        _ => Reaction::GiveUp,
    };
    let title = clean_name(&body.title.replace(' ', "_"));
    let reason = format!("amocrm {status} {title}").trim_end().to_owned();
    Err(Failure::new(reaction, reason).of_status(status))
}

#[cfg(test)]
mod tests;
