//! Each channel's attempt: what is sent, and what its outcome means.

use crate::App;
use crate::mail::{self, Post};
use proftest::clients::mobizon::Sms;
use proftest::clients::resend::{Email, Tag};
use proftest::config::Links;
use proftest::domain::delivery::{
    Channel, Doubt, Opening, Reconciled, Settlement, conclude, open, reconcile,
};
use proftest::domain::message;
use proftest::domain::quiz::Outcome;
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Attempt, Due, Pinned, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often, and how far apart, an outcome is written before the lease has to do it.
const RECORD_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// The SMS's link.
pub fn short_link(links: &Links, code: &str) -> String {
    format!("{}/l/{code}", links.short)
}

/// The content of each claimed channel: what an earlier attempt pinned, or else what is rendered and pinned
/// now, before anything is sent.
pub async fn pin(app: &App, due: &Due) -> Result<Vec<Pinned>, StoreError> {
    let mut pinned = Vec::new();
    let mut rendered = Vec::new();
    for attempt in &due.attempts {
        let channel = attempt.channel;
        match &attempt.content {
            Some(content) => pinned.push(Pinned {
                channel,
                content: content.clone(),
            }),
            None => rendered.extend(render(app, due, channel).map(|content| Pinned { channel, content })),
        }
    }
    if !rendered.is_empty() {
        pinned.extend(app.store.pin(due.notification, &rendered).await?);
    }
    Ok(pinned)
}

/// `None` when it cannot be rendered; the attempt then fails with its reason.
fn render(app: &App, due: &Due, channel: Channel) -> Option<serde_json::Value> {
    let track = || {
        format!(
            "{}/api/landing/track/{}?source={}",
            app.links.public,
            due.lead,
            channel.as_str()
        )
    };
    let content = match channel {
        Channel::Email => {
            let result = due.outcome.map(Outcome::result);
            let content = message::email(app.texts, &due.name, result.as_ref(), &track())
                .inspect_err(|error| tracing::error!(error = chain(error), "An e-mail cannot be rendered"))
                .ok()?;
            to_json(&Email {
                from: app.resend.from().to_owned(),
                to: vec![due.email.clone()],
                subject: content.subject,
                html: content.html,
                text: content.text,
                tags: vec![Tag {
                    name: "notification".to_owned(),
                    value: due.notification.to_string(),
                }],
            })
        }
        Channel::Sms => {
            let link = due
                .code
                .as_ref()
                .map_or_else(track, |code| short_link(&app.links, code.as_str()));
            let text = message::sms(app.texts, &link)
                .inspect_err(|error| tracing::error!(error = %error, "An SMS cannot be composed"))
                .ok()?;
            to_json(&Sms {
                recipient: due.phone.trim_start_matches('+').to_owned(),
                text: text.as_str().to_owned(),
            })
        }
    };
    Some(content)
}

/// What became of a claimed channel; `None`: it could not be recorded.
type Attempted = Option<Settlement>;

/// Sends the e-mail with those of the other records, if it is claimed, and records the outcome.
pub async fn email(app: &App, due: &Due, contents: &[Pinned], post: Post) -> Option<Attempted> {
    let attempt = claimed(due, Channel::Email)?;
    if let Opening::Settled(settlement) = open(&app.policy, Channel::Email, attempt.before) {
        return Some(finish(app, due, attempt, (settlement, Doubt::Keep)).await);
    }
    let outcome = match content(contents, Channel::Email) {
        Ok(email) => {
            let outcome = mail::hand_in(&post, due.notification, attempt, email);
            // Until this one is dropped too, nothing is sent.
            drop(post);
            match outcome.await {
                Ok(outcome) => outcome,
                Err(_) => return Some(None),
            }
        }
        Err(failure) => Err(failure),
    };
    Some(finish(app, due, attempt, settled(app, attempt, outcome)).await)
}

