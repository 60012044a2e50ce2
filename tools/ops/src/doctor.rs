//! `doctor`: checks whether settings, database and vendors are ready, before a lead depends on them. It only reads.
//!
//! Each finding is one sentence, says what to do if something is wrong, and holds no secret.

mod amocrm;
mod ask;
mod database;
mod links;
mod mobizon;
mod queues;
mod resend;
mod roles;
mod settings;
mod turnstile;

use crate::env_file;
use clap::Args;
use proftest::aws::{self, SdkConfig};
use proftest::clients;
use proftest::config::{self, ConfigError, Env, variable};
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

#[derive(Args)]
pub struct Options {
    /// A file of `NAME=value` lines, the only source of settings; the environment when absent.
    #[arg(long)]
    env_file: Option<PathBuf>,
}

/// Prints the findings. The error says that the file is unreadable or that something is wrong.
pub async fn command(options: &Options) -> Result<(), String> {
    let table = match &options.env_file {
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
    // Without queues to check, AWS is not needed, not even a region.
    let sdk = match lookup("NOTIFICATIONS_QUEUE_URL") {
        Some(_) => Some(aws::sdk_loader().load().await),
        None => None,
    };
    let findings = examine(&lookup, sdk.as_ref()).await?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.iter().filter(|one| one.level == Level::Wrong).count() {
        0 => Ok(()),
        1 => Err("1 thing is wrong".to_owned()),
        count => Err(format!("{count} things are wrong")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Good,
    /// It cannot be checked from here, or needs no action.
    Note,
    /// The funnel works, but a person must decide.
    Warning,
    /// The funnel does not work, or will soon stop.
    Wrong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    /// Such as `database` or `resend`.
    pub subject: &'static str,
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Good => "ok",
            Level::Note => "note",
            Level::Warning => "warn",
            Level::Wrong => "WRONG",
        };
        write!(f, "{level:5} {:8} {}", self.subject, self.sentence)
    }
}

#[derive(Default)]
struct Findings {
    subject: &'static str,
    list: Vec<Finding>,
}

impl Findings {
    fn about(&mut self, subject: &'static str) -> &mut Self {
        self.subject = subject;
        self
    }

    fn add(&mut self, level: Level, sentence: impl Into<String>) {
        self.list.push(Finding {
            level,
            subject: self.subject,
            sentence: sentence.into(),
        });
    }

    fn ok(&mut self, sentence: impl Into<String>) {
        self.add(Level::Good, sentence);
    }

    fn note(&mut self, sentence: impl Into<String>) {
        self.add(Level::Note, sentence);
    }

    fn warn(&mut self, sentence: impl Into<String>) {
        self.add(Level::Warning, sentence);
    }

    fn wrong(&mut self, sentence: impl Into<String>) {
        self.add(Level::Wrong, sentence);
    }

    /// Reads settings. An error becomes a finding.
    fn read<T>(&mut self, env: &Env<'_>, read: fn(&Env<'_>) -> Result<T, ConfigError>) -> Option<T> {
        read(env).map_err(|error| self.wrong(error.to_string())).ok()
    }
}

/// Checks everything that `lookup` has settings for. `sdk` is for the queues.
pub async fn examine(
    lookup: &dyn Fn(&str) -> Option<String>,
    sdk: Option<&SdkConfig>,
) -> Result<Vec<Finding>, String> {
    let http = clients::http_client().map_err(|error| format!("no HTTP client: {error}"))?;
    let env = Env::new(lookup);
    let mut findings = Findings::default();
    settings::examine(lookup, findings.about("settings"));

    findings.about("database");
    let mut client = None;
    if let Some(settings) = findings.read(&env, config::Database::read) {
        client = database::examine(&settings, &mut findings).await;
    }
    if let Some(client) = &client {
        roles::examine(client, lookup, findings.about("roles")).await;
    }
    findings.about("resend");
    if let Some(settings) = findings.read(&env, config::Resend::read) {
        resend::examine(&http, &settings, &mut findings).await;
    }
    findings.about("mobizon");
    if let Some(settings) = findings.read(&env, config::Mobizon::read) {
        mobizon::examine(&http, &settings, &mut findings).await;
    }
    findings.about("turnstile");
    if let Some(Some(settings)) = findings.read(&env, config::Turnstile::read) {
        turnstile::examine(&http, &settings, &mut findings).await;
    }
    findings.about("amocrm");
    if let Some(settings) = findings.read(&env, config::AmoCrm::read) {
        amocrm::examine(&http, &settings, client.as_ref(), &mut findings).await;
    }
    findings.about("links");
    let queues = queues::Urls::read(&env);
    if let Some(settings) = findings.read(&env, config::Links::read) {
        links::examine(&http, &settings, queues.is_some(), &mut findings).await;
    }
    queues::examine(queues, sdk, findings.about("queues")).await;

    // Several functions read the same variable and report it in the same words.
    let mut seen = HashSet::new();
    findings
        .list
        .retain(|finding| seen.insert(finding.sentence.clone()));
    Ok(findings.list)
}
