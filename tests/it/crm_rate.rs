//! The account cannot be flooded, whatever the concurrency; refusals shut the gate.

use crate::support::crm::{config, drain, wake, worker, worker_with};
use harness::world::{Options, Person, World, run};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn a_burst_never_sees_more_than_five_requests_in_a_second_and_makes_no_duplicate() {
    run(async {
        let world = World::with(Options::strict()).await;
        world.leads(40).await;
        let mut config = config(&world);
        config.amocrm.requests_per_second = 5;
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(worker_with(&config).await);
        }
        drain(&world, &workers, Duration::from_mins(5)).await;
        let stats = world.vendors.amocrm.stats();
        assert!(stats.max_in_one_second <= 5, "{}", stats.max_in_one_second);
        assert!(!stats.statuses.contains_key(&429), "{:?}", stats.statuses);
        assert_eq!(
            (world.vendors.made().len(), world.vendors.amocrm.contacts().len()),
            (40, 40)
        );
    });
}

#[test]
fn three_hundred_leads_of_a_hundred_people_are_a_hundred_contacts() {
    run(async {
        let world = World::new().await;
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
                world.save(&person, Duration::ZERO).await;
            }
        }
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(worker(&world).await);
        }
        drain(&world, &workers, Duration::from_mins(5)).await;
        let phones: BTreeSet<_> = world
            .vendors
            .amocrm
            .contacts()
            .into_iter()
            .flat_map(|contact| contact.phones)
            .collect();
        assert_eq!((world.vendors.amocrm.contacts().len(), phones.len()), (100, 100));
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
        let world = World::new().await;
        let leads = world.leads(12).await;
        world.vendors.amocrm.block();
        let (one, other) = (worker(&world).await, worker(&world).await);
        wake(&one, &leads[..1]).await;
        let calls = world.vendors.amocrm.stats().requests;
        assert_eq!(calls, 1, "the first refusal shuts the gate");
        for _ in 0..3 {
            assert_eq!(
                wake(&one, &leads[..10]).await,
                0,
                "the rows wait, not the messages"
            );
            assert_eq!(wake(&other, &leads[2..]).await, 0);
        }
        assert_eq!(
            world.vendors.amocrm.stats().requests,
            calls,
            "not one further call"
        );
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
        world.vendors.amocrm.unblock();
        assert_eq!(
            ops::store::open_gate(&world.db.store_as("ops"))
                .await
                .unwrap()
                .as_deref(),
            Some("amocrm 403")
        );
        assert_eq!(
            store.take_overdue_crm(500, Duration::ZERO).await.unwrap().len(),
            12
        );
        drain(&world, &[one, other], Duration::from_secs(30)).await;
        assert_eq!(world.vendors.made().len(), 12);
    });
}

#[test]
fn a_rate_limit_is_obeyed_by_the_whole_fleet_in_json_and_in_html() {
    run(async {
        for html in [false, true] {
            let mut options = Options::strict();
            options.amocrm.rate_limit_per_second = Some(1);
            options.amocrm.retry_after_seconds = 3;
            options.amocrm.html_429 = html;
            options.amocrm.block_after = None;
            let world = World::with(options).await;
            let leads = world.leads(2).await;
            let (one, other) = (worker(&world).await, worker(&world).await);
            futures::future::join(wake(&one, &leads[..1]), wake(&other, &leads[1..])).await;
            let shut = world.db.store().gate().await.unwrap().expect("the gate is shut");
            let pause = if html { 10 } else { 3 };
            let opens_in = shut.opens_in.unwrap();
            assert!(
                opens_in <= Duration::from_secs(pause) && opens_in > Duration::from_secs(pause - 2),
                "{shut:?}"
            );
            let calls = world.vendors.amocrm.stats().requests;
            wake(&one, &leads).await;
            assert_eq!(world.vendors.amocrm.stats().requests, calls);
        }
    });
}
