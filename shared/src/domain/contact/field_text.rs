//! Texts that may hold more than one number: a field of the CRM, or what a visitor put into a field for one.

use super::characters::decimal_digit;
use super::spelling::{is_plus, is_separator};
use super::{ContactError, Phone};

/// Words before an extension, in lower case; `х` is the Cyrillic letter.
const EXTENSION: [&str; 10] = [
    "доб",
    "добавочный",
    "вн",
    "внутр",
    "внутренний",
    "ext",
    "extension",
    "extn",
    "x",
    "х",
];
/// Digits an extension may have.
const EXTENSION_DIGITS: usize = 6;
/// Runs of digits in a text without a letter or a comma, beyond which nothing is looked for.
const RUNS_MAX: usize = 60;
/// Bytes of a refused text, beyond which no better reason is looked for.
const REASON_BYTES: usize = 300;

/// All numbers of `text`, in its order.
pub(super) fn numbers(text: &str) -> Vec<Phone> {
    let found = numbers_between_remarks(text);
    match without_remarks(text).filter(|_| found.is_empty()) {
        Some(bare) => numbers_between_remarks(&bare),
        None => found,
    }
}

fn numbers_between_remarks(text: &str) -> Vec<Phone> {
    let mut found = Vec::new();
    for part in parts(text) {
        if let Ok(phone) = Phone::parse_one(part.text) {
            found.push(phone);
            continue;
        }
        for piece in before_each_plus(part.text) {
            let rest = || without_extension(piece, part.is_extension);
            let numbers = divide(piece).or_else(|| divide(rest()?));
            found.extend(numbers.into_iter().flatten());
        }
    }
    found
}

/// `text` with a border in place of what a person adds in digits: numbers of a list (`1) … 2) …`), a remark in brackets at
/// the end (`(2)`, `(12.11.2026)`), `№` before one. `None` without any.
fn without_remarks(text: &str) -> Option<String> {
    // A bracket may also hold a number's own digits: only one behind a whole number is a remark.
    let is_remark = |(before, remark): &(&str, &str)| {
        let is_last = remark.rsplit_once(')').is_some_and(|(_, tail)| digits(tail) == 0);
        is_last && digits(before) >= 10 && (1..=8).contains(&digits(remark))
    };
    let number = text.rsplit_once('(').filter(is_remark);
    let mut bare = number.map_or(text, |(before, _)| before).replace('№', "\n");
    // Only 1, 2, 3 … from the beginning: elsewhere a bracket may close within a number.
    let runs: Vec<(usize, usize)> = runs(&bare).take(RUNS_MAX).collect();
    let mut listed = Vec::new();
    for (start, end) in runs {
        let is_next = bare[start..end] == (listed.len() + 1).to_string() && bare[end..].starts_with(')');
        if is_next {
            listed.push((start, end));
        } else if listed.is_empty() {
            break;
        }
    }
    for (start, end) in listed.into_iter().rev() {
        bare.replace_range(start..end, "\n");
    }
    (bare != text).then_some(bare)
}

fn digits(text: &str) -> usize {
    text.chars().filter(|c| decimal_digit(*c).is_some()).count()
}

/// The reason to refuse `raw` as one number: `error`, or what explains it better.
pub(super) fn reason(raw: &str, error: ContactError) -> ContactError {
    if !matches!(
        error,
        ContactError::Letters
            | ContactError::WrongCharacter { .. }
            | ContactError::TooLong
            | ContactError::TooManyDigits { .. }
    ) || raw.len() > REASON_BYTES
    {
        return error;
    }
    if raw.contains('@') && raw.chars().any(char::is_alphabetic) {
        return ContactError::EmailForPhone;
    }
    match numbers(raw).len() {
        1 if parts(raw).any(|part| part.is_extension) => ContactError::Extension,
        0 | 1 => error,
        _ => ContactError::SeveralNumbers,
    }
}

/// Digits and what may stand between those of one number, up to what parts numbers beyond doubt.
struct Part<'a> {
    text: &'a str,
    /// Whether `доб.` or `#` stands before it.
    is_extension: bool,
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (border, tail) = rest.split_at(rest.find(is_part).unwrap_or(rest.len()));
        let (text, tail) = tail.split_at(tail.find(|c| !is_part(c)).unwrap_or(tail.len()));
        rest = tail;
        let mut words = border.split(|c: char| !c.is_alphabetic());
        let is_extension =
            border.contains('#') || words.any(|word| EXTENSION.contains(&word.to_lowercase().as_str()));
        (!text.is_empty()).then_some(Part { text, is_extension })
    })
}

/// Whether `c` may belong to a number. Slashes and the ends of lines and cells part two, though a person may put them
/// into one.
fn is_part(c: char) -> bool {
    let is_border =
        c.is_control() || matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}' | '\u{FF0F}' | '\u{FF3C}');
    decimal_digit(c).is_some() || is_plus(c) || is_separator(c) && !is_border
}

/// `text` divided before each plus, with which a number always begins.
fn before_each_plus(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let after_first = rest.chars().next()?.len_utf8();
        let end = rest[after_first..]
            .find(is_plus)
            .map_or(rest.len(), |place| after_first + place);
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}

/// `piece` without its first run of digits, if that is an extension.
fn without_extension(piece: &str, is_extension: bool) -> Option<&str> {
    let (start, end) = runs(piece).next()?;
    let is_short = piece[start..end].chars().count() <= EXTENSION_DIGITS;
    (is_extension && is_short).then(|| &piece[end..])
}

/// The numbers that `piece` consists of, if it can be divided into whole numbers in exactly one way. Between two numbers
/// only one of a country with a fixed length is certain, so others are taken only if they fill the piece.
fn divide(piece: &str) -> Option<Vec<Phone>> {
    if let Ok(phone) = Phone::parse_one(piece) {
        return Some(vec![phone]);
    }
    let runs: Vec<(usize, usize)> = runs(piece).take(RUNS_MAX + 1).collect();
    if runs.len() > RUNS_MAX {
        return None;
    }
    // For each run, the only way to divide what begins with it: `None` is no way, or more than one.
    let mut ways = vec![0_u8; runs.len() + 1];
    let mut next: Vec<Option<(Phone, usize)>> = vec![None; runs.len()];
    ways[runs.len()] = 1;
    for first in (0..runs.len()).rev() {
        let start = if first == 0 { 0 } else { runs[first].0 };
        for last in first..runs.len().min(first + 15) {
            if ways[last + 1] == 0 {
                continue;
            }
            if let Some(phone) = fixed(&piece[start..runs[last].1]) {
                ways[first] = ways[first].saturating_add(ways[last + 1]);
                next[first] = Some((phone, last + 1));
            }
        }
    }
    if ways.first() != Some(&1) {
        return None;
    }
    let mut numbers = Vec::new();
    let mut place = 0;
    while let Some((phone, behind)) = next.get_mut(place).and_then(Option::take) {
        numbers.push(phone);
        place = behind;
    }
    Some(numbers)
}

/// `text` as one number of a country where all have as many digits.
fn fixed(text: &str) -> Option<Phone> {
    Phone::parse_one(text).ok().filter(Phone::has_fixed_length)
}

/// Where the runs of digits in `text` begin and end.
fn runs(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let is_digit = |c| decimal_digit(c).is_some();
    let mut place = 0;
    std::iter::from_fn(move || {
        let start = place + text[place..].find(is_digit)?;
        let length = text[start..].find(|c| !is_digit(c)).unwrap_or(text.len() - start);
        place = start + length;
        Some((start, place))
    })
}
