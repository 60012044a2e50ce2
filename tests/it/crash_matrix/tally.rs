//! What became of a point's leads, by the database and by what the vendors' stand-ins have taken.

use super::points::Point;
use super::rounds::{Armed, Told};
use super::scene::{PASSED, start};
use aws_lambda_events::event::sqs::SqsEvent;
use harness::runtime_api::{Failed, Function};
use harness::world::{Database, Queue, World};
use jiff::Timestamp;
use proftest::domain::delivery::Channel;
use serde_json::{Value, json};
use standins::CrmContact;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rounds of the sweep without a death after which everything must be over.
const SWEEPS_MAX: usize = 40;

#[derive(Debug)]
pub struct Tally {
    pub point: Point,
    pub deaths: usize,
    pub leads: usize,
    /// The last columns of [`head`], in its order.
    wrong: Vec<usize>,
}

impl Tally {
    pub fn is_good(&self) -> bool {
        self.deaths > 0 && self.leads > 0 && self.wrong.iter().all(|count| *count == 0)
    }
}

/// The head of the table. «lost» are leads that were acknowledged and are not there, or lack a message, a deal, a note
/// or a click.
pub fn head() -> String {
    let twice = Channel::ALL.map(|channel| format!(" {} twice |", channel.as_str()));
    let (twice, rule) = (twice.concat(), "--:|".repeat(twice.len()));
    format!(
        "| function | step | scene | deaths | leads | lost |{twice} deals twice | notes twice | tasks twice | clicks twice | early | miscounted |\n\
         |---|---|---|--:|--:|--:|{rule}--:|--:|--:|--:|--:|--:|"
    )
}

impl std::fmt::Display for Tally {
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
    db.count("scheduled_notifications where status = 'pending' and not held")
        .await
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

fn count<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn doubled<T>(counts: &BTreeMap<T, usize>) -> usize {
    counts.values().map(|count| count - 1).sum()
}

/// The row's columns for each channel; one has sent, or its link was clicked.
fn flags(channel: Channel) -> [String; 2] {
    ["sent", "clicked"].map(|what| format!("{}_{what}", channel.as_str()))
}

/// The note with the source of a lead of this matrix, which has nothing but a campaign.
fn source_note(source: &str) -> String {
    format!("Источник: {}", source.trim_start_matches("proftest_"))
}

/// The recipient of the lead's message on a channel, as the vendor's stand-in writes it.
fn recipient(row: &Value, channel: Channel) -> &str {
    match channel {
        Channel::Email => row["email"].as_str().unwrap(),
        Channel::Sms => row["phone"].as_str().unwrap().trim_start_matches('+'),
    }
}

/// The messages that a channel's vendor took: recipient and time.
fn messages(world: &World, channel: Channel) -> Vec<(String, Timestamp)> {
    let vendors = &world.vendors;
    match channel {
        Channel::Email => {
            let sent = vendors.resend.sent().into_iter();
            sent.map(|email| (email.to[0].clone(), email.accepted_at))
                .collect()
        }
        Channel::Sms => {
            let sent = vendors.mobizon.sent().into_iter();
            sent.map(|sms| (sms.recipient, sms.accepted_at)).collect()
        }
    }
}

impl Tally {
    /// Judges the leads of the database, and those that visitors were told of.
    pub async fn of(armed: &Armed<'_>, told: &Told, miscounted: usize) -> Self {
        let db = &armed.world.db;
        let flags = Channel::ALL.map(|channel| {
            let [sent, clicked] = flags(channel);
            format!("n.{sent}, l.{clicked}")
        });
        let rows = db
            .rows(&format!(
                "select l.id, l.email, l.phone, l.source, l.amocrm_lead_id, n.status, n.scheduled_for,
                        t.state as crm, {}
                 from landing_leads l
                 left join scheduled_notifications n on n.lead_id = l.id
                 left join crm_tasks t on t.lead_id = l.id",
                flags.join(", ")
            ))
            .await;
        let taken = Taken::of(armed.world);
        let due =
            Channel::ALL.map(|channel| (channel, count(rows.iter().map(|row| recipient(row, channel)))));
        let due = Due::from(due);
        let incomplete = rows.iter().filter(|row| !taken.have(row, &due, told)).count();
        let missing = told
            .leads
            .iter()
            .filter(|lead| !rows.iter().any(|row| row["id"] == lead.as_str()));
        let clicks = db
            .row(
                "select (select count(*) from clicks) as raw,
                        (select coalesce(sum(click_count), 0) from landing_leads) as counted,
                        (select coalesce(sum(human), 0) from hit_counts) as human,
                        (select count(*) from lead_events where what = 'hit') as told",
            )
            .await;
        let clicks = ["raw", "counted", "human", "told"]
            .map(|name| usize::try_from(clicks[name].as_u64().unwrap()).unwrap());
        let (least, most) = (clicks.into_iter().min(), clicks.into_iter().max());
        let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
        let mut wrong = vec![incomplete + missing.count() + told.redirects.saturating_sub(least)];
        wrong.extend(Channel::ALL.map(|channel| taken.beyond(&due, channel)));
        wrong.extend([
            doubled(&taken.contacts) + doubled(&taken.deals),
            doubled(&taken.notes),
            doubled(&taken.tasks),
            most.saturating_sub(told.clicks),
            rows.iter().map(|row| taken.early(row)).sum(),
            miscounted,
        ]);
        Self {
            point: armed.point,
            deaths: armed.deaths(),
            leads: rows.len(),
            wrong,
        }
    }
}

/// How many messages each recipient is to get, by channel. A lead of this matrix has one notification.
type Due<'a> = BTreeMap<Channel, BTreeMap<&'a str, usize>>;

struct Taken {
    /// Each channel's messages by recipient.
    messages: BTreeMap<Channel, BTreeMap<String, usize>>,
    /// Contacts by phone.
    contacts: BTreeMap<String, usize>,
    /// Deals by their contact's phone.
    deals: BTreeMap<String, usize>,
    /// Notes by deal and text.
    notes: BTreeMap<(i64, String), usize>,
    /// Tasks by deal.
    tasks: BTreeMap<i64, usize>,
    /// When each recipient got something, by the rows' clock of today.
    accepted: Vec<(Channel, String, Timestamp)>,
}

impl Taken {
    fn of(world: &World) -> Self {
        let contacts = world.vendors.amocrm.contacts();
        let phones = |contact: &CrmContact| contact.phones.clone();
        let deals = contacts
            .iter()
            .flat_map(|contact| contact.deals.iter().flat_map(|_| phones(contact)));
        let mut accepted = Vec::new();
        for channel in Channel::ALL {
            let messages = messages(world, channel).into_iter();
            accepted.extend(messages.map(|(to, at)| (channel, to, world.db.moved_back(at))));
        }
        let of_channel = |channel| {
            let theirs = accepted.iter().filter(|(over, ..)| *over == channel);
            (channel, count(theirs.map(|(_, to, _)| to.clone())))
        };
        Self {
            messages: Channel::ALL.map(of_channel).into(),
            accepted,
            contacts: count(contacts.iter().flat_map(phones)),
            deals: count(deals),
            notes: count(
                world
                    .vendors
                    .amocrm
                    .notes()
                    .into_iter()
                    .map(|note| (note.deal_id, note.text)),
            ),
            tasks: count(world.vendors.amocrm.tasks().iter().map(|task| task.deal_id)),
        }
    }

