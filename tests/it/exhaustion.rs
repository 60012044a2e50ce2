//! Far more processes than the database has connections: each visitor is served or told to come back, at once.
//!
//! Sixty processes here; `EXHAUSTION_PROCESSES=200 cargo test --workspace --test it exhaustion` for the full load.

use crate::support::request::sample;
use futures::future::join_all;
use harness::postgres::{Cluster, Place, connect};
use harness::roles::{password, prepare};
use harness::runtime_api::Function;
use harness::world::{Database, Options, Person, World, dir, eventually, run, start};
use ops::migrate::migrate;
use proftest::config::variable;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Three of them are PostgreSQL's `superuser_reserved_connections`, which the functions' role does not get.
const CONNECTIONS: i64 = 20;
const RESERVED: i64 = 3;
const PROCESSES: usize = 60;
/// The limit on a visitor's wait.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// A process that is frozen cannot close its connection, so the server has to. As in docs/errors.md.
const IDLE: &str = "?options=-c%20idle_session_timeout%3D1s";
/// Init and one event, on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

struct Crowd {
    /// As a superuser, which gets a connection when no other role does.
    db: Database,
    processes: Vec<Function>,
    _cluster: Cluster,
}

#[derive(Debug)]
struct Answered {
    person: Person,
    answer: Value,
    took: Duration,
}

