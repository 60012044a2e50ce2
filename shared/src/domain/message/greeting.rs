//! The name in a greeting.
//!
//! Anyone can put any text and another person's address into the form, and our domain signs the e-mail. So a greeting has
//! one word of the name, and none at all if a link, an address or a phone number may be in it.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Longest name in a greeting, in characters: a longer one is more likely an advertisement.
const CHARS_MAX: usize = 32;

/// Ends of patronymics: Russian, Belarusian and Kazakh, and as they are written in Latin letters. Surnames such as
/// «Абрамович» end so too, which does no harm: neither is the given name.
const PATRONYMIC: [&str; 16] = [
    "ович", "евич", "ич", "овна", "евна", "ична", "ұлы", "улы", "қызы", "кызы", "ovich", "evich", "ovna",
    "evna", "ichna", "uly",
];

/// Words that make a patronymic of the one before: «Бакыт уулу», «Али оглы», «Алишер қизи».
const SON_OR_DAUGHTER: [&str; 17] = [
    "уулу", "кызы", "қызы", "гызы", "улы", "ұлы", "оглы", "оглу", "ўғли", "угли", "қизи", "кизи", "uulu",
    "kyzy", "uly", "ogly", "oglu",
];

/// Ends of surnames. `-ын`, `-in` and `-ina` are left out: «Тұрсын», «Martin» and «Alina» are more often given names.
const SURNAME: [&str; 18] = [
    "ов", "ев", "ёв", "ин", "ова", "ева", "ёва", "ина", "ский", "ская", "цкий", "цкая", "ov", "ev", "ova",
    "eva", "sky", "skaya",
];

/// Given names that end as surnames do.
#[rustfmt::skip]
const GIVEN: [&str; 57] = [
    "августин", "амин", "бенджамин", "валентин", "вениамин", "еркин", "кевин", "константин", "мартин", "робин", "хусаин",
    "эдвин", "эмин", "яков", "ясин",
    "агриппина", "аделина", "акулина", "алевтина", "алина", "альбина", "амина", "ангелина", "антонина", "арина",
    "валентина", "василина", "галина", "дарина", "екатерина", "жасмина", "зарина", "ирина", "капитолина", "карина",
    "каролина", "катерина", "кристина", "мадина", "марина", "медина", "павлина", "паулина", "полина", "регина", "сабина",
    "сабрина", "самина", "тахмина", "фаина", "христина", "эвелина", "элина", "эльвина", "эмина", "янина", "ясмина",
];

/// The given name to greet by, or nothing if that could do harm or is unclear.
pub(super) fn given_name(raw: &str) -> Option<String> {
    let visible: String = raw
        .chars()
        .filter(|c| c.is_whitespace() || !is_invisible(*c))
        .collect();
    if is_contact(&visible) {
        return None;
    }
    let words: Vec<&str> = visible
        .split_whitespace()
        .map(letters)
        .filter(|word| !word.is_empty())
        .collect();
    let name = choose(&words)?;
    let is_name = name
        .chars()
        .all(|c| c.is_alphabetic() || is_mark(c) || is_joiner(c));
    let chars = name.chars().count();
    // One letter is an initial.
    (is_name && (2..=CHARS_MAX).contains(&chars)).then(|| name.to_owned())
}

/// A word without what stands around its letters: brackets, commas, hearts.
fn letters(word: &str) -> &str {
    let rest = word.trim_start_matches(|c: char| !c.is_alphabetic());
    let last = rest.rfind(char::is_alphabetic).unwrap_or_default();
    let behind = rest[last..].char_indices().skip(1).find(|(_, c)| !is_mark(*c));
    &rest[..behind.map_or(rest.len(), |(place, _)| last + place)]
}

/// The given name of «Айгерим», «Айгерим Нурланова», «Нурланова Айгерим», «Иванов Иван Иванович», «Иван Иванович»:
///
/// 1. the word before the last patronymic, or the one behind it if there is none before;
/// 2. without a patronymic the first word, or the second if only the first ends as a surname does.
fn choose<'a>(words: &[&'a str]) -> Option<&'a str> {
    let is_patronymic: Vec<bool> = (0..words.len())
        .map(|place| is_patronymic(words, place))
        .collect();
    let given = |place: &usize| !is_patronymic[*place];
    if let Some(last) = is_patronymic
        .iter()
        .rposition(|is| *is)
        .filter(|_| words.len() > 1)
    {
        let place = (0..last)
            .rev()
            .find(given)
            .or_else(|| (last..words.len()).find(given));
        return place.map(|place| words[place]);
    }
    match words {
        [first, second, ..] if is_surname(first) && !is_surname(second) => Some(second),
        _ => words.first().copied(),
    }
}

/// Whether the word is a patronymic or a part of one.
fn is_patronymic(words: &[&str], place: usize) -> bool {
    let is_particle = |word: &&str| SON_OR_DAUGHTER.contains(&word.to_lowercase().as_str());
    let ends = |word: &&str| {
        PATRONYMIC
            .iter()
            .any(|end| is_longer_than(&word.to_lowercase(), end))
    };
    words
        .get(place)
        .is_some_and(|word| ends(word) || place > 0 && is_particle(word))
        || words.get(place + 1).is_some_and(is_particle)
}

fn is_surname(word: &str) -> bool {
    let word = word.to_lowercase();
    let is_given = GIVEN.contains(&word.as_str()) || word.ends_with("ддин") || word.ends_with("тдин");
    !is_given && SURNAME.iter().any(|end| is_longer_than(&word, end))
}

/// Whether `word` has this end, and at least two letters before it.
fn is_longer_than(word: &str, end: &str) -> bool {
    word.strip_suffix(end)
        .is_some_and(|start| start.chars().count() >= 2)
}

/// Whether a mail client could find a link, an address or a phone number: a digit, an `@`, a slash, or a dot between two
/// letters. Characters of another width count as what they stand for.
fn is_contact(line: &str) -> bool {
    let plain: String = line.nfkc().collect();
    let parts: Vec<&str> = plain.split(['.', '。']).collect();
    let is_dotted = |pair: &[&str]| {
        pair[0].ends_with(char::is_alphanumeric) && pair[1].starts_with(char::is_alphanumeric)
    };
    plain.contains(|c: char| c.is_numeric() || matches!(c, '@' | '/' | '\\' | '⁄' | '∕'))
        || parts.windows(2).any(is_dotted)
}

fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// What may stand between the letters of one name: «Анна-Мария», «О’Нил».
const fn is_joiner(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}' | '\'' | '’' | 'ʼ' | 'ʻ' | '`')
}

/// Control characters, and those that hide or reorder others (Unicode bidirectional and zero-width ones).
fn is_invisible(c: char) -> bool {
    let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let reorders = matches!(c, '\u{202a}'..='\u{202e}');
    c.is_control() || hides || reorders
}

#[cfg(test)]
mod tests;
