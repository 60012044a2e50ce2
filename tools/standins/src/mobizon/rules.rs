//! What Mobizon demands of a request.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, Uri, header::CONTENT_TYPE};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{MobizonOptions, Refusal, SentSms};

/// E.164 allows 15 digits; the shortest international mobile numbers have 10.
const RECIPIENT_DIGITS: std::ops::RangeInclusive<usize> = 10..=15;
const STATUS_IDS_MAX: usize = 100;

/// The parameters of a request, in order.
#[derive(Debug, Default)]
pub(super) struct Params {
    query: Vec<(String, String)>,
    pub(super) body: Vec<(String, String)>,
}

impl Params {
    /// A body that is not `application/x-www-form-urlencoded` has no parameters: PHP, which the vendor runs,
    /// reads no other.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let is_form = content_type
            .split(';')
            .next()
            .is_some_and(|e| e.trim() == "application/x-www-form-urlencoded");
        let parse = |bytes| form_urlencoded::parse(bytes).into_owned().collect();
        let query = parse(uri.query().unwrap_or_default().as_bytes());
        Self {
            query,
            body: if is_form { parse(body) } else { Vec::new() },
        }
    }

    /// Query, then body: reading calls are documented with both.
    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .iter()
            .chain(&self.body)
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// From the query only, where the vendor's clients put what every call needs.
    fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What every call needs: a known module, `output`, `api`, `apiKey`.
pub(super) fn check_envelope(call: &str, params: &Params, api_key: &str) -> Result<(), Refusal> {
    if !matches!(call.split('/').next(), Some("message" | "user" | "alphaname")) {
        return Err(Refusal::new(4, "Incorrect module parameter."));
    }
    match params.query("output") {
        Some("json") => {}
        Some(_) => {
            return Err(Refusal::new(
                6,
                "Incorrect format parameter: output must be json.",
            ));
        }
        None => {
            return Err(Refusal::new(
                11,
                "The output parameter is missing from the query.",
            ));
        }
    }
    match params.query("api") {
        Some("v1") => {}
        Some(_) => return Err(Refusal::new(12, "The api parameter must be v1.")),
        None => return Err(Refusal::new(11, "The api parameter is missing from the query.")),
    }
    if params.query("apiKey") != Some(api_key) {
        return Err(Refusal::new(
            8,
            "The apiKey parameter is missing from the query or wrong.",
        ));
    }
    Ok(())
}

/// A message that passed the rules.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) recipient: String,
    pub(super) text: String,
    pub(super) from: Option<String>,
    pub(super) params: BTreeMap<String, String>,
}

/// Reads the body of `sendsmsmessage`; all wrong fields are named at once.
pub(super) fn message(
    body: Vec<(String, String)>,
    options: &MobizonOptions,
    now: Timestamp,
) -> Result<Message, Refusal> {
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
    let known = |from: &String| options.senders.is_empty() || options.senders.contains(from);
    if from.as_ref().is_some_and(|from| from.is_empty() || !known(from)) {
        wrong.insert("from".into(), "The sender ID is not registered.".into());
    }
    let mut params = BTreeMap::new();
    for (name, value) in fields {
        let inner = name
            .strip_prefix("params[")
            .and_then(|name| name.strip_suffix(']'));
        match inner.map(|inner| (inner, check_param(inner, &value, options.zone, now))) {
            Some((inner, Ok(()))) => {
                params.insert(inner.to_owned(), value);
            }
            Some((_, Err(why))) => {
                wrong.insert(name, why.into());
            }
            None => {
                wrong.insert(name, "The parameter is unknown.".into());
            }
        }
    }
    if wrong.is_empty() {
        return Ok(Message {
            recipient,
            text,
            from,
            params,
        });
    }
    Err(Refusal::validation(Value::Object(wrong)))
}

fn check_param(name: &str, value: &str, zone: Offset, now: Timestamp) -> Result<(), &'static str> {
    let number: Option<u32> = value.parse().ok();
    match name {
        "name" if !value.is_empty() => Ok(()),
        "name" => Err("The name is empty."),
        "shortenLinks" if matches!(number, Some(0 | 1)) => Ok(()),
        "shortenLinks" => Err("The flag must be 0 or 1."),
        "validity" if number.is_some_and(|minutes| (60..=1440).contains(&minutes)) => Ok(()),
        "validity" => Err("The validity must be 60 to 1440 minutes."),
        "deferredToTs" => {
            let at = moment(value, zone).ok_or("The format must be YYYY-MM-DD HH:MM:SS.")?;
            let wait = at.duration_since(now);
            let allowed = SignedDuration::from_hours(1)..=SignedDuration::from_hours(14 * 24);
            if allowed.contains(&wait) {
                Ok(())
            } else {
                Err("The time must be 1 hour to 14 days ahead.")
            }
        }
        _ => Err("The parameter is unknown."),
    }
}

