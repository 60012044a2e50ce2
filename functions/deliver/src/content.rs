//! What is sent. It is rendered once and pinned in the row before the first attempt; every attempt sends the same.

use proftest::clients::mobizon::Sms;
use proftest::clients::resend::{Headers, Message, Tag};
use proftest::config::Links;
use proftest::domain::delivery::Channel;
use proftest::domain::ids::LeadId;
use proftest::domain::message;
use proftest::domain::quiz::QuizResult;
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Due, Pinned, Store, StoreError};
use proftest::texts::Texts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The words of a message, and the targets of its links.
pub struct Wording {
    pub texts: &'static Texts,
    pub links: Links,
    pub from: String,
}

impl Wording {
    pub fn short_link(&self, code: &str) -> String {
        format!("{}/l/{code}", self.links.short)
    }

    fn tracked_link(&self, lead: LeadId, channel: Channel) -> String {
        let (base, channel) = (&self.links.public, channel.as_str());
        format!("{base}/api/landing/track/{lead}?source={channel}")
    }

    /// `None` when rendering fails; the attempt then fails with its reason.
    fn render(&self, due: &Due, channel: Channel) -> Option<Value> {
        match channel {
            Channel::Email => self.email(due),
            Channel::Sms => self.sms(due),
        }
    }

    fn email(&self, due: &Due) -> Option<Value> {
        let result = due.quiz_result.map(QuizResult::texts);
        let link = self.short_link(due.email_code.as_str());
        let stop = format!("{}/u/{}", self.links.public, due.token.as_str());
        let name = due.name.as_str();
        let content = message::email(self.texts, due.kind, name, result.as_ref(), &link, &stop)
            .inspect_err(|error| tracing::error!(error = chain(error), "An e-mail cannot be rendered"))
            .ok()?;
        Some(to_json(&Message {
            from: self.from.clone(),
            to: due.email.clone(),
            subject: content.subject,
            html: content.html,
            text: content.text,
            tags: vec![Tag {
                name: "notification".to_owned(),
                value: due.notification.to_string(),
            }],
            headers: Some(Headers::one_click(&stop)),
        }))
    }

    fn sms(&self, due: &Due) -> Option<Value> {
        let link = match &due.code {
            Some(code) => self.short_link(code.as_str()),
            None => self.tracked_link(due.lead, Channel::Sms),
        };
        let text = message::sms(self.texts, &link)
            .inspect_err(|error| tracing::error!(error = %error, "An SMS cannot be composed"))
            .ok()?;
        Some(to_json(&Sms {
            recipient: due.phone.clone(),
            text: text.as_str().to_owned(),
        }))
    }
}

/// The content of each claimed channel: already pinned by an earlier attempt, or rendered and pinned now.
pub async fn pin(store: &Store, wording: &Wording, due: &Due) -> Result<Vec<Pinned>, StoreError> {
    let (mut pinned, mut rendered) = (Vec::new(), Vec::new());
    for attempt in &due.attempts {
        let channel = attempt.channel;
        match &attempt.content {
            Some(content) => pinned.push(Pinned {
                channel,
                content: content.clone(),
            }),
            None => rendered.extend(
                wording
                    .render(due, channel)
                    .map(|content| Pinned { channel, content }),
            ),
        }
    }
    if !rendered.is_empty() {
        pinned.extend(store.pin(due, &rendered).await?);
    }
    Ok(pinned)
}

pub fn read<T: DeserializeOwned>(contents: &[Pinned], channel: Channel) -> Result<T, Failure> {
    let unusable = |why| Failure::new(Reaction::GiveUp, why);
    let pinned = contents.iter().find(|pinned| pinned.channel == channel);
    let pinned = pinned.ok_or_else(|| unusable("no content could be rendered"))?;
    T::deserialize(&pinned.content).map_err(|_| unusable("the pinned content cannot be read"))
}

fn to_json<T: Serialize>(content: &T) -> Value {
    // A struct of strings always serialises.
    serde_json::to_value(content).unwrap_or_default()
}
