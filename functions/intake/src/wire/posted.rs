//! Reads who posted the form, our page or a client of the API, and the consent that came with it.

use super::{Form, WORD_MAX, is_empty};
use lambda_http::http::HeaderMap;
use proftest::http::header_text;
use serde_json::{Map, Value};

#[derive(Debug, Default)]
pub struct Posted {
    /// Whether it came from our own page: it has the field `page`, or the browser says that the post is of this origin.
    pub is_own_page: bool,
    /// The path of the page.
    pub page: Option<String>,
    /// Our signature of when the test was begun.
    pub ticket: Option<String>,
    pub consent: Option<Consented>,
}

/// What was ticked, and which text was shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Consented {
    pub email: bool,
    pub sms: bool,
    pub version: Option<String>,
    pub language: Option<String>,
}

impl Form<'_> {
    /// Our own page must send what was ticked.
    pub(super) fn posted(&mut self, headers: &HeaderMap) -> Posted {
        let page = self.hint("page").filter(|page| page.starts_with('/'));
        let ticket = self.hint("ticket");
        let consent = self.consent();
        // The client's own word for the time it took proves nothing.
        self.fields.remove("elapsedMs");
        let same_origin = header_text(headers, "sec-fetch-site").is_some_and(|site| site == "same-origin");
        let is_own_page = same_origin || page.is_some();
        if is_own_page
            && !consent
                .as_ref()
                .is_some_and(|consent| consent.email && consent.sms)
        {
            self.wrong
                .push(("consent", self.texts.errors.consent_missing.into()));
        }
        Posted {
            is_own_page,
            page,
            ticket,
            consent,
        }
    }

    /// `true`, or an object with `email`, `sms`, `version` and `language`. `false` or nothing: there is none.
    fn consent(&mut self) -> Option<Consented> {
        let fields = match self.fields.remove("consent")? {
            Value::Bool(true) => Map::new(),
            Value::Object(fields) => fields,
            value if is_empty(&value) => return None,
            _ => return self.wrong_type("consent"),
        };
        let is_ticked = |name: &str| fields.get(name).is_none_or(|value| *value == Value::Bool(true));
        let word = |name: &str| {
            let text = fields.get(name)?.as_str()?;
            let is_word = text.chars().count() <= WORD_MAX && !text.chars().any(char::is_control);
            is_word.then(|| text.to_owned())
        };
        Some(Consented {
            email: is_ticked("email"),
            sms: is_ticked("sms"),
            version: word("version"),
            language: word("language"),
        })
    }

    /// What the page says of itself: never a reason to refuse a person. A long path, as of a campaign in Cyrillic letters,
    /// is cut.
    fn hint(&mut self, field: &str) -> Option<String> {
        let value = self.fields.remove(field)?;
        let text = value.as_str()?.trim();
        let cut: String = text.chars().take(WORD_MAX).collect();
        (!cut.is_empty() && !cut.contains(char::is_control)).then_some(cut)
    }
}
