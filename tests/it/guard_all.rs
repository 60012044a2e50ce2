//! What all together may cost: countries, budgets of an hour and a day, money; and who gets nothing at all.

use crate::support::delivery::{hasty, patient, wake};
use crate::support::guarded::{Guarded, outcome, with_one_email, with_one_phone, with_phone};
use harness::world::{Person, Vendor, run};
use proftest::domain::contact::Email;
use serde_json::json;
use standins::Mode;
use std::time::Duration;

const GERMAN: &str = "+4915112345678";
/// Kazakhstan's, of a range that no operator has.
const NO_MOBILE: &str = "+77091234567";
const RUSSIAN: [&str; 3] = ["+79161234501", "+79161234502", "+79161234503"];

fn people(count: usize) -> Vec<Person> {
    std::iter::repeat_with(Person::new).take(count).collect()
}

#[test]
fn a_number_of_another_country_or_of_no_mobile_range_gets_the_email_only() {
    run(async {
        let guarded = Guarded::new().await;
        let waiting = guarded.serve(&[with_phone(GERMAN), with_phone(NO_MOBILE)]).await;
        let all = outcome([
            ("email accepted", 2),
            ("sms held country", 1),
            ("sms held range", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        assert_eq!(guarded.sent(), (2, 0));

        // Nothing but a release wakes it, and it goes out once.
        guarded.world.pass_time(Duration::from_hours(1)).await;
        let sweep = guarded.world.db.store_as("sweep");
        let overdue = sweep.take_overdue(10, Duration::from_mins(5)).await;
        assert!(overdue.unwrap().is_empty());
        let app = patient(&guarded.world).await;
        for one in &waiting {
            assert!(!wake(&app, one).await);
        }
        assert_eq!(guarded.sent(), (2, 0));
        for _ in 0..2 {
            guarded.release("country").await;
            for one in &waiting {
                assert!(!wake(&app, one).await);
            }
        }
        assert_eq!(guarded.sent(), (2, 1));
        guarded.world.assert_delivered_once(&waiting[0]).await;
    });
}

#[test]
fn the_countries_are_a_setting() {
    run(async {
        let guarded = Guarded::with(&[("SMS_COUNTRIES", "ru, other")]).await;
        guarded
            .serve(&[Person::new(), with_phone(GERMAN), with_phone(RUSSIAN[0])])
            .await;
        let all = outcome([
            ("email accepted", 3),
            ("sms accepted", 2),
            ("sms held country", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}

#[test]
fn the_budget_of_an_hour_and_of_a_day_is_not_passed() {
    run(async {
        let guarded = Guarded::limited("sms.hour=2,sms.day=3,mail.hour=3,mail.day=4").await;
        let hour = async |sent: (usize, usize)| {
            guarded.serve(&people(4)).await;
            assert_eq!(guarded.sent(), sent);
            guarded.world.pass_time(Duration::from_hours(1)).await;
        };
        hour((3, 2)).await;
        hour((4, 3)).await;
        hour((4, 3)).await;
        let all = outcome([
            ("email accepted", 4),
            ("email held budget:global", 8),
            ("sms accepted", 3),
            ("sms held budget:global", 9),
        ]);
        assert_eq!(guarded.outcome().await, all);
        guarded.world.pass_time(Duration::from_hours(24)).await;
        hour((7, 5)).await;
        // A release stays inside them.
        guarded.release("budget:global").await;
        assert_eq!(
            guarded.sent(),
            (8, 6),
            "the fourth e-mail and the third SMS of the day"
        );
    });
}

#[test]
fn what_is_held_for_its_own_sake_uses_up_nobody_s_budget() {
    run(async {
        let guarded = Guarded::limited("sms.hour=2,mail.hour=2,email.day=1").await;
        let phone = with_one_phone(2);
        guarded.serve(&[with_phone(GERMAN)]).await;
        guarded.serve(&[phone[0].clone()]).await;
        let all = outcome([
            ("email accepted", 2),
            ("sms accepted", 1),
            ("sms held country", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        guarded
            .serve(&[phone[1].clone(), Person::new(), Person::new()])
            .await;
        let all = outcome([
            ("email accepted", 2),
            ("email held budget:global", 3),
            ("sms accepted", 2),
            ("sms held budget:global", 1),
            ("sms held budget:phone", 1),
            ("sms held country", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        // Nor does what is held for all use up a number's own budget.
        assert_eq!(guarded.world.db.count("contact_budgets").await, 2 + 2);

        let guarded = Guarded::limited("mail.hour=2,email.day=1").await;
        guarded.serve(&with_one_email(3)).await;
        guarded.serve(&people(2)).await;
        let all = outcome([
            ("email accepted", 2),
            ("email held budget:email", 2),
            ("email held budget:global", 1),
            ("sms accepted", 5),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}

#[test]
fn the_money_of_a_day_is_spent_by_the_price_of_each_country() {
    run(async {
        let limits = "money.day=1,price.kz=40,price.ru=70";
        let guarded = Guarded::limited(limits).await;
        guarded.serve(&people(4)).await;
        assert_eq!(guarded.sent(), (4, 3), "40, 80, 120 of 100");
        guarded.world.pass_time(Duration::from_hours(24)).await;
        guarded.serve(&RUSSIAN.map(with_phone)).await;
        assert_eq!(guarded.sent(), (7, 5), "70, 140 of 100");
        let all = outcome([
            ("email accepted", 7),
            ("sms accepted", 5),
            ("sms held budget:global", 2),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}

#[test]
fn a_country_s_day_is_no_other_country_s() {
    run(async {
        let guarded = Guarded::limited("ru.day=1").await;
        guarded.serve(&RUSSIAN.map(with_phone)).await;
        guarded.serve(&people(2)).await;
        let all = outcome([
            ("email accepted", 5),
            ("sms accepted", 3),
            ("sms held budget:country", 2),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}

#[test]
fn who_is_suppressed_gets_nothing_on_that_channel() {
    run(async {
        // Also without limits.
        for limits in ["", "off"] {
            let guarded = Guarded::limited(limits).await;
            let [by_email, by_phone] = [Person::new(), Person::new()];
            let key = guarded.world.intake_config().guard.key;
            let email = Email::parse(&by_email.email.replace('@', "+tag@")).unwrap();
            guarded.suppress(&key.email(&email)).await;
            guarded.suppress_phone(&by_phone).await;
            guarded.serve(&[by_email, by_phone]).await;
            let all = outcome([
                ("email accepted", 1),
                ("email held suppressed", 1),
                ("sms accepted", 1),
                ("sms held suppressed", 1),
            ]);
            assert_eq!(guarded.outcome().await, all, "{limits}");
        }
    });
}

#[test]
fn who_is_suppressed_between_two_attempts_gets_nothing_also_when_it_is_released() {
    run(async {
        let guarded = Guarded::new().await;
        let app = hasty(&guarded.world).await;
        let person = Person::new();
        let waiting = guarded.submit(&person).await;
        guarded
            .world
            .break_once(Vendor::Mobizon, Mode::RateLimit { retry_after: 0 });
        assert!(wake(&app, &waiting).await);
        assert_eq!(
            guarded.world.work(&waiting, Vendor::Mobizon).await["state"],
            "retrying"
        );
        guarded.suppress_phone(&person).await;
        guarded.world.pass_time(Duration::from_mins(1)).await;
        assert!(!wake(&app, &waiting).await);
        let all = outcome([("email accepted", 1), ("sms held suppressed", 1)]);
        assert_eq!(guarded.outcome().await, all);
        guarded.release("suppressed").await;
        assert_eq!(guarded.outcome().await, all);
        assert_eq!(guarded.sent(), (1, 0));
    });
}

#[test]
fn without_consent_nothing_is_sent_where_it_is_always_asked() {
    run(async {
        let guarded = Guarded::with(&[("CONSENT", "always")]).await;
        let agreed = |consent: serde_json::Value| Person::new().with(json!({"consent": consent}));
        guarded
            .serve(&[
                Person::new(),
                agreed(json!(true)),
                agreed(json!({"email": true, "sms": false})),
            ])
            .await;
        let all = outcome([
            ("email accepted", 2),
            ("email held consent", 1),
            ("sms accepted", 1),
            ("sms held consent", 2),
        ]);
        assert_eq!(guarded.outcome().await, all);

        // By default the caller of the API has collected it.
        let guarded = Guarded::new().await;
        guarded.serve(&[Person::new()]).await;
        assert_eq!(guarded.sent(), (1, 1));
        assert_eq!(
            guarded
                .world
                .db
                .count("consents where collected_by = 'caller'")
                .await,
            1
        );
    });
}

#[test]
fn without_limits_nothing_is_held() {
    run(async {
        let guarded = Guarded::limited("off").await;
        let mut people = with_one_phone(8);
        people.extend(with_one_email(8));
        people.extend([with_phone(GERMAN), with_phone(NO_MOBILE)]);
        guarded.serve(&people).await;
        let all = outcome([("email accepted", 18), ("sms accepted", 18)]);
        assert_eq!(guarded.outcome().await, all);
        for table in ["holds", "budgets", "contact_budgets", "intake_counts"] {
            assert_eq!(guarded.world.db.count(table).await, 0, "{table}");
        }
    });
}

#[test]
fn a_held_message_keeps_nobody_from_another_one_and_of_two_the_newer_is_released() {
    run(async {
        let guarded = Guarded::new().await;
        let person = with_phone(GERMAN);
        let first = guarded.serve(std::slice::from_ref(&person)).await.remove(0);
        let second = guarded.submit(&person).await;
        assert_ne!(first.id, second.id);
        let app = patient(&guarded.world).await;
        assert!(!wake(&app, &second).await);
        let both_held = outcome([("email accepted", 2), ("sms held country", 2)]);
        assert_eq!(guarded.outcome().await, both_held);
        // Of two, the newer one goes out.
        let printed = guarded.release("country").await;
        assert!(
            printed.contains("newer message") && printed.contains("Released: 1 deliveries"),
            "{printed}"
        );
        assert!(!wake(&app, &first).await);
        let all = outcome([
            ("email accepted", 2),
            ("sms accepted", 1),
            ("sms held country", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
        // While one waits, no further one is made.
        let third = guarded.submit(&person).await;
        assert_eq!(guarded.submit(&person).await.id, third.id);
    });
}

/// What is released while a newer message of the person waits must not fail on that one.
#[test]
fn a_released_message_and_a_later_one_both_wait() {
    run(async {
        let guarded = Guarded::new().await;
        let person = with_phone(GERMAN);
        let first = guarded.serve(std::slice::from_ref(&person)).await.remove(0);
        let store = guarded.world.db.store_as("ops");
        let held = ops::store::Held::OfLead(first.lead);
        let printed = ops::release::run(&store, &held, 10, "test", true).await.unwrap();
        assert!(printed.concat().contains("Released: 1"), "{printed:?}");
        let second = guarded.submit(&person).await;
        assert_ne!(first.id, second.id);
        for waiting in [&first, &second] {
            assert!(!wake(&patient(&guarded.world).await, waiting).await);
        }
        let all = outcome([
            ("email accepted", 2),
            ("sms accepted", 1),
            ("sms held country", 1),
        ]);
        assert_eq!(guarded.outcome().await, all);
    });
}
