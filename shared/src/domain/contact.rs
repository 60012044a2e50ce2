//! How to reach a person: [`Name`], [`Email`], [`Phone`].
//!
//! The normalised e-mail and phone identify a person, so every spelling of one address or number must parse to one
//! value. The types hold personal data: they have no `Display` and no `Serialize`, `Debug` masks, and
//! [`ContactError`] never holds the value.
//!
//! The spellings are tables in `shared/data`: `names.json`, `emails.json`, `phones.json`. The page's JavaScript
//! passes the same tables.

mod calling_code;
mod characters;
mod country;
mod domain_name;
mod email;
mod field_text;
mod name;
mod phone;
mod sentence;
mod spelling;
#[cfg(test)]
mod tests;

pub use country::Country;
pub use email::Email;
pub use name::Name;
pub use phone::Phone;

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The person's name.
    Name,
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
}

/// Why a contact field was refused. Says what is wrong, never the value: at most one character of it. The sentence for
/// the person is [`ContactError::sentence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(test, derive(serde::Serialize), serde(tag = "refused"))]
pub enum ContactError {
    /// Nothing but whitespace, invisible characters and separators.
    #[error("the value is empty")]
    Empty,
    /// Fewer characters, or digits in a country without a fixed length, than any valid value has.
    #[error("the value is too short")]
    TooShort,
    /// More characters, or digits in a country without a fixed length, than any valid value has.
    #[error("the value is too long")]
    TooLong,
    /// NUL or another control character that is not whitespace.
    #[error("the value holds a control character")]
    ControlCharacter,
    /// A character that does not belong in it.
    #[error("the value holds a character that does not belong there")]
    WrongCharacter {
        /// The first of them.
        character: char,
    },

    /// Digits and no letter, where a name belongs.
    #[error("digits instead of a name")]
    DigitsForName,
    /// A name without a single letter.
    #[error("the name holds no letter")]
    NoLetter,

    /// A phone number, where an e-mail address belongs.
    #[error("a phone number instead of an e-mail address")]
    PhoneForEmail,
    /// An address without `@`.
    #[error("the address has no @")]
    NoAt,
    /// An address with more than one `@`.
    #[error("the address has more than one @")]
    ExtraAt,
    /// More than one address.
    #[error("more than one address")]
    SeveralAddresses,
    /// Whitespace inside an address.
    #[error("the address holds whitespace")]
    Space,
    /// A character outside ASCII before the `@`, or a letter of another keyboard in the domain.
    #[error("the address holds a character outside ASCII")]
    NotAscii {
        /// The first of them.
        character: char,
    },
    /// Nothing before the `@`.
    #[error("the address has nothing before the @")]
    NoMailbox,
    /// Nothing behind the `@`.
    #[error("the address has no domain")]
    NoDomain,
    /// A domain without its end, such as `.kz`.
    #[error("the domain has no top-level domain")]
    NoTopLevelDomain,
    /// Two dots in a row, or a dot beside the `@`.
    #[error("the address has a dot where none can be")]
    WrongDots,
    /// A domain that cannot be a mail server's name.
    #[error("the domain is not a host name")]
    WrongDomain,

    /// An e-mail address, where a phone number belongs.
    #[error("an e-mail address instead of a phone number")]
    EmailForPhone,
    /// Letters in a number.
    #[error("the number holds letters")]
    Letters,
    /// More than one number.
    #[error("more than one number")]
    SeveralNumbers,
    /// A number with an extension, which no SMS reaches.
    #[error("the number has an extension")]
    Extension,
    /// A number of a country with a fixed length, with too few digits.
    #[error("the number has too few digits: {missing} missing")]
    TooFewDigits {
        /// How many are missing.
        missing: u8,
    },
    /// A number of a country with a fixed length, with too many digits.
    #[error("the number has too many digits: {extra} extra")]
    TooManyDigits {
        /// How many are too many.
        extra: u8,
    },
    /// A foreign number without its plus.
    #[error("the plus before the country code is missing")]
    NoPlus,
    /// A number that is no Kazakh or Russian one and has no country code.
    #[error("the country code is missing")]
    NoCountryCode,
    /// A number whose country code is not assigned.
    #[error("the country code is not assigned")]
    NoSuchCountryCode,
    /// A number of satellites, networks or services, where no person is reached by SMS.
    #[error("the number belongs to a service")]
    ServiceCode,
    /// A number at which a call is dear, and no person is.
    #[error("the number is of a premium range")]
    PremiumRate,
    /// A phone number of a known country, in a range that country has not assigned.
    #[error("the number is outside the assigned ranges")]
    UnassignedRange,
}
