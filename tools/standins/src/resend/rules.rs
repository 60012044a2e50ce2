//! What Resend demands of a send request: headers, fields, types, limits.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Refusal, SentEmail};

const KEY_MAX_CHARS: usize = 256;
const RECIPIENTS_MAX: usize = 50;
const BATCH_MAX: usize = 100;
const TAG_MAX_CHARS: usize = 256;

/// A label on an e-mail: `[A-Za-z0-9_-]`, 1–256 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A file attached to an e-mail: `content` in base64, or a `path` to fetch it from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Content, base64.
    pub content: Option<String>,
    /// File name.
    pub filename: Option<String>,
    /// Address of the file.
    pub path: Option<String>,
    /// MIME type.
    pub content_type: Option<String>,
    /// Id for `cid:` references.
    pub content_id: Option<String>,
}

/// A published template and its variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Template id.
    pub id: String,
    /// Strings and numbers by name.
    #[serde(default)]
    pub variables: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// The body of a send: schema `SendEmailRequest` of resend.yaml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    from: String,
    to: OneOrMany,
    subject: String,
    cc: Option<OneOrMany>,
    bcc: Option<OneOrMany>,
    reply_to: Option<OneOrMany>,
    html: Option<String>,
    text: Option<String>,
    template: Option<Template>,
    headers: Option<BTreeMap<String, String>>,
    scheduled_at: Option<String>,
    attachments: Option<Vec<Attachment>>,
    tags: Option<Vec<Tag>>,
    topic_id: Option<String>,
}

