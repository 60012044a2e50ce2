//! The whole stack, with the real binaries, shared by the journeys.

use harness::emulator::Deployment;
use harness::tools;
use harness::vendors::{Options as VendorOptions, Vendors};
use harness::world::{Connection, Database, dir, eventually, sdk_at};
use local::stack::Options;
use proftest::aws::SdkConfig;
use reqwest::Response;
use serde_json::{Value, json};
use standins::{AmoCrm, Mobizon, Resend, SentEmail, SentSms};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{OnceCell, RwLock};

pub const COURSE: &str = "https://onai.academy/integrator/expresscourse";
/// From a lead to its message.
pub const DELAY: Duration = Duration::from_secs(3);

pub struct Stack {
    running: local::stack::Stack,
    dir: PathBuf,
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub db: Database,
    pub http: reqwest::Client,
    /// Journeys that break something take it for writing, the others for reading.
    pub peace: RwLock<()>,
}

pub async fn vendors() -> Vendors {
    Vendors::start(VendorOptions::unlimited()).await.unwrap()
}

/// Deals that we made; no contact has two.
pub fn deals(vendors: &Vendors) -> usize {
    let mut contacts = vendors.amocrm.contacts().into_iter();
    let doubled = contacts.find(|contact| contact.deals.len() > 1);
    assert!(doubled.is_none(), "{doubled:?}");
    vendors.made().len()
}

pub fn options(state_dir: PathBuf) -> Options {
    Options {
        port: 0,
        console_port: 0,
        delay: DELAY,
        state_dir,
        database_url: None,
        resend_url: None,
        mobizon_url: None,
        amocrm_url: None,
        crm_requests_per_second: 5,
        fsync: false,
        strict: false,
        reports: false,
        enforce_iam: false,
        print: false,
    }
}

/// One stack a process; it stops with it.
pub async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let start = async || {
        let options = options(dir().join("stack"));
        let (running, db) = if Connection::chosen() == Connection::Direct {
            let running = local::stack::Stack::start(&options).await.unwrap();
            let db = Database::open(running.database_url.clone()).await;
            (running, db)
        } else {
            let db = Database::fresh().await;
            let running = local::stack::Stack::start_on(&options, db.addresses()).await;
            (running.unwrap(), db)
        };
        Stack::around(running, db, options.state_dir, None)
    };
    STACK.get_or_init(start).await
}

impl Stack {
    /// A stack of one test's own over a database and vendors that outlive it.
    pub async fn over(database_url: &str, vendors: &Vendors, name: &str) -> Self {
        let urls = vendors.urls.clone();
        let options = Options {
            database_url: Some(database_url.to_owned()),
            resend_url: Some(urls.resend),
            mobizon_url: Some(urls.mobizon),
            amocrm_url: Some(urls.amocrm),
            crm_requests_per_second: 50,
            ..options(dir().join(name))
        };
        let running = local::stack::Stack::start(&options).await.unwrap();
        let db = Database::open(running.database_url.clone()).await;
        Self::around(running, db, options.state_dir, Some(vendors))
    }

    /// A stack of one test's own, with a database of its own, on which the functions' roles are in force.
    pub async fn enforcing_iam() -> Self {
        let db = Database::fresh().await;
        let options = Options {
            reports: true,
            enforce_iam: true,
            ..options(dir().join("iam"))
        };
        let running = local::stack::Stack::start_on(&options, db.addresses()).await;
        let running = running.unwrap();
        Self::around(running, db, options.state_dir, None)
    }

    pub fn sdk(&self) -> SdkConfig {
        sdk_at(&self.running.emulator.endpoint)
    }

    pub const fn deployment(&self) -> &Deployment {
        &self.running.deployment
    }

