//! `doctor`: looks whether the settings, the database and the vendors are ready, before anybody's lead depends on
//! them. It only reads: it sends no message, creates nothing and changes nothing.
//!
//! Each finding is one sentence, and says what to do when something is wrong. None holds a secret.

mod amocrm;
mod ask;
mod database;
mod links;
mod mobizon;
mod queues;
mod resend;
mod settings;

use proftest::aws::SdkConfig;
use proftest::clients;
use proftest::config::{self, ConfigError, Env};
use std::fmt;

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Could not be seen from here, or need not be mended.
    Note,
    /// The funnel will not work, or not for long, until it is mended.
    Wrong,
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it means.
    pub verdict: Verdict,
    /// About what: `database`, `resend`.
    pub subject: &'static str,
    /// One sentence.
    pub sentence: String,
}

/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Wrong => "WRONG",
        };
        write!(f, "{verdict:5} {:8} {}", self.subject, self.sentence)
    }
}

/// The findings about one subject.
struct Findings {
    subject: &'static str,
    list: Vec<Finding>,
}

impl Findings {
    const fn about(subject: &'static str) -> Self {
        let list = Vec::new();
        Self { subject, list }
    }

    fn add(&mut self, verdict: Verdict, sentence: impl Into<String>) {
        self.list.push(Finding {
            verdict,
            subject: self.subject,
            sentence: sentence.into(),
        });
    }

    fn ok(&mut self, sentence: impl Into<String>) {
        self.add(Verdict::Ok, sentence);
    }

    fn note(&mut self, sentence: impl Into<String>) {
        self.add(Verdict::Note, sentence);
    }

    fn wrong(&mut self, sentence: impl Into<String>) {
        self.add(Verdict::Wrong, sentence);
    }

    /// What was read, or the finding that it cannot be.
    fn read<T>(&mut self, env: &Env<'_>, read: fn(&Env<'_>) -> Result<T, ConfigError>) -> Option<T> {
        read(env).map_err(|error| self.wrong(error.to_string())).ok()
    }
}

/// Examines everything that `lookup` gives settings for. `sdk`: how AWS is reached, for the queues.
///
/// # Errors
/// When there is no HTTP client to examine with.
pub async fn examine(
    lookup: &dyn Fn(&str) -> Option<String>,
    sdk: Option<&SdkConfig>,
) -> Result<Vec<Finding>, String> {
    let http = clients::http_client().map_err(|error| format!("no HTTP client: {error}"))?;
    let env = Env::new(lookup);
    let mut all = settings::examine(lookup);

    let mut findings = Findings::about("database");
    let database = findings.read(&env, config::Database::read);
    let mut client = None;
    if let Some(database) = &database {
        client = database::examine(database, &mut findings).await;
    }
    all.append(&mut findings.list);

    let mut findings = Findings::about("resend");
    if let Some(settings) = findings.read(&env, config::Resend::read) {
        resend::examine(&http, &settings, &mut findings).await;
    }
    all.append(&mut findings.list);

    let mut findings = Findings::about("mobizon");
    if let Some(settings) = findings.read(&env, config::Mobizon::read) {
        mobizon::examine(&http, &settings, &mut findings).await;
    }
    all.append(&mut findings.list);

    let mut findings = Findings::about("amocrm");
    if let Some(settings) = findings.read(&env, config::AmoCrm::read) {
        amocrm::examine(&http, &settings, client.as_ref(), &mut findings).await;
    }
    all.append(&mut findings.list);

    let mut findings = Findings::about("links");
    let queues = queues::Urls::read(&env);
    if let Some(settings) = findings.read(&env, config::Links::read) {
        links::examine(&http, &settings, queues.is_some(), &mut findings).await;
    }
    all.append(&mut findings.list);

    let mut findings = Findings::about("queues");
    queues::examine(queues, sdk, &mut findings).await;
    all.append(&mut findings.list);
    // Several functions read the same variable, and miss it in the same words.
    let mut seen = Vec::new();
    all.retain(|finding| {
        let new = !seen.contains(&finding.sentence);
        seen.push(finding.sentence.clone());
        new
    });
    Ok(all)
}
