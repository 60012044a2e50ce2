//! `erase`: erases a person on request and lists what the vendors still store. It prints ids, never personal data.

use crate::actor::Actor;
use crate::database::Address;
use clap::Args;
use proftest::domain::contact::{Email, Phone};
use proftest::domain::ids::LeadId;
use proftest::failure;
use proftest::store::Store;
use std::io::BufRead;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);

/// Without --lead it reads the person's e-mail, phone or both from standard input, one a line: what stands on a command line
/// stays in the shell's history and is seen in the list of processes.
#[derive(Args)]
pub struct Options {
    /// The lead's id, instead of contacts.
    #[arg(long)]
    lead: Option<String>,
    /// Erase.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: Actor,
    #[command(flatten)]
    database: Address,
}

/// Whom to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Lead(LeadId),
    /// With both, a lead must have both.
    Contacts(Option<Email>, Option<Phone>),
}

impl Who {
    /// Reads contacts, one a line, until an empty line or the end.
    pub fn read(input: impl BufRead) -> Result<Self, String> {
        let (mut email, mut phone) = (None, None);
        for line in input.lines() {
            let line = line.map_err(|error| format!("standard input: {error}"))?;
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            let twice = if line.contains('@') {
                let one =
                    Email::parse(line).map_err(|_| "the line with an @ is no e-mail address".to_owned())?;
                email.replace(one).is_some()
            } else {
                let one =
                    Phone::parse(line).map_err(|_| "the line without an @ is no phone number".to_owned())?;
                phone.replace(one).is_some()
            };
            if twice {
                return Err(
                    "give at most one e-mail and one phone: erase the others by a run of their own"
                        .to_owned(),
                );
            }
        }
        if email.is_none() && phone.is_none() {
            return Err("no e-mail and no phone came by standard input; or give --lead".to_owned());
        }
        Ok(Self::Contacts(email, phone))
    }
}

pub async fn command(options: &Options) -> Result<(), String> {
    let by = options.by.name()?;
    let store = options.database.store(DEADLINE)?;
    let who = if let Some(lead) = &options.lead {
        Who::Lead(
            LeadId::parse(lead).ok_or("--lead is not a lead's id, as landing_leads.id has it".to_owned())?,
        )
    } else {
        eprintln!("E-mail, phone or both, one a line; then an empty line:");
        Who::read(std::io::stdin().lock())?
    };
    for line in person(&store, &who, &by, options.yes).await? {
        println!("{line}");
    }
    Ok(())
}

/// Erases this lead, or the leads with these contacts. With `yes` false it only lists them. Returns what to print.
pub async fn person(store: &Store, who: &Who, by: &str, yes: bool) -> Result<Vec<String>, String> {
    let found = match who {
        Who::Lead(lead) => crate::store::lead(store, *lead).await,
        Who::Contacts(email, phone) => crate::store::leads_of(store, email.as_ref(), phone.as_ref()).await,
    };
    let leads = found.map_err(|error| failure::chain(&error))?;
    if leads.is_empty() {
        return Ok(vec!["There is no such lead.".to_owned()]);
    }
    let mut lines: Vec<String> = leads.iter().map(|lead| format!("Lead {lead}")).collect();
    if !yes {
        lines.push("Nothing was erased. To erase, run it again with --yes.".to_owned());
        return Ok(lines);
    }
    let erased = crate::store::erase(store, &leads, by)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_come_one_a_line_and_what_is_wrong_is_said_without_them() {
        let both = Who::read("8 701 123-45-67\n ANNA@mail.kz \n\nrest".as_bytes()).unwrap();
        let Who::Contacts(Some(email), Some(phone)) = both else {
            panic!("{both:?}")
        };
        assert_eq!((email.as_str(), phone.as_str()), ("anna@mail.kz", "+77011234567"));
        for wrong in ["", "\n", "anna@\n", "123\n", "a@mail.kz\nb@mail.kz\n"] {
            let error = Who::read(wrong.as_bytes()).unwrap_err();
            assert!(!error.contains("mail.kz") && !error.contains("123"), "{error}");
        }
    }
}
