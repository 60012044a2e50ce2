//! The column `metadata`: what a form sent besides the contacts. This module parses it; `intake.sql` and `claim.sql`
//! name some of its keys.
//!
//! `intake` writes it; `deliver` reads the quiz result, `crm` the answers and the touches. A row may be older than
//! this code and hold anything a client sent, so reading never fails: unreadable parts are absent.

mod tags;

pub use tags::Tags;

use super::quiz::{QuizResult, Type};
use serde_json::{Map, Value, json};
use std::fmt;

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

/// Questions and answers in words: a list of objects, kept as the client sent them.
#[derive(Clone, Default, PartialEq)]
pub struct AnswerTexts(pub Vec<Value>);

impl AnswerTexts {
    /// Number, question and answer, for entries with both in words.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &str, &str)> {
        self.0.iter().zip(1..).filter_map(|(answer, place)| {
            let text = |name: &str| answer.get(name)?.as_str().map(str::trim);
            let number = answer.get("questionNumber").and_then(Value::as_u64);
            Some((number.unwrap_or(place), text("question")?, text("answer")?))
        })
    }
}

impl Metadata {
    /// The column's value. A known field wins over an unknown one of the same name.
    pub fn into_json(self) -> Map<String, Value> {
        let mut json = self.other;
        // A client must not choose its result.
        json.remove("result");
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                json.insert(name.to_owned(), value);
            }
        };
        if let Some(Answers { indices, result }) = self.answers {
            put("answers", Some(indices.into()));
            // Answers without a score remove the earlier result, which belongs to other answers.
            put("result", Some(result.map_or(Value::Null, result_to_json)));
        }
        put(
            "proftestAnswers",
            self.answer_texts.map(|texts| Value::Array(texts.0)),
        );
        put("campaignSlug", self.campaign.map(Value::String));
        put("paymentMethod", self.payment_method.map(Value::String));
        put("utmParams", self.first_tags.map(Tags::into_json));
        put("lastTouch", self.last_touch.map(Touch::into_json));
        json
    }

    pub fn from_json(mut json: Map<String, Value>) -> Self {
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let result = json.remove("result").as_ref().and_then(result_from_json);
        let indices = match json.remove("answers") {
            Some(Value::Array(indices)) => Some(indices.iter().filter_map(Value::as_u64).collect()),
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

    #[test]
    fn an_answer_without_words_has_no_line() {
        let texts = AnswerTexts(vec![
            json!({"question": " Кто? ", "answer": "Я"}),
            json!({"question": "Где?"}),
            json!(7),
            json!({"questionNumber": 9, "question": "Что?", "answer": "Это"}),
        ]);
        let lines: Vec<_> = texts.lines().collect();
        assert_eq!(lines, [(1, "Кто?", "Я"), (9, "Что?", "Это")]);
    }
}
