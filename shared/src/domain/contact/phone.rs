//! A phone number.

use std::fmt;

use super::{ContactError, calling_code, field_text, spelling};

/// Digits in an international number: ITU-T E.164, section 6.
const MAX_DIGITS: usize = 15;
/// Digits after the country code; the shortest in use are of four (Austria, Luxembourg, Niue).
const MIN_NATIONAL_DIGITS: usize = 4;
/// National length where it is fixed, so that a lost or doubled digit shows. Refused on purpose for that: the
/// toll-free and premium numbers of Belarus and Kyrgyzstan and Canada's seven-digit `310` numbers, where no
/// person is reached.
const NATIONAL_DIGITS: [(&str, usize); 7] = [
    ("1", 10),
    ("7", 10),
    ("375", 9),
    ("692", 7),
    ("993", 8),
    ("996", 9),
    ("998", 9),
];

/// Countries whose numbers are often written without the plus: no Kazakh or Russian spelling has so many digits and
/// begins so.
const KNOWN_WITHOUT_PLUS: [&str; 3] = ["375", "996", "998"];

/// Country codes with national numbers that begin with 0, found by asking libphonenumber's data for every code.
/// Everywhere else a 0 after the country code is the domestic trunk prefix, as in `+44 (0)20 …`, and does not
/// belong to the number.
#[rustfmt::skip]
const LEADING_ZERO: [&str; 19] = [
    "39", "47", "225", "226", "227", "229", "241", "242", "247", "267", "268", "378", "501", "676", "679", "687",
    "853", "974", "992",
];

/// Where Kazakhstan and Russia charge a caller more, by the digits after +7: libphonenumber 9.0.35, 2026-07-16, premium
/// rate of KZ and RU. They have no shared cost and no company numbers. The free 800 and 804 are no one's phone either,
/// but cost nobody anything, so they are let through.
const PREMIUM: [&str; 2] = ["803", "809"];

/// A phone number in E.164 form, such as `+77011234567`.
///
/// Kazakhstan is home: numbers without a country code are read as dialled there. Known here are the assigned
/// country codes and the shape of the numbers nearby, not every country's ranges: a value has the form of a
/// number, which does not mean that the number is in service.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Parses what a visitor typed, with any separators between the digits.
    ///
    /// | spelling | read as |
    /// |---|---|
    /// | `+…`, `00…`, `8~10…` | international |
    /// | `7` or `8` and 10 digits | +7 (Kazakhstan, Russia) |
    /// | `+8` and 10 digits, unless a country's numbers begin so | +7: the 8 is dialled inside the country |
    /// | 10 digits beginning with 9, or with a Kazakh area code | +7 |
    /// | `375`, `996`, `998` and 9 digits | Belarus, Kyrgyzstan, Uzbekistan |
    /// | `80` and 9 digits beginning with 1 to 4 | Belarus, dialled from inside |
    ///
    /// The last is not ambiguous: after the 8 of a Kazakh or Russian number never comes a 0.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        Self::parse_one(raw).map_err(|error| field_text::reason(raw, error))
    }

    /// The numbers in a text that may hold several, with remarks and extensions, as a field of the CRM does. Where one
    /// number ends and the next begins must be beyond doubt: what can be divided in two ways gives no number.
    pub fn find_all(text: &str) -> Vec<Self> {
        field_text::numbers(text)
    }

    /// Parses one number, without a search for a better reason to refuse it.
    pub(super) fn parse_one(raw: &str) -> Result<Self, ContactError> {
        let spelling = spelling::read(raw)?;
        if spelling.has_plus {
            international(&spelling.digits, spelling.first_apart)
        } else {
            dialled(&spelling.digits, spelling.first_apart)
        }
    }

    /// Whether all numbers of its country have as many digits.
    pub(super) fn has_fixed_length(&self) -> bool {
        calling_code::split(self.digits()).is_some_and(|(code, _)| fixed_length(code).is_some())
    }

    /// The value that a row or pinned content holds: it was parsed when it came in.
    pub(crate) fn from_row(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// E.164: `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The international number without its plus, as Mobizon's `recipient` wants it.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// The last ten digits (all of a shorter number), which amoCRM's search finds in `+7…` and `8…` alike.
    pub fn last10(&self) -> &str {
        let digits = self.digits();
        &digits[digits.len().saturating_sub(10)..]
    }
}

