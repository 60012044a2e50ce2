//! Notifications of any state in a real database, and their comparison with the model's.

use super::row::{CHANNELS, N, Notification, Row, duration, index};
use harness::world::Database;
use proftest::domain::delivery::{Channel, State};
use proftest::domain::ids::NotificationId;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// Channels that have a flag `<channel>_sent` in both tables.
const FLAGS: [Channel; 2] = [Channel::Email, Channel::Sms];

/// How long a hold lasts.
pub const HELD: Duration = Duration::from_hours(7 * 24);

/// Why the guard does not let a channel out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Whatever was decided before.
    Suppressed,
    /// Of the message itself.
    Consent,
    /// Of all messages.
    Global,
}

impl Reason {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Consent => "consent",
            Self::Global => "budget:global",
        }
    }
}

/// What the guard knows of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    pub reason: Option<Reason>,
    /// It was released once.
    pub waived: bool,
}

/// A notification in the database, and what the model says will become of it.
pub struct Case<E> {
    pub id: NotificationId,
    pub before: Notification,
    pub known: [Known; N],
    pub event: E,
}

impl<E> Case<E> {
    pub fn new(before: Notification, event: E) -> Self {
        let id = NotificationId::from_uuid(Uuid::new_v4());
        let known = [Known::default(); N];
        Self {
            id,
            before,
            known,
            event,
        }
    }
}

pub async fn write<E>(db: &Database, cases: &[Case<E>]) {
    let [mut leads, mut notifications, mut rows, mut more] = [const { String::new() }; 4];
    for (number, case) in cases.iter().enumerate() {
        let Case { id, before, .. } = case;
        let comma = if number == 0 { ' ' } else { ',' };
        write!(
            leads,
            "{comma}('{id}', 'Имя', '{number}@example.com', '+7701{number:07}', 'x')"
        )
        .unwrap();
        let (status, open, held) = (before.status.as_str(), before.open_channels, before.held_channels);
        let (due, wake) = (before.due_in, before.wake_in);
        let [email, sms] = FLAGS.map(|channel| before.sent[index(channel)]);
        let reason = if before.failed { "'earlier'" } else { "null" };
        write!(
            notifications,
            "{comma}('{id}', '{id}', '{status}', now() + interval '{due} h', now() + interval '{wake} h', {open}, {held},
              {held} > 0, '{id}', {reason}, {email}, {sms}, 'x')"
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
        write_known(&mut more, case);
    }
    db.execute(&format!(
        "insert into landing_leads (id, name, email, phone, source) values {leads};
         insert into scheduled_notifications
             (id, lead_id, status, scheduled_for, wake_at, open_channels, held_channels, was_held,
              submission_id, failure_reason, email_sent, sms_sent, source)
         values {notifications};
         insert into deliveries (notification_id, channel, state, attempt, retries, next_attempt_at, unknown_since,
                                 updated_at, content)
         values {rows};
         {more};
         analyze"
    ))
    .await;
}

/// The submission, with keys of its own, and holds; what a hold was before is `earlier`.
fn write_known<E>(sql: &mut String, case: &Case<E>) {
    let id = case.id;
    let agreed = case.known.map(|known| known.reason != Some(Reason::Consent));
    let [email, sms] = FLAGS.map(|channel| agreed[index(channel)]);
    write!(
        sql,
        "insert into submissions (id, lead_id, email_key, phone_key, email_consent, sms_consent)
         values ('{id}', '{id}', {}, {}, {email}, {sms});",
        key(case, Channel::Email),
        key(case, Channel::Sms),
    )
    .unwrap();
    for (channel, (known, row)) in CHANNELS.iter().zip(case.known.iter().zip(case.before.rows)) {
        let is_held = row.unwrap().state == State::Held;
        if is_held || known.waived {
            let (waived, ended) = (
                known.waived,
                if is_held { "null" } else { "now() - interval '2 h'" },
            );
            write!(
                sql,
                "insert into holds (notification_id, channel, reason, held_at, until, waived, ended_at)
                 values ('{id}', '{}', 'earlier', now() - interval '3 h', now(), {waived}, {ended});",
                channel.as_str()
            )
            .unwrap();
        }
        if known.reason == Some(Reason::Suppressed) {
            let key = key(case, *channel);
            write!(
                sql,
                "insert into suppressions (key, reason, source) values ({key}, 'x', 'x');"
            )
            .unwrap();
        }
    }
}

/// As SQL.
fn key<E>(case: &Case<E>, channel: Channel) -> String {
    format!("decode(md5('{}{}'), 'hex')", channel.as_str(), case.id)
}

/// All of the database, by notification: its own row, the lead's flags, and each channel's row with its hold and how many
/// messages its budget counts.
pub async fn read(db: &Database) -> HashMap<String, Value> {
    let rows = db
        .rows(
            "select n.id, to_jsonb(n) || jsonb_build_object(
                        'scheduled_for', extract(epoch from n.scheduled_for), 'wake_at', extract(epoch from n.wake_at)) as n,
                    jsonb_build_array(l.email_sent, l.sms_sent) as lead,
                    (select jsonb_agg(to_jsonb(d) || jsonb_build_object(
                         'next_attempt_at', extract(epoch from d.next_attempt_at),
                         'unknown_since', extract(epoch from d.unknown_since),
                         'updated_at', extract(epoch from d.updated_at),
                         'hold', (select to_jsonb(h) || jsonb_build_object(
                                      'held_at', extract(epoch from h.held_at), 'until', extract(epoch from h.until),
                                      'ended_at', extract(epoch from h.ended_at))
                                  from holds h where h.notification_id = d.notification_id and h.channel = d.channel),
                         'taken', (select cardinality(b.sent) from contact_budgets b join submissions s on s.id = n.id
                                   where b.key = case d.channel when 'sms' then s.phone_key else s.email_key end))
                                  order by d.channel)
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
    let free_in = match new.state {
        State::Held => HELD,
        _ => duration(new.free_in),
    };
    assert!(apart(&after["next_attempt_at"], now, free_in), "{what}: {after}");
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
    let columns = |of: Notification| (of.status, of.wake_in, of.open_channels, of.held_channels);
    if columns(old) == columns(new) {
        assert_eq!(was, is, "{what}");
        return;
    }
    assert_eq!(is["status"], new.status.as_str(), "{what}");
    assert_eq!(is["open_channels"], new.open_channels, "{what}");
    assert_eq!(is["held_channels"], new.held_channels, "{what}");
    let newly_held = new.held_channels > old.held_channels;
    assert_eq!(is["was_held"], newly_held || was["was_held"] == true, "{what}");
    if new.wake_in == old.wake_in {
        assert_eq!(is["wake_at"], was["wake_at"], "{what}");
    }
    assert_eq!(is["failure_reason"].is_null(), !new.failed, "{what}");
    for channel in FLAGS {
        let flag = format!("{}_sent", channel.as_str());
        assert_eq!(is[&flag], new.sent[index(channel)], "{what}");
    }
}
