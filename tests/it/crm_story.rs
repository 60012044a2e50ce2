//! One lead's way into amoCRM: the contact, the deal, its stage, its notes.

use crate::support::crm::{wake, worker};
use crate::support::hits;
use harness::world::{Person, World, run};
use proftest::domain::ids::LeadId;
use serde_json::{Value, json};
use standins::{AmoCrm, Seed, SeedContact, SeedDeal};
use std::time::Duration;

fn with_deal(world: &World, person: &Person, pipeline: i64, status: i64, fields: &Value) -> i64 {
    let contact = json!({"name": "Старый контакт", "phones": [person.phone.replace("+7", "8")], "emails": [],
        "deals": [{"name": "Прежняя сделка", "pipeline": pipeline, "status": status, "fields": fields}]});
    let seed = serde_json::from_value(json!({"contacts": [contact]})).unwrap();
    let seeded = world.vendors.amocrm.seed(seed).unwrap();
    seeded.contacts[0].deals[0]
}

async fn told(world: &World, person: &Person) -> LeadId {
    let lead = world
        .save(
            &person.with(json!({"utmParams": {"utm_source": "ig"}})),
            Duration::ZERO,
        )
        .await
        .lead;
    assert_eq!(wake(&worker(world).await, &[lead]).await, 0);
    assert_eq!(world.crm_task(lead).await["state"], "done");
    lead
}

#[test]
fn a_new_person_costs_two_calls_and_a_share_of_two_and_gets_a_deal_in_the_right_stage() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        // The pipelines are read once a process.
        let first = world.lead().await.lead;
        wake(&app, &[first]).await;
        let before = world.vendors.amocrm.stats().requests;
        let person = Person::new();
        let metadata = json!({
            "campaignSlug": "blogger",
            "utmParams": {"utm_source": "ig", "utm_medium": "story", "utm_other": "x"},
            "answers": [0, 3, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        });
        let lead = world.save(&person.with(metadata), Duration::ZERO).await.lead;
        assert_eq!(wake(&app, &[lead]).await, 0);
        // A search and a creation; and the notes and the task, whose calls a batch of ten would share.
        assert_eq!(world.vendors.amocrm.stats().requests - before, 4);
        let deal = world.deal(lead).await;
        assert_eq!(deal.name, "Профтест: Айгерим");
        assert_eq!(
            (deal.pipeline_id, deal.status_id),
            (AmoCrm::PIPELINE, AmoCrm::STATUS)
        );
        assert_eq!(deal.tags, ["blogger"]);
        assert_eq!(deal.fields["PROFTEST_LEAD_ID"], lead.to_string());
        assert_eq!(
            (
                deal.fields["UTM_SOURCE"].as_str(),
                deal.fields["UTM_MEDIUM"].as_str()
            ),
            ("ig", "story")
        );
        assert_eq!(deal.contacts.len(), 1);
        assert_eq!(deal.contacts[0].phones, [person.phone]);
        assert_eq!(deal.contacts[0].emails, [person.email]);
        let notes = world.notes(deal.id);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(
            notes[0].contains(" ➜ Помогу близкому человеку с его делом\n2. В командном проекте вам ближе всего… ➜ вести план")
                && notes[0].contains("3. Друзья открывают кофейню. Что возьмёте на себя? ➜ нет ответа\n"),
            "{notes:?}"
        );
        assert!(
            notes.iter().any(|note| note.contains("utm_other: x")),
            "{notes:?}"
        );
    });
}

#[test]
fn a_deal_that_is_closed_or_in_another_pipeline_does_not_count() {
    run(async {
        for (pipeline, status) in [
            (AmoCrm::PIPELINE, 142),
            (AmoCrm::PIPELINE, 143),
            (AmoCrm::FOREIGN_PIPELINE, 62_000_010),
        ] {
            let world = World::new().await;
            let person = Person::new();
            let old = with_deal(&world, &person, pipeline, status, &json!({}));
            let deal = world.deal(told(&world, &person).await).await;
            assert_ne!(deal.id, old);
            assert_eq!(
                world.vendors.amocrm.contacts().len(),
                1,
                "the contact is the old one"
            );
        }
    });
}

