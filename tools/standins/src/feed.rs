//! What happened at the vendors, one line a step, for the console.

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;

/// Events a slow reader may lag behind before it loses the oldest.
const BACKLOG: usize = 1024;

/// One step at one vendor. Carries no recipient, so it may be printed.
#[derive(Debug, Clone, Serialize)]
pub struct FeedEvent {
    /// When it happened.
    #[serde(serialize_with = "super::rfc3339_millis")]
    pub at: Timestamp,
    /// `resend`, `mobizon` or `amocrm`.
    pub vendor: &'static str,
    /// A short sentence, e.g. `e-mail accepted 3f2a… «subject»`.
    pub summary: String,
}

/// A shared stream of [`FeedEvent`]s; one feed usually serves all stand-ins. Clones write to the same stream.
#[derive(Debug, Clone)]
pub struct Feed(broadcast::Sender<FeedEvent>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Feed {
    /// Every event from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<FeedEvent> {
        self.0.subscribe()
    }

    pub(super) fn push(&self, vendor: &'static str, summary: String) {
        // An error means that nobody is listening, which is fine.
        let _ = self.0.send(FeedEvent {
            at: Timestamp::now(),
            vendor,
            summary,
        });
    }
}
