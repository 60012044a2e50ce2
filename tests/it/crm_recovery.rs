//! Lost answers, outages and killed workers: still one deal a lead, and nothing lost.

use crate::support::crm::{config, drain, wake, worker, worker_with};
use harness::world::crm::oauth_app;
use harness::world::{Options, Vendor, World, run};
use proftest::store::CRM_LEASE;
use serde_json::json;
use standins::Mode;
use std::collections::BTreeMap;
use std::time::Duration;

const CREATE: &str = "POST /api/v4/leads/complex";

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
fn oauth_tokens_survive_a_lost_answer_and_workers_do_not_rotate_them_against_each_other() {
    run(async {
        let mut options = Options::unlimited();
        options.amocrm.oauth = Some(oauth_app(Duration::from_hours(1)));
        let mut world = World::with(options).await;
        world.connect_oauth();
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
