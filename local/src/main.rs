//! `cargo run`: the whole funnel on this machine. Also the commands of whoever deploys it.

use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use local::stack::{Options, Stack};
use local::{doctor, env_file, erase, migrate, preview, redrive, tools};
use proftest::config::{Database, Env};
use proftest::failure;
use proftest::store::Store;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// The funnel on this machine: database, AWS emulator, vendor stand-ins, gateway and console.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Task>,
    #[command(flatten)]
    up: Up,
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

#[derive(Args)]
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
    /// Another Resend than the stand-in; its key is read from `RESEND_API_KEY`.
    #[arg(long)]
    resend_url: Option<String>,
    /// Another Mobizon than the stand-in; its key is read from `MOBIZON_API_KEY`.
    #[arg(long)]
    mobizon_url: Option<String>,
    /// Another amoCRM than the stand-in; its settings are read from the `AMOCRM_` variables.
    #[arg(long)]
    amocrm_url: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => up(cli.up).await,
        Some(Task::Migrate { database_url }) => migrate_database(database_url).await,
        Some(Task::OpenCrmGate { database_url }) => open_crm_gate(database_url).await,
        Some(Task::Doctor { env_file }) => see_doctor(env_file).await,
        Some(Task::Erase {
            email,
            phone,
            yes,
            database_url,
        }) => erase_person(email, phone, yes, database_url).await,
        Some(Task::Redrive { dry_run, state_dir }) => redrive::command(state_dir.as_deref(), dry_run).await,
        Some(Task::Preview {
            dir,
            name,
            link_base,
            no_result,
        }) => preview::write(&dir, &name, &link_base, !no_result)
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

async fn up(up: Up) -> Result<(), String> {
    let started = Instant::now();
    let delay = Duration::try_from(up.delay).map_err(|_| "--delay must not be negative".to_owned())?;
    let state_dir = match up.state_dir {
        Some(dir) => std::path::absolute(dir).map_err(|error| error.to_string())?,
        None => tools::target_dir()?.join("local"),
    };
    let options = Options {
        port: up.port,
        console_port: up.console_port,
        delay,
        state_dir,
        database_url: tools::variable("DATABASE_URL"),
        resend_url: up.resend_url,
        mobizon_url: up.mobizon_url,
        amocrm_url: up.amocrm_url,
        crm_requests_per_second: 5,
        fsync: true,
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

fn database(url: Option<&str>) -> Result<Database, String> {
    let lookup = |name: &str| match name {
        "DATABASE_URL" => url.map(str::to_owned).or_else(|| tools::variable(name)),
        _ => tools::variable(name),
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
    match store.open_gate().await.map_err(|error| failure::chain(&error))? {
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
        None => tools::variable(name),
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
