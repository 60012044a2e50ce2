//! What `claim.sql` and `record.sql` do to a notification, said a second time, as pure functions over ticks.
//!
//! `conformance` holds these to the statements themselves, on a real PostgreSQL, for every combination of row and
//! event; `search` explores what becomes of them. So the model cannot drift from the SQL unnoticed.

use proftest::domain::delivery::{Channel, Doubt, Outcome, State, Status};
use std::time::Duration;

/// One tick of the model. Half a lease, and as long as a function may live.
pub const TICK: Duration = Duration::from_secs(30);
/// `delivery::LEASE`.
pub const LEASE: u8 = 2;
/// Age from which nothing changes any more: above every limit of the model's timing.
pub const OLD: u8 = 9;
pub const N: usize = Channel::ALL.len();
pub const CHANNELS: [Channel; N] = Channel::ALL;

/// A duration in ticks; the model's timing has whole ones only.
pub fn ticks(duration: Duration) -> u8 {
    assert_eq!(duration.as_secs() % TICK.as_secs(), 0, "{duration:?}");
    u8::try_from(duration.as_secs() / TICK.as_secs()).unwrap()
}

pub fn duration(ticks: u8) -> Duration {
    TICK * u32::from(ticks)
}

pub fn index(channel: Channel) -> usize {
    CHANNELS.iter().position(|one| *one == channel).unwrap()
}

/// The states that these statements read and write.
pub const STATES: [State; 7] = [
    State::Pending,
    State::Sending,
    State::Retrying,
    State::Parked,
    State::Unknown,
    State::Accepted,
    State::Failed,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub state: State,
    pub attempt: u8,
    pub retries: u8,
    /// Until `next_attempt_at`; 0 when it has passed.
    pub free_in: u8,
    pub unknown_for: Option<u8>,
    pub updated_for: u8,
}

/// One row of `scheduled_notifications` with its deliveries; a model of some channels leaves the others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Notification {
    pub status: Status,
    /// Until `scheduled_for`; 0 when it is due.
    pub due_in: u8,
    /// Until `wake_at`; 0 when the sweep may wake it.
    pub wake_in: u8,
    pub open_channels: u8,
    pub failed: bool,
    /// `email_sent`, `sms_sent`, by channel.
    pub sent: [bool; N],
    pub rows: [Option<Row>; N],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    pub channel: usize,
    pub number: u8,
    pub retries: u8,
    pub unknown_for: Option<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Early,
    Over { failed: bool },
    Busy,
    Claimed(Vec<Attempt>),
}

/// What keeps the rows safe; each can be taken away, to see that the model misses it.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a line of SQL that is there or not"
)]
pub struct Rules {
    /// `record.sql` asks for the attempt's number.
    pub fenced: bool,
    /// `claim.sql` takes nothing before `scheduled_for`.
    pub due_checked: bool,
    /// `claim.sql` takes nothing before `next_attempt_at`.
    pub free_checked: bool,
    /// `claim.sql` takes a lease that ran out for an unknown outcome.
    pub lease_leaves_doubt: bool,
}

impl Rules {
    pub const REAL: Self = Self {
        fenced: true,
        due_checked: true,
        free_checked: true,
        lease_leaves_doubt: true,
    };
}

impl Row {
    pub const fn is_open(self) -> bool {
        !matches!(self.state, State::Accepted | State::Failed)
    }
}

impl Notification {
    pub fn new(due_in: u8, grace: u8, channels: [bool; N]) -> Self {
        let row = Row {
            state: State::Pending,
            attempt: 0,
            retries: 0,
            free_in: due_in,
            unknown_for: None,
            updated_for: 0,
        };
        Self {
            status: Status::Pending,
            due_in,
            wake_in: due_in + grace,
            open_channels: channels.into_iter().map(u8::from).sum(),
            failed: false,
            sent: [false; N],
            rows: channels.map(|has| has.then_some(row)),
        }
    }

    pub fn claim(&mut self, rules: Rules) -> Found {
        if self.status != Status::Pending {
            let failed = self.status == Status::Failed;
            return Found::Over { failed };
        }
        let is_due = self.due_in == 0 || !rules.due_checked;
        let mut attempts = Vec::new();
        for (channel, row) in self.rows.iter_mut().enumerate() {
            let Some(row) = row.as_mut().filter(|row| row.is_open()) else {
                continue;
            };
            if !is_due || (row.free_in > 0 && rules.free_checked) {
                continue;
            }
            if row.state == State::Sending && rules.lease_leaves_doubt {
                let oldest = row.unknown_for.filter(|_| channel == index(Channel::Email));
                row.unknown_for = oldest.or(Some(row.updated_for));
            }
            row.state = State::Sending;
            row.attempt += 1;
            row.free_in = LEASE;
            row.updated_for = 0;
            attempts.push(Attempt {
                channel,
                number: row.attempt,
                retries: row.retries,
                unknown_for: row.unknown_for,
            });
        }
        match (is_due, attempts.is_empty()) {
            (false, _) => Found::Early,
            (true, true) => Found::Busy,
            (true, false) => Found::Claimed(attempts),
        }
    }

    /// `record.sql`; says whether the claim was still ours.
    pub fn record(
        &mut self,
        rules: Rules,
        attempt: Attempt,
        outcome: &Outcome,
        doubt: Doubt,
        grace: u8,
    ) -> bool {
        let Some(row) = &mut self.rows[attempt.channel] else {
            return false;
        };
        if row.state != State::Sending || (rules.fenced && row.attempt != attempt.number) {
            return false;
        }
        let after = outcome.after().map(ticks);
        row.state = outcome.state();
        row.retries += u8::from(row.state == State::Retrying);
        row.free_in = after.unwrap_or_default();
        row.unknown_for = match doubt {
            Doubt::Start => Some(0),
            Doubt::Keep => row.unknown_for,
            Doubt::Clear => None,
        };
        row.updated_for = 0;
        self.sent[attempt.channel] |= row.state == State::Accepted;
        self.failed |= row.state == State::Failed;
        if let Some(after) = after {
            self.wake_in = after + if row.state == State::Parked { 0 } else { grace };
        } else {
            self.open_channels -= 1;
        }
        if self.open_channels == 0 {
            self.status = if self.failed {
                Status::Failed
            } else {
                Status::Completed
            };
        }
        true
    }

    pub fn is_overdue(&self) -> bool {
        self.status == Status::Pending && self.due_in == 0 && self.wake_in == 0
    }

    pub fn tick(&mut self) {
        self.due_in = self.due_in.saturating_sub(1);
        self.wake_in = self.wake_in.saturating_sub(1);
        for row in self.rows.iter_mut().flatten() {
            row.free_in = row.free_in.saturating_sub(1);
            row.unknown_for = row.unknown_for.map(|age| (age + 1).min(OLD));
            row.updated_for = (row.updated_for + 1).min(OLD);
        }
    }
}
