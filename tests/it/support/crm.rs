//! The crm function between a real database, a real queue and the amoCRM stand-in.

use super::Person;
use super::aws::{Queue, event, record, sdk};
use super::database::Database;
use proftest::config::{self, Auth, Stage};
use proftest::domain::contact::{Email, Name, Phone};
use proftest::domain::delivery::Kind;
use proftest::domain::ids::{FieldId, LeadId};
use proftest::domain::metadata::Metadata;
use proftest::store::NewLead;
use proftest::task::{self, CrmTask};
use serde_json::{Value, json};
use standins::{AmoCrm, AmoCrmOptions, CrmDeal, Fault, Feed, Mode, Running, serve};
use std::time::Duration;
use tokio::net::TcpListener;
use uuid::Uuid;

pub const TOKEN: &str = "crm_test";
/// The stand-in's text field for our marker.
pub const LEAD_ID_FIELD: i64 = 880_010;

/// Production's schedule in a hurry.
pub const HASTY: proftest::domain::crm::CrmTiming = proftest::domain::crm::CrmTiming {
    backoff: &[Duration::from_millis(20); 6],
    absent: Duration::ZERO,
};

/// The account at this address.
pub fn account(base_url: &str) -> config::AmoCrm {
    config::AmoCrm {
        base_url: base_url.to_owned(),
        auth: Auth::LongLived(TOKEN.to_owned().into()),
        stage: Stage::Names("воронка ".to_owned(), "ЗАЯВКА_С_ПРОФТЕСТА".to_owned()),
        lead_id_field: FieldId(LEAD_ID_FIELD),
        utm_fields: vec![
            ("utm_source".to_owned(), FieldId(880_001)),
            ("utm_medium".to_owned(), FieldId(880_002)),
        ],
        requests_per_second: 5,
        block: None,
    }
}

/// One test's world.
pub struct World {
    pub db: Database,
    pub amocrm: AmoCrm,
    pub server: Running,
    queue: Queue,
}

impl World {
    /// An account with the vendor's limit of seven requests a second.
    pub async fn new() -> Self {
        Self::with(AmoCrmOptions::new(TOKEN)).await
    }

    /// An account that takes any rate: for tests of everything but the rate.
    pub async fn unlimited() -> Self {
        Self::unlimited_over(Database::fresh().await).await
    }

    /// The same, with leads that another world saves.
    pub async fn unlimited_over(db: Database) -> Self {
        let mut options = AmoCrmOptions::new(TOKEN);
        options.rate_limit_per_second = None;
        Self::over(db, options).await
    }

    pub async fn with(options: AmoCrmOptions) -> Self {
        Self::over(Database::fresh().await, options).await
    }

    async fn over(db: Database, options: AmoCrmOptions) -> Self {
        let amocrm = AmoCrm::new(options, Feed::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            db,
            server: serve(listener, amocrm.router()).unwrap(),
            amocrm,
            queue: Queue::new().await,
        }
    }

    pub fn config(&self, requests_per_second: u16) -> config::Crm {
        config::Crm {
            database: self.db.config(),
            queue_url: self.queue.url.clone(),
            amocrm: config::AmoCrm {
                requests_per_second,
                ..account(&self.server.url())
            },
        }
    }

    /// A worker in a hurry, with the governor at its widest.
    pub async fn worker(&self) -> crm::App {
        self.worker_with(&self.config(50)).await
    }

    pub async fn worker_with(&self, config: &config::Crm) -> crm::App {
        crm::App::new(config, &sdk().await).unwrap().with_timing(HASTY)
    }

    /// A saved lead.
    pub async fn lead(&self, person: &Person) -> LeadId {
        self.lead_with(person, json!({})).await
    }

