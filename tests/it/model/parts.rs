//! The parts of a situation, and what may happen to them.

use super::row::{self, Attempt, CHANNELS, Guard, N, Notification, Rules, duration};
use proftest::domain::delivery::{Before, DeliveryTiming, Doubt, Outcome, State, conclude};
use proftest::failure::{Failure, Reaction};
use std::time::Duration;

/// Production's schedule in ticks, with as few of them as keep every order of events possible.
pub const TIMING: DeliveryTiming = DeliveryTiming {
    email_key: duration_of(3),
    repeats: 0,
    backoff: &[duration_of(2)],
    parked: duration_of(2),
    look_up: duration_of(1),
    absent: duration_of(4),
    unknown_max: duration_of(6),
};

const fn duration_of(ticks: u64) -> Duration {
    Duration::from_secs(30 * ticks)
}

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub workers: usize,
    pub channels: [bool; N],
    pub rules: Rules,
    pub timing: DeliveryTiming,
    /// Whether a doubtful SMS is looked up; without it, it is sent again at once.
    pub looks_up: bool,
    /// Whether there is a sweep; without it, a lost message is lost.
    pub sweeps: bool,
    /// Whether the sweep ends holds; without it, only people do.
    pub ends_holds: bool,
    /// Until the notification is due.
    pub due_in: u8,
    /// Before a schedule or message counts as lost.
    pub grace: u8,
    /// A function's timeout: a worker is dead when its claim is older.
    pub life: u8,
    /// How long after it was sent a request may still be carried out.
    pub flight: u8,
    /// Requests, and statements, of dead workers that may still arrive, per channel.
    pub orphans: usize,
    /// From an SMS's acceptance until the vendor's list certainly shows it.
    pub lag: u8,
    /// How long the vendor remembers an idempotency key.
    pub memory: u8,
    /// How long after its worker's death a statement may still land.
    pub late: u8,
    /// What a vendor may report of a message that it has accepted.
    pub reports: &'static [State],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    Flying { age: u8 },
    Answered(Answer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    Accepted,
    /// Accepted, but the worker does not learn it: 500, a broken connection, a timeout.
    AcceptedUnheard,
    /// Not done, and the worker does not learn it.
    DroppedUnheard,
    Refused,
    Parked,
    Never,
}

pub const ANSWERS: [Answer; 6] = [
    Answer::Accepted,
    Answer::AcceptedUnheard,
    Answer::DroppedUnheard,
    Answer::Refused,
    Answer::Parked,
    Answer::Never,
];

/// The statement that a worker has sent to the database. Outcomes hold text; this is one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ShortOutcome {
    Accepted,
    Retrying(u8),
    Parked(u8),
    Unknown(u8),
    Failed,
}

impl ShortOutcome {
    fn of(outcome: &Outcome) -> Self {
        let after = outcome.after().map(row::ticks).unwrap_or_default();
        match outcome {
            Outcome::Accepted { .. } => Self::Accepted,
            Outcome::Retrying { .. } => Self::Retrying(after),
            Outcome::Parked { .. } => Self::Parked(after),
            Outcome::Unknown { .. } => Self::Unknown(after),
            Outcome::Failed { .. } | Outcome::Undeliverable { .. } => Self::Failed,
        }
    }

