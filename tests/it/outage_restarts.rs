//! PostgreSQL stops, freezes and dies, and all of AWS is restarted, on the real binaries.

use crate::support::server::{End, Server};
use crate::support::stack::{Stack, deals, vendors};
use futures::future::{join, join_all};
use harness::world::{eventually, run};
use proftest::config::variable;
use serde_json::Value;
use standins::{Fault, Mode};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const VISITORS: usize = 20;
/// A visitor's pause between two leads: the emulator answers about 150 requests a second.
const PAUSE: Duration = Duration::from_millis(200);
/// How long leads come in before, between and after the outages.
const CALM: Duration = Duration::from_millis(1500);
/// How long the server is away each time.
const AWAY: Duration = Duration::from_secs(1);
/// How long it is frozen: longer than intake waits for it (2.5 s).
const FROZEN: Duration = Duration::from_secs(4);
/// No visitor waits longer for a 503. Intake's own limit is 3 s (see `outage`); the rest is for an emulator and a
/// machine busy with other tests.
const WAIT_MAX: Duration = Duration::from_secs(12);

struct Posted {
    body: Value,
    status: u16,
    retry_after: bool,
    took: Duration,
    lead: Option<String>,
}

async fn post(stack: &Stack, body: Value) -> Posted {
    let started = Instant::now();
    let url = format!("{}/api/landing/proftest", stack.gateway());
    let response = stack.http.post(url).json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key("retry-after");
    let answer: Value = response.json().await.unwrap_or_default();
    Posted {
        body,
        status,
        retry_after,
        took: started.elapsed(),
        lead: answer["leadId"].as_str().map(str::to_owned),
    }
}

/// Visitors come one after the other until it is over; each person once.
async fn visit(stack: &Stack, next: &AtomicU32, over: &AtomicBool) -> Vec<Posted> {
    let mut posted = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let body = Stack::person("restarts", 711, number);
        posted.push(post(stack, body).await);
        tokio::time::sleep(PAUSE).await;
    }
    posted
}

/// Every way in which a database goes away, `OUTAGE_ROUNDS` times over.
async fn break_database(server: &mut Server) {
    let rounds = variable("OUTAGE_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        for end in [End::Fast, End::Immediate, End::Killed] {
            tokio::time::sleep(CALM).await;
            server.stop(end).await;
            tokio::time::sleep(AWAY).await;
            server.start_again().await;
        }
        tokio::time::sleep(CALM).await;
        server.freeze(true).await;
        tokio::time::sleep(FROZEN).await;
        server.freeze(false).await;
    }
    tokio::time::sleep(CALM).await;
}

/// Every visitor got in time either 200, and has a row, or 503 with `retry-after`. Returns the bodies of the latter.
async fn check_answers(stack: &Stack, posted: &[Posted]) -> Vec<Value> {
    let told = |status: u16| posted.iter().filter(move |posted| posted.status == status);
    let (accepted, refused) = (told(200).count(), told(503).count());
    println!(
        "{} posts: {accepted} answered 200, {refused} answered 503, the slowest after {:?}",
        posted.len(),
        posted.iter().map(|posted| posted.took).max().unwrap()
    );
    assert_eq!(accepted + refused, posted.len(), "200 or 503, nothing else");
    assert!(told(503).all(|posted| posted.retry_after), "when to come back");
    assert!(posted.iter().all(|posted| posted.took < WAIT_MAX), "a long wait");
    let rows = stack.db.rows("select id from landing_leads").await;
    let rows: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let lost = told(200).filter(|posted| !rows.contains(posted.lead.as_deref().unwrap()));
    assert_eq!(lost.count(), 0, "acknowledged and lost");
    assert!(accepted > 20 && refused > 5, "no outage");
    told(503).map(|posted| posted.body.clone()).collect()
}

