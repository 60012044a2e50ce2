//! The ways a vendor can be told to fail.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lock;

/// What goes wrong with a request. In JSON: `{"mode":"slow","ms":1500}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// An error in the vendor's own format; the message is not taken.
    Status {
        /// HTTP status, 200–599. Mobizon answers most errors with 200.
        status: u16,
        /// The vendor's error name (Resend), code (Mobizon, a number as text) or `detail` (amoCRM); omitted: one
        /// that fits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Seconds, for a `retry-after` header; amoCRM says it in the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// Too many requests, in the vendor's own format; the message is not taken.
    RateLimit {
        /// Seconds, for a `retry-after` header; amoCRM says it in the body.
        retry_after: u64,
    },
    /// No answer until the client gives up, for at most two minutes; the message is not taken.
    Timeout {},
    /// The right answer, late. The message is taken at the end of the wait, also if the client has left by then.
    Slow { ms: u64 },
    /// A proxy's HTML page instead of JSON; the message is not taken.
    Html {
        /// HTTP status, 200–599; 502 unless given.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// The right answer with its body cut in half; the message is taken.
    Truncated {},
    /// The message is taken, then the connection is cut without an answer.
    AcceptThenDrop {},
    /// The connection is cut without an answer; the message is not taken.
    Drop {},
}

fn bad_gateway() -> u16 {
    502
}

/// A fault to come. In JSON the mode's fields stand beside `count`, `every` and `path`:
/// `{"mode":"status","status":500,"count":3}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    #[serde(flatten)]
    pub mode: Mode,
    /// How many more requests meet it; `None`: all, until it is cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Only every n-th request meets it; `None`: each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// Only requests whose method and path, such as `POST /api/v4/leads/complex`, contain this; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

const HELP: &str = r#"Send one object such as {"mode":"status","status":500,"count":3}; modes: status, rate_limit, timeout, slow, html, truncated, accept_then_drop, drop; count, every and path (part of POST /path) are optional"#;

impl Fault {
    pub fn times(mode: Mode, count: u32) -> Self {
        Self {
            mode,
            count: Some(count),
            every: None,
            path: None,
        }
    }

    pub fn from_json(body: &[u8]) -> Result<Self, String> {
        let help = |wrong: &dyn fmt::Display| format!("The fault was not understood: {wrong}. {HELP}.");
        let mut fields: Map<String, Value> = serde_json::from_slice(body).map_err(|e| help(&e))?;
        let count = take_positive(&mut fields, "count").map_err(|e| help(&e))?;
        let every = take_positive(&mut fields, "every").map_err(|e| help(&e))?;
        let path = match fields.remove("path") {
            None => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err(help(&"path must be text")),
        };
        // Mobizon's codes are numbers.
        if let Some(name) = fields.get_mut("name").filter(|name| name.is_number()) {
            *name = Value::String(name.to_string());
        }
        let mode = serde_json::from_value(Value::Object(fields)).map_err(|e| help(&e))?;
        if let Mode::Status { status, .. } | Mode::Html { status } = mode
            && !(200..=599).contains(&status)
        {
            return Err(help(&"status must be 200 to 599"));
        }
        Ok(Self {
            mode,
            count,
            every,
            path,
        })
    }
}

fn take_positive(fields: &mut Map<String, Value>, name: &str) -> Result<Option<u32>, String> {
    let Some(value) = fields.remove(name) else {
        return Ok(None);
    };
    let number = value
        .as_u64()
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n > 0);
    number
        .map(Some)
        .ok_or_else(|| format!("{name} must be a whole number from 1"))
}

#[derive(Debug)]
struct Pending {
    fault: Fault,
    seen: u32,
}

#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Pending>>>);

