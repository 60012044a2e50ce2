//! What our page sends besides the form, and how a browser solves a challenge.

use super::request::{Answer, request, sample, submission};
use harness::world::{GUARD_KEY, Person, Waiting, World};
use proftest::domain::guard::{GuardKey, Proof, Ticket};
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::texts::{Locale, texts};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

pub const PAGE: &str = "/proftest/blogger";

pub fn key() -> GuardKey {
    GuardKey::new(&SecretString::from(GUARD_KEY)).unwrap()
}

pub fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

/// Of a page that was opened a minute ago.
pub fn ticket() -> String {
    Ticket::issue(&key(), now().saturating_sub(Duration::from_mins(1)))
}

/// Puts production's limits in, but those by which a test's many requests look like a flood.
pub fn limit(world: &mut World) {
    let limits = "address.second=1000000,block.soft=1000000,block.hour=1000000,address.soft=1000000";
    world.changes.insert("LIMITS", limits.to_owned());
}

/// What our page posts, without a ticket.
pub fn page_form(person: &Person) -> Value {
    let mut form = person.form();
    form["campaignSlug"] = "blogger".into();
    page(&mut form);
    form
}

/// Makes a form one of our page.
pub fn page(form: &mut Value) {
    let version = texts(Locale::Ru).consents[0].version;
    form["page"] = PAGE.into();
    form["consent"] = json!({"version": version, "language": "ru", "email": true, "sms": true});
}

/// The proof of a challenge, as a browser's worker finds it.
pub fn solve(challenge: &str) -> Proof {
    let proof = |nonce: u64| Proof {
        challenge: challenge.to_owned(),
        nonce: nonce.to_string(),
    };
    let key = key();
    let solves = |proof: &Proof| proof.check(&key, Duration::ZERO).is_ok();
    (0..u64::MAX).map(proof).find(solves).unwrap()
}

pub fn proof_event(body: &Value) -> Value {
    let mut event = sample("intake/proof.json");
    event["body"] = body.to_string().into();
    event
}

pub fn solved(challenge: &str) -> Value {
    let Proof { challenge, nonce } = solve(challenge);
    json!({"challenge": challenge, "nonce": nonce})
}

pub async fn prove(app: &intake::App, body: &Value) -> Answer {
    intake::handle(app, request(&proof_event(body))).await.into()
}

pub async fn post(app: &intake::App, form: &Value) -> Answer {
    intake::handle(app, submission(form)).await.into()
}

/// The lead's message that waits.
pub async fn waiting(world: &World, person: &Person, answer: &Answer) -> Waiting {
    let sql = format!(
        "select id from scheduled_notifications where lead_id = '{}'",
        answer.lead()
    );
    let row = world.db.row(&sql).await;
    Waiting {
        person: person.clone(),
        lead: LeadId::parse(answer.lead()).unwrap(),
        id: NotificationId::parse(row["id"].as_str().unwrap()).unwrap(),
    }
}
