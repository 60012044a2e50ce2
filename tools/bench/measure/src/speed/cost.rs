//! What a lead costs: processor time, memory, allocations; and how many a second this machine serves.

use super::comparison::Comparison;
use super::load::Submissions;
use super::peer::Peer;
use super::service::expect;
use crate::Error;
use crate::figure::Figure;
use crate::setup::Setup;
use futures::future::try_join_all;
use harness::runtime_api::Function;
use lambda_http::request::LambdaRequest;
use proftest::config::{self, Env};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

const CPU_MAX_MS: f64 = 0.5;
const RSS_MAX_MIB: f64 = 16.0;
const PEER_MIN: f64 = 10.0;
const BINARY_MAX_MIB: f64 = 8.0;
const PROCESSES: [usize; 4] = [1, 2, 4, 8];
/// Blocks, each of which gives one ratio to the peer, and leads a block.
const BLOCKS: usize = 5;
const LEADS: usize = 200;
const RUSH: Duration = Duration::from_secs(3);

/// Processor time that a process has used so far, all its threads together.
///
/// Source: proc(5) and the kernel's `scheduler/sched-stats`: the first number of `schedstat` is in nanoseconds.
pub fn processor_time(pid: Option<u32>) -> Result<Duration, Error> {
    let pid = pid.ok_or_else(|| Error::Part("the process has ended".to_owned()))?;
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let times = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = times.split_whitespace().next().and_then(|text| text.parse().ok());
        nanoseconds += first.unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn memory(pid: Option<u32>) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap_or_default()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| Error::Part("the process's memory cannot be read".to_owned()))
}

/// Processor milliseconds a lead, over so many.
async fn lead_cost(
    function: &mut Function,
    people: &Submissions,
    from: usize,
    leads: usize,
) -> Result<f64, Error> {
    let before = processor_time(function.pid())?;
    for number in from..from + leads {
        expect(function, &people.event(number), 200).await?;
    }
    let used = processor_time(function.pid())?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1000.0 / per(leads))
}

fn per(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from)
}

pub async fn run(setup: &Setup, peer: Option<&Peer>) -> Result<(Vec<Figure>, [Comparison; 2]), Error> {
    let mut figures = lead_by_lead(setup, peer).await?;
    figures.push(allocations(setup).await?);
    for name in ["intake", "deliver", "track", "sweep", "page"] {
        figures.push(binary(name, &setup.binary(name))?);
    }
    Ok((figures, throughput(setup, peer).await?))
}

async fn lead_by_lead(setup: &Setup, peer: Option<&Peer>) -> Result<Vec<Figure>, Error> {
    let (ours, theirs) = (Submissions::new("cost")?, Submissions::new("peer")?);
    let mut function = setup.function("intake").await?;
    let mut other = match peer {
        Some(peer) => Some(peer.start(setup, &setup.settings("intake")?).await?),
        None => None,
    };
    let database = setup.database().await?;
    let (mut costs, mut ratios, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for block in 0..=BLOCKS {
        let before = write_ahead_log(&database).await?;
        let one = lead_cost(&mut function, &ours, block * LEADS, LEADS).await?;
        let log = write_ahead_log(&database).await? - before;
        let many = match &mut other {
            Some(other) => Some(lead_cost(other, &theirs, block * LEADS, LEADS).await?),
            None => None,
        };
        // The first one warms up.
        if block > 0 {
            costs.push(one);
            logs.push(log / 1024.0 / per(LEADS));
            ratios.extend(many.map(|many| many / one));
        }
    }
    let most = |name, runs: &[f64], unit, target| Figure::new(name, "intake", runs, unit).at_most(target);
    let log = Figure::new("write-ahead log a lead", "intake", &logs, "KiB");
    let mut figures = vec![
        most("processor time a lead", &costs, "ms", CPU_MAX_MS),
        most(
            "memory after 1,200 leads",
            &[memory(function.pid())?],
            "MiB",
            RSS_MAX_MIB,
        ),
        log.with_context("whole pages after a checkpoint included"),
    ];
    if let Some(other) = &other {
        let peers = memory(other.pid())?;
        let name = "the peer's processor time ÷ ours";
        let figure = Figure::new(name, "intake", &ratios, "×").at_least(PEER_MIN);
        figures.push(figure.with_context(format!("the peer's memory {peers:.0} MiB")));
    }
    Ok(figures)
}

async fn write_ahead_log(database: &Client) -> Result<f64, Error> {
    let sql = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8";
    Ok(database.query_typed_one(sql, &[]).await?.get(0))
}

fn binary(name: &str, path: &Path) -> Result<Figure, Error> {
    let mib = u32::try_from(std::fs::metadata(path)?.len() / 1024).map_or(f64::NAN, f64::from) / 1024.0;
    Ok(Figure::new("size of the binary", name, &[mib], "MiB").at_most(BINARY_MAX_MIB))
}

async fn allocations(setup: &Setup) -> Result<Figure, Error> {
    let people = Submissions::new("allocations")?;
    let settings = setup.settings("intake")?;
    let lookup = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    let config = config::Intake::read(&Env::new(&lookup)).map_err(|error| Error::Part(error.to_string()))?;
    let url = setup.aws_url();
    // The counter counts one thread: everything of this app must run on it.
    let counted = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let sdk = harness::emulator::sdk(&url);
        let app = intake::App::new(&config, &sdk)?;
        let mut counts = Vec::new();
        for number in 0..60 {
            let event: LambdaRequest =
                serde_json::from_value(people.event(number)).map_err(std::io::Error::from)?;
            let request = event.into();
            let counted = allocation_counter::measure(|| {
                runtime.block_on(intake::handle(&app, request));
            });
            if number >= 10 {
                counts.push(u32::try_from(counted.count_total).map_or(f64::NAN, f64::from));
            }
        }
        Ok::<_, Error>(counts)
    });
    let counts = counted.await.map_err(|error| Error::Part(error.to_string()))??;
    Ok(Figure::new("allocations a lead", "intake's handler", &counts, ""))
}

