//! A person's name.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::ContactError;
use super::characters::{is_blank, is_invisible};

/// Characters (Unicode scalar values) a name must have; the form asks for two as well.
const MIN_CHARS: usize = 2;
/// Characters a name may have.
const MAX_CHARS: usize = 100;

/// A person's name in any script: 2 to 100 characters in NFC, at least one of them a letter, single spaces inside,
/// no control and no invisible characters. It is not fit for HTML as it is: templates escape.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Parses what a visitor typed. Any run of whitespace becomes one space; zero-width and bidirectional
    /// control characters are dropped (also the joiners of Persian and Indic spelling, since they let a name
    /// hide text, and without them it stays readable), and so is U+FFFD, which stands where half an emoji was cut off.
    /// Composed and decomposed letters are the same.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        if raw.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(ContactError::ControlCharacter);
        }
        let mut name = String::with_capacity(raw.len());
        let mut is_gap = false;
        for c in raw
            .chars()
            .filter(|c| !is_invisible(*c) && *c != '\u{FFFD}')
            .nfc()
        {
            if is_blank(c) {
                is_gap = !name.is_empty();
            } else {
                if is_gap {
                    name.push(' ');
                }
                is_gap = false;
                name.push(c);
            }
        }
        match name.chars().count() {
            0 => Err(ContactError::Empty),
            chars if chars > MAX_CHARS => Err(ContactError::TooLong),
            _ if !name.chars().any(char::is_alphabetic) => Err(if name.chars().any(char::is_numeric) {
                ContactError::DigitsForName
            } else {
                ContactError::NoLetter
            }),
            chars if chars < MIN_CHARS => Err(ContactError::TooShort),
            _ => Ok(Self(name)),
        }
    }

    /// The value that a row or pinned content holds: it was parsed when it came in.
    pub(crate) fn from_row(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The normalised name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked: `Name(П***)`.
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: String = self.0.chars().take(1).collect();
        write!(f, "Name({first}***)")
    }
}
