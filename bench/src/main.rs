//! `cargo run --release -p bench -- page`: the figures.

use bench::page;
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
}

#[tokio::main]
async fn main() -> ExitCode {
    let Task::Page = Cli::parse().task;
    match page::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", failure::chain(&error));
            ExitCode::FAILURE
        }
    }
}
