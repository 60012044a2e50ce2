//! One point's world: a database, two queues, three vendors, and as many leads as are asked for.

use super::points::Scene;
use crate::support::aws::Queue;
use crate::support::crm::{LEAD_ID_FIELD, TOKEN};
use crate::support::database::Database;
use crate::support::{eventually, process};
use harness::runtime_api::Function;
use proftest::domain::contact::{Email, Name, Phone};
use proftest::domain::delivery::Kind;
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::domain::metadata::Metadata;
use proftest::store::NewLead;
use serde_json::{Value, json};
use standins::{
    AmoCrm, AmoCrmOptions, Fault, Feed, Mobizon, MobizonOptions, Mode, OAuthApp, Resend, ResendOptions,
    Running, Seed, SeedContact, SeedDeal, serve,
};
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpListener;

const RESEND_KEY: &str = "re_test";
const MOBIZON_KEY: &str = "kz_test";
/// Beyond what Lambda gives any of the functions; the machine may be slow.
const TIMEOUT: Duration = Duration::from_secs(90);

pub struct World {
    pub db: Database,
    pub notifications: Queue,
    pub crm: Queue,
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub amocrm: AmoCrm,
    servers: [Running; 3],
    scene: Scene,
    /// The refresh token that the account was connected with.
    refresh_token: String,
}

/// A person, by number.
pub fn email(number: usize) -> String {
    format!("person{number}@example.com")
}

pub fn phone(number: usize) -> String {
    format!("+7701{number:07}")
}

/// The form's answers: each person's are different, so that no two notes are alike.
pub fn answers(number: usize) -> Value {
    json!([{"questionNumber": 1, "question": "Кто?", "answer": format!("Человек {number}")}])
}

/// A lead that is saved.
#[derive(Debug, Clone, Copy)]
pub struct Saved {
    pub lead: LeadId,
    pub notification: NotificationId,
}

impl World {
    pub async fn new(scene: Scene, leads: usize) -> Self {
        let mut options = AmoCrmOptions::new(TOKEN);
        options.rate_limit_per_second = None;
        options.block_after = None;
        options.oauth = (scene == Scene::OAuth).then(|| OAuthApp {
            client_id: "client".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uri: "https://example.com/".to_owned(),
            code: "code".to_owned(),
            access_ttl: Duration::from_hours(24),
        });
        let feed = Feed::default();
        let resend = Resend::new(ResendOptions::new(RESEND_KEY), feed.clone());
        let mobizon = Mobizon::new(MobizonOptions::new(MOBIZON_KEY), feed.clone());
        let amocrm = AmoCrm::new(options, feed);
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut world = Self {
            db: Database::fresh().await,
            notifications: Queue::new().await,
            crm: Queue::new().await,
            servers: [
                serve(listen().await, resend.router()).unwrap(),
                serve(listen().await, mobizon.router()).unwrap(),
                serve(listen().await, amocrm.router()).unwrap(),
            ],
            resend,
            mobizon,
            amocrm,
            scene,
            refresh_token: String::new(),
        };
        world.set(leads).await;
        world
    }

