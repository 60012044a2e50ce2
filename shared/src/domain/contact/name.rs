//! A person's name.

use std::fmt;

use super::{ContactError, is_invisible};

/// Characters (Unicode scalar values) a name must have; the form asks for two as well.
const MIN_CHARS: usize = 2;
/// Characters a name may have.
const MAX_CHARS: usize = 100;

/// A person's name in any script: 2 to 100 characters, at least one of them a letter, single spaces inside,
/// no control and no invisible characters. It is not fit for HTML as it is: templates escape.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Parses what a visitor typed. Any run of whitespace becomes one space; zero-width and bidirectional
    /// control characters are dropped (also the joiners of Persian and Indic spelling, since they let a name
    /// hide text, and without them it stays readable).
    pub fn parse(raw: &str) -> Result<Self, ContactError> {
        let visible: String = raw.chars().filter(|c| !is_invisible(*c)).collect();
        if visible.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(ContactError::ControlCharacter);
        }
        let name = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(ContactError::Empty),
            1..MIN_CHARS => Err(ContactError::TooShort),
            MIN_CHARS..=MAX_CHARS if name.chars().any(char::is_alphabetic) => Ok(Self(name)),
            MIN_CHARS..=MAX_CHARS => Err(ContactError::NoLetter),
            _ => Err(ContactError::TooLong),
        }
    }

    /// The value that a row or pinned content holds: it was parsed when it came in.
    pub(crate) fn from_row(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The normalised name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked: `Name(П***)`.
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: String = self.0.chars().take(1).collect();
        write!(f, "Name({first}***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_kept_and_cleaned() {
        let table = [
            ("Пётр", "Пётр"),
            ("  Әсел   Қанатқызы ", "Әсел Қанатқызы"),
            ("O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."),
            ("李 明", "李 明"),
            ("李\u{3000}明", "李 明"),
            ("محمد علی", "محمد علی"),
            ("Иван\t\r\nПетров", "Иван Петров"),
            ("\u{FEFF}Анна\u{200B}\u{A0}\u{202E}Ли\u{2069}", "Анна Ли"),
            ("Аня 🌸", "Аня 🌸"),
            ("<b>Аня</b>", "<b>Аня</b>"),
            ("Ян", "Ян"),
        ];
        for (raw, expected) in table {
            assert_eq!(Name::parse(raw).unwrap().as_str(), expected, "{raw:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_for_its_reason() {
        let table = [
            ("", ContactError::Empty),
            (" \u{A0}\u{200B}\n", ContactError::Empty),
            ("\u{3164}\u{3164}\u{3164}", ContactError::Empty),
            ("Я", ContactError::TooShort),
            ("\u{200D}Я\u{200D}", ContactError::TooShort),
            ("123 45", ContactError::NoLetter),
            ("🌸🌸", ContactError::NoLetter),
            ("Ан\0на", ContactError::ControlCharacter),
            ("Анна\0", ContactError::ControlCharacter),
            ("Ан\u{1b}[31mна", ContactError::ControlCharacter),
            ("Ан\u{9b}на", ContactError::ControlCharacter),
        ];
        for (raw, expected) in table {
            assert_eq!(Name::parse(raw), Err(expected), "{raw:?}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_after_cleaning() {
        let longest = "Ж".repeat(100);
        assert_eq!(Name::parse(&longest).unwrap().as_str(), longest);
        assert_eq!(
            Name::parse(&format!("  {longest}\u{200B} ")).unwrap().as_str(),
            longest
        );
        assert_eq!(Name::parse(&"Ж".repeat(101)), Err(ContactError::TooLong));
    }

    #[test]
    fn debug_shows_the_first_letter_only() {
        assert_eq!(format!("{:?}", Name::parse("Пётр Ильич").unwrap()), "Name(П***)");
    }
}
