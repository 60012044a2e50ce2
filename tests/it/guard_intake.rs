//! Nothing that was promised is rewritten, and no answer tells a stranger what we know.

use crate::support::crm;
use crate::support::delivery::{patient, wake};
use crate::support::guarded::{Guarded, event, new_address, with_one_phone, with_phone};
use crate::support::request::Answer;
use harness::world::{Person, run};
use proftest::domain::quiz::{QUESTIONS, questions};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::{Uuid, Version};

/// A whole submission; `variant` gives another name, other answers and another campaign.
fn form(person: &Person, key: &str, name: &str, variant: u64) -> Value {
    let answer = format!("Ответ {variant}");
    let mut form = person.form();
    form["name"] = name.into();
    form["campaignSlug"] = format!("campaign-{variant}").into();
    form["answers"] = json!(vec![variant; QUESTIONS]);
    form["proftestAnswers"] = json!([{"questionNumber": 1, "question": "Что?", "answer": answer}]);
    if !key.is_empty() {
        form["submissionId"] = key.into();
    }
    form
}

#[test]
fn the_same_key_with_another_name_and_other_answers_changes_nothing() {
    run(async {
        let guarded = Guarded::new().await;
        let (world, person) = (&guarded.world, Person::new());
        let first = guarded.post(&form(&person, "k", "Айгерим", 0)).await;
        let rows = async || {
            let lead = world.db.row("select * from landing_leads").await;
            (
                lead,
                world.db.row("select * from submissions").await,
                world.db.counts().await,
            )
        };
        let before = rows().await;
        let again = guarded.post(&form(&person, "k", "Звоните Жанне", 3)).await;
        assert_eq!(again.lead(), first.lead());
        assert_eq!(rows().await, before);

        let waiting = guarded.newest(&person, first.lead()).await;
        assert!(!wake(&patient(world).await, &waiting).await);
        world.assert_delivered_once(&waiting).await;
        let email = format!("{:?}", world.emails(&waiting));
        assert!(email.contains("Айгерим") && !email.contains("Жанн"), "{email}");
        assert_eq!(crm::wake(&crm::worker(world).await, &[waiting.lead]).await, 0);
        let deal = world.vendors.amocrm.deals().remove(0);
        assert!(deal.name.contains("Айгерим"), "{}", deal.name);
        let notes = format!("{:?}", world.vendors.amocrm.notes());
        let [first, later] = [0, 3].map(|option| questions()[0].options[option].text);
        assert!(notes.contains(first) && !notes.contains(later), "{notes}");
        assert!(!notes.contains("Ответ 0"), "a client's own words: {notes}");
        assert!(
            notes.contains("campaign-0") && !notes.contains("campaign-3"),
            "{notes}"
        );
    });
}

#[test]
fn a_later_submission_makes_a_message_of_its_own_and_leaves_the_first_name() {
    run(async {
        let guarded = Guarded::new().await;
        let (world, person) = (&guarded.world, Person::new());
        let app = patient(world).await;
        let mut texts = Vec::new();
        for (key, name, variant) in [("one", "Айгерим", 0), ("two", "Динара", 3)] {
            let answer = guarded.post(&form(&person, key, name, variant)).await;
            let waiting = guarded.newest(&person, answer.lead()).await;
            assert!(!wake(&app, &waiting).await);
            let sent = world.vendors.emails();
            let email = sent
                .iter()
                .find(|email| email.tags[0].value == waiting.id.to_string());
            texts.push(email.unwrap().html.clone().unwrap());
            world.pass_time(Duration::from_mins(11)).await;
        }
        assert_eq!(guarded.sent(), (2, 2));
        assert!(texts[0].contains("Айгерим") && !texts[0].contains("Динара"));
        assert!(texts[1].contains("Динара") && !texts[1].contains("Айгерим"));
        // Each shows the result of its own answers.
        let results = "select metadata -> 'result' as one from submissions order by created_at";
        let results = world.db.rows(results).await;
        assert_eq!(results.len(), 2);
        assert!(
            results[0]["one"].is_object() && results[0] != results[1],
            "{results:?}"
        );
        let without_name = |text: &str| text.replace("Айгерим", "").replace("Динара", "");
        assert_ne!(without_name(&texts[0]), without_name(&texts[1]));

        let lead = world
            .db
            .row("select name, source, metadata from landing_leads")
            .await;
        assert_eq!(
            (&lead["name"], &lead["source"]),
            (&json!("Айгерим"), &json!("proftest_campaign-0"))
        );
        assert_eq!(lead["metadata"]["campaignSlug"], "campaign-0");
        assert_eq!(lead["metadata"]["answers"], json!(vec![0; QUESTIONS]));
        assert_eq!(lead["metadata"]["lastTouch"]["campaignSlug"], "campaign-3");
    });
}

