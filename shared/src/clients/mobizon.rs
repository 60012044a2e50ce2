//! Mobizon (Kazakhstan). Contract: `mobizon/mobizon-api-docs` and the vendor's PHP client. There is no idempotency
//! key, so a message of unknown outcome is looked up before it is sent again.

use super::{Answer, CALL_TIMEOUT, call, retry_after};
use crate::config;
use crate::domain::contact::Phone;
use crate::domain::delivery::State;
use crate::failpoint::Step;
use crate::failure::{Failure, Reaction};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The pause after code 30. The vendor gives no figure for its rate limit.
const RATE_LIMIT_PAUSE: Duration = Duration::from_mins(1);
/// The largest page of `message/list`.
const PAGE_SIZE: &str = "100";
/// A thousand messages: more than one number ever gets. A longer list counts as no answer.
const PAGES_MAX: usize = 10;

/// The most messages of one question. Source: Mobizon, «Retrieving SMS delivery status report».
pub const STATUSES_MAX: usize = 100;

/// A client of Mobizon; cheap to clone.
#[derive(Clone)]
pub struct Mobizon {
    http: Client,
    base_url: String,
    api_key: SecretString,
    sender: Option<String>,
}

/// An SMS as sent. It is pinned in the row, because a look-up compares the text exactly.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sms {
    /// In JSON: digits with the country code, `77001234567`.
    #[serde(with = "digits")]
    pub recipient: Phone,
    pub text: String,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: String,
    /// With its reason; `None`: nothing final is known.
    pub state: Option<(State, String)>,
}

mod digits {
    use crate::domain::contact::Phone;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(phone: &Phone, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(phone.digits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Phone, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Ok(Phone::from_row(&format!("+{digits}")))
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(deserialize_with = "number")]
    code: i64,
    #[serde(default)]
    data: Value,
}

/// The documentation shows integers; published samples show strings.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    as_number(&value).ok_or_else(|| serde::de::Error::custom("neither a number nor a string of digits"))
}

/// A message id; 0 means none.
fn as_id(value: &Value) -> Option<String> {
    as_number(value).filter(|id| *id > 0).map(|id| id.to_string())
}

/// An amount of money: `"190.4280"` in the documentation.
fn as_amount(value: &Value) -> Option<f64> {
    let amount = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    // Rust parses "NaN" and "inf" as numbers, which JSON cannot hold.
    amount.filter(|amount: &f64| amount.is_finite())
}

fn as_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

impl Mobizon {
    pub fn new(http: Client, settings: &config::Mobizon) -> Self {
        Self {
            http,
            base_url: settings.base_url.clone(),
            api_key: settings.api_key.clone(),
            sender: settings.sender.clone(),
        }
    }

    pub async fn send(&self, sms: &Sms) -> Result<String, Failure> {
        let mut form = vec![("recipient", sms.recipient.digits()), ("text", sms.text.as_str())];
        form.extend(self.sender.as_deref().map(|sender| ("from", sender)));
        let answer = call(
            Step::MobizonSend,
            self.method("message/sendsmsmessage").form(&form),
        )
        .await?;
        let data = read(&answer)?;
        let id = data.get("messageId").and_then(as_id);
        id.ok_or_else(|| Failure::new(Reaction::Unknown, "mobizon code 0 without a message id"))
    }

    /// The id of a message with exactly this recipient and text; `None` when the list has none.
    ///
    /// The list may lag behind accepted messages. Reading all pages takes no longer than one call may.
    pub async fn find(&self, sms: &Sms) -> Result<Option<String>, Failure> {
        let search = tokio::time::timeout(CALL_TIMEOUT, self.search(sms));
        let timeout = Failure::new(Reaction::Unknown, "mobizon timeout");
        search.await.unwrap_or(Err(timeout))
    }

    /// The account's balance, in units of its currency.
    pub async fn balance(&self) -> Result<f64, Failure> {
        let data = read(&call(Step::MobizonBalance, self.method("user/getownbalance")).await?)?;
        let amount = data.get("balance").and_then(as_amount);
        amount.ok_or_else(|| Failure::new(Reaction::Unknown, "mobizon balance without a number"))
    }

    /// What became of messages, at most [`STATUSES_MAX`]. One that the account does not have is left out. `within` bounds the
    /// call.
    pub async fn statuses(&self, ids: &[String], within: Duration) -> Result<Vec<Status>, Failure> {
        let ids = ids.join(",");
        let request = self.method("message/getsmsstatus").form(&[("ids", ids)]);
        let data = read(&call(Step::MobizonStatuses, request.timeout(within)).await?)?;
        let list = data
            .as_array()
            .ok_or_else(|| Failure::new(Reaction::Unknown, "mobizon statuses without a list"))?;
        Ok(list.iter().filter_map(status).collect())
    }