    /// Messages that nobody is to get.
    fn beyond(&self, due: &Due<'_>, channel: Channel) -> usize {
        let due = |to: &str| due[&channel].get(to).copied().unwrap_or_default();
        let taken = self.messages[&channel].iter();
        taken.map(|(to, count)| count.saturating_sub(due(to))).sum()
    }

    /// Whether a lead has all that is due to it, and its rows say so.
    fn have(&self, row: &Value, due: &Due<'_>, told: &Told) -> bool {
        let clicked = told.clicks > 0;
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let phone = text("phone");
        let deal = row["amocrm_lead_id"].as_i64().unwrap_or_default();
        let notes: Vec<&str> = self
            .notes
            .keys()
            .filter(|(on, _)| *on == deal)
            .map(|(_, text)| text.as_str())
            .collect();
        let of_recipient = |channel: Channel| due[&channel][recipient(row, channel)];
        // The result and the source; the first click of each channel; the end of it. Leads with one phone have one deal.
        let clicks = if clicked { Channel::ALL.len() } else { 0 };
        let notes_due = (2 + clicks + usize::from(told.stopped)) * of_recipient(Channel::Sms);
        let has_message = |channel| {
            let [sent, link_clicked] = flags(channel);
            let taken = self.messages[&channel].get(recipient(row, channel));
            taken.is_some_and(|taken| *taken >= of_recipient(channel))
                && row[sent] == true
                && row[link_clicked] == clicked
        };
        Channel::ALL.into_iter().all(has_message)
            && self.contacts.contains_key(phone)
            && self.deals.contains_key(phone)
            && notes.len() == notes_due
            && notes.contains(&source_note(text("source")).as_str())
            && self.tasks.contains_key(&deal)
            && (text("status"), text("crm")) == ("completed", "done")
    }

    /// How many of a lead's messages came before they were due.
    fn early(&self, row: &Value) -> usize {
        let due: Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
        let theirs = self
            .accepted
            .iter()
            .filter(|(channel, to, _)| to == recipient(row, *channel));
        theirs.filter(|(.., accepted)| *accepted < due).count()
    }
}
