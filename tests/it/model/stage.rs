//! Notifications of any state in a real database, and their comparison with the model's.

use super::row::{CHANNELS, N, Notification, Row, duration, index};
use harness::world::Database;
use proftest::domain::delivery::Channel;
use proftest::domain::ids::NotificationId;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// Channels that have a flag `<channel>_sent` in both tables.
const FLAGS: [Channel; 2] = [Channel::Email, Channel::Sms];

/// A notification in the database, and what the model says will become of it.
pub struct Case<E> {
    pub id: NotificationId,
    pub before: Notification,
    pub event: E,
}

impl<E> Case<E> {
    pub fn new(before: Notification, event: E) -> Self {
        let id = NotificationId::from_uuid(Uuid::new_v4());
        Self { id, before, event }
    }
}

pub async fn write<E>(db: &Database, cases: &[Case<E>]) {
    let (mut leads, mut notifications, mut rows) = (String::new(), String::new(), String::new());
    for (number, Case { id, before, .. }) in cases.iter().enumerate() {
        let comma = if number == 0 { ' ' } else { ',' };
        write!(
            leads,
            "{comma}('{id}', 'Имя', '{number}@example.com', '+7701{number:07}', 'x')"
        )
        .unwrap();
        let (status, open) = (before.status.as_str(), before.open_channels);
        let (due, wake) = (before.due_in, before.wake_in);
        let [email, sms] = FLAGS.map(|channel| before.sent[index(channel)]);
        let reason = if before.failed { "'earlier'" } else { "null" };
        write!(
            notifications,
            "{comma}('{id}', '{id}', '{status}', now() + interval '{due} h', now() + interval '{wake} h', {open},
              {reason}, {email}, {sms}, 'x')"
        )
        .unwrap();
        for (channel, row) in CHANNELS.iter().zip(before.rows) {
            let row = row.unwrap();
            let comma = if rows.is_empty() { ' ' } else { ',' };
            let unknown = row
                .unknown_for
                .map_or("null".to_owned(), |age| format!("now() - interval '{age} h'"));
            write!(
                rows,
                "{comma}('{id}', '{}', '{}', {}, {}, now() + interval '{} h', {unknown}, now() - interval '{} h', '{{}}')",
                channel.as_str(),
                row.state.as_str(),
                row.attempt,
                row.retries,
                row.free_in,
                row.updated_for,
            )
            .unwrap();
        }
    }
    db.execute(&format!(
        "insert into landing_leads (id, name, email, phone, source) values {leads};
         insert into scheduled_notifications
             (id, lead_id, status, scheduled_for, wake_at, open_channels, failure_reason, email_sent, sms_sent, source)
         values {notifications};
         insert into deliveries (notification_id, channel, state, attempt, retries, next_attempt_at, unknown_since,
                                 updated_at, content)
         values {rows};
         analyze"
    ))
    .await;
}

/// All of the database, by notification: its own row, the lead's flags, and each channel's row.
pub async fn read(db: &Database) -> HashMap<String, Value> {
    let rows = db
        .rows(
            "select n.id, to_jsonb(n) || jsonb_build_object(
                        'scheduled_for', extract(epoch from n.scheduled_for), 'wake_at', extract(epoch from n.wake_at)) as n,
                    jsonb_build_array(l.email_sent, l.sms_sent) as lead,
                    (select jsonb_agg(to_jsonb(d) || jsonb_build_object(
                         'next_attempt_at', extract(epoch from d.next_attempt_at),
                         'unknown_since', extract(epoch from d.unknown_since),
                         'updated_at', extract(epoch from d.updated_at)) order by d.channel)
                     from deliveries d where d.notification_id = n.id) as rows
             from scheduled_notifications n join landing_leads l on l.id = n.lead_id",
        )
        .await;
    rows.into_iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row))
        .collect()
}

/// Whether two times, in seconds, are this far apart; microseconds are PostgreSQL's precision.
pub fn apart(later: &Value, earlier: &Value, by: Duration) -> bool {
    let (Some(later), Some(earlier)) = (later.as_f64(), earlier.as_f64()) else {
        return false;
    };
    (later - earlier - by.as_secs_f64()).abs() < 1e-5
}

/// Asserts that a channel's row is what the model says; an untouched one is what it was, to the microsecond.
fn assert_row(before: &Value, after: &Value, old: Row, new: Row, what: &str) {
    if old == new {
        assert_eq!(before, after, "{what}: touched");
        return;
    }
    assert_eq!(after["state"], new.state.as_str(), "{what}");
    assert_eq!(after["attempt"], new.attempt, "{what}");
    assert_eq!(after["retries"], new.retries, "{what}");
    let now = &after["updated_at"];
    assert!(
        apart(now, &before["updated_at"], duration(0)) == (new.updated_for == old.updated_for),
        "{what}: {after}"
    );
    assert!(
        apart(&after["next_attempt_at"], now, duration(new.free_in)),
        "{what}: {after}"
    );
    let expected = match new.unknown_for {
        None => &Value::Null,
        Some(0) => now,
        Some(age) if Some(age) == old.unknown_for => &before["unknown_since"],
        Some(_) => &before["updated_at"],
    };
    assert_eq!(&after["unknown_since"], expected, "{what}: {after}");
    assert_eq!(
        after["content"].is_null(),
        !(new.is_open() || after["state"] == "failed" && new.unknown_for.is_some()),
        "{what}: {after}"
    );
}

pub fn assert_same(before: &Value, after: &Value, old: Notification, new: Notification, what: &str) {
    for channel in 0..N {
        let rows = [before, after].map(|side| &side["rows"][channel]);
        assert_row(
            rows[0],
            rows[1],
            old.rows[channel].unwrap(),
            new.rows[channel].unwrap(),
            what,
        );
    }
    for (place, channel) in FLAGS.into_iter().enumerate() {
        let newly = new.sent[index(channel)] && !old.sent[index(channel)];
        assert_eq!(after["lead"][place], newly, "{what}: {after}");
    }
    let (was, is) = (&before["n"], &after["n"]);
    if old == new
        || (old.status, old.wake_in, old.open_channels) == (new.status, new.wake_in, new.open_channels)
    {
        assert_eq!(was, is, "{what}");
        return;
    }
    assert_eq!(is["status"], new.status.as_str(), "{what}");
    assert_eq!(is["open_channels"], new.open_channels, "{what}");
    assert_eq!(is["failure_reason"].is_null(), !new.failed, "{what}");
    for channel in FLAGS {
        let flag = format!("{}_sent", channel.as_str());
        assert_eq!(is[&flag], new.sent[index(channel)], "{what}");
    }
}
