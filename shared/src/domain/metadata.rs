//! The column `metadata`: what a form sent besides the contacts. This module parses it; `intake.sql` and `claim.sql`
//! name some of its keys.
//!
//! `intake` writes it; `deliver` reads the quiz result, `crm` the result, the answers' indices and the touches. A row may be older than
//! this code and hold anything a client sent, so reading never fails: unreadable parts are absent.

mod size;
mod tags;

pub use tags::Tags;

use super::quiz::{QuizResult, Type};
use serde_json::{Map, Value, json};
use std::fmt;

/// Octets of the column's text, at most. The table takes more; this is what any number of submissions leave in a lead's row.
const OCTETS_MAX: usize = 16_384;
/// Of them, those that a later submission's touch may take.
const LAST_TOUCH_MAX: usize = 5_500;
/// Of the unknown fields.
const OTHER_MAX: usize = 4_096;
/// Of the questions and answers in words. Ours take about 3,500.
const ANSWER_TEXTS_MAX: usize = 7_168;
/// Of the answers' numbers. Ours take 36.
const ANSWERS_MAX: usize = 1_024;

/// The column, parsed.
#[derive(Clone, Default, PartialEq)]
pub struct Metadata {
    /// `None`: the form sent none, and the row keeps its own.
    pub answers: Option<Answers>,
    /// Questions and answers in words, as the client showed them.
    pub answer_texts: Option<AnswerTexts>,
    pub campaign: Option<String>,
    pub payment_method: Option<String>,
    pub first_tags: Option<Tags>,
    pub last_touch: Option<Touch>,
    /// Unknown fields, kept as sent.
    pub other: Map<String, Value>,
}

/// Prints no values: they are personal.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Indices of the chosen options, from 0.
    pub indices: Vec<u64>,
    /// `None` for answers to another test.
    pub result: Option<QuizResult>,
}

#[derive(Clone, Default, PartialEq)]
pub struct Touch {
    /// `proftest_<campaign>`.
    pub source: String,
    pub campaign: Option<String>,
    pub tags: Option<Tags>,
}

/// Questions and answers in words: a list of objects, kept as the client sent them. Nobody is shown them: a client could write
/// anything to the sales team.
#[derive(Clone, Default, PartialEq)]
pub struct AnswerTexts(pub Vec<Value>);

/// The column while it is filled. A later touch finds its room.
struct Column {
    json: Map<String, Value>,
    left: usize,
}

impl Default for Column {
    fn default() -> Self {
        Self {
            json: Map::new(),
            left: OCTETS_MAX - LAST_TOUCH_MAX - 2,
        }
    }
}

impl Column {
    /// Puts a member in if it takes at most so many octets, and there is room. Returns what it takes.
    fn put(&mut self, name: &str, value: Value, most: usize) -> usize {
        let cost = size::entry(name, &value);
        if cost > most.min(self.left) {
            return 0;
        }
        self.left -= cost;
        self.json.insert(name.to_owned(), value);
        cost
    }
}

impl Metadata {
    /// The column's value, at most 16,384 octets as PostgreSQL prints it, also after a later `lastTouch`. A known field wins
    /// over an unknown one of the same name. What no longer fits is left out: unknown fields first, by the order of their names.
    pub fn into_json(self) -> Map<String, Value> {
        let mut column = Column::default();
        if let Some(Answers { indices, result }) = self.answers {
            column.put("answers", Value::from(indices), ANSWERS_MAX);
            // Answers without a score have no result; an earlier one belongs to other answers.
            column.put("result", result.map_or(Value::Null, result_to_json), OCTETS_MAX);
        }
        let words = [
            ("campaignSlug", self.campaign),
            ("paymentMethod", self.payment_method),
        ];
        for (name, word) in words {
            if let Some(word) = word {
                column.put(name, Value::String(word), OCTETS_MAX);
            }
        }
        if let Some(tags) = self.first_tags {
            column.put("utmParams", tags.into_json(), OCTETS_MAX);
        }
        if let Some(AnswerTexts(texts)) = self.answer_texts {
            let room = ANSWER_TEXTS_MAX.min(column.left.saturating_sub(32));
            column.put("proftestAnswers", Value::Array(fitting(texts, room)), OCTETS_MAX);
        }
        let mut other = OTHER_MAX;
        for (name, value) in self.other {
            // A client must not choose its result.
            let is_ours = matches!(name.as_str(), "result" | "lastTouch") || column.json.contains_key(&name);
            if !is_ours {
                other -= column.put(&name, value, other);
            }
        }
        let mut json = column.json;
        if let Some(touch) = self.last_touch {
            json.insert("lastTouch".to_owned(), touch.into_json());
        }
        json
    }

