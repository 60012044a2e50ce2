//! Countries, mobile and premium ranges of phones, held to libphonenumber's data (crate `phonenumber`). When a newer
//! version of the data fails here, put its ranges into `contact/country.rs` and `contact/phone.rs`.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type};
use proftest::domain::contact::{ContactError, Country, Phone};
use proptest::prelude::*;

/// A country, its calling code, and how many digits follow it.
const COUNTRIES: [(Country, &str, usize); 5] = [
    (Country::Kazakhstan, "7", 10),
    (Country::Russia, "7", 10),
    (Country::Kyrgyzstan, "996", 9),
    (Country::Uzbekistan, "998", 9),
    (Country::Belarus, "375", 9),
];

/// Digits on which the oracle's mobile patterns depend. Only in Kyrgyzstan does one of six count: 312973.
const DEPTH: usize = 5;

/// What the oracle says of an E.164 number, if it reads it as it is.
fn oracle(e164: &str) -> Option<(Option<String>, Type)> {
    let number = phonenumber::parse(None, e164).ok()?;
    let is_whole = number.format().mode(Mode::E164).to_string() == e164;
    let country = number.country().id().map(|id| id.as_ref().to_owned());
    is_whole.then(|| (country, number.number_type(&DATABASE)))
}

const fn is_mobile(kind: Type) -> bool {
    matches!(kind, Type::Mobile | Type::FixedLineOrMobile)
}

#[test]
fn every_range_is_mobile_where_the_oracle_says_so() {
    for (country, code, length) in COUNTRIES {
        let region = DATABASE.by_id(country.as_str());
        let mobile = region.and_then(|region| region.descriptors().mobile());
        let (mut ranges, mut checked) = (0, 0);
        for start in 0..100_000 {
            let national = format!("{start:0DEPTH$}{}", &"34567"[..length - DEPTH]);
            let Ok(phone) = Phone::parse(&format!("+{code}{national}")) else {
                continue;
            };
            if phone.digits() != format!("{code}{national}") || phone.country() != country {
                continue;
            }
            let expected = mobile.is_some_and(|mobile| mobile.is_match(&national));
            assert_eq!(phone.is_mobile(), expected, "{phone:?} {start}");
            ranges += usize::from(expected);
            checked += 1;
        }
        assert!(ranges > 1000 && checked > 9000, "{country:?} {ranges} {checked}");
    }
}

#[test]
fn the_line_inside_plus_7_is_the_next_digit() {
    for (national, country) in [
        ("7011234567", Country::Kazakhstan),
        ("6001234567", Country::Kazakhstan),
        ("3011234567", Country::Russia),
        ("4951234567", Country::Russia),
        ("8121234567", Country::Russia),
        ("9121234567", Country::Russia),
    ] {
        let phone = Phone::parse(&format!("+7{national}"));
        assert_eq!(phone.map(|phone| phone.country()), Ok(country), "{national}");
    }
}

#[test]
fn the_premium_ranges_of_the_oracle_are_refused() {
    let regions = ["KZ", "RU"].map(|id| DATABASE.by_id(id).map(phonenumber::Metadata::descriptors));
    let mut premium = Vec::new();
    for range in 300..1000 {
        let national = format!("{range}1234567");
        let is_premium = [Type::PremiumRate, Type::SharedCost, Type::Uan]
            .into_iter()
            .any(|kind| {
                let of_kind = regions.iter().filter_map(|region| (*region)?.get(kind));
                of_kind.into_iter().any(|kind| kind.is_match(&national))
            });
        let is_refused = Phone::parse(&format!("+7{national}")) == Err(ContactError::PremiumRate);
        assert_eq!(is_refused, is_premium, "{range}");
        premium.extend(is_premium.then_some(range));
    }
    assert_eq!(premium, [803, 809]);
}

#[test]
fn other_countries_have_no_ranges_here() {
    for raw in [
        "+491701234567",
        "+12125550123",
        "+380501234567",
        "+8613800138000",
        "+6834002",
    ] {
        let read = Phone::parse(raw).map(|phone| (phone.country(), phone.is_mobile()));
        assert_eq!(read, Ok((Country::Other, true)), "{raw}");
    }
}

/// A number of one of the countries.
fn number() -> impl Strategy<Value = (Country, String)> {
    let start = prop_oneof![
        Just(String::new()),
        prop::sample::select(vec!["70", "77", "9", "31297", "3125", "29", "33", "6", "7"])
            .prop_map(str::to_owned),
    ];
    let digits = "[0-9]{10}";
    let country = prop::sample::select(COUNTRIES.as_slice());
    (country, start, digits).prop_map(|((country, code, length), start, digits)| {
        let first = match country {
            Country::Kazakhstan => "7",
            Country::Russia if !start.starts_with('9') => "4",
            _ => "",
        };
        let national = format!("{first}{start}{digits}");
        (country, format!("+{code}{}", &national[..length]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_number_s_country_and_kind_are_the_oracle_s((country, e164) in number()) {
        if let (Ok(phone), Some((of, kind))) = (Phone::parse(&e164), oracle(&e164)) {
            prop_assert_eq!(phone.as_str(), &e164);
            prop_assert_eq!(phone.country(), country, "{}", e164);
            prop_assert_eq!(phone.is_mobile(), is_mobile(kind), "{} {:?}", e164, kind);
            // The oracle knows no country for some numbers that are in no range.
            prop_assert!(of.is_none_or(|of| of == country.as_str()), "{}", e164);
        }
    }

    #[test]
    fn every_number_has_a_country(raw in "\\+[1-9][0-9]{5,14}") {
        if let Ok(phone) = Phone::parse(&raw) {
            let country = phone.country();
            prop_assert_eq!(Country::parse(country.as_str()), Some(country));
            prop_assert!(country != Country::Other || phone.is_mobile());
        }
    }
}

#[test]
fn the_codes_of_no_country_are_those_of_the_oracle() {
    for code in 1..1000_u16 {
        let regions = DATABASE.region(&code);
        let is_of_none = regions.is_some_and(|regions| regions.contains(&"001"));
        // Not 11 digits: `+8 702 …` is read as the trunk prefix.
        let read = Phone::parse(&format!("+{code}234567890"));
        assert_eq!(read == Err(ContactError::ServiceCode), is_of_none, "{code}");
    }
}
