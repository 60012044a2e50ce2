//! Lost answers, outages and killed workers: still one deal a lead, and nothing lost.

use crate::support::crm::{TOKEN, World};
use crate::support::guillotine::Guillotine;
use crate::support::{Person, run};
use proftest::config::{Auth, OAuthClient};
use serde_json::{Value, json};
use standins::{AmoCrmOptions, Mode, OAuthApp};
use std::collections::BTreeMap;
use std::time::Duration;

const CREATE: &str = "POST /api/v4/leads/complex";

#[test]
fn a_lost_answer_to_every_second_creation_is_still_one_deal_a_lead() {
    run(async {
        let world = World::unlimited().await;
        world.leads(60).await;
        world.break_on(CREATE, Mode::AcceptThenDrop {}, None, Some(2));
        let workers = [world.worker().await, world.worker().await];
        world.drain(&workers, Duration::from_mins(1)).await;
        let stats = world.amocrm.stats();
        assert!(stats.faulted >= 30, "{}", stats.faulted);
        assert_eq!((world.made().len(), world.amocrm.contacts().len()), (60, 60));
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
        let mut options = AmoCrmOptions::new(TOKEN);
        options.search_lag = Duration::from_secs(3);
        let world = World::with(options).await;
        let lead = world.lead(&Person::new()).await;
        let absent = Duration::from_secs(6);
        let policy = proftest::domain::crm::CrmTiming {
            absent,
            ..crate::support::crm::HASTY
        };
        let app = world.worker().await.with_timing(policy);
        world.break_on(CREATE, Mode::AcceptThenDrop {}, Some(1), None);
        world.wake(&app, &[lead]).await;
        assert_eq!(world.made().len(), 1, "it was taken");
        world.drain(&[app], Duration::from_secs(20)).await;
        assert_eq!(world.made().len(), 1);
        assert_eq!(world.deal(lead).await.id, world.made()[0].id);
    });
}

#[test]
fn an_outage_during_the_whole_intake_loses_no_deal() {
    run(async {
        let world = World::unlimited().await;
        world.amocrm.faults().add(standins::Fault {
            mode: Mode::Drop {},
            count: None,
            every: None,
            path: None,
        });
        let leads = world.leads(200).await;
        let app = world.worker().await;
        for batch in leads.chunks(10).take(3) {
            assert_eq!(
                world.wake(&app, batch).await,
                10,
                "each comes back after its pause"
            );
        }
        world.amocrm.faults().clear();
        let workers = [app, world.worker().await];
        world.drain(&workers, Duration::from_mins(5)).await;
        assert_eq!((world.made().len(), world.amocrm.contacts().len()), (200, 200));
    });
}

#[test]
fn notes_whose_answer_was_lost_are_not_written_twice() {
    run(async {
        let world = World::unlimited().await;
        let metadata = json!({"proftestAnswers": [{"question": "Где?", "answer": "Дома"}]});
        let lead = world.lead_with(&Person::new(), metadata).await;
        world.break_on("POST /api/v4/leads/notes", Mode::AcceptThenDrop {}, Some(1), None);
        world
            .drain(&[world.worker().await], Duration::from_secs(20))
            .await;
        assert_eq!(world.notes(world.deal(lead).await.id).len(), 2);
    });
}

/// Kills a worker at its first step, at its second, and so on, until it survives; each time another worker
/// ends the work.
#[test]
fn a_worker_killed_at_any_step_leaves_no_duplicate_and_loses_nothing() {
    run(async {
        let world = World::unlimited().await;
        let mut survived = false;
        let mut steps = 0;
        while !survived {
            steps += 1;
            assert!(steps < 120, "the worker never comes to an end");
            let blade = Guillotine::at(steps);
            let mut config = world.config(50);
            config.database = world.db.config_over(blade.before(world.db.port()).await);
            config.amocrm.base_url = format!(
                "http://127.0.0.1:{}",
                blade.before(world.server.addr.port()).await
            );
            let metadata = json!({"proftestAnswers": [{"question": "Шаг?", "answer": steps.to_string()}]});
            let lead = world.lead_with(&Person::new(), metadata).await;
            let victim = world.worker_with(&config).await;
            survived = blade
                .run(async {
                    let _ = world.wake(&victim, &[lead]).await;
                })
                .await;
            drop(victim);
            // What was under way at the server ends there.
            tokio::time::sleep(Duration::from_millis(30)).await;
            world.expire_leases().await;
            world
                .drain(&[world.worker().await], Duration::from_secs(20))
                .await;
        }
        assert!(steps > 20, "only {steps} steps were met");
        let mut deals: BTreeMap<String, usize> = BTreeMap::new();
        for deal in world.made() {
            *deals.entry(deal.fields["PROFTEST_LEAD_ID"].clone()).or_default() += 1;
            assert_eq!(deal.notes.len(), 2, "{:?}", deal.notes);
        }
        assert_eq!(deals.len(), steps, "every lead has a deal");
        assert!(deals.values().all(|count| *count == 1), "{deals:?}");
        assert_eq!(world.amocrm.contacts().len(), steps);
        assert_eq!(
            world.db.count("crm_tasks where state = 'done'").await,
            i64::try_from(steps).unwrap()
        );
    });
}