    pub fn from_json(mut json: Map<String, Value>) -> Self {
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let result = json.remove("result").as_ref().and_then(result_from_json);
        let indices = match json.remove("answers") {
            // What is no index answers its question all the same: with no option.
            Some(Value::Array(indices)) => Some(
                indices
                    .iter()
                    .map(|index| index.as_u64().unwrap_or(u64::MAX))
                    .collect(),
            ),
            _ => None,
        };
        let answers = (indices.is_some() || result.is_some()).then(|| Answers {
            indices: indices.unwrap_or_default(),
            result,
        });
        let answer_texts = match json.remove("proftestAnswers") {
            Some(Value::Array(texts)) => Some(AnswerTexts(texts)),
            _ => None,
        };
        Self {
            answers,
            answer_texts,
            campaign: text(json.remove("campaignSlug")),
            payment_method: text(json.remove("paymentMethod")),
            first_tags: tags(json.remove("utmParams")),
            last_touch: Touch::from_json(json.remove("lastTouch")),
            other: json,
        }
    }
}

impl Touch {
    fn into_json(self) -> Value {
        let tags = self.tags.map(Tags::into_json);
        json!({"source": self.source, "campaignSlug": self.campaign, "utmParams": tags})
    }

    fn from_json(json: Option<Value>) -> Option<Self> {
        let Some(Value::Object(mut json)) = json else {
            return None;
        };
        let text = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        Some(Self {
            source: text("source").unwrap_or_default(),
            campaign: text("campaignSlug"),
            tags: tags(json.remove("utmParams")),
        })
    }
}

/// The first of these that fit.
fn fitting(values: Vec<Value>, octets: usize) -> Vec<Value> {
    let mut left = octets.saturating_sub(2);
    let fits = |value: &Value| {
        let rest = left.checked_sub(size::octets(value) + 2);
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    values.into_iter().take_while(fits).collect()
}

fn tags(json: Option<Value>) -> Option<Tags> {
    match json {
        Some(Value::Object(tags)) => Some(Tags::read(tags)),
        _ => None,
    }
}

/// `{"types": ["S", "A"]}`; the texts stay in the quiz.
fn result_to_json(result: QuizResult) -> Value {
    json!({"types": result.types().map(Type::letter)})
}

pub fn result_from_json(json: &Value) -> Option<QuizResult> {
    let letters = json.get("types")?.as_array()?;
    let letters = letters.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    QuizResult::from_letters(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let json = object(json!({
            "answers": [0, 1], "result": {"types": ["S", "A"]},
            "proftestAnswers": [{"questionNumber": 3, "question": "Кто?", "answer": "Я", "more": 1}],
            "campaignSlug": "kenesary", "paymentMethod": "kaspi", "utmParams": {"utm_source": "instagram"},
            "lastTouch": {"source": "proftest", "campaignSlug": null, "utmParams": {"utm_source": "vk"}},
            "anything": {"else": true},
        }));
        let metadata = Metadata::from_json(json.clone());
        assert_eq!(
            metadata.first_tags.as_ref().unwrap().get("utm_source"),
            Some("instagram")
        );
        assert_eq!(metadata.into_json(), json);
    }

    #[test]
    fn a_row_is_bounded_whatever_is_sent() {
        let long = |text: &str| Value::String(text.repeat(30_000 / text.len()));
        let tags = || {
            let all = (0..200).map(|number| (format!("utm_{number}"), json!("й".repeat(200))));
            Some(Tags::read(all.collect()))
        };
        let texts = (0..200).map(|_| json!({"question": "\u{1}й".repeat(100), "answer": "й".repeat(100)}));
        for other in [
            (0..500)
                .map(|number| (format!("field{number}"), json!(1e300)))
                .collect(),
            object(
                json!({"long": long("й"), "escaped": long("\u{1}"), "small": 1, "floats": [1e-300, 1.5e300]}),
            ),
            (0..3000)
                .map(|number| (number.to_string(), json!([[], {}, null])))
                .collect(),
        ] {
            let touch = || Touch {
                source: "й".repeat(100),
                campaign: Some("й".repeat(100)),
                tags: tags(),
            };
            let metadata = Metadata {
                answers: Some(Answers {
                    indices: vec![u64::MAX; 200],
                    result: None,
                }),
                answer_texts: Some(AnswerTexts(texts.clone().collect())),
                campaign: Some("й".repeat(100)),
                payment_method: Some("й".repeat(100)),
                first_tags: tags(),
                last_touch: None,
                other,
            };
            let later = Metadata {
                last_touch: Some(touch()),
                ..Metadata::default()
            }
            .into_json();
            let mut row = metadata.into_json();
            assert!(
                row["proftestAnswers"]
                    .as_array()
                    .is_some_and(|kept| kept.len() > 5)
            );
            assert!(row.contains_key("utmParams") && !row.contains_key("long"));
            row.extend(later);
            let octets = size::octets(&Value::Object(row));
            assert!(octets <= OCTETS_MAX, "{octets}");
        }
    }

    #[test]
    fn a_row_with_anything_in_it_is_read() {
        for odd in [
            json!(null),
            json!(1),
            json!("x"),
            json!([1]),
            json!({"types": ["S", "S"]}),
            json!({"a": []}),
        ] {
            let names = [
                "result",
                "answers",
                "proftestAnswers",
                "campaignSlug",
                "utmParams",
                "lastTouch",
            ];
            let json = names
                .into_iter()
                .map(|name| (name.to_owned(), odd.clone()))
                .collect();
            let metadata = Metadata::from_json(json);
            let result = metadata.answers.and_then(|answers| answers.result);
            assert_eq!(result, None, "{odd}");
        }
    }
}