impl Faults {
    /// Adds a fault behind those already pending: each request meets the first one that applies to it.
    pub fn add(&self, fault: Fault) {
        lock(&self.0).push(Pending { fault, seen: 0 });
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Faults still pending; `count` is what is left of it.
    pub fn list(&self) -> Vec<Fault> {
        lock(&self.0)
            .iter()
            .map(|pending| pending.fault.clone())
            .collect()
    }

    pub(super) fn next(&self, method: &Method, path: &str) -> Option<Mode> {
        let call = format!("{method} {path}");
        let mut list = lock(&self.0);
        let index = list.iter_mut().position(|pending| pending.applies(&call))?;
        let fault = &mut list.get_mut(index)?.fault;
        let mode = fault.mode.clone();
        fault.count = fault.count.map(|left| left.saturating_sub(1));
        if fault.count == Some(0) {
            list.remove(index);
        }
        Some(mode)
    }
}

impl Pending {
    fn applies(&mut self, call: &str) -> bool {
        if self.fault.path.as_ref().is_some_and(|path| !call.contains(path)) {
            return false;
        }
        self.seen = self.seen.wrapping_add(1);
        self.fault.every.is_none_or(|n| self.seen.is_multiple_of(n)) && self.fault.count != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Fault, String> {
        Fault::from_json(text.as_bytes())
    }

    #[test]
    fn every_mode_reads_from_json_and_back() {
        for text in [
            r#"{"mode":"status","status":429,"name":"daily_quota_exceeded","retry_after":2,"count":3}"#,
            r#"{"mode":"rate_limit","retry_after":2}"#,
            r#"{"mode":"timeout","every":2}"#,
            r#"{"mode":"slow","ms":1500}"#,
            r#"{"mode":"html","status":200}"#,
            r#"{"mode":"truncated"}"#,
            r#"{"mode":"accept_then_drop"}"#,
            r#"{"mode":"drop"}"#,
            r#"{"mode":"drop","path":"/emails"}"#,
        ] {
            let fault = json(text).unwrap();
            assert_eq!(
                serde_json::to_value(&fault).unwrap(),
                serde_json::from_str::<Value>(text).unwrap(),
                "{text}"
            );
        }
        assert_eq!(
            json(r#"{"mode":"html"}"#).unwrap().mode,
            Mode::Html { status: 502 }
        );
        let code = json(r#"{"mode":"status","status":200,"name":14}"#).unwrap().mode;
        assert_eq!(
            code,
            Mode::Status {
                status: 200,
                name: Some("14".into()),
                retry_after: None
            }
        );
    }

    #[test]
    fn what_is_not_understood_is_answered_with_help() {
        for text in [
            "",
            "[]",
            r#"{"mode":"earthquake"}"#,
            r#"{"mode":"timeout","ms":5}"#,
            r#"{"mode":"slow"}"#,
            r#"{"mode":"drop","count":0}"#,
            r#"{"mode":"drop","every":-1}"#,
            r#"{"mode":"status","status":99}"#,
            r#"{"count":1}"#,
            r#"{"mode":"drop","path":1}"#,
        ] {
            let message = json(text).unwrap_err();
            assert!(message.contains("accept_then_drop, drop"), "{text}: {message}");
        }
    }

    #[test]
    fn count_and_every_choose_requests_and_the_first_match_wins() {
        let faults = Faults::default();
        let next = || faults.next(&Method::POST, "/emails");
        assert_eq!(next(), None);
        faults.add(Fault {
            mode: Mode::Drop {},
            count: Some(2),
            every: Some(2),
            path: None,
        });
        faults.add(Fault::times(Mode::Timeout {}, 1));
        let met: Vec<_> = (0..5).map(|_| next()).collect();
        assert_eq!(
            met,
            [
                Some(Mode::Timeout {}),
                Some(Mode::Drop {}),
                None,
                Some(Mode::Drop {}),
                None
            ]
        );
        assert_eq!(faults.list(), []);

        faults.add(Fault {
            mode: Mode::Drop {},
            count: None,
            every: None,
            path: None,
        });
        assert!((0..50).all(|_| next() == Some(Mode::Drop {})));
        faults.clear();
        assert_eq!(next(), None);
    }

    #[test]
    fn a_path_chooses_calls_and_the_others_are_not_counted() {
        let faults = Faults::default();
        faults.add(json(r#"{"mode":"drop","every":2,"path":"POST /deals"}"#).unwrap());
        let met: Vec<_> = ["/deals", "/people", "/deals/many", "/deals"]
            .iter()
            .map(|path| faults.next(&Method::POST, path))
            .collect();
        assert_eq!(met, [None, None, Some(Mode::Drop {}), None]);
        assert_eq!(faults.next(&Method::GET, "/deals"), None);
        assert_eq!(faults.next(&Method::POST, "/deals"), Some(Mode::Drop {}));
    }
}
