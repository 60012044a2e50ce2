//! A phone number.

use std::fmt;

use super::{ContactError, calling_code, spelling};

/// Digits in an international number: ITU-T E.164, section 6.
const MAX_DIGITS: usize = 15;
/// Digits after the country code; the shortest in use are of four (Austria, Luxembourg, Niue).
const MIN_NATIONAL_DIGITS: usize = 4;
/// National length where it is fixed, so that a lost or doubled digit shows. Refused on purpose for that: the
/// toll-free and premium numbers of Belarus and Kyrgyzstan and Canada's seven-digit `310` numbers, where no
/// person is reached.
const NATIONAL_DIGITS: [(&str, usize); 5] = [("1", 10), ("7", 10), ("375", 9), ("996", 9), ("998", 9)];

/// Countries whose numbers are often written without the plus: no Kazakh or Russian spelling has 12 digits that
/// begin so.
const KNOWN_WITHOUT_PLUS: [&str; 3] = ["375", "996", "998"];

/// Country codes with national numbers that begin with 0, found by asking libphonenumber's data for every code.
/// Everywhere else a 0 after the country code is the domestic trunk prefix, as in `+44 (0)20 …`, and does not
/// belong to the number.
#[rustfmt::skip]
const LEADING_ZERO: [&str; 22] = [
    "39", "47", "225", "226", "227", "229", "241", "242", "247", "267", "268", "378", "501", "676", "679", "687",
    "800", "853", "881", "888", "974", "992",
];

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
    /// | 10 digits beginning with 9, or with a Kazakh area code | +7 |
    /// | `375`, `996`, `998` and 9 digits | Belarus, Kyrgyzstan, Uzbekistan |
    /// | `80` and 9 digits beginning with 1 to 4 | Belarus, dialled from inside |
    ///
    /// The last is not ambiguous: after the 8 of a Kazakh or Russian number never comes a 0.
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let (has_plus, digits) = spelling::read(raw)?;
        if has_plus {
            international(&digits)
        } else {
            dialled(&digits)
        }
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
fn dialled(digits: &str) -> Result<Phone, ContactError> {
    if let Some(rest) = digits.strip_prefix("810").or_else(|| digits.strip_prefix("00")) {
        return international(rest);
    }
    if digits.len() == 10 && (digits.starts_with('9') || is_kazakh_area(digits)) {
        return international(&format!("7{digits}"));
    }
    if digits.len() <= 10 {
        return Err(ContactError::TooShort);
    }
    if let Some(rest) = digits.strip_prefix('8') {
        return match belarusian(rest) {
            Some(national) => international(&format!("375{national}")),
            None => international(&format!("7{rest}")),
        };
    }
    let is_neighbour = digits.len() == 12 && KNOWN_WITHOUT_PLUS.iter().any(|code| digits.starts_with(code));
    if digits.starts_with('7') || is_neighbour {
        international(digits)
    } else if digits.len() > MAX_DIGITS {
        Err(ContactError::TooLong)
    } else {
        Err(ContactError::UnknownCountry)
    }
}

/// Whether ten digits begin with an area code in use in Kazakhstan: 70x, 747, 75x, 76x, 771, 775 to 778, 785
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

/// Reads digits that begin with a country code.
fn international(digits: &str) -> Result<Phone, ContactError> {
    let (code, national) = calling_code::split(digits).ok_or(if digits.is_empty() {
        ContactError::TooShort
    } else {
        ContactError::UnknownCountry
    })?;
    let national = without_trunk_prefix(code, national);
    let fixed = NATIONAL_DIGITS.iter().find(|(known, _)| *known == code);
    let (least, most) = fixed.map_or((MIN_NATIONAL_DIGITS, MAX_DIGITS - code.len()), |(_, digits)| {
        (*digits, *digits)
    });
    if national.len() < least {
        return Err(ContactError::TooShort);
    }
    if national.len() > most {
        return Err(ContactError::TooLong);
    }
    if !is_assigned(code, national) {
        return Err(ContactError::UnassignedRange);
    }
    Ok(Phone(format!("+{code}{national}")))
}

