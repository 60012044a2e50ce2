//! No stranger makes us write to one person again and again: budgets of numbers and addresses, whatever works side by side.

use crate::support::delivery::{patient, wake};
use crate::support::guarded::{Guarded, outcome, with_one_email, with_one_phone, with_phone};
use futures::future::join_all;
use harness::world::{Person, Waiting, binaries, run, start, task};
use proftest::domain::delivery::Channel;
use proftest::store::{Claim, Store};
use serde_json::{Value, json};
use std::time::Duration;

const TEN_MINUTES: Duration = Duration::from_mins(11);

#[test]
fn six_leads_with_one_phone_get_one_sms_in_ten_minutes_and_two_in_a_day() {
    run(async {
        let guarded = Guarded::new().await;
        let people = with_one_phone(6);
        let waiting = guarded.submit_all(&people).await;
        guarded.wake_at_once(&waiting).await;
        let first = outcome([
            ("email accepted", 6),
            ("sms accepted", 1),
            ("sms held budget:phone", 5),
        ]);
        assert_eq!(guarded.outcome().await, first);
        assert_eq!(guarded.sent(), (6, 1));

        // Those whose message is over or held come again.
        for (person, sms) in [(&people[0], 2), (&people[1], 2)] {
            guarded.world.pass_time(TEN_MINUTES).await;
            guarded.serve(std::slice::from_ref(person)).await;
            assert_eq!(guarded.sent().1, sms);
        }
        guarded.world.pass_time(Duration::from_hours(24)).await;
        guarded.serve(&people[2..3]).await;
        assert_eq!(guarded.sent(), (9, 3), "another day");
    });
}

/// Four processes are handed all six at once, each in another order.
#[test]
fn processes_side_by_side_send_one_sms_to_one_phone() {
    run(async {
        binaries().await;
        let guarded = Guarded::new().await;
        let waiting = guarded.submit_all(&with_one_phone(6)).await;
        let settings = guarded.world.settings("deliver");
        let starts = (0..4).map(|_| start("deliver", Duration::from_secs(90), &settings));
        let mut processes = join_all(starts).await;
        for process in &mut processes {
            process.ready().await.unwrap();
        }
        let work = processes.iter_mut().enumerate().map(async |(turn, process)| {
            let mut order: Vec<&Waiting> = waiting.iter().collect();
            order.rotate_left(turn);
            process.invoke(&messages(&order)).await.unwrap();
        });
        join_all(work).await;
        assert_eq!(guarded.sent(), (6, 1));
        let sms = outcome([
            ("email accepted", 6),
            ("sms accepted", 1),
            ("sms held budget:phone", 5),
        ]);
        assert_eq!(guarded.outcome().await, sms);
    });
}

fn messages(waiting: &[&Waiting]) -> Value {
    let template = &crate::support::request::sample("deliver/one.json")["Records"][0];
    let record = |(number, one): (usize, &&Waiting)| {
        let mut record = template.clone();
        record["messageId"] = number.to_string().into();
        record["body"] = task(one.id).into();
        record
    };
    json!({"Records": waiting.iter().enumerate().map(record).collect::<Vec<_>>()})
}

#[test]
fn one_address_with_six_phones_gets_three_emails_a_day() {
    run(async {
        let guarded = Guarded::new().await;
        let people = with_one_email(6);
        let waiting = guarded.submit_all(&people).await;
        guarded.wake_at_once(&waiting).await;
        let all = outcome([
            ("email accepted", 3),
            ("email held budget:email", 3),
            ("sms accepted", 6),
        ]);
        assert_eq!(guarded.outcome().await, all);
        guarded.world.pass_time(Duration::from_hours(24)).await;
        guarded.serve(&people[..1]).await;
        assert_eq!(guarded.sent().0, 4, "another day");
    });
}

#[test]
fn aliases_of_an_address_count_as_one() {
    run(async {
        let guarded = Guarded::new().await;
        let aliases = [
            "anna.b@gmail.com",
            "annab@gmail.com",
            "a.n.n.a.b@googlemail.com",
            "annab+test@gmail.com",
        ];
        let people = aliases.map(|email| Person {
            email: email.to_owned(),
            ..Person::new()
        });
        guarded.serve(&people).await;
        let tagged = ["a@mail.kz", "a+1@mail.kz", "a+2@mail.kz", "a+3@mail.kz"].map(|email| Person {
            email: email.to_owned(),
            ..Person::new()
        });
        guarded.serve(&tagged).await;
        let all = outcome([
            ("email accepted", 6),
            ("email held budget:email", 2),
            ("sms accepted", 8),
        ]);
        assert_eq!(guarded.outcome().await, all);
        let leads = "landing_leads where email in ('anna.b@gmail.com', 'a+3@mail.kz')";
        assert_eq!(guarded.world.db.count(leads).await, 2, "stored as typed");
    });
}