#[test]
fn an_open_deal_of_ours_keeps_its_stage_and_its_first_touch() {
    run(async {
        let world = World::new().await;
        let (early, late, vk) = (61_000_010, 61_000_040, json!({"UTM_SOURCE": "vk"}));
        for (status, fields, source) in [
            (early, json!({}), "ig"),
            (early, vk, "vk"),
            (late, json!({}), "ig"),
        ] {
            let person = Person::new();
            let old = with_deal(&world, &person, AmoCrm::PIPELINE, status, &fields);
            let deal = world.deal(told(&world, &person).await).await;
            assert_eq!(
                (deal.id, deal.status_id),
                (old, status),
                "the open deal is updated"
            );
            assert_eq!(deal.fields["UTM_SOURCE"], source);
        }
        assert!(world.vendors.made().is_empty());
    });
}

#[test]
fn a_stranger_whom_the_search_finds_is_not_merged() {
    run(async {
        let world = World::new().await;
        let person = Person::new();
        let last10 = &person.phone[2..];
        let stranger = SeedContact {
            name: format!("Заметка про {last10}"),
            phones: vec!["+77770000000".to_owned()],
            emails: vec![person.email.clone()],
            deals: vec![SeedDeal {
                name: "Чужая".to_owned(),
                ..SeedDeal::default()
            }],
        };
        world
            .vendors
            .amocrm
            .seed(Seed {
                contacts: vec![stranger],
            })
            .unwrap();
        let deal = world.deal(told(&world, &person).await).await;
        assert!(!deal.seeded);
        assert_eq!(deal.contacts[0].phones, [person.phone]);
    });
}

#[test]
fn a_crm_field_that_is_more_than_one_bare_number_is_the_same_person_s() {
    run(async {
        let world = World::new().await;
        let phone = |digits: &str| format!("+7701{digits}");
        let [first, second, third, across] =
            ["1234567", "1234568", "1234569", "7654321"].map(|digits| Person {
                phone: phone(digits),
                ..Person::new()
            });
        let contact = |phones: &str, emails: &str| SeedContact {
            name: "Из старой базы".to_owned(),
            phones: vec![phones.to_owned()],
            emails: vec![emails.to_owned()],
            ..SeedContact::default()
        };
        let contacts = vec![
            contact("8 (701) 123-45-67, 8 702 555 00 00", "a@example.com"),
            contact("+7 701 123-45-68 доб. 12", "a@example.com"),
            contact("87011234569#404", "a@example.com"),
            contact(
                "87011234569",
                &format!("a@example.com; {}", third.email.to_uppercase()),
            ),
            // The search finds the digits of the fourth person here, across two numbers.
            contact("8 702 555 77 01, 7654321", &across.email),
        ];
        let seeded = world.vendors.amocrm.seed(Seed { contacts }).unwrap();
        for (person, expected) in [(&first, 0), (&second, 1), (&third, 3)] {
            let deal = world.deal(told(&world, person).await).await;
            assert_eq!(
                deal.contacts[0].id, seeded.contacts[expected].id,
                "{}",
                person.phone
            );
        }
        let deal = world.deal(told(&world, &across).await).await;
        assert_eq!(deal.contacts[0].phones, [across.phone], "a contact of its own");
        assert_eq!(world.vendors.amocrm.contacts().len(), 6);
    });
}

