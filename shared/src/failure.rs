//! Reactions to a failure. Vendors have hundreds of error names; the funnel has six reactions.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Certainly not carried out, but may succeed later: try again.
    Retry {
        /// The vendor's `Retry-After`: not before this.
        after: Option<Duration>,
    },
    /// A human must act (a wrong key, an empty balance, a quota): wait and alert.
    Park,
    /// The vendor has blocked us (amoCRM's 403): call nothing until a human has spoken with them.
    Block,
    /// It can never succeed (a malformed address): keep the reason and stop.
    GiveUp,
    /// The vendor refuses the address or number itself: stop, and send nothing to it any more.
    Undeliverable,
    /// It may have been carried out: find out before a repetition.
    Unknown,
}

/// A failed call to a vendor, with a reason for logs and database rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    pub reaction: Reaction,
    /// Such as `resend 422 invalid_parameter`: vendor, status, the vendor's error name. Never personal data, never a
    /// URL. For people only; code decides by `reaction` and `status`.
    pub reason: String,
    /// The answer's HTTP status, if it says more than the reaction. Only calls to amoCRM are decided by it: a 404 is a
    /// deleted contact, a 401 renews the OAuth token, a 429 shuts the gate. A vendor's own code is decided upon in its
    /// client, which makes the reaction of it.
    pub status: Option<u16>,
}

impl Failure {
    pub fn new(reaction: Reaction, reason: impl Into<String>) -> Self {
        Self {
            reaction,
            reason: reason.into(),
            status: None,
        }
    }

    #[must_use]
    pub const fn of_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// The error and all its sources in one line, for a log.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(line, ": {cause}");
        source = cause.source();
    }
    line
}
