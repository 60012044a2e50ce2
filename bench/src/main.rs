//! `cargo run --release -p bench -- page`: the figures.

use bench::{page, punctuality};
use clap::{Parser, Subcommand};
use proftest::failure;
use std::process::ExitCode;

/// Measures on this machine what the funnel promises. Judges nothing: a missed target is printed, not an error.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
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
    let done = match Cli::parse().task {
        Task::Page => page::run().await,
        Task::Punctuality(options) => punctuality::run(options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", failure::chain(&error));
            ExitCode::FAILURE
        }
    }
}
