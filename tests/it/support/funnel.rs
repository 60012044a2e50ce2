//! The whole funnel in one process: the functions between a real database, real queues and schedules, and the
//! vendors' stand-ins. What AWS does between them, and the passing of time, is the test's to do.

use super::aws::{CLOSED, Queue, batch, patient_sdk};
use super::crm::TOKEN;
use super::database::Database;
use super::delivery::{self, MOBIZON_KEY, RESEND_KEY};
use super::request::{Answer, submission};
use super::{Person, crm};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::{join, join_all};
use proftest::aws::SdkConfig;
use proftest::config;
use proftest::domain::ids::NotificationId;
use serde_json::{Value, json};
use standins::{
    AmoCrm, AmoCrmOptions, Faults, Feed, Mobizon, MobizonOptions, Resend, ResendOptions, Running, serve,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use uuid::Uuid;

/// Instances of each function that work side by side.
const INTAKES: usize = 8;
const DELIVERS: usize = 6;
const CRMS: usize = 4;
/// Wide enough that the governor, which other tests look at, does not make these wait.
const CRM_SLOTS: u16 = 1_000;

pub struct Funnel {
    pub db: Database,
    pub notifications: Queue,
    pub crm: Queue,
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub amocrm: AmoCrm,
    servers: [Running; 3],
    group: String,
    /// From a lead to its message.
    pub delay: Duration,
}

/// Instances of the functions that queues wake.
pub struct Workers {
    deliver: Vec<deliver::App>,
    crm: Vec<::crm::App>,
}

impl Funnel {
    pub async fn new(db: Database, delay: Duration) -> Self {
        let resend = Resend::new(ResendOptions::new(RESEND_KEY), Feed::default());
        let mobizon = Mobizon::new(MobizonOptions::new(MOBIZON_KEY), Feed::default());
        let mut options = AmoCrmOptions::new(TOKEN);
        options.rate_limit_per_second = None;
        let amocrm = AmoCrm::new(options, Feed::default());
        let slots = format!("insert into crm_slots select generate_series(51, {CRM_SLOTS})");
        db.execute(&slots).await;
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let group = format!("test-{}", Uuid::new_v4());
        let scheduler = aws_sdk_scheduler::Client::new(&patient_sdk().await);
        scheduler
            .create_schedule_group()
            .name(&group)
            .send()
            .await
            .unwrap();
        Self {
            db,
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
            group,
            delay,
        }
    }

    pub fn faults(&self) -> [&Faults; 3] {
        [self.resend.faults(), self.mobizon.faults(), self.amocrm.faults()]
    }

    pub fn intake(&self, sdk: &SdkConfig) -> intake::App {
        let config = config::Intake {
            database: self.db.config(),
            delay: self.delay,
            schedule: config::Schedule {
                lead: Duration::ZERO,
                group: self.group.clone(),
                role_arn: "arn:aws:iam::000000000000:role/scheduler".to_owned(),
                queue_arn: self.notifications.arn.clone(),
                dlq_arn: None,
            },
            queue_url: self.notifications.url.clone(),
            crm_queue_url: self.crm.url.clone(),
        };
        intake::App::new(&config, sdk).unwrap()
    }

    /// The schedules that were made: their names with their expressions.
    pub async fn schedules(&self) -> HashMap<String, String> {
        let scheduler = aws_sdk_scheduler::Client::new(&patient_sdk().await);
        let list = scheduler.list_schedules().group_name(&self.group);
        let names = list.send().await.unwrap().schedules;
        let names = names.into_iter().filter_map(|schedule| schedule.name);
        let get = names.map(async |name| {
            let get = scheduler.get_schedule().group_name(&self.group).name(&name);
            get.send()
                .await
                .ok()
                .and_then(|schedule| Some((name, schedule.schedule_expression?)))
        });
        join_all(get).await.into_iter().flatten().collect()
    }

    /// Posts every person's form, several at a time; answers in the people's order.
    pub async fn post_all(&self, sdk: &SdkConfig, people: &[Person]) -> Vec<Answer> {
        let share = people.len().div_ceil(INTAKES).max(1);
        let lanes = people.chunks(share).map(async |people| {
            let app = self.intake(sdk);
            app.warm_up().await;
            let mut answers = Vec::new();
            for person in people {
                let body = json!({"name": person.name, "email": person.email, "phone": person.phone});
                answers.push(Answer::from(intake::handle(&app, submission(&body)).await));
            }
            answers
        });
        join_all(lanes).await.concat()
    }

    /// Workers that reach the stand-ins, with production's retry schedules.
    pub async fn workers(&self) -> Workers {
        let [resend, mobizon, amocrm] = self.servers.each_ref().map(Running::url);
        self.workers_at(&resend, &mobizon, &amocrm).await
    }

    /// Workers whose every connection to a vendor is refused.
    pub async fn workers_without_vendors(&self) -> Workers {
        self.workers_at(CLOSED, CLOSED, CLOSED).await
    }

    async fn workers_at(&self, resend: &str, mobizon: &str, amocrm: &str) -> Workers {
        let deliver = delivery::config(self.db.config(), &self.notifications, resend, mobizon);
        let mut account = crm::account(amocrm);
        account.requests_per_second = CRM_SLOTS;
        let crm = config::Crm {
            database: self.db.config(),
            queue_url: self.crm.url.clone(),
            amocrm: account,
        };
        let sdk = patient_sdk().await;
        Workers {
            deliver: (0..DELIVERS)
                .map(|_| deliver::App::new(&deliver, &sdk).unwrap())
                .collect(),
            crm: (0..CRMS).map(|_| ::crm::App::new(&crm, &sdk).unwrap()).collect(),
        }
    }

    /// Works off as many messages as are visible now in both queues, as the event source mappings do.
    pub async fn drain(&self, workers: &Workers) {
        let (notifications, tasks) = join(self.notifications.visible(), self.crm.visible()).await;
        let (notifications, tasks) = (AtomicUsize::new(notifications), AtomicUsize::new(tasks));
        let delivers = workers.deliver.iter().map(|app| {
            feed(&self.notifications, &notifications, async |event| {
                deliver::handle(app, event).await.unwrap()
            })
        });
        let crms = workers.crm.iter().map(|app| {
            feed(&self.crm, &tasks, async |event| {
                ::crm::handle(app, event).await.unwrap()
            })
        });
        join(join_all(delivers), join_all(crms)).await;
    }

    /// One run of the sweep.
    pub async fn sweep(&self) -> sweep::Woken {
        let config = config::Sweep {
            database: self.db.config(),
            queue_url: self.notifications.url.clone(),
            crm_queue_url: self.crm.url.clone(),
        };
        sweep::handle(&sweep::App::new(&config, &patient_sdk().await).unwrap())
            .await
            .unwrap()
    }

    /// Sends a message for every notification that is not due yet: woken too early, nothing may happen.
    pub async fn wake_early(&self) {
        let early =
            "select id from scheduled_notifications where status = 'pending' and scheduled_for > now()";
        for row in &self.db.rows(early).await {
            let id = row["id"].as_str().unwrap().parse().unwrap();
            let body = super::aws::task(NotificationId::from_uuid(id));
            self.notifications.send(&body).await;
        }
    }

    /// Lets this time pass. What the queues hold back would be back by then, so it goes: the sweep sends the same.
    pub async fn pass(&self, time: Duration) {
        self.notifications.purge().await;
        self.crm.purge().await;
        self.db.pass(time).await;
    }

    /// Lets time pass, sweeps and works until nothing waits.
    pub async fn finish(&self, workers: &Workers) {
        for _ in 0..30 {
            let open = "(select from scheduled_notifications where status = 'pending'
                         union all select from crm_tasks where state in ('pending', 'working')) open";
            if self.db.count(open).await == 0 {
                return;
            }
            self.pass(Duration::from_mins(12)).await;
            self.sweep().await;
            self.drain(workers).await;
        }
        panic!("something still waits: {}", self.state().await);
    }

    /// How many rows and messages stand where.
    pub async fn state(&self) -> String {
        let rows = self
            .db
            .rows(
                "select 'notification ' || status as what, count(*) as n from scheduled_notifications group by 1
                 union all select channel || ' ' || state, count(*) from deliveries group by 1
                 union all select 'crm ' || state, count(*) from crm_tasks group by 1",
            )
            .await;
        let parts = rows
            .iter()
            .map(|row| format!("{} {}", row["n"], row["what"].as_str().unwrap()));
        let (emails, sms) = (self.resend.sent().len(), self.mobizon.sent().len());
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!(
            "{parts}; accepted {emails} e-mails, {sms} SMS, {} deals",
            self.amocrm.deals().len()
        )
    }

    /// Each of these people, and nobody else, has one lead, one e-mail, one SMS, one contact and one deal; every row
    /// says so, and nothing was begun before it was due by the database's clock.
    pub async fn assert_each_served_once(&self, people: &[Person]) {
        let early = "deliveries d join scheduled_notifications n on n.id = d.notification_id
                     where d.first_attempt_at < n.scheduled_for";
        assert_eq!(self.db.count(early).await, 0, "begun before they were due");
        let rows = self
            .db
            .rows(
                "select l.email, l.amocrm_lead_id as deal, t.state as crm,
                        jsonb_build_array(n.status, n.email_sent, n.sms_sent) as told
                 from landing_leads l
                 join crm_tasks t on t.lead_id = l.id
                 left join scheduled_notifications n on n.lead_id = l.id",
            )
            .await;
        assert_eq!(rows.len(), people.len(), "one lead and one notification a person");
        let told = json!(["completed", true, true]);
        let unserved: Vec<&Value> = rows
            .iter()
            .filter(|row| row["told"] != told || row["crm"] != "done")
            .collect();
        assert!(unserved.is_empty(), "{} such as {}", unserved.len(), unserved[0]);

        let emails = self.resend.sent().into_iter().map(|email| email.to[0].clone());
        assert_one_each(
            "e-mails",
            people.iter().map(|person| person.email.clone()),
            emails,
        );
        let texts = self.mobizon.sent().into_iter().map(|sms| sms.recipient);
        assert_one_each(
            "SMS",
            people.iter().map(|person| person.digits().to_owned()),
            texts,
        );
        let contacts = self.amocrm.contacts();
        let contacts = contacts.into_iter().flat_map(|contact| contact.emails);
        assert_one_each(
            "contacts",
            people.iter().map(|person| person.email.clone()),
            contacts,
        );
        let made = self.amocrm.deals().into_iter().filter(|deal| !deal.seeded);
        let made: Vec<i64> = made.map(|deal| deal.id).collect();
        let saved: BTreeSet<i64> = rows.iter().filter_map(|row| row["deal"].as_i64()).collect();
        assert_eq!((made.len(), saved.len()), (people.len(), people.len()), "deals");
        assert_eq!(saved, made.into_iter().collect(), "the rows name the deals");
    }
}