/// `national` without the prefix that is dialled inside the country only, which visitors leave in:
/// `+7 8 701 …`, `+375 80 29 …`, `+44 (0)20 …`.
fn without_trunk_prefix<'a>(code: &str, national: &'a str) -> &'a str {
    let prefix = match code {
        "7" if national.len() == 11 => "8",
        "375" if national.len() == 11 => "80",
        "375" if national.len() == 10 => "8",
        "1" | "7" => "",
        _ if LEADING_ZERO.contains(&code) => "",
        _ => "0",
    };
    national.strip_prefix(prefix).unwrap_or(national)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn e164(raw: &str) -> Result<String, ContactError> {
        Phone::parse(raw).map(|phone| phone.as_str().to_owned())
    }

    #[test]
    fn spellings_of_a_kazakh_number_are_equal() {
        let table = [
            "+77011234567",
            "+7 (701) 123-45-67",
            "87011234567",
            "8 701 123 45 67",
            "8(701)1234567",
            "77011234567",
            "7 701 123-45-67",
            "7011234567",
            "701 123 45 67",
            "+7 8 701 123 45 67",
            "007 701 123 45 67",
            "8~10 7 701 123 45 67",
            "8-10-7-701-123-45-67",
            "tel:+7-701-123-45-67",
            "Тел.: 8 701 123 45 67",
            "ТЕЛЕФОН 87011234567",
            "моб. 8 701 123 45 67",
            "  +7\u{A0}701\u{202F}123\u{2009}45\u{3000}67\n",
            "8\t701\t1234567",
            "+7–701—123−45‑67",
            "+7.701.123.45.67",
            "8/701/123/45/67",
            "+7_701_123_45_67_",
            "[8] 701 · 123 • 45 ~ 67",
            "\u{202A}+7 701 123 45 67\u{202C}",
            "\u{FEFF}8701\u{200B}1234567\u{2060}",
            "＋７ （７０１） １２３－４５－６７",
            "٨٧٠١١٢٣٤٥٦٧",
            "+۷۷۰۱۱۲۳۴۵۶۷",
            "८७०११२३४५६७",
            "+ 7 701 123 45 67",
            "(+7) 701 123 45 67",
        ];
        for raw in table {
            assert_eq!(e164(raw).as_deref(), Ok("+77011234567"), "{raw:?}");
        }
    }

    #[test]
    fn other_numbers_are_read_as_dialled_from_kazakhstan() {
        let table = [
            // Kazakhstan, fixed lines and other mobile codes
            ("8 (7172) 70-12-34", "+77172701234"),
            ("727 250 12 34", "+77272501234"),
            ("747 123 45 67", "+77471234567"),
            ("777 777 77 77", "+77777777777"),
            // Russia
            ("+7 912 345-67-89", "+79123456789"),
            ("8 (912) 345-67-89", "+79123456789"),
            ("9123456789", "+79123456789"),
            ("8 495 123-45-67", "+74951234567"),
            ("8 800 555 35 35", "+78005553535"),
            // Uzbekistan, Kyrgyzstan, Belarus
            ("+998 90 123 45 67", "+998901234567"),
            ("998901234567", "+998901234567"),
            ("8~10 998 90 123 45 67", "+998901234567"),
            ("+996 (700) 123-456", "+996700123456"),
            ("+996 0700 123 456", "+996700123456"),
            ("996 700 123 456", "+996700123456"),
            ("+375 29 123-45-67", "+375291234567"),
            ("375 29 123 45 67", "+375291234567"),
            ("80 29 123 45 67", "+375291234567"),
            ("8 (017) 212-34-56", "+375172123456"),
            ("+375 (80 29) 123-45-67", "+375291234567"),
            ("+375 8 29 123-45-67", "+375291234567"),
            // the world
            ("+1 (212) 555-0123", "+12125550123"),
            ("001 212 555 0123", "+12125550123"),
            ("8 10 1 212 555 01 23", "+12125550123"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+49 (0) 170 1234567", "+491701234567"),
            ("+39 06 698 12345", "+390669812345"),
            ("+992 00 123 4567", "+992001234567"),
            ("+86 138 0013 8000", "+8613800138000"),
            ("+90 (532) 123 45 67", "+905321234567"),
            ("+683 4002", "+6834002"),
        ];
        for (raw, expected) in table {
            assert_eq!(e164(raw).as_deref(), Ok(expected), "{raw:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_for_its_reason() {
        let table = [
            ("", ContactError::Empty),
            (" \u{200B}\u{A0}", ContactError::Empty),
            ("+", ContactError::TooShort),
            ("()-", ContactError::TooShort),
            ("тел.:", ContactError::TooShort),
            ("123", ContactError::TooShort),
            ("+7 701 123 45 6", ContactError::TooShort),
            ("8 701 123 45 6", ContactError::TooShort),
            ("7 705 123 45 6", ContactError::TooShort),
            ("7 747 123 45 6", ContactError::TooShort),
            ("7 912 345 67 8", ContactError::TooShort),
            ("0 700 123 456", ContactError::TooShort),
            ("+998 90 123 45 6", ContactError::TooShort),
            ("+49 123", ContactError::TooShort),
            ("+7 701 123 45 678", ContactError::TooLong),
            ("8 701 123 45 678", ContactError::TooLong),
            ("87011234567 / 87021234567", ContactError::TooLong),
            ("+49 1234 5678 9012 34", ContactError::TooLong),
            ("1234567890123456", ContactError::TooLong),
            ("8 701 ABC 45 67", ContactError::Malformed),
            ("8 7O1 123 45 67", ContactError::Malformed),
            ("+7 701 123 45 67 ext. 5", ContactError::Malformed),
            ("+7 701 123 45 67 доб. 5", ContactError::Malformed),
            ("tel:+77011234567;ext=5", ContactError::Malformed),
            ("+7 701 123 45 67#5", ContactError::Malformed),
            ("87011234567, 87021234567", ContactError::Malformed),
            ("++7 701 123 45 67", ContactError::Malformed),
            ("8+7 701 123 45 67", ContactError::Malformed),
            ("тел: тел: 87011234567", ContactError::Malformed),
            ("ivan@mail.kz", ContactError::Malformed),
            ("8️⃣7011234567", ContactError::Malformed),
            ("+7701123\u{0}4567", ContactError::ControlCharacter),
            ("87011234567\0", ContactError::ControlCharacter),
            ("+0 701 123 45 67", ContactError::UnknownCountry),
            ("+997 701 123 45 67", ContactError::UnknownCountry),
            ("+210 123 456 789", ContactError::UnknownCountry),
            ("49 170 1234567", ContactError::UnknownCountry),
            ("+7 001 123 45 67", ContactError::UnassignedRange),
            ("+7 501 123 45 67", ContactError::UnassignedRange),
            ("8 201 123 45 67", ContactError::UnassignedRange),
            ("8 888 888 88 88", ContactError::UnassignedRange),
            ("+7 333 333 33 33", ContactError::UnassignedRange),
            ("80 59 123 45 67", ContactError::UnassignedRange),
            ("+1 111 111 1111", ContactError::UnassignedRange),
            ("+44 0000 000000", ContactError::UnassignedRange),
        ];
        for (raw, expected) in table {
            assert_eq!(e164(raw), Err(expected), "{raw:?}");
        }
    }

    #[test]
    fn an_endless_spelling_is_refused() {
        assert_eq!(e164(&"7".repeat(1_000_000)), Err(ContactError::TooLong));
        assert_eq!(
            e164(&format!("8{}7011234567", "-".repeat(1_000_000))).as_deref(),
            Ok("+77011234567")
        );
    }

    #[test]
    fn each_vendor_gets_its_form() {
        let kazakh = Phone::parse("8 701 123 45 67").unwrap();
        assert_eq!(
            (kazakh.as_str(), kazakh.digits(), kazakh.last10()),
            ("+77011234567", "77011234567", "7011234567")
        );
        let short = Phone::parse("+683 4002").unwrap();
        assert_eq!((short.digits(), short.last10()), ("6834002", "6834002"));
    }

    #[test]
    fn debug_masks_the_number() {
        let table = [
            ("+77011234567", "Phone(+7701*****67)"),
            ("+998901234567", "Phone(+9989******67)"),
            ("+6834002", "Phone(+*****02)"),
            ("+431234", "Phone(+****34)"),
        ];
        for (raw, expected) in table {
            assert_eq!(format!("{:?}", Phone::parse(raw).unwrap()), expected);
        }
    }
}
