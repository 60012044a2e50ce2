//! Resend's memory of idempotency keys. The vendor forgets a key after 24 hours, the stand-in never.

use std::{collections::HashMap, sync::Mutex};

use serde_json::Value;

use super::Refusal;
use crate::lock;

#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<HashMap<String, Known>>);

#[derive(Debug)]
enum Known {
    InFlight,
    Done {
        path: String,
        body: Vec<u8>,
        answer: Value,
    },
}

#[derive(Debug)]
pub(super) enum Claim {
    New,
    /// Give this answer again and send nothing.
    Replay(Value),
}

impl Keys {
    /// Reserves `key` for a payload that has passed validation: a refused request leaves no trace.
    ///
    /// «The same payload» means the same path and the same bytes. How the vendor compares is not published; this is
    /// the strictest reading, and holds for a body that is pinned when it is first rendered.
    pub(super) fn claim(&self, key: &str, path: &str, body: &[u8]) -> Result<Claim, Refusal> {
        let mut known = lock(&self.0);
        match known.get(key) {
            None => {
                known.insert(key.to_owned(), Known::InFlight);
                Ok(Claim::New)
            }
            Some(Known::Done {
                path: first_path,
                body: first_body,
                answer,
            }) if first_path == path && first_body == body => Ok(Claim::Replay(answer.clone())),
            Some(Known::Done { .. }) => Err(Refusal::new(
                409,
                "invalid_idempotent_request",
                "Same idempotency key used with a different request payload.",
            )),
            Some(Known::InFlight) => Err(Refusal::new(
                409,
                "concurrent_idempotent_requests",
                "Same idempotency key used while original request is still in progress.",
            )),
        }
    }

    pub(super) fn finish(&self, key: String, path: &str, body: &[u8], answer: Value) {
        let done = Known::Done {
            path: path.to_owned(),
            body: body.to_vec(),
            answer,
        };
        lock(&self.0).insert(key, done);
    }
}
