//! `cargo run`: the whole funnel on this machine.

use clap::Parser;
use jiff::SignedDuration;
use local::stack::{Options, Stack};
use ops::local_stack::target_dir;
use proftest::config::variable;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// The funnel on this machine: database, AWS emulator, vendor stand-ins, gateway and console.
#[derive(Parser)]
#[command(version)]
struct Up {
    /// Port of the gateway.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the console.
    #[arg(long, default_value_t = 3001)]
    console_port: u16,
    /// From a lead to its message, in whole seconds: 10s, 2m.
    #[arg(long, default_value = "10s")]
    delay: SignedDuration,
    /// Where the stack keeps its data; target/local by default.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// Production's limits and challenges. Without it the guard holds nothing.
    #[arg(long)]
    strict: bool,
    /// Another Resend than the stand-in; its key is read from `RESEND_API_KEY`, its webhooks' secrets from
    /// `RESEND_WEBHOOK_SECRETS`.
    #[arg(long)]
    resend_url: Option<String>,
    /// Another Mobizon than the stand-in; its key is read from `MOBIZON_API_KEY`, its webhook's secret from
    /// `MOBIZON_WEBHOOK_SECRETS`.
    #[arg(long)]
    mobizon_url: Option<String>,
    /// Another amoCRM than the stand-in; its settings are read from the `AMOCRM_` variables.
    #[arg(long)]
    amocrm_url: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match up(Up::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn up(up: Up) -> Result<(), String> {
    let started = Instant::now();
    let delay = Duration::try_from(up.delay).map_err(|_| "--delay must not be negative".to_owned())?;
    let state_dir = match up.state_dir {
        Some(dir) => std::path::absolute(dir).map_err(|error| error.to_string())?,
        None => target_dir()?.join("local"),
    };
    let options = Options {
        port: up.port,
        console_port: up.console_port,
        delay,
        state_dir,
        database_url: variable("DATABASE_URL"),
        resend_url: up.resend_url,
        mobizon_url: up.mobizon_url,
        amocrm_url: up.amocrm_url,
        crm_requests_per_second: 5,
        fsync: true,
        strict: up.strict,
        reports: true,
        enforce_iam: false,
        print: true,
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let stack = tokio::select! {
        stack = Stack::start(&options) => stack?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    println!("\nReady in {:.1} s.", started.elapsed().as_secs_f64());
    println!("  Gateway  {}", stack.gateway);
    println!("  Console  {}", stack.console);
    println!("  Database {}\n", stack.database_url);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("Stopping…");
    stack.stop().await;
    Ok(())
}
