//! `lift-suppression`: lets us write to a person again who asked for it. It prints channels and reasons, never personal data.

use crate::actor::Actor;
use crate::database::Address;
use crate::erase::Who;
use crate::store::{self, Suppressed, Suppression};
use clap::Args;
use proftest::config::variable;
use proftest::domain::contact::{Email, Phone};
use proftest::domain::guard::GuardKey;
use proftest::domain::ids::LeadId;
use proftest::failure::chain;
use proftest::store::Store;
use secrecy::SecretString;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);

/// Without --lead it reads the person's e-mail, phone or both from standard input, one a line, as `erase` does, and needs
/// `GUARD_KEY`: suppressions are kept under keyed hashes.
#[derive(Args)]
pub struct Options {
    /// The lead whose e-mail and phone it is, instead of contacts.
    #[arg(long)]
    lead: Option<String>,
    /// Lift.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: Actor,
    #[command(flatten)]
    database: Address,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let (store, by) = (options.database.store(DEADLINE)?, options.by.name()?);
    let whose = if let Some(lead) = &options.lead {
        Suppressed::Lead(
            LeadId::parse(lead).ok_or("--lead is not a lead's id, as landing_leads.id has it".to_owned())?,
        )
    } else {
        let key = variable("GUARD_KEY").ok_or("set GUARD_KEY, as the functions have it; or give --lead")?;
        let key = GuardKey::new(&SecretString::from(key)).map_err(|_| "GUARD_KEY is no key".to_owned())?;
        eprintln!("E-mail, phone or both, one a line; then an empty line:");
        match Who::read(std::io::stdin().lock())? {
            Who::Contacts(email, phone) => contacts(&key, email, phone),
            Who::Lead(lead) => Suppressed::Lead(lead),
        }
    };
    for line in run(&store, &whose, &by, options.yes).await? {
        println!("{line}");
    }
    Ok(())
}

pub fn contacts(key: &GuardKey, email: Option<Email>, phone: Option<Phone>) -> Suppressed {
    let keys = [
        email.as_ref().map(|email| key.email(email)),
        phone.as_ref().map(|phone| key.phone(phone)),
    ];
    Suppressed::Contacts(email, phone, keys.into_iter().flatten().collect())
}

/// Lifts what there is; with `yes` false it only lists it. Returns what to print.
pub async fn run(store: &Store, whose: &Suppressed, by: &str, yes: bool) -> Result<Vec<String>, String> {
    let found = store::lift(store, whose, by, yes).await;
    let found = found.map_err(|error| chain(&error))?;
    if found.is_empty() {
        return Ok(vec!["Nothing is suppressed.".to_owned()]);
    }
    let mut lines: Vec<String> = found.iter().map(describe).collect();
    if yes {
        lines.push(format!("Lifted: {}.", found.len()));
        lines.push("Resend keeps a list of its own: remove the address there too.".to_owned());
        lines.push("Messages that are held stay held: release --lead lets them go.".to_owned());
    } else {
        lines.push(
            "Nothing was lifted. Only the person may ask for it. To lift, run it again with --yes."
                .to_owned(),
        );
    }
    Ok(lines)
}

/// `email: unsubscribe, since 2026-11-26T18:00:00Z, for ever`
fn describe(one: &Suppression) -> String {
    let channel = one.channel.map_or("either channel", |channel| channel.as_str());
    let until = one
        .until
        .map_or("for ever".to_owned(), |until| format!("until {until:.0}"));
    format!("{channel}: {}, since {:.0}, {until}", one.reason, one.since)
}
