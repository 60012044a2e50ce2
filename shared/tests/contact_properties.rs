//! Properties of the contact types over generated input. For phones, libphonenumber's data (crate
//! `phonenumber`) is the oracle; it is too heavy for a function, so the parser has rules of its own.

use std::sync::LazyLock;

use email_address::{EmailAddress, Options};
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type, country};
use proftest::domain::contact::{ContactError, Email, Name, Phone};
use proptest::prelude::*;

/// Every kind of number a region may have an example of.
const KINDS: [Type; 10] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Uan,
    Type::Voicemail,
];

/// What may stand between two digits.
const SEPARATORS: [&str; 13] = [
    "", " ", "\u{A0}", "-", "–", "—", "−", ".", "/", "(", ") ", "\u{200B}", "\t",
];

/// Codes of no country: no person is reached.
const SERVICE_CODES: [u16; 9] = [800, 808, 870, 878, 881, 882, 883, 888, 979];

/// The zero of some scripts.
const ZEROS: [char; 11] = ['0', '٠', '۰', '०', '০', '๐', '០', '၀', '߀', '０', '𝟎'];

/// A number of the oracle's, as its region writes it.
struct Example {
    code: u16,
    national: String,
    /// What is dialled before the number inside the country.
    trunk: Option<String>,
}

/// The oracle's examples: every region, every kind.
static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    // The oracle keeps its last 100 regular expressions; with regions at random it would compile them anew in
    // each case, and the tests would take minutes.
    if let Ok(mut cache) = DATABASE.cache().lock() {
        cache.set_capacity(10_000);
    }
    let mut examples = Vec::new();
    for region in DATABASE.iter() {
        for kind in KINDS {
            if let Some(national) = region.descriptors().get(kind).and_then(|kind| kind.example()) {
                examples.push(Example {
                    code: region.country_code(),
                    national: national.to_owned(),
                    trunk: region.national_prefix().map(str::to_owned),
                });
            }
        }
    }
    examples
});

/// The oracle's E.164 form of `raw` as dialled in `home`, if it holds it valid.
fn oracle(home: Option<country::Id>, raw: &str) -> Option<String> {
    let number = phonenumber::parse(home, raw).ok()?;
    phonenumber::is_valid(&number).then(|| number.format().mode(Mode::E164).to_string())
}

/// What the parser refuses though the oracle holds it valid: more than the 15 digits of E.164 (German and Austrian direct
/// dialling; Kazakh and Russian `8 10 800 …`, a way to dial), and services at which no person is reached: the codes of no
/// country, premium ranges of +7, Canadian 310 numbers, toll-free and premium numbers of Belarus and Kyrgyzstan.
fn is_refused_on_purpose(e164: &str) -> bool {
    let is_service =
        |prefix: &str, digits: usize| e164.starts_with(prefix) && e164.len() != "+".len() + digits;
    e164.len() > "+".len() + 15
        || e164.starts_with("+78108")
        || ["+7803", "+7809"].iter().any(|range| e164.starts_with(range))
        || SERVICE_CODES.iter().any(|code| {
            e164.strip_prefix('+')
                .is_some_and(|digits| digits.starts_with(&code.to_string()))
        })
        || is_service("+1310", 11)
        || is_service("+3758", 12)
        || is_service("+3759", 12)
        || is_service("+9968", 12)
}

/// What another parser takes: a mailbox without quotes, comments, a display name or an address literal.
fn is_address(email: &Email) -> bool {
    EmailAddress::parse_with_options(email.as_str(), options()).is_ok()
}

fn options() -> Options {
    Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal()
}

/// Our E.164 form of `raw`.
fn ours(raw: &str) -> Option<String> {
    Phone::parse(raw).ok().map(|phone| phone.as_str().to_owned())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// `length` ASCII digits.
fn digits(length: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::char::range('0', '9'), length).prop_map(String::from_iter)
}

/// Anything a form may post: any characters, digits with stray ones between, and pasted control characters.
fn any_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '\0', '\u{7f}', '\u{FEFF}', '\u{202E}', '🌸', '+', '@', '.', '"', '<', 'é', ' ',
    ]);
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range('0', '9'),
        proptest::char::range('a', 'z'),
        odd
    ];
    proptest::collection::vec(character, 0..40).prop_map(String::from_iter)
}

