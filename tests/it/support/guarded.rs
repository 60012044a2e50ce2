//! Submissions and deliveries under production's limits.

use super::delivery::{patient, wake};
use super::funnel::own_schedules;
use super::request::{Answer, request, sample};
use futures::future::join_all;
use harness::world::{Person, Waiting, World, sdk};
use lambda_http::Request;
use ops::release;
use ops::store::Held;
use proftest::domain::contact::Phone;
use proftest::domain::ids::{LeadId, NotificationId};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A world whose messages are due at once, and an intake before it.
pub struct Guarded {
    pub world: World,
    pub intake: intake::App,
}

impl Guarded {
    /// Under production's defaults.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn limited(limits: &str) -> Self {
        Self::with(&[("LIMITS", limits)]).await
    }

    /// Under production's defaults but for these settings.
    pub async fn with(changes: &[(&'static str, &str)]) -> Self {
        let mut world = Box::pin(World::new()).await;
        own_schedules(&mut world).await;
        world.delay = Duration::ZERO;
        let changes = [("LIMITS", "")].iter().chain(changes);
        world
            .changes
            .extend(changes.map(|(name, value)| (*name, (*value).to_owned())));
        let intake = intake_of(&world).await;
        Self { world, intake }
    }

    pub async fn post(&self, body: &Value) -> Answer {
        self.handle(&event(body, &new_address())).await
    }

    pub async fn handle(&self, event: &Value) -> Answer {
        intake::handle(&self.intake, request(event)).await.into()
    }

    /// Posts a person's form; returns the lead's newest message.
    pub async fn submit(&self, person: &Person) -> Waiting {
        let answer = self.post(&person.form()).await;
        self.newest(person, answer.lead()).await
    }

    pub async fn submit_all(&self, people: &[Person]) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for person in people {
            waiting.push(self.submit(person).await);
        }
        waiting
    }

    pub async fn newest(&self, person: &Person, lead: &str) -> Waiting {
        let newest = format!(
            "select id from scheduled_notifications where lead_id = '{lead}' order by created_at desc limit 1"
        );
        let row = self.world.db.row(&newest).await;
        Waiting {
            person: person.clone(),
            lead: LeadId::parse(lead).unwrap(),
            id: NotificationId::from_uuid(row["id"].as_str().unwrap().parse().unwrap()),
        }
    }

    /// Submits and delivers, one after the other.
    pub async fn serve(&self, people: &[Person]) -> Vec<Waiting> {
        let (waiting, app) = (self.submit_all(people).await, patient(&self.world).await);
        for one in &waiting {
            assert!(!wake(&app, one).await, "nothing more to wake");
        }
        waiting
    }

    /// Delivers side by side, each message on a worker of its own.
    pub async fn wake_at_once(&self, waiting: &[Waiting]) {
        let apps = join_all(waiting.iter().map(|_| patient(&self.world))).await;
        let woken = apps.iter().zip(waiting).map(|(app, one)| wake(app, one));
        join_all(woken).await;
    }

    /// How many deliveries there are of each channel, state and reason.
    pub async fn outcome(&self) -> Value {
        let rows =
            "select concat_ws(' ', channel, state, reason) as what, count(*) as n from deliveries group by 1";
        let rows = self.world.db.rows(rows).await.into_iter();
        let counts = rows.map(|row| (row["what"].as_str().unwrap().to_owned(), row["n"].clone()));
        counts.collect::<serde_json::Map<_, _>>().into()
    }

    /// E-mails and SMS that the vendors have taken.
    pub fn sent(&self) -> (usize, usize) {
        let vendors = &self.world.vendors;
        (vendors.resend.sent().len(), vendors.mobizon.sent().len())
    }

    /// Releases what is held for this reason, and wakes it; returns what the command printed.
    pub async fn release(&self, reason: &str) -> String {
        let (store, held) = (self.world.db.store_as("ops"), Held::For(reason.to_owned()));
        let lines = release::run(&store, &held, 1000, "test", true).await.unwrap();
        self.wake_overdue().await;
        lines.join("\n")
    }

    /// What the sweep and the queue do.
    pub async fn wake_overdue(&self) {
        let (app, sweep) = (patient(&self.world).await, self.world.db.store_as("sweep"));
        for id in sweep.take_overdue(1000, Duration::from_mins(5)).await.unwrap() {
            let lead = format!("select lead_id from scheduled_notifications where id = '{id}'");
            let lead = self.world.db.row(&lead).await;
            let lead = LeadId::parse(lead["lead_id"].as_str().unwrap()).unwrap();
            let person = Person::new();
            assert!(
                !wake(&app, &Waiting { person, lead, id }).await,
                "nothing more to wake"
            );
        }
    }

    pub async fn suppress_phone(&self, person: &Person) {
        let key = self.world.intake_config().guard.key;
        self.suppress(&key.phone(&Phone::parse(&person.phone).unwrap()))
            .await;
    }

    /// Puts a contact's key on the list of those who get nothing.
    pub async fn suppress(&self, key: &str) {
        let sql = format!(
            "insert into suppressions (key, reason, source) values (decode('{key}', 'hex'), 'complaint', 'test')"
        );
        self.world.db.execute(&sql).await;
    }
}

pub async fn intake_of(world: &World) -> intake::App {
    intake::App::new(&world.intake_config(), &sdk().await).unwrap()
}

/// People with one phone and an address each.
pub fn with_one_phone(count: usize) -> Vec<Person> {
    let phone = Person::new().phone;
    let person = || Person {
        phone: phone.clone(),
        ..Person::new()
    };
    std::iter::repeat_with(person).take(count).collect()
}

/// People with one address and a phone each.
pub fn with_one_email(count: usize) -> Vec<Person> {
    let email = Person::new().email;
    let person = || Person {
        email: email.clone(),
        ..Person::new()
    };
    std::iter::repeat_with(person).take(count).collect()
}

pub fn with_phone(phone: &str) -> Person {
    Person {
        phone: phone.to_owned(),
        ..Person::new()
    }
}

/// A network address that nobody has submitted from.
pub fn new_address() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let [_, a, b, c] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

/// The event of a post from this network address.
pub fn event(body: &Value, address: &str) -> Value {
    raw_event(&body.to_string(), address)
}

pub fn raw_event(body: &str, address: &str) -> Value {
    let mut event = sample("intake/valid.json");
    event["body"] = body.into();
    event["headers"]["content-length"] = body.len().to_string().into();
    event["headers"]["x-forwarded-for"] = address.into();
    event["requestContext"]["http"]["sourceIp"] = address.into();
    event
}

pub fn raw_request(body: &str, address: &str) -> Request {
    request(&raw_event(body, address))
}

/// What [`Guarded::outcome`] says of these.
pub fn outcome<const K: usize>(counts: [(&str, usize); K]) -> Value {
    json!(std::collections::BTreeMap::from(counts))
}