    pub fn outcome(self) -> Outcome {
        let reason = "why".to_owned();
        let provider_id = "7".to_owned();
        match self {
            Self::Accepted => Outcome::Accepted { provider_id },
            Self::Retrying(after) => Outcome::Retrying {
                reason,
                after: duration(after),
            },
            Self::Parked(after) => Outcome::Parked {
                reason,
                after: duration(after),
            },
            Self::Unknown(after) => Outcome::Unknown {
                reason,
                after: duration(after),
            },
            Self::Failed => Outcome::Failed { reason },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Job {
    None,
    /// Claimed; nothing is sent yet.
    Claimed(Attempt),
    /// Looked up, and not found: to be sent.
    Cleared(Attempt),
    Called(Attempt, Call),
    Recording(Record),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Record {
    pub attempt: Attempt,
    pub outcome: ShortOutcome,
    pub doubt: Doubt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Late {
    pub age: u8,
    pub record: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    pub age: u8,
    pub jobs: [Job; N],
}

pub const IDLE: Worker = Worker {
    age: 0,
    jobs: [Job::None; N],
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Vendor {
    /// Messages accepted. At most one, says the claim.
    pub accepted: u8,
    pub age: u8,
    /// One of them was accepted while its channel was held and nothing had been sent.
    pub despite_hold: bool,
    /// The gravest state that it has reported.
    pub reported: Option<State>,
    /// Ages of requests whose worker is gone.
    pub orphans: [Option<u8>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Situation {
    pub notification: Notification,
    pub workers: [Worker; 3],
    pub vendors: [Vendor; N],
    pub late: [Option<Late>; 2],
}

/// What can happen. Those that bring the work on are what a situation without further faults consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Tick,
    /// A queue message: the first one, a duplicate or a late one.
    Message,
    Sweep,
    /// The same, and the guard does not let these channels out.
    MessageHeld(Guard),
    SweepHeld(Guard),
    /// Somebody of the team releases a channel.
    Release(usize),
    /// A channel's hold ends after its seven days. The model has no clock for them: they end at any moment.
    HoldOver(usize),
    LookUpFinds(usize, usize),
    LookUpMisses(usize, usize),
    LookUpFails(usize, usize),
    Send(usize, usize),
    Answer(usize, usize, Answer),
    TimeOut(usize, usize),
    Record(usize, usize),
    Land(usize, usize),
    Die(usize),
    OrphanAccepted(usize, usize),
    OrphanLost(usize, usize),
    LateLands(usize),
    LateIsLost(usize),
    /// The vendor reports what became of its message, in any order and as often as it likes.
    Report(usize, State),
}

impl Event {
    /// Whether it also happens in a situation without further faults, in which every message but the sweep's is lost.
    pub const fn is_progress(self) -> bool {
        !matches!(
            self,
            Self::Message
                | Self::MessageHeld(_)
                | Self::SweepHeld(_)
                // Nobody has to.
                | Self::Release(_)
                | Self::Report(..)
                | Self::LookUpFails(..)
                | Self::TimeOut(..)
                | Self::Die(_)
                | Self::Answer(
                    _,
                    _,
                    Answer::AcceptedUnheard
                        | Answer::DroppedUnheard
                        | Answer::Refused
                        | Answer::Parked
                        | Answer::Never
                )
        )
    }
}

pub fn before(attempt: Attempt) -> Before {
    attempt
        .unknown_for
        .map_or(Before::NotSent, |age| Before::Unknown { since: duration(age) })
}

pub fn concluded(timing: &DeliveryTiming, attempt: Attempt, answer: Answer) -> (Outcome, Doubt) {
    let failed = |reaction| Err(Failure::new(reaction, "why"));
    let answer = match answer {
        Answer::Accepted => Ok("7".to_owned()),
        Answer::AcceptedUnheard | Answer::DroppedUnheard => failed(Reaction::Unknown),
        Answer::Refused => failed(Reaction::Retry { after: None }),
        Answer::Parked => failed(Reaction::Park),
        Answer::Never => failed(Reaction::GiveUp),
    };
    let channel = CHANNELS[attempt.channel];
    // The shortest delay leaves the most to happen.
    conclude(
        timing,
        channel,
        before(attempt),
        u16::from(attempt.retries),
        answer,
        0.0,
    )
}

pub fn record(attempt: Attempt, outcome: &Outcome, doubt: Doubt) -> Job {
    Job::Recording(Record {
        attempt,
        outcome: ShortOutcome::of(outcome),
        doubt,
    })
}
