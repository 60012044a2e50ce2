//! The deliver function between a real database, a real queue and the vendors' stand-ins.

use super::Person;
use super::aws::{Queue, event, record, sdk, task};
use super::database::Database;
use proftest::config;
use proftest::domain::delivery::DeliveryTiming;
use proftest::domain::delivery::Kind;
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::store::Pending;
use serde_json::Value;
use standins::{
    Fault, Feed, Mobizon, MobizonOptions, Mode, Resend, ResendOptions, Running, SentEmail, SentSms, serve,
};
use std::time::Duration;
use tokio::net::TcpListener;
use uuid::Uuid;

pub const RESEND_KEY: &str = "re_test";
pub const MOBIZON_KEY: &str = "kz_test";
pub const PUBLIC: &str = "https://api.onai.academy";

/// Production's schedule in a hurry: four retries.
pub const HASTY: DeliveryTiming = DeliveryTiming {
    email_key: Duration::from_hours(23),
    backoff: &[Duration::from_millis(20); 4],
    repeats: 0,
    parked: Duration::from_millis(60),
    look_up: Duration::from_millis(20),
    absent: Duration::from_millis(600),
    unknown_max: Duration::from_hours(24),
};

/// One of the two vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    Resend,
    Mobizon,
}

impl Vendor {
    pub fn channel(self) -> &'static str {
        match self {
            Self::Resend => "email",
            Self::Mobizon => "sms",
        }
    }
}

/// The function's settings, with vendors at these addresses.
pub fn config(database: config::Database, queue: &Queue, resend: &str, mobizon: &str) -> config::Deliver {
    config::Deliver {
        database,
        queue_url: queue.url.clone(),
        resend: config::Resend {
            api_key: RESEND_KEY.to_owned().into(),
            base_url: resend.to_owned(),
            from: "OnAI Academy <noreply@onai.academy>".to_owned(),
        },
        mobizon: config::Mobizon {
            api_key: MOBIZON_KEY.to_owned().into(),
            base_url: mobizon.to_owned(),
            sender: None,
        },
        links: config::Links {
            public: PUBLIC.to_owned(),
            short: PUBLIC.to_owned(),
        },
    }
}

/// One test's world.
pub struct World {
    pub db: Database,
    pub queue: Queue,
    pub resend: Resend,
    pub mobizon: Mobizon,
    resend_server: Running,
    mobizon_server: Running,
}

/// A lead whose message waits.
#[derive(Clone)]
pub struct Waiting {
    pub person: Person,
    pub lead: LeadId,
    pub id: NotificationId,
}

impl World {
    pub async fn new() -> Self {
        Self::around(Queue::new().await).await
    }

    pub async fn around(queue: Queue) -> Self {
        Self::with(queue, Self::mobizon_options()).await
    }

    /// A Mobizon without whims.
    pub fn mobizon_options() -> MobizonOptions {
        MobizonOptions::new(MOBIZON_KEY)
    }