#[test]
fn tags_reach_the_crm_whole_and_as_texts() {
    run(async {
        let world = World::new().await;
        let id = |letter: &str, length| letter.repeat(length);
        let metadata = json!({
            "utmParams": {"utm_content": 21546, "UTM_SOURCE": "ig", "utm_term": true, "ttclid": id("t", 326),
                "gclid": id("g", 1024), "fbclid": id("f", 1025)},
            "lastTouch": {"source": "proftest", "utmParams": {"yclid": 18_446_744_073_709_551_615_u64,
                "msclkid": id("m", 1024), "wbraid": id("w", 1024), "dclid": id("d", 1024)}},
        });
        let lead = world
            .save(&Person::new().with(metadata), Duration::ZERO)
            .await
            .lead;
        assert_eq!(wake(&worker(&world).await, &[lead]).await, 0);
        let deal = world.deal(lead).await;
        for (field, value) in [
            ("UTM_CONTENT", "21546"),
            ("UTM_SOURCE", "ig"),
            ("UTM_TERM", "true"),
        ] {
            assert_eq!(deal.fields[field], value);
        }
        let notes = world.notes(deal.id);
        let note = notes
            .iter()
            .find(|note| note.contains("utm_content: 21546"))
            .unwrap();
        for (name, value) in [
            ("ttclid", id("t", 326)),
            ("gclid", id("g", 1024)),
            ("yclid", "18446744073709551615".to_owned()),
            ("msclkid", id("m", 1024)),
            ("wbraid", id("w", 1024)),
            ("dclid", id("d", 1024)),
        ] {
            assert!(
                note.lines().any(|line| line == format!("{name}: {value}")),
                "{name}"
            );
        }
        assert!(!note.contains("fbclid"), "an id that is too long is left out");
    });
}

#[test]
fn a_long_list_of_contacts_is_read_to_its_end() {
    run(async {
        let world = World::new().await;
        let person = Person::new();
        let relatives = (1..50).map(|number| SeedContact {
            name: format!("Заметка {number} про {} {}", &person.phone[2..], "я".repeat(700)),
            ..SeedContact::default()
        });
        let mut contacts: Vec<SeedContact> = relatives.collect();
        contacts.push(SeedContact {
            name: "Она сама".to_owned(),
            phones: vec![person.phone.clone()],
            ..SeedContact::default()
        });
        let seeded = world.vendors.amocrm.seed(Seed { contacts }).unwrap();
        let deal = world.deal(told(&world, &person).await).await;
        assert_eq!(deal.contacts[0].id, seeded.contacts[49].id);
    });
}

#[test]
fn a_second_lead_of_a_person_shares_the_contact_without_a_search() {
    run(async {
        let world = World::new().await;
        let person = Person::new();
        told(&world, &person).await;
        world.break_crm(
            "GET /api/v4/contacts?",
            standins::Mode::Html { status: 500 },
            None,
            None,
        );
        let mut second = person.clone();
        second.email = format!("other-{}", person.email);
        let deal = world.deal(told(&world, &second).await).await;
        assert_eq!(world.vendors.amocrm.contacts().len(), 1);
        assert_eq!(
            world.vendors.made().len(),
            1,
            "the first lead's open deal serves both"
        );
        assert_eq!(deal.contacts.len(), 1);
    });
}

#[test]
fn the_first_click_of_each_channel_is_one_note_and_a_retake_writes_its_answers() {
    run(async {
        use proftest::domain::delivery::Channel;
        use proftest::store::Target;
        let world = World::new().await;
        let person = Person::new();
        let lead = told(&world, &person).await;
        world.as_sent().await;
        let deal = world.deal(lead).await.id;
        let store = world.db.store();
        let app = worker(&world).await;
        for channel in [
            Channel::Email,
            Channel::Email,
            Channel::Sms,
            Channel::Email,
            Channel::Sms,
        ] {
            for user_agent in [hits::FACEBOOK, hits::CHROME] {
                let hit = hits::hit(Target::Lead(lead, channel), user_agent);
                store.record_hit(&hit).await.unwrap();
            }
            wake(&app, &[lead]).await;
        }
        let notes = world.notes(deal);
        let count = |text: &str| notes.iter().filter(|note| note.contains(text)).count();
        assert_eq!((count("из письма"), count("из SMS")), (1, 1), "{notes:?}");
        world
            .db
            .execute("update scheduled_notifications set status = 'completed', open_channels = 0")
            .await;
        let answers = json!({"answers": vec![1; 12]});
        assert_eq!(world.save(&person.with(answers), Duration::ZERO).await.lead, lead);
        wake(&app, &[lead]).await;
        assert!(
            world
                .notes(deal)
                .iter()
                .any(|note| note.contains(" ➜ Порисую, поснимаю, смонтирую видео\n"))
        );
        assert_eq!(world.vendors.made().len(), 1);
    });
}
