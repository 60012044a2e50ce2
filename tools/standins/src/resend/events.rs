//! What happens to an e-mail after it was taken, and the webhook that tells of it. Sources: resend.yaml, «webhooks»; Svix,
//! «Verifying webhooks manually»; «Test e-mails» for the addresses.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::SentEmail;
use crate::hooks::Webhook;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailEvent {
    Sent,
    Delivered,
    Delayed,
    Bounced(Bounce),
    Complained,
    Failed,
    Suppressed,
    Opened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounce {
    Permanent,
    Transient,
    Undetermined,
}

impl MailEvent {
    /// As `last_event` and, behind `email.`, as a webhook's type.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Delayed => "delivery_delayed",
            Self::Bounced(_) => "bounced",
            Self::Complained => "complained",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Opened => "opened",
        }
    }

    /// By the words of the console's buttons.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "delivered" => Self::Delivered,
            "delayed" => Self::Delayed,
            "bounced" => Self::Bounced(Bounce::Permanent),
            "soft" => Self::Bounced(Bounce::Transient),
            "complained" => Self::Complained,
            "failed" => Self::Failed,
            "suppressed" => Self::Suppressed,
            _ => return None,
        })
    }

    fn detail(self, email: &SentEmail) -> Option<(&'static str, Value)> {
        let to = email.to.first().map_or("", String::as_str);
        let bounce = |kind, sub: &str| {
            json!({"type": kind, "subType": sub, "message": format!("{to} did not take it"),
                   "diagnosticCode": [format!("smtp; 550 5.1.1 {to}")]})
        };
        Some(match self {
            Self::Bounced(Bounce::Permanent) => ("bounce", bounce("Permanent", "NoEmail")),
            Self::Bounced(Bounce::Transient) => ("bounce", bounce("Transient", "MailboxFull")),
            Self::Bounced(Bounce::Undetermined) => ("bounce", bounce("Undetermined", "Undetermined")),
            Self::Failed => ("failed", json!({"reason": "reached_daily_quota"})),
            Self::Suppressed => (
                "suppressed",
                json!({"type": "OnAccountSuppressionList", "reason": "previous_bounce",
                       "message": format!("{to} is suppressed"), "diagnosticCode": []}),
            ),
            _ => return None,
        })
    }
}

/// What happens by itself, with whether it is told, by the part of the address before `@` and `+`.
pub(super) fn course(email: &SentEmail, is_suppressed: bool) -> Vec<(Duration, MailEvent, bool)> {
    let to = email.to.first().map_or("", String::as_str);
    let local = to.split(['@', '+']).next().unwrap_or_default();
    let after = |seconds, event| (Duration::from_secs(seconds), event, true);
    if is_suppressed {
        return vec![after(1, MailEvent::Suppressed)];
    }
    match local {
        "bounced" => vec![after(1, MailEvent::Bounced(Bounce::Permanent))],
        "soft" => vec![
            after(1, MailEvent::Delayed),
            after(3, MailEvent::Bounced(Bounce::Transient)),
        ],
        "complained" => vec![after(1, MailEvent::Delivered), after(3, MailEvent::Complained)],
        "suppressed" => vec![after(1, MailEvent::Suppressed)],
        "delayed" => vec![after(1, MailEvent::Delayed), after(5, MailEvent::Delivered)],
        // It arrives, and the report of it is lost.
        "lost" => vec![(Duration::from_secs(1), MailEvent::Delivered, false)],
        _ => vec![after(1, MailEvent::Delivered)],
    }
}

/// The body of a webhook. The reference has tags as an object, the guide as a list: they come in turn.
pub(super) fn body(email: &SentEmail, event: MailEvent, tags_as_list: bool) -> String {
    let tags = if tags_as_list {
        let list = email
            .tags
            .iter()
            .map(|tag| json!({"name": tag.name, "value": tag.value}));
        list.collect()
    } else {
        let object = email
            .tags
            .iter()
            .map(|tag| (tag.name.clone(), Value::from(tag.value.clone())));
        Value::Object(object.collect::<Map<_, _>>())
    };
    let mut data = json!({
        "email_id": email.id,
        "created_at": format!("{:.3}", email.accepted_at),
        "from": email.from,
        "to": email.to,
        "subject": email.subject,
        "tags": tags,
    });
    if let Some((name, detail)) = event.detail(email) {
        data[name] = detail;
    }
    let kind = format!("email.{}", event.word());
    json!({"type": kind, "created_at": format!("{:.3}", Timestamp::now()), "data": data}).to_string()
}

/// Signed with each secret, as while one replaces another.
pub(super) fn signed(secrets: &[String], id: &str, at: Timestamp, body: &str) -> Webhook {
    let timestamp = at.as_second().to_string();
    let signature = |secret: &String| {
        let key = STANDARD
            .decode(secret.trim_start_matches("whsec_"))
            .unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    let signatures: Vec<String> = secrets.iter().filter_map(signature).collect();
    Webhook {
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Svix-Webhooks/1.84".to_owned()),
            ("svix-id", id.to_owned()),
            ("svix-timestamp", timestamp),
            ("svix-signature", signatures.join(" ")),
        ],
        body: body.to_owned(),
    }
}
