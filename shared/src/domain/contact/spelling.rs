//! How people write phone numbers: labels, separators, digits of other scripts.

use super::{ContactError, is_invisible, trim};

/// Digits a spelling may have: the 15 of an international number behind the longest prefix, `8~10`.
const MAX_DIGITS: usize = 15 + 3;

/// Words put before a number, followed by a dot, a colon or a space.
const LABELS: [&str; 6] = ["тел", "телефон", "моб", "сот", "tel", "phone"];

/// The zero of each decimal script whose keyboards visitors use: ASCII, Arabic-Indic, its Persian variant,
/// Devanagari, fullwidth.
const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6F0}', '\u{966}', '\u{FF10}'];

/// Every dash: Unicode property `Dash`, and its look-alikes U+2043, U+2500 and U+30FC.
const DASHES: &str = "-\u{58A}\u{5BE}\u{1400}\u{1806}\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2043}\
    \u{2053}\u{207B}\u{208B}\u{2212}\u{2500}\u{2E17}\u{2E1A}\u{2E3A}\u{2E3B}\u{2E40}\u{2E5D}\u{301C}\u{3030}\
    \u{30A0}\u{30FC}\u{FE31}\u{FE32}\u{FE58}\u{FE63}\u{FF0D}\u{10EAD}";

/// Brackets, dots, slashes, tildes (ASCII, then their wide and typographic forms) and the underscore of an
/// input mask.
const MARKS: &str = "()[]./~_\u{B7}\u{2022}\u{2044}\u{2215}\u{223C}\
    \u{FF08}\u{FF09}\u{FF0E}\u{FF0F}\u{FF3B}\u{FF3D}\u{FF5E}";

/// Whether a plus comes first in `raw`, and its digits in ASCII. At least one character is there, but maybe
/// no digit.
pub(super) fn read(raw: &str) -> Result<(bool, String), ContactError> {
    let raw = trim(raw);
    if raw.is_empty() {
        return Err(ContactError::Empty);
    }
    let mut has_plus = false;
    let mut digits = String::with_capacity(MAX_DIGITS);
    for c in without_label(raw).chars() {
        if let Some(digit) = ascii_digit(c) {
            digits.push(digit);
        } else if matches!(c, '+' | '\u{FF0B}') && !has_plus && digits.is_empty() {
            has_plus = true;
        } else if !is_separator(c) {
            return Err(if c.is_control() {
                ContactError::ControlCharacter
            } else {
                ContactError::Malformed
            });
        }
        if digits.len() > MAX_DIGITS {
            return Err(ContactError::TooLong);
        }
    }
    Ok((has_plus, digits))
}

/// `raw` without a leading word such as `тел.:`.
fn without_label(raw: &str) -> &str {
    let (label, rest) = raw.split_at(raw.find(|c: char| !c.is_alphabetic()).unwrap_or(raw.len()));
    if LABELS.contains(&label.to_lowercase().as_str()) {
        rest.trim_start_matches(|c: char| c == '.' || c == ':' || c.is_whitespace())
    } else {
        raw
    }
}

/// The ASCII form of a decimal digit of one of the known scripts.
fn ascii_digit(c: char) -> Option<char> {
    ZEROS
        .iter()
        .find_map(|zero| char::from_digit(u32::from(c).checked_sub(u32::from(*zero))?, 10))
}

/// Whether `c` may stand between digits.
fn is_separator(c: char) -> bool {
    DASHES.contains(c) || MARKS.contains(c) || c.is_whitespace() || is_invisible(c)
}
