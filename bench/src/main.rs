//! `cargo run --release -p bench`: the figures.

use bench::{Error, punctuality, speed};
use clap::{Parser, Subcommand};
use proftest::failure;
use std::process::ExitCode;

/// Measures on this machine how fast the functions are, or what a subcommand says. Judges nothing: a missed target is
/// printed, not an error.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    speed: speed::Options,
}

#[derive(Subcommand)]
enum Task {
    /// The test page in headless Chromium (build with `--features browser`); writes `target/bench/page.json`.
    Page,
    /// Messages that fall due together: how late they are. Fails when one is early, doubled or lost.
    Punctuality(punctuality::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.task {
        None => speed::run(&cli.speed).await,
        Some(Task::Page) => page().await,
        Some(Task::Punctuality(options)) => punctuality::run(options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", failure::chain(&error));
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "browser")]
async fn page() -> Result<(), Error> {
    bench::page::run().await
}

#[cfg(not(feature = "browser"))]
async fn page() -> Result<(), Error> {
    Err(Error::NoBrowserFeature)
}
