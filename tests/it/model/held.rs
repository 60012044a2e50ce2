//! The same for what ends a hold: a release by the team, or its seven days.

use super::conformance::{each, notification, row, store};
use super::row::{CHANNELS, N, Notification, Row, Rules};
use super::stage::{Case, Known, Reason, apart, assert_same, read, write};
use harness::world::{Database, run};
use ops::release;
use ops::store::Held;
use proftest::domain::delivery::{State, Status};
use proftest::domain::ids::LeadId;
use serde_json::Value;
use std::time::Duration;

/// Every held row, beside each kind of other channel.
fn held(status: Status) -> Vec<Case<()>> {
    let mut all = Vec::new();
    for reason in [None, Some(Reason::Suppressed)] {
        for waived in [false, true] {
            for (attempt, unknown_for) in [(0, None), (4, None), (4, Some(3))] {
                let row = row(State::Held, 0, unknown_for);
                all.push((Row { attempt, ..row }, Known { reason, waived }));
            }
        }
    }
    let others = [
        State::Held,
        State::Sending,
        State::Retrying,
        State::Accepted,
        State::Failed,
    ];
    let mut cases = Vec::new();
    for (channel, (one, known)) in (0..N).flat_map(|channel| all.iter().map(move |one| (channel, one))) {
        for state in others {
            let (mut rows, mut all) = ([row(state, 0, None); N], [Known::default(); N]);
            (rows[channel], all[channel]) = (*one, *known);
            let case = Case::new(notification(status, 0, rows), ());
            cases.push(Case { known: all, ..case });
        }
    }
    cases
}

/// Asserts that the rows are the model's, and that the holds of these channels have ended by what it did.
fn assert_ended(case: &Case<()>, [before, after]: [&Value; 2], new: Notification, waived: bool) {
    let (old, what) = (case.before, format!("{:?} {:?}", case.before, case.known));
    assert_same(before, after, old, new, &what);
    for (channel, name) in CHANNELS.iter().map(|channel| channel.as_str()).enumerate() {
        let [before, after] = [before, after].map(|side| &side["rows"][channel]);
        if old.rows[channel] == new.rows[channel] {
            continue;
        }
        let (hold, now) = (&after["hold"], &after["updated_at"]);
        assert_eq!(
            (&hold["ended_at"], &hold["until"]),
            (now, &before["hold"]["until"]),
            "{what}"
        );
        assert_eq!(hold["waived"], waived || case.known[channel].waived, "{what}");
        assert_eq!(after["taken"], Value::Null, "{what}");
        let reason = if waived {
            Value::Null
        } else {
            "held: earlier".into()
        };
        assert_eq!(after["reason"], reason, "{what} {name}");
    }
}

#[test]
fn a_release_does_to_every_held_row_what_the_model_says() {
    run(async {
        let cases: Vec<_> = Status::ALL.iter().flat_map(|status| held(*status)).collect();
        let db = Database::fresh().await;
        write(&db, &cases).await;
        let (before, ops) = (read(&db).await, db.store_as("ops"));
        let release = async |case: &Case<()>| {
            let held = Held::OfLead(LeadId::from_uuid(*case.id.as_uuid()));
            release::run(&ops, &held, 10, "test", true).await.unwrap();
        };
        each(&cases, release).await;
        let (after, mut audited) = (read(&db).await, 0);
        for case in &cases {
            let (id, mut new) = (case.id.to_string(), case.before);
            for channel in 0..N {
                if case.known[channel].reason != Some(Reason::Suppressed) && new.release(Rules::REAL, channel)
                {
                    let [n, row] = [&after[&id]["n"], &after[&id]["rows"][channel]];
                    assert!(apart(&n["wake_at"], &row["updated_at"], Duration::ZERO), "{n}");
                }
            }
            assert_ended(case, [&before[&id], &after[&id]], new, true);
            audited += i64::from(new != case.before);
        }
        assert_eq!(
            db.count("audit where act = 'release' and actor = 'test'").await,
            audited
        );
        println!(
            "{} releases as the model says, {audited} of them released something",
            cases.len()
        );
    });
}

#[test]
fn the_end_of_a_hold_does_to_every_held_row_what_the_model_says() {
    run(async {
        let (db, cases) = (Database::fresh().await, held(Status::Pending));
        write(&db, &cases).await;
        db.execute("update holds set until = now() + interval '1 h' where ended_at is null")
            .await;
        let (store, unchanged) = (store(&db), read(&db).await);
        assert_eq!(store.end_holds(1000).await.unwrap(), 0, "before their time");
        assert_eq!(read(&db).await, unchanged);
        db.execute("update holds set until = now() where ended_at is null")
            .await;
        let before = read(&db).await;
        let ended = store.end_holds(10_000).await.unwrap();
        let (after, mut expected) = (read(&db).await, 0);
        for case in &cases {
            let (id, mut new) = (case.id.to_string(), case.before);
            for channel in 0..N {
                expected += usize::from(new.hold_over(channel));
            }
            assert_ended(case, [&before[&id], &after[&id]], new, false);
        }
        assert_eq!(ended, expected);
        assert_eq!(store.end_holds(10_000).await.unwrap(), 0, "once");
        println!("{ended} holds ended as the model says");
    });
}