/// Masked: `Phone(+7701*****67)`. At least four digits stay hidden, five in all but the shortest numbers.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let hidden = digits.len().saturating_sub(7).min(4)..digits.len().saturating_sub(2);
        let (head, tail) = (&digits[..hidden.start], &digits[hidden.end..]);
        write!(f, "Phone(+{head}{}{tail})", "*".repeat(hidden.len()))
    }
}

/// Reads digits written without a plus.
fn dialled(digits: &str, first_apart: bool) -> Result<Phone, ContactError> {
    if let Some(rest) = digits.strip_prefix("810").or_else(|| digits.strip_prefix("00")) {
        return international(rest, false);
    }
    // `7 777 123 45 6` has lost a digit: the area code is 777, and not 777 with the 7 before it.
    if digits.len() == 10 && digits.starts_with('7') && first_apart {
        return Err(missing(11, 10));
    }
    if digits.len() == 10 && (digits.starts_with('9') || is_kazakh_area(digits)) {
        return international(&format!("7{digits}"), false);
    }
    if digits.len() <= 10 {
        return Err(too_few(digits));
    }
    if let Some(rest) = digits.strip_prefix('8') {
        if let Some(national) = belarusian(rest) {
            return international(&format!("375{national}"), false);
        }
        // China, Korea, Hong Kong: the 8 may also be the country code's.
        return international(&format!("7{rest}"), false).map_err(|error| {
            let code = calling_code::split(digits).filter(|(code, _)| !calling_code::is_service(code));
            let is_foreign = code.is_some()
                && error != ContactError::PremiumRate
                && !first_apart
                && international(digits, false).is_ok();
            if is_foreign { ContactError::NoPlus } else { error }
        });
    }
    let is_neighbour = digits.len() <= 14 && KNOWN_WITHOUT_PLUS.iter().any(|code| digits.starts_with(code));
    if digits.starts_with('7') || is_neighbour {
        international(digits, false)
    } else if digits.len() > MAX_DIGITS {
        Err(ContactError::TooLong)
    } else if international(digits, false).is_ok() {
        Err(ContactError::NoPlus)
    } else {
        Err(ContactError::NoCountryCode)
    }
}

/// What is missing in at most ten digits written without a plus. Nine or ten that no Kazakh or Russian number begins
/// with are a foreign number.
fn too_few(digits: &str) -> ContactError {
    let whole = match digits.as_bytes() {
        [b'7' | b'8', ..] if !is_kazakh_area(digits) => 11,
        [b'7' | b'9', ..] => 10,
        _ if digits.len() >= 9 => return ContactError::NoCountryCode,
        _ => 11,
    };
    missing(whole, digits.len())
}

/// Whether the digits begin with an area code in use in Kazakhstan: 70x, 747, 75x, 76x, 771, 775 to 778, 785
/// (mobile and others), 71x, 72x (fixed). Narrower than what is taken after +7, because a number that lost a
/// digit (`7 705 …`, `7 747 …`, `7 9…`) also has ten and begins with 7; those would begin with 770, 774 or 79.
fn is_kazakh_area(digits: &str) -> bool {
    matches!(
        digits.as_bytes(),
        [b'7', b'0' | b'1' | b'2' | b'5' | b'6', ..]
            | [b'7', b'4', b'7', ..]
            | [b'7', b'7', b'1' | b'5'..=b'8', ..]
            | [b'7', b'8', b'5', ..]
    )
}

/// The national part of `80 29 …`, given what follows the 8.
fn belarusian(rest: &str) -> Option<&str> {
    let national = rest.strip_prefix('0')?;
    (national.len() == 9 && national.starts_with(['1', '2', '3', '4'])).then_some(national)
}

