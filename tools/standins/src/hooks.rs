//! Webhooks as vendors send them: signed, repeated with growing pauses until they are taken, and not taken by whoever answers
//! late.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Client;
use serde::Serialize;

use super::lock;

/// A request that a vendor makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookStats {
    /// Requests, repetitions included.
    pub sent: u64,
    /// Answered with 2xx in time.
    pub taken: u64,
    /// Other answers by HTTP status.
    pub refused: BTreeMap<u16, u64>,
    /// No answer in time, or no connection.
    pub late: u64,
    /// Not repeated any more.
    pub given_up: u64,
}

/// Where a vendor's webhooks go.
#[derive(Debug)]
pub(super) struct Hooks {
    /// A later answer counts as none.
    within: Duration,
    /// Before each repetition.
    pauses: Vec<Duration>,
    client: Client,
    url: Mutex<Option<String>>,
    stats: Mutex<HookStats>,
}

impl Hooks {
    pub(super) fn new(within: Duration, pauses: Vec<Duration>) -> Self {
        // Fails when it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(within).build();
        Self {
            within,
            pauses,
            client: client.unwrap_or_default(),
            url: Mutex::default(),
            stats: Mutex::default(),
        }
    }

    pub(super) fn send_to(&self, url: Option<String>) {
        *lock(&self.url) = url;
    }

    pub(super) fn is_on(&self) -> bool {
        lock(&self.url).is_some()
    }

    pub(super) fn stats(&self) -> HookStats {
        lock(&self.stats).clone()
    }

    /// Sends after a while what `make` makes of the number of the try, from 1; not after the vendor's end.
    pub(super) fn send(
        self: &Arc<Self>,
        after: Duration,
        make: impl Fn(u32) -> Webhook + Send + Sync + 'static,
    ) {
        let hooks = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = after;
            for attempt in 1.. {
                tokio::time::sleep(pause).await;
                let Some(hooks) = hooks.upgrade() else { return };
                let Some(url) = lock(&hooks.url).clone() else {
                    return;
                };
                if hooks.is_taken(&url, make(attempt)).await {
                    return;
                }
                let Some(next) = hooks.pauses.get(attempt as usize - 1) else {
                    lock(&hooks.stats).given_up += 1;
                    return;
                };
                pause = *next;
            }
        });
    }

    async fn is_taken(&self, url: &str, webhook: Webhook) -> bool {
        let mut request = self.client.post(url).body(webhook.body);
        for (name, value) in webhook.headers {
            request = request.header(name, value);
        }
        lock(&self.stats).sent += 1;
        let answer = tokio::time::timeout(self.within, request.send()).await;
        let answered = answer.ok().and_then(Result::ok).map(|answer| answer.status());
        let mut stats = lock(&self.stats);
        match answered {
            Some(code) if code.is_success() => {
                stats.taken += 1;
                return true;
            }
            Some(code) => *stats.refused.entry(code.as_u16()).or_default() += 1,
            None => stats.late += 1,
        }
        false
    }
}
