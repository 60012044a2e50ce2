//! What became of a point's leads, by the database and by what the vendors' stand-ins have taken.

use super::points::Point;
use super::rounds::{Armed, Told};
use super::scene::{PASSED, start};
use aws_lambda_events::event::sqs::SqsEvent;
use harness::runtime_api::{Failed, Function};
use harness::world::{Database, Queue, World};
use jiff::Timestamp;
use serde_json::{Value, json};
use standins::CrmContact;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rounds of the sweep without a death after which everything must be over.
const SWEEPS_MAX: usize = 40;

#[derive(Debug)]
pub struct Outcome {
    pub point: Point,
    pub deaths: usize,
    pub leads: usize,
    /// Leads that were acknowledged and are not there, or lack an e-mail, an SMS, a deal, a note or a click; then e-mails,
    /// SMS, deals, notes and clicks that are doubled; then messages that were early. The last columns of [`HEAD`].
    pub wrong: [usize; 7],
}

impl Outcome {
    pub fn is_good(&self) -> bool {
        self.deaths > 0 && self.leads > 0 && self.wrong == [0; 7]
    }
}

pub const HEAD: &str = "\
| function | step | scene | deaths | leads | lost | e-mails twice | SMS twice | deals twice | notes twice | clicks twice | early |
|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Point {
            function,
            step,
            side,
            scene,
        } = self.point;
        let (scene, deaths, leads) = (scene.words(), self.deaths, self.leads);
        write!(f, "| {function} | {side} {step} | {scene} | {deaths} | {leads} |")?;
        self.wrong.iter().try_for_each(|wrong| write!(f, " {wrong} |"))
    }
}

