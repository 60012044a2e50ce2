//! The tables of `shared/data`, each class by its name, and what no row of a table can say.

mod sentences;
mod suggestions;

use super::*;
use serde_json::{Value, json};

const NAMES: &str = include_str!("../../../data/names.json");
const EMAILS: &str = include_str!("../../../data/emails.json");
const PHONES: &str = include_str!("../../../data/phones.json");

/// The rows of one section of a table.
fn rows(table: &str, section: &str) -> Vec<Value> {
    let table: Value = serde_json::from_str(table).unwrap();
    table[section].as_array().unwrap().clone()
}

/// What a row says of `input`: its normal form, or why it is refused.
fn said(input: &Value, parse: fn(&str) -> Result<String, ContactError>) -> Value {
    match parse(input.as_str().unwrap()) {
        Ok(normal) => json!({ "normal": normal }),
        Err(error) => serde_json::to_value(error).unwrap(),
    }
}

fn name(raw: &str) -> Result<String, ContactError> {
    Name::parse(raw).map(|name| name.as_str().to_owned())
}

fn email(raw: &str) -> Result<String, ContactError> {
    Email::parse(raw).map(|email| email.as_str().to_owned())
}

fn phone(raw: &str) -> Result<String, ContactError> {
    Phone::parse(raw).map(|phone| phone.as_str().to_owned())
}

/// The rows of one class that the parser does not read as they say. At least six rows are there: the first one seen and
/// five more.
fn check(table: &str, class: &str, parse: fn(&str) -> Result<String, ContactError>) {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for mut row in rows(table, "spellings") {
        if row["class"] != class {
            continue;
        }
        let fields = row.as_object_mut().unwrap();
        fields.remove("class");
        let input = fields.remove("input").unwrap();
        let said = said(&input, parse);
        if said != row {
            wrong.push(format!("{input}: {row}, but {said}"));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 6, "{class} has {checked} rows");
}

/// One test for each class of a table, and one that no class of the table is without.
macro_rules! classes {
    ($module:ident, $table:ident, $parse:ident: $($class:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $class() {
                    super::check(super::$table, stringify!($class), super::$parse);
                }
            )*

            #[test]
            fn every_class_has_a_test() {
                let tested = [$(stringify!($class)),*];
                for row in super::rows(super::$table, "spellings") {
                    let class = row["class"].as_str().unwrap();
                    assert!(tested.contains(&class), "{class}");
                }
            }
        }
    };
}

classes! { names, NAMES, name:
    names_of_any_script
    invisible_characters
    decomposed_letters
    half_an_emoji
    the_true_reason
}

classes! { emails, EMAILS, email:
    spellings_of_one_address
    invisible_characters
    national_domains
    letters_of_another_keyboard
    characters_of_another_width_or_font
    the_double_space_of_a_keyboard
    copied_with_what_stood_around
    symbols_in_a_domain
    the_true_reason
}

classes! { phones, PHONES, phone:
    spellings_of_a_kazakh_number
    other_numbers_are_read_as_dialled_from_kazakhstan
    the_trunk_8_after_a_plus
    trunk_prefixes_after_the_country_code
    autofill_into_a_field_with_a_prefix
    digits_of_other_scripts
    invisible_characters
    dashes_spaces_and_brackets
    labels_before_and_after
    quotes_and_spreadsheets
    the_double_space_of_a_keyboard
    the_true_reason
    several_numbers
    extensions
    codes_without_people
    premium_ranges
    digits_that_stand_alone
    a_lost_digit
    foreign_numbers_without_a_plus
}

/// Checks the rows of `fields` of one class: texts with any number of numbers.
fn check_fields(class: &str) {
    let mut checked = 0;
    for row in rows(PHONES, "fields") {
        if row["class"] == class {
            let found = Phone::find_all(row["input"].as_str().unwrap());
            let found: Vec<&str> = found.iter().map(Phone::as_str).collect();
            assert_eq!(json!(found), row["numbers"], "{}", row["input"]);
            checked += 1;
        }
    }
    assert!(checked >= 6, "{class} has {checked} rows");
}

#[test]
fn a_crm_field_with_more_than_one_bare_number() {
    check_fields("a_crm_field_with_more_than_one_bare_number");
}

#[test]
fn remarks_in_digits() {
    check_fields("remarks_in_digits");
}

#[test]
fn digits_do_not_match_across_two_numbers() {
    check_fields("digits_do_not_match_across_two_numbers");
}

#[test]
fn a_crm_field_without_a_number() {
    check_fields("a_crm_field_without_a_number");
}

#[test]
fn a_crm_field_that_is_one_accepted_spelling_holds_that_number() {
    for row in rows(PHONES, "spellings") {
        let input = row["input"].as_str().unwrap();
        // A slash, a tab and the end of a line part two numbers in a field.
        let parts = input.contains(['/', '\\', '／', '\t', '\u{2028}']);
        let (Some(normal), false) = (row["normal"].as_str(), parts) else {
            continue;
        };
        let found = Phone::find_all(input);
        let found: Vec<&str> = found.iter().map(Phone::as_str).collect();
        assert_eq!(found, [normal], "{input:?}");
    }
}

#[test]
fn endless_texts_are_read_in_time() {
    let phones = [
        ("7".repeat(1_000_000), Err(ContactError::TooLong)),
        (
            format!("8{}7011234567", "-".repeat(1_000_000)),
            Ok("+77011234567".to_owned()),
        ),
        ("тел. ".repeat(20_000), Err(ContactError::Empty)),
        ("+".repeat(100_000), Err(ContactError::Empty)),
        ("а".repeat(100_000), Err(ContactError::Letters)),
    ];
    // A label at one end, and at the other a word that is none.
    let words = [
        format!("{}{}", "т ".repeat(10_000), "ж".repeat(15_000)),
        format!("{}{}", "ж".repeat(15_000), " т".repeat(10_000)),
        format!("{}{}", "Ⱥ".repeat(10_000), " t".repeat(16_000)),
    ];
    let started = std::time::Instant::now();
    for (raw, expected) in phones
        .into_iter()
        .chain(words.map(|words| (words, Err(ContactError::Letters))))
    {
        assert_eq!(phone(&raw), expected);
    }
    // Some 20 ms here without optimisation. A quadratic reader takes a minute.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert_eq!(Phone::find_all(&"1 ".repeat(50_000)), []);
    assert_eq!(Phone::find_all(&"+7 ".repeat(30_000)), []);
    assert_eq!(Phone::find_all(&"87011234567,".repeat(5_000)).len(), 5_000);
    assert_eq!(email(&"@ ".repeat(50_000)), Err(ContactError::TooLong));
    assert_eq!(email(&"\u{200B}".repeat(30_000)), Err(ContactError::Empty));
    assert_eq!(name(&"\u{301}".repeat(30_000)), Err(ContactError::TooLong));
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
fn debug_masks_the_value() {
    for (raw, expected) in [
        ("+77011234567", "Phone(+7701*****67)"),
        ("+998901234567", "Phone(+9989******67)"),
        ("+6834002", "Phone(+*****02)"),
        ("+431234", "Phone(+****34)"),
    ] {
        assert_eq!(format!("{:?}", Phone::parse(raw).unwrap()), expected);
    }
    assert_eq!(
        format!("{:?}", Email::parse("anna@example.com").unwrap()),
        "Email(a***@example.com)"
    );
    assert_eq!(format!("{:?}", Name::parse("Пётр Ильич").unwrap()), "Name(П***)");
}