/// Repeats the refused submissions, a few at a time, until all are served.
async fn post_again(stack: &Stack, mut refused: Vec<Value>) {
    for _ in 0..20 {
        let mut left = Vec::new();
        for some in refused.chunks(VISITORS) {
            let again = join_all(some.iter().map(|body| post(stack, body.clone()))).await;
            let unserved = again.into_iter().filter(|posted| posted.status != 200);
            left.extend(unserved.map(|posted| posted.body));
        }
        refused = left;
    }
    assert!(refused.is_empty(), "{} were never served", refused.len());
}

#[test]
fn a_database_stopped_killed_and_frozen_under_load_loses_nothing_that_was_acknowledged() {
    run(async {
        let mut postgres = Server::start("postgres-restarted", Vec::new()).await;
        let vendors = vendors().await;
        let mut stack = Stack::over(&postgres.url, &vendors, "stack-restarted").await;
        let (next, over) = (AtomicU32::new(1), AtomicBool::new(false));
        let visitors = join_all((0..VISITORS).map(|_| visit(&stack, &next, &over)));
        let (posted, ()) = join(visitors, async {
            break_database(&mut postgres).await;
            over.store(true, Ordering::Relaxed);
        })
        .await;
        let posted: Vec<Posted> = posted.into_iter().flatten().collect();
        stack.db = postgres.database().await;
        let refused = check_answers(&stack, &posted).await;
        post_again(&stack, refused).await;
        stack
            .pass_time_until_all_are_over("restarts", Duration::from_mins(3))
            .await;
        let people: Vec<Value> = posted.into_iter().map(|posted| posted.body).collect();
        stack.assert_each_delivered_once("restarts", &people).await;
        assert!(deals(&vendors) <= people.len());
        stack.kill_everything().await;
        postgres.stop(End::Fast).await;
    });
}

#[test]
fn when_all_of_aws_is_killed_and_starts_empty_the_sweep_finds_everything() {
    run(async {
        let mut postgres = Server::start("postgres-kept", Vec::new()).await;
        let vendors = vendors().await;
        let stack = Stack::over(&postgres.url, &vendors, "stack-killed").await;
        for faults in [stack.resend().faults(), stack.mobizon().faults()] {
            // Workers die in the middle of a call; what has arrived is taken all the same.
            faults.add(Fault::times(Mode::Slow { ms: 3_000 }, 10_000));
        }
        let people = Stack::people("killed-aws", 712, 40);
        let answers = join_all(people[..20].iter().map(|person| stack.post(person))).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        let sending = "deliveries where state = 'sending'";
        eventually("deliver is at work", Duration::from_secs(30), async || {
            (stack.db.count(sending).await > 0).then_some(())
        })
        .await;
        let answers = join_all(people[20..].iter().map(|person| stack.post(person))).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        for faults in [stack.resend().faults(), stack.mobizon().faults()] {
            faults.clear();
        }
        stack.kill_everything().await;

        let stack = Stack::over(&postgres.url, &vendors, "stack-killed").await;
        let waiting = stack.count("killed-aws", "pending").await;
        let broken_off = stack.db.count(sending).await;
        assert!(
            waiting >= 20 && broken_off > 0,
            "{waiting} wait, {broken_off} were broken off"
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
        let still = stack.count("killed-aws", "pending").await;
        assert_eq!(still, waiting, "only the sweep may wake them");
        // Twelve minutes later: leases have run out, and the vendor's list shows what was sent.
        stack.db.pass_time(Duration::from_mins(12)).await;
        stack.invoke("sweep").await;
        let open = "crm_tasks where state in ('pending', 'working')";
        eventually("all is done", Duration::from_mins(2), async || {
            let left = stack.count("killed-aws", "pending").await + stack.db.count(open).await;
            (left == 0).then_some(())
        })
        .await;
        stack.assert_each_delivered_once("killed-aws", &people).await;
        assert_eq!(deals(&vendors), people.len());
        println!("{waiting} of 40 waited when AWS was killed, {broken_off} calls were broken off");
        stack.kill_everything().await;
        postgres.stop(End::Fast).await;
    });
}
