//! How fast the functions are, against what this machine allows.
//!
//! Every figure that has a target by proportion comes of one run, its two sides in turns. The real binaries are driven
//! through the Runtime API; the database is a real one with `fsync` on. Absolute times are for the reader.

mod cold;
mod cost;
mod fill;
mod load;
mod peer;
mod plot;
mod scale;
mod service;

use crate::Error;
use crate::figure::{Figure, table};
use crate::punctuality;
use crate::setup::Setup;
use clap::{Args, ValueEnum};
use peer::Peer;
use plot::Plot;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

const DIR: &str = "target/bench";

/// What is measured.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Leads in the old database.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Only these parts; the report then holds no others.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

/// A part of the measurements that can be had alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Warm functions against their SQL.
    Warm,
    /// From the start of a process to its first answer.
    Cold,
    /// Processor time, memory, leads a second.
    Cost,
    /// Few rows against many.
    Growth,
    /// Ten thousand messages that fall due within a minute.
    Punctuality,
}

impl Options {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Measures, prints the tables, and writes `target/bench/report.json` and `report.html`, below the current directory.
pub async fn run(options: &Options) -> Result<(), Error> {
    let start = Instant::now();
    let setup = Setup::start(&Path::new(DIR).join("speed"), None).await?;
    let peer = Peer::install().await?;
    let (mut figures, mut plots) = (Vec::new(), Vec::new());
    if options.has(Part::Warm) {
        figures.extend(told("Warm", start, service::run(&setup).await?));
    }
    if options.has(Part::Cold) {
        let (more, plot) = cold::run(&setup, peer.as_ref()).await?;
        figures.extend(told("Cold", start, more));
        plots.push(plot);
    }
    if options.has(Part::Cost) {
        let (more, more_plots) = cost::run(&setup, peer.as_ref()).await?;
        figures.extend(told("Cost", start, more));
        plots.extend(more_plots);
    }
    if options.has(Part::Growth) {
        figures.extend(told("Growth", start, scale::run(&setup, options.rows).await?));
    }
    if options.has(Part::Punctuality) {
        let more = punctuality::measure(&setup, punctuality::Options::default()).await?;
        figures.extend(told("Punctuality", start, more));
    }
    for plot in &plots {
        println!("\n{}", plot.table());
    }
    let machine = machine();
    let report = json!({"machine": machine, "figures": figures, "plots": plots});
    std::fs::write(Path::new(DIR).join("report.json"), format!("{report:#}\n"))?;
    std::fs::write(
        Path::new(DIR).join("report.html"),
        page(&machine, &figures, &plots)?,
    )?;
    println!(
        "\n{machine}; {:.0} s; target/bench/report.json, target/bench/report.html",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn told(part: &str, start: Instant, figures: Vec<Figure>) -> Vec<Figure> {
    println!(
        "\n{part} (after {:.0} s)\n{}",
        start.elapsed().as_secs_f64(),
        table(&figures)
    );
    figures
}

/// The machine in a few words.
fn machine() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("a processor without a name", |(_, name)| name.trim());
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} × {model}")
}

fn page(machine: &str, figures: &[Figure], plots: &[Plot]) -> Result<String, Error> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>proftest: figures</title>\
         <style>body{{font:16px/1.4 sans-serif;margin:2em;max-width:60em}}pre{{overflow-x:auto;font-size:13px}}</style>\
         <h1>Figures</h1><p>{}</p><pre>{}</pre>",
        escaped(machine),
        escaped(&table(figures))
    );
    for plot in plots {
        let _ = write!(page, "{}", plot.svg()?);
    }
    Ok(page)
}