#[test]
fn the_fifty_first_submission_of_a_day_changes_nothing_and_is_answered_as_always() {
    run(async {
        let guarded = Guarded::limited("block.hour=1000").await;
        let (world, person) = (&guarded.world, Person::new());
        let first = guarded.post(&form(&person, "", "Айгерим", 0)).await;
        for number in 1..50 {
            let key = format!("key {number}");
            guarded
                .post(&form(&person, &key, "Айгерим", number % 4))
                .await
                .lead();
        }
        let rows = async || {
            let lead = world.db.row("select * from landing_leads").await;
            let submissions = world.db.count("submissions").await;
            (
                lead,
                submissions,
                world.db.count("consents").await,
                world.db.counts().await,
            )
        };
        let before = rows().await;
        assert_eq!((before.1, before.2), (50, 50));
        let waiting = guarded.newest(&person, first.lead()).await;
        let more = guarded.post(&form(&person, "one more", "Динара", 0)).await;
        assert_eq!(without_lead(&more), without_lead(&first));
        assert_eq!(rows().await, before);

        // Nor after the message has gone out.
        assert!(!wake(&patient(world).await, &waiting).await);
        let before = rows().await;
        assert_eq!(
            guarded.post(&form(&person, "and one", "Динара", 2)).await.lead(),
            first.lead()
        );
        assert_eq!(rows().await, before);
        world.pass_time(Duration::from_hours(24)).await;
        guarded
            .post(&form(&person, "another day", "Динара", 2))
            .await
            .lead();
        assert_eq!(world.db.count("submissions").await, 51);
        assert_eq!(world.db.count("scheduled_notifications").await, 2);
    });
}

/// Status, headers and body but for the lead's id.
fn without_lead(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    answer.body["leadId"] = Value::Null;
    answer
}

#[test]
fn no_answer_tells_what_becomes_of_a_submission() {
    run(async {
        let guarded = Guarded::with(&[
            ("LIMITS", "address.hour=1,block.hour=5"),
            ("ADDRESS_LIMITS", "on"),
        ])
        .await;
        let normal = guarded.post(&form(&Person::new(), "", "Айгерим", 0)).await;
        let (crowded, suppressed) = (with_one_phone(8), with_phone("+77051234567"));
        guarded.serve(&crowded[1..]).await;
        guarded.suppress_phone(&suppressed).await;
        let [abroad, no_mobile] = ["+4915112345678", "+77091234567"].map(with_phone);
        let block = || with_phone(&Person::new().phone.replace("+7701", "+7707"));
        let one_address = new_address();
        let from = [0; 5].map(|_| new_address());
        let people = [
            crowded[0].clone(),
            crowded[1].clone(),
            suppressed,
            abroad,
            no_mobile,
        ];
        let mut posts: Vec<_> = people.into_iter().zip(from).collect();
        posts.extend([(block(), one_address.clone()), (block(), one_address)]);
        for (person, address) in &posts {
            let form = form(person, "", "Айгерим", 0);
            let answer = guarded.handle(&event(&form, address)).await;
            answer.lead();
            assert_eq!(without_lead(&answer), without_lead(&normal));
        }
        // They were what they seem to be.
        guarded.world.pass_time(Duration::from_mins(2)).await;
        guarded.wake_overdue().await;
        let reasons = "select distinct reason from holds order by 1";
        let reasons = guarded.world.db.rows(reasons).await.into_iter();
        let reasons: Vec<Value> = reasons.map(|row| row["reason"].clone()).collect();
        let expected = [
            "budget:address",
            "budget:block",
            "budget:pair",
            "budget:phone",
            "country",
            "range",
            "suppressed",
        ];
        assert_eq!(reasons, expected);
    });
}

#[test]
fn a_lead_s_id_tells_no_time() {
    run(async {
        let guarded = Guarded::new().await;
        for _ in 0..3 {
            let answer = guarded.post(&Person::new().form()).await;
            let id: Uuid = answer.lead().parse().unwrap();
            assert_eq!(id.get_version(), Some(Version::Random));
            let lead = guarded
                .world
                .db
                .count(&format!("landing_leads where id = '{id}'"))
                .await;
            assert_eq!(lead, 1);
        }
    });
}
