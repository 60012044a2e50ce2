//! An e-mail address.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::characters::{decimal_digit, is_blank, is_invisible, is_variation_selector};
use super::{ContactError, domain_name};

/// Bytes in an address: RFC 5321 allows a path of 256, of which the angle brackets take two
/// (RFC 3696, erratum 1690).
const MAX_BYTES: usize = 254;
/// Bytes before the `@`: RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;
/// Characters before the `@` besides letters and digits: `atext` and the dot of RFC 5322.
const LOCAL_MARKS: &str = "!#$%&'*+-/=?^_`{|}~.";
/// Digits without a letter that are taken for a phone number.
const PHONE_DIGITS: usize = 5;

/// Marks around an address, with which a mailbox may also begin: each goes only with its pair.
const PAIRS: [(char, char); 6] = [
    ('\'', '\''),
    ('`', '`'),
    ('*', '*'),
    ('~', '~'),
    ('|', '|'),
    ('{', '}'),
];

/// Words before an address, followed by a colon, in lower case.
const LABELS: [&str; 12] = [
    "mailto",
    "e-mail",
    "email",
    "mail",
    "почта",
    "эл. почта",
    "эл.почта",
    "имейл",
    "емейл",
    "эл почта",
    "электронная почта",
    "адрес",
];

/// A mailbox that Resend and any SMTP server without SMTPUTF8 accept, in lower case.
///
/// Narrower than RFC 5322: ASCII only (a national domain in its ASCII form), a domain name with a top-level domain, no
/// display name, no quoted local part, no address literal. Lower-casing the local part goes beyond RFC 5321 (2.4), but
/// no provider in use tells `A@` from `a@`, and one person must stay one lead.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses what a visitor typed or copied. Not part of the address: invisible characters anywhere; whitespace,
    /// punctuation, a label and a display name around it; another width or font of an ASCII character.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        if raw.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(ContactError::ControlCharacter);
        }
        let plain = plain(raw);
        let address = without_surroundings(&plain);
        if address.is_empty() {
            return Err(ContactError::Empty);
        }
        if address.len() > MAX_BYTES {
            return Err(ContactError::TooLong);
        }
        let (local, domain) = parted(address)?;
        check_local(local)?;
        let domain = domain_name::parse(domain)?;
        let mut whole = String::with_capacity(local.len() + 1 + domain.len());
        whole.extend([local, "@", &*domain]);
        if whole.len() > MAX_BYTES {
            return Err(ContactError::TooLong);
        }
        whole.make_ascii_lowercase();
        Ok(Self(whole))
    }

    /// The value that a row or pinned content holds: it was parsed when it came in.
    pub(crate) fn from_row(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked: `Email(a***@example.com)`.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: String = self.0.chars().take(1).collect();
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(f, "Email({first}***@{domain})")
    }
}

/// `raw` without invisible characters, and in ASCII wherever a character is only another form of an ASCII one.
fn plain(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw);
    }
    let mut plain = String::with_capacity(raw.len());
    let mut is_domain = false;
    for c in raw
        .chars()
        .filter(|c| !is_invisible(*c) && !is_variation_selector(*c))
    {
        match c {
            _ if c.is_ascii() => plain.push(c),
            // Hyphens and apostrophes that a text program puts in, and the dots of East Asian keyboards.
            '\u{2010}' | '\u{2011}' => plain.push('-'),
            '\u{2019}' | '\u{2BC}' => plain.push('\''),
            '\u{3002}' | '\u{FF61}' => plain.push('.'),
            // In a domain, the digits of a script belong to it.
            _ => match decimal_digit(c).filter(|_| !is_domain) {
                Some(digit) => plain.push(digit),
                None => push_ascii(&mut plain, c),
            },
        }
        is_domain |= plain.ends_with('@');
    }
    Cow::Owned(plain)
}

