//! What one event costs a warm function, against what its SQL alone costs on the same database.
//!
//! The function's time includes the two hops of the Runtime API, which AWS has too; `context` says what a function takes
//! that does nothing.

use super::load::{DELAY_SECONDS, Submissions};
use crate::Error;
use crate::figure::{Figure, median};
use crate::pairs::pairs;
use crate::queue::record;
use crate::setup::Setup;
use harness::runtime_api::Function;
use harness::tools;
use proftest::domain::hit::{Headers, Hit, judge};
use proftest::domain::ids::NotificationId;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Instant;
use tokio_postgres::types::Type;
use uuid::Uuid;

const ROUNDS: usize = 300;
/// One slow AWS call, as from another availability zone.
const AWS_MS: u64 = 15;
const SERVICE_MAX: f64 = 1.3;
const VERDICT_MAX_US: f64 = 20.0;
const OVERLAP_MAX: f64 = 1.15;

pub async fn run(setup: &Setup) -> Result<Vec<Figure>, Error> {
    let nothing = nothing(setup).await?;
    let mut figures = vec![intake(setup, nothing).await?, overlap(setup).await?];
    figures.push(track(setup, nothing).await?);
    figures.push(verdicts()?);
    figures.push(deliver(setup, nothing).await?);
    Ok(figures)
}

/// What the way to a function and back takes, in ms: the page's answer to a path that it does not have.
async fn nothing(setup: &Setup) -> Result<f64, Error> {
    let mut page = setup.function("page").await?;
    let event: Value = sample("page/asset_unknown.json")?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        page.invoke(&event).await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&times))
}

pub(super) fn sample(path: &str) -> Result<Value, Error> {
    let text = std::fs::read_to_string(tools::workspace().join("events").join(path))?;
    serde_json::from_str(&text).map_err(|error| Error::Part(format!("{path}: {error}")))
}

/// Hands over an event and sees that it is answered with this status.
pub(super) async fn expect(function: &mut Function, event: &Value, status: u16) -> Result<(), Error> {
    let answer = function.invoke(event).await?;
    if answer["statusCode"] == status {
        return Ok(());
    }
    Err(Error::Part(format!("not answered with {status}: {answer}")))
}

async fn intake(setup: &Setup, nothing: f64) -> Result<Figure, Error> {
    let (ours, theirs) = (Submissions::new("intake")?, Submissions::new("floor")?);
    let mut function = setup.function("intake").await?;
    let client = setup.database().await?;
    let pairs = pairs(
        ROUNDS,
        async |round| expect(&mut function, &ours.event(round), 200).await,
        async |round| theirs.save_due(&client, round, DELAY_SECONDS).await.map(|_| ()),
    );
    let pairs = pairs.await?;
    let conditions = "AWS answers at once";
    let figure = Figure::new("intake ÷ its SQL", conditions, &pairs.ratios(), "×").at_most(SERVICE_MAX);
    Ok(figure.with_context(format!("{}; an empty answer {nothing:.2} ms", pairs.context())))
}

