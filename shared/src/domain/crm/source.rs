//! Where a person came from, in the words of the sales team.

use crate::domain::metadata::Tags;
use crate::texts::CrmTexts;
use crate::texts::crm::Words;

/// Characters of one word of a source. A campaign's name is shorter; what a stranger put into a link may be longer.
const WORD_MAX: usize = 60;
/// What may stand in a word besides letters and digits. A link or an address does not survive it.
const MARKS: &str = " -_.,+&()/№#!%";
/// Before the campaign in the source of a lead without a source of its own.
const PREFIX: &str = "proftest_";
/// The source of a lead without a campaign.
const PLAIN: &str = "proftest";

/// «Instagram, реклама, kenesary»: network, kind of link, campaigns. Words that are not known stand as given, cleaned.
pub fn source_in_words(
    texts: &CrmTexts,
    source: &str,
    campaign: Option<&str>,
    tags: Option<&Tags>,
) -> String {
    let tag = |name| tags.and_then(|tags| tags.get(name));
    let own = source.strip_prefix(PREFIX).unwrap_or(source);
    let slug = campaign.or_else(|| (source != PLAIN).then_some(own));
    let parts = [
        tag("utm_source").map(|raw| word(texts.networks, raw)),
        tag("utm_medium").map(|raw| word(texts.mediums, raw)),
        tag("utm_campaign").map(cleaned),
        slug.map(cleaned),
    ];
    let mut all: Vec<String> = Vec::new();
    for part in parts.into_iter().flatten() {
        let is_new = all.iter().all(|one| one.to_lowercase() != part.to_lowercase());
        if is_new && !part.is_empty() {
            all.push(part);
        }
    }
    if all.is_empty() {
        return texts.no_source.to_owned();
    }
    all.join(", ")
}

fn word(known: Words, raw: &str) -> String {
    let raw = raw.trim();
    let lower = raw.to_lowercase();
    let name = lower.strip_prefix("www.").unwrap_or(&lower);
    let found = known.iter().find(|(spellings, _)| spellings.contains(&name));
    found.map_or_else(|| cleaned(raw), |(_, called)| (*called).to_owned())
}

fn cleaned(raw: &str) -> String {
    let kept: String = raw
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| c.is_alphanumeric() || MARKS.contains(*c))
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(WORD_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Locale, texts};
    use serde_json::{Value, json};

    fn said(source: &str, campaign: Option<&str>, tags: Value) -> String {
        let tags = match tags {
            Value::Object(tags) => Some(Tags::read(tags)),
            _ => None,
        };
        source_in_words(&texts(Locale::Ru).crm, source, campaign, tags.as_ref())
    }

    #[test]
    fn usual_tags_have_their_words() {
        for (tags, expected) in [
            (
                json!({"utm_source": "ig", "utm_medium": "cpc", "utm_campaign": "kenesary"}),
                "Instagram, реклама, kenesary",
            ),
            (
                json!({"utm_source": "Instagram.com", "utm_medium": "Story"}),
                "Instagram, сторис, kenesary",
            ),
            (
                json!({"utm_source": "tiktok", "utm_medium": "ads", "utm_campaign": "осень"}),
                "TikTok, реклама, осень, kenesary",
            ),
            (
                json!({"utm_source": "yandex", "utm_medium": "organic"}),
                "Яндекс, без рекламы, kenesary",
            ),
            (
                json!({"utm_source": "tg", "utm_medium": "blogger"}),
                "Telegram, блогер, kenesary",
            ),
            (json!({"utm_source": "www.google.com"}), "Google, kenesary"),
            (
                json!({"utm_source": "whatsapp", "utm_medium": "direct"}),
                "WhatsApp, переписка, kenesary",
            ),
            (
                json!({"utm_source": "email", "utm_medium": "email"}),
                "письмо, kenesary",
            ),
            (json!({"utm_source": "sms"}), "SMS, kenesary"),
            (
                json!({"utm_source": "podcast_ai", "utm_medium": "ep12"}),
                "podcast_ai, ep12, kenesary",
            ),
            (json!({"utm_campaign": "KENESARY"}), "KENESARY"),
            (json!(null), "kenesary"),
        ] {
            assert_eq!(said("proftest_kenesary", Some("kenesary"), tags), expected);
        }
    }

    #[test]
    fn without_tags_the_source_says_what_it_can() {
        assert_eq!(said("proftest_kenesary", None, json!(null)), "kenesary");
        assert_eq!(said("partner form", None, json!({})), "partner form");
        assert_eq!(said("proftest", None, json!(null)), "не указан");
        assert_eq!(said("\u{202E}", None, json!(null)), "не указан");
    }

    #[test]
    fn what_a_stranger_put_into_a_link_is_short_and_no_link() {
        let tags = json!({"utm_source": "https://evil.example/login?x=1\u{200B}\n", "utm_campaign": "я".repeat(200)});
        let said = said("proftest", None, tags);
        assert_eq!(
            said,
            format!("https//evil.example/loginx1, {}…", "я".repeat(WORD_MAX))
        );
        assert!(!said.contains("://"));
    }
}
