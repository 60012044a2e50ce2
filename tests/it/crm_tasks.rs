//! Each new deal has one task with a deadline, whatever was lost.

use crate::support::crm::{config, drain, wake, worker, worker_with};
use crate::support::handover::{ADD_TASKS, LATE, existing, seed, tasks, told, with_tasks};
use harness::world::{Options, Person, World, run};
use proftest::domain::crm::WorkHours;
use proftest::domain::ids::UserId;
use proftest::store::CRM_LEASE;
use serde_json::json;
use standins::{AmoCrm, Mode, SeedDeal};
use std::time::{Duration, SystemTime};

#[test]
fn a_deadline_counts_working_minutes_in_almaty() {
    run(async {
        let world = World::new().await;
        // Two hours from now until three hours from now: it is night until then.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let hour = |after: u64| (now / 3600 + 5 + after) % 24;
        let (opens, closes) = (hour(2), hour(2) + 1);
        let config = with_tasks(&world, |tasks| {
            tasks.hours = WorkHours::parse(&format!("{opens}-{closes}")).unwrap();
            tasks.within = Duration::from_mins(20);
        });
        let lead = told(&world, &worker_with(&config).await, &Person::new()).await;
        let until = world.deal(lead).await.tasks[0].complete_till;
        let opening = (now / 3600 + 2) * 3600;
        assert_eq!(until, i64::try_from(opening + 20 * 60).unwrap());
        let config = with_tasks(&world, |tasks| tasks.hours = WorkHours::parse("0-24").unwrap());
        let lead = told(&world, &worker_with(&config).await, &Person::new()).await;
        let wait = world.deal(lead).await.tasks[0].complete_till - i64::try_from(now).unwrap();
        assert!((15 * 60..16 * 60).contains(&wait), "{wait}");
    });
}

#[test]
fn new_deals_and_their_tasks_go_to_the_users_in_turn_and_nobody_else_s_deal_changes_hands() {
    run(async {
        let world = World::new().await;
        let users = [AmoCrm::OWNER + 1, AmoCrm::OWNER + 2];
        let config = with_tasks(&world, |tasks| tasks.users = users.map(UserId).to_vec());
        let app = worker_with(&config).await;
        let leads = world.leads(40).await;
        for batch in leads.chunks(10) {
            wake(&app, batch).await;
        }
        let mut counts = [0, 0];
        for deal in world.vendors.made() {
            assert_eq!(deal.tasks.len(), 1);
            assert_eq!(
                deal.tasks[0].responsible, deal.responsible,
                "the deal's and its task's"
            );
            counts[users.iter().position(|user| *user == deal.responsible).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
        let person = Person::new();
        let mine = SeedDeal {
            responsible: Some(AmoCrm::OWNER),
            ..existing(LATE)
        };
        let deal = seed(&world, &person, mine);
        assert_eq!(world.deal(told(&world, &app, &person).await).await.id, deal);
        assert_eq!(tasks(&world, deal)[0].responsible, AmoCrm::OWNER);
    });
}

#[test]
fn an_empty_text_makes_no_tasks() {
    run(async {
        let mut world = World::new().await;
        world.changes.insert("AMOCRM_TASK_TEXT", String::new());
        let lead = told(&world, &worker(&world).await, &Person::new()).await;
        assert!(world.vendors.amocrm.tasks().is_empty());
        assert_eq!(world.crm_task(lead).await["task_due"], false);
    });
}

#[test]
fn a_task_whose_answer_was_lost_is_looked_up_and_not_made_again() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        let leads = world.leads(3).await;
        // Taken, and the answer lost; then the look-up fails.
        for (mode, path) in [
            (Mode::AcceptThenDrop {}, ADD_TASKS),
            (Mode::Html { status: 502 }, "GET /api/v4/tasks"),
        ] {
            world.break_crm(path, mode, Some(1), None);
        }
        wake(&app, &leads).await;
        assert_eq!(world.vendors.amocrm.tasks().len(), 3, "they were taken");
        // One of them is done before anybody looks.
        world
            .vendors
            .amocrm
            .change_tasks(|tasks| tasks[0].is_completed = true);
        drain(&world, &[app], Duration::from_secs(20)).await;
        assert_eq!(world.vendors.amocrm.tasks().len(), 3, "none was made again");
        for lead in leads {
            assert_eq!(world.deal(lead).await.notes.len(), 2, "no note was written again");
        }
    });
}

#[test]
fn a_task_that_was_certainly_not_made_is_made_later() {
    run(async {
        let world = World::new().await;
        let app = worker(&world).await;
        world.break_crm(ADD_TASKS, Mode::Drop {}, Some(1), None);
        let lead = world.lead().await.lead;
        wake(&app, &[lead]).await;
        let row = world.crm_task(lead).await;
        assert_eq!(
            (&row["state"], &row["task_due"]),
            (&json!("pending"), &json!(true))
        );
        assert_eq!(
            row["pending_notes"],
            json!([]),
            "what was written is not written again"
        );
        drain(&world, &[app], Duration::from_secs(20)).await;
        let deal = world.deal(lead).await;
        assert_eq!((deal.notes.len(), deal.tasks.len()), (2, 1));
    });
}

#[test]
fn a_worker_that_dies_before_the_task_leaves_it_to_the_next_and_to_one_lead_of_the_person() {
    run(async {
        let world = World::new().await;
        let (one, person) = (worker(&world).await, Person::new());
        let waiting = world.save(&person, Duration::ZERO).await;
        // The deal stands; then the worker's database is gone, as at its death.
        world.break_crm(
            "POST /api/v4/leads/notes",
            Mode::Status {
                status: 503,
                name: None,
                retry_after: None,
            },
            Some(1),
            None,
        );
        wake(&one, &[waiting.lead]).await;
        let sql = format!(
            "update crm_tasks set state = 'working', tasking_since = null, noting_since = null, next_attempt_at = now() + interval '1 minute'
             where lead_id = '{}'",
            waiting.lead
        );
        world.db.execute(&sql).await;
        // The person's other lead finds the deal without a task, and makes one.
        let mut second = person.clone();
        second.email = format!("other-{}", person.email);
        let other = told(&world, &one, &second).await;
        let deal = world.deal(other).await;
        assert_eq!(deal.tasks.len(), 1);
        world.pass_time(CRM_LEASE).await;
        wake(&one, &[waiting.lead]).await;
        assert_eq!(world.deal(waiting.lead).await.id, deal.id);
        assert_eq!(tasks(&world, deal.id).len(), 1, "one deal, one task");
        assert_eq!(world.crm_task(waiting.lead).await["state"], "done");
    });
}

#[test]
fn the_account_s_limit_holds_with_tasks_and_batches() {
    run(async {
        let world = World::with(Options::strict()).await;
        world.leads(20).await;
        let mut config = config(&world);
        config.amocrm.requests_per_second = 5;
        let workers = [worker_with(&config).await, worker_with(&config).await];
        drain(&world, &workers, Duration::from_mins(3)).await;
        let stats = world.vendors.amocrm.stats();
        assert!(stats.max_in_one_second <= 5, "{}", stats.max_in_one_second);
        assert_eq!(world.vendors.amocrm.tasks().len(), 20);
    });
}