fn moment(text: &str, zone: Offset) -> Option<Timestamp> {
    let local = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    zone.to_timestamp(local).ok()
}

/// The `ids` of `getsmsstatus`: `ids=1,2`, `ids[]=1&ids[]=2` or `ids[0]=1`.
pub(super) fn ids(params: &Params) -> Result<BTreeSet<i64>, Refusal> {
    let values = params
        .all()
        .filter(|(name, _)| *name == "ids" || name.starts_with("ids["));
    let ids: Vec<&str> = values
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .collect();
    match ids.len() {
        0 => Err(Refusal::new(2, "No message identifiers are given.")),
        1..=STATUS_IDS_MAX => Ok(ids.into_iter().filter_map(|id| id.parse().ok()).collect()),
        _ => Err(Refusal::new(12, "At most 100 message identifiers are allowed.")),
    }
}

/// The parameters of `message/list`.
#[derive(Debug)]
pub(super) struct Search {
    to: Option<String>,
    pub(super) text: Option<String>,
    from: Option<String>,
    status: Option<String>,
    created_from: Option<Timestamp>,
    created_to: Option<Timestamp>,
    pub(super) skip: usize,
    pub(super) page_size: usize,
    pub(super) newest_first: bool,
}

impl Search {
    /// Refuses what the stand-in does not filter or sort by, so that no client relies on a criterion unheard.
    pub(super) fn parse(params: &Params, zone: Offset) -> Result<Self, Refusal> {
        let mut search = Self {
            to: None,
            text: None,
            from: None,
            status: None,
            created_from: None,
            created_to: None,
            skip: 0,
            page_size: 25,
            newest_first: true,
        };
        let mut page = 0_usize;
        for (name, value) in params.all() {
            let wrong = || Refusal::new(12, format!("The value of {name} does not meet the conditions."));
            let some = || Some(value.to_owned());
            match name {
                "output" | "api" | "apiKey" | "withNumberInfo" => {}
                "criteria[to]" => search.to = some(),
                "criteria[text]" => search.text = some(),
                "criteria[from]" => search.from = some(),
                "criteria[status]" => search.status = some(),
                "criteria[campaignCreateTsFrom]" => {
                    search.created_from = Some(moment(value, zone).ok_or_else(wrong)?);
                }
                "criteria[campaignCreateTsTo]" => {
                    search.created_to = Some(moment(value, zone).ok_or_else(wrong)?);
                }
                // Numbered from 0.
                "pagination[currentPage]" => page = value.parse().map_err(|_| wrong())?,
                "pagination[pageSize]" if !matches!(value, "25" | "50" | "100") => return Err(wrong()),
                "pagination[pageSize]" => search.page_size = value.parse().map_err(|_| wrong())?,
                // All three grow together here.
                "sort[campaignId]" | "sort[startSendTs]" | "sort[statusUpdateTs]" => {
                    search.newest_first = match value {
                        "ASC" => false,
                        "DESC" => true,
                        _ => return Err(wrong()),
                    };
                }
                _ => return Err(Refusal::new(12, format!("The stand-in does not know {name}."))),
            }
        }
        search.skip = page.saturating_mul(search.page_size);
        Ok(search)
    }

    /// `to` matches a part of the number, the other criteria the whole value; moments count in whole seconds.
    pub(super) fn matches(&self, sms: &SentSms, status: &str) -> bool {
        let created = sms.accepted_at.as_second();
        self.to.as_ref().is_none_or(|to| sms.recipient.contains(to))
            && self.text.as_ref().is_none_or(|text| sms.text == *text)
            && self
                .from
                .as_ref()
                .is_none_or(|from| sms.from.as_ref() == Some(from))
            && self.status.as_ref().is_none_or(|wanted| wanted == status)
            && self.created_from.is_none_or(|from| created >= from.as_second())
            && self.created_to.is_none_or(|to| created <= to.as_second())
    }
}
