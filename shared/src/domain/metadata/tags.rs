//! The tags of a link: `utm_*`, and the click ids of ad networks.
//!
//! A tag is never a reason to refuse a lead: what cannot be a tag is left out.

use super::size;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization as _;

/// Characters of a `utm_*` tag; a longer one is cut, since its beginning says what it means.
const TEXT_MAX: usize = 200;
/// Characters of any other tag. Most are ids, and a part of an id is useless: a longer one is left out.
const ID_MAX: usize = 1024;
/// Characters of a tag's name.
const NAME_MAX: usize = 64;
/// Octets of all tags of one touch, as [`cost`] counts them. The two touches of a lead fit one note of the CRM, and the
/// column's bound.
const TOUCH_MAX: usize = 4096;
/// Whole numbers up to here are exact in JSON: RFC 8259, section 6.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// The tags that stay first when a touch has too many.
const FIRST: [&str; 5] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
];

/// The click ids that ad networks use, with the sources: `shared/data/click_ids.json`. The page takes the same list.
static CLICK_IDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        ids: Vec<Id>,
    }
    #[derive(Deserialize)]
    struct Id {
        name: String,
    }
    let file = serde_json::from_str(include_str!("../../../data/click_ids.json"));
    file.map_or_else(
        |_| Vec::new(),
        |file: File| file.ids.into_iter().map(|id| id.name).collect(),
    )
});

/// Tags of a link by their names, in lower case. No text is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Reads what a client sent, or what a row holds that may be older than these rules. Numbers and booleans are texts
    /// too, and the first text of a list counts, since a repeated parameter is a list.
    pub fn read(json: Map<String, Value>) -> Self {
        let mut all = BTreeMap::new();
        for (raw, value) in json {
            let Some(name) = name(&raw) else { continue };
            let Some(text) = text(value, &name) else { continue };
            // Of two spellings of one name, the right one counts.
            if raw == name {
                all.insert(name, text);
            } else {
                all.entry(name).or_insert(text);
            }
        }
        Self(bounded(all))
    }

    /// Names and texts, by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The text of one tag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// As the column holds it.
    pub fn into_json(self) -> Value {
        self.0.into_iter().collect()
    }
}

/// The name in lower case, if it can be one. The spellings are a table, `shared/data/tags.json`, for the page too.
fn name(raw: &str) -> Option<String> {
    let lower = raw.trim().to_lowercase();
    let mut name = lower.as_str();
    while let Some(rest) = after_separator(name) {
        name = rest;
    }
    let fits = !name.is_empty() && name.chars().count() <= NAME_MAX && !name.contains(char::is_control);
    fits.then(|| name.to_owned())
}

/// What follows the character that parts two tags, where a link was cut out of an address or escaped as HTML, once or
/// twice: `&amp;utm_medium=cpc` has the parameter `amp;utm_medium`, and WordPress writes `&#038;`.
fn after_separator(name: &str) -> Option<&str> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, '&' | '?' | '#');
    name.strip_prefix(is_separator).or_else(|| {
        let (escaped, rest) = name.split_once(';')?;
        let is_number = |digits: &str, number| digits.trim_start_matches('0') == number;
        let is_ampersand = escaped == "amp"
            || is_number(escaped, "38")
            || escaped.strip_prefix('x').is_some_and(|hex| is_number(hex, "26"));
        is_ampersand.then_some(rest)
    })
}

/// The text of a value, if it has one.
fn text(value: Value, name: &str) -> Option<String> {
    let raw = match value {
        Value::String(text) => text,
        Value::Number(number) => number_text(&number)?,
        Value::Bool(is_true) => is_true.to_string(),
        Value::Array(items) => return items.into_iter().find_map(|item| text(item, name)),
        Value::Null | Value::Object(_) => return None,
    };
    let clean: String = raw.nfc().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    let text = match clean.char_indices().nth(TEXT_MAX) {
        Some((end, _)) if name.starts_with("utm_") => &clean[..end],
        _ => clean,
    };
    (!text.is_empty() && text.chars().count() <= ID_MAX).then(|| text.to_owned())
}

/// `21546` for 21546 and, as spreadsheets write it, 21546.0. A whole number that lost digits on its way is no id.
fn number_text(number: &Number) -> Option<String> {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => {
            (float.abs() <= EXACT_MAX).then(|| format!("{float:.0}"))
        }
        _ => Some(number.to_string()),
    }
}

/// The tags that fit [`TOUCH_MAX`], the most useful first.
fn bounded(all: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut left = TOUCH_MAX;
    if all.iter().map(cost).sum::<usize>() <= left {
        return all;
    }
    let mut ordered: Vec<(String, String)> = all.into_iter().collect();
    ordered.sort_by_cached_key(|(name, _)| rank(name));
    let fits = |(name, text): &(String, String)| {
        let rest = left.checked_sub(cost((name, text)));
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    ordered.into_iter().filter(fits).collect()
}

/// What a tag takes in the column.
fn cost((name, text): (&String, &String)) -> usize {
    size::entry(name, &Value::String(text.clone()))
}

/// The usual tags, the click ids, other `utm_*`, the rest.
fn rank(name: &str) -> (usize, usize) {
    let usual = FIRST.iter().position(|one| *one == name);
    let id = || CLICK_IDS.iter().position(|one| one == name);
    match usual {
        Some(place) => (0, place),
        None => match id() {
            Some(place) => (1, place),
            None if name.starts_with("utm_") => (2, 0),
            None => (3, 0),
        },
    }
}

#[cfg(test)]
mod tests;