/// What so many warm processes at once serve a second, and what a lead costs them then; ours and the peer's.
async fn throughput(setup: &Setup, peer: Option<&Peer>) -> Result<[Comparison; 2], Error> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for processes in PROCESSES {
        let functions = (0..processes).map(|_| setup.function("intake"));
        ours.push(rush(try_join_all(functions).await?, "rush", processes).await?);
        if let Some(peer) = peer {
            let settings = setup.settings("intake")?;
            let functions = (0..processes).map(|_| peer.start(setup, &settings));
            theirs.push(rush(try_join_all(functions).await?, "peers", processes).await?);
        }
    }
    let comparison = |title, value: fn(&Rush) -> f64| {
        let mut lines = vec![("intake", ours.iter().map(value).collect())];
        if peer.is_some() {
            lines.push(("the peer", theirs.iter().map(value).collect()));
        }
        Comparison {
            title,
            by: "warm processes",
            labels: PROCESSES.map(|processes| processes.to_string()).to_vec(),
            lines,
        }
    };
    Ok([
        comparison("Leads a second", |rush| rush.leads_a_second),
        comparison("Processor time a lead, ms", |rush| rush.cost_ms),
    ])
}

struct Rush {
    leads_a_second: f64,
    cost_ms: f64,
}

async fn rush(mut functions: Vec<Function>, of: &'static str, processes: usize) -> Result<Rush, Error> {
    for function in &mut functions {
        function.ready().await?;
    }
    let start = Instant::now();
    let visitors = functions.into_iter().enumerate().map(|(index, mut function)| {
        tokio::spawn(async move {
            let people = Submissions::new(of)?;
            let before = processor_time(function.pid())?;
            let mut served = 0;
            while start.elapsed() < RUSH {
                // Each person comes once: people per process times processes.
                let number = processes * 100_000 + index * 10_000 + served;
                expect(&mut function, &people.event(number), 200).await?;
                served += 1;
            }
            let used = processor_time(function.pid())?.saturating_sub(before);
            Ok::<_, Error>((served, used))
        })
    });
    let (mut all, mut cost) = (0, Duration::ZERO);
    for visitor in futures::future::join_all(visitors).await {
        let (served, used) = visitor.map_err(|error| Error::Part(error.to_string()))??;
        all += served;
        cost += used;
    }
    Ok(Rush {
        leads_a_second: per(all) / start.elapsed().as_secs_f64(),
        cost_ms: cost.as_secs_f64() * 1000.0 / per(all),
    })
}
