//! The form's JSON, parsed once. Unknown fields are kept in the lead's metadata.

mod accepted;
mod body;
mod posted;
mod proof;

pub use accepted::{Accepted, Asked};
use lambda_http::Request;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::CONTENT_TYPE;
pub use posted::{Consented, Posted};
use proftest::domain::contact::{ContactError, Email, Field, Name, Phone};
use proftest::domain::guard::Evidence;
use proftest::domain::metadata::{AnswerTexts, Answers, Metadata, Tags, Touch};
use proftest::domain::quiz::{self, QuizResult};
use proftest::http::{Refusal, header_text};
use proftest::store::NewLead;
use proftest::texts::Texts;
pub use proof::{solved, wrong, wrong_token};
use serde_json::{Map, Value};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// Larger bodies are refused.
const BODY_MAX: usize = 64 * 1024;
/// Longest campaign slug, source and payment method, in characters.
const WORD_MAX: usize = 100;
/// Longest idempotency key, in bytes. A longer key is refused: cut, it could equal another one.
const KEY_MAX: usize = 255;
/// Far above the length of any test.
const ANSWERS_MAX: usize = 200;
/// How deep a field may be nested. serde_json reads at most 128 levels, and the metadata adds some of its own: a
/// deeper field could be stored but not read again.
const DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub struct Submission {
    pub lead: NewLead,
    /// `None` without answers, or with answers to another test.
    pub result: Option<QuizResult>,
    pub posted: Posted,
}

pub fn parse(request: &Request, texts: &Texts) -> Result<Submission, Refusal> {
    let fields = fields(request)?;
    let headers = request.headers();
    let header_key = header_text(headers, "idempotency-key").map(Cow::into_owned);
    Form::new(fields, texts).read(header_key, headers)
}

/// The members of a body that is one JSON object.
fn fields(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let body = body::bytes(request.body());
    if body.len() > BODY_MAX {
        return Err(Refusal::TooLarge);
    }
    if !header_text(request.headers(), CONTENT_TYPE).is_some_and(|value| is_json(&value)) {
        return Err(Refusal::NotJsonType);
    }
    match body::parse(body) {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::NotJson),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The fields, and the faults found so far.
struct Form<'a> {
    fields: Map<String, Value>,
    wrong: Vec<(&'static str, Cow<'static, str>)>,
    /// Whether a contact is missing.
    is_incomplete: bool,
    texts: &'a Texts,
}

impl<'a> Form<'a> {
    const fn new(fields: Map<String, Value>, texts: &'a Texts) -> Self {
        Self {
            fields,
            wrong: Vec::new(),
            is_incomplete: false,
            texts,
        }
    }

    fn read(mut self, header_key: Option<String>, headers: &HeaderMap) -> Result<Submission, Refusal> {
        let name = self.contact("name", Field::Name, Name::parse);
        let email = self.contact("email", Field::Email, Email::parse);
        let phone = self.contact("phone", Field::Phone, Phone::parse);
        let slug = self.word("campaignSlug");
        let source = self.word("source");
        let payment_method = self.word("paymentMethod");
        let key = self.key("submissionId", header_key);
        let answers = self
            .list("answers", Value::is_u64)
            .map(|indices| answers(&indices));
        let answer_texts = self.list("proftestAnswers", Value::is_object).map(AnswerTexts);
        let first_tags = self.tags("utmParams");
        let last_tags = self.tags("lastUtmParams").or_else(|| first_tags.clone());
        let mut other = self.object("metadata").unwrap_or_default();
        if !self
            .fields
            .iter()
            .all(|(name, value)| is_storable(name, value, DEPTH_MAX))
        {
            self.wrong_type::<()>("metadata");
        }
        self.trap();
        let posted = self.posted(headers);
        let (Some(name), Some(email), Some(phone), true) = (name, email, phone, self.wrong.is_empty()) else {
            return Err(self.refusal());
        };
        let source = source.unwrap_or_else(|| {
            slug.as_deref()
                .map_or_else(|| "proftest".to_owned(), |slug| format!("proftest_{slug}"))
        });
        other.append(&mut self.fields);
        let result = answers.as_ref().and_then(|answers| answers.result);
        let last_touch = Touch {
            source: source.clone(),
            campaign: slug.clone(),
            tags: last_tags,
        };
        let lead = NewLead {
            name,
            email,
            phone,
            source,
            metadata: Metadata {
                answers,
                answer_texts,
                campaign: slug,
                payment_method,
                first_tags,
                last_touch: Some(last_touch),
                other,
            },
            idempotency_key: key,
            evidence: Evidence::default(),
        };
        Ok(Submission { lead, result, posted })
    }

    fn refusal(self) -> Refusal {
        let required = Cow::Borrowed(self.texts.errors.fields_required);
        let first = self.wrong.first().map(|(_, what)| what.clone());
        Refusal::Invalid {
            error: first.filter(|_| !self.is_incomplete).unwrap_or(required),
            fields: self.wrong,
        }
    }