/// National digits behind a prefix, the digits in random scripts and with separators.
fn spelling(national: &str, prefix: &str, zeros: &[char], separators: &[&str]) -> String {
    let mut spelled = prefix.to_owned();
    let digits = national.chars().zip(zeros.iter().cycle());
    for (place, ((digit, zero), separator)) in digits.zip(separators.iter().cycle()).enumerate() {
        let value = digit.to_digit(10).unwrap_or_default();
        spelled.extend(char::from_u32(u32::from(*zero) + value));
        // Ten digits of which the first stands apart are eleven that lost one.
        if place > 0 || !prefix.is_empty() {
            spelled.push_str(separator);
        }
    }
    spelled
}

/// One script for all digits, or each digit in one of its own.
fn zeros() -> impl Strategy<Value = Vec<char>> {
    let zero = || prop::sample::select(ZEROS.as_slice());
    prop_oneof![
        proptest::collection::vec(zero(), 1),
        proptest::collection::vec(zero(), 10)
    ]
}

/// The ten digits of a Kazakh or Russian number. A Kazakh one is of a range that needs no country code.
fn national() -> impl Strategy<Value = String> {
    "(70[0-8]|747|77[15-8]|727|9[0-9]{2})[0-9]{7}"
}

#[test]
fn examples_of_every_region_are_accepted() {
    let mut checked = 0;
    for Example { code, national, .. } in EXAMPLES.iter() {
        if let Some(e164) =
            oracle(None, &format!("+{code}{national}")).filter(|e164| !is_refused_on_purpose(e164))
        {
            assert_eq!(ours(&e164).as_ref(), Some(&e164));
            checked += 1;
        }
    }
    assert!(checked > 800, "only {checked} examples");
}

