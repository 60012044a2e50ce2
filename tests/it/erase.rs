//! Erasing a person: everything of theirs, and nothing of anybody else's.

use harness::world::{Database, Person, World, run};
use ops::erase::{self, Who};
use proftest::domain::ids::LeadId;
use serde_json::json;
use std::time::Duration;

const TABLES: [&str; 10] = [
    "landing_leads",
    "scheduled_notifications",
    "deliveries",
    "short_links",
    "clicks",
    "hit_counts",
    "lead_events",
    "submissions",
    "crm_tasks",
    "crm_people",
];

/// The person by what they give on standard input.
async fn person(db: &Database, input: &str, yes: bool) -> Vec<String> {
    let who = Who::read(input.as_bytes()).unwrap();
    erase::person(&db.store_as("ops"), &who, "dana", yes)
        .await
        .unwrap()
}

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
         insert into hit_counts (lead_id, channel) select id, 'sms' from landing_leads;
         insert into lead_events (lead_id, what) select id, 'hit' from landing_leads;
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
        let before = rows(&world.db).await;
        assert!(before.iter().all(|count| *count >= 2), "{before:?}");

        let email = asks.email.to_uppercase();
        let lines = person(&world.db, &email, false).await;
        assert!(lines.last().unwrap().contains("--yes"), "{lines:?}");
        assert_eq!(rows(&world.db).await, before, "without --yes nothing is erased");

        let lines = person(&world.db, &format!("{email}\n{}\n", asks.phone), true).await;
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
        let again = person(&world.db, &email, true).await;
        assert!(again[0].starts_with("There is no such lead"), "{again:?}");
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
        let nobody = person(&world.db, &format!("{}\n+77770000001", one.email), true).await;
        assert!(nobody[0].starts_with("There is no such lead"), "{nobody:?}");
        assert_eq!(world.db.count("landing_leads").await, 2);

        let lines = person(&world.db, &one.email, true).await.join("\n");
        assert!(
            lines.contains("contacts: none known"),
            "another lead needs it: {lines}"
        );
        assert_eq!(world.db.count("crm_people").await, 1);
        // The phone in the spelling that people use.
        let local = format!("8{}", one.phone.trim_start_matches("+7"));
        person(&world.db, &local, true).await;
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
        person(&world.db, &asks.email, true).await;
        assert_eq!(
            world.db.count("email_batches").await,
            1,
            "the other's outcome is still unknown"
        );
        person(&world.db, &stays.email, true).await;
        assert_eq!(world.db.count("email_batches").await, 0);
    });
}

#[test]
fn proof_of_consent_and_the_wish_for_silence_outlive_the_person_without_contacts() {
    run(async {
        let world = World::new().await;
        let (asks, stays) = (world.lead().await, world.lead().await);
        world
            .db
            .execute(
                "insert into consents (submission_id, lead_id, email_key, collected_by, email, sms, text_version, address, user_agent)
                     select id, lead_id, '\\x01', 'page', true, false, '1', '203.0.113.0/24', 'Browser' from submissions
                 on conflict (submission_id) do update set
                     email_key = excluded.email_key, email = true, sms = false, text_version = '1',
                     address = excluded.address, user_agent = excluded.user_agent;
                 insert into suppressions (key, reason, source) values ('\\x01', 'complaint', 'test');
                 update deliveries set state = 'held', reason = 'country';
                 insert into holds (notification_id, channel, reason, until)
                     select notification_id, channel, 'country', now() from deliveries",
            )
            .await;
        let who = Who::Lead(asks.lead);
        let lines = erase::person(&world.db.store_as("ops"), &who, "dana", true)
            .await
            .unwrap();
        assert!(lines[1].starts_with("Erased 1 leads"), "{lines:?}");
        assert_eq!(world.db.count("landing_leads").await, 1);
        assert_eq!(world.db.count("submissions").await, 1);
        assert_eq!(world.db.count("holds").await, 2);
        assert_eq!(world.db.count("suppressions").await, 1);
        let consent = "select email, sms, text_version, address, user_agent, withdrawn_how, withdrawn_at is not null as ended
                       from consents where lead_id";
        assert_eq!(
            world.db.row(&format!("{consent} = '{}'", asks.lead)).await,
            json!({"email": true, "sms": false, "text_version": "1", "address": null, "user_agent": null,
                   "withdrawn_how": "erase", "ended": true})
        );
        let kept = world.db.row(&format!("{consent} = '{}'", stays.lead)).await;
        assert_eq!(
            (&kept["user_agent"], &kept["ended"]),
            (&json!("Browser"), &json!(false))
        );
        let audit = "select actor, act, subject, detail from audit";
        let told = json!({"actor": "dana", "act": "erase", "subject": asks.lead, "detail": {}});
        assert_eq!(world.db.row(audit).await, told);

        // Once more, and somebody who never was.
        for lead in [asks.lead, LeadId::new()] {
            let lines = erase::person(&world.db.store_as("ops"), &Who::Lead(lead), "dana", true)
                .await
                .unwrap();
            assert!(lines[0].starts_with("There is no such lead"), "{lines:?}");
        }
        assert_eq!(world.db.row(audit).await, told);
    });
}
