//! What becomes of an SMS after it was taken, and the webhook that tells of it. Sources: mobizon-api-docs, `_webhooks`,
//! `getSMSStatus`, «List of possible SMS statuses». The pages show JSON alone; what «raw» and XML look like is our guess.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use url::form_urlencoded;

use super::SentSms;
use crate::hooks::Webhook;

/// The panel's formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookForm {
    Json,
    Xml,
    Raw,
}

/// Every status, as the vendor spells it.
pub const STATUSES: [&str; 9] = [
    "NEW", "ENQUEUD", "ACCEPTD", "PDLIVRD", "DELIVRD", "UNDELIV", "REJECTD", "EXPIRED", "DELETED",
];

pub(super) fn is_final(status: &str) -> bool {
    matches!(status, "DELIVRD" | "UNDELIV" | "REJECTD" | "EXPIRED" | "DELETED")
}

/// What happens by itself, with how often it is told, by the last four digits of the number.
pub(super) fn course(recipient: &str) -> Vec<(Duration, &'static str, u32)> {
    let one = |status| vec![(Duration::from_secs(1), status, 1)];
    match recipient
        .get(recipient.len().saturating_sub(4)..)
        .unwrap_or_default()
    {
        "9901" => one("UNDELIV"),
        "9902" => one("EXPIRED"),
        "9903" => one("REJECTD"),
        "9904" => one("DELETED"),
        // It arrives, and the report of it is lost.
        "9905" => vec![(Duration::from_secs(1), "DELIVRD", 0)],
        "9906" => vec![(Duration::from_secs(1), "DELIVRD", 2)],
        "9907" => vec![
            (Duration::from_secs(1), "EXPIRED", 1),
            (Duration::from_secs(3), "DELIVRD", 1),
        ],
        _ => one("DELIVRD"),
    }
}

/// A report. `sign` covers the first three fields and the secret alone.
pub(super) fn webhook(
    form: HookForm,
    secret: &str,
    event: i64,
    attempt: u32,
    sms: &SentSms,
    status: &str,
) -> Webhook {
    let at = sms.accepted_at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let sign = sign(&format!("{event}|{attempt}|{at}|{secret}"));
    let report = json!({
        "eventId": event,
        "eventType": "sms-delivery-report",
        "eventCreateTs": at,
        "webhookId": 1,
        "attempt": attempt,
        "data": {
            "campaignId": sms.campaign_id,
            "messageId": sms.message_id,
            "segNum": 1,
            "statusUpdateTs": at,
            "status": status,
            "to": sms.recipient,
        },
        "sign": sign,
    });
    let (content_type, body) = match form {
        HookForm::Json => ("application/json", report.to_string()),
        HookForm::Xml => ("application/xml", xml(&report)),
        HookForm::Raw => ("application/x-www-form-urlencoded", raw(&report)),
    };
    Webhook {
        headers: vec![
            ("content-type", content_type.to_owned()),
            ("user-agent", "Mobizon".to_owned()),
        ],
        body,
    }
}

pub(super) fn sign(text: &str) -> String {
    Sha1::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Members of `report`, those of `data` with their own names below it.
fn members(report: &Value) -> impl Iterator<Item = (&String, &Value)> {
    report.as_object().into_iter().flatten()
}

fn xml(report: &Value) -> String {
    let element = |name: &str, content: &str| format!("<{name}>{content}</{name}>");
    let content: String = members(report)
        .map(|(name, value)| match value {
            Value::Object(_) => {
                let below: String = members(value)
                    .map(|(name, value)| element(name, &plain(value)))
                    .collect();
                element(name, &below)
            }
            value => element(name, &plain(value)),
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        element("response", &content)
    )
}

fn raw(report: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members(report) {
        match value {
            Value::Object(_) => {
                for (below, value) in members(value) {
                    form.append_pair(&format!("{name}[{below}]"), &plain(value));
                }
            }
            value => {
                form.append_pair(name, &plain(value));
            }
        }
    }
    form.finish()
}
