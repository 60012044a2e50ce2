//! How cost grows with the rows: a funnel of years beside a young one, in two databases of one server.

use super::fill;
use super::load::{Submissions, claim};
use super::service::click;
use crate::Error;
use crate::figure::{Figure, median};
use crate::pairs::pairs;
use crate::setup::{Setup, as_role, fresh_database};
use futures::future::try_join_all;
use harness::postgres::{Cluster, Place, connect};
use proftest::domain::delivery::LEASE;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

const DIR: &str = "target/bench/scale";
const YOUNG: u32 = 10_000;
/// Of the big one's notifications, one in so many is overdue.
const OVERDUE_OF: u32 = 10;
const ROUNDS: usize = 100;
const GROWTH_MAX: f64 = 1.5;
const CLAIMS: usize = 100_000;
const CLAIM_MAX: f64 = 2.0;
const WARM_MAX_MS: f64 = 0.1;
const FIRST_MAX_MS: f64 = 1.0;
/// The sweep function's timeout.
const SWEEP_MAX_SECONDS: f64 = 50.0;

pub async fn run(setup: &Setup, rows: u32) -> Result<Vec<Figure>, Error> {
    let dir = std::path::absolute(Path::new(DIR))?;
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let mut place = Place::new(dir.join("postgres"), true);
    let cluster = Cluster::start(&place).await.map_err(Error::Part)?;
    for (name, leads) in [("young", YOUNG), ("old", rows), ("claimed", 0), ("empty", 0)] {
        let clients = [
            fresh_database(&cluster, name).await?,
            connect(&cluster.url(name)).await?,
        ];
        fill::fill(&clients, leads, OVERDUE_OF).await?;
    }
    // The same server with nothing in its memory. What the operating system keeps of its files stays.
    let port = cluster
        .url("")
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok());
    place.port = port;
    cluster.stop().await;
    let cluster = Cluster::start(&place).await.map_err(Error::Part)?;
    let old = connect(&cluster.url("old")).await?;
    let young = connect(&cluster.url("young")).await?;
    let mut figures = queries(&old, rows).await?;
    figures.extend(growth(&young, &old, rows).await?);
    figures.extend(after_many_claims(&cluster).await?);
    figures.push(sweep(setup, &cluster.url("old"), &old).await?);
    cluster.stop().await;
    Ok(figures)
}

/// The three questions that the team asks by hand, in the server's own time.
async fn queries(old: &Client, rows: u32) -> Result<Vec<Figure>, Error> {
    const ASKED: usize = 40;
    let conditions = format!("{rows} leads");
    let mut figures = Vec::new();
    for (name, sql) in [
        ("by e-mail", "select * from landing_leads where email = '{email}'"),
        ("by phone", "select * from landing_leads where phone = '{phone}'"),
        (
            "pending",
            "select * from scheduled_notifications where status = 'pending' and scheduled_for <= now() \
             order by scheduled_for, created_at limit 10 offset {offset}",
        ),
    ] {
        let (mut first, mut warm) = (Vec::new(), Vec::new());
        for pass in [&mut first, &mut warm] {
            for number in 0..ASKED {
                let number = u32::try_from(number).unwrap_or_default();
                // Far from each other, so that no row is on a page that another has brought.
                let person = number * (rows / 41).max(1) + 1;
                let sql = sql.replace("{email}", &format!("person{person}@example.com"));
                let sql = sql.replace("{phone}", &format!("+7{}", 7_000_000_000_u64 + u64::from(person)));
                pass.push(by_index(old, &sql.replace("{offset}", &number.to_string())).await?);
            }
        }
        let figure = |temperature: &str, times: &[f64], target| {
            let name = format!("{name}, {temperature}");
            Figure::new(&name, &conditions, times, "ms").at_most(target)
        };
        figures.push(figure("first touch", &first, FIRST_MAX_MS));
        figures.push(figure("warm", &warm, WARM_MAX_MS));
    }
    Ok(figures)
}

/// The server's own time for a query, in ms; an error when it reads a whole table.
async fn by_index(client: &Client, sql: &str) -> Result<f64, Error> {
    let explain = format!("explain (analyze, format json) {sql}");
    let row = client.query_typed_one(&explain, &[]).await?;
    let plan: Value = row.get(0);
    if plan.to_string().contains("Seq Scan") {
        return Err(Error::Part(format!("by no index: {plan:#}")));
    }
    plan[0]["Execution Time"]
        .as_f64()
        .ok_or_else(|| Error::Part("no time in the plan".to_owned()))
}

async fn growth(young: &Client, old: &Client, rows: u32) -> Result<Vec<Figure>, Error> {
    let people = Submissions::new("growth")?;
    let conditions = format!("{rows} leads ÷ {YOUNG}");
    let figure = |name, ratios: &[f64]| Figure::new(name, &conditions, ratios, "×").at_most(GROWTH_MAX);
    let (mut of_old, mut of_young) = (Vec::new(), Vec::new());
    let saved = pairs(
        ROUNDS,
        async |round| {
            of_old.push(people.save(old, round).await?);
            Ok(())
        },
        async |round| {
            of_young.push(people.save(young, round).await?);
            Ok(())
        },
    );
    let saved = saved.await?;
    let claimed = pairs(
        ROUNDS,
        async |round| claim(old, of_old[round].1, LEASE).await.map(|_| ()),
        async |round| claim(young, of_young[round].1, LEASE).await.map(|_| ()),
    );
    let claimed = claimed.await?;
    // A hit within two seconds of sending does not count.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let clicked = pairs(
        ROUNDS,
        async |round| click(old, of_old[round].0).await,
        async |round| click(young, of_young[round].0).await,
    );
    let clicked = clicked.await?;
    Ok(vec![
        figure("a lead among many", &saved.ratios()).with_context(saved.context()),
        figure("a claim among many", &claimed.ratios()).with_context(claimed.context()),
        figure("a click among many", &clicked.ratios()).with_context(clicked.context()),
    ])
}