/// Both AWS calls of intake take as long as one.
async fn overlap(setup: &Setup) -> Result<Figure, Error> {
    let slow = Submissions::new("slow")?;
    let mut function = setup.function("intake").await?;
    let http = tools::http_client().map_err(Error::Part)?;
    let url = setup.aws_url();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let (mut bare, mut bare_at_once) = (Vec::new(), Vec::new());
    for round in 0..100 {
        for (delay, all, one) in [
            (0, &mut without, &mut bare_at_once),
            (AWS_MS, &mut with, &mut bare),
        ] {
            setup.aws_answers_after(delay);
            let start = Instant::now();
            expect(
                &mut function,
                &slow.event(2 * round + usize::from(delay > 0)),
                200,
            )
            .await?;
            all.push(start.elapsed().as_secs_f64() * 1000.0);
            let start = Instant::now();
            http.post(&url)
                .send()
                .await
                .map_err(|error| Error::Part(error.to_string()))?;
            one.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    setup.aws_answers_after(0);
    let call = median(&bare) - median(&bare_at_once);
    let ratios: Vec<f64> = with
        .chunks(20)
        .zip(without.chunks(20))
        .map(|(with, without)| (median(with) - median(without)) / call)
        .collect();
    let figure = Figure::new("intake's two AWS calls ÷ one", "15 ms each", &ratios, "×").at_most(OVERLAP_MAX);
    Ok(figure.with_context(format!(
        "{:.2} ms against {:.2} ms at once",
        median(&with),
        median(&without)
    )))
}

async fn track(setup: &Setup, nothing: f64) -> Result<Figure, Error> {
    let people = Submissions::new("track")?;
    let client = setup.database().await?;
    let mut leads = Vec::new();
    for number in 0..2 * (ROUNDS + 100) {
        leads.push(people.save(&client, number).await?);
    }
    as_sent(&client).await?;
    let mut function = setup.function("track").await?;
    let event = sample("track/email.json")?;
    let pairs = pairs(
        ROUNDS,
        async |round| {
            let mut event = event.clone();
            let path = format!("/api/landing/track/{}", leads[2 * round].0);
            event["requestContext"]["http"]["path"] = path.clone().into();
            event["rawPath"] = path.into();
            expect(&mut function, &event, 302).await
        },
        async |round| click(&client, leads[2 * round + 1].0).await,
    );
    let pairs = pairs.await?;
    let figure = Figure::new("track ÷ its SQL", "first clicks", &pairs.ratios(), "×").at_most(SERVICE_MAX);
    Ok(figure.with_context(format!("{}; an empty answer {nothing:.2} ms", pairs.context())))
}

/// What judging one hit takes, over the corpus: in this process, which is built as the functions are.
fn verdicts() -> Result<Figure, Error> {
    const BLOCKS: usize = 20;
    let text = std::fs::read_to_string(tools::workspace().join("shared/tests/user_agents/corpus.json"))?;
    let corpus: Value = serde_json::from_str(&text).map_err(|error| Error::Part(error.to_string()))?;
    let agents: Vec<&str> = corpus["hits"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|hit| hit["ua"].as_str())
        .collect();
    let headers = Headers::from_json(&sample("track/email.json")?["headers"]);
    let address = Some(IpAddr::from([203, 0, 113, 24]));
    let mut blocks = Vec::new();
    for _ in 0..BLOCKS {
        let start = Instant::now();
        for agent in agents.iter().cycle().take(10_000) {
            let user_agent = Some(*agent);
            let hit = Hit {
                method: "GET",
                user_agent,
                headers: &headers,
                address,
            };
            std::hint::black_box(judge(std::hint::black_box(&hit)));
        }
        blocks.push(start.elapsed().as_secs_f64() * 1e6 / 10_000.0);
    }
    let conditions = format!("the corpus's {} user agents", agents.len());
    Ok(Figure::new("a hit's verdict", &conditions, &blocks, "µs").at_most(VERDICT_MAX_US))
}

/// As if each message had been tried a minute ago: only then does a hit count.
pub(super) async fn as_sent(client: &tokio_postgres::Client) -> Result<(), Error> {
    let sql =
        "update deliveries set first_attempt_at = now() - interval '1 minute' where first_attempt_at is null";
    client.query_typed(sql, &[]).await?;
    Ok(())
}

/// A person's hit, as track keeps that of the sample event.
pub(super) async fn click(client: &tokio_postgres::Client, lead: Uuid) -> Result<(), Error> {
    let headers = json!({
        "accept": "text/html,application/xhtml+xml", "accept-language": "ru-KZ,ru;q=0.9", "sec-fetch-dest": "document",
        "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site", "sec-fetch-user": "?1", "sec-ch-ua-mobile": "?0",
    });
    let code: Option<&str> = None;
    client
        .query_typed(
            include_str!("../../../../../shared/src/store/hit.sql"),
            &[
                (&Uuid::now_v7(), Type::UUID),
                (&code, Type::TEXT),
                (&Some(lead), Type::UUID),
                (&"email", Type::TEXT),
                (&"browser_navigation", Type::TEXT),
                (&"human", Type::TEXT),
                (&true, Type::BOOL),
                (&1_i16, Type::INT2),
                (&"GET", Type::TEXT),
                (&"Mozilla/5.0", Type::TEXT),
                (&"203.0.113.24", Type::TEXT),
                (&"203.0.113.0/24", Type::TEXT),
                (&headers, Type::JSONB),
            ],
        )
        .await?;
    Ok(())
}

/// Ten notifications a batch, against the statements that it cannot do without: ten claims, ten pins, twenty records.
async fn deliver(setup: &Setup, nothing: f64) -> Result<Figure, Error> {
    const BATCHES: usize = 60;
    let people = Submissions::new("deliver")?;
    // As many connections as deliver opens.
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(setup.database().await?);
    }
    let mut waiting = Vec::new();
    for number in 0..2 * 10 * (BATCHES + 40) {
        waiting.push(people.save(&clients[0], number).await?.1);
    }
    let mut batches = waiting.chunks(10);
    let mut take = || batches.next().map(<[Uuid]>::to_vec).unwrap_or_default();
    let all: Vec<(Vec<Uuid>, Vec<Uuid>)> = (0..BATCHES + 40).map(|_| (take(), take())).collect();
    let mut function = setup.function("deliver").await?;
    let pairs = pairs(
        BATCHES,
        async |round| {
            let answer = function.invoke(&batch(&all[round].0)).await?;
            if answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty) {
                return Ok(());
            }
            Err(Error::Part(format!("not delivered: {answer}")))
        },
        async |round| super::load::deliver_floor(&clients, &all[round].1).await,
    );
    let pairs = pairs.await?;
    let refused = "select count(*) from deliveries where state not in ('pending', 'accepted')";
    let refused: i64 = clients[0].query_typed_one(refused, &[]).await?.get(0);
    if refused > 0 {
        return Err(Error::Part(format!("{refused} messages were not accepted")));
    }
    let figure = Figure::new(
        "deliver ÷ its SQL",
        "10 a batch, vendors answer at once",
        &pairs.ratios(),
        "×",
    )
    .at_most(SERVICE_MAX);
    Ok(figure.with_context(format!("{}; an empty answer {nothing:.2} ms", pairs.context())))
}

fn batch(notifications: &[Uuid]) -> Value {
    let records = notifications
        .iter()
        .map(|id| record(Uuid::new_v4(), NotificationId::from_uuid(*id)));
    json!({"Records": records.collect::<Vec<_>>()})
}
