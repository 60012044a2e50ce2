//! The model's rows are PostgreSQL's rows: every row that matters, under every event, through the real statements.
//!
//! Ages that a row has before the event are written in hours, so that the seconds of a slow machine change nothing;
//! what the event itself writes is exact, because one statement has one `now()`.

use super::row::{
    Attempt, CHANNELS, Found, Hold, N, Notification, OPEN, Row, Rules, STATES, duration, index, ticks,
};
use super::stage::{Case, apart, assert_same, read, write};
use futures::future::join_all;
use harness::world::{Database, Person, run};
use proftest::domain::delivery::{Before, Doubt, Kind, LEASE, Outcome, State, Status};
use proftest::store::{Claim, Fence, Store, WAKE_GRACE};
use serde_json::json;
use std::time::Duration;

const HOUR: f64 = 3600.0;
/// Statements that run side by side.
const SIDE_BY_SIDE: usize = 4;

pub fn row(state: State, free_in: u8, unknown_for: Option<u8>) -> Row {
    Row {
        state,
        attempt: 4,
        retries: 1,
        free_in,
        unknown_for,
        updated_for: 2,
        hold: Hold::None,
    }
}

pub fn notification(status: Status, due_in: u8, rows: [Row; N]) -> Notification {
    Notification {
        status,
        due_in,
        wake_in: 5,
        open_channels: rows.iter().map(|row| u8::from(row.is_open())).sum(),
        held_channels: rows.iter().map(|row| u8::from(row.state == State::Held)).sum(),
        failed: status == Status::Failed || rows.iter().any(|row| row.state == State::Failed),
        sent: rows.map(|row| row.state.severity().is_some()),
        rows: rows.map(Some),
        early: [None; N],
    }
}