    /// What the emulator decided about the functions' requests; see `Emulator::start`.
    pub fn iam_decisions(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.dir.join("emulator/iam.jsonl")).unwrap_or_default();
        let decisions = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        decisions.collect()
    }

    fn around(running: local::stack::Stack, db: Database, dir: PathBuf, others: Option<&Vendors>) -> Self {
        let vendors = others.unwrap_or(&running.vendors);
        let (resend, mobizon) = (vendors.resend.clone(), vendors.mobizon.clone());
        // Installs the TLS provider that every client of this process uses.
        tools::http_client().unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_mins(1));
        Self {
            db,
            http: http.build().unwrap(),
            peace: RwLock::new(()),
            dir,
            resend,
            mobizon,
            running,
        }
    }

    /// Ends it at once: the emulator and all functions are killed where they are, and what they knew is lost.
    pub async fn kill_everything(self) {
        self.running.stop().await;
    }

    pub fn gateway(&self) -> &str {
        &self.running.gateway
    }

    pub fn console(&self) -> &str {
        &self.running.console
    }

    /// The emulator of AWS, for every interface of it.
    pub fn emulator(&self) -> &str {
        &self.running.emulator.endpoint
    }

    /// The HTTP API that the gateway stands before.
    pub fn api_url(&self) -> &str {
        &self.running.deployment.api_url
    }

    pub const fn stand_ins(&self) -> &Vendors {
        &self.running.vendors
    }

    pub fn amocrm(&self) -> &AmoCrm {
        &self.running.vendors.amocrm
    }

    pub async fn post(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/landing/proftest", self.gateway());
        let response = self.http.post(url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get(&self, url: &str) -> Response {
        self.http.get(url).send().await.unwrap()
    }

    pub fn emails_to(&self, address: &str) -> Vec<SentEmail> {
        let all = self.resend.sent();
        all.into_iter().filter(|email| email.to == [address]).collect()
    }

    /// `phone` in digits.
    pub fn sms_to(&self, phone: &str) -> Vec<SentSms> {
        let all = self.mobizon.sent();
        all.into_iter().filter(|sms| sms.recipient == phone).collect()
    }

    /// A submission of one of the people who belong together by `group`, which is part of their addresses.
    pub fn person(group: &str, area: u32, number: u32) -> Value {
        json!({"name": "Айгерим", "email": format!("{group}{number}@example.com"),
               "phone": format!("+7{area}{number:07}")})
    }

    pub fn people(group: &str, area: u32, count: u32) -> Vec<Value> {
        (1..=count)
            .map(|number| Self::person(group, area, number))
            .collect()
    }

    pub async fn count(&self, group: &str, status: &str) -> i64 {
        let from = format!(
            "scheduled_notifications n join landing_leads l on l.id = n.lead_id
             where l.email like '{group}%' and n.status = '{status}'"
        );
        self.db.count(&from).await
    }

    /// Every one of these people has exactly one e-mail and one SMS, neither before it was due by the database's
    /// own clock, and every row says so.
    pub async fn assert_each_delivered_once(&self, group: &str, people: &[Value]) {
        let sql = format!(
            "select l.email, ltrim(l.phone, '+') as phone, l.email_sent, l.sms_sent, n.status, n.scheduled_for,
                    (select bool_or(d.first_attempt_at < n.scheduled_for) from deliveries d
                     where d.notification_id = n.id) as early
             from landing_leads l join scheduled_notifications n on n.lead_id = l.id
             where l.email like '{group}%'"
        );
        let rows = self.db.rows(&sql).await;
        assert_eq!(rows.len(), people.len(), "one lead and one notification a person");
        let (emails, sms) = (self.resend.sent(), self.mobizon.sent());
        for row in &rows {
            assert_eq!(
                json!([row["status"], row["email_sent"], row["sms_sent"], row["early"]]),
                json!(["completed", true, true, false]),
                "{row}"
            );
            let theirs: Vec<_> = emails
                .iter()
                .filter(|email| row["email"] == email.to[0])
                .collect();
            let texts: Vec<_> = sms.iter().filter(|sms| row["phone"] == sms.recipient).collect();
            assert_eq!((theirs.len(), texts.len()), (1, 1), "e-mails and SMS to {row}");
            let due: jiff::Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
            let taken = [theirs[0].accepted_at, texts[0].accepted_at];
            assert!(
                taken.iter().all(|at| self.db.moved_back(*at) >= due),
                "early: {row}"
            );
        }
    }

    pub async fn invoke(&self, function: &str) {
        let name = &self.running.deployment.functions[function];
        let url = format!(
            "{}/2015-03-31/functions/{name}/invocations",
            self.running.emulator.endpoint
        );
        let response = self.http.post(url).body("{}").send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{function}: {}",
            response.status()
        );
        assert!(
            response.headers().get("x-amz-function-error").is_none(),
            "{function} failed"
        );
    }

    /// Lets what waits (leases of 60 s, the queue's 180 s, look-ups, parking, the sweep's minute) pass in a moment, and
    /// the real sweep wake it, until no message of this group waits. No other journey may be under way.
    ///
    /// Time passes only when no claim is younger than three seconds: older ones are those of dead workers, for the
    /// stand-ins answer in milliseconds.
    pub async fn pass_time_until_all_are_over(&self, group: &str, within: Duration) {
        let at_work = "(select from deliveries where state = 'sending' and updated_at > now() - interval '3 seconds'
            union all select from crm_tasks where state = 'working' and updated_at > now() - interval '3 seconds') c";
        eventually("all are delivered", within, async || {
            if self.count(group, "pending").await == 0 {
                return Some(());
            }
            if self.db.count(at_work).await == 0 {
                self.db.pass_time(Duration::from_mins(12)).await;
                self.invoke("sweep").await;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            None
        })
        .await;
    }
}
