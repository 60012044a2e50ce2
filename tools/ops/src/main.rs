//! The commands that run against production. See docs/deploy.md.

use clap::{Parser, Subcommand};
use ops::{doctor, env_file, erase, migrate, preview, redrive, store};
use proftest::config::{Database, Env, variable};
use proftest::failure;
use proftest::store::Store;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Commands for the people who deploy and run the funnel.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Apply the migrations to a database, over a direct or session-mode connection.
    Migrate {
        /// The database; `DATABASE_URL` when absent. On another host also `DATABASE_CA_PEM`.
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Let calls to amoCRM through again, after the account was unblocked.
    OpenCrmGate {
        /// The database; `DATABASE_URL` when absent. On another host also `DATABASE_CA_PEM`.
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Look whether settings, database and vendors are ready. Only reads; exits with 1 when something is wrong.
    Doctor {
        /// A file of `NAME=value` lines, the only source of settings; the environment when absent.
        #[arg(long)]
        env_file: Option<PathBuf>,
    },
    /// Erase a person who asks for it. Says what it would erase; does so with --yes.
    Erase {
        /// The person's e-mail. Given with a phone, a lead must have both.
        #[arg(long, required_unless_present = "phone")]
        email: Option<String>,
        /// The person's phone, in any spelling.
        #[arg(long)]
        phone: Option<String>,
        /// Erase.
        #[arg(long)]
        yes: bool,
        /// The database; `DATABASE_URL` when absent. On another host also `DATABASE_CA_PEM`.
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Open again what was given up, and put back what lies in the dead-letter queues.
    ///
    /// Of a deployed stack when `NOTIFICATIONS_QUEUE_URL`, `CRM_QUEUE_URL`, `DATABASE_URL` and `DATABASE_CA_PEM` are set, with
    /// the environment's AWS credentials; otherwise of the local stack that runs.
    Redrive {
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        /// The local stack's directory, whatever the environment says.
        #[arg(long)]
        state_dir: Option<PathBuf>,
    },
    /// Write the e-mail and the SMS of a sample lead to files.
    Preview {
        /// Where to.
        #[arg(long, default_value = "preview")]
        dir: PathBuf,
        /// The person's name.
        #[arg(long, default_value = "Айгерим")]
        name: String,
        /// With which the links begin.
        #[arg(long, default_value = "https://api.onai.academy")]
        link_base: String,
        /// Without the block of the test's result.
        #[arg(long)]
        no_result: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Migrate { database_url } => migrate_database(database_url).await,
        Task::OpenCrmGate { database_url } => open_crm_gate(database_url).await,
        Task::Doctor { env_file } => see_doctor(env_file).await,
        Task::Erase {
            email,
            phone,
            yes,
            database_url,
        } => erase_person(email, phone, yes, database_url).await,
        Task::Redrive { dry_run, state_dir } => redrive::command(state_dir.as_deref(), dry_run).await,
        Task::Preview {
            dir,
            name,
            link_base,
            no_result,
        } => preview::write(&dir, &name, &link_base, !no_result)
            .map(|files| files.iter().for_each(|file| println!("{}", file.display())))
            .map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn database(url: Option<&str>) -> Result<Database, String> {
    let lookup = |name: &str| match name {
        "DATABASE_URL" => url.map(str::to_owned).or_else(|| variable(name)),
        _ => variable(name),
    };
    Database::read(&Env::new(&lookup)).map_err(|error| error.to_string())
}

async fn migrate_database(url: Option<String>) -> Result<(), String> {
    let migrated = migrate::migrate_database(&database(url.as_deref())?)
        .await
        .map_err(|error| error.to_string())?;
    println!("{migrated}");
    Ok(())
}

async fn open_crm_gate(url: Option<String>) -> Result<(), String> {
    let store = Store::new(&database(url.as_deref())?, 1, Duration::from_secs(10))
        .map_err(|error| error.to_string())?;
    match store::open_gate(&store)
        .await
        .map_err(|error| failure::chain(&error))?
    {
        Some(reason) => {
            println!("Opened; it had been shut by: {reason}. The sweep wakes what waits within a minute.");
        }
        None => println!("The gate was open."),
    }
    Ok(())
}

async fn see_doctor(file: Option<PathBuf>) -> Result<(), String> {
    let table = match &file {
        Some(path) => {
            let named = |error: String| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
            Some(env_file::parse(&text).map_err(named)?)
        }
        None => None,
    };
    let lookup = |name: &str| match &table {
        Some(table) => table.get(name).cloned(),
        None => variable(name),
    };
    // Without queues to look at, AWS is not asked for anything, not even a region.
    let sdk = match lookup("NOTIFICATIONS_QUEUE_URL") {
        Some(_) => Some(proftest::aws::sdk_loader().load().await),
        None => None,
    };
    let findings = doctor::examine(&lookup, sdk.as_ref()).await?;
    for finding in &findings {
        println!("{finding}");
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.verdict == doctor::Verdict::Wrong)
        .count();
    match wrong {
        0 => Ok(()),
        count => Err(format!("{count} things to mend")),
    }
}

async fn erase_person(
    email: Option<String>,
    phone: Option<String>,
    yes: bool,
    url: Option<String>,
) -> Result<(), String> {
    let store = Store::new(&database(url.as_deref())?, 1, Duration::from_secs(30))
        .map_err(|error| error.to_string())?;
    for line in erase::person(&store, email.as_deref(), phone.as_deref(), yes).await? {
        println!("{line}");
    }
    Ok(())
}
