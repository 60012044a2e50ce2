//! The model's rows under a vendor's reports are PostgreSQL's rows.

use super::conformance::{each, notification, row, store};
use super::row::{Attempt, CHANNELS, N, Notification, Rules};
use super::stage::{Case, read, write};
use harness::world::{Database, run};
use proftest::domain::delivery::{Doubt, Outcome, State, Status};
use proftest::store::Fence;
use serde_json::Value;
use std::fmt::Write as _;

/// What vendors report.
const REPORTED: [State; 6] = [
    State::Delayed,
    State::Expired,
    State::Undelivered,
    State::Delivered,
    State::Bounced,
    State::Complained,
];

struct Reporting {
    channel: usize,
    /// In the order of their arrival, before the acceptance is recorded, if this attempt records one.
    states: [State; 2],
    records: Option<Attempt>,
}

fn message<E>(case: &Case<E>) -> String {
    format!("message-{}", case.id)
}

/// Every state of a channel under every pair of reports.
fn cases() -> Vec<Case<Reporting>> {
    let mut cases = Vec::new();
    for channel in 0..N {
        for state in State::ALL {
            for one in REPORTED {
                for other in REPORTED {
                    let mut rows = [row(State::Accepted, 0, None); N];
                    rows[channel] = row(state, 0, None);
                    let records = (state == State::Sending).then_some(Attempt {
                        channel,
                        number: 4,
                        retries: 1,
                        unknown_for: None,
                    });
                    let status = if rows[channel].is_open() {
                        Status::Pending
                    } else {
                        Status::Completed
                    };
                    let event = Reporting {
                        channel,
                        states: [one, other],
                        records,
                    };
                    cases.push(Case::new(notification(status, 0, rows), event));
                }
            }
        }
    }
    cases
}

fn expected(case: &Case<Reporting>) -> Notification {
    let (mut new, event) = (case.before, &case.event);
    for state in event.states {
        new.report(Rules::REAL, event.channel, state);
    }
    if let Some(attempt) = event.records {
        new.record(Rules::REAL, attempt, &accepted(case), Doubt::Clear, 0);
    }
    new
}

fn accepted<E>(case: &Case<E>) -> Outcome {
    Outcome::Accepted {
        provider_id: message(case),
    }
}

/// The messages whose acceptance is recorded.
async fn write_messages(db: &Database, cases: &[Case<Reporting>]) {
    let mut sql = String::new();
    let known = cases.iter().filter(|case| {
        let state = case.before.rows[case.event.channel].map(|row| row.state);
        state.and_then(State::severity).is_some()
    });
    for case in known {
        let (channel, id) = (CHANNELS[case.event.channel].as_str(), case.id);
        write!(
            sql,
            "insert into vendor_messages (channel, provider_id, notification_id) values ('{channel}', '{}', '{id}');",
            message(case)
        )
        .unwrap();
    }
    db.execute(&sql).await;
}

/// All but what a report may change.
fn rest(row: &Value) -> Value {
    let mut rest = row.clone();
    for row in rest["rows"].as_array_mut().unwrap() {
        for column in ["state", "reason", "updated_at"] {
            row.as_object_mut().unwrap().remove(column);
        }
    }
    rest
}

#[test]
fn reports_do_to_every_row_what_the_model_says() {
    run(async {
        let (db, cases) = (Database::fresh().await, cases());
        write(&db, &cases).await;
        write_messages(&db, &cases).await;
        let (before, store) = (read(&db).await, store(&db));
        each(&cases, async |case: &Case<Reporting>| {
            let (event, id) = (&case.event, case.id);
            for (number, state) in event.states.iter().enumerate() {
                let (channel, state) = (CHANNELS[event.channel].as_str(), state.as_str());
                let report = format!(
                    r#"[{{"vendor": "resend", "event": "{id}-{number}", "channel": "{channel}", "id": "{}",
                         "state": "{state}", "keep": true}}]"#,
                    message(case)
                );
                // A report that comes again changes nothing.
                for _ in 0..2 {
                    db.rows(&format!("select * from funnel.take_receipts('{report}')"))
                        .await;
                }
            }
            if let Some(attempt) = event.records {
                let (channel, outcome) = (CHANNELS[event.channel], accepted(case));
                let recorded = store.record(id, channel, i32::from(attempt.number), &outcome, Doubt::Clear);
                assert_eq!(recorded.await.unwrap(), Fence::Held);
            }
        })
        .await;
        let after = read(&db).await;
        for case in &cases {
            let (id, event) = (case.id.to_string(), &case.event);
            let what = format!("{:?} {:?}", case.before.rows[event.channel], event.states);
            assert_eq!(
                after[&id]["rows"][event.channel]["state"],
                expected(case).rows[event.channel].unwrap().state.as_str(),
                "{what}"
            );
            if event.records.is_none() {
                assert_eq!(rest(&before[&id]), rest(&after[&id]), "{what}");
            }
        }
        println!("{} pairs of reports as the model says", cases.len());
    });
}
