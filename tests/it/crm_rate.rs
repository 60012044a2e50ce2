//! The account cannot be flooded, whatever the concurrency; refusals shut the gate.

use crate::support::crm::{TOKEN, World};
use crate::support::{Person, run};
use standins::AmoCrmOptions;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn a_burst_never_sees_more_than_five_requests_in_a_second_and_makes_no_duplicate() {
    run(async {
        let world = World::new().await;
        world.leads(40).await;
        let config = world.config(5);
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(world.worker_with(&config).await);
        }
        world.drain(&workers, Duration::from_mins(5)).await;
        let stats = world.amocrm.stats();
        assert!(stats.max_in_one_second <= 5, "{}", stats.max_in_one_second);
        assert!(!stats.statuses.contains_key(&429), "{:?}", stats.statuses);
        assert_eq!((world.made().len(), world.amocrm.contacts().len()), (40, 40));
    });
}

#[test]
fn three_hundred_leads_of_a_hundred_people_are_a_hundred_contacts() {
    run(async {
        let world = World::unlimited().await;
        for _ in 0..100 {
            let first = Person::new();
            let digits = first.digits()[1..].to_owned();
            for (index, phone) in [format!("+7{digits}"), format!("8 {digits}"), digits.clone()]
                .iter()
                .enumerate()
            {
                let mut person = first.clone();
                person.phone.clone_from(phone);
                person.email = format!("{index}.{}", first.email);
                person.name = format!("{} {index}", first.name).replace(char::is_numeric, "я");
                world.lead(&person).await;
            }
        }
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(world.worker().await);
        }
        world.drain(&workers, Duration::from_mins(5)).await;
        let phones: BTreeSet<_> = world
            .amocrm
            .contacts()
            .into_iter()
            .flat_map(|contact| contact.phones)
            .collect();
        assert_eq!((world.amocrm.contacts().len(), phones.len()), (100, 100));
        assert_eq!(
            world
                .db
                .count("landing_leads where amocrm_lead_id is not null")
                .await,
            300
        );
    });
}

#[test]
fn a_block_stops_every_call_until_the_gate_is_opened_and_then_everything_drains() {
    run(async {
        let world = World::unlimited().await;
        let leads = world.leads(12).await;
        world.amocrm.block();
        let (one, other) = (world.worker().await, world.worker().await);
        world.wake(&one, &leads[..1]).await;
        let calls = world.amocrm.stats().requests;
        assert_eq!(calls, 1, "the first refusal shuts the gate");
        for _ in 0..3 {
            assert_eq!(
                world.wake(&one, &leads[..10]).await,
                0,
                "the rows wait, not the messages"
            );
            assert_eq!(world.wake(&other, &leads[2..]).await, 0);
        }
        assert_eq!(world.amocrm.stats().requests, calls, "not one further call");
        let store = world.db.store();
        assert!(
            store
                .gate()
                .await
                .unwrap()
                .is_some_and(|shut| shut.opens_in.is_none())
        );
        assert_eq!(
            store.take_overdue_crm(500, Duration::ZERO).await.unwrap(),
            [],
            "the sweep lets them sleep"
        );
        world.amocrm.unblock();
        assert_eq!(
            ops::store::open_gate(&store).await.unwrap().as_deref(),
            Some("amocrm 403")
        );
        assert_eq!(
            store.take_overdue_crm(500, Duration::ZERO).await.unwrap().len(),
            12
        );
        world.drain(&[one, other], Duration::from_secs(30)).await;
        assert_eq!(world.made().len(), 12);
    });
}

#[test]
fn a_rate_limit_is_obeyed_by_the_whole_fleet_in_json_and_in_html() {
    run(async {
        for html_every in [None, Some(1)] {
            let mut options = AmoCrmOptions::new(TOKEN);
            options.rate_limit_per_second = Some(1);
            options.retry_after_seconds = 3;
            options.html_every = html_every;
            options.block_after = None;
            let world = World::with(options).await;
            let leads = world.leads(2).await;
            let (one, other) = (world.worker().await, world.worker().await);
            futures::future::join(world.wake(&one, &leads[..1]), world.wake(&other, &leads[1..])).await;
            let shut = world.db.store().gate().await.unwrap().expect("the gate is shut");
            let pause = if html_every.is_some() { 10 } else { 3 };
            let opens_in = shut.opens_in.unwrap();
            assert!(
                opens_in <= Duration::from_secs(pause) && opens_in > Duration::from_secs(pause - 2),
                "{shut:?}"
            );
            let calls = world.amocrm.stats().requests;
            world.wake(&one, &leads).await;
            assert_eq!(world.amocrm.stats().requests, calls);
        }
    });
}
