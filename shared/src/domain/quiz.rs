//! The career test: Holland's six types (RIASEC), twelve questions of four options.
//!
//! Each option gives one point to its type. The design is balanced, which `build/quiz.rs` checks: each type is
//! offered in eight questions, twice at each place, and equally often against every neighbour. The texts are in
//! `data/quiz.toml`.

pub mod hexagon;

use super::message::{ResultTexts, TypeText};

pub const QUESTIONS: usize = 12;
pub const OPTIONS: usize = 4;
const TYPES: usize = 6;
const PAIRS: usize = TYPES * (TYPES - 1) / 2;

/// A type of personality. The order is that of Holland's hexagon, where neighbours are similar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Realistic.
    R,
    /// Investigative.
    I,
    /// Artistic.
    A,
    /// Social.
    S,
    /// Enterprising.
    E,
    /// Conventional.
    C,
}

impl Type {
    /// In the order of the hexagon.
    pub const ALL: [Self; TYPES] = [Self::R, Self::I, Self::A, Self::S, Self::E, Self::C];

    pub const fn letter(self) -> &'static str {
        match self {
            Self::R => "R",
            Self::I => "I",
            Self::A => "A",
            Self::S => "S",
            Self::E => "E",
            Self::C => "C",
        }
    }

    /// `None` for any other letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }
}

#[derive(Debug)]
pub struct Question {
    pub text: &'static str,
    /// In the order of the page.
    pub options: [Choice; OPTIONS],
}

#[derive(Debug)]
pub struct Choice {
    /// The type that gets the point.
    pub kind: Type,
    pub text: &'static str,
}

#[derive(Debug)]
struct TypeTexts {
    title: &'static str,
    meaning: &'static str,
    first_step: &'static str,
    say_first: &'static str,
}

struct Quiz {
    questions: [Question; QUESTIONS],
    types: [TypeTexts; TYPES],
    /// By pair: RI, RA, … RC, IA, … EC.
    professions: [&'static [&'static str]; PAIRS],
}

static QUIZ: Quiz = include!(concat!(env!("OUT_DIR"), "/quiz.rs"));

/// In the order of the test.
pub fn questions() -> &'static [Question; QUESTIONS] {
    &QUIZ.questions
}

/// The types' names, in the order of the hexagon.
pub fn titles() -> [&'static str; TYPES] {
    Type::ALL.map(|kind| QUIZ.types[kind as usize].title)
}

/// The two leading types of a person, the stronger first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuizResult {
    first: Type,
    second: Type,
}

/// Scores the test. `answers` are the indices of the chosen options, question by question; `None` unless there is one
/// valid index per question.
///
/// The type chosen most often leads. Between equal types, the one whose two neighbours on the hexagon were chosen
/// more often leads, because similar interests support each other; after that, the one chosen earlier. The same
/// answers always give the same result.
pub fn score(answers: &[usize]) -> Option<QuizResult> {
    if answers.len() != QUESTIONS {
        return None;
    }
    let chosen = questions()
        .iter()
        .zip(answers)
        .map(|(question, answer)| question.options.get(*answer).map(|option| option.kind))
        .collect::<Option<Vec<_>>>()?;
    let points = |at: usize| {
        let kind = Type::ALL[at % TYPES];
        chosen.iter().filter(|one| **one == kind).count()
    };
    let mut ranked = [0, 1, 2, 3, 4, 5];
    ranked.sort_by_key(|at| {
        let neighbours = points(at + 1) + points(at + TYPES - 1);
        let earliest = chosen.iter().position(|kind| *kind == Type::ALL[*at]);
        // Types with 0 points come last whatever the rest says, and none of them can be second, because no type is
        // offered in every question.
        (
            std::cmp::Reverse((points(*at), neighbours)),
            earliest.unwrap_or(QUESTIONS),
        )
    });
    let [first, second, ..] = ranked;
    Some(QuizResult {
        first: Type::ALL[first],
        second: Type::ALL[second],
    })
}

impl QuizResult {
    /// The two types, the stronger first.
    pub const fn types(self) -> [Type; 2] {
        [self.first, self.second]
    }

    /// From the letters of [`QuizResult::types`]; `None` unless they are two different types.
    pub fn from_letters(letters: &[&str]) -> Option<Self> {
        let [first, second] = letters else {
            return None;
        };
        let (first, second) = (Type::from_letter(first)?, Type::from_letter(second)?);
        (first != second).then_some(Self { first, second })
    }

    pub fn texts(self) -> ResultTexts {
        let texts = |kind: Type| &QUIZ.types[kind as usize];
        let described = |kind: Type| TypeText {
            title: texts(kind).title.to_owned(),
            meaning: texts(kind).meaning.to_owned(),
        };
        let professions = QUIZ.professions[pair_index(self.first as usize, self.second as usize)];
        ResultTexts {
            types: self.types().map(described).to_vec(),
            professions: professions.iter().map(|name| (*name).to_owned()).collect(),
            first_step: texts(self.first).first_step.to_owned(),
        }
    }

    /// How a salesperson begins: for them alone, the person does not see it.
    pub fn say_first(self) -> &'static str {
        QUIZ.types[self.first as usize].say_first
    }
}

/// A pair's place in the table of professions; the order of the two does not matter.
const fn pair_index(one: usize, other: usize) -> usize {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    // Before the pairs of `low` are those of every smaller type: 5 + 4 + …
    low * (2 * TYPES - low - 1) / 2 + high - low - 1
}

#[cfg(test)]
mod tests;
