//! The figures. Started by `cargo run --release -p bench`, which builds the functions beside it.

use clap::{Parser, Subcommand};
use measure::{punctuality, speed};
use proftest::failure;
use std::process::ExitCode;

/// Measures on this machine how fast the functions are, or what a subcommand says. Judges nothing: a missed target is
/// printed, not an error.
#[derive(Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    speed: speed::Options,
}

#[derive(Subcommand)]
enum Task {
    /// The test page in headless Chromium; writes `target/bench/page.json`.
    Page,
    /// Messages that fall due together: how late they are. Fails when one is early, doubled or lost.
    Punctuality(punctuality::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.task {
        None => speed::run(&cli.speed).await,
        #[cfg(feature = "browser")]
        Some(Task::Page) => measure::page::run().await,
        #[cfg(not(feature = "browser"))]
        Some(Task::Page) => Err(measure::Error::NotBuilt("the browser's driver".to_owned())),
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