fn product(rows: &[Row]) -> Vec<[Row; N]> {
    let mut all = vec![[rows[0]; N]];
    for channel in 0..N {
        let with = |so_far: [Row; N]| {
            rows.iter().map(move |row| {
                let mut rows = so_far;
                rows[channel] = *row;
                rows
            })
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

/// Every row that a claim can meet, apart from numbers that it only hands on.
fn claims() -> Vec<Case<()>> {
    let mut rows = Vec::new();
    for state in STATES {
        for free_in in [0, 1] {
            rows.extend([None, Some(3)].map(|unknown_for| row(state, free_in, unknown_for)));
        }
    }
    let mut cases = Vec::new();
    for status in Status::ALL {
        for due_in in [0, 1] {
            let all = product(&rows).into_iter();
            cases.extend(all.map(|rows| Case::new(notification(status, due_in, rows), ())));
        }
    }
    cases
}

pub fn found(claim: Claim) -> Found {
    let hours = |since: Duration| num(since.as_secs_f64() / HOUR);
    match claim {
        Claim::Missing => panic!("it is there"),
        Claim::Early { .. } => Found::Early,
        Claim::Over { failed } => Found::Over { failed },
        Claim::Busy { .. } => Found::Busy,
        Claim::Held => Found::Held,
        Claim::Claimed(due) => Found::Claimed(
            due.attempts
                .iter()
                .map(|attempt| Attempt {
                    channel: index(attempt.channel),
                    number: u8::try_from(attempt.number).unwrap(),
                    retries: u8::try_from(attempt.retries).unwrap(),
                    unknown_for: match attempt.before {
                        Before::NotSent => None,
                        Before::Unknown { since } => Some(hours(since)),
                    },
                })
                .collect(),
        ),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a handful of hours"
)]
fn num(hours: f64) -> u8 {
    hours.round() as u8
}

pub async fn each<E>(cases: &[Case<E>], act: impl AsyncFn(&Case<E>)) {
    let lane = cases.len().div_ceil(SIDE_BY_SIDE);
    let lanes = cases.chunks(lane).map(async |cases| {
        for case in cases {
            act(case).await;
        }
    });
    join_all(lanes).await;
}

pub fn store(db: &Database) -> Store {
    Store::new(&db.owner(), SIDE_BY_SIDE, Duration::from_secs(30)).unwrap()
}

#[test]
fn a_claim_does_to_every_row_what_the_model_says() {
    run(async {
        assert_eq!(duration(super::row::LEASE), LEASE);
        let (db, cases) = (Database::fresh().await, claims());
        write(&db, &cases).await;
        let (before, store) = (read(&db).await, store(&db));
        let claim = async |case: &Case<()>| {
            let (mut expected, real) = (case.before, store.claim(case.id, &json!({})).await.unwrap());
            let expected = expected.claim(Rules::REAL, OPEN);
            assert_eq!(found(real), expected, "{:?}", case.before);
        };
        each(&cases, claim).await;
        let after = read(&db).await;
        for Case { id, before: old, .. } in &cases {
            let (id, mut new) = (id.to_string(), *old);
            new.claim(Rules::REAL, OPEN);
            assert_same(&before[&id], &after[&id], *old, new, &format!("{old:?}"));
        }
        println!("{} claims as the model says", cases.len());
    });
}

struct Recording {
    attempt: Attempt,
    outcome: Outcome,
    doubt: Doubt,
}

fn outcomes() -> [Outcome; 5] {
    let (reason, after) = ("why".to_owned(), duration(7));
    [
        Outcome::Accepted {
            provider_id: "7".to_owned(),
        },
        Outcome::Retrying {
            reason: reason.clone(),
            after,
        },
        Outcome::Parked {
            reason: reason.clone(),
            after,
        },
        Outcome::Unknown {
            reason: reason.clone(),
            after,
        },
        Outcome::Failed { reason },
    ]
}

/// Every row that a record can meet, with every outcome, beside every kind of other channel.
fn records() -> Vec<Case<Recording>> {
    let mut cases = Vec::new();
    for (channel, number) in (0..N).flat_map(|channel| [(channel, 4), (channel, 3)]) {
        for state in STATES {
            for unknown_for in [None, Some(3)] {
                for other in [State::Pending, State::Held, State::Accepted, State::Failed] {
                    let mut rows = [row(other, 0, None); N];
                    rows[channel] = row(state, 1, unknown_for);
                    for outcome in outcomes() {
                        for doubt in [Doubt::Keep, Doubt::Start, Doubt::Clear] {
                            let event = Recording {
                                attempt: Attempt {
                                    channel,
                                    number,
                                    retries: 1,
                                    unknown_for,
                                },
                                outcome: outcome.clone(),
                                doubt,
                            };
                            cases.push(Case::new(notification(Status::Pending, 0, rows), event));
                        }
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn a_record_does_to_every_row_what_the_model_says() {
    run(async {
        let (db, cases) = (Database::fresh().await, records());
        write(&db, &cases).await;
        let (before, store) = (read(&db).await, store(&db));
        let grace = ticks(WAKE_GRACE);
        let expect = |case: &Case<Recording>| {
            let Recording {
                attempt,
                outcome,
                doubt,
            } = &case.event;
            let mut new = case.before;
            let counted = new.record(Rules::REAL, *attempt, outcome, *doubt, grace);
            (new, counted)
        };
        let record = async |case: &Case<Recording>| {
            let Recording {
                attempt,
                outcome,
                doubt,
            } = &case.event;
            let (channel, number) = (CHANNELS[attempt.channel], i32::from(attempt.number));
            let real = store.record(case.id, channel, number, outcome, *doubt).await;
            assert_eq!(
                real.unwrap() == Fence::Held,
                expect(case).1,
                "{:?} {outcome:?} {doubt:?}",
                case.before
            );
        };
        each(&cases, record).await;
        let after = read(&db).await;
        for case in &cases {
            let Recording {
                attempt,
                outcome,
                doubt,
            } = &case.event;
            let (id, (new, counted)) = (case.id.to_string(), expect(case));
            let what = format!("{:?} {attempt:?} {outcome:?} {doubt:?}", case.before);
            assert_same(&before[&id], &after[&id], case.before, new, &what);
            let after = &after[&id];
            if counted && outcome.after().is_some() {
                let now = &after["rows"][attempt.channel]["updated_at"];
                assert!(
                    apart(&after["n"]["wake_at"], now, duration(new.wake_in)),
                    "{what}: {after}"
                );
            }
        }
        println!("{} records as the model says", cases.len());
    });
}

/// What the sweep can meet: every state of a notification, held or not.
fn sweeps() -> Vec<Case<()>> {
    let mut cases = Vec::new();
    for (one, other) in [
        (State::Retrying, State::Accepted),
        (State::Held, State::Accepted),
        (State::Held, State::Pending),
        (State::Held, State::Held),
    ] {
        let rows = [one, other].map(|state| row(state, 0, None));
        for status in Status::ALL {
            for (due_in, wake_in) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let before = notification(status, due_in, rows);
                cases.push(Case::new(Notification { wake_in, ..before }, ()));
            }
        }
    }
    cases
}

#[test]
fn a_sweep_wakes_what_the_model_says() {
    run(async {
        let (db, cases) = (Database::fresh().await, sweeps());
        write(&db, &cases).await;
        let take = async || {
            db.store()
                .take_overdue(100, Duration::from_mins(5))
                .await
                .unwrap()
        };
        let taken = take().await;
        for Case { id, before, .. } in &cases {
            assert_eq!(taken.contains(id), before.is_overdue(), "{before:?}");
        }
        assert!(take().await.is_empty());
    });
}

#[test]
fn intake_makes_what_the_model_says() {
    run(async {
        let db = Database::fresh().await;
        let lead = Person::new().lead().unwrap();
        let saved = db
            .store()
            .save_lead(lead, Kind::Result, duration(6))
            .await
            .unwrap();
        let id = saved.notification.unwrap().id.to_string();
        let made = &read(&db).await[&id];
        let new = Notification::new(6, ticks(WAKE_GRACE), [true; N]);
        assert_eq!(
            (&made["n"]["status"], &made["n"]["open_channels"]),
            (&new.status.as_str().into(), &new.open_channels.into())
        );
        let due = &made["n"]["scheduled_for"];
        assert!(
            apart(&made["n"]["wake_at"], due, duration(new.wake_in - new.due_in)),
            "{made}"
        );
        for (channel, expected) in new.rows.into_iter().flatten().enumerate() {
            let row = &made["rows"][channel];
            assert_eq!(
                (&row["state"], &row["attempt"], &row["retries"]),
                (&expected.state.as_str().into(), &0.into(), &0.into())
            );
            assert!(
                apart(&row["next_attempt_at"], due, duration(0)) && row["unknown_since"].is_null(),
                "{row}"
            );
        }
    });
}