    pub async fn lead_with(&self, person: &Person, metadata: Value) -> LeadId {
        let Value::Object(metadata) = metadata else {
            panic!("an object")
        };
        let lead = NewLead {
            name: Name::parse(&person.name).unwrap(),
            email: Email::parse(&person.email).unwrap(),
            phone: Phone::parse(&person.phone).unwrap(),
            source: "proftest_test".to_owned(),
            metadata: Metadata::from_json(metadata),
            idempotency_key: None,
        };
        self.db
            .store()
            .save_lead(lead, Kind::Result, Duration::ZERO)
            .await
            .unwrap()
            .lead
    }

    pub async fn leads(&self, count: usize) -> Vec<LeadId> {
        let mut leads = Vec::new();
        for _ in 0..count {
            leads.push(self.lead(&Person::new()).await);
        }
        leads
    }

    /// Hands a worker one batch; says how many messages must come back.
    pub async fn wake(&self, app: &crm::App, leads: &[LeadId]) -> usize {
        let records = leads.iter().map(|&lead| {
            let body = task::body(&CrmTask::CrmV1 { lead });
            record(&Uuid::new_v4().to_string(), "no such receipt handle", &body)
        });
        let response = crm::handle(app, event(records.collect())).await.unwrap();
        response.batch_item_failures.len()
    }

    /// Wakes what is open, in batches of ten on `workers` workers, until nothing is; gives up after `within`.
    pub async fn drain(&self, workers: &[crm::App], within: Duration) {
        let until = tokio::time::Instant::now() + within;
        loop {
            let open = self.open().await;
            if open.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "still open: {}", open.len());
            let shares = open.chunks(10).zip(workers.iter().cycle());
            let mut busy: Vec<_> = workers.iter().map(|_| Vec::new()).collect();
            for (index, (batch, _)) in shares.enumerate() {
                busy[index % workers.len()].push(batch);
            }
            let rounds = workers.iter().zip(busy).map(async |(app, batches)| {
                for batch in batches {
                    self.wake(app, batch).await;
                }
            });
            futures::future::join_all(rounds).await;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Leads whose task is open.
    pub async fn open(&self) -> Vec<LeadId> {
        let sql = "select lead_id from crm_tasks where state in ('pending', 'working') order by lead_id";
        let rows = self.db.rows(sql).await;
        rows.iter()
            .map(|row| LeadId::parse(row["lead_id"].as_str().unwrap()).unwrap())
            .collect()
    }

    pub async fn task(&self, lead: LeadId) -> Value {
        self.db
            .row(&format!("select * from crm_tasks where lead_id = '{lead}'"))
            .await
    }

    /// The deal whose id stands on the lead.
    pub async fn deal(&self, lead: LeadId) -> CrmDeal {
        let row = self
            .db
            .row(&format!(
                "select amocrm_lead_id from landing_leads where id = '{lead}'"
            ))
            .await;
        let id = row["amocrm_lead_id"].as_i64().expect("the lead has a deal");
        self.amocrm
            .deals()
            .into_iter()
            .find(|deal| deal.id == id)
            .expect("the deal exists")
    }

    /// Ends every lease, as if minutes had passed since a worker died.
    pub async fn expire_leases(&self) {
        self.db
            .execute(
                "update crm_tasks set next_attempt_at = now(), wake_at = now() where state = 'working';
                 update crm_people set held_until = '-infinity';
                 update crm_slots set free_at = '-infinity'",
            )
            .await;
    }

    pub fn break_on(&self, path: &str, mode: Mode, count: Option<u32>, every: Option<u32>) {
        let path = Some(path.to_owned());
        self.amocrm.faults().add(Fault {
            mode,
            count,
            every,
            path,
        });
    }

    /// Deals that we made, not the seeded ones.
    pub fn made(&self) -> Vec<CrmDeal> {
        self.amocrm
            .deals()
            .into_iter()
            .filter(|deal| !deal.seeded)
            .collect()
    }

    /// The texts of a deal's notes.
    pub fn notes(&self, deal: i64) -> Vec<String> {
        let notes = self
            .amocrm
            .notes()
            .into_iter()
            .filter(|note| note.deal_id == deal);
        notes.map(|note| note.text).collect()
    }
}
