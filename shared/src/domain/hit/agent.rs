//! What a user agent says of itself.
//!
//! No public list is safe as it is: each calls some phones and apps of people bots. So the device group, which holds models
//! such as CUBOT and «Spider 8», is dropped first, and names match only where a word begins.

mod names;

use names::{AT_THE_START, FOR_A_PERSON, IN_APP, NAMES};

use super::Rule;

/// A user agent, prepared once: in lower case, without the group that names the device.
pub(super) struct Agent {
    text: String,
    /// Where a letter or digit follows none.
    words: Vec<usize>,
}

impl Agent {
    pub fn new(user_agent: &str) -> Self {
        let text = without_devices(&user_agent.to_ascii_lowercase());
        let bytes = text.as_bytes();
        let is_word = |at: usize| bytes[at].is_ascii_alphanumeric();
        let words = (0..bytes.len())
            .filter(|&at| is_word(at) && (at == 0 || !is_word(at - 1)))
            .collect();
        Self { text, words }
    }

    fn has_word(&self, needle: &str) -> bool {
        let bytes = self.text.as_bytes();
        self.words
            .iter()
            .any(|&at| bytes[at..].starts_with(needle.as_bytes()))
    }

    /// Rule 4.
    pub fn name(&self) -> Option<Rule> {
        if self.text.starts_with("whatsapp") || self.text == "viber" {
            return Some(Rule::Preview);
        }
        // Google's fetch on arrival, under the name of the first Edge.
        if self.text.ends_with("edge/12.246 mozilla/5.0") {
            return Some(Rule::MailProxy);
        }
        let bytes = self.text.as_bytes();
        self.words.iter().find_map(|&at| {
            let rest = &bytes[at..];
            NAMES
                .iter()
                .find(|(name, _)| rest[0] == name.as_bytes()[0] && rest.starts_with(name.as_bytes()))
                .map(|(_, rule)| *rule)
        })
    }

    /// Rule 5.
    pub fn is_library(&self) -> bool {
        AT_THE_START.iter().any(|name| self.text.starts_with(name))
            || self.has_word("windowspowershell")
            || self.has_word("winhttprequest")
    }

    /// Rule 6.
    pub fn has_bot_word(&self) -> bool {
        !FOR_A_PERSON.iter().any(|name| self.has_word(name))
            && (has_bot(&self.text)
                || has_spider(&self.text)
                || ["crawler", "scraper", "http://", "+https"]
                    .iter()
                    .any(|word| self.text.contains(word))
                || has_mail_address(&self.text)
                || names_another_than_msie(&self.text))
    }

    /// Rule 8.
    pub fn is_browser(&self) -> bool {
        let begins = ["mozilla/", "opera/", "ucweb/"]
            .iter()
            .any(|name| self.text.starts_with(name));
        begins && !self.has_word("cfnetwork") && !FOR_A_PERSON.iter().any(|name| self.has_word(name))
    }

    /// Rule 13.
    pub fn is_in_app(&self) -> bool {
        IN_APP.iter().any(|name| self.has_word(name))
    }

    /// Whether it is exactly the user agent of a Chrome, Edge, Firefox or Safari that sends `sec-fetch-*`. Forks, WebViews and
    /// apps add words of their own.
    pub fn is_plain_and_current(&self) -> bool {
        let mut products = products(&self.text);
        if products.next() != Some(("mozilla", "5.0")) {
            return false;
        }
        let products: Vec<_> = products.collect();
        let since = |version: &str, major: u32, minor: u32| {
            let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
            (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
        };
        match products[..] {
            [("applewebkit", _), ("chrome", version), ("safari", _)]
            | [
                ("applewebkit", _),
                ("chrome", version),
                ("mobile", ""),
                ("safari", _),
            ] => since(version, 80, 0),
            [("applewebkit", _), ("chrome", _), ("safari", _), ("edg", version)] => since(version, 80, 0),
            [("gecko", _), ("firefox", version)] => since(version, 90, 0),
            [("applewebkit", _), ("version", version), ("safari", _)]
            | [
                ("applewebkit", _),
                ("version", version),
                ("mobile", _),
                ("safari", _),
            ] => since(version, 16, 4),
            _ => false,
        }
    }
}

/// Bytes of a group that are looked at for its end: a group of a device is shorter.
const GROUP_MAX: usize = 512;

/// Drops the groups that name a device: `(Linux; … Android …)`, and what an app writes behind `Android`. A group that says it
/// is `compatible` names a program, and stays.
fn without_devices(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let (before, group) = rest.split_at(open);
        let (group, after) = group.split_at(end_of_group(group));
        kept.push_str(before);
        let is_device = group.contains("android") || kept.trim_end().ends_with("android");
        let is_program = group[1..].trim_start().starts_with("compatible");
        // A space, so that the words on both sides stay two.
        kept.push_str(if is_device && !is_program { " " } else { group });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Behind the bracket that closes the group. A model's name may have a pair of its own; if they do not fit, the first one.
fn end_of_group(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().take(GROUP_MAX) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    text.find(')').map_or(text.len(), |at| at + 1)
}

/// `bot` or `bots` where no letter follows, but not CUBOT.
fn has_bot(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices("bot").any(|(at, _)| {
        let rest = &bytes[at + 3..];
        let rest = rest.strip_prefix(b"s").unwrap_or(rest);
        let ends = !rest.first().is_some_and(u8::is_ascii_alphabetic);
        ends && !text[..at].ends_with("cu")
    })
}

/// But not the phones «Spider 8» and «Spider10».
fn has_spider(text: &str) -> bool {
    text.match_indices("spider").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        !rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// `x@y.z`.
fn has_mail_address(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices('@').any(|(at, _)| {
        let domain = &text[at + 1..];
        let end = domain.find(|c| !is_part(c)).unwrap_or(domain.len());
        let zone = domain[end..].strip_prefix('.');
        text[..at].ends_with(is_part) && end > 0 && zone.is_some_and(|zone| zone.starts_with(is_part))
    })
}

/// `(compatible; X`, where X is no Internet Explorer.
fn names_another_than_msie(text: &str) -> bool {
    text.match_indices("(compatible;").any(|(at, start)| {
        let name = text[at + start.len()..].trim_start();
        !name.starts_with("msie")
    })
}

/// `name/version` outside of brackets, in turn; the version may be absent.
fn products(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut depth = 0_u32;
    let outside = move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 0 || c == ')' || c == ' '
    };
    text.split(outside)
        .filter(|word| !word.is_empty())
        .map(|word| word.split_once('/').unwrap_or((word, "")))
}
