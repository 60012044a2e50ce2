//! The content of the two messages: one e-mail, one SMS.
//!
//! The same arguments give the same bytes: Resend answers a known idempotency key with another body by a permanent
//! 409.

mod greeting;

use std::fmt;

use askama::Template;

use crate::domain::delivery::Kind;
use crate::texts::{EmailTexts, Texts};

/// One SMS segment in UCS-2, in UTF-16 code units (3GPP TS 23.038: 140 octets). One character outside the GSM
/// alphabet, such as any Cyrillic one, makes the whole SMS UCS-2. A longer SMS is billed as several.
pub const SMS_UNITS_MAX: usize = 70;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTexts {
    /// Types of personality, the strongest first.
    pub types: Vec<TypeText>,
    /// Professions that suit these types, the best first.
    pub professions: Vec<String>,
    /// A next step, in a sentence or two.
    pub first_step: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeText {
    /// Such as «Исследователь».
    pub title: String,
    /// A sentence or two.
    pub meaning: String,
}

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

/// Renders the e-mail of this kind.
///
/// `name` may be any text: the greeting has the given name of it, or none. `result` is absent for a test without
/// a score; the e-mail then has no such block. `link` is its only link but `stop`, where the person stops our messages.
pub fn email(
    texts: &Texts,
    kind: Kind,
    name: &str,
    result: Option<&ResultTexts>,
    link: &str,
    stop: &str,
) -> Result<EmailContent, askama::Error> {
    let name = greeting::given_name(name);
    let lang = texts.lang;
    let texts = match kind {
        Kind::Result => &texts.email,
    };
    let view = EmailView {
        lang,
        texts,
        name: name.as_deref(),
        result,
        link,
        stop,
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
    stop: &'a str,
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
    pub units: usize,
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
