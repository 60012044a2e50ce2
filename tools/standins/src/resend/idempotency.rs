//! Resend's memory of idempotency keys.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::Refusal;
use crate::lock;

#[derive(Debug)]
pub(super) struct Keys {
    ttl: Duration,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
enum Known {
    InFlight,
    Done {
        single: bool,
        body: Vec<u8>,
        answer: Value,
        at: Instant,
    },
}

/// What a request with a key may do.
#[derive(Debug)]
pub(super) enum Claim {
    /// Go on, then [`Keys::finish`].
    New,
    /// Give this answer again and send nothing.
    Replay(Value),
}

impl Keys {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            known: Mutex::default(),
        }
    }

    /// Reserves `key` for a payload that has passed validation: a refused request leaves no trace.
    ///
    /// «The same payload» means the same endpoint and the same bytes. How the vendor compares is not published;
    /// this is the strictest reading, and holds for a body that is pinned when it is first rendered.
    pub(super) fn claim(&self, key: &str, single: bool, body: &[u8]) -> Result<Claim, Refusal> {
        let mut known = lock(&self.known);
        match known.get(key) {
            Some(Known::InFlight) => Err(Refusal::new(
                409,
                "concurrent_idempotent_requests",
                "Same idempotency key used while original request is still in progress.",
            )),
            Some(Known::Done {
                single: first_single,
                body: first_body,
                answer,
                at,
            }) if at.elapsed() < self.ttl => {
                if *first_single == single && first_body == body {
                    return Ok(Claim::Replay(answer.clone()));
                }
                Err(Refusal::new(
                    409,
                    "invalid_idempotent_request",
                    "Same idempotency key used with a different request payload.",
                ))
            }
            _ => {
                known.insert(key.to_owned(), Known::InFlight);
                Ok(Claim::New)
            }
        }
    }

    /// Remembers the answer to a request whose key was claimed.
    pub(super) fn finish(&self, key: String, single: bool, body: &[u8], answer: Value) {
        let done = Known::Done {
            single,
            body: body.to_vec(),
            answer,
            at: Instant::now(),
        };
        lock(&self.known).insert(key, done);
    }
}
