//! What `funnel.claim`, `funnel.record`, a release and the end of a hold do to a notification, said a second time, as pure
//! functions over ticks.
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
pub const STATES: [State; 8] = [
    State::Pending,
    State::Held,
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
    pub hold: Hold,
}

/// What the model remembers of a row's hold until somebody releases it. The SQL does not ask for it: it is what a message
/// is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hold {
    None,
    /// Held before its first attempt: nothing of it can be out.
    First,
    /// Held after an attempt.
    Later,
}

/// Which channels the guard does not let out.
pub type Guard = [bool; N];
pub const OPEN: Guard = [false; N];

/// One row of `scheduled_notifications` with its deliveries; a model of some channels leaves the others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Notification {
    pub status: Status,
    /// Until `scheduled_for`; 0 when it is due.
    pub due_in: u8,
    /// Until `wake_at`; 0 when the sweep may wake it.
    pub wake_in: u8,
    pub open_channels: u8,
    pub held_channels: u8,
    pub failed: bool,
    /// `email_sent`, `sms_sent`, by channel.
    pub sent: [bool; N],
    pub rows: [Option<Row>; N],
    /// The gravest state that a vendor reported before the acceptance was recorded.
    pub early: [Option<State>; N],
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
    Held,
    Claimed(Vec<Attempt>),
}

/// What keeps the rows safe; each can be taken away, to see that the model misses it.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a line of SQL that is there or not"
)]
pub struct Rules {
    /// `funnel.claim` takes nothing that is held before its first attempt.
    pub held_stays: bool,
    /// Nor what is held after one.
    pub held_later_stays: bool,
    /// `funnel.claim` holds nothing that may be out already.
    pub doubt_goes_on: bool,
    /// `release.sql` lets nothing go on that had an attempt.
    pub released_is_first: bool,
    /// `funnel.record` asks for the attempt's number.
    pub fenced: bool,
    /// `funnel.claim` takes nothing before `scheduled_for`.
    pub due_checked: bool,
    /// `funnel.claim` takes nothing before `next_attempt_at`.
    pub free_checked: bool,
    /// `funnel.claim` takes a lease that ran out for an unknown outcome.
    pub lease_leaves_doubt: bool,
    /// `funnel.apply_receipt` only raises severity.
    pub severity_grows: bool,
    /// `funnel.take_receipts` keeps a report of a message whose acceptance is not recorded yet.
    pub early_is_kept: bool,
}

impl Rules {
    pub const REAL: Self = Self {
        held_stays: true,
        held_later_stays: true,
        doubt_goes_on: true,
        released_is_first: true,
        fenced: true,
        due_checked: true,
        free_checked: true,
        lease_leaves_doubt: true,
        severity_grows: true,
        early_is_kept: true,
    };
}

impl Row {
    pub fn is_open(self) -> bool {
        self.state != State::Failed && self.state.severity().is_none()
    }

    /// Whether the guard is asked at all: not about what may be out already.
    pub const fn may_be_held(self) -> bool {
        self.attempt == 0 || matches!(self.state, State::Pending | State::Retrying | State::Parked)
    }

    const fn held(&mut self) {
        self.hold = if self.attempt == 0 {
            Hold::First
        } else {
            Hold::Later
        };
        self.state = State::Held;
        self.free_in = 0;
        self.updated_for = 0;
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
            hold: Hold::None,
        };
        Self {
            status: Status::Pending,
            due_in,
            wake_in: due_in + grace,
            open_channels: channels.into_iter().map(u8::from).sum(),
            held_channels: 0,
            failed: false,
            sent: [false; N],
            rows: channels.map(|has| has.then_some(row)),
            early: [None; N],
        }
    }

    pub fn claim(&mut self, rules: Rules, guard: Guard) -> Found {
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
            let stays = match row.hold {
                Hold::Later => rules.held_later_stays,
                Hold::First | Hold::None => rules.held_stays,
            };
            let is_held = row.state == State::Held && stays;
            if !is_due || is_held || (row.free_in > 0 && rules.free_checked) {
                continue;
            }
            if guard[channel] && (row.may_be_held() || !rules.doubt_goes_on) {
                row.held();
                self.held_channels += 1;
                continue;
            }
            if row.state == State::Sending && rules.lease_leaves_doubt {
                let oldest = row.unknown_for.filter(|_| channel == index(Channel::Email));
                row.unknown_for = oldest.or(Some(row.updated_for));
            }
            if row.state == State::Held {
                // Only with a broken rule.
                self.held_channels -= 1;
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
            (true, true) if self.is_held() => Found::Held,
            (true, true) => Found::Busy,
            (true, false) => Found::Claimed(attempts),
        }
    }

    /// Nothing of it can go on before a decision.
    pub const fn is_held(&self) -> bool {
        self.held_channels > 0 && self.held_channels == self.open_channels
    }

    fn held_row(&mut self, channel: usize) -> Option<&mut Row> {
        let is_pending = self.status == Status::Pending;
        self.rows[channel]
            .as_mut()
            .filter(|row| is_pending && row.state == State::Held)
    }

    /// Somebody lets a held channel go on; says whether it could be.
    pub fn release(&mut self, rules: Rules, channel: usize) -> bool {
        let may_go = |row: &&mut Row| row.attempt == 0 || !rules.released_is_first;
        let Some(row) = self.held_row(channel).filter(may_go) else {
            return false;
        };
        row.state = State::Pending;
        row.hold = Hold::None;
        row.free_in = 0;
        row.updated_for = 0;
        self.held_channels -= 1;
        self.wake_in = 0;
        true
    }

    /// Nobody released it in its time; says whether it was held.
    pub fn hold_over(&mut self, channel: usize) -> bool {
        let Some(row) = self.held_row(channel) else {
            return false;
        };
        row.state = State::Failed;
        row.free_in = 0;
        row.updated_for = 0;
        self.held_channels -= 1;
        self.failed = true;
        self.close();
        true
    }

    /// A channel has come to its end.
    fn close(&mut self) {
        self.open_channels -= 1;
        if self.open_channels == 0 {
            self.status = if self.failed {
                Status::Failed
            } else {
                Status::Completed
            };
        }
    }

    /// `funnel.record`; says whether the claim was still ours.
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
        if let (State::Accepted, Some(early)) = (row.state, self.early[attempt.channel]) {
            row.state = early;
        }
        self.failed |= row.state == State::Failed;
        if let Some(after) = after {
            self.wake_in = after + if row.state == State::Parked { 0 } else { grace };
        } else {
            self.close();
        }
        true
    }

    /// `funnel.take_receipts`, for a message of this channel.
    pub fn report(&mut self, rules: Rules, channel: usize, state: State) {
        let early = &mut self.early[channel];
        let recorded = self.rows[channel]
            .as_mut()
            .filter(|row| row.state.severity().is_some());
        let Some(row) = recorded else {
            if rules.early_is_kept && state.severity() > early.and_then(State::severity) {
                *early = Some(state);
            }
            return;
        };
        if state.severity() > row.state.severity() || !rules.severity_grows {
            row.state = state;
            row.updated_for = 0;
        }
    }

    pub fn is_overdue(&self) -> bool {
        self.status == Status::Pending && !self.is_held() && self.due_in == 0 && self.wake_in == 0
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