    /// Reads page by page until it finds the message. Only a list read to its end proves that the message is absent.
    async fn search(&self, sms: &Sms) -> Result<Option<String>, Failure> {
        let unreadable = |what: &str| Failure::new(Reaction::Unknown, format!("mobizon {what}"));
        let mut seen = 0;
        for number in 0..PAGES_MAX {
            let page = self.page(sms, number).await?;
            let Some(items) = page.get("items").and_then(Value::as_array) else {
                return Err(unreadable("list without items"));
            };
            // The vendor only promises to filter; another person's message must never pass for ours.
            if let Some(ours) = items.iter().find(|item| is_ours(item, sms)) {
                let id = ours.get("id").and_then(as_id);
                return id.map(Some).ok_or_else(|| unreadable("list item without an id"));
            }
            seen += items.len();
            let total = page.get("totalItemCount").and_then(as_number);
            match total.map(|total| usize::try_from(total).unwrap_or(usize::MAX)) {
                Some(total) if seen >= total => return Ok(None),
                Some(_) if items.is_empty() => return Err(unreadable("list ends before its total")),
                None if items.is_empty() => return Ok(None),
                _ => {}
            }
        }
        Err(unreadable("list is too long"))
    }

    async fn page(&self, sms: &Sms, number: usize) -> Result<Value, Failure> {
        let number = number.to_string();
        let form = [
            ("criteria[to]", sms.recipient.digits()),
            ("criteria[text]", sms.text.as_str()),
            // Newest first: a new message moves others to later pages, never to one already read.
            ("sort[campaignId]", "DESC"),
            ("pagination[currentPage]", number.as_str()),
            ("pagination[pageSize]", PAGE_SIZE),
        ];
        read(&call(Step::MobizonList, self.method("message/list").form(&form)).await?)
    }

    fn method(&self, path: &str) -> RequestBuilder {
        self.http
            .post(format!("{}/service/{path}", self.base_url))
            .query(&[
                ("output", "json"),
                ("api", "v1"),
                ("apiKey", self.api_key.expose_secret()),
            ])
    }
}

fn status(item: &Value) -> Option<Status> {
    let word = item.get("status").and_then(Value::as_str).unwrap_or_default();
    let word = word.trim();
    Some(Status {
        id: item.get("id").and_then(as_id)?,
        state: state_of(word).map(|state| (state, format!("mobizon {word}"))),
    })
}

/// Of the words of «List of possible SMS statuses» the final ones.
fn state_of(status: &str) -> Option<State> {
    match status {
        "DELIVRD" => Some(State::Delivered),
        "EXPIRED" => Some(State::Expired),
        "UNDELIV" | "REJECTD" | "DELETED" => Some(State::Undelivered),
        _ => None,
    }
}

fn is_ours(item: &Value, sms: &Sms) -> bool {
    item.get("text").and_then(Value::as_str) == Some(&sms.text)
        && item
            .get("to")
            .is_some_and(|to| same_digits(to, sms.recipient.digits()))
}

fn same_digits(value: &Value, recipient: &str) -> bool {
    as_number(value).is_some_and(|number| number.to_string() == recipient)
}