/// Reads digits that begin with a country code, or with what people put in its place: `+8 701 …`, `+8 10 7 …`,
/// `+00 7 …`. Of the countries whose code begins with 8, only Vietnam has numbers that look like `+8 …` of Russia; they
/// are Vietnam's, unless the 8 stands apart.
fn international(digits: &str, first_apart: bool) -> Result<Phone, ContactError> {
    // `+810 7 701 …` is `8~10` behind a plus: Japan's numbers are shorter.
    if let Some(rest) = digits.strip_prefix("810").filter(|rest| rest.len() > 10) {
        return international(rest, false);
    }
    let code = calling_code::split(digits);
    let service = code.filter(|(code, _)| calling_code::is_service(code));
    let is_trunk = first_apart || code.is_none() || service.is_some() && digits.len() < 12;
    if digits.starts_with('8') && is_trunk || digits.starts_with("00") {
        match dialled(digits, false) {
            Err(ContactError::UnassignedRange) if service.is_some() => {}
            read => return read,
        }
    }
    if service.is_some() {
        return Err(ContactError::ServiceCode);
    }
    let (code, national) = code.ok_or(if digits.len() < 3 {
        ContactError::TooShort
    } else {
        ContactError::NoSuchCountryCode
    })?;
    let national = without_trunk_prefix(code, national);
    if let Some(length) = fixed_length(code) {
        if national.len() < length {
            return Err(missing(length, national.len()));
        }
        if national.len() > length {
            let extra = u8::try_from(national.len() - length).unwrap_or(u8::MAX);
            return Err(ContactError::TooManyDigits { extra });
        }
    }
    if national.len() < MIN_NATIONAL_DIGITS {
        return Err(ContactError::TooShort);
    }
    if code.len() + national.len() > MAX_DIGITS {
        return Err(ContactError::TooLong);
    }
    if !is_assigned(code, national) {
        return Err(ContactError::UnassignedRange);
    }
    if code == "7" && PREMIUM.iter().any(|range| national.starts_with(range)) {
        return Err(ContactError::PremiumRate);
    }
    Ok(Phone(format!("+{code}{national}")))
}

fn fixed_length(code: &str) -> Option<usize> {
    let known = NATIONAL_DIGITS.iter().find(|(known, _)| *known == code);
    known.map(|(_, digits)| *digits)
}

fn missing(whole: usize, digits: usize) -> ContactError {
    let missing = u8::try_from(whole.saturating_sub(digits)).unwrap_or(u8::MAX);
    ContactError::TooFewDigits { missing }
}

/// `national` without the prefix that is dialled inside the country only, which visitors leave in:
/// `+7 8 701 …`, `+375 80 29 …`, `+44 (0)20 …`, `+36 06 20 …`. Where numbers have a fixed length, a prefix is what is too
/// much.
fn without_trunk_prefix<'a>(code: &str, national: &'a str) -> &'a str {
    let prefixes: &[&str] = match code {
        "7" | "993" => &["8"],
        "375" => &["80", "8", "0"],
        "692" => &["1"],
        "36" if national.len() > 9 => &["06", "0"],
        "1" => &[],
        _ if LEADING_ZERO.contains(&code) => &[],
        _ => &["0"],
    };
    let length = fixed_length(code);
    let strip = |prefix: &&str| {
        let rest = national.strip_prefix(*prefix)?;
        // No national number begins with 0 in these countries, too long or not.
        let fits = *prefix == "0" || length.is_none_or(|length| rest.len() == length);
        // No number behind +7 8 begins with 6, but those of Taiwan (886) do.
        (fits && (code != "7" || !rest.starts_with('6'))).then_some(rest)
    };
    prefixes.iter().find_map(strip).unwrap_or(national)
}

/// Whether `national` can be in a range of its country, as far as is known here.
///
/// Under +7, Kazakhstan has 6 and 7 and Russia 3, 4, 8 and 9; of the numbers made of one digit only 777… and
/// 999… are real. (The 0 promised to Kazakhstan in 2025 has no numbers yet.) Elsewhere one digit repeated is a
/// real number in most countries, so it is let through, as are ranges that a country may open: with the
/// whole plan of +7 or of the world here, each new range would cost leads until the next release.
fn is_assigned(code: &str, national: &str) -> bool {
    let first = national.chars().next().unwrap_or_default();
    match code {
        "7" => {
            let is_repeated = national.chars().all(|c| c == first);
            matches!(first, '3' | '4' | '6'..='9') && (matches!(first, '7' | '9') || !is_repeated)
        }
        // Area codes of the North American plan begin with 2 to 9.
        "1" => first > '1',
        _ => first != '0' || LEADING_ZERO.contains(&code),
    }
}