/// SQS and Scheduler that take everything at once, so that the database alone is measured.
async fn prompt_aws() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = || async { axum::Json(json!({"MessageId": "1", "ScheduleArn": "arn"})) };
    let router = axum::Router::new().fallback(taken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A server of twenty connections, and processes of intake that connect as its role.
async fn crowd(name: &str, count: usize, options: &str) -> Crowd {
    let place = Place::new(dir().join(name), false);
    let setting = format!("max_connections={CONNECTIONS}");
    let cluster = Cluster::start_with(&place, &[&setting]).await.unwrap();
    let server = connect(&cluster.url("postgres")).await.unwrap();
    for sql in [
        "create role keeper login createrole password 'funnel'",
        "create database funnel owner keeper",
    ] {
        server.batch_execute(sql).await.unwrap();
    }
    let superuser = cluster.url("funnel");
    let (_, host) = superuser.split_once('@').unwrap();
    let owner = format!("postgres://keeper:funnel@{host}");
    let mut client = connect(&owner).await.unwrap();
    migrate(&mut client).await.unwrap();
    // The owner is no superuser, as in production.
    let password = password(&superuser).unwrap();
    prepare(&mut client, password).await.unwrap();
    drop(client);
    let db = Database::open(superuser).await;
    let mut world = World::over(db, Options::strict()).await;
    let url = format!("{}{options}", world.db.direct("intake").url());
    world
        .changes
        .extend([("DATABASE_URL", url), ("AWS_ENDPOINT_URL", prompt_aws().await)]);
    let settings = world.settings("intake");
    let mut processes = Vec::new();
    while processes.len() < count {
        let some = (count - processes.len()).min(20);
        let mut started = join_all((0..some).map(|_| start("intake", TIMEOUT, &settings))).await;
        for ready in join_all(started.iter_mut().map(Function::ready)).await {
            ready.unwrap();
        }
        processes.append(&mut started);
    }
    Crowd {
        db: world.db,
        processes,
        _cluster: cluster,
    }
}

async fn post(intake: &mut Function, person: Person) -> Answered {
    let body = person.form();
    answer(intake, person, &body).await
}

/// A submission that is refused before the database is asked.
async fn post_nonsense(intake: &mut Function) -> Answered {
    answer(intake, Person::new(), &json!({})).await
}

async fn answer(intake: &mut Function, person: Person, body: &Value) -> Answered {
    let mut event = sample("intake/valid.json");
    event["body"] = body.to_string().into();
    let started = Instant::now();
    let answer = intake.invoke(&event).await.unwrap();
    Answered {
        person,
        answer,
        took: started.elapsed(),
    }
}

impl Crowd {
    /// A visitor for each process, all at once.
    async fn rush(&mut self) -> Vec<Answered> {
        join_all(
            self.processes
                .iter_mut()
                .map(|intake| post(intake, Person::new())),
        )
        .await
    }

    /// What all these processes need on this machine for an answer without the database. In Lambda each has a processor of
    /// its own.
    async fn floor(&mut self) -> Duration {
        let answers = join_all(self.processes.iter_mut().map(post_nonsense)).await;
        assert!(
            answers.iter().all(|one| one.answer["statusCode"] == 400),
            "{answers:?}"
        );
        slowest(&answers)
    }

    /// Every visitor with a 200 has one lead and one notification. A 503 says what to do; its lead may be saved all the same,
    /// when the deadline passed while the database was at it.
    async fn assert_kept(&self, answers: &[Answered]) {
        for Answered { person, answer, .. } in answers {
            let from = format!(
                "landing_leads l join scheduled_notifications n on n.lead_id = l.id where l.email = '{}'",
                person.email
            );
            let kept = self.db.count(&from).await;
            if answer["statusCode"] == 200 {
                assert_eq!(kept, 1, "{person:?}");
                continue;
            }
            assert_eq!(answer["statusCode"], 503, "{answer}");
            assert!(kept <= 1, "{person:?}: {kept}");
            assert_eq!(answer["headers"]["retry-after"], "3", "{answer}");
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            assert!(
                body["error"].as_str().unwrap().contains("попробуйте ещё раз"),
                "{body}"
            );
        }
    }

    async fn connected(&self) -> i64 {
        self.db
            .count("pg_stat_activity where usename = 'proftest_intake'")
            .await
    }

    async fn nobody_is_connected(&self) {
        eventually(
            "idle connections are given back",
            Duration::from_secs(20),
            async || (self.connected().await == 0).then_some(()),
        )
        .await;
    }
}

fn served(answers: &[Answered]) -> usize {
    let served = answers.iter().filter(|one| one.answer["statusCode"] == 200);
    served.count()
}

fn slowest(answers: &[Answered]) -> Duration {
    answers.iter().map(|one| one.took).max().unwrap()
}

#[test]
fn far_too_many_processes_are_told_to_come_back_and_are_served_once_there_is_room() {
    run(async {
        let asked = variable("EXHAUSTION_PROCESSES").map(|count| count.parse().unwrap());
        let mut crowd = crowd("crowd", asked.unwrap_or(PROCESSES), IDLE).await;
        let floor = crowd.floor().await;
        let answers = crowd.rush().await;
        let (all, served_at_once) = (answers.len(), served(&answers));
        println!(
            "{all} processes, {CONNECTIONS} connections: {served_at_once} x 200, {} x 503, the slowest after {:?}; without \
             the database after {floor:?}",
            all - served_at_once,
            slowest(&answers)
        );
        assert!(slowest(&answers) < WAIT_MAX + floor, "{:?}", slowest(&answers));
        crowd.assert_kept(&answers).await;
        assert!(served_at_once > 0 && served_at_once < all, "{served_at_once}");

        // The rush is over, and the visitors do as they were told: every one is served, also by processes that have never
        // had a connection, and none is a second lead.
        let people: Vec<Person> = answers.into_iter().map(|one| one.person).collect();
        let mut first = 0;
        for some in people.chunks(15) {
            crowd.nobody_is_connected().await;
            let processes = crowd.processes[first..].iter_mut().zip(some);
            let answers = join_all(processes.map(|(intake, person)| post(intake, person.clone()))).await;
            assert_eq!(served(&answers), some.len(), "{answers:?}");
            crowd.assert_kept(&answers).await;
            first += some.len();
        }
    });
}

#[test]
fn a_refused_connection_is_503_at_once_and_the_end_of_its_holder_lets_the_next_in() {
    run(async {
        // Without the setting each process keeps its connection.
        let mut crowd = crowd("keepers", 22, "").await;
        let answers = crowd.rush().await;
        crowd.assert_kept(&answers).await;
        let held = crowd.connected().await;
        assert_eq!(served(&answers), usize::try_from(held).unwrap());
        // Our own connections count too.
        assert!((14..=CONNECTIONS - RESERVED).contains(&held), "{held}");
        let is_refused = |one: &Answered| one.answer["statusCode"] == 503;
        let mut refused = crowd
            .processes
            .remove(answers.iter().position(is_refused).unwrap());
        // Not after the 2.5 s that a silent database gets. The quickest of several: the machine may be busy.
        let mut quickest = Duration::MAX;
        for _ in 0..5 {
            let answer = post(&mut refused, Person::new()).await;
            assert!(is_refused(&answer), "{answer:?}");
            quickest = quickest.min(answer.took);
        }
        println!("refused within {quickest:?}");
        assert!(quickest < Duration::from_secs(1), "{quickest:?}");

        // As Lambda ends a sandbox that it needs no more.
        crowd.processes.truncate(10);
        eventually("the server has noticed", Duration::from_secs(10), async || {
            (crowd.connected().await < held).then_some(())
        })
        .await;
        let answer = post(&mut refused, Person::new()).await;
        assert_eq!(answer.answer["statusCode"], 200, "{answer:?}");
        crowd.assert_kept(&[answer]).await;
    });
}
