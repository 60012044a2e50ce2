//! What the function works with.

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

/// How long one statement may take, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(3);
/// A batch has at most ten records; four connections carry them without crowding the database.
const CONNECTIONS: usize = 4;

/// What the function works with.
pub struct App {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) resend: Resend,
    pub(crate) mobizon: Mobizon,
    pub(crate) wording: Wording,
    pub(crate) timing: DeliveryTiming,
    pub(crate) balance: balance::Watch,
}

/// Why the function refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database settings cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No HTTP client can be built.
    #[error("no HTTP client can be built")]
    Http(#[from] reqwest::Error),
    /// `SHORT_LINK_BASE_URL` is too long for an SMS of one segment.
    #[error(transparent)]
    ShortLinks(#[from] SmsTooLong),
}

impl App {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// When the settings cannot work, such as a short link that no SMS has room for.
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
            resend: Resend::new(http.clone(), &config.resend).repeating(DeliveryTiming::PRODUCTION.repeats),
            mobizon: Mobizon::new(http, &config.mobizon),
            wording,
            timing: DeliveryTiming::PRODUCTION,
            balance: balance::Watch::new(),
        })
    }

    /// The same with other delays; tests have no eight hours.
    #[must_use]
    pub fn with_timing(mut self, timing: DeliveryTiming) -> Self {
        self.resend = self.resend.repeating(timing.repeats);
        self.timing = timing;
        self
    }

    /// Opens the database connection ahead of the first batch.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}
