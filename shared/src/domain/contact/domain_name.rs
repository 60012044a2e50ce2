//! The part of an e-mail address behind the `@`.

use std::borrow::Cow;

use idna::AsciiDenyList;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::ContactError;

/// Bytes in a label: RFC 1035, section 2.3.4.
const MAX_LABEL_BYTES: usize = 63;

/// The top-level domains in Cyrillic letters: IANA's list of the root zone. Others are a slip of the keyboard, as in
/// `mail.ру`.
const CYRILLIC_TOP: [&str; 17] = [
    "бг",
    "бел",
    "дети",
    "ею",
    "католик",
    "ком",
    "қаз",
    "мкд",
    "мон",
    "москва",
    "онлайн",
    "орг",
    "рус",
    "рф",
    "сайт",
    "срб",
    "укр",
];

/// The ASCII form of a host name with a top-level domain, in lower case: `xn--e1afmkfd.xn--p1ai` for `Пример.рф`, as
/// browsers make it (UTS 46).
pub(super) fn parse(domain: &str) -> Result<Cow<'_, str>, ContactError> {
    let is_wrong = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.');
    if let Some(character) = domain.chars().find(is_wrong) {
        return Err(ContactError::WrongCharacter { character });
    }
    if domain.split('.').any(str::is_empty) {
        return Err(ContactError::WrongDots);
    }
    if !domain.contains('.') {
        return Err(ContactError::NoTopLevelDomain);
    }
    let is_coded = |label: &str| {
        label
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
    };
    let domain = if domain.is_ascii() && !domain.split('.').any(is_coded) {
        Cow::Borrowed(domain)
    } else {
        national(domain)?
    };
    if domain.split('.').any(|label| label.len() > MAX_LABEL_BYTES) {
        return Err(ContactError::TooLong);
    }
    if domain
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Err(ContactError::WrongDomain);
    }
    let top = domain.rsplit('.').next().unwrap_or_default();
    // Alphabetic (RFC 3696, section 2), or the ASCII form of a national one.
    if !top.bytes().all(|b| b.is_ascii_alphabetic()) && !top.starts_with("xn--") {
        return Err(ContactError::WrongDomain);
    }
    if top.len() < 2 {
        return Err(ContactError::NoTopLevelDomain);
    }
    Ok(domain)
}

/// The ASCII form of a name with national letters, or with labels that stand for them: browsers send `xn--…` for what
/// was typed.
fn national(domain: &str) -> Result<Cow<'_, str>, ContactError> {
    let (letters, is_sound) = idna::domain_to_unicode(domain);
    is_sound.map_err(|_| ContactError::WrongDomain)?;
    if let Some(character) = slip(&letters) {
        return Err(ContactError::NotAscii { character });
    }
    let ascii = idna::domain_to_ascii_cow(letters.as_bytes(), AsciiDenyList::URL);
    ascii
        .map(|ascii| Cow::Owned(ascii.into_owned()))
        .map_err(|_| ContactError::WrongDomain)
}

/// A character that is there by a slip: a symbol; or, where the keyboard was not switched, a letter with Latin
/// look-alikes, in one label with Latin ones or in an end that no domain has. Such names could be registered, but no
/// person has an address there.
fn slip(domain: &str) -> Option<char> {
    let is_symbol = |c: &char| {
        let is_mark = || c.general_category_group() == GeneralCategoryGroup::Mark;
        !c.is_ascii() && !c.is_alphanumeric() && !is_mark()
    };
    // Greek and Cyrillic, with the Cyrillic supplement.
    let is_like_latin = |c: &char| matches!(c, '\u{370}'..='\u{52F}');
    let is_mixed = |label: &str| {
        label.contains(|c| is_like_latin(&c)) && label.contains(|c: char| c.is_ascii_alphabetic())
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_cyrillic_top = top.contains(|c| matches!(c, '\u{400}'..='\u{52F}'));
    let has_slip = is_cyrillic_top && !CYRILLIC_TOP.contains(&top) || domain.split('.').any(is_mixed);
    let letter = || domain.chars().find(is_like_latin).filter(|_| has_slip);
    domain.chars().find(is_symbol).or_else(letter)
}
