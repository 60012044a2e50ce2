//! An e-mail address.

use std::fmt;

use email_address::{EmailAddress, Error, Options};

use super::{ContactError, trim};

/// Bytes in an address: RFC 5321 allows a path of 256, of which the angle brackets take two
/// (RFC 3696, erratum 1690).
const MAX_BYTES: usize = 254;

/// A mailbox that Resend and any SMTP server without SMTPUTF8 accept, in lower case.
///
/// Narrower than RFC 5322: ASCII only, a domain name with a top-level domain, no display name, no quoted local
/// part, no address literal. Lower-casing the local part goes beyond RFC 5321 (2.4), but no provider in use
/// tells `A@` from `a@`, and one person must stay one lead.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses what a visitor typed, ignoring whitespace and invisible characters around it.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let address = trim(raw);
        if address.is_empty() {
            return Err(ContactError::Empty);
        }
        if address.len() > MAX_BYTES {
            return Err(ContactError::TooLong);
        }
        if address.chars().any(char::is_control) {
            return Err(ContactError::ControlCharacter);
        }
        if !address.is_ascii() {
            return Err(ContactError::NotAscii);
        }
        let address = address.to_ascii_lowercase();
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        EmailAddress::parse_with_options(&address, options).map_err(|error| reason(&error))?;
        match address.rsplit_once('@') {
            Some((local, domain)) if !local.contains('"') && is_domain_name(domain) => Ok(Self(address)),
            _ => Err(ContactError::Malformed),
        }
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

/// Our reason for the parser's error, whose text is dropped.
fn reason(error: &Error) -> ContactError {
    match error {
        Error::LocalPartTooLong | Error::DomainTooLong | Error::SubDomainTooLong => ContactError::TooLong,
        _ => ContactError::Malformed,
    }
}

/// Whether `domain`, which the parser has split into non-empty labels, is a host name: `email_address` takes any
/// `atext` in a label, DNS only letters, digits and hyphens. The top-level domain is alphabetic (RFC 3696,
/// section 2), or the ASCII form of one, as `xn--p1ai` for `.рф`.
fn is_domain_name(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_top = top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic()) || top.starts_with("xn--");
    is_top
        && domain
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_equal() {
        let table = [
            ("ivan@mail.kz", "ivan@mail.kz"),
            (" Ivan@Mail.KZ\n", "ivan@mail.kz"),
            ("\u{FEFF}ivan@mail.kz\u{200B}\u{A0}", "ivan@mail.kz"),
            ("\u{202A}ivan@mail.kz\u{202C}", "ivan@mail.kz"),
            (
                "first.last+tag@sub.example-site.co.uk",
                "first.last+tag@sub.example-site.co.uk",
            ),
            ("o'brien_1@163.com", "o'brien_1@163.com"),
            ("a@b.kz", "a@b.kz"),
            ("info@xn--e1afmkfd.xn--p1ai", "info@xn--e1afmkfd.xn--p1ai"),
        ];
        for (raw, expected) in table {
            assert_eq!(Email::parse(raw).unwrap().as_str(), expected, "{raw:?}");
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let table = [
            "ivan",
            "@mail.kz",
            "ivan@",
            "ivan@kz",
            "ivan@localhost",
            "ivan@@mail.kz",
            "ivan@mail@mail.kz",
            "ivan@mail..kz",
            "ivan@.mail.kz",
            "ivan@mail.kz.",
            "ivan@mail.k",
            "ivan@mail.k2",
            "ivan@127.0.0.1",
            "ivan@[127.0.0.1]",
            "ivan@[ipv6:::1]",
            "ivan@-mail.kz",
            "ivan@mail-.kz",
            "ivan@ma_il.kz",
            "ivan@ma!il.kz",
            "ivan@mail.kz:25",
            ".ivan@mail.kz",
            "ivan.@mail.kz",
            "iv..an@mail.kz",
            "iv an@mail.kz",
            "\"iv an\"@mail.kz",
            "\"ivan\"@mail.kz",
            "Ivan <ivan@mail.kz>",
            "<ivan@mail.kz>",
            "mailto:ivan@mail.kz",
            "ivan@mail.kz, anna@mail.kz",
            "ivan@mail,kz",
            "ivan(work)@mail.kz",
        ];
        for raw in table {
            assert_eq!(Email::parse(raw), Err(ContactError::Malformed), "{raw:?}");
        }
    }

    #[test]
    fn other_refusals_name_their_reason() {
        let table = [
            ("", ContactError::Empty),
            (" \u{200B}\u{FEFF}\t", ContactError::Empty),
            ("ivan@mail.kz\0", ContactError::ControlCharacter),
            (
                "ivan@mail.kz\r\nBcc: anna@mail.kz",
                ContactError::ControlCharacter,
            ),
            ("iv\u{7f}an@mail.kz", ContactError::ControlCharacter),
            ("ivаn@mail.kz", ContactError::NotAscii),
            ("почта@пример.рф", ContactError::NotAscii),
            ("ivan@mail\u{200B}.kz", ContactError::NotAscii),
        ];
        for (raw, expected) in table {
            assert_eq!(Email::parse(raw), Err(expected), "{raw:?}");
        }
    }

    #[test]
    fn lengths_are_limited_as_in_smtp() {
        let local = "a".repeat(64);
        assert!(Email::parse(&format!("{local}@mail.kz")).is_ok());
        assert_eq!(
            Email::parse(&format!("a{local}@mail.kz")),
            Err(ContactError::TooLong)
        );

        let label = "b".repeat(63);
        assert!(Email::parse(&format!("a@{label}.kz")).is_ok());
        assert_eq!(
            Email::parse(&format!("a@b{label}.kz")),
            Err(ContactError::TooLong)
        );

        let longest = format!("{local}@{label}.{label}.{}.kz", "c".repeat(58));
        assert_eq!(longest.len(), 254);
        assert!(Email::parse(&longest).is_ok());
        assert_eq!(
            Email::parse(&longest.replace(".kz", "c.kz")),
            Err(ContactError::TooLong)
        );
    }

    #[test]
    fn debug_masks_the_mailbox() {
        assert_eq!(
            format!("{:?}", Email::parse("anna@example.com").unwrap()),
            "Email(a***@example.com)"
        );
    }
}
