//! Lost answers, outages and killed workers: still one deal a lead, and nothing lost.

use crate::support::crm::{config, drain, wake, worker, worker_with};
use crate::support::cutoff::Cutoff;
use harness::world::crm::oauth_app;
use harness::world::{Options, Person, Vendor, World, run};
use proftest::store::CRM_LEASE;
use serde_json::json;
use standins::Mode;
use std::collections::BTreeMap;
use std::time::Duration;

const CREATE: &str = "POST /api/v4/leads/complex";

#[test]
fn a_lost_answer_to_every_second_creation_is_still_one_deal_a_lead() {
    run(async {
        let world = World::new().await;
        world.leads(60).await;
        world.break_crm(CREATE, Mode::AcceptThenDrop {}, None, Some(2));
        let workers = [worker(&world).await, worker(&world).await];
        drain(&world, &workers, Duration::from_mins(1)).await;
        let stats = world.vendors.amocrm.stats();
        assert!(stats.faulted >= 30, "{}", stats.faulted);
        assert_eq!(
            (world.vendors.made().len(), world.vendors.amocrm.contacts().len()),
            (60, 60)
        );
        assert_eq!(
            world
                .db
                .count("landing_leads where amocrm_lead_id is not null")
                .await,
            60
        );
    });
}

#[test]
fn a_deal_of_unknown_outcome_is_not_created_again_before_the_search_could_show_it() {
    run(async {
        let mut options = Options::strict();
        options.amocrm.search_lag = Duration::from_secs(3);
        let world = World::with(options).await;
        let lead = world.lead().await.lead;
        let absent = Duration::from_secs(6);
        let policy = proftest::domain::crm::CrmTiming {
            absent,
            ..crate::support::crm::HASTY
        };
        let app = worker(&world).await.with_timing(policy);
        world.break_crm(CREATE, Mode::AcceptThenDrop {}, Some(1), None);
        wake(&app, &[lead]).await;
        assert_eq!(world.vendors.made().len(), 1, "it was taken");
        drain(&world, &[app], Duration::from_secs(20)).await;
        assert_eq!(world.vendors.made().len(), 1);
        assert_eq!(world.deal(lead).await.id, world.vendors.made()[0].id);
    });
}

#[test]
fn an_outage_during_the_whole_intake_loses_no_deal() {
    run(async {
        let world = World::new().await;
        world.vendors.amocrm.faults().add(standins::Fault {
            mode: Mode::Drop {},
            count: None,
            every: None,
            path: None,
        });
        let leads = world.leads(200).await;
        let app = worker(&world).await;
        for batch in leads.chunks(10).take(3) {
            assert_eq!(wake(&app, batch).await, 10, "each comes back after its pause");
        }
        world.vendors.amocrm.faults().clear();
        let workers = [app, worker(&world).await];
        drain(&world, &workers, Duration::from_mins(5)).await;
        assert_eq!(
            (world.vendors.made().len(), world.vendors.amocrm.contacts().len()),
            (200, 200)
        );
    });
}

#[test]
fn notes_whose_answer_was_lost_are_not_written_twice() {
    run(async {
        let world = World::new().await;
        let metadata = json!({"proftestAnswers": [{"question": "Где?", "answer": "Дома"}]});
        let lead = world
            .save(&Person::new().with(metadata), Duration::ZERO)
            .await
            .lead;
        world.break_crm("POST /api/v4/leads/notes", Mode::AcceptThenDrop {}, Some(1), None);
        drain(&world, &[worker(&world).await], Duration::from_secs(20)).await;
        assert_eq!(world.notes(world.deal(lead).await.id).len(), 2);
    });
}

