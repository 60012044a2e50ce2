//! What Resend demands of a send request: headers, fields, types, limits.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Refusal, SentEmail};

const KEY_MAX_CHARS: usize = 256;
const RECIPIENTS_MAX: usize = 50;
const BATCH_MAX: usize = 100;
const SUPPRESSIONS_MAX: usize = 100;
const TAG_MAX_CHARS: usize = 256;

/// A label on an e-mail: `[A-Za-z0-9_-]`, 1–256 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

/// The body of a send: schema `SendEmailRequest` of resend.yaml, without what no client here uses (`cc`, `bcc`,
/// `reply_to`, `headers`, `template`, `attachments`, `scheduled_at`, `topic_id`, and a text in the place of a list).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    from: String,
    to: Vec<String>,
    subject: String,
    html: Option<String>,
    text: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Draft {
    pub(super) fn into_sent(self, key: Option<String>) -> SentEmail {
        SentEmail {
            id: Uuid::now_v7(),
            accepted_at: Timestamp::now(),
            idempotency_key: key,
            from: self.from,
            to: self.to,
            subject: self.subject,
            html: self.html,
            text: self.text,
            tags: self.tags,
        }
    }
}

fn missing(field: &str) -> Refusal {
    Refusal::new(422, "missing_required_field", format!("Missing `{field}` field."))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=KEY_MAX_CHARS).contains(&key.chars().count()) => Ok(Some(key.to_owned())),
        _ => Err(Refusal::new(
            400,
            "invalid_idempotency_key",
            "The key must be between 1-256 chars.",
        )),
    }
}

/// The addresses of `POST /suppressions/batch/add`: schema `BatchAddSuppressionsOptions` of resend.yaml.
pub(super) fn suppressions(headers: &HeaderMap, body: &[u8]) -> Result<Vec<String>, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        emails: Vec<String>,
    }
    let options: Options = serde_json::from_value(json_body(headers, body)?)
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    if !(1..=SUPPRESSIONS_MAX).contains(&options.emails.len()) {
        return Err(Refusal::invalid(format!(
            "The `emails` field must hold 1 to {SUPPRESSIONS_MAX} addresses."
        )));
    }
    if !options
        .emails
        .iter()
        .all(|entry| is_address(entry) && !entry.contains('<'))
    {
        return Err(Refusal::invalid("Invalid `emails` field."));
    }
    Ok(options.emails.iter().map(|email| email.to_lowercase()).collect())
}

/// The e-mails of a request, all of them valid: a batch is all or nothing, as in the vendor's default mode.
pub(super) fn parse(is_batch: bool, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Draft>, Refusal> {
    let body = json_body(headers, body)?;
    if !is_batch {
        return Ok(vec![draft(body)?]);
    }
    match body {
        Value::Array(list) if (1..=BATCH_MAX).contains(&list.len()) => list.into_iter().map(draft).collect(),
        _ => Err(Refusal::invalid(format!(
            "The batch must be an array of 1 to {BATCH_MAX} e-mails."
        ))),
    }
}

fn json_body(headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        let message = "The request body must be sent as application/json.";
        return Err(Refusal::new(400, "validation_error", message));
    }
    serde_json::from_slice(body)
        .map_err(|_| Refusal::new(400, "validation_error", "The request body is not valid JSON."))
}

fn draft(body: Value) -> Result<Draft, Refusal> {
    let Value::Object(fields) = &body else {
        return Err(Refusal::invalid("The e-mail must be a JSON object."));
    };
    for required in ["from", "to", "subject"] {
        if fields.get(required).is_none_or(|value| value == "") {
            return Err(missing(required));
        }
    }
    // The schema has no nullable field: an absent one must be left out.
    if let Some((field, _)) = fields.iter().find(|(_, value)| value.is_null()) {
        return Err(Refusal::invalid(format!("The `{field}` field must not be null.")));
    }
    let draft: Draft = serde_json::from_value(body).map_err(|error| Refusal::invalid(error.to_string()))?;
    check(&draft)?;
    Ok(draft)
}

fn check(draft: &Draft) -> Result<(), Refusal> {
    if draft.html.is_none() && draft.text.is_none() {
        return Err(missing("html` or `text"));
    }
    if draft.subject.contains(['\r', '\n']) {
        return Err(Refusal::invalid(
            "The `subject` field must not contain line breaks.",
        ));
    }
    if !is_address(&draft.from) {
        let message = "Invalid `from` field. It must be `email@domain.com` or `Name <email@domain.com>`.";
        return Err(Refusal::new(422, "invalid_from_address", message));
    }
    if !(1..=RECIPIENTS_MAX).contains(&draft.to.len()) {
        let message = format!("The `to` field must hold 1 to {RECIPIENTS_MAX} addresses.");
        return Err(Refusal::invalid(message));
    }
    if !draft.to.iter().all(|entry| is_address(entry)) {
        return Err(Refusal::invalid("Invalid `to` field."));
    }
    let allowed = |text: &String| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        (1..=TAG_MAX_CHARS).contains(&text.len()) && text.chars().all(is_allowed)
    };
    if !draft
        .tags
        .iter()
        .all(|tag| allowed(&tag.name) && allowed(&tag.value))
    {
        let message = "Tags should only contain ASCII letters, numbers, underscores, or dashes, 1 to 256.";
        return Err(Refusal::invalid(message));
    }
    Ok(())
}

/// Whether it is `a@b.c` or `Name <a@b.c>`. ASCII only, and a domain with a dot: narrower than RFC 5322, wide enough
/// for every real address.
fn is_address(entry: &str) -> bool {
    let bare = match entry.strip_suffix('>').map(|rest| rest.rsplit_once('<')) {
        Some(Some((name, bare))) if !name.contains(['<', '>', '\r', '\n']) => bare,
        Some(_) => return false,
        None => entry,
    };
    let Some((local, domain)) = bare.split_once('@') else {
        return false;
    };
    let local_ok = (1..=64).contains(&local.len())
        && local
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    local_ok && domain.contains('.') && domain.len() <= 253 && domain.split('.').all(label_ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_bare_or_named() {
        for entry in [
            "a@b.co",
            "OnAI Academy <NoReply@onai.academy>",
            "Иван Петров <ivan+1@mail.example.kz>",
            "<a@b.co>",
        ] {
            assert!(is_address(entry), "{entry}");
        }
        for entry in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a@",
            "a b@c.co",
            "a@b@c.co",
            "a@b..co",
            "Name a@b.co>",
            "иван@b.co",
            "a@b.co ",
        ] {
            assert!(!is_address(entry), "{entry}");
        }
    }
}
