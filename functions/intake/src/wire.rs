//! The form's JSON, parsed once. Unknown fields are kept in the lead's metadata.

mod accepted;

pub use accepted::Accepted;
use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::{Body, Request};
use proftest::domain::contact::{ContactError, Email, Name, Phone};
use proftest::domain::metadata::{AnswerTexts, Answers, Metadata, Tags, Touch};
use proftest::domain::quiz::{self, QuizResult};
use proftest::http::Refusal;
use proftest::store::NewLead;
use proftest::texts::Texts;
use serde_json::{Map, Value};

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
/// Nobody fills in the test and the form faster, in milliseconds.
const FILL_MIN_MS: u64 = 3000;

#[derive(Debug)]
pub struct Submission {
    pub lead: NewLead,
    /// `None` without answers, or with answers to another test.
    pub result: Option<QuizResult>,
}

pub fn parse(request: &Request, texts: &Texts) -> Result<Submission, Refusal> {
    let body: &[u8] = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    };
    if body.len() > BODY_MAX {
        return Err(Refusal::TooLarge);
    }
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(Refusal::NotJsonType);
    }
    let header_key = match request
        .headers()
        .get("idempotency-key")
        .map(|value| value.to_str())
    {
        None => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => return Err(Form::new(Map::new(), texts).refuse("Idempotency-Key")),
    };
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Form::new(fields, texts).read(header_key),
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
    wrong: Vec<(&'static str, &'static str)>,
    texts: &'a Texts,
}

impl<'a> Form<'a> {
    const fn new(fields: Map<String, Value>, texts: &'a Texts) -> Self {
        Self {
            fields,
            wrong: Vec::new(),
            texts,
        }
    }

    /// Refuses the whole form for one field of a wrong type.
    fn refuse(mut self, field: &'static str) -> Refusal {
        let error = self.texts.errors.field_type_wrong;
        self.wrong.push((field, error));
        Refusal::Invalid {
            error,
            fields: self.wrong,
        }
    }

    fn read(mut self, header_key: Option<String>) -> Result<Submission, Refusal> {
        let errors = &self.texts.errors;
        let missing = ["name", "email", "phone"]
            .iter()
            .any(|field| is_missing(self.fields.get(*field)));
        let name = self.contact("name", errors.name_too_short, Name::parse);
        let email = self.contact("email", errors.email_invalid, Email::parse);
        let phone = self.contact("phone", errors.phone_invalid, Phone::parse);
        let slug = self.word("campaignSlug");
        let source = self.word("source");
        let payment_method = self.word("paymentMethod");
        let key = self.key("submissionId", header_key);
        let answers = self
            .list("answers", Value::is_u64)
            .map(|indices| answers(&indices));
        let answer_texts = self.list("proftestAnswers", Value::is_object).map(AnswerTexts);
        let first_tags = self.object("utmParams").map(Tags);
        let last_tags = self
            .object("lastUtmParams")
            .map(Tags)
            .or_else(|| first_tags.clone());
        let mut other = self.object("metadata").unwrap_or_default();
        if !self
            .fields
            .iter()
            .all(|(name, value)| is_storable(name, value, DEPTH_MAX))
        {
            self.wrong.push(("metadata", errors.field_type_wrong));
        }
        self.trap();
        let (Some(name), Some(email), Some(phone), true) = (name, email, phone, self.wrong.is_empty()) else {
            return Err(self.refusal(missing));
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
        };
        Ok(Submission { lead, result })
    }

    fn refusal(self, missing: bool) -> Refusal {
        let required = self.texts.errors.fields_required;
        let first = self.wrong.first().map_or(required, |(_, what)| what);
        Refusal::Invalid {
            error: if missing { required } else { first },
            fields: self.wrong,
        }
    }

    /// Refuses forms that a program filled in: `website` is a field that people do not see, `elapsedMs` the time
    /// since the page was opened. Both are optional. The answer is a refusal, not a silent success, because a browser
    /// may have filled in the field for a person: the page empties it, and the second press succeeds.
    fn trap(&mut self) {
        let filled = self
            .fields
            .remove("website")
            .is_some_and(|value| !is_missing(Some(&value)));
        let elapsed = self.fields.get("elapsedMs").and_then(Value::as_u64);
        if filled || elapsed.is_some_and(|elapsed| elapsed < FILL_MIN_MS) {
            self.wrong.push(("website", self.texts.errors.looks_automatic));
        }
    }

    fn contact<T>(
        &mut self,
        field: &'static str,
        wrong: &'static str,
        parse: fn(&str) -> Result<T, ContactError>,
    ) -> Option<T> {
        let errors = &self.texts.errors;
        match self.fields.remove(field) {
            value if is_missing(value.as_ref()) => self.wrong.push((field, errors.fields_required)),
            Some(Value::String(raw)) => match parse(&raw) {
                Ok(parsed) => return Some(parsed),
                Err(_) => self.wrong.push((field, wrong)),
            },
            _ => self.wrong.push((field, errors.field_type_wrong)),
        }
        None
    }

    /// An optional short text without control characters; empty counts as absent.
    fn word(&mut self, field: &'static str) -> Option<String> {
        match self.fields.remove(field)? {
            Value::Null => None,
            Value::String(raw) if raw.chars().count() <= WORD_MAX && !raw.chars().any(char::is_control) => {
                Some(raw.trim().to_owned()).filter(|word| !word.is_empty())
            }
            _ => self.wrong_type(field),
        }
    }

    /// The submission's key, from the body or else from the header.
    fn key(&mut self, field: &'static str, header: Option<String>) -> Option<String> {
        let key = match self.fields.remove(field) {
            None | Some(Value::Null) => header?,
            Some(Value::String(key)) => key,
            Some(_) => return self.wrong_type(field),
        };
        if key.len() > KEY_MAX || key.chars().any(char::is_control) {
            return self.wrong_type(field);
        }
        Some(key.trim().to_owned()).filter(|key| !key.is_empty())
    }

    fn list(&mut self, field: &'static str, is_item: fn(&Value) -> bool) -> Option<Vec<Value>> {
        match self.fields.remove(field)? {
            Value::Null => None,
            Value::Array(items) if items.len() <= ANSWERS_MAX && items.iter().all(is_item) => {
                if !items.iter().all(|item| is_storable("", item, DEPTH_MAX)) {
                    return self.wrong_type(field);
                }
                Some(items)
            }
            _ => self.wrong_type(field),
        }
    }

    fn object(&mut self, field: &'static str) -> Option<Map<String, Value>> {
        match self.fields.remove(field)? {
            Value::Null => None,
            Value::Object(map)
                if map
                    .iter()
                    .all(|(name, value)| is_storable(name, value, DEPTH_MAX)) =>
            {
                Some(map)
            }
            _ => self.wrong_type(field),
        }
    }

    fn wrong_type<T>(&mut self, field: &'static str) -> Option<T> {
        self.wrong.push((field, self.texts.errors.field_type_wrong));
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

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(raw)) => raw.trim().is_empty(),
        Some(_) => false,
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