#[test]
fn the_seventh_address_of_a_phone_and_the_seventh_phone_of_an_address_get_nothing() {
    run(async {
        // Only pairs are limited.
        let open = "phone.10min=99,phone.day=99,phone.month=99,email.day=99,email.month=99";
        let guarded = Guarded::limited(open).await;
        guarded.serve(&with_one_phone(7)).await;
        guarded.serve(&with_one_email(7)).await;
        let all = outcome([
            ("email accepted", 13),
            ("email held budget:pair", 1),
            ("sms accepted", 13),
            ("sms held budget:pair", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        // Leads of the day before do not count.
        let people = with_one_phone(2);
        let sent = guarded.sent();
        guarded.serve(&people[..1]).await;
        for _ in 0..5 {
            guarded.serve(&[with_phone(&people[0].phone)]).await;
        }
        guarded.world.pass_time(Duration::from_hours(25)).await;
        guarded.serve(&people[1..]).await;
        assert_eq!(guarded.sent(), (sent.0 + 7, sent.1 + 7));
    });
}

/// Exactly as many as the budget allows are claimed, by so many connections at once.
async fn at_once(claims: usize, limits: &str, allowed: usize) {
    let guarded = Guarded::limited(limits).await;
    let waiting = guarded.submit_all(&with_one_phone(claims)).await;
    let config = guarded.world.db.config("deliver");
    let stores = waiting
        .iter()
        .map(|_| Store::new(&config, 1, Duration::from_secs(30)).unwrap());
    let stores: Vec<Store> = stores.collect();
    join_all(stores.iter().map(Store::warm_up)).await;
    let json = guarded.world.deliver_config().limits.to_json();
    let claims = stores
        .iter()
        .zip(&waiting)
        .map(|(store, one)| store.claim(one.id, &json));
    let claimed = join_all(claims).await.into_iter().map(Result::unwrap);
    let sms = claimed.filter(|claim| match claim {
        Claim::Claimed(due) => due.attempts.iter().any(|attempt| attempt.channel == Channel::Sms),
        _ => false,
    });
    assert_eq!(sms.count(), allowed, "{} at once under {limits:?}", waiting.len());
    let counted = "select cardinality(sent) as n from contact_budgets b
                   where key = (select phone_key from submissions limit 1)";
    assert_eq!(guarded.world.db.row(counted).await["n"], allowed);
}

#[test]
fn eight_claims_at_once_take_exactly_what_a_budget_has() {
    run(async {
        Box::pin(at_once(8, "", 1)).await;
        Box::pin(at_once(8, "phone.10min=5,phone.day=5", 5)).await;
    });
}

#[test]
fn thirty_two_claims_at_once_take_exactly_what_a_budget_has() {
    run(async {
        Box::pin(at_once(32, "", 1)).await;
        Box::pin(at_once(32, "phone.10min=9,phone.day=7,phone.month=8", 7)).await;
        // More than a budget remembers by itself.
        Box::pin(at_once(32, "phone.10min=25,phone.day=25,phone.month=25", 25)).await;
    });
}

#[test]
fn a_message_that_is_claimed_again_counts_once() {
    run(async {
        let guarded = Guarded::new().await;
        let waiting = guarded.submit(&Person::new()).await;
        // Workers that die after their claim.
        for _ in 0..3 {
            let json = guarded.world.deliver_config().limits.to_json();
            let store = guarded.world.db.store_as("deliver");
            let claim = store.claim(waiting.id, &json).await.unwrap();
            assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
            guarded.world.pass_time(TEN_MINUTES).await;
        }
        assert!(!wake(&patient(&guarded.world).await, &waiting).await);
        guarded.world.assert_delivered_once(&waiting).await;
        let counted = "contact_budgets where cardinality(sent) = 1";
        assert_eq!(guarded.world.db.count(counted).await, 2);
        let all = "select sum(day_n)::int as n from budgets where name = 'sms'";
        assert_eq!(guarded.world.db.row(all).await["n"], 1);
    });
}
