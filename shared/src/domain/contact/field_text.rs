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

/// `text` with a border in place of what a person adds in digits: the number in a list (`1)`), a remark (`(2)`, `№2`), a
/// date. `None` without any.
fn without_remarks(text: &str) -> Option<String> {
    let runs: Vec<(usize, usize)> = runs(text).take(RUNS_MAX + 1).collect();
    if runs.len() > RUNS_MAX {
        return None;
    }
    let is_before = |place: usize, mark: char| text[..place].ends_with(mark);
    let is_behind = |place: usize, mark: char| text[place..].starts_with(mark);
    let is_date_part =
        |&(start, end): &(usize, usize)| end - start <= 4 && (is_before(start, '.') || is_behind(end, '.'));
    let mut bare = text.to_owned();
    // From the end, so that the places before stay right.
    for (index, &(start, end)) in runs.iter().enumerate().rev() {
        let is_short = end - start <= 3;
        let is_listed = end - start <= 2 && is_behind(end, ')') && !is_before(start, '(');
        let is_last = index > 0 && index + 1 == runs.len();
        let is_remark = is_short && is_last && (is_behind(end, ')') && is_before(start, '('));
        let is_numbered = is_short && text[..start].trim_end().ends_with(['№', '#']);
        let is_date = runs[index.saturating_sub(2)..].windows(3).take(3).any(|date| {
            date.contains(&(start, end)) && date.iter().all(is_date_part) && date[2].1 - date[0].0 <= 10
        });
        if is_listed || is_remark || is_numbered || is_date {
            bare.replace_range(start..end, "\n");
        }
    }
    (bare != text).then_some(bare)
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