/// Appends the ASCII character that `c` is a variant of (NFKC), or else `c`. One that stands for several characters
/// stays, as `№` does, unless it is a ligature of Latin letters.
fn push_ascii(plain: &mut String, c: char) {
    let is_ligature = matches!(c, '\u{FB00}'..='\u{FB06}');
    let mut form = std::iter::once(c).nfkc();
    match (form.next(), form.next()) {
        (Some(ascii), None) if ascii.is_ascii() => plain.push(ascii),
        _ if is_ligature => plain.extend(std::iter::once(c).nfkc()),
        _ => plain.push(c),
    }
}

/// The address in `text`: without `mailto:`, brackets, quotes, and the punctuation that follows it in a sentence.
fn without_surroundings(text: &str) -> &str {
    let body = text.trim_end_matches(is_tail);
    let tail = &text[body.len()..];
    let body = match body.rsplit_once('<') {
        Some((name, address)) if tail.contains('>') && !name.contains('@') => address,
        _ => body,
    };
    let body = body.trim_start_matches(is_head);
    let label = body
        .split_once([':', '='])
        .map(|(label, rest)| (label.to_lowercase(), rest));
    match label {
        // A link may carry a subject.
        Some((label, rest)) if label == "mailto" => {
            let address = rest.split('?').next().unwrap_or_default();
            address.trim_start_matches(|c| c == '/' || is_head(c))
        }
        Some((label, rest)) if LABELS.contains(&label.as_str()) => rest.trim_start_matches(is_head),
        _ => body.trim_start_matches(|c| {
            let has_pair = |(open, close): &(char, char)| c == *open && tail.contains(*close);
            matches!(c, '=' | '/') || PAIRS.iter().any(has_pair)
        }),
    }
}

/// Whether `c` may stand behind an address, which ends in a letter.
fn is_tail(c: char) -> bool {
    let is_punctuation =
        c.is_ascii_punctuation() || c.general_category_group() == GeneralCategoryGroup::Punctuation;
    is_blank(c) || is_punctuation && c != '@'
}

/// Whether `c` may stand before an address: nothing that a mailbox may begin with or that says what is wrong.
fn is_head(c: char) -> bool {
    is_blank(c) || is_tail(c) && !LOCAL_MARKS.contains(c)
}

/// What stands before and behind the `@`.
fn parted(address: &str) -> Result<(&str, &str), ContactError> {
    let Some((local, domain)) = address.split_once('@') else {
        let digits = address.bytes().filter(u8::is_ascii_digit).count();
        let is_phone = digits >= PHONE_DIGITS && !address.contains(char::is_alphabetic);
        return Err(if is_phone {
            ContactError::PhoneForEmail
        } else {
            ContactError::NoAt
        });
    };
    if domain.contains('@') {
        let pieces = address.split(|c: char| is_blank(c) || ",;/|<>".contains(c));
        let addresses = pieces.filter(|piece| piece.matches('@').count() == 1).count();
        return Err(if addresses > 1 {
            ContactError::SeveralAddresses
        } else {
            ContactError::ExtraAt
        });
    }
    if local.is_empty() {
        return Err(ContactError::NoMailbox);
    }
    if domain.is_empty() {
        return Err(ContactError::NoDomain);
    }
    if address.contains(is_blank) {
        return Err(ContactError::Space);
    }
    Ok((local, domain))
}

/// Whether a mailbox may be called so: RFC 5322's dot-atom, in ASCII.
fn check_local(local: &str) -> Result<(), ContactError> {
    if let Some(character) = local.chars().find(|c| !c.is_ascii()) {
        return Err(ContactError::NotAscii { character });
    }
    let is_wrong = |c: &char| !c.is_ascii_alphanumeric() && !LOCAL_MARKS.contains(*c);
    if let Some(character) = local.chars().find(is_wrong) {
        return Err(ContactError::WrongCharacter { character });
    }
    if local.split('.').any(str::is_empty) {
        return Err(ContactError::WrongDots);
    }
    if local.len() > MAX_LOCAL_BYTES {
        return Err(ContactError::TooLong);
    }
    Ok(())
}