impl Draft {
    pub(super) fn into_sent(self, id: Uuid, accepted_at: Timestamp, key: Option<String>) -> SentEmail {
        let many = |list: Option<OneOrMany>| list.map(OneOrMany::into_vec).unwrap_or_default();
        SentEmail {
            id,
            accepted_at,
            idempotency_key: key,
            from: self.from,
            to: self.to.into_vec(),
            cc: many(self.cc),
            bcc: many(self.bcc),
            reply_to: many(self.reply_to),
            subject: self.subject,
            html: self.html,
            text: self.text,
            headers: self.headers.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
            attachments: self.attachments.unwrap_or_default(),
            template: self.template,
            scheduled_at: self.scheduled_at,
            topic_id: self.topic_id,
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(422, "invalid_parameter", message)
}

fn missing(field: &str) -> Refusal {
    Refusal::new(422, "missing_required_field", format!("Missing `{field}` field."))
}

/// The request's key, if it has one.
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

/// The e-mails of a request, all of them valid: a batch is all or nothing, as in the vendor's default mode.
pub(super) fn parse(
    single: bool,
    headers: &HeaderMap,
    body: &[u8],
    reject_example_domains: bool,
) -> Result<Vec<Draft>, Refusal> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if content_type
        .split(';')
        .next()
        .is_none_or(|essence| essence.trim() != "application/json")
    {
        let message = "The request body must be sent as application/json.";
        return Err(Refusal::new(400, "validation_error", message));
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(400, "validation_error", "The request body is not valid JSON."))?;
    if single {
        return Ok(vec![draft(body, reject_example_domains)?]);
    }
    // The permissive mode takes the good and lists the bad; nobody here uses it.
    if headers
        .get("x-batch-validation")
        .is_some_and(|mode| mode != "strict")
    {
        return Err(invalid("The stand-in knows only `x-batch-validation: strict`."));
    }
    match body {
        Value::Array(list) if (1..=BATCH_MAX).contains(&list.len()) => list
            .into_iter()
            .map(|item| draft(item, reject_example_domains))
            .collect(),
        _ => Err(invalid(format!(
            "The batch must be an array of 1 to {BATCH_MAX} e-mails."
        ))),
    }
}

fn draft(body: Value, reject_example_domains: bool) -> Result<Draft, Refusal> {
    let Value::Object(fields) = &body else {
        return Err(invalid("The e-mail must be a JSON object."));
    };
    for required in ["from", "to", "subject"] {
        if fields.get(required).is_none_or(|value| value == "") {
            return Err(missing(required));
        }
    }
    // The schema has no nullable field: an absent one must be left out.
    if let Some((field, _)) = fields.iter().find(|(_, value)| value.is_null()) {
        return Err(invalid(format!("The `{field}` field must not be null.")));
    }
    let draft: Draft = serde_json::from_value(body).map_err(|error| invalid(error.to_string()))?;
    check_body(&draft)?;
    check_addresses(&draft, reject_example_domains)?;
    check_extras(&draft)?;
    Ok(draft)
}

fn check_body(draft: &Draft) -> Result<(), Refusal> {
    let has_text = draft.html.is_some() || draft.text.is_some();
    match draft.template {
        Some(_) if has_text => Err(invalid("Do not include `html` or `text` with a `template`.")),
        None if !has_text => Err(missing("html` or `text")),
        _ if draft.subject.contains(['\r', '\n']) => {
            Err(invalid("The `subject` field must not contain line breaks."))
        }
        _ => Ok(()),
    }
}

fn check_addresses(draft: &Draft, reject_example_domains: bool) -> Result<(), Refusal> {
    if address(&draft.from).is_none() {
        let message = "Invalid `from` field. It must be `email@domain.com` or `Name <email@domain.com>`.";
        return Err(Refusal::new(422, "invalid_from_address", message));
    }
    let lists = [
        ("cc", &draft.cc),
        ("bcc", &draft.bcc),
        ("reply_to", &draft.reply_to),
    ];
    let lists = lists
        .into_iter()
        .filter_map(|(field, list)| list.as_ref().map(|list| (field, list)));
    for (field, list) in lists.chain([("to", &draft.to)]) {
        let list = match list {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many.as_slice(),
        };
        // The schema bounds only `to`.
        if field == "to" && !(1..=RECIPIENTS_MAX).contains(&list.len()) {
            return Err(invalid(format!(
                "The `to` field must hold 1 to {RECIPIENTS_MAX} addresses."
            )));
        }
        for entry in list {
            let Some(address) = address(entry) else {
                return Err(invalid(format!("Invalid `{field}` field.")));
            };
            if reject_example_domains && field != "reply_to" && address.ends_with("@example.com") {
                let message = format!(
                    "Invalid `{field}` field. Please use our testing email address instead of domains like `example.com`."
                );
                return Err(Refusal::new(422, "validation_error", message));
            }
        }
    }
    Ok(())
}

/// The bare address, lower case, of `a@b.c` or `Name <a@b.c>`. ASCII only, and a domain with a dot: narrower than
/// RFC 5322, wide enough for every real address.
fn address(entry: &str) -> Option<String> {
    let bare = match entry.strip_suffix('>') {
        Some(rest) => {
            let (name, bare) = rest.rsplit_once('<')?;
            if name.contains(['<', '>', '\r', '\n']) {
                return None;
            }
            bare
        }
        None => entry,
    };
    let (local, domain) = bare.split_once('@')?;
    let local_ok = (1..=64).contains(&local.len())
        && local
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let domain_ok = domain.contains('.') && domain.len() <= 253 && domain.split('.').all(label_ok);
    (local_ok && domain_ok).then(|| bare.to_ascii_lowercase())
}

fn check_extras(draft: &Draft) -> Result<(), Refusal> {
    let allowed = |text: &str| {
        (1..=TAG_MAX_CHARS).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    for tag in draft.tags.iter().flatten() {
        if !allowed(&tag.name) || !allowed(&tag.value) {
            let message =
                "Tags should only contain ASCII letters, numbers, underscores, or dashes, 1 to 256.";
            return Err(invalid(message));
        }
    }
    for attachment in draft.attachments.iter().flatten() {
        if attachment.content.is_some() == attachment.path.is_some() {
            let message = "An attachment must have either `content` or `path`.";
            return Err(Refusal::new(422, "invalid_attachment", message));
        }
    }
    if draft
        .scheduled_at
        .as_ref()
        .is_some_and(|at| at.parse::<Timestamp>().is_err())
    {
        return Err(invalid(
            "The `scheduled_at` field must be an ISO 8601 date with a zone.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_bare_or_named() {
        for (entry, bare) in [
            ("a@b.co", "a@b.co"),
            ("OnAI Academy <NoReply@onai.academy>", "noreply@onai.academy"),
            ("Иван Петров <ivan+1@mail.example.kz>", "ivan+1@mail.example.kz"),
            ("<a@b.co>", "a@b.co"),
        ] {
            assert_eq!(address(entry).as_deref(), Some(bare), "{entry}");
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
            assert_eq!(address(entry), None, "{entry}");
        }
    }
}
