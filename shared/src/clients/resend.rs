//! Resend: e-mails with an idempotency key, alone or in batches. Contract: `resend/resend-openapi`, and the vendor's
//! pages on errors and idempotency keys.

use super::{Answer, call, clean_name, is_id, retry_after};
use crate::config;
use crate::domain::contact::Email;
use crate::domain::delivery::State;
use crate::failpoint::Step;
use crate::failure::{Failure, Reaction};
use crate::random::jitter;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A client of Resend; cheap to clone.
#[derive(Clone)]
pub struct Resend {
    http: Client,
    url: String,
    batch_url: String,
    suppress_url: String,
    api_key: SecretString,
    repeats: u32,
}

/// The request's body, pinned in the row before the first attempt: the vendor refuses a known key with another body
/// for ever.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `Name <address>`.
    pub from: String,
    /// In JSON a list of one.
    #[serde(with = "one_address")]
    pub to: Email,
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Returned in webhooks. Characters `[A-Za-z0-9_-]`.
    pub tags: Vec<Tag>,
    /// Left out when absent: what was pinned before there were any must stay the same body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
}

/// Headers of the e-mail itself: with both, a mail client shows a button of its own that stops our e-mails. Source: RFC 8058.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    #[serde(rename = "List-Unsubscribe")]
    pub list_unsubscribe: String,
    #[serde(rename = "List-Unsubscribe-Post")]
    pub list_unsubscribe_post: String,
}

impl Headers {
    /// `url` is where the mail client posts to.
    pub fn one_click(url: &str) -> Self {
        Self {
            list_unsubscribe: format!("<{url}>"),
            list_unsubscribe_post: "List-Unsubscribe=One-Click".to_owned(),
        }
    }
}

mod one_address {
    use crate::domain::contact::Email;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(to: &Email, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([to.as_str()])
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
        let [to] = <[String; 1]>::deserialize(deserializer)?;
        Ok(Email::from_row(&to))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

#[derive(Deserialize)]
struct Problem {
    name: String,
}

/// The most e-mails of one request. Source: Resend, API reference, «Send Batch Emails».
pub const BATCH_MAX: usize = 100;

/// The most addresses of one request. Source: resend.yaml, `BatchAddSuppressionsOptions`.
pub const SUPPRESS_MAX: usize = 100;

/// A longer pause sends the work back instead of waiting within the request.
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_SPREAD: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// One e-mail is invalid, so none was sent. Sent one by one, the others can succeed.
    Member(Failure),
    /// The refusal concerns all e-mails alike.
    Batch(Failure),
}

impl Resend {
    pub fn new(http: Client, settings: &config::Resend) -> Self {
        Self {
            http,
            url: format!("{}/emails", settings.base_url),
            batch_url: format!("{}/emails/batch", settings.base_url),
            suppress_url: format!("{}/suppressions/batch/add", settings.base_url),
            api_key: settings.api_key.clone(),
            repeats: 0,
        }
    }

    /// Repeats a request up to this often after a 429 that asks for a pause of at most two seconds.
    ///
    /// Under the rate limit a waiting full batch gets through sooner than ten e-mails that come back one by one, and
    /// meanwhile the queue fills the next batch.
    #[must_use]
    pub const fn repeating(mut self, repeats: u32) -> Self {
        self.repeats = repeats;
        self
    }

    /// Sends an e-mail and returns the vendor's id. For 24 hours the same `key` (at most 256 characters) with the
    /// same e-mail sends nothing more and returns the same id.
    pub async fn send(&self, email: &Message, key: &str) -> Result<String, Failure> {
        read(&self.post(Step::ResendSend, &self.url, email, key).await?)
    }

    /// Sends at most [`BATCH_MAX`] e-mails in one request, all or none, and returns the vendor's ids in the same
    /// order. The `key` works as in [`send`](Self::send), for the same e-mails in the same order.
    pub async fn send_batch(&self, emails: &[Message], key: &str) -> Result<Vec<String>, Refused> {
        let answer = self.post(Step::ResendBatch, &self.batch_url, emails, key).await;
        read_batch(&answer.map_err(Refused::Batch)?, emails.len())
    }

    /// What became of an e-mail; `None` when nothing is known of it yet. Needs a key with full access.
    pub async fn status(&self, id: &str, within: Duration) -> Result<Option<State>, Failure> {
        // An id of ours is the vendor's own, but no path may come of it.
        if !id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Ok(None);
        }
        let request = self.http.get(format!("{}/{id}", self.url));
        let request = request.bearer_auth(self.api_key.expose_secret()).timeout(within);
        let answer = call(Step::ResendStatus, request).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(failure(&answer));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let event = body.get("last_event").and_then(Value::as_str);
        let unreadable = || Failure::new(Reaction::Unknown, "resend e-mail without its last event");
        Ok(last_state(event.ok_or_else(unreadable)?))
    }