/// Sends the SMS, if it is claimed, and records the outcome. One of unknown outcome is looked up before.
pub async fn sms(app: &App, due: &Due, contents: &[Pinned]) -> Option<Attempted> {
    let attempt = claimed(due, Channel::Sms)?;
    let outcome = match content::<Sms>(contents, Channel::Sms) {
        Ok(sms) => send_sms(app, attempt, &sms).await,
        // Nothing went out, so what is known of earlier attempts stays.
        Err(failure) => (settled(app, attempt, Err(failure)).0, Doubt::Keep),
    };
    Some(finish(app, due, attempt, outcome).await)
}

async fn send_sms(app: &App, attempt: &Attempt, sms: &Sms) -> (Settlement, Doubt) {
    match open(&app.policy, Channel::Sms, attempt.before) {
        Opening::Send => {}
        Opening::Settled(settlement) => return (settlement, Doubt::Keep),
        Opening::LookUp { since } => {
            match reconcile(&app.policy, since, app.mobizon.find(sms).await, jitter()) {
                Reconciled::Settled(settlement) => return (settlement, Doubt::Keep),
                Reconciled::SendAgain => {}
            }
        }
    }
    settled(app, attempt, app.mobizon.send(sms).await)
}

fn claimed(due: &Due, channel: Channel) -> Option<&Attempt> {
    due.attempts.iter().find(|attempt| attempt.channel == channel)
}

fn content<T: DeserializeOwned>(contents: &[Pinned], channel: Channel) -> Result<T, Failure> {
    let unusable = |why| Failure::new(Reaction::GiveUp, why);
    let pinned = contents.iter().find(|pinned| pinned.channel == channel);
    let pinned = pinned.ok_or_else(|| unusable("no content could be rendered"))?;
    T::deserialize(&pinned.content).map_err(|_| unusable("the pinned content cannot be read"))
}

/// Records an attempt's outcome. `None`: it could not be, and the claim stands until its lease ends.
async fn finish(
    app: &App,
    due: &Due,
    attempt: &Attempt,
    (settlement, doubt): (Settlement, Doubt),
) -> Attempted {
    let recorded = record(app, due, attempt, &settlement, doubt).await;
    let (lead, notification) = (due.lead, due.notification);
    let (channel, state) = (attempt.channel.as_str(), settlement.state());
    let reason = settlement.reason().unwrap_or_default();
    match recorded {
        Ok(true) if matches!(settlement, Settlement::Parked { .. } | Settlement::Failed { .. }) => {
            tracing::error!(lead.id = %lead, notification.id = %notification, channel, state, reason, "Attempted");
        }
        Ok(true) => {
            tracing::info!(lead.id = %lead, notification.id = %notification, channel, state, reason, "Attempted");
        }
        Ok(false) => {
            tracing::warn!(lead.id = %lead, notification.id = %notification, channel, state, reason,
                "The claim had passed to another worker, or the outcome was recorded already");
        }
        Err(error) => {
            tracing::error!(lead.id = %lead, notification.id = %notification, channel, state, reason,
                error = chain(&error), "The outcome could not be recorded");
            return None;
        }
    }
    Some(settlement)
}

fn settled(app: &App, attempt: &Attempt, outcome: Result<String, Failure>) -> (Settlement, Doubt) {
    let retries = u16::try_from(attempt.retries).unwrap_or(u16::MAX);
    conclude(
        &app.policy,
        attempt.channel,
        attempt.before,
        retries,
        outcome,
        jitter(),
    )
}

/// Writes the outcome, patiently: the vendor has acted, and forgetting it costs a look-up or a repetition.
async fn record(
    app: &App,
    due: &Due,
    attempt: &Attempt,
    settlement: &Settlement,
    doubt: Doubt,
) -> Result<bool, StoreError> {
    let write = || {
        app.store.record(
            due.notification,
            attempt.channel,
            attempt.number,
            settlement,
            doubt,
        )
    };
    for pause in RECORD_PAUSES {
        match write().await {
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(pause).await,
            recorded => return recorded,
        }
    }
    write().await
}

/// A number in `0.0..1.0`; without randomness every delay is the longest.
fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

fn to_json<T: Serialize>(content: &T) -> serde_json::Value {
    // Structs of strings always serialise.
    serde_json::to_value(content).unwrap_or_default()
}