    /// Sets the scene.
    async fn set(&mut self, leads: usize) {
        let count = u32::try_from(leads).unwrap();
        let lose = |path: &str, mode: Mode, count: u32| Fault {
            mode,
            count: Some(count),
            every: None,
            path: Some(path.to_owned()),
        };
        match self.scene {
            Scene::Plain | Scene::NoScheduler => {}
            Scene::LostMail => {
                let path = "POST /emails/batch";
                let faults = self.resend.faults();
                faults.add(lose(path, Mode::AcceptThenDrop {}, count.div_ceil(4)));
                faults.add(lose(path, Mode::Drop {}, count.div_ceil(4)));
            }
            // A pause too long to be waited for in place.
            Scene::SlowMail => self.resend.faults().add(Fault {
                mode: Mode::RateLimit { retry_after: 30 },
                count: None,
                every: None,
                path: Some("POST /emails/batch".to_owned()),
            }),
            Scene::LostSms => {
                let path = "message/sendsmsmessage";
                let faults = self.mobizon.faults();
                faults.add(lose(path, Mode::AcceptThenDrop {}, count.div_ceil(2)));
                faults.add(lose(path, Mode::Drop {}, count / 2));
            }
            Scene::LostDeals => {
                let path = "POST /api/v4/leads/complex";
                let faults = self.amocrm.faults();
                faults.add(lose(path, Mode::AcceptThenDrop {}, count.div_ceil(2)));
                faults.add(lose(path, Mode::Drop {}, count / 2));
            }
            Scene::LostNotes => {
                let path = "POST /api/v4/leads/notes";
                self.amocrm
                    .faults()
                    .add(lose(path, Mode::AcceptThenDrop {}, count.div_ceil(4)));
            }
            Scene::KnownPeople => self.plant_people(leads).await,
            Scene::OAuth => self.refresh_token = self.connect().await,
            Scene::Limited => self.amocrm.faults().add(Fault {
                mode: Mode::RateLimit { retry_after: 1 },
                count: None,
                every: Some(4),
                path: None,
            }),
        }
    }

    async fn plant_people(&self, leads: usize) {
        let person = |number| SeedContact {
            name: "Айгерим".to_owned(),
            phones: vec![phone(number)],
            emails: Vec::new(),
            deals: vec![SeedDeal {
                name: "Заявка".to_owned(),
                ..SeedDeal::default()
            }],
        };
        let contacts = (0..leads).map(person).collect();
        let seeded = self.amocrm.seed(Seed { contacts }).unwrap();
        for (number, contact) in seeded.contacts.iter().enumerate().step_by(2) {
            let (phone, id) = (phone(number), contact.id);
            let sql = format!("insert into crm_people (phone, contact_id) values ('{phone}', {id})");
            self.db.execute(&sql).await;
        }
    }

    async fn connect(&self) -> String {
        let body = json!({"client_id": "client", "client_secret": "secret", "redirect_uri": "https://example.com/",
            "grant_type": "authorization_code", "code": "code"});
        let url = format!("{}/oauth2/access_token", self.servers[2].url());
        let http = harness::tools::http_client().unwrap();
        let answer = http.post(url).json(&body).send().await.unwrap();
        let tokens: Value = answer.json().await.unwrap();
        tokens["refresh_token"].as_str().unwrap().to_owned()
    }

    /// What is wrong besides the deaths ends, as every outage does.
    pub fn mend(&self) {
        self.resend.faults().clear();
        self.mobizon.faults().clear();
        self.amocrm.faults().clear();
    }

    /// Starts a function, which dies where `failpoints` says.
    pub async fn start(&self, function: &str, failpoints: Option<&str>) -> Function {
        let (binaries, settings) = Box::pin(async {
            (
                process::binaries_with_failpoints().await,
                self.settings(function).await,
            )
        })
        .await;
        let configure = |command: &mut tokio::process::Command| {
            command.env("RUST_LOG", "error").stdout(Stdio::null());
            command.envs(settings.iter().map(|(name, value)| (name, value)));
            if let Some(failpoints) = failpoints {
                // What it says when it dies is no news.
                command.env("FAILPOINTS", failpoints).stderr(Stdio::null());
            }
        };
        let started = Function::start(&binaries.join(function), TIMEOUT, configure).await;
        let mut function = started.unwrap();
        function.ready().await.unwrap();
        function
    }