/// Like the vendor's own clients, it ignores the HTTP status and branches on `code` when there is one.
fn read(answer: &Answer) -> Result<Value, Failure> {
    let status = answer.status.as_u16();
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&answer.body) else {
        let (reaction, what) = match status {
            429 => (
                Reaction::Retry {
                    after: retry_after(&answer.headers),
                },
                "rate limit",
            ),
            401..=403 => (Reaction::Park, "refused"),
            _ => (Reaction::Unknown, "no JSON"),
        };
        return Err(Failure::new(reaction, format!("mobizon {status} {what}")).of_status(status));
    };
    let reaction = match envelope.code {
        0 | 100 if status < 500 => return Ok(envelope.data),
        30 => Reaction::Retry {
            after: Some(retry_after(&answer.headers).unwrap_or(RATE_LIMIT_PAUSE)),
        },
        // A key, an account, a domain or a permission that only a human can repair.
        8 | 9 | 13 | 14 => Reaction::Park,
        // A parameter that is not accepted: the number itself, when `data` names it.
        1 | 12 if envelope.data.get("recipient").is_some() => Reaction::Undeliverable,
        1 | 2 | 4 | 5 | 6 | 11 | 12 | 99 => Reaction::GiveUp,
        // 3, 10, 15, 98, 999 and anything new: it may have been sent.
        _ => Reaction::Unknown,
    };
    Err(Failure::new(reaction, format!("mobizon code {}", envelope.code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reaction(status: u16, body: &str) -> Reaction {
        read(&Answer::new(status, body)).unwrap_err().reaction
    }

    #[test]
    fn every_documented_code_has_its_reaction() {
        let with = |code: i64| {
            reaction(
                200,
                &format!(r#"{{"code":{code},"data":[],"message":"77001234567"}}"#),
            )
        };
        assert_eq!(
            with(30),
            Reaction::Retry {
                after: Some(RATE_LIMIT_PAUSE)
            }
        );
        for code in [8, 9, 13, 14] {
            assert_eq!(with(code), Reaction::Park, "{code}");
        }
        for code in [1, 2, 4, 5, 6, 11, 12, 99] {
            assert_eq!(with(code), Reaction::GiveUp, "{code}");
        }
        let refused =
            |code: i64| format!(r#"{{"code":{code},"data":{{"recipient":["wrong"]}},"message":""}}"#);
        for code in [1, 12] {
            assert_eq!(reaction(200, &refused(code)), Reaction::Undeliverable, "{code}");
        }
        for code in [3, 10, 15, 98, 999, 777] {
            assert_eq!(with(code), Reaction::Unknown, "{code}");
        }
    }

    #[test]
    fn a_status_is_final_or_not_and_ids_come_in_both_types() {
        let read =
            |item: &Value| status(item).map(|status| (status.id, status.state.map(|(state, _)| state)));
        let of = |word: &str| read(&json!({"id": 7, "status": word})).unwrap().1;
        assert_eq!(of("DELIVRD"), Some(State::Delivered));
        assert_eq!(of("EXPIRED"), Some(State::Expired));
        for word in ["UNDELIV", "REJECTD", "DELETED"] {
            assert_eq!(of(word), Some(State::Undelivered), "{word}");
        }
        for word in [
            "NEW", "ENQUEUD", "ACCEPTD", "PDLIVRD", "", " ", "delivrd", "LATER",
        ] {
            assert_eq!(of(word), None, "{word}");
        }
        let text = json!({"id": "7", "status": " DELIVRD ", "segNum": null, "startSendTs": " "});
        assert_eq!(read(&text), Some(("7".to_owned(), Some(State::Delivered))));
        assert_eq!(
            read(&json!({"id": "7", "status": null})),
            Some(("7".to_owned(), None))
        );
        for odd in [
            json!({"status": "DELIVRD"}),
            json!({"id": 0}),
            json!(null),
            json!("DELIVRD"),
        ] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_not_the_vendors_json_is_unknown() {
        for (status, body) in [
            (200, "<html>"),
            (502, ""),
            (200, r#"{"code":0,"da"#),
            (500, r#"{"code":0}"#),
        ] {
            assert_eq!(reaction(status, body), Reaction::Unknown, "{status} {body}");
        }
        assert_eq!(reaction(429, "<html>"), Reaction::Retry { after: None });
        assert_eq!(reaction(403, "<html>"), Reaction::Park);
    }

    #[test]
    fn a_balance_comes_as_a_string_or_as_a_number() {
        assert_eq!(as_amount(&json!("190.4280")), Some(190.428));
        assert_eq!(as_amount(&json!(190)), Some(190.0));
        assert_eq!(as_amount(&json!("-3.5")), Some(-3.5));
        for none in [json!("NaN"), json!("inf"), json!(""), json!("much"), json!(null)] {
            assert_eq!(as_amount(&none), None, "{none}");
        }
    }

    #[test]
    fn ids_come_as_numbers_and_as_strings() {
        for body in [
            r#"{"code":0,"data":{"messageId":7}}"#,
            r#"{"code":"0","data":{"messageId":"7"}}"#,
        ] {
            let data = read(&Answer::new(200, body)).unwrap();
            assert_eq!(
                data.get("messageId").and_then(as_id).as_deref(),
                Some("7"),
                "{body}"
            );
        }
        for none in [
            json!(0),
            json!("0"),
            json!(-7),
            json!("x"),
            json!(null),
            json!(7.5),
        ] {
            assert_eq!(as_id(&none), None, "{none}");
        }
    }
}