    /// Refuses forms that a program filled in: `website` is a field that people do not see. The answer is a refusal, not
    /// a silent success, because a browser may have filled in the field for a person: the page empties it, and the second
    /// press succeeds.
    fn trap(&mut self) {
        let filled = self
            .fields
            .remove("website")
            .is_some_and(|value| !is_empty(&value));
        if filled {
            let error = self.texts.errors.looks_automatic;
            self.wrong.push(("website", error.into()));
        }
    }

    fn contact<T>(
        &mut self,
        name: &'static str,
        field: Field,
        parse: fn(&str) -> Result<T, ContactError>,
    ) -> Option<T> {
        let parsed = match self.fields.remove(name) {
            Some(Value::String(raw)) => parse(&raw),
            // A tool that takes a phone for a quantity.
            Some(Value::Number(number)) => parse(&number.to_string()),
            Some(value) if !is_empty(&value) => return self.wrong_type(name),
            _ => Err(ContactError::Empty),
        };
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.is_incomplete |= error == ContactError::Empty;
                let sentence = error.sentence(field, &self.texts.errors.contact);
                self.wrong.push((name, sentence));
                None
            }
        }
    }

    /// An optional short text without control characters; empty counts as absent.
    fn word(&mut self, field: &'static str) -> Option<String> {
        match self.fields.remove(field)? {
            value if is_empty(&value) => None,
            Value::String(raw) if raw.chars().count() <= WORD_MAX && !raw.chars().any(char::is_control) => {
                Some(raw.trim().nfc().collect())
            }
            _ => self.wrong_type(field),
        }
    }

    /// The submission's key, from the body or else from the header.
    fn key(&mut self, field: &'static str, header: Option<String>) -> Option<String> {
        let key = match self.fields.remove(field) {
            Some(Value::String(key)) => key,
            Some(value) if !is_empty(&value) => return self.wrong_type(field),
            _ => header?,
        };
        // U+FFFD stands for what could not be read, which differs from one key to the next.
        if key.len() > KEY_MAX || key.contains(|c: char| c.is_control() || c == '\u{FFFD}') {
            return self.wrong_type(field);
        }
        Some(key.trim().to_owned()).filter(|key| !key.is_empty())
    }

    fn list(&mut self, field: &'static str, is_item: fn(&Value) -> bool) -> Option<Vec<Value>> {
        match self.fields.remove(field)? {
            Value::Array(items) if items.len() <= ANSWERS_MAX && items.iter().all(is_item) => {
                if !items.iter().all(|item| is_storable("", item, DEPTH_MAX)) {
                    return self.wrong_type(field);
                }
                Some(items)
            }
            value if is_empty(&value) => None,
            _ => self.wrong_type(field),
        }
    }

    fn object(&mut self, field: &'static str) -> Option<Map<String, Value>> {
        match self.fields.remove(field)? {
            Value::Object(map)
                if map
                    .iter()
                    .all(|(name, value)| is_storable(name, value, DEPTH_MAX)) =>
            {
                Some(map)
            }
            value if is_empty(&value) => None,
            _ => self.wrong_type(field),
        }
    }

    fn tags(&mut self, field: &'static str) -> Option<Tags> {
        match self.fields.remove(field)? {
            Value::Object(map) => Some(Tags::read(map)),
            value if is_empty(&value) => None,
            _ => self.wrong_type(field),
        }
    }

    fn wrong_type<T>(&mut self, field: &'static str) -> Option<T> {
        let error = self.texts.errors.field_type_wrong;
        self.wrong.push((field, error.into()));
        None
    }
}

/// The indices, with their result if they answer this test.
fn answers(indices: &[Value]) -> Answers {
    let indices: Vec<u64> = indices.iter().filter_map(Value::as_u64).collect();
    let options: Vec<usize> = indices
        .iter()
        .map(|index| usize::try_from(*index).unwrap_or(usize::MAX))
        .collect();
    Answers {
        result: quiz::score(&options),
        indices,
    }
}

/// Whether a value says that there is none, whatever the type of its field. PHP writes an empty map as `[]`, Lua an empty
/// list as `{}`, and a variable that is not set as `false` or `""`.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Whether a value can be stored and read again. PostgreSQL stores no NUL in text or jsonb, and readers of the
/// metadata have a depth limit.
fn is_storable(name: &str, value: &Value, depth: usize) -> bool {
    let holds = |name: &str, value: &Value| depth > 0 && is_storable(name, value, depth - 1);
    !name.contains('\0')
        && match value {
            Value::String(text) => !text.contains('\0'),
            Value::Array(items) => items.iter().all(|item| holds("", item)),
            Value::Object(map) => map.iter().all(|(name, value)| holds(name, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
}

#[cfg(test)]
mod tests;
