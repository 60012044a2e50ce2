use crate::balance;
use crate::content::Wording;
use proftest::aws::queue::Queue;
use proftest::clients::{self, mobizon::Mobizon, resend::Resend};
use proftest::config;
use proftest::domain::delivery::DeliveryTiming;
use proftest::domain::message::{self, SmsTooLong};
use proftest::store::{Store, StoreError};
use proftest::texts::{Locale, texts};
use std::time::Duration;

/// For one statement, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(3);
/// A batch has at most ten records; four connections serve them without crowding the database.
const CONNECTIONS: usize = 4;

pub struct App {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) email: Resend,
    pub(crate) sms: Mobizon,
    pub(crate) wording: Wording,
    pub(crate) timing: DeliveryTiming,
    /// What `funnel.claim` takes.
    pub(crate) limits: serde_json::Value,
    pub(crate) balance: balance::Watch,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no HTTP client can be built")]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    ShortLinks(#[from] SmsTooLong),
}

impl App {
    /// Builds the clients without opening a connection.
    ///
    /// # Errors
    ///
    /// `SHORT_LINK_BASE_URL` must fit an SMS of one segment.
    pub fn new(config: &config::Deliver, sdk: &proftest::aws::SdkConfig) -> Result<Self, StartError> {
        let wording = Wording {
            texts: texts(Locale::Ru),
            links: config.links.clone(),
            from: config.resend.from.clone(),
        };
        message::sms(wording.texts, &wording.short_link("0123456789ab"))?;
        let http = clients::http_client()?;
        Ok(Self {
            store: Store::new(&config.database, CONNECTIONS, DATABASE_DEADLINE)?,
            queue: Queue::new(sdk, &config.queue_url),
            email: Resend::new(http.clone(), &config.resend).repeating(DeliveryTiming::PRODUCTION.repeats),
            sms: Mobizon::new(http, &config.mobizon),
            wording,
            timing: DeliveryTiming::PRODUCTION,
            limits: config.limits.to_json(),
            balance: balance::Watch::new(),
        })
    }

    /// The same with other delays. Tests cannot wait eight hours.
    #[must_use]
    pub fn with_timing(mut self, timing: DeliveryTiming) -> Self {
        self.email = self.email.repeating(timing.repeats);
        self.timing = timing;
        self
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}
