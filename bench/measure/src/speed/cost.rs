//! What a lead costs: processor time, memory, allocations; and how many a second this machine serves.

use super::load::Submissions;
use super::peer::Peer;
use super::plot::{Line, Plot};
use super::service::expect;
use crate::Error;
use crate::bed::Bed;
use crate::figure::{Bound, Figure};
use lambda_http::request::LambdaRequest;
use local::runtime_api::Function;
use proftest::config::{self, Env};
use std::path::Path;
use std::time::{Duration, Instant};

const CPU_MAX_MS: f64 = 0.5;
const RSS_MAX_MIB: f64 = 16.0;
const PEER_MIN: f64 = 10.0;
const BINARY_MAX_MIB: f64 = 12.0;
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

/// Memory that a process has in use, in MiB.
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

/// Measures intake beside the peer, where there is one.
pub async fn run(bed: &Bed, peer: Option<&Peer>) -> Result<(Vec<Figure>, Vec<Plot>), Error> {
    let (ours, theirs) = (Submissions::new("cost")?, Submissions::new("peer")?);
    let mut function = bed.function("intake").await?;
    let mut other = match peer {
        Some(peer) => Some(peer.start(bed, &bed.settings()).await?),
        None => None,
    };
    let (mut costs, mut ratios) = (Vec::new(), Vec::new());
    for block in 0..=BLOCKS {
        let one = lead_cost(&mut function, &ours, block * LEADS, LEADS).await?;
        let many = match &mut other {
            Some(other) => Some(lead_cost(other, &theirs, block * LEADS, LEADS).await?),
            None => None,
        };
        // The first one warms up.
        if block > 0 {
            costs.push(one);
            ratios.extend(many.map(|many| many / one));
        }
    }
    let mut figures = vec![
        Figure::new(
            "processor time a lead",
            "intake",
            &costs,
            "ms",
            Bound::AtMost,
            CPU_MAX_MS,
        ),
        Figure::new(
            "memory after 1,200 leads",
            "intake",
            &[memory(function.pid())?],
            "MiB",
            Bound::AtMost,
            RSS_MAX_MIB,
        ),
    ];
    if let Some(other) = &other {
        let peers = memory(other.pid())?;
        figures.push(
            Figure::new(
                "the peer's processor time ÷ ours",
                "intake",
                &ratios,
                "×",
                Bound::AtLeast,
                PEER_MIN,
            )
            .with_context(format!("the peer's memory {peers:.0} MiB")),
        );
    }
    figures.push(allocations(bed).await?);
    for name in ["intake", "deliver", "track", "sweep", "page"] {
        figures.push(binary(name, &bed.binary(name))?);
    }
    let plot = throughput(bed, peer).await?;
    Ok((figures, vec![plot]))
}

fn binary(name: &str, path: &Path) -> Result<Figure, Error> {
    let mib = u32::try_from(std::fs::metadata(path)?.len() / 1024).map_or(f64::NAN, f64::from) / 1024.0;
    Ok(Figure::new(
        "size of the binary",
        name,
        &[mib],
        "MiB",
        Bound::AtMost,
        BINARY_MAX_MIB,
    ))
}

/// Allocations of one lead within the handler, counted in this process.
async fn allocations(bed: &Bed) -> Result<Figure, Error> {
    let people = Submissions::new("allocations")?;
    let settings = bed.settings();
    let lookup = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    let config = config::Intake::read(&Env::new(&lookup)).map_err(|error| Error::Part(error.to_string()))?;
    let url = bed.aws_url();
    // The counter counts one thread: everything of this app must run on it.
    let counted = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let sdk = local::emulator::sdk(&url);
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
    Ok(Figure::context_only(
        "allocations a lead",
        "intake's handler",
        &counts,
        "",
    ))
}

/// Leads a second by so many warm processes at once, ours and the peer's.
async fn throughput(bed: &Bed, peer: Option<&Peer>) -> Result<Plot, Error> {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for processes in PROCESSES {
        let mut functions = Vec::new();
        for _ in 0..processes {
            functions.push(bed.function("intake").await?);
        }
        ours.push(rush(functions, "rush", processes).await?);
        if let Some(peer) = peer {
            let mut functions = Vec::new();
            for _ in 0..processes {
                functions.push(peer.start(bed, &bed.settings()).await?);
            }
            theirs.push(rush(functions, "peers", processes).await?);
        }
    }
    let labels = PROCESSES.map(|processes| processes.to_string());
    let mut lines = vec![Line::new("intake", ours)];
    if peer.is_some() {
        lines.push(Line::new("the peer", theirs));
    }
    Ok(Plot::new(
        "Leads a second",
        "warm processes",
        labels.to_vec(),
        lines,
    ))
}

async fn rush(functions: Vec<Function>, of: &'static str, processes: usize) -> Result<f64, Error> {
    let start = Instant::now();
    let visitors = functions.into_iter().enumerate().map(|(index, mut function)| {
        tokio::spawn(async move {
            let people = Submissions::new(of)?;
            let mut served = 0;
            while start.elapsed() < RUSH {
                // Nobody comes twice: so many people a process and a number of processes.
                let number = processes * 100_000 + index * 10_000 + served;
                expect(&mut function, &people.event(number), 200).await?;
                served += 1;
            }
            Ok::<_, Error>(served)
        })
    });
    let mut all = 0;
    for visitor in futures::future::join_all(visitors).await {
        all += visitor.map_err(|error| Error::Part(error.to_string()))??;
    }
    Ok(per(all) / start.elapsed().as_secs_f64())
}
