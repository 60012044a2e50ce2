//! The world of one test: a database, the queues, the vendors, and a clock that can be moved.

mod connection;
pub mod crm;
mod database;
mod functions;
mod pooler;
mod queue;
mod story;
mod tls;

pub use crate::person::Person;
pub use crate::vendors::{Options, Vendor, Vendors};
pub use connection::{Connection, Route};
pub use database::{Database, cluster};
pub use functions::{binaries, binaries_with_failpoints, start};
pub use pooler::{Pooler, SERVERS, USER, pooler};
pub use queue::{CLOSED, Queue, batch, event, patient_sdk, record, sdk, sdk_at, task};
pub use story::{dir, eventually, run};
pub use tls::{HOST, ROLE, TlsServer, tls};

use crate::emulator;
use proftest::config::{self, ConfigError, Env};
use proftest::domain::delivery::Kind;
use proftest::domain::ids::{LeadId, NotificationId};
use serde_json::Value;
use standins::{Fault, Mode, SentEmail, SentSms};
use std::collections::BTreeMap;
use std::time::Duration;

/// The guard's key of tests and of the local stack.
pub const GUARD_KEY: &str = "local-guard-key-0123456789abcdef0123456789";

/// Where the links in messages lead.
pub const PUBLIC: &str = "https://api.onai.academy";

pub type Settings = BTreeMap<&'static str, String>;

pub struct World {
    pub db: Database,
    pub notifications: Queue,
    pub crm: Queue,
    pub vendors: Vendors,
    pub delay: Duration,
    /// Settings that differ from the defaults; an empty value removes one.
    pub changes: Settings,
    aws: String,
}