    async fn settings(&self, function: &str) -> Vec<(&'static str, String)> {
        let mut settings = process::intake_settings(&self.db.url, &self.notifications).await;
        let [resend, mobizon, amocrm] = self.servers.each_ref().map(Running::url);
        let text = str::to_owned;
        settings.retain(|(name, _)| *name != "CRM_QUEUE_URL");
        settings.push(("CRM_QUEUE_URL", self.crm.url.clone()));
        match function {
            "intake" => {
                settings.push(("NOTIFICATION_DELAY_SECONDS", text("1")));
                settings.push(("SCHEDULE_LEAD_SECONDS", text("0")));
                if self.scene == Scene::NoScheduler {
                    // A server that knows no schedules: 404, which the SDK does not repeat.
                    settings.push(("AWS_ENDPOINT_URL_SCHEDULER", resend));
                }
            }
            "deliver" => settings.extend([
                ("RESEND_API_KEY", text(RESEND_KEY)),
                ("RESEND_BASE_URL", resend),
                ("MOBIZON_API_KEY", text(MOBIZON_KEY)),
                ("MOBIZON_BASE_URL", mobizon),
            ]),
            "crm" => {
                settings.extend([
                    ("AMOCRM_BASE_URL", amocrm),
                    ("AMOCRM_PIPELINE", text("Воронка")),
                    ("AMOCRM_LEAD_ID_FIELD_ID", LEAD_ID_FIELD.to_string()),
                    ("AMOCRM_REQUESTS_PER_SECOND", text("50")),
                ]);
                settings.extend(match self.scene {
                    Scene::OAuth => vec![
                        ("AMOCRM_CLIENT_ID", text("client")),
                        ("AMOCRM_CLIENT_SECRET", text("secret")),
                        ("AMOCRM_REDIRECT_URI", text("https://example.com/")),
                        ("AMOCRM_REFRESH_TOKEN", self.refresh_token.clone()),
                    ],
                    _ => vec![("AMOCRM_ACCESS_TOKEN", text(TOKEN))],
                });
            }
            _ => {}
        }
        settings
    }

    /// Saves leads as intake does. Every second message is due only when the waiting is skipped.
    pub async fn save(&self, leads: usize) -> Vec<Saved> {
        let store = self.db.store();
        let mut saved = Vec::new();
        for number in 0..leads {
            let Value::Object(metadata) = json!({"proftestAnswers": answers(number)}) else {
                panic!("an object")
            };
            let lead = NewLead {
                name: Name::parse("Айгерим").unwrap(),
                email: Email::parse(&email(number)).unwrap(),
                phone: Phone::parse(&phone(number)).unwrap(),
                source: format!("proftest_{number}"),
                metadata: Metadata::from_json(metadata),
                idempotency_key: None,
            };
            let delay = Duration::from_hours((number % 2) as u64);
            let made = store.save_lead(lead, Kind::Result, delay).await.unwrap();
            saved.push(Saved {
                lead: made.lead,
                notification: made.notification.unwrap().id,
            });
        }
        saved
    }

    /// Waits until no process of ours has anything under way: the sessions of the dead have ended, and the stand-ins,
    /// which answer in milliseconds, have answered nobody.
    pub async fn quiet(&self) {
        let sessions =
            "pg_stat_activity where datname = current_database() and application_name = 'proftest'";
        eventually(
            "the dead have left the database",
            Duration::from_secs(30),
            async || (self.db.count(sessions).await == 0).then_some(()),
        )
        .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Lets what waits (messages, leases, backoffs, look-ups, the sweep's grace) pass in a moment: the rows' times are
    /// moved back. Only to be called when nobody works: a claim may end only when its worker is dead.
    pub async fn skip_waiting(&self) {
        self.db
            .execute(
                "update deliveries set next_attempt_at = now(), updated_at = updated_at - interval '11 minutes',
                        unknown_since = unknown_since - interval '11 minutes'
                 where state in ('sending', 'retrying', 'parked', 'unknown');
                 update deliveries set next_attempt_at = now() where state = 'pending' and next_attempt_at > now();
                 update scheduled_notifications set wake_at = now(), scheduled_for = least(scheduled_for, now())
                 where status = 'pending';
                 update crm_tasks set next_attempt_at = now(), wake_at = now(),
                        creating_since = creating_since - interval '3 minutes'
                 where state in ('pending', 'working');
                 update crm_people set held_until = '-infinity';
                 update crm_slots set free_at = '-infinity';
                 update crm_gate set shut_until = '-infinity' where shut_until < 'infinity';
                 update crm_tokens set refreshing_until = '-infinity'",
            )
            .await;
        if self.scene == Scene::OAuth {
            self.db.execute("update crm_tokens set expires_at = now()").await;
        }
    }
}