/// Kills a worker at its first step, at its second, and so on, until it survives; each time another worker
/// ends the work.
#[test]
fn a_worker_killed_at_any_step_leaves_no_duplicate_and_loses_nothing() {
    run(async {
        let world = World::new().await;
        let mut survived = false;
        let mut steps = 0;
        while !survived {
            steps += 1;
            assert!(steps < 120, "the worker never comes to an end");
            let cutoff = Cutoff::at(steps);
            let mut config = config(&world);
            config.database = world.db.config_over(cutoff.before(world.db.port()).await);
            let (host, port) = world.vendors.urls.amocrm.rsplit_once(':').unwrap();
            let port = cutoff.before(port.parse().unwrap()).await;
            config.amocrm.base_url = format!("{host}:{port}");
            let metadata = json!({"proftestAnswers": [{"question": "Шаг?", "answer": steps.to_string()}]});
            let lead = world
                .save(&Person::new().with(metadata), Duration::ZERO)
                .await
                .lead;
            let victim = worker_with(&config).await;
            survived = cutoff
                .run(async {
                    let _ = wake(&victim, &[lead]).await;
                })
                .await;
            drop(victim);
            // What was under way at the server ends there.
            tokio::time::sleep(Duration::from_millis(30)).await;
            world.pass_time(CRM_LEASE).await;
            drain(&world, &[worker(&world).await], Duration::from_secs(20)).await;
        }
        assert!(steps > 20, "only {steps} steps were met");
        let mut deals: BTreeMap<String, usize> = BTreeMap::new();
        for deal in world.vendors.made() {
            *deals.entry(deal.fields["PROFTEST_LEAD_ID"].clone()).or_default() += 1;
            assert_eq!(deal.notes.len(), 2, "{:?}", deal.notes);
        }
        assert_eq!(deals.len(), steps, "every lead has a deal");
        assert!(deals.values().all(|count| *count == 1), "{deals:?}");
        assert_eq!(world.vendors.amocrm.contacts().len(), steps);
        assert_eq!(
            world.db.count("crm_tasks where state = 'done'").await,
            i64::try_from(steps).unwrap()
        );
    });
}

#[test]
fn oauth_tokens_survive_a_lost_answer_and_workers_do_not_rotate_them_against_each_other() {
    run(async {
        let mut options = Options::unlimited();
        options.amocrm.oauth = Some(oauth_app(Duration::from_hours(1)));
        let mut world = World::with(options).await;
        world.connect_oauth().await;
        let config = config(&world);
        let leads = world.leads(20).await;
        world.break_crm(
            "POST /oauth2/access_token",
            Mode::AcceptThenDrop {},
            Some(1),
            None,
        );
        let (one, other) = (worker_with(&config).await, worker_with(&config).await);
        futures::future::join(wake(&one, &leads[..10]), wake(&other, &leads[10..])).await;
        assert_eq!(
            world.vendors.amocrm.stats().faulted,
            1,
            "one of twenty tasks asked for a token, and lost it"
        );
        assert!(world.vendors.made().is_empty());
        // Half a minute later the rotation's lease has ended; the old refresh token still works.
        world.pass_time(Duration::from_secs(30)).await;
        // One rotates; those that found it busy look again two seconds later.
        drain(&world, &[one, other], Duration::from_secs(30)).await;
        assert_eq!(world.vendors.made().len(), 20);
        assert_eq!(
            world.vendors.amocrm.stats().rejected,
            BTreeMap::new(),
            "no token was used up twice"
        );
        let sql = "select access_token <> '' as stored, expires_at > now() as good from crm_tokens";
        assert_eq!(world.db.row(sql).await, json!({"stored": true, "good": true}));
    });
}

#[test]
fn a_database_that_fails_before_the_notes_leaves_the_claim_to_its_lease_and_no_false_reason() {
    run(async {
        let world = World::new().await;
        let worker = worker(&world).await;
        let waiting = world.lead().await;
        let lead = [waiting.lead];
        wake(&worker, &lead).await;
        // A click makes a note due, and the governor's table fails under the call that writes it.
        let click = "update crm_tasks set state = 'pending', revision = revision + 1,
                            pending_notes = '{sms_click}', next_attempt_at = now();
                     alter table crm_slots rename to crm_slots_gone";
        world.db.execute(click).await;
        wake(&worker, &lead).await;
        let task = world.work(&waiting, Vendor::AmoCrm).await;
        let found = json!([task["state"], task["reason"], task["pending_notes"]]);
        assert_eq!(found, json!(["working", null, ["sms_click"]]), "{task}");
        world
            .db
            .execute("alter table crm_slots_gone rename to crm_slots")
            .await;
        world.pass_time(CRM_LEASE).await;
        wake(&worker, &lead).await;
        assert_eq!(world.work(&waiting, Vendor::AmoCrm).await["state"], "done");
        let notes = world.notes(world.deal(waiting.lead).await.id);
        let clicks = notes.iter().filter(|note| note.contains("SMS"));
        assert_eq!(clicks.count(), 1, "{notes:?}");
    });
}