/// Runs the functions without deaths, as the sweep and the queues wake them, until every row is at its end; or until
/// they had time enough.
pub async fn drain(world: &World) {
    let mut sweep = start(world, "sweep", None).await;
    let mut deliver = start(world, "deliver", None).await;
    let mut crm = start(world, "crm", None).await;
    for _ in 0..SWEEPS_MAX {
        futures::future::join(
            empty(&world.notifications, &mut deliver),
            empty(&world.crm, &mut crm),
        )
        .await;
        if open(&world.db).await == 0 {
            return;
        }
        // All three are idle now: a claim that stands is a dead worker's.
        world.pass_time(PASSED).await;
        // On a slow machine it may wait in vain for the queue; its next run makes it good.
        match sweep.invoke(&json!({})).await {
            Ok(_) | Err(Failed::Reported(_)) => {}
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open(db: &Database) -> i64 {
    db.count("scheduled_notifications where status = 'pending'").await
        + db.count("crm_tasks where state in ('pending', 'working')").await
}

/// Hands a function what its queue holds now, as the event source mapping does.
async fn empty(queue: &Queue, function: &mut Function) {
    // What comes back meanwhile waits for the next time.
    for _ in 0..queue.visible().await {
        let messages = queue.receive().await;
        if messages.is_empty() {
            return;
        }
        let handle = async |event| {
            let event = serde_json::to_value::<SqsEvent>(event).unwrap();
            serde_json::from_value(function.invoke(&event).await.unwrap()).unwrap()
        };
        queue.hand_over(messages, handle).await;
    }
}

fn tally<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut tally = BTreeMap::new();
    for item in items {
        *tally.entry(item).or_default() += 1;
    }
    tally
}

fn doubled<T>(tally: &BTreeMap<T, usize>) -> usize {
    tally.values().map(|count| count - 1).sum()
}

impl Outcome {
    /// Judges the leads of the database, and those that visitors were told of.
    pub async fn of(armed: &Armed<'_>, told: &Told) -> Self {
        let db = &armed.world.db;
        let rows = db
            .rows(
                "select l.id, l.email, l.phone, l.source, l.amocrm_lead_id, l.email_clicked, l.sms_clicked,
                        n.status, n.scheduled_for, n.email_sent and n.sms_sent as sent, t.state as crm
                 from landing_leads l
                 left join scheduled_notifications n on n.lead_id = l.id
                 left join crm_tasks t on t.lead_id = l.id",
            )
            .await;
        let taken = Taken::of(armed.world);
        let clicked = told.clicks > 0;
        let incomplete = rows.iter().filter(|row| !taken.have(row, clicked)).count();
        let missing = told
            .leads
            .iter()
            .filter(|lead| !rows.iter().any(|row| row["id"] == lead.as_str()));
        let clicks = db
            .row(
                "select (select count(*) from clicks) as raw,
                        (select coalesce(sum(click_count), 0) from landing_leads) as counted",
            )
            .await;
        let [raw, counted] =
            ["raw", "counted"].map(|name| usize::try_from(clicks[name].as_u64().unwrap()).unwrap());
        Self {
            point: armed.point,
            deaths: armed.deaths(),
            leads: rows.len(),
            wrong: [
                incomplete + missing.count() + told.redirects.saturating_sub(raw.min(counted)),
                doubled(&taken.emails),
                doubled(&taken.sms),
                doubled(&taken.contacts) + doubled(&taken.deals),
                doubled(&taken.notes),
                raw.max(counted).saturating_sub(told.clicks),
                rows.iter().map(|row| taken.early(row)).sum(),
            ],
        }
    }
}

struct Taken {
    /// E-mails by address. A person of this matrix has one notification.
    emails: BTreeMap<String, usize>,
    /// SMS by recipient.
    sms: BTreeMap<String, usize>,
    /// Contacts by phone.
    contacts: BTreeMap<String, usize>,
    /// Deals by their contact's phone.
    deals: BTreeMap<String, usize>,
    /// Notes by deal and text.
    notes: BTreeMap<(i64, String), usize>,
    /// When each address or recipient got something, by the rows' clock of today.
    accepted: Vec<(String, Timestamp)>,
}

impl Taken {
    fn of(world: &World) -> Self {
        let (emails, sms) = (world.vendors.emails(), world.vendors.mobizon.sent());
        let contacts = world.vendors.amocrm.contacts();
        let phones = |contact: &CrmContact| contact.phones.clone();
        let deals = contacts
            .iter()
            .flat_map(|contact| contact.deals.iter().flat_map(|_| phones(contact)));
        let accepted = emails
            .iter()
            .map(|email| (email.to[0].clone(), email.accepted_at))
            .chain(sms.iter().map(|sms| (sms.recipient.clone(), sms.accepted_at)));
        Self {
            accepted: accepted.map(|(to, at)| (to, world.db.moved_back(at))).collect(),
            emails: tally(emails.iter().map(|email| email.to[0].clone())),
            sms: tally(sms.iter().map(|sms| sms.recipient.clone())),
            contacts: tally(contacts.iter().flat_map(phones)),
            deals: tally(deals),
            notes: tally(
                world
                    .vendors
                    .amocrm
                    .notes()
                    .into_iter()
                    .map(|note| (note.deal_id, note.text)),
            ),
        }
    }

    /// Whether a lead has all that is due to it, and its rows say so.
    fn have(&self, row: &Value, clicked: bool) -> bool {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let phone = text("phone");
        let deal = row["amocrm_lead_id"].as_i64().unwrap_or_default();
        let notes: Vec<&str> = self
            .notes
            .keys()
            .filter(|(on, _)| *on == deal)
            .map(|(_, text)| text.as_str())
            .collect();
        // The answers and the source; the first click of each channel.
        let notes_due = if clicked { 4 } else { 2 };
        self.emails.contains_key(text("email"))
            && self.sms.contains_key(phone.trim_start_matches('+'))
            && self.contacts.contains_key(phone)
            && self.deals.contains_key(phone)
            && notes.len() == notes_due
            && notes.iter().any(|note| note.ends_with(text("source")))
            && (text("status"), text("crm")) == ("completed", "done")
            && row["sent"] == true
            && (row["email_clicked"] == clicked && row["sms_clicked"] == clicked)
    }

    /// How many of a lead's messages came before they were due.
    fn early(&self, row: &Value) -> usize {
        let due: Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
        let (email, phone) = (row["email"].as_str().unwrap(), row["phone"].as_str().unwrap());
        let theirs = self
            .accepted
            .iter()
            .filter(|(to, _)| to == email || to == phone.trim_start_matches('+'));
        theirs.filter(|(_, accepted)| *accepted < due).count()
    }
}