fn oauth() -> OAuthApp {
    OAuthApp {
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
        redirect_uri: "https://example.com/".to_owned(),
        code: "code".to_owned(),
        access_ttl: Duration::from_hours(1),
    }
}

/// The configuration of an integration whose first pair of tokens was just made.
async fn oauth_config(world: &World) -> proftest::config::Crm {
    let first = reqwest_json(&format!("{}/oauth2/access_token", world.server.url())).await;
    let client = OAuthClient {
        id: "client".to_owned(),
        secret: "secret".to_owned().into(),
        redirect_uri: "https://example.com/".to_owned(),
    };
    let refresh = first["refresh_token"].as_str().unwrap().to_owned();
    let mut config = world.config(50);
    config.amocrm.auth = Auth::OAuth {
        client,
        refresh: refresh.into(),
    };
    config
}

#[test]
fn oauth_tokens_survive_a_lost_answer_and_workers_do_not_rotate_them_against_each_other() {
    run(async {
        let mut options = AmoCrmOptions::new(TOKEN);
        options.rate_limit_per_second = None;
        options.oauth = Some(oauth());
        let world = World::with(options).await;
        let config = oauth_config(&world).await;
        let leads = world.leads(20).await;
        world.break_on(
            "POST /oauth2/access_token",
            Mode::AcceptThenDrop {},
            Some(1),
            None,
        );
        let (one, other) = (world.worker_with(&config).await, world.worker_with(&config).await);
        futures::future::join(world.wake(&one, &leads[..10]), world.wake(&other, &leads[10..])).await;
        assert_eq!(
            world.amocrm.stats().faulted,
            1,
            "one of twenty tasks asked for a token, and lost it"
        );
        assert!(world.made().is_empty());
        // Half a minute later the rotation's lease has ended; the old refresh token still works.
        let lease_ended = "update crm_tokens set refreshing_until = '-infinity';
                           update crm_tasks set next_attempt_at = now()";
        world.db.execute(lease_ended).await;
        // One rotates; those that found it busy look again two seconds later.
        world.drain(&[one, other], Duration::from_secs(30)).await;
        assert_eq!(world.made().len(), 20);
        assert_eq!(
            world.amocrm.stats().rejected,
            BTreeMap::new(),
            "no token was used up twice"
        );
        let sql = "select access_token <> '' as stored, expires_at > now() as good from crm_tokens";
        assert_eq!(world.db.row(sql).await, json!({"stored": true, "good": true}));
    });
}

async fn reqwest_json(url: &str) -> Value {
    let body = json!({"client_id": "client", "client_secret": "secret", "redirect_uri": "https://example.com/",
        "grant_type": "authorization_code", "code": "code"});
    let http = harness::tools::http_client().unwrap();
    http.post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[test]
fn a_database_that_fails_before_the_notes_leaves_the_claim_to_its_lease_and_no_false_reason() {
    run(async {
        let world = World::unlimited().await;
        let worker = world.worker().await;
        let lead = world.lead(&Person::new()).await;
        world.wake(&worker, &[lead]).await;
        // A click makes a note due, and the governor's table fails under the call that writes it.
        world
            .db
            .execute(
                "update crm_tasks set state = 'pending', revision = revision + 1, pending_notes = '{sms_click}',
                        next_attempt_at = now();
                 alter table crm_slots rename to crm_slots_gone",
            )
            .await;
        world.wake(&worker, &[lead]).await;
        let task = world.task(lead).await;
        assert_eq!(
            (&task["state"], &task["reason"], &task["pending_notes"]),
            (&"working".into(), &Value::Null, &json!(["sms_click"])),
            "{task}"
        );
        world
            .db
            .execute("alter table crm_slots_gone rename to crm_slots")
            .await;
        world.expire_leases().await;
        world.wake(&worker, &[lead]).await;
        assert_eq!(world.task(lead).await["state"], "done");
        let notes = world.notes(world.deal(lead).await.id);
        assert_eq!(
            notes.iter().filter(|note| note.contains("SMS")).count(),
            1,
            "{notes:?}"
        );
    });
}