    /// Puts addresses, at most [`SUPPRESS_MAX`], on the account's own list: nothing is sent to them any more, whoever asks.
    /// One that stands there already stays. Needs a key with full access.
    pub async fn suppress(&self, emails: &[Email], within: Duration) -> Result<(), Failure> {
        let emails: Vec<&str> = emails.iter().map(Email::as_str).collect();
        let request = self.http.post(&self.suppress_url).timeout(within);
        let request = request.bearer_auth(self.api_key.expose_secret());
        let answer = call(
            Step::ResendSuppress,
            request.json(&serde_json::json!({ "emails": emails })),
        )
        .await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(failure(&answer))
    }

    async fn post<T: Serialize + ?Sized>(
        &self,
        step: Step,
        url: &str,
        body: &T,
        key: &str,
    ) -> Result<Answer, Failure> {
        let mut left = self.repeats;
        loop {
            let request = self
                .http
                .post(url)
                .bearer_auth(self.api_key.expose_secret())
                .header("Idempotency-Key", key)
                .json(body);
            let answer = call(step, request).await?;
            match too_fast(&answer) {
                Some(pause) if left > 0 => {
                    left -= 1;
                    // Other workers wait too; the spread keeps them apart.
                    tokio::time::sleep(pause + PAUSE_SPREAD.mul_f64(jitter())).await;
                }
                _ => return Ok(answer),
            }
        }
    }
}

/// The state that an event of this name leads to, as webhooks name it behind `email.`; `None` for one that changes nothing.
/// Source: resend.yaml, «webhooks».
pub fn state_of(event: &str) -> Option<State> {
    match event {
        "delivered" => Some(State::Delivered),
        "delivery_delayed" => Some(State::Delayed),
        "bounced" => Some(State::Bounced),
        "complained" => Some(State::Complained),
        // Suppressed: Resend's own list holds the address, so it has sent nothing.
        "failed" | "suppressed" => Some(State::Undelivered),
        _ => None,
    }
}

/// The same for the last event of an e-mail, which may be one that only follows a delivery. Source: resend.yaml, `Email`.
fn last_state(event: &str) -> Option<State> {
    match event {
        "opened" | "clicked" => Some(State::Delivered),
        "canceled" => Some(State::Undelivered),
        event => state_of(event),
    }
}

/// The pause of a 429, if it is short enough to wait for.
fn too_fast(answer: &Answer) -> Option<Duration> {
    let limited = answer.status == StatusCode::TOO_MANY_REQUESTS
        && matches!(failure(answer).reaction, Reaction::Retry { .. });
    retry_after(&answer.headers).filter(|pause| limited && *pause <= PAUSE_MAX)
}

fn read(answer: &Answer) -> Result<String, Failure> {
    if !answer.status.is_success() {
        return Err(failure(answer));
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    id_of(&body).ok_or_else(|| no_id(answer))
}

/// Only for an object: serde would read a struct from a list too.
fn id_of(body: &Value) -> Option<String> {
    let id = body.get("id")?.as_str()?;
    is_id(id).then(|| id.to_owned())
}

/// Only an answer with an id counts as accepted. The key makes a repetition safe.
fn no_id(answer: &Answer) -> Failure {
    let status = answer.status.as_u16();
    Failure::new(Reaction::Unknown, format!("resend {status} without an id"))
}

fn read_batch(answer: &Answer, emails: usize) -> Result<Vec<String>, Refused> {
    if answer.status.is_success() {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let data = body.get("data").and_then(Value::as_array);
        let ids: Option<Vec<_>> = data.and_then(|data| data.iter().map(id_of).collect());
        return ids
            .filter(|ids| ids.len() == emails)
            .ok_or_else(|| Refused::Batch(no_id(answer)));
    }
    let failure = failure(answer);
    match answer.status.as_u16() {
        400 | 413 | 422 if failure.reaction == Reaction::GiveUp => Err(Refused::Member(failure)),
        _ => Err(Refused::Batch(failure)),
    }
}

fn failure(answer: &Answer) -> Failure {
    let name = serde_json::from_slice::<Problem>(&answer.body).map(|problem| clean_name(&problem.name));
    let name = name.unwrap_or_default();
    let status = answer.status.as_u16();
    let reaction = match (status, name.as_str()) {
        (429, "daily_quota_exceeded" | "monthly_quota_exceeded") => Reaction::Park,
        (429 | 503, _) | (409, "resource_locked") => Reaction::Retry {
            after: retry_after(&answer.headers),
        },
        // The first request with this key is still running: its outcome is unknown.
        (409, "concurrent_idempotent_requests") => Reaction::Unknown,
        // A key, a permission or a domain that only a human can repair.
        (401..=403, _) => Reaction::Park,
        (500..=599 | 408, _) => Reaction::Unknown,
        _ => Reaction::GiveUp,
    };
    let what = if name.is_empty() {
        String::new()
    } else {
        format!(" {name}")
    };
    Failure::new(reaction, format!("resend {status}{what}")).of_status(status)
}

#[cfg(test)]
mod tests;