/// Everybody expected has exactly one, and nobody else has any.
fn assert_one_each(what: &str, expected: impl Iterator<Item = String>, found: impl Iterator<Item = String>) {
    let mut counts: HashMap<String, i32> = HashMap::new();
    let mut total = 0;
    for one in expected {
        counts.insert(one, 0);
        total += 1;
    }
    for one in found {
        *counts.entry(one).or_insert(100) += 1;
    }
    let wrong: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    let (none, many) = (
        wrong.iter().filter(|(_, count)| **count == 0).count(),
        wrong.iter().filter(|(_, count)| **count > 1).count(),
    );
    assert!(
        wrong.is_empty(),
        "{what} of {total} people: {none} have none, {many} more than one or unasked"
    );
}

/// Hands over so many messages, or as many as there are, batch by batch, and deletes what was not given back.
async fn feed(queue: &Queue, left: &AtomicUsize, handle: impl AsyncFn(SqsEvent) -> SqsBatchResponse) {
    while left.load(Ordering::Relaxed) > 0 {
        let messages = queue.receive().await;
        if messages.is_empty() {
            return;
        }
        let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(messages.len()))
        });
        let failures = handle(batch(&messages)).await.batch_item_failures;
        let done = messages.iter().filter(|message| {
            let id = message.message_id.as_deref();
            !failures
                .iter()
                .any(|failure| Some(failure.item_identifier.as_str()) == id)
        });
        queue.delete_all(done).await;
    }
}
