//! Reports under an armed point: each comes twice and shuffled until it is taken, or never, and is asked for.

use super::rounds::{Armed, Told};
use super::scene::{person, start};
use super::tally::drain;
use crate::support::hooks::{MOBIZON, RESEND, event, save};
use crate::support::request::sample;
use harness::world::{Waiting, World};
use serde_json::{Value, json};
use standins::MailEvent;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
/// After the last question, at 26 hours.
const HOURS: usize = 30;

/// Of some people nothing final is ever known.
const fn is_silent(number: usize) -> bool {
    number % 5 == 4
}

const fn complains(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// Saves leads with their keys, and sends to them; nothing is reported yet.
pub async fn send(world: &World, leads: usize) -> Vec<Waiting> {
    let mut saved = Vec::new();
    for number in 0..leads {
        saved.push(save(world, &person(number)).await);
    }
    drain(world).await;
    saved
}

/// What happens to the messages, with the reports of it.
fn happen(world: &World, number: usize, saved: &Waiting) -> Vec<Value> {
    let (resend, mobizon) = (&world.vendors.resend, &world.vendors.mobizon);
    let (email, sms) = (world.emails(saved).remove(0).id, world.sms(saved)[0].message_id);
    let mut events = Vec::new();
    let happens = [MailEvent::Delivered, MailEvent::Complained];
    for what in &happens[..=usize::from(complains(number))] {
        events.push(event(RESEND, &resend.happens(email, *what).unwrap(), false));
    }
    mobizon.set_status(sms, "DELIVRD");
    events.push(event(MOBIZON, &mobizon.webhook(sms, "DELIVRD").unwrap(), true));
    events
}

impl Armed<'_> {
    /// A vendor sends a report until it gets a 2xx, and some once more.
    pub async fn reports(&self, rounds: usize, leads: &[Waiting]) -> Told {
        let of = |(number, saved)| happen(self.world, number, saved);
        self.until_taken(rounds, leads.iter().enumerate().flat_map(of).collect())
            .await;
        Told::default()
    }

    /// All reports are lost. Sweeps ask, an hour apart.
    pub async fn questions(&self, rounds: usize, leads: &[Waiting]) {
        for (number, saved) in leads.iter().enumerate().filter(|(number, _)| !is_silent(*number)) {
            drop(happen(self.world, number, saved));
        }
        for number in 0..rounds {
            self.world.pass_time(HOUR).await;
            self.round(number, vec![sample("sweep/scheduled.json"); 2]).await;
        }
    }
}

/// Lets the sweep ask until it gives up.
pub async fn settle(world: &World) {
    let mut sweep = start(world, "sweep", None).await;
    for _ in 0..HOURS {
        world.pass_time(HOUR).await;
        // On a slow machine it may wait in vain for the queue.
        let _ = sweep.invoke(&json!({})).await;
    }
}

/// How many messages have another state than was reported, or another number of reports in their history, and how many
/// people are not spared who complained, or not told to Resend.
pub async fn wrong(world: &World, leads: &[Waiting], were_asked_for: bool) -> usize {
    let rows = world
        .db
        .rows(
            "select n.lead_id, d.channel, d.state, (select count(*) from lead_events e
                 where e.notification_id = n.id and e.channel = d.channel and e.what = 'receipt') as told
             from deliveries d join scheduled_notifications n on n.id = d.notification_id",
        )
        .await;
    let mut wrong = 0;
    for (number, saved) in leads.iter().enumerate() {
        let silent = were_asked_for && is_silent(number);
        let mail = if complains(number) {
            "complained"
        } else {
            "delivered"
        };
        for (channel, state) in [("email", mail), ("sms", "delivered")] {
            let told = 1 + i64::from(channel == "email" && complains(number) && !were_asked_for);
            let expected = json!({"lead_id": saved.lead.to_string(), "channel": channel,
                "state": if silent { "accepted" } else { state }, "told": told});
            wrong += usize::from(rows.iter().filter(|row| **row == expected).count() != 1);
        }
        let is_told = world.vendors.resend.suppressed().contains(&saved.person.email);
        let is_due = complains(number) && !silent;
        wrong += usize::from(were_asked_for && is_told != is_due);
    }
    let complaints =
        (0..leads.len()).filter(|number| complains(*number) && !(were_asked_for && is_silent(*number)));
    let spared = world
        .db
        .count("suppressions where reason = 'complaint' and until is null")
        .await;
    wrong + (2 * complaints.count()).abs_diff(usize::try_from(spared).unwrap())
}
