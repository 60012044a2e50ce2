//! What a failure asks for. Vendors have hundreds of error names; the funnel has five reactions to them.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It was certainly not carried out and may be later: try again, not before `after` when the vendor said so.
    Retry {
        /// The vendor's Retry-After.
        after: Option<Duration>,
    },
    /// Nobody can succeed until a human acts (a wrong key, an empty balance, a quota): wait and alert.
    Park,
    /// The vendor has shut us out (amoCRM's 403): call nothing at all until a human has spoken with them.
    Block,
    /// It can never succeed (a malformed address): keep the reason and stop.
    GiveUp,
    /// It may have been carried out: find out before doing it again.
    Unknown,
}

/// A failed call to a vendor: the reaction, and a reason fit for a log and a database row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What to do about it.
    pub reaction: Reaction,
    /// `resend 422 invalid_parameter`: vendor, status, the vendor's own name. Never personal data, never a URL. For people:
    /// what to do is decided by `reaction` and `status`.
    pub reason: String,
    /// The HTTP status of the vendor's answer, where it says more than the reaction.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure with its reaction.
    pub fn new(reaction: Reaction, reason: impl Into<String>) -> Self {
        Self {
            reaction,
            reason: reason.into(),
            status: None,
        }
    }

    /// The same, of an answer with this HTTP status.
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