/// Claims in a table whose rows have been claimed over and over, beside a table that has not.
async fn after_many_claims(cluster: &Cluster) -> Result<Vec<Figure>, Error> {
    const PEOPLE: usize = 1_000;
    const WORKERS: usize = 4;
    let worn_people = Submissions::new("worn")?;
    let mut clients = Vec::new();
    for _ in 0..WORKERS {
        let client = connect(&cluster.url("claimed")).await?;
        client.batch_execute("set synchronous_commit = off").await?;
        clients.push(client);
    }
    let mut waiting = Vec::new();
    for number in 0..PEOPLE {
        waiting.push(worn_people.save(&clients[0], number).await?.1);
    }
    let shares = clients.iter().enumerate().map(|(worker, client)| {
        let share = &waiting[worker * PEOPLE / WORKERS..(worker + 1) * PEOPLE / WORKERS];
        wear_out(client, share, CLAIMS / PEOPLE)
    });
    try_join_all(shares).await?;
    let kept = kept_in_place(&clients).await?;
    let (worn, empty) = (
        connect(&cluster.url("claimed")).await?,
        connect(&cluster.url("empty")).await?,
    );
    let fresh = Submissions::new("fresh")?;
    let (mut of_worn, mut of_empty) = (Vec::new(), Vec::new());
    for number in 0..10 * (ROUNDS + 100) {
        of_worn.push(fresh.save(&worn, number).await?.1);
        of_empty.push(fresh.save(&empty, number).await?.1);
    }
    let ten = async |client: &Client, all: &[Uuid], round: usize| {
        for notification in &all[10 * round..10 * (round + 1)] {
            claim(client, *notification, LEASE).await?;
        }
        Ok::<_, Error>(())
    };
    let pairs = pairs(
        ROUNDS,
        async |round| ten(&worn, &of_worn, round).await,
        async |round| ten(&empty, &of_empty, round).await,
    );
    let pairs = pairs.await?;
    let name = "ten claims after 100,000";
    let claims = Figure::new(name, "÷ those of an empty table", &pairs.ratios(), "×").at_most(CLAIM_MAX);
    Ok(vec![claims.with_context(pairs.context()), kept])
}

/// How many of those claims touched no index and stayed on their page.
async fn kept_in_place(clients: &[Client]) -> Result<Figure, Error> {
    for client in clients {
        client.batch_execute("select pg_stat_force_next_flush()").await?;
    }
    let sql =
        "select n_tup_hot_upd::float8 / nullif(n_tup_upd, 0), n_tup_upd::float8, autovacuum_count::float8
               from pg_stat_user_tables where relname = 'deliveries'";
    let row = clients[0].query_typed_one(sql, &[]).await?;
    let share: Option<f64> = row.get(0);
    let (updates, vacuums): (f64, f64) = (row.get(1), row.get(2));
    let name = "updates that touch no index (HOT)";
    let figure = Figure::new(name, "of those claims", &[share.unwrap_or_default() * 100.0], "%");
    Ok(figure.with_context(format!("of {updates}; {vacuums} runs of autovacuum meanwhile")))
}

/// Claims each so often, under a lease that ends at once.
async fn wear_out(client: &Client, share: &[Uuid], times: usize) -> Result<(), Error> {
    for _ in 0..times {
        for notification in share {
            claim(client, *notification, Duration::ZERO).await?;
        }
    }
    Ok(())
}

/// One run of the sweep, which wakes at most 10,000.
async fn sweep(setup: &Setup, database_url: &str, old: &Client) -> Result<Figure, Error> {
    const RUNS: usize = 4;
    let mut function = setup
        .start_function("sweep", &[("DATABASE_URL", as_role(database_url, "sweep")?)])
        .await?;
    function.ready().await?;
    let event = super::service::sample("sweep/scheduled.json")?;
    let (mut runs, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let woken = function.invoke(&event).await?;
        runs.push(start.elapsed().as_secs_f64());
        if woken["notifications"] != 10_000 {
            return Err(Error::Part(format!("the sweep woke {woken}")));
        }
        let start = Instant::now();
        for _ in 0..20 {
            let (limit, again) = (500_i64, LEASE.as_secs_f64());
            let params = [(&limit as _, Type::INT8), (&again as _, Type::FLOAT8)];
            let sql = include_str!("../../../../../shared/src/store/overdue.sql");
            old.query_typed(sql, &params).await?;
        }
        floors.push(start.elapsed().as_secs_f64());
    }
    let name = "a sweep of 10,000 overdue";
    let conditions = "1 in 10 of all rows overdue";
    Ok(Figure::new(name, conditions, &runs, "s")
        .at_most(SWEEP_MAX_SECONDS)
        .with_context(format!(
            "its SQL alone {:.2} s; the rest are 1,000 calls to SQS",
            median(&floors)
        )))
}
