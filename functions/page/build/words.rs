//! What the script takes from the tables and the sentences that the server has too.

use crate::markup;
use crate::texts::{ContactTexts, Locale, texts};
use serde::Deserialize;

/// Digits that a number which begins with +7 can be short of.
const MISSING_MAX: u8 = 10;

#[derive(Deserialize)]
struct Emails {
    domains: Vec<String>,
    other_domains: Vec<String>,
    aliases: Vec<Alias>,
}

#[derive(Deserialize)]
struct Alias {
    typed: String,
    meant: String,
}

#[derive(Deserialize)]
struct ClickIds {
    ids: Vec<ClickId>,
}

#[derive(Deserialize)]
struct ClickId {
    name: String,
}

/// Placeholders of the scripts and what stands in their place, between single quotes.
pub struct Words(Vec<(&'static str, String)>);

impl Words {
    /// From `emails.json` and `click_ids.json`.
    pub fn read(emails: &str, click_ids: &str) -> Result<Self, String> {
        let emails: Emails = serde_json::from_str(emails).map_err(|error| format!("emails.json: {error}"))?;
        let ids: ClickIds =
            serde_json::from_str(click_ids).map_err(|error| format!("click_ids.json: {error}"))?;
        let aliases = emails.aliases.iter();
        let aliases: Vec<String> = aliases
            .map(|alias| format!("{}={}", alias.typed, alias.meant))
            .collect();
        let ids: Vec<String> = ids.ids.into_iter().map(|id| id.name).collect();
        let mut words = vec![
            ("email_domains", emails.domains.join(" ")),
            ("email_known_domains", emails.other_domains.join(" ")),
            ("email_aliases", aliases.join(" ")),
            ("click_ids", ids.join(" ")),
        ];
        let texts = texts(Locale::Ru);
        words.push(("consent_version", texts.consents[0].version.to_owned()));
        words.extend(sentences(&texts.errors.contact));
        // A quote would end the string.
        match words.iter().find(|(_, text)| text.contains(['\'', '\\', '\n'])) {
            Some((name, text)) => Err(format!("{name} does not fit into a string of the script: {text}")),
            None => Ok(Self(words)),
        }
    }

    pub fn fill(&self, script: &str) -> String {
        let words: Vec<(&str, &str)> = self.0.iter().map(|(name, text)| (*name, text.as_str())).collect();
        markup::fill(script, &words)
    }
}

fn sentences(contact: &ContactTexts) -> Vec<(&'static str, String)> {
    let few: Vec<String> = (1..=MISSING_MAX).map(contact.too_few_digits).collect();
    let mut sentences = vec![("contact:too_few_digits", few.join("|"))];
    let fixed = [
        ("contact:name_empty", contact.name_empty),
        ("contact:email_empty", contact.email_empty),
        ("contact:no_at", contact.no_at),
        ("contact:phone_empty", contact.phone_empty),
    ];
    sentences.extend(fixed.map(|(name, text)| (name, text.to_owned())));
    sentences
}
