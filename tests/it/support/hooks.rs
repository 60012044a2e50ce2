//! Vendors' reports, as API Gateway hands them to the function.

use super::delivery::{patient, wake_all};
use super::request::{request, sample};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::world::{Options, Person, Vendor, Waiting, World};
use proftest::domain::delivery::{Channel, Kind};
use proftest::domain::guard::Evidence;
use serde_json::Value;
use standins::{MailEvent, Webhook};
use std::time::Duration;

pub const RESEND: &str = "/hooks/resend";
pub const MOBIZON: &str = "/hooks/mobizon";

/// API Gateway hands over as text what it takes for text, and the rest as base64.
pub fn event(path: &str, webhook: &Webhook, is_base64: bool) -> Value {
    let mut event = sample("receipts/mobizon.json");
    event["rawPath"] = path.into();
    event["requestContext"]["http"]["path"] = path.into();
    for (name, value) in &webhook.headers {
        event["headers"][name] = value.as_str().into();
    }
    event["isBase64Encoded"] = is_base64.into();
    event["body"] = if is_base64 {
        STANDARD.encode(&webhook.body).into()
    } else {
        webhook.body.as_str().into()
    };
    event
}

/// A world whose messages have gone out, and the function that takes in what is reported of them.
pub struct Reported {
    pub world: World,
    pub app: receipts::App,
}

impl Reported {
    pub async fn new() -> Self {
        Self::over(World::new().await)
    }

    pub async fn with(options: Options) -> Self {
        Self::over(World::with(options).await)
    }

    pub fn over(world: World) -> Self {
        let app = receipts::App::new(&world.receipts_config()).unwrap();
        Self { world, app }
    }

    pub async fn post(&self, path: &str, webhook: &Webhook) -> u16 {
        self.handle(&event(path, webhook, false)).await
    }

    pub async fn handle(&self, event: &Value) -> u16 {
        let response = receipts::handle(&self.app, &request(event)).await;
        response.status().as_u16()
    }

    /// People whose contacts are known under their keys, as intake saves them; due at once.
    pub async fn save(&self, people: &[Person]) -> Vec<Waiting> {
        let mut saved = Vec::new();
        for person in people {
            saved.push(save(&self.world, person).await);
        }
        saved
    }

    /// Sends to these people; both messages of each are accepted.
    pub async fn send(&self, people: &[Person]) -> Vec<Waiting> {
        let waiting = self.save(people).await;
        let app = patient(&self.world).await;
        for ten in waiting.chunks(10) {
            assert_eq!(wake_all(&app, ten).await, 0);
        }
        waiting
    }

    pub async fn send_one(&self) -> Waiting {
        self.send(&[Person::new()]).await.remove(0)
    }

    pub fn happens(&self, waiting: &Waiting, event: MailEvent) -> Webhook {
        let email = self.world.emails(waiting).remove(0);
        self.world.vendors.resend.happens(email.id, event).unwrap()
    }

    /// Something happens to the person's e-mail, and is reported.
    pub async fn mail(&self, waiting: &Waiting, event: MailEvent) {
        let webhook = self.happens(waiting, event);
        assert_eq!(self.post(RESEND, &webhook).await, 200);
    }

    pub fn has_status(&self, waiting: &Waiting, status: &'static str) -> Webhook {
        let id = self.world.sms(waiting)[0].message_id;
        self.world.vendors.mobizon.set_status(id, status);
        self.world.vendors.mobizon.webhook(id, status).unwrap()
    }

    /// The person's SMS has a status, and it is reported.
    pub async fn sms(&self, waiting: &Waiting, status: &'static str) {
        let webhook = self.has_status(waiting, status);
        assert_eq!(self.post(MOBIZON, &webhook).await, 200);
    }

    pub async fn state(&self, waiting: &Waiting, channel: Channel) -> String {
        let vendor = match channel {
            Channel::Email => Vendor::Resend,
            Channel::Sms => Vendor::Mobizon,
        };
        let row = self.world.work(waiting, vendor).await;
        row["state"].as_str().unwrap().to_owned()
    }

    /// What happened to a message, in order: `outcome accepted`, `receipt delivered`, …
    pub async fn history(&self, waiting: &Waiting, channel: Channel) -> Vec<String> {
        let rows = self
            .world
            .db
            .rows(&format!(
                "select concat_ws(' ', what, detail ->> 'state', detail ->> 'how') as told from lead_events
                 where lead_id = '{}' and (channel = '{}' or channel is null) order by id",
                waiting.lead,
                channel.as_str()
            ))
            .await;
        rows.iter()
            .map(|row| row["told"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Suppressions as `channel reason`, with ` until` where they end.
    pub async fn suppressions(&self) -> Vec<String> {
        let sql =
            "select concat_ws(' ', channel, reason, case when until is not null then 'until' end) as told
                   from suppressions order by 1";
        let rows = self.world.db.rows(sql).await;
        rows.iter()
            .map(|row| row["told"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn sweep(&self) {
        let sdk = harness::world::sdk().await;
        let app = sweep::App::new(&self.world.sweep_config(), &sdk).unwrap();
        sweep::handle(&app).await.unwrap();
    }
}

pub async fn save(world: &World, person: &Person) -> Waiting {
    let key = world.intake_config().guard.key;
    let mut lead = person.lead().unwrap();
    lead.evidence = Evidence {
        country: Some(lead.phone.country().as_str()),
        is_mobile: lead.phone.is_mobile(),
        email_key: Some(key.email(&lead.email)),
        phone_key: Some(key.phone(&lead.phone)),
        ..Evidence::default()
    };
    let saved = world
        .db
        .store()
        .save_lead(lead, Kind::Result, Duration::ZERO)
        .await;
    let saved = saved.unwrap();
    Waiting {
        person: person.clone(),
        lead: saved.lead,
        id: saved.notification.expect("a notification").id,
    }
}
