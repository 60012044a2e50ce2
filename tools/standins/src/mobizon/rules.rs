//! What Mobizon demands of a request.

use std::collections::BTreeMap;

use axum::http::{header::CONTENT_TYPE, request::Parts};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{Refusal, SentSms};

/// E.164 allows 15 digits; the shortest international mobile numbers have 10.
const RECIPIENT_DIGITS: std::ops::RangeInclusive<usize> = 10..=15;

#[derive(Debug)]
pub(super) struct Params {
    query: Vec<(String, String)>,
    pub(super) body: Vec<(String, String)>,
}

impl Params {
    /// A body that is not `application/x-www-form-urlencoded` has no parameters: PHP, which the vendor runs, reads no
    /// other.
    pub(super) fn read(request: &Parts, body: &[u8]) -> Self {
        let content_type = request.headers.get(CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = content_type.split(';').next().map(str::trim);
        let is_form = essence == Some("application/x-www-form-urlencoded");
        let parse = |bytes| form_urlencoded::parse(bytes).into_owned().collect();
        Self {
            query: parse(request.uri.query().unwrap_or_default().as_bytes()),
            body: if is_form { parse(body) } else { Vec::new() },
        }
    }
}

/// What every call needs: a known module, and in the query `output`, `api` and `apiKey`.
pub(super) fn check_envelope(call: &str, params: &Params, api_key: &str) -> Result<(), Refusal> {
    if !matches!(call.split('/').next(), Some("message" | "user" | "alphaname")) {
        return Err(Refusal::new(4, "Incorrect module parameter."));
    }
    for (name, expected, if_wrong, if_missing) in [
        ("output", "json", 6, 11),
        ("api", "v1", 12, 11),
        ("apiKey", api_key, 8, 8),
    ] {
        match params.query.iter().find(|(known, _)| known == name) {
            Some((_, value)) if value == expected => {}
            Some(_) => return Err(Refusal::new(if_wrong, format!("The {name} parameter is wrong."))),
            None => {
                let message = format!("The {name} parameter is missing from the query.");
                return Err(Refusal::new(if_missing, message));
            }
        }
    }
    Ok(())
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) recipient: String,
    pub(super) text: String,
    pub(super) from: Option<String>,
}

/// Reads the body of `sendsmsmessage`; all wrong fields are named at once. The vendor's `params[…]` (validity, deferred
/// sending, shortened links) are unknown here, because no client sends them.
pub(super) fn message(body: Vec<(String, String)>, senders: &[String]) -> Result<Message, Refusal> {
    let mut wrong = Map::new();
    let mut fields = BTreeMap::new();
    for (name, value) in body {
        if fields.insert(name.clone(), value).is_some() {
            wrong.insert(name, "The parameter is given twice.".into());
        }
    }
    let recipient = fields.remove("recipient").unwrap_or_default();
    if !RECIPIENT_DIGITS.contains(&recipient.len()) || !recipient.bytes().all(|b| b.is_ascii_digit()) {
        wrong.insert(
            "recipient".into(),
            "The number must be international, 10 to 15 digits only.".into(),
        );
    }
    let text = fields.remove("text").unwrap_or_default();
    if text.trim().is_empty() {
        wrong.insert("text".into(), "The text is missing.".into());
    }
    let from = fields.remove("from");
    let known = |from: &String| senders.is_empty() || senders.contains(from);
    if from.as_ref().is_some_and(|from| from.is_empty() || !known(from)) {
        wrong.insert("from".into(), "The sender ID is not registered.".into());
    }
    for name in fields.into_keys() {
        wrong.insert(name, "The parameter is unknown.".into());
    }
    if wrong.is_empty() {
        Ok(Message {
            recipient,
            text,
            from,
        })
    } else {
        Err(Refusal::validation(Value::Object(wrong)))
    }
}

/// The most of one question. Source: `getSMSStatus`.
const IDS_MAX: usize = 100;

/// The ids of `message/getsmsstatus`: `ids[]=…` each, or `ids=…` separated by commas.
pub(super) fn ids(params: &Params) -> Result<Vec<i64>, Refusal> {
    let mut ids = Vec::new();
    for (name, value) in &params.body {
        let is_list = name.starts_with("ids[") && name.ends_with(']');
        if name != "ids" && !is_list {
            return Err(Refusal::new(12, format!("The parameter {name} is unknown.")));
        }
        for id in value.split(',') {
            let id = id.trim().parse();
            ids.push(id.map_err(|_| Refusal::new(12, "An id must be a number."))?);
        }
    }
    match ids.len() {
        0 => Err(Refusal::new(2, "No message ids are given.")),
        1..=IDS_MAX => Ok(ids),
        _ => Err(Refusal::new(12, format!("At most {IDS_MAX} ids may be given."))),
    }
}

/// The parameters of `message/list`, which the stand-in sorts newest first.
#[derive(Debug)]
pub(super) struct Search {
    to: Option<String>,
    pub(super) text: Option<String>,
    pub(super) skip: usize,
    pub(super) page_size: usize,
}

impl Search {
    /// Refuses what the stand-in does not filter or sort by, so that no client relies on a criterion unheard.
    pub(super) fn parse(params: &Params) -> Result<Self, Refusal> {
        let mut search = Self {
            to: None,
            text: None,
            skip: 0,
            page_size: 25,
        };
        let mut page = 0_usize;
        for (name, value) in &params.body {
            let wrong = || Refusal::new(12, format!("The stand-in does not know {name}={value}."));
            match name.as_str() {
                "criteria[to]" => search.to = Some(value.clone()),
                "criteria[text]" => search.text = Some(value.clone()),
                // Numbered from 0.
                "pagination[currentPage]" => page = value.parse().map_err(|_| wrong())?,
                "pagination[pageSize]" if matches!(value.as_str(), "25" | "50" | "100") => {
                    search.page_size = value.parse().map_err(|_| wrong())?;
                }
                "sort[campaignId]" if value == "DESC" => {}
                _ => return Err(wrong()),
            }
        }
        search.skip = page.saturating_mul(search.page_size);
        Ok(search)
    }

    pub(super) fn matches(&self, sms: &SentSms) -> bool {
        self.to.as_ref().is_none_or(|to| sms.recipient.contains(to))
            && self.text.as_ref().is_none_or(|text| sms.text == *text)
    }
}
