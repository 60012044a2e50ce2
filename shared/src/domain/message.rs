//! The content of the two messages: one e-mail, one SMS.
//!
//! The same arguments give the same bytes: Resend answers a known idempotency key with another body by a permanent
//! 409.

use std::fmt;

use askama::Template;

use crate::texts::{EmailTexts, Texts};

/// One SMS segment in UCS-2, in UTF-16 code units (3GPP TS 23.038: 140 octets). One character outside the GSM
/// alphabet, such as any Cyrillic one, makes the whole SMS UCS-2. A longer SMS is billed as several.
pub const SMS_UNITS_MAX: usize = 70;

/// Longest name in a greeting, in characters. The sender of the form chooses the name and the recipient: a longer one
/// is more likely an advertisement.
const GREETED_NAME_CHARS_MAX: usize = 64;

/// The result of the test, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTexts {
    /// Types of personality, the strongest first.
    pub types: Vec<TypeText>,
    /// Professions that suit these types, the best first.
    pub professions: Vec<String>,
    /// A next step, in a sentence or two.
    pub first_step: String,
}

/// One type of personality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeText {
    /// Such as «Исследователь».
    pub title: String,
    /// A sentence or two.
    pub meaning: String,
}

/// A rendered e-mail.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailContent {
    /// One line, the same for everyone.
    pub subject: String,
    /// The HTML part. It loads nothing.
    pub html: String,
    /// The plain text part, with the same content.
    pub text: String,
}

/// Prints sizes only: the parts hold the name and the personal link.
impl fmt::Debug for EmailContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailContent")
            .field("subject", &self.subject)
            .field("html_bytes", &self.html.len())
            .field("text_bytes", &self.text.len())
            .finish()
    }
}

/// Renders the e-mail with the results.
///
/// `name` may be any text: it is escaped, and left out if it cannot be a name. `result` is absent for a test without
/// a score; the e-mail then has no such block. `link` is its only link.
pub fn email(
    texts: &Texts,
    name: &str,
    result: Option<&ResultTexts>,
    link: &str,
) -> Result<EmailContent, askama::Error> {
    let name = greeted_name(name);
    let (lang, texts) = (texts.lang, &texts.email);
    let view = EmailView {
        lang,
        texts,
        name: name.as_deref(),
        result,
        link,
    };
    Ok(EmailContent {
        subject: texts.subject.to_owned(),
        html: EmailHtml { view: &view }.render()?,
        text: EmailText { view: &view }.render()?,
    })
}

struct EmailView<'a> {
    lang: &'a str,
    texts: &'a EmailTexts,
    name: Option<&'a str>,
    result: Option<&'a ResultTexts>,
    link: &'a str,
}

impl EmailView<'_> {
    fn intro(&self) -> &str {
        self.result
            .map_or(self.texts.intro, |_| self.texts.intro_with_result)
    }

    fn button(&self) -> &str {
        self.result
            .map_or(self.texts.button, |_| self.texts.button_with_result)
    }
}

#[derive(Template)]
#[template(path = "email.html")]
struct EmailHtml<'a> {
    view: &'a EmailView<'a>,
}

#[derive(Template)]
#[template(path = "email.txt")]
struct EmailText<'a> {
    view: &'a EmailView<'a>,
}

/// The name as one clean line, or nothing if greeting by it could do harm.
///
/// Anyone can put any text and another person's address into the form, and mail clients turn bare hosts into links: a
/// name with a host would put a stranger's link into our e-mail.
fn greeted_name(raw: &str) -> Option<String> {
    let visible: String = raw
        .chars()
        .filter(|c| c.is_whitespace() || !is_invisible(*c))
        .collect();
    let name = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let sensible =
        !name.is_empty() && name.chars().count() <= GREETED_NAME_CHARS_MAX && !holds_address(&name);
    sensible.then_some(name)
}

/// Control characters, and those that hide or reorder others (Unicode bidirectional and zero-width ones).
fn is_invisible(c: char) -> bool {
    let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let reorders = matches!(c, '\u{202a}'..='\u{202e}');
    c.is_control() || hides || reorders
}

/// Whether a mail client could find a link: a scheme, or a dot between two letters or digits.
fn holds_address(line: &str) -> bool {
    let parts: Vec<&str> = line.split('.').collect();
    let dotted = |pair: &[&str]| {
        pair[0].ends_with(char::is_alphanumeric) && pair[1].starts_with(char::is_alphanumeric)
    };
    line.contains("://") || parts.windows(2).any(dotted)
}

/// The text of an SMS that fits one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsText(String);

impl SmsText {
    /// As sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An SMS that needs more than one segment: the base of the short links is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an SMS of {units} UTF-16 units does not fit one segment of {limit}: shorten SHORT_LINK_BASE_URL")]
pub struct SmsTooLong {
    /// The SMS's length in UTF-16 code units.
    pub units: usize,
    /// The longest that fits, in UTF-16 code units.
    pub limit: usize,
}

/// Composes the SMS with the recipient's short link.
///
/// With the production link of 39 characters it takes 63 units, so a base may be 7 characters longer.
pub fn sms(texts: &Texts, link: &str) -> Result<SmsText, SmsTooLong> {
    let text = format!("{} {link}", texts.sms.ready);
    let units = ucs2_units(&text);
    if units > SMS_UNITS_MAX {
        return Err(SmsTooLong {
            units,
            limit: SMS_UNITS_MAX,
        });
    }
    Ok(SmsText(text))
}

/// UTF-16 code units of `text` in UCS-2: an emoji takes two.
pub fn ucs2_units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests;
