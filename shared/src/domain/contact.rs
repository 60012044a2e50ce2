//! How to reach a person: [`Name`], [`Email`], [`Phone`].
//!
//! The normalised e-mail and phone identify a person, so every spelling of one address or number must parse to one
//! value. The types hold personal data: they have no `Display` and no `Serialize`, `Debug` masks, and
//! [`ContactError`] never holds the value.

mod calling_code;
mod email;
mod name;
mod phone;
mod spelling;

pub use email::Email;
pub use name::Name;
pub use phone::Phone;

/// Why a contact field was refused. It never holds the value; the caller knows the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// Nothing but whitespace and invisible characters.
    #[error("the value is empty")]
    Empty,
    /// Fewer characters or digits than any valid value has.
    #[error("the value is too short")]
    TooShort,
    /// More characters or digits than any valid value has.
    #[error("the value is too long")]
    TooLong,
    /// Wrong form, or characters that do not belong in it.
    #[error("the value is malformed")]
    Malformed,
    /// NUL or another control character that is not whitespace.
    #[error("the value holds a control character")]
    ControlCharacter,
    /// An e-mail address with characters outside ASCII, often a Cyrillic look-alike.
    #[error("the value holds characters outside ASCII")]
    NotAscii,
    /// A name without a single letter.
    #[error("the value holds no letter")]
    NoLetter,
    /// A phone number whose country code is missing or not assigned.
    #[error("the country code is missing or unassigned")]
    UnknownCountry,
    /// A phone number of a known country, in an unassigned range.
    #[error("the number is outside the assigned ranges")]
    UnassignedRange,
}

fn trim(raw: &str) -> &str {
    raw.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Whether `c` is invisible on its own: zero-width characters, bidirectional controls (phones wrap copied numbers in
/// U+202A…U+202C), soft hyphens, Hangul fillers (which count as letters) and tag characters.
///
/// Source: `Default_Ignorable_Code_Point` of Unicode's `DerivedCoreProperties.txt`, without the variation selectors,
/// which choose the glyph of a visible character.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}