    pub async fn with(queue: Queue, options: MobizonOptions) -> Self {
        let resend = Resend::new(ResendOptions::new(RESEND_KEY), Feed::default());
        let mobizon = Mobizon::new(options, Feed::default());
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            db: Database::fresh().await,
            queue,
            resend_server: serve(listen().await, resend.router()).unwrap(),
            mobizon_server: serve(listen().await, mobizon.router()).unwrap(),
            resend,
            mobizon,
        }
    }

    /// The function with production's retry schedule.
    pub async fn patient(&self) -> deliver::App {
        self.patient_over(self.db.config()).await
    }

    pub async fn patient_over(&self, database: config::Database) -> deliver::App {
        let config = config::Deliver {
            database,
            ..self.config()
        };
        self.app(&config).await
    }

    pub async fn app(&self, config: &config::Deliver) -> deliver::App {
        deliver::App::new(config, &sdk().await).unwrap()
    }

    pub fn config(&self) -> config::Deliver {
        let (resend, mobizon) = (self.resend_server.url(), self.mobizon_server.url());
        config(self.db.config(), &self.queue, &resend, &mobizon)
    }

    /// The function with a retry schedule in milliseconds.
    pub async fn hasty(&self) -> deliver::App {
        self.patient().await.with_timing(HASTY)
    }

    /// A saved lead whose message is due after `delay`.
    pub async fn lead_in(&self, delay: Duration) -> Waiting {
        let person = Person::new();
        let saved = self
            .db
            .store()
            .save_lead(person.lead(), Kind::Result, delay)
            .await
            .unwrap();
        let Some(Pending { id, .. }) = saved.notification else {
            panic!("no notification")
        };
        Waiting {
            person,
            lead: saved.lead,
            id,
        }
    }

    /// A saved lead whose message is due.
    pub async fn lead(&self) -> Waiting {
        self.lead_in(Duration::ZERO).await
    }

    /// Hands the function one message, as if received; says whether it must come back.
    pub async fn wake(&self, app: &deliver::App, waiting: &Waiting) -> bool {
        let id = Uuid::new_v4().to_string();
        let batch = event(vec![record(&id, "no such receipt handle", &task(waiting.id))]);
        let response = deliver::handle(app, batch).await.unwrap();
        let failures = response.batch_item_failures;
        assert!(failures.len() <= 1 && failures.iter().all(|failure| failure.item_identifier == id));
        !failures.is_empty()
    }

    /// Hands the function one message each, in one batch; says how many must come back.
    pub async fn wake_all(&self, app: &deliver::App, waiting: &[Waiting]) -> usize {
        let records = waiting
            .iter()
            .map(|one| record(&one.id.to_string(), "no such receipt handle", &task(one.id)));
        let response = deliver::handle(app, event(records.collect())).await.unwrap();
        response.batch_item_failures.len()
    }

    /// Wakes until nothing is left to do; panics when that takes more than a hundred times.
    pub async fn finish(&self, app: &deliver::App, waiting: &Waiting) -> Value {
        for _ in 0..100 {
            self.wake(app, waiting).await;
            let row = self.notification(waiting).await;
            if row["status"] != "pending" {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        panic!("still pending: {}", self.notification(waiting).await);
    }

    pub async fn notification(&self, waiting: &Waiting) -> Value {
        let sql = format!(
            "select * from scheduled_notifications where id = '{}'",
            waiting.id
        );
        self.db.row(&sql).await
    }

    /// One channel's row, with `wait`: the seconds it was put off by.
    pub async fn delivery(&self, waiting: &Waiting, vendor: Vendor) -> Value {
        let sql = format!(
            "select *, extract(epoch from next_attempt_at - updated_at)::float8 as wait
             from deliveries where notification_id = '{}' and channel = '{}'",
            waiting.id,
            vendor.channel()
        );
        self.db.row(&sql).await
    }

    /// Makes everything of this notification due now, as if hours had passed.
    pub async fn skip_waiting(&self, waiting: &Waiting) {
        let sql = format!(
            "update deliveries set next_attempt_at = now(), updated_at = updated_at - interval '1 hour',
                                   unknown_since = unknown_since - interval '1 hour'
             where notification_id = '{}'",
            waiting.id
        );
        self.db.execute(&sql).await;
    }

    pub fn break_once(&self, vendor: Vendor, mode: Mode) {
        self.break_times(vendor, mode, 1);
    }

    pub fn break_times(&self, vendor: Vendor, mode: Mode, count: u32) {
        let (faults, path) = match vendor {
            Vendor::Resend => (self.resend.faults(), None),
            // The SMS and its look-up; who asks for the balance is not to use the fault up.
            Vendor::Mobizon => (self.mobizon.faults(), Some("message/".to_owned())),
        };
        faults.add(Fault {
            path,
            ..Fault::times(mode, count)
        });
    }

    pub fn heal(&self) {
        self.resend.faults().clear();
        self.mobizon.faults().clear();
    }

    /// E-mails that this person got.
    pub fn emails(&self, waiting: &Waiting) -> Vec<SentEmail> {
        let all = self.resend.sent();
        let theirs = all
            .into_iter()
            .filter(|email| email.to == [waiting.person.email.clone()]);
        theirs.collect()
    }

    /// SMS that this person got.
    pub fn sms(&self, waiting: &Waiting) -> Vec<SentSms> {
        let all = self.mobizon.sent();
        let theirs = all
            .into_iter()
            .filter(|sms| sms.recipient == waiting.person.digits());
        theirs.collect()
    }

    /// Exactly one e-mail and one SMS went out, and every row says so.
    pub async fn assert_delivered_once(&self, waiting: &Waiting) {
        let row = self.notification(waiting).await;
        assert_eq!(row["status"], "completed", "{row}");
        assert_eq!(
            (&row["email_sent"], &row["sms_sent"]),
            (&true.into(), &true.into())
        );
        assert!(
            row["sent_at"].is_string() && row["failure_reason"].is_null(),
            "{row}"
        );
        assert_eq!(row["open_channels"], 0);
        let (emails, sms) = (self.emails(waiting), self.sms(waiting));
        assert_eq!((emails.len(), sms.len()), (1, 1), "e-mails and SMS sent");
        for (vendor, id) in [
            (Vendor::Resend, emails[0].id.to_string()),
            (Vendor::Mobizon, sms[0].message_id.to_string()),
        ] {
            let delivery = self.delivery(waiting, vendor).await;
            assert_eq!(delivery["state"], "accepted", "{delivery}");
            assert_eq!(delivery["provider_id"], id, "{delivery}");
            assert!(delivery["content"].is_null(), "pinned personal data is left");
        }
    }
}

/// A worker that dies while its calls are out: its claim stands, the vendors go on.
pub async fn kill_after(app: deliver::App, waiting: &Waiting, after: Duration) {
    let batch = event(vec![record("m", "no such receipt handle", &task(waiting.id))]);
    // Dropping the work is its death: nothing of it runs any more.
    let died = tokio::time::timeout(after, deliver::handle(&app, batch)).await;
    assert!(died.is_err(), "the worker was too quick to be killed");
}
