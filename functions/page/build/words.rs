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
            (
                "email_known_domains",
                near(&emails.other_domains, &emails.domains).join(" "),
            ),
            ("email_aliases", aliases.join(" ")),
            ("click_ids", ids.join(" ")),
        ];
        words.extend(sentences(&texts(Locale::Ru).errors.contact));
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

/// The names that the script would ask about, though they are right.
fn near(names: &[String], domains: &[String]) -> Vec<String> {
    let mut near = names.to_vec();
    near.retain(|name| domains.iter().any(|domain| is_one_slip(name, domain)));
    near
}

/// One letter more, less or other, or two swapped: the rule of `web/js/email.js`.
fn is_one_slip(left: &str, right: &str) -> bool {
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let start = left.bytes().zip(right.bytes()).take_while(same).count();
    let (left, right) = (&left.as_bytes()[start..], &right.as_bytes()[start..]);
    let end = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    match (&left[..left.len() - end], &right[..right.len() - end]) {
        ([a, b], [c, d]) => (a, b) == (d, c),
        (left, right) => left.len() < 2 && right.len() < 2,
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
