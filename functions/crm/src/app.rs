//! What the function works with.

use crate::account::Account;
use crate::deal::Deals;
use proftest::aws::SdkConfig;
use proftest::aws::queue::Queue;
use proftest::clients::{self, amocrm::AmoCrm};
use proftest::config;
use proftest::domain::crm::CrmTiming;
use proftest::store::{Store, StoreError};
use proftest::texts::{CrmTexts, Locale, texts};
use std::time::Duration;

/// How long one statement may take, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(5);
/// Ten tasks of a batch share these.
const CONNECTIONS: usize = 4;

/// What the function works with.
pub struct App {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) account: Account,
    pub(crate) deals: Deals,
    pub(crate) timing: CrmTiming,
    pub(crate) texts: &'static CrmTexts,
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
}

impl App {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn new(config: &config::Crm, sdk: &SdkConfig) -> Result<Self, StartError> {
        let store = Store::new(&config.database, CONNECTIONS, DATABASE_DEADLINE)?;
        let client = AmoCrm::new(clients::http_client()?, &config.amocrm.base_url);
        let texts = &texts(Locale::Ru).crm;
        Ok(Self {
            account: Account::new(store.clone(), client, &config.amocrm),
            deals: Deals::new(&config.amocrm, texts, CrmTiming::PRODUCTION.absent),
            store,
            queue: Queue::new(sdk, &config.queue_url),
            timing: CrmTiming::PRODUCTION,
            texts,
        })
    }

    /// The same with other delays; tests have no eight hours.
    #[must_use]
    pub const fn with_timing(mut self, timing: CrmTiming) -> Self {
        self.deals.absent = timing.absent;
        self.timing = timing;
        self
    }

    /// Opens the database connection ahead of the first batch.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}