#[derive(Clone)]
pub struct Waiting {
    pub person: Person,
    pub lead: LeadId,
    pub id: NotificationId,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::unlimited()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::over(Database::fresh().await, options).await
    }

    pub async fn over(db: Database, options: Options) -> Self {
        Self {
            db,
            notifications: Queue::new().await,
            crm: Queue::new().await,
            vendors: Vendors::start(options).await.unwrap(),
            delay: Duration::from_mins(10),
            changes: Settings::new(),
            aws: sdk().await.endpoint_url().unwrap().to_owned(),
        }
    }

    /// What a function of this name is given.
    pub fn settings(&self, function: &str) -> Settings {
        let text = str::to_owned;
        let mut settings = Settings::from([
            ("NOTIFICATIONS_QUEUE_URL", self.notifications.url.clone()),
            ("NOTIFICATIONS_QUEUE_ARN", self.notifications.arn.clone()),
            ("CRM_QUEUE_URL", self.crm.url.clone()),
            ("SCHEDULE_GROUP", text("default")),
            ("SCHEDULER_ROLE_ARN", text("arn:aws:iam::000000000000:role/any")),
            ("SCHEDULE_LEAD_SECONDS", text("0")),
            ("NOTIFICATION_DELAY_SECONDS", self.delay.as_secs().to_string()),
            ("PUBLIC_BASE_URL", text(PUBLIC)),
            ("GUARD_KEY", text(GUARD_KEY)),
            // Tests of the guard put production's in.
            ("LIMITS", text("off")),
        ]);
        settings.extend(emulator::settings(&self.aws));
        settings.extend(self.db.settings(function));
        settings.extend(self.vendors.urls.settings());
        settings.extend(self.changes.clone());
        settings
    }

    pub fn intake_config(&self) -> config::Intake {
        self.read("intake", config::Intake::read)
    }

    pub fn deliver_config(&self) -> config::Deliver {
        self.read("deliver", config::Deliver::read)
    }

    pub fn crm_config(&self) -> config::Crm {
        self.read("crm", config::Crm::read)
    }

    pub fn sweep_config(&self) -> config::Sweep {
        self.read("sweep", config::Sweep::read)
    }

    /// What a command is given that works on the queues.
    pub fn ops_config(&self) -> config::Queues {
        self.read("ops", config::Queues::read)
    }

    pub fn receipts_config(&self) -> config::Receipts {
        self.read("receipts", config::Receipts::read)
    }

    pub fn track_config(&self) -> config::Track {
        self.read("track", config::Track::read)
    }

    pub fn recipient_config(&self) -> config::Recipient {
        self.read("recipient", config::Recipient::read)
    }

    fn read<T>(&self, function: &str, read: impl FnOnce(&Env<'_>) -> Result<T, ConfigError>) -> T {
        let settings = self.settings(function);
        read(&Env::new(&|name| settings.get(name).cloned())).unwrap()
    }

    /// Moves every time in the database back by `time`: leases, pauses and schedules end. Messages that SQS hides stay
    /// hidden.
    pub async fn pass_time(&self, time: Duration) {
        self.db.pass_time(time).await;
    }

    /// Saves what this person sent; their message is due after `delay`.
    ///
    /// # Panics
    /// When they have a message already that is not over.
    pub async fn save(&self, person: &Person, delay: Duration) -> Waiting {
        let lead = person.lead().unwrap();
        let saved = self
            .db
            .store()
            .save_lead(lead, Kind::Result, delay)
            .await
            .unwrap();
        Waiting {
            person: person.clone(),
            lead: saved.lead,
            id: saved.notification.expect("a notification").id,
        }
    }

    pub async fn lead_in(&self, delay: Duration) -> Waiting {
        self.save(&Person::new(), delay).await
    }

    pub async fn lead(&self) -> Waiting {
        self.lead_in(Duration::ZERO).await
    }

    /// As if each message had been tried a minute ago, so that people may click.
    pub async fn as_sent(&self) {
        let sql = "update deliveries set first_attempt_at = now() - interval '1 minute' where first_attempt_at is null";
        self.db.execute(sql).await;
    }

    /// A lead whose message was sent a minute ago.
    pub async fn sent_lead(&self) -> Waiting {
        let waiting = self.lead().await;
        self.as_sent().await;
        waiting
    }

    pub async fn notification(&self, waiting: &Waiting) -> Value {
        let id = waiting.id;
        let sql = format!("select * from scheduled_notifications where id = '{id}'");
        self.db.row(&sql).await
    }

    /// The row of a vendor's work for a lead, with `wait`: the seconds that it was put off by.
    pub async fn work(&self, waiting: &Waiting, vendor: Vendor) -> Value {
        let rows = match vendor {
            Vendor::Resend => format!(
                "deliveries where notification_id = '{}' and channel = 'email'",
                waiting.id
            ),
            Vendor::Mobizon => format!(
                "deliveries where notification_id = '{}' and channel = 'sms'",
                waiting.id
            ),
            Vendor::AmoCrm => format!("crm_tasks where lead_id = '{}'", waiting.lead),
        };
        let wait = "extract(epoch from next_attempt_at - updated_at)::float8 as wait";
        self.db.row(&format!("select *, {wait} from {rows}")).await
    }

    pub fn break_once(&self, vendor: Vendor, mode: Mode) {
        self.break_times(vendor, mode, 1);
    }

    pub fn break_times(&self, vendor: Vendor, mode: Mode, count: u32) {
        // Only sending and look-up meet the fault; a balance request does not use it up.
        let path = (vendor == Vendor::Mobizon).then(|| "message/".to_owned());
        self.vendors.faults(vendor).add(Fault {
            path,
            ..Fault::times(mode, count)
        });
    }

    pub fn emails(&self, waiting: &Waiting) -> Vec<SentEmail> {
        let sent = self.vendors.emails().into_iter();
        sent.filter(|email| email.to == [waiting.person.email.clone()])
            .collect()
    }

    pub fn sms(&self, waiting: &Waiting) -> Vec<SentSms> {
        let sent = self.vendors.mobizon.sent().into_iter();
        sent.filter(|sms| sms.recipient == waiting.person.digits())
            .collect()
    }

    pub async fn assert_delivered_once(&self, waiting: &Waiting) {
        let row = self.notification(waiting).await;
        let told = [
            "status",
            "email_sent",
            "sms_sent",
            "open_channels",
            "failure_reason",
        ];
        let told = told.map(|column| row[column].clone());
        let expected = serde_json::json!(["completed", true, true, 0, null]);
        assert_eq!(Value::from(told.to_vec()), expected, "{row}");
        assert!(row["sent_at"].is_string(), "{row}");
        let (emails, sms) = (self.emails(waiting), self.sms(waiting));
        assert_eq!((emails.len(), sms.len()), (1, 1), "e-mails and SMS sent");
        for (vendor, id) in [
            (Vendor::Resend, emails[0].id.to_string()),
            (Vendor::Mobizon, sms[0].message_id.to_string()),
        ] {
            let delivery = self.work(waiting, vendor).await;
            assert_eq!(delivery["state"], "accepted", "{delivery}");
            assert_eq!(delivery["provider_id"], id, "{delivery}");
            assert!(delivery["content"].is_null(), "pinned personal data is left");
        }
    }
}
