//! Reads and checks `data/quiz.toml`. Two build scripts use it, this crate's and `functions/page`'s, and a test; no
//! function does.

use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The types in the order of Holland's hexagon: neighbours are similar, opposites are not.
pub const LETTERS: [char; 6] = ['R', 'I', 'A', 'S', 'E', 'C'];
pub const QUESTIONS: usize = 12;
pub const OPTIONS: usize = 4;
/// In how many questions each type is offered.
const OFFERS: usize = QUESTIONS * OPTIONS / LETTERS.len();
/// In how many questions a type is offered at one place.
const OFFERS_AT_PLACE: usize = OFFERS / OPTIONS;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    pub questions: Vec<Question>,
    /// By letter.
    pub types: BTreeMap<char, TypeTexts>,
    /// By two letters, in the order of the hexagon.
    pub professions: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub text: String,
    pub options: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The type that gets the point.
    #[serde(rename = "type")]
    pub letter: char,
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeTexts {
    pub title: String,
    pub meaning: String,
    pub first_step: String,
    /// For the salesperson alone.
    pub say_first: String,
}

/// Every pair of two types. `professions` must have each.
pub fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..LETTERS.len()).flat_map(|first| (first + 1..LETTERS.len()).map(move |second| (first, second)))
}

/// The key of a pair in `professions`.
pub fn pair_name((first, second): (usize, usize)) -> String {
    [LETTERS[first], LETTERS[second]].iter().collect()
}

impl Quiz {
    /// Parses and checks the file; the error is one sentence.
    pub fn read(toml: &str) -> Result<Self, String> {
        let quiz: Self = toml::from_str(toml).map_err(|error| error.to_string())?;
        quiz.check_questions()?;
        quiz.check_balance()?;
        quiz.check_results()?;
        Ok(quiz)
    }

    fn check_questions(&self) -> Result<(), String> {
        if self.questions.len() != QUESTIONS {
            let found = self.questions.len();
            return Err(format!(
                "there are {found} questions, and there must be {QUESTIONS}"
            ));
        }
        let mut asked = HashSet::new();
        for (number, question) in (1..).zip(&self.questions) {
            check_text(&question.text, &format!("question {number}"))?;
            if !asked.insert(&question.text) {
                return Err(format!("question {number} is asked twice"));
            }
            if question.options.len() != OPTIONS {
                let found = question.options.len();
                return Err(format!(
                    "question {number} has {found} options, and must have {OPTIONS}"
                ));
            }
            let (mut texts, mut letters) = (HashSet::new(), HashSet::new());
            for option in &question.options {
                let (letter, text) = (option.letter, &option.text);
                check_text(text, &format!("an option of question {number}"))?;
                if !LETTERS.contains(&letter) {
                    return Err(format!(
                        "question {number} has an option of type {letter}, which is none of {LETTERS:?}"
                    ));
                }
                if !letters.insert(letter) {
                    return Err(format!("question {number} has two options of type {letter}"));
                }
                if !texts.insert(text) {
                    return Err(format!("question {number} offers {text:?} twice"));
                }
            }
        }
        Ok(())
    }

    /// Each type is offered equally often in all, at each place, and against its neighbours.
    fn check_balance(&self) -> Result<(), String> {
        let mut places: HashMap<(char, usize), usize> = HashMap::new();
        let mut meetings: HashMap<(usize, usize), usize> = HashMap::new();
        for question in &self.questions {
            for (place, option) in question.options.iter().enumerate() {
                *places.entry((option.letter, place)).or_default() += 1;
            }
            let offered = |at: usize| question.options.iter().any(|option| option.letter == LETTERS[at]);
            for pair in pairs().filter(|(first, second)| offered(*first) && offered(*second)) {
                *meetings.entry(pair).or_default() += 1;
            }
        }
        for letter in LETTERS {
            let count = |place| places.get(&(letter, place)).copied().unwrap_or_default();
            let all: usize = (0..OPTIONS).map(count).sum();
            if all != OFFERS {
                return Err(format!(
                    "type {letter} is offered in {all} questions, and must be in {OFFERS}"
                ));
            }
            for place in 0..OPTIONS {
                if count(place) != OFFERS_AT_PLACE {
                    let (found, place) = (count(place), place + 1);
                    return Err(format!(
                        "type {letter} is option {place} in {found} questions, and must be in {OFFERS_AT_PLACE}"
                    ));
                }
            }
        }
        for pair in pairs() {
            let opposite = pair.1 - pair.0 == LETTERS.len() / 2;
            let (found, must) = (
                meetings.get(&pair).copied().unwrap_or_default(),
                if opposite { 4 } else { 5 },
            );
            if found != must {
                let pair = pair_name(pair);
                return Err(format!(
                    "the types {pair} meet in {found} questions, and must meet in {must}"
                ));
            }
        }
        Ok(())
    }

    fn check_results(&self) -> Result<(), String> {
        if let Some(letter) = self.types.keys().find(|letter| !LETTERS.contains(letter)) {
            return Err(format!(
                "there are texts for a type {letter}, which is none of {LETTERS:?}"
            ));
        }
        let mut titles = HashSet::new();
        for letter in LETTERS {
            let texts = self
                .types
                .get(&letter)
                .ok_or_else(|| format!("there are no texts for type {letter}"))?;
            check_text(&texts.title, &format!("the title of type {letter}"))?;
            check_text(&texts.meaning, &format!("the meaning of type {letter}"))?;
            check_text(&texts.first_step, &format!("the first step of type {letter}"))?;
            check_text(&texts.say_first, &format!("what to say first to type {letter}"))?;
            if !titles.insert(&texts.title) {
                return Err(format!("two types are called {}", texts.title));
            }
        }
        let names: Vec<String> = pairs().map(pair_name).collect();
        if let Some(name) = self.professions.keys().find(|name| !names.contains(name)) {
            return Err(format!(
                "there are professions for {name}, which is none of {names:?}"
            ));
        }
        for name in names {
            let professions = self
                .professions
                .get(&name)
                .ok_or_else(|| format!("there are no professions for {name}"))?;
            if !(5..=8).contains(&professions.len()) {
                let found = professions.len();
                return Err(format!(
                    "there are {found} professions for {name}, and must be 5 to 8"
                ));
            }
            for profession in professions {
                check_text(profession, &format!("a profession for {name}"))?;
            }
            if professions.iter().collect::<HashSet<_>>().len() != professions.len() {
                return Err(format!("a profession for {name} is there twice"));
            }
        }
        Ok(())
    }
}

fn check_text(text: &str, what: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!(
            "{what} has spaces around it or is of several lines: {text:?}"
        ));
    }
    Ok(())
}