#[test]
fn every_calling_code_of_the_oracle_is_known() {
    for code in 1..1000_u16 {
        if SERVICE_CODES.contains(&code) {
            let refused = Phone::parse(&format!("+{code} 7012345678"));
            assert_eq!(refused, Err(ContactError::ServiceCode), "+{code}");
        } else if DATABASE.region(&code).is_some() {
            let known = (7..=10).any(|digits| ours(&format!("+{code}{}", &"7012345678"[..digits])).is_some());
            assert!(known, "+{code}");
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn what_the_oracle_holds_valid_is_accepted_alike(
        example in any::<prop::sample::Index>(),
        kept in 1_usize..6,
        tail in digits(16),
    ) {
        let Example { code, national, trunk } = example.get(&EXAMPLES);
        let kept = kept.min(national.len());
        let national = format!("{}{}", &national[..kept], &tail[..national.len() - kept]);
        let candidate = format!("+{code}{national}");
        if let Some(e164) = oracle(None, &candidate).filter(|e164| !is_refused_on_purpose(e164)) {
            prop_assert_eq!(ours(&candidate), Some(e164.clone()));
            prop_assert_eq!(ours(&e164), Some(e164.clone()));
            // The field shows `+7` or `8`, and the whole number comes from the clipboard; or `8~10` behind a plus.
            for shown in ["+7 ", "8 ", "7"] {
                let apart = e164.char_indices().map(|(at, c)| if at == 3 { format!(" {c}") } else { c.to_string() });
                let spelled = format!("{shown}{}", apart.collect::<String>());
                prop_assert_eq!(ours(&spelled), Some(e164.clone()), "{}", spelled);
            }
            if e164.len() > 11 {
                let spelled = format!("+810{}", &e164[1..]);
                prop_assert_eq!(ours(&spelled), Some(e164.clone()), "{}", spelled);
            }
            if let (Some(trunk), true) = (trunk, e164 == candidate) {
                let spelled = format!("+{code} ({trunk}) {national}");
                let read = oracle(None, &spelled);
                prop_assert!(read.is_none() || ours(&spelled) == read, "{} {:?} {:?}", spelled, read, ours(&spelled));
                prop_assert!(trunk != "0" || ours(&spelled) == Some(e164), "{}", spelled);
            }
        }
    }

    #[test]
    fn spellings_of_one_number_are_equal(
        national in national(),
        prefix in prop::sample::select(vec![
            "+7", "8", "7", "", "+7 8", "007", "8~10 7", "tel:+7", "тел. 8", "Телефон: +7 (", " \u{202A}+7", "＋７",
            "+8", "+8 ", "(+8) ", "+8~10 7", "008", "+007", "+7 +7", "8 +7", "++7", "+7 (8", "☎ +8 (",
        ]),
        zeros in zeros(),
        separators in proptest::collection::vec(prop::sample::select(SEPARATORS.as_slice()), 1..10),
    ) {
        let spelled = spelling(&national, prefix, &zeros, &separators);
        prop_assert_eq!(ours(&spelled), Some(format!("+7{national}")), "{:?}", spelled);
    }

    #[test]
    fn a_parsed_value_parses_to_itself(raw in any_text()) {
        if let Ok(phone) = Phone::parse(&raw) {
            prop_assert_eq!(Phone::parse(phone.as_str()), Ok(phone));
        }
        if let Ok(email) = Email::parse(&raw) {
            prop_assert!(is_address(&email), "{}", email.as_str());
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
        }
        for phone in Phone::find_all(&raw) {
            prop_assert_eq!(Phone::parse(phone.as_str()), Ok(phone));
        }
        if let Ok(name) = Name::parse(&raw) {
            prop_assert_eq!(Name::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn a_phone_is_e164_in_every_form(raw in "[+]?[0-9]{6,19}") {
        if let Ok(phone) = Phone::parse(&raw) {
            let digits = phone.digits();
            prop_assert!(phone.as_str().strip_prefix('+') == Some(digits));
            prop_assert!((6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
            prop_assert!(!digits.starts_with('0') && digits.ends_with(phone.last10()) && phone.last10().len() <= 10);
            prop_assert_eq!(Phone::parse(phone.as_str()), Ok(phone));
        }
    }

    #[test]
    fn what_is_refused_as_an_address_is_none(
        local in "[a-z.!'\"(,: а]{0,4}[a-z]?",
        domain in "[a-z.,_@ -]{0,5}\\.?[a-z0-9]{0,3}",
    ) {
        let address = format!("{local}@{domain}");
        if let Ok(email) = Email::parse(&address) {
            prop_assert!(is_address(&email), "{} {}", address, email.as_str());
        } else {
            // Quoted mailboxes, literals, and names that DNS does not have are refused on purpose.
            let is_plain = address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.@".contains(&b))
                && !address.contains("@-") && !address.contains("-.") && !address.contains(".-")
                && address.rsplit('.').next().is_some_and(|top| top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic()));
            prop_assert!(!(is_plain && EmailAddress::parse_with_options(&address, options()).is_ok()), "{}", address);
        }
    }

    #[test]
    fn an_email_parses_whatever_surrounds_it(
        local in "[A-Za-z0-9]([A-Za-z0-9._+-]?[A-Za-z0-9]){0,20}",
        domain in "[A-Za-z0-9]([A-Za-z0-9-]?[A-Za-z0-9]){0,10}\\.[A-Za-z]{2,10}",
        around in "[ \t\n\u{A0}\u{200B}\u{FEFF}\u{202C}]{0,4}",
    ) {
        let address = format!("{local}@{domain}");
        let parsed = Email::parse(&format!("{around}{address}{around}"));
        prop_assert!(parsed.as_ref().is_ok_and(is_address));
        prop_assert_eq!(parsed.map(|email| email.as_str().to_owned()), Ok(address.to_ascii_lowercase()));
    }

    #[test]
    fn a_name_keeps_its_words(
        words in proptest::collection::vec("[A-ZА-ЯӘҒҚ][a-zа-яәғқ'-]{1,10}", 1..5),
        gap in "[ \t\u{A0}]{1,3}\u{200B}?",
    ) {
        let parsed = Name::parse(&words.join(&gap)).map(|name| name.as_str().to_owned());
        prop_assert_eq!(parsed, Ok(words.join(" ")));
    }

    #[test]
    fn debug_and_errors_hide_the_value(secret in "[a-z]{12}", number in "[0-9]{7}") {
        let email = Email::parse(&format!("{secret}@example.com"));
        let phone = Phone::parse(&format!("8701{number}"));
        let name = Name::parse(&secret);
        let shown = format!("{email:?} {phone:?} {name:?}");
        prop_assert!(email.is_ok() && phone.is_ok() && name.is_ok());
        prop_assert!(!shown.contains(&secret[1..]) && !shown.contains(&number[..5]), "{}", shown);

        let errors = [
            Email::parse(&secret).err(),
            Phone::parse(&secret).err(),
            Name::parse(&format!("{secret}\0")).err(),
        ];
        for error in errors {
            let shown = error.map(|error| format!("{error} {error:?}"));
            prop_assert!(shown.is_some_and(|shown| !shown.contains(&secret)));
        }
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    // Without 810…: behind that prefix the oracle also drops a Kazakh 8 from foreign numbers.
    #[test]
    fn domestic_dialling_is_read_as_the_oracle_reads_it(
        dialled in "(8[2-9]|7[0-9]|\\+7[0-9])[0-9]{9}|[79][0-9]{9}",
    ) {
        if let Some(e164) = oracle(Some(country::KZ), &dialled) {
            prop_assert_eq!(ours(&dialled), Some(e164));
        }
    }

    #[test]
    fn neighbours_are_read_without_the_plus(code in "375|996|998", national in digits(9)) {
        let candidate = format!("+{code}{national}");
        if let Some(e164) = oracle(None, &candidate).filter(|e164| !is_refused_on_purpose(e164)) {
            prop_assert_eq!(ours(&format!("{code}{national}")), Some(e164));
        }
    }

    #[test]
    fn belarusian_dialling_is_read_as_in_belarus(national in "(25|29|33|44|17|15|16|21|22|23)[0-9]{7}") {
        if let Some(e164) = oracle(Some(country::BY), &format!("80{national}")) {
            prop_assert_eq!(ours(&format!("80{national}")), Some(e164));
        }
    }

    // Where the oracle finds a country's number behind `+8`, it is that. Else the 8 is the one dialled inside Kazakhstan and
    // Russia. A digit that stands apart is no country's code.
    #[test]
    fn a_trunk_8_after_a_plus_costs_no_country_a_number(national in "[34789][0-9]{9}", apart in "[ (.-]{1,2}") {
        if let Some(e164) = oracle(None, &format!("+7{national}")).filter(|e164| e164.len() == 12) {
            let joined = format!("+8{national}");
            let foreign = oracle(None, &joined).filter(|e164| !is_refused_on_purpose(e164));
            match foreign {
                Some(foreign) => prop_assert_eq!(ours(&joined), Some(foreign)),
                None => prop_assert!(
                    national.starts_with(['4', '8']) || ours(&joined) == Some(e164.clone()),
                    "{} {:?}", joined, ours(&joined)
                ),
            }
            prop_assert_eq!(ours(&format!("+8{apart}{national}")), Some(e164));
        }
    }

    // Whatever stands between two numbers, each is found or none, and nothing else.
    #[test]
    fn numbers_in_one_text_are_found_whole(
        first in national(),
        second in "(8 ?|\\+7 ?|\\+998|)(70[0-8]|747|9[0-9]{2})[0-9]{7}",
        prefix in prop::sample::select(vec!["+7", "8", "8 (", "7", "+7 ", "", "+8 "]),
        zeros in zeros(),
        separators in proptest::collection::vec(prop::sample::select(vec!["", " ", "-", ".", ") "]), 1..10),
        between in prop::sample::select(vec![
            ", ", "; ", "/", " ", "\n", " доб. 12, ", "#404 ", " или ", " (Анна) ", " - ", "\u{A0}", "،", " & ",
        ]),
    ) {
        let expected: Vec<Phone> = [format!("+7{first}"), second.clone()].iter().filter_map(|raw| Phone::parse(raw).ok()).collect();
        let text = format!("{}{between}{second}", spelling(&first, prefix, &zeros, &separators));
        let found = Phone::find_all(&text);
        prop_assert!(found.iter().all(|phone| expected.contains(phone)), "{:?}", text);
        let is_border = between.contains([',', ';', '/', '\n', '#', 'и', '(', '،', '&']);
        prop_assert!(!is_border || found == expected, "{:?} {}", text, found.len());
    }

    #[test]
    fn nul_is_refused_everywhere(mut raw in any_text(), place in any::<prop::sample::Index>()) {
        let places: Vec<usize> = raw.char_indices().map(|(place, _)| place).chain([raw.len()]).collect();
        raw.insert(*place.get(&places), '\0');
        prop_assert!(Phone::parse(&raw).is_err() && Email::parse(&raw).is_err() && Name::parse(&raw).is_err());
    }
}
