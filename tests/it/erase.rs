//! Erasing a person: everything of theirs, and nothing of anybody else's.

use harness::world::{Database, Person, World, run};
use ops::erase;
use std::time::Duration;

const TABLES: [&str; 8] = [
    "landing_leads",
    "scheduled_notifications",
    "deliveries",
    "short_links",
    "clicks",
    "submissions",
    "crm_tasks",
    "crm_people",
];

async fn rows(db: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(db.count(table).await);
    }
    counts
}

async fn fill(db: &Database) {
    db.execute(
        "insert into clicks (id, lead_id, source) select gen_random_uuid(), id, 'sms' from landing_leads;
         insert into submissions (lead_id, key) select id, 'key' from landing_leads;
         insert into crm_people (phone, contact_id)
             select phone, row_number() over (order by phone) from (select distinct phone from landing_leads) p;
         update landing_leads set amocrm_lead_id = 700;
         update deliveries set state = 'accepted', provider_id = channel || '-id'",
    )
    .await;
}

#[test]
fn a_person_is_erased_with_all_that_hangs_on_them_and_nobody_else() {
    run(async {
        let world = World::new().await;
        let (asks, stays) = (Person::new(), Person::new());
        world.save(&asks, Duration::ZERO).await;
        world.save(&stays, Duration::ZERO).await;
        fill(&world.db).await;
        let store = world.db.store_as("ops");
        let before = rows(&world.db).await;
        assert!(before.iter().all(|count| *count >= 2), "{before:?}");

        let email = asks.email.to_uppercase();
        let lines = erase::person(&store, Some(&email), None, false).await.unwrap();
        assert!(lines.last().unwrap().contains("--yes"), "{lines:?}");
        assert_eq!(rows(&world.db).await, before, "without --yes nothing is erased");

        let lines = erase::person(&store, Some(&email), Some(&asks.phone), true)
            .await
            .unwrap();
        let text = lines.join("\n");
        for part in [
            "Erased 1 leads",
            "deals: 700",
            "contacts: 1",
            "e-mails: email-id",
            "SMS: sms-id",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(&asks.email) && !text.contains(&asks.phone));
        let after = rows(&world.db).await;
        assert_eq!(after, before.iter().map(|count| count / 2).collect::<Vec<_>>());
        let left = world.db.row("select email from landing_leads").await;
        assert_eq!(left["email"], stays.email);
        let again = erase::person(&store, Some(&email), None, true).await.unwrap();
        assert!(again[0].starts_with("No lead"), "{again:?}");
    });
}

#[test]
fn both_given_both_must_match_and_a_shared_phone_keeps_its_contact() {
    run(async {
        let world = World::new().await;
        let one = Person::new();
        let other = Person {
            email: Person::new().email,
            ..one.clone()
        };
        world.save(&one, Duration::ZERO).await;
        world.save(&other, Duration::ZERO).await;
        fill(&world.db).await;
        let store = world.db.store_as("ops");
        let nobody = erase::person(&store, Some(&one.email), Some("+77770000001"), true)
            .await
            .unwrap();
        assert!(nobody[0].starts_with("No lead"), "{nobody:?}");
        assert!(erase::person(&store, Some("nobody"), None, true).await.is_err());
        assert!(erase::person(&store, None, None, true).await.unwrap()[0].starts_with("No lead"));
        assert_eq!(world.db.count("landing_leads").await, 2);

        let lines = erase::person(&store, Some(&one.email), None, true)
            .await
            .unwrap()
            .join("\n");
        assert!(
            lines.contains("contacts: none known"),
            "another lead needs it: {lines}"
        );
        assert_eq!(world.db.count("crm_people").await, 1);
        // The phone in the spelling that people use.
        let local = format!("8{}", one.phone.trim_start_matches("+7"));
        erase::person(&store, None, Some(&local), true).await.unwrap();
        assert_eq!(
            (
                world.db.count("landing_leads").await,
                world.db.count("crm_people").await
            ),
            (0, 0)
        );
    });
}

#[test]
fn a_batch_is_forgotten_unless_another_persons_e_mail_in_it_is_open() {
    run(async {
        let world = World::new().await;
        let (asks, stays) = (Person::new(), Person::new());
        world.save(&asks, Duration::ZERO).await;
        world.save(&stays, Duration::ZERO).await;
        world
            .db
            .execute(
                "insert into email_batches (id, notifications)
                     select gen_random_uuid(), array_agg(id) from scheduled_notifications;
                 update deliveries set state = 'unknown', batch_id = (select id from email_batches)
                 where channel = 'email'",
            )
            .await;
        let store = world.db.store_as("ops");
        erase::person(&store, Some(&asks.email), None, true)
            .await
            .unwrap();
        assert_eq!(
            world.db.count("email_batches").await,
            1,
            "the other's outcome is still unknown"
        );
        erase::person(&store, Some(&stays.email), None, true)
            .await
            .unwrap();
        assert_eq!(world.db.count("email_batches").await, 0);
    });
}
