//! Resend's webhooks. Contract: resend.yaml, «webhooks»; signed as Svix does.

use lambda_http::http::HeaderMap;
use proftest::clients::resend::state_of;
use proftest::domain::delivery::{Channel, State};
use proftest::domain::receipt::{Report, ResendSecret, is_fresh};
use proftest::http::{Refusal, header_text};
use serde_json::Value;
use std::time::SystemTime;

/// An id that is longer is none of theirs.
const ID_MAX: usize = 255;

/// What a signed request reports; `None` for what changes nothing, and for what this release does not know: it would say the
/// same at each repetition.
pub fn report(
    secrets: &[ResendSecret],
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Option<Report>, Refusal> {
    let event = verified(secrets, headers, body, now).ok_or(Refusal::Unsigned)?;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let report = read(event, &body);
    if report.is_none() {
        tracing::debug!("An event that changes nothing");
    }
    Ok(report)
}

/// The id of the report, if it is signed with one of our secrets and was sent now.
fn verified(secrets: &[ResendSecret], headers: &HeaderMap, body: &[u8], now: SystemTime) -> Option<String> {
    // Svix's own names, and those of Standard Webhooks.
    let header = |name: &str| {
        ["svix", "webhook"]
            .iter()
            .find_map(|prefix| header_text(headers, format!("{prefix}-{name}")))
    };
    let (id, timestamp, signatures) = (header("id")?, header("timestamp")?, header("signature")?);
    let is_id = (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let is_signed = || {
        secrets
            .iter()
            .any(|secret| secret.has_signed(&id, &timestamp, body, &signatures))
    };
    (is_id && is_fresh(&timestamp, now) && is_signed()).then(|| id.clone().into_owned())
}

fn read(event: String, body: &Value) -> Option<Report> {
    let kind = body.get("type")?.as_str()?.strip_prefix("email.")?;
    let state = state_of(kind)?;
    let data = body.get("data")?;
    let message = data.get("email_id")?.as_str()?;
    let is_id = (1..=ID_MAX).contains(&message.len()) && message.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| Report {
        channel: Channel::Email,
        event,
        message: message.to_owned(),
        state,
        reason: (state != State::Delivered).then(|| reason(kind, data)),
        is_permanent: data.pointer("/bounce/type").and_then(Value::as_str) == Some("Permanent"),
        keep: is_ours(data),
    })
}

/// `resend bounced Permanent NoEmail`. Messages and diagnostics name the recipient, so they are left out.
fn reason(kind: &str, data: &Value) -> String {
    let words = [
        "/bounce/type",
        "/bounce/subType",
        "/suppressed/reason",
        "/failed/reason",
    ];
    let words = words
        .iter()
        .filter_map(|place| data.pointer(place)?.as_str())
        .map(clean);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    ["resend", kind]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word without anything that could be an address.
fn clean(word: &str) -> String {
    let plain = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
    plain.take(40).collect()
}

/// Our e-mails carry the notification's id as a tag; other systems may use the account. The reference has tags as an object,
/// the guide as a list.
fn is_ours(data: &Value) -> bool {
    match data.get("tags") {
        Some(Value::Object(tags)) => tags.contains_key("notification"),
        Some(Value::Array(tags)) => tags
            .iter()
            .any(|tag| tag.get("name").is_some_and(|name| name == "notification")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_of(kind: &str, data: &Value) -> Option<Report> {
        let mut data = data.clone();
        data["email_id"] = "4ef9a417-02e9-4d39-ad75-9611e0fcc33c".into();
        read(
            "msg_1".to_owned(),
            &json!({"type": kind, "created_at": "x", "data": data}),
        )
    }

    /// State, reason and whether it is permanent, in one line.
    fn told(kind: &str, data: &Value) -> String {
        let report = read_of(kind, data).unwrap();
        let reason = report.reason.unwrap_or_default();
        format!("{}: {reason} {}", report.state.as_str(), report.is_permanent)
    }

    #[test]
    fn an_event_leads_to_a_state_with_its_reason() {
        let bounce =
            |kind: &str| json!({"bounce": {"type": kind, "subType": "General", "message": "a@b.kz is full"}});
        let failed = json!({"failed": {"reason": "reached_daily_quota"}});
        let suppressed =
            json!({"suppressed": {"reason": "previous_bounce", "type": "Suppressed", "message": "a@b.kz"}});
        for (kind, data, expected) in [
            ("delivered", json!({}), "delivered:  false"),
            (
                "delivery_delayed",
                json!({}),
                "delayed: resend delivery_delayed false",
            ),
            (
                "bounced",
                bounce("Permanent"),
                "bounced: resend bounced Permanent General true",
            ),
            (
                "bounced",
                bounce("Transient"),
                "bounced: resend bounced Transient General false",
            ),
            (
                "bounced",
                bounce("a@b.kz"),
                "bounced: resend bounced abkz General false",
            ),
            ("complained", json!({}), "complained: resend complained false"),
            (
                "failed",
                failed,
                "undelivered: resend failed reached_daily_quota false",
            ),
            (
                "suppressed",
                suppressed,
                "undelivered: resend suppressed previous_bounce false",
            ),
        ] {
            assert_eq!(told(&format!("email.{kind}"), &data), expected);
        }
    }

    #[test]
    fn what_changes_nothing_is_no_report() {
        let others = [
            "email.sent",
            "email.opened",
            "email.clicked",
            "email.scheduled",
            "contact.created",
            "delivered",
            "",
        ];
        for kind in others {
            assert_eq!(read_of(kind, &json!({})), None, "{kind}");
        }
    }

    #[test]
    fn tags_are_an_object_or_a_list() {
        for (tags, ours) in [
            (json!({"notification": "1", "x": "y"}), true),
            (
                json!([{"name": "x", "value": "y"}, {"name": "notification", "value": "1"}]),
                true,
            ),
            (json!({"x": "notification"}), false),
            (
                json!([{"name": "x", "value": "notification"}, "notification"]),
                false,
            ),
            (json!(null), false),
            (json!("notification"), false),
        ] {
            let report = read_of("email.delivered", &json!({ "tags": tags })).unwrap();
            assert_eq!(report.keep, ours, "{tags}");
        }
    }
}
