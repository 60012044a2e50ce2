//! The same for the guard, and for what ends a hold.

use super::conformance::{each, found, notification, row, store};
use super::row::{CHANNELS, Guard, N, Row, Rules, STATES, index};
use super::stage::{Case, HELD, Known, Reason, apart, assert_same, read, write};
use harness::world::{Database, run};
use proftest::domain::delivery::{Channel, State, Status};
use serde_json::{Value, json};

/// Every row that the guard can meet, with all that it can say, beside each kind of other channel.
fn guarded() -> Vec<Case<()>> {
    let mut all = Vec::new();
    let reasons = [Reason::Suppressed, Reason::Consent, Reason::Global].map(Some);
    for reason in reasons.into_iter().chain([None]) {
        for waived in [false, true] {
            for (state, attempt, free_in) in STATES
                .into_iter()
                .flat_map(|state| [(state, 0, 0), (state, 0, 1), (state, 4, 0), (state, 4, 1)])
            {
                let row = row(state, free_in, None);
                all.push((Row { attempt, ..row }, Known { reason, waived }));
            }
        }
    }
    let others = [
        (State::Pending, 0, None),
        (State::Pending, 0, Some(Reason::Consent)),
        (State::Retrying, 4, Some(Reason::Suppressed)),
        (State::Held, 0, None),
        (State::Accepted, 4, None),
    ];
    let mut cases = Vec::new();
    for (channel, (one, known)) in (0..N).flat_map(|channel| all.iter().map(move |one| (channel, one))) {
        for (state, attempt, reason) in others {
            let waived = false;
            let other = row(state, 0, None);
            let (mut rows, mut all) = ([Row { attempt, ..other }; N], [Known { reason, waived }; N]);
            (rows[channel], all[channel]) = (*one, *known);
            let case = Case::new(notification(Status::Pending, 0, rows), ());
            cases.push(Case { known: all, ..case });
        }
    }
    cases
}

/// What the guard says to a case.
fn guard(case: &Case<()>) -> Guard {
    std::array::from_fn(|channel| {
        let (known, is_first) = (
            case.known[channel],
            case.before.rows[channel].unwrap().attempt == 0,
        );
        match known.reason {
            None => false,
            Some(Reason::Suppressed) => true,
            Some(Reason::Consent) => is_first && !known.waived,
            Some(Reason::Global) => is_first,
        }
    })
}

/// Budgets that are never used up, but where the case says so.
fn limits(case: &Case<()>) -> Value {
    let [email, sms] = [Channel::Email, Channel::Sms].map(|channel| {
        let is_used_up = case.known[index(channel)].reason == Some(Reason::Global);
        json!({"day": if is_used_up { 0 } else { 1_000_000 }})
    });
    let one = json!([{"seconds": 86_400, "most": 1}]);
    json!({"email": email, "sms": sms, "address": one, "phone": one})
}

#[test]
fn a_guarded_claim_holds_and_charges_what_the_model_says() {
    run(async {
        let (db, cases) = (Database::fresh().await, guarded());
        write(&db, &cases).await;
        let (before, store) = (read(&db).await, store(&db));
        let claim = async |case: &Case<()>| {
            let mut expected = case.before;
            let real = store.claim(case.id, &limits(case)).await.unwrap();
            let expected = expected.claim(Rules::REAL, guard(case));
            assert_eq!(found(real), expected, "{:?} {:?}", case.before, case.known);
        };
        each(&cases, claim).await;
        let (after, mut first, mut held) = (read(&db).await, [0_i64; N], 0);
        for case in &cases {
            let (id, old, mut new) = (case.id.to_string(), case.before, case.before);
            new.claim(Rules::REAL, guard(case));
            let what = format!("{old:?} {:?}", case.known);
            assert_same(&before[&id], &after[&id], old, new, &what);
            for (channel, known) in case.known.iter().enumerate() {
                let [old, new] = [old, new].map(|of| of.rows[channel].unwrap());
                let [before, after] = [&before, &after].map(|side| &side[&id]["rows"][channel]);
                if new.state == State::Held && old.state != State::Held {
                    assert_held(after, *known, &what);
                    held += 1;
                } else {
                    assert_eq!(before["hold"], after["hold"], "{what}");
                }
                // What was waived has counted already.
                let is_first = (old.attempt, new.attempt) == (0, 1);
                let taken = if is_first && !known.waived {
                    json!(1)
                } else {
                    Value::Null
                };
                assert_eq!(after["taken"], taken, "{what}");
                first[channel] += i64::from(is_first);
            }
        }
        for (channel, first) in CHANNELS.iter().zip(first) {
            let name = channel.as_str();
            let charged = format!("select sum(day_n)::bigint as n from budgets where name = '{name}'");
            assert_eq!(db.row(&charged).await["n"], first, "first attempts at {name}");
        }
        println!(
            "{} claims under the guard as the model says, {held} held",
            cases.len()
        );
    });
}

fn assert_held(after: &Value, known: Known, what: &str) {
    let (hold, now, reason) = (&after["hold"], &after["updated_at"], known.reason.unwrap().word());
    assert_eq!(
        (&after["reason"], &hold["reason"]),
        (&reason.into(), &reason.into()),
        "{what}"
    );
    assert_eq!(
        (&hold["held_at"], &hold["ended_at"]),
        (now, &Value::Null),
        "{what}"
    );
    assert_eq!(hold["waived"], known.waived, "{what}");
    assert!(apart(&hold["until"], now, HELD), "{what}: {after}");
}
