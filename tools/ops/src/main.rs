//! The commands that run against production. See docs/deploy.md.

use clap::{Parser, Subcommand};
use ops::database::Address;
use ops::{
    cancel, crm_gate, doctor, erase, lift_suppression, migrate, preview, redrive, rejudge, release, roles,
};
use std::process::ExitCode;

/// Commands for the people who deploy and run the funnel.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Apply the migrations to a database, over a direct or session-mode connection.
    Migrate(Address),
    /// Give each function its database role, with exactly the rights it needs. Run it as the owner, after migrate.
    Roles(roles::Options),
    /// Let calls to amoCRM through again, after the account was unblocked.
    OpenCrmGate(Address),
    /// Check whether settings, database and vendors are ready. Only reads; exits with 1 when something is wrong.
    Doctor(doctor::Options),
    /// Let held deliveries go out, by lead or by reason.
    Release(release::Options),
    /// Cancel messages by when they are due, before they are sent.
    Cancel(cancel::Options),
    /// Give stored hits the verdicts of today's rules, and correct flags and counts. The CRM hears nothing of it.
    Rejudge(rejudge::Options),
    /// Erase a person on request. Without --yes it only says what it would erase.
    Erase(erase::Options),
    /// Write to a person again who asked for it. Without --yes it only says what is suppressed.
    LiftSuppression(lift_suppression::Options),
    /// Open failed work again, and put back the messages of the dead-letter queues.
    ///
    /// Works on a deployed stack when `NOTIFICATIONS_QUEUE_URL`, `CRM_QUEUE_URL`, `DATABASE_URL` and `DATABASE_CA_PEM` are
    /// set, with the environment's AWS credentials; otherwise on the local stack that runs.
    Redrive(redrive::Options),
    /// Write the e-mail and the SMS of a sample lead to files. Sends nothing.
    Preview(preview::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Migrate(database) => migrate::command(&database).await,
        Command::Roles(options) => roles::command(&options).await,
        Command::OpenCrmGate(database) => crm_gate::command(&database).await,
        Command::Doctor(options) => doctor::command(&options).await,
        Command::Release(options) => release::command(&options).await,
        Command::Cancel(options) => cancel::command(&options).await,
        Command::Rejudge(options) => rejudge::command(&options).await,
        Command::Erase(options) => erase::command(&options).await,
        Command::LiftSuppression(options) => lift_suppression::command(&options).await,
        Command::Redrive(options) => redrive::command(&options).await,
        Command::Preview(options) => preview::command(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
