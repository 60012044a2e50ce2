//! What Resend demands of a send request: headers, fields, types, limits.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

use super::{Refusal, SentEmail};

const KEY_MAX_CHARS: usize = 256;
const RECIPIENTS_MAX: usize = 50;
const BATCH_MAX: usize = 100;
const SUPPRESSIONS_MAX: usize = 100;
const TAG_MAX_CHARS: usize = 256;
/// A longer line is refused or cut by mail servers. Source: RFC 5322, 2.1.1.
const HEADER_MAX_CHARS: usize = 990;

/// A label on an e-mail: `[A-Za-z0-9_-]`, 1–256 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

/// The body of a send: schema `SendEmailRequest` of resend.yaml, without what no client here uses (`cc`, `bcc`,
/// `reply_to`, `template`, `attachments`, `scheduled_at`, `topic_id`, and a text in the place of a list).
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
    #[serde(default)]
    headers: BTreeMap<String, String>,
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
            headers: self.headers,
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
    check_headers(&draft.headers).map_err(Refusal::invalid)
}

/// What mail servers demand of headers, beyond what the vendor does: RFC 5322 of any, RFC 2369 and RFC 8058 of those that stop
/// messages. `https` alone counts, but on this machine.
fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), &'static str> {
    for (name, value) in headers {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        let is_value = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_name || !is_value || name.len() + value.len() > HEADER_MAX_CHARS {
            return Err("The `headers` field holds what is no header.");
        }
    }
    let value = |name: &str| {
        let mut headers = headers.iter();
        headers.find_map(|(other, value)| other.eq_ignore_ascii_case(name).then_some(value.as_str()))
    };
    let (list, post) = (value("List-Unsubscribe"), value("List-Unsubscribe-Post"));
    let url = list.and_then(|list| list.strip_prefix('<')?.strip_suffix('>'));
    if list.is_some() != url.is_some_and(|url| !url.contains(['<', '>', ',', ' '])) {
        return Err("`List-Unsubscribe` must be one URL in angle brackets.");
    }
    let may_be_posted_to = ["https://", "http://127.0.0.1", "http://localhost"];
    match (post, url) {
        (None, _) => Ok(()),
        (Some("List-Unsubscribe=One-Click"), Some(url))
            if may_be_posted_to.iter().any(|start| url.starts_with(start)) =>
        {
            Ok(())
        }
        (Some(_), _) => Err("`List-Unsubscribe-Post` is `List-Unsubscribe=One-Click`, beside an https URL."),
    }
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
    fn headers_that_stop_messages_are_those_of_rfc_8058() {
        let refused = |list: &[(&str, &str)]| {
            let headers = list
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            check_headers(&headers.collect()).is_err()
        };
        let post = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        for (list, expected) in [
            (&[][..], false),
            (&[("List-Unsubscribe", "<https://a.kz/u/x>"), post], false),
            (&[("list-unsubscribe", "<https://a.kz/u/x>"), post], false),
            (
                &[("List-Unsubscribe", "<http://127.0.0.1:3000/u/x>"), post],
                false,
            ),
            (&[("List-Unsubscribe", "<mailto:stop@a.kz>")], false),
            (&[("X-Any", "text")], false),
            (&[("List-Unsubscribe", "<http://a.kz/u/x>"), post], true),
            (&[("List-Unsubscribe", "<mailto:stop@a.kz>"), post], true),
            (&[("List-Unsubscribe", "https://a.kz/u/x"), post], true),
            (&[post], true),
            (
                &[
                    ("List-Unsubscribe", "<https://a.kz/u/x>"),
                    ("List-Unsubscribe-Post", "yes"),
                ],
                true,
            ),
            (&[("X-Any", "a\r\nBcc: b")], true),
            (&[("X Any", "a")], true),
            (&[("", "a")], true),
        ] {
            assert_eq!(refused(list), expected, "{list:?}");
        }
    }

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
