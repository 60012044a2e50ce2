//! `erase`: forgets a person who asks for it, and says what the vendors still know. It prints ids, no person's data.

use proftest::domain::contact::{Email, Phone};
use proftest::failure;
use proftest::store::Store;

/// Erases the leads that have this e-mail and this phone, as far as they are given; with `yes` false it only says
/// which. Returns what to print.
///
/// # Errors
/// One sentence: an address or a number that is none, or a database that refuses.
pub async fn person(
    store: &Store,
    email: Option<&str>,
    phone: Option<&str>,
    yes: bool,
) -> Result<Vec<String>, String> {
    let email = email.map(Email::parse).transpose();
    let email = email.map_err(|_| "--email is no e-mail address".to_owned())?;
    let phone = phone.map(Phone::parse).transpose();
    let phone = phone.map_err(|_| "--phone is no phone number".to_owned())?;
    let found = crate::store::leads_of(store, email.as_ref(), phone.as_ref()).await;
    let leads = found.map_err(|error| failure::chain(&error))?;
    if leads.is_empty() {
        return Ok(vec!["No lead has this e-mail and phone.".to_owned()]);
    }
    let mut lines: Vec<String> = leads.iter().map(|lead| format!("Lead {lead}")).collect();
    if !yes {
        lines.push("Nothing was erased: repeat it with --yes.".to_owned());
        return Ok(lines);
    }
    let erased = crate::store::erase(store, &leads)
        .await
        .map_err(|error| failure::chain(&error))?;
    lines.push(format!("Erased {} leads here. By hand remain:", erased.leads));
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
    lines.push("docs/deploy.md, «Erase a person», says how.".to_owned());
    Ok(lines)
}

fn ids(ids: &[impl ToString]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
