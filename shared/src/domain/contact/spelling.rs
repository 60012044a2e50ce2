//! How people write phone numbers: labels, separators, digits of other scripts.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::ContactError;
use super::characters::{decimal_digit, is_invisible};

/// Digits a spelling may have: the 15 of an international number behind the longest prefix, `8~10`.
const MAX_DIGITS: usize = 15 + 3;

/// Words that stand before or behind a number and say what it is, in lower case.
#[rustfmt::skip]
const LABELS: [&str; 51] = [
    "т", "тел", "телефон", "телефоны", "тлф", "м", "моб", "мобильный", "с", "сот", "сотовый", "раб", "рабочий", "дом",
    "домашний", "факс", "ном", "номер", "смс", "ұялы", "нөмір", "нөмірі", "ватсап", "ватсапп", "вотсап", "вацап",
    "уатсап", "телеграм", "тг", "вайбер",
    "t", "tel", "telephone", "m", "mob", "mobile", "cell", "phone", "fax", "no", "number", "call", "callto", "sms",
    "whatsapp", "telegram", "viber", "https", "http", "wa", "me",
];

/// Letters of a word that are looked at: one more than the longest label has.
const WORD_CHARS: usize = 10;

/// A number as it was written: its digits, and what their meaning depends on.
#[derive(Debug)]
pub(super) struct Spelling {
    /// Whether a plus comes first.
    pub has_plus: bool,
    /// Whether the first digit stands apart, as the 8 of `+8 (495) …` and not that of `+84 …`.
    pub first_apart: bool,
    /// The digits in ASCII. At least one is there.
    pub digits: String,
}

/// Reads one number.
pub(super) fn read(raw: &str) -> Result<Spelling, ContactError> {
    let mut read = Spelling {
        has_plus: false,
        first_apart: false,
        digits: String::with_capacity(MAX_DIGITS + 1),
    };
    let (mut gaps, mut is_gap) = (0, false);
    for c in without_fraction(without_labels(raw)).chars() {
        if let Some(digit) = decimal_digit(c) {
            gaps += usize::from(is_gap && !read.digits.is_empty());
            read.first_apart |= is_gap && read.digits.len() == 1;
            is_gap = false;
            read.digits.push(digit);
        } else if is_plus(c) && is_prefix(&read.digits) {
            // The field shows `+7`, or the person typed it, before a whole number from the clipboard.
            read.has_plus = true;
            read.digits.clear();
            (read.first_apart, gaps, is_gap) = (false, 0, false);
        } else if is_plus(c) || !is_separator(c) {
            return Err(wrong(c));
        } else {
            is_gap |= !is_invisible(c) && !is_mark(c);
        }
        if read.digits.len() > MAX_DIGITS {
            return Err(ContactError::TooLong);
        }
    }
    if read.digits.is_empty() {
        return Err(ContactError::Empty);
    }
    // Digit by digit, the first stands no more apart than any other.
    read.first_apart &= gaps + 1 < read.digits.len();
    Ok(read)
}

/// Whether `c` belongs to the character before it, as both marks of `8️⃣` do.
fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Whether `c` may stand between the digits of one number: space, dashes, brackets, quotes, dots, slashes, symbols and
/// marks (`8️⃣` is a digit with two of them), but nothing that parts two numbers or belongs to a code such as `*100#`.
pub(super) fn is_separator(c: char) -> bool {
    match c {
        _ if c.is_whitespace() || is_invisible(c) => true,
        '"' | '\'' | '.' | '/' | '\\' => true,
        // Of punctuation and letters, what looks like a dash, a dot, a slash, a prime.
        '\u{B7}'
        | '\u{2022}'
        | '\u{2024}'..='\u{2027}'
        | '\u{2032}'..='\u{2037}'
        | '\u{2043}'
        | '\u{2053}' => true,
        '\u{30FB}' | '\u{30FC}' | '\u{FF02}' | '\u{FF07}' | '\u{FF0E}' | '\u{FF0F}' | '\u{FF3C}'
        | '\u{FF70}' => true,
        // Of mathematical signs: tilde, minus, slashes, dots.
        '~' | '\u{2044}' | '\u{2212}' | '\u{2215}' | '\u{2219}' | '\u{223C}' | '\u{22C5}' | '\u{FF5E}' => {
            true
        }
        _ => matches!(
            c.general_category(),
            GeneralCategory::DashPunctuation
                | GeneralCategory::OpenPunctuation
                | GeneralCategory::ClosePunctuation
                | GeneralCategory::InitialPunctuation
                | GeneralCategory::FinalPunctuation
                | GeneralCategory::ConnectorPunctuation
                | GeneralCategory::OtherSymbol
                | GeneralCategory::ModifierSymbol
                | GeneralCategory::NonspacingMark
                | GeneralCategory::EnclosingMark
        ),
    }
}

/// A plus: ASCII, superscript, subscript, small, wide, heavy.
pub(super) const fn is_plus(c: char) -> bool {
    matches!(
        c,
        '+' | '\u{207A}' | '\u{208A}' | '\u{FE62}' | '\u{FF0B}' | '\u{2795}'
    )
}

/// What may stand before a plus: what is dialled or typed before a whole number.
fn is_prefix(digits: &str) -> bool {
    matches!(digits, "" | "7" | "8" | "00" | "810")
}

/// Why `c` does not belong in a number.
fn wrong(c: char) -> ContactError {
    if c.is_control() {
        ContactError::ControlCharacter
    } else if c.is_alphabetic() {
        ContactError::Letters
    } else {
        ContactError::WrongCharacter { character: c }
    }
}

/// `raw` without words such as `тел.:` or `(WhatsApp)` at both ends, and without what the keyboard or a copy puts there.
fn without_labels(raw: &str) -> &str {
    let is_label = |word: &str| !word.is_empty() && LABELS.contains(&word.to_lowercase().as_str());
    let is_letter = |(_, c): &(usize, char)| c.is_alphabetic();
    let mut rest = raw.trim_matches(is_margin);
    loop {
        let letters = rest.char_indices().take_while(is_letter).take(WORD_CHARS).last();
        let first = letters.map_or(0, |(place, c)| place + c.len_utf8());
        let letters = rest
            .char_indices()
            .rev()
            .take_while(is_letter)
            .take(WORD_CHARS)
            .last();
        let last = letters.map_or(rest.len(), |(place, _)| place);
        rest = if is_label(&rest[..first]) {
            &rest[first..]
        } else if is_label(&rest[last..]) {
            &rest[..last]
        } else {
            return rest;
        }
        .trim_matches(is_margin);
    }
}

/// Whether `c` may stand around a number: separators and punctuation, but no plus and no part of a code.
fn is_margin(c: char) -> bool {
    let is_punctuation = || c.general_category_group() == GeneralCategoryGroup::Punctuation;
    !is_plus(c) && !c.is_ascii_alphanumeric() && !"#%&*@".contains(c) && (is_separator(c) || is_punctuation())
}

/// `raw` without the `.0` of a spreadsheet that took a number for a quantity.
fn without_fraction(raw: &str) -> &str {
    let is_whole = |rest: &&str| rest.len() >= 5 && rest.bytes().all(|b| b.is_ascii_digit() || b == b'+');
    raw.strip_suffix(".0").filter(is_whole).unwrap_or(raw)
}
