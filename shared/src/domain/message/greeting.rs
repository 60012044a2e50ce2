//! The name in a greeting.
//!
//! Anyone can put any text and another person's address into the form. What we greet by stands in a message of ours, so it is a
//! given name or nothing: no number, no link, no sentence.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Longest name, in characters.
const CHARS_MAX: usize = 32;
/// What may stand in a name besides letters: hyphens, and the apostrophes of `О’Нил` and `Д'Артаньян`.
const MARKS: [char; 6] = ['-', '‐', '\'', '’', 'ʼ', '`'];

/// Endings of names after the father: Russian, Kazakh, Kyrgyz, Azerbaijani.
const PATRONYMICS: [&str; 13] = [
    "вич",
    "ьич",
    "вна",
    "ична",
    "инична",
    "ұлы",
    "улы",
    "қызы",
    "кызы",
    "уулу",
    "оглы",
    "оғлы",
    "кизи",
];
/// Endings of surnames, long enough not to meet `Ева` or `Нина`.
const SURNAMES: [&str; 14] = [
    "ов",
    "ев",
    "ёв",
    "ова",
    "ева",
    "ёва",
    "ский",
    "ская",
    "цкий",
    "цкая",
    "енко",
    "швили",
    "ин",
    "ина",
];
/// Given names with such an ending.
const GIVEN: [&str; 27] = [
    "лев",
    "яков",
    "ева",
    "нина",
    "марина",
    "ирина",
    "карина",
    "алина",
    "полина",
    "екатерина",
    "кристина",
    "галина",
    "зарина",
    "ангелина",
    "сабина",
    "регина",
    "арина",
    "дина",
    "эвелина",
    "мадина",
    "константин",
    "валентин",
    "валентина",
    "мартин",
    "айдин",
    "тамерлан",
    "амина",
];

/// The given name of what was typed as a name: of `Нурланова Айгерим` and of `Иванов Иван Иванович` the second word, of
/// most others the first. `None` when greeting by it could do harm or would be wrong.
pub fn given_name(raw: &str) -> Option<String> {
    let visible: String = raw
        .chars()
        .filter(|c| c.is_whitespace() || !is_invisible(*c))
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    if !words.iter().all(|word| is_name(word)) {
        return None;
    }
    let name = match words[..] {
        [] => return None,
        [_, given, father, ..] if is_patronymic(father) => given,
        [first, second] if is_surname(first) && !is_surname(second) && !is_patronymic(second) => second,
        [first, ..] => first,
    };
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    let chars = name.chars().count();
    // An initial is no name to greet by, but a name of one Chinese character is.
    let is_whole = letters > 1 || name.chars().all(|c| !c.is_lowercase() && !c.is_uppercase());
    (chars <= CHARS_MAX && letters > 0 && is_whole && !name.ends_with('.')).then(|| name.to_owned())
}

/// Letters of any script with their marks, and what may join them. A full stop ends an initial.
fn is_name(word: &str) -> bool {
    let word = word.strip_suffix('.').unwrap_or(word);
    let may = |c: char| {
        let group = c.general_category_group();
        matches!(group, GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark) || MARKS.contains(&c)
    };
    !word.is_empty() && word.chars().all(may)
}

fn is_patronymic(word: &str) -> bool {
    let lower = word.to_lowercase();
    PATRONYMICS.iter().any(|ending| lower.ends_with(ending))
}

fn is_surname(word: &str) -> bool {
    let lower = word.to_lowercase();
    !GIVEN.contains(&lower.as_str()) && SURNAMES.iter().any(|ending| lower.ends_with(ending))
}

/// Control characters, and those that hide or reorder others (Unicode bidirectional and zero-width ones).
fn is_invisible(c: char) -> bool {
    let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let reorders = matches!(c, '\u{202a}'..='\u{202e}');
    c.is_control() || hides || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_name_is_found_in_what_people_type() {
        for (typed, given) in [
            ("Айгерим", "Айгерим"),
            ("  Айгерим\u{200b} \n", "Айгерим"),
            ("Айгерим Нурланова", "Айгерим"),
            ("Нурланова Айгерим", "Айгерим"),
            ("Иванов Иван Иванович", "Иван"),
            ("Иван Иванович", "Иван"),
            ("Анна Ильинична", "Анна"),
            ("Нұрсұлтан Әбішұлы", "Нұрсұлтан"),
            ("Назарбаев Нұрсұлтан Әбішұлы", "Нұрсұлтан"),
            ("Лев Яковлев", "Лев"),
            ("Нина Иванова", "Нина"),
            ("Достоевский Фёдор", "Фёдор"),
            ("Анна-Мария О’Нил", "Анна-Мария"),
            ("Иванов Петров", "Иванов"),
            ("李小龍", "李小龍"),
            ("Ян", "Ян"),
            ("Anna Karenina", "Anna"),
        ] {
            assert_eq!(given_name(typed).as_deref(), Some(given), "{typed}");
        }
    }

    #[test]
    fn what_could_do_harm_is_not_greeted() {
        let long = "а".repeat(33);
        for typed in [
            "",
            " \n",
            "Звоните 8 727 250 12 34",
            "Анна2",
            "Приз ждёт на evil.example/x",
            "http://evil",
            "www.зло.рф",
            "Приз evil\u{200b}.\u{200b}example",
            "anna@mail.kz",
            "a/b",
            "<script>",
            "И. И. Иванов",
            "И",
            "Вы выиграли!",
            "🎁 Анна",
            "t.me",
            &long,
        ] {
            assert_eq!(given_name(typed), None, "{typed}");
        }
    }
}
