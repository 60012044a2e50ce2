use crate::account::Account;
use crate::deal::Deals;
use crate::tasks::Tasks;
use proftest::aws::SdkConfig;
use proftest::aws::queue::Queue;
use proftest::clients::{self, amocrm::AmoCrm};
use proftest::config;
use proftest::domain::crm::CrmTiming;
use proftest::store::{Store, StoreError};
use proftest::texts::{CrmTexts, Locale, texts};
use std::time::Duration;

/// For one statement, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(5);
/// Shared by the ten tasks of a batch.
const CONNECTIONS: usize = 4;

pub struct App {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) account: Account,
    pub(crate) deals: Deals,
    /// `None`: no tasks are made.
    pub(crate) tasks: Option<Tasks>,
    pub(crate) timing: CrmTiming,
    pub(crate) texts: &'static CrmTexts,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no HTTP client can be built")]
    Http(#[from] reqwest::Error),
}

impl App {
    /// Builds the clients without opening a connection.
    pub fn new(config: &config::Crm, sdk: &SdkConfig) -> Result<Self, StartError> {
        let store = Store::new(&config.database, CONNECTIONS, DATABASE_DEADLINE)?;
        let client = AmoCrm::new(clients::http_client()?, &config.amocrm.base_url);
        let texts = &texts(Locale::Ru).crm;
        let settings = config.amocrm.tasks.as_ref();
        let tasks = settings.map(|settings| Tasks::new(settings, texts));
        Ok(Self {
            account: Account::new(store.clone(), client, &config.amocrm),
            deals: Deals::new(&config.amocrm, texts, tasks.clone(), CrmTiming::PRODUCTION.absent),
            tasks,
            store,
            queue: Queue::new(sdk, &config.queue_url),
            timing: CrmTiming::PRODUCTION,
            texts,
        })
    }

    /// The same with other delays. Tests cannot wait eight hours.
    #[must_use]
    pub const fn with_timing(mut self, timing: CrmTiming) -> Self {
        self.deals.absent = timing.absent;
        self.timing = timing;
        self
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}
