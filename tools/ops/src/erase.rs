//! `erase`: erases a person on request and lists what the vendors still store. It prints ids, never personal data.

use crate::database::Address;
use clap::Args;
use proftest::domain::contact::{Email, Phone};
use proftest::failure;
use proftest::store::Store;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct Options {
    /// The person's e-mail. When a phone is given too, a lead must have both.
    #[arg(long, required_unless_present = "phone")]
    email: Option<String>,
    /// The person's phone, in any spelling.
    #[arg(long)]
    phone: Option<String>,
    /// Erase.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    database: Address,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let store = options.database.store(DEADLINE)?;
    let (email, phone) = (options.email.as_deref(), options.phone.as_deref());
    for line in person(&store, email, phone, options.yes).await? {
        println!("{line}");
    }
    Ok(())
}

/// Erases the leads with this e-mail and this phone, if given. With `yes` false it only lists them. Returns what to
/// print.
pub async fn person(
    store: &Store,
    email: Option<&str>,
    phone: Option<&str>,
    yes: bool,
) -> Result<Vec<String>, String> {
    let email = email.map(Email::parse).transpose();
    let email = email.map_err(|_| "--email is not an e-mail address".to_owned())?;
    let phone = phone.map(Phone::parse).transpose();
    let phone = phone.map_err(|_| "--phone is not a phone number".to_owned())?;
    let found = crate::store::leads_of(store, email.as_ref(), phone.as_ref()).await;
    let leads = found.map_err(|error| failure::chain(&error))?;
    if leads.is_empty() {
        return Ok(vec!["No lead has this e-mail and phone.".to_owned()]);
    }
    let mut lines: Vec<String> = leads.iter().map(|lead| format!("Lead {lead}")).collect();
    if !yes {
        lines.push("Nothing was erased. To erase, run it again with --yes.".to_owned());
        return Ok(lines);
    }
    let erased = crate::store::erase(store, &leads)
        .await
        .map_err(|error| failure::chain(&error))?;
    lines.push(format!(
        "Erased {} leads here. Erase these by hand:",
        erased.leads
    ));
    for (place, ids) in [
        ("amoCRM: deals", ids(&erased.deals)),
        ("amoCRM: contacts", ids(&erased.contacts)),
        ("Resend: e-mails", erased.emails),
        ("Mobizon: SMS", erased.sms),
    ] {
        let ids = if ids.is_empty() {
            "none known".to_owned()
        } else {
            ids.join(", ")
        };
        lines.push(format!("  {place}: {ids}"));
    }
    lines.push("See docs/deploy.md, «Erase a person».".to_owned());
    Ok(lines)
}

fn ids(ids: &[impl ToString]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
