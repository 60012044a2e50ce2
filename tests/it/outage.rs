//! What intake does when a part of the world is gone: the visitor is served, or told when to come back.

use crate::intake::{app, app_of, post, world};
use crate::support::funnel::schedules;
use crate::support::proxy::{Mode, Proxy};
use futures::future::join_all;
use harness::world::{Person, World, run, sdk, task};
use proftest::domain::ids::NotificationId;
use serde_json::json;
use std::time::{Duration, Instant};

/// The limit on a visitor's wait.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// The function behind a proxy that can be broken, with its connection open.
async fn behind_proxy(intake: &World) -> (Proxy, intake::App) {
    let proxy = Proxy::before(intake.db.port()).await;
    let mut config = intake.intake_config();
    config.database = intake.db.config_over("intake", proxy.port);
    let app = app_of(&config, &sdk().await);
    app.warm_up().await;
    assert_eq!(proxy.connections(), 1, "warm");
    (proxy, app)
}

#[test]
fn a_database_that_is_gone_is_503_within_three_seconds_and_then_forgotten() {
    run(async {
        let intake = world().await;
        let (proxy, app) = behind_proxy(&intake).await;
        let body = Person::new().form();
        for mode in [Mode::Down, Mode::Silent] {
            proxy.set(mode);
            for _ in 0..2 {
                let started = Instant::now();
                let answer = post(&app, &body).await;
                let took = started.elapsed();
                assert_eq!(answer.status, 503, "{mode:?}: {answer:?}");
                assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
                assert_eq!(answer.body["success"], false);
                assert!(!answer.body["error"].as_str().unwrap().is_ascii(), "in Russian");
                assert!(took < WAIT_MAX, "{mode:?}: {took:?}");
            }
            proxy.set(Mode::Open);
            post(&app, &body).await.lead();
        }
        assert_eq!(intake.db.counts().await["notifications"], 1);
    });
}

#[test]
fn a_connection_that_died_in_its_sleep_costs_the_visitor_nothing() {
    run(async {
        let intake = world().await;
        let (proxy, app) = behind_proxy(&intake).await;
        for _ in 0..3 {
            proxy.set(Mode::Stale);
            post(&app, &Person::new().form()).await.lead();
        }
        assert_eq!(proxy.connections(), 4, "each time a new connection");
        assert_eq!(intake.db.counts().await["leads"], 3);
    });
}

#[test]
fn an_answer_lost_on_its_way_back_is_no_failure_and_no_second_lead() {
    run(async {
        let intake = world().await;
        let (proxy, app) = behind_proxy(&intake).await;
        for key in [None, Some("click-1")] {
            let mut body = Person::new().form();
            if let Some(key) = key {
                body["submissionId"] = json!(key);
            }
            proxy.set(Mode::LoseAnswer);
            post(&app, &body).await.lead();
        }
        assert_eq!(
            intake.db.counts().await,
            json!({"leads": 2, "notifications": 2, "deliveries": 4, "links": 2, "crm": 2, "clicks": 0})
        );
        assert_eq!(schedules(&intake).await.len(), 2);
    });
}

#[test]
fn a_blocked_table_exhausts_the_pool_for_a_while_only() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let people: Vec<Person> = (0..10).map(|_| Person::new()).collect();
        intake
            .db
            .execute("begin; lock table landing_leads in access exclusive mode")
            .await;
        let started = Instant::now();
        let bodies: Vec<_> = people.iter().map(Person::form).collect();
        let answers = join_all(bodies.iter().map(|body| post(&app, body))).await;
        assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
        assert!(started.elapsed() < WAIT_MAX, "{:?}", started.elapsed());
        intake.db.execute("rollback").await;
        // The visitors do as they were told.
        for body in &bodies {
            post(&app, body).await.lead();
        }
        assert_eq!(
            intake.db.counts().await,
            json!({"leads": 10, "notifications": 10, "deliveries": 20, "links": 10, "crm": 10, "clicks": 0})
        );
    });
}

#[test]
fn without_a_scheduler_the_message_itself_waits_in_the_queue() {
    run(async {
        let intake = world().await;
        let mut config = intake.intake_config();
        config.schedule.group = "a group that is gone".to_owned();
        config.delay = Duration::from_secs(2);
        let app = app_of(&config, &sdk().await);
        let started = Instant::now();
        post(&app, &Person::new().form()).await.lead();
        assert_eq!(intake.notifications.visible().await, 0, "not before it is due");
        assert_eq!(intake.notifications.delayed().await, 1);
        let message = intake.notifications.next(Duration::from_secs(8)).await;
        assert!(
            started.elapsed() > Duration::from_millis(1_500),
            "{:?}",
            started.elapsed()
        );
        let row = intake.db.row("select id from scheduled_notifications").await;
        let id = NotificationId::from_uuid(row["id"].as_str().unwrap().parse().unwrap());
        assert_eq!(message.body.unwrap(), task(id));
    });
}
