//! HTTP answers. Only this module maps a failure to a status code.

mod client;
mod event;

pub use client::client_address;
pub use event::{make_readable, serve};

use crate::texts::Texts;
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing has this path.
    UnknownPath,
    /// The path takes other methods.
    UnknownMethod {
        /// Those methods, as the header `Allow` lists them.
        allow: &'static str,
    },
    TooLarge,
    /// It does not come from whom it should.
    Unsigned,
    /// Too many requests of one address.
    TooMany,
    NotJsonType,
    NotJson,
    Invalid {
        /// The sentence for the whole form.
        error: Cow<'static, str>,
        /// Field names, each with what to do about it.
        fields: Vec<(&'static str, Cow<'static, str>)>,
    },
    /// One of our parts is down; the same request may succeed in a few seconds.
    Unavailable,
}

const RETRY_AFTER_SECONDS: &str = "3";

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::UnknownMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotJson | Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer: `{"success":false,"error":"…"}`, with `fields` if single fields are wrong.
    pub fn response(&self, texts: &Texts) -> Response<Body> {
        let errors = &texts.errors;
        let error = match self {
            Self::UnknownPath => errors.path_unknown,
            Self::UnknownMethod { .. } => errors.method_unknown,
            Self::TooLarge => errors.body_too_large,
            Self::Unsigned => errors.unsigned,
            Self::TooMany => errors.too_many,
            Self::NotJsonType => errors.content_type_unsupported,
            Self::NotJson => errors.json_broken,
            Self::Invalid { error, .. } => &**error,
            Self::Unavailable => errors.unavailable,
        };
        let mut body = json!({"success": false, "error": error});
        if let Self::Invalid { fields, .. } = self {
            let fields: Map<_, _> = fields
                .iter()
                .map(|(name, what)| ((*name).to_owned(), json!(what)))
                .collect();
            body["fields"] = Value::Object(fields);
        }
        let mut response = json_response(self.status(), &body);
        let header = match self {
            Self::Unavailable => (header::RETRY_AFTER, RETRY_AFTER_SECONDS),
            // Other people may share the address.
            Self::TooMany => (header::RETRY_AFTER, "1"),
            Self::UnknownMethod { allow } => (header::ALLOW, *allow),
            _ => return response,
        };
        let value = HeaderValue::from_static(header.1);
        response.headers_mut().insert(header.0, value);
        response
    }
}

/// A header's text, also when it is not ASCII, as the name of a phone's model in a user agent is not. Bytes that are no
/// UTF-8 become U+FFFD.
pub fn header_text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<Cow<'_, str>> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(as_sent(&text).map_or(text, Cow::Owned))
}

/// The text of which each byte has become a character. Python's gateways, `sam local` among them, read headers so
/// (PEP 3333), and what API Gateway does is not documented.
fn as_sent(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
    String::from_utf8(bytes.collect::<Result<_, _>>().ok()?).ok()
}

/// A JSON answer that is never cached.
pub fn json_response<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    // Plain structs and JSON values always serialise.
    let body = Body::Text(serde_json::to_string(body).unwrap_or_default());
    let json = (header::CONTENT_TYPE, "application/json; charset=utf-8");
    uncached(status, body, json)
}

/// A document for one person alone: no cache keeps it, no search engine lists it, and what it links to does not learn its
/// address. `policy` is its Content-Security-Policy.
pub fn personal(refusal: Option<&Refusal>, html: String, policy: &HeaderValue) -> Response<Body> {
    let html_type = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let mut response = uncached(status_of(refusal), Body::Text(html), html_type);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in PERSONAL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    later(response, refusal)
}

const PERSONAL: [(HeaderName, &str); 4] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
];

/// The answer to a program that reads the status alone.
pub fn acknowledge(refusal: Option<&Refusal>) -> Response<Body> {
    let robots = (HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    later(uncached(status_of(refusal), Body::Empty, robots), refusal)
}

fn status_of(refusal: Option<&Refusal>) -> StatusCode {
    refusal.map_or(StatusCode::OK, Refusal::status)
}

/// Says when to come again, if that helps.
fn later(mut response: Response<Body>, refusal: Option<&Refusal>) -> Response<Body> {
    if let Some(Refusal::Unavailable) = refusal {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// The parts of a path between its slashes. Empty ones are left out: people and programs put a slash at the end of a
/// link, and two where they join a link of parts.
pub fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// A redirect that is never cached: each hit must reach us. The location is a parsed URL, or a path of ours.
pub fn redirect(location: &str) -> Response<Body> {
    let mut response = uncached(
        StatusCode::FOUND,
        Body::Empty,
        (header::REFERRER_POLICY, "no-referrer"),
    );
    // Both are ASCII without control characters, as a header value must be.
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn uncached(status: StatusCode, body: Body, (name, value): (HeaderName, &'static str)) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(value));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Locale, texts};

    #[test]
    fn a_header_that_is_not_ascii_is_read() {
        for (sent, read) in [
            ("Redmi Note 8 青春版".as_bytes(), "Redmi Note 8 青春版"),
            ("Galaxy A54 Ұлпан".as_bytes(), "Galaxy A54 Ұлпан"),
            ("Téléphone 🌸".as_bytes(), "Téléphone 🌸"),
            // Each byte as a character, and Latin-1 in earnest.
            ("é\u{9d}\u{92}æ\u{98}¥".as_bytes(), "青春"),
            ("ÐŸÑ\u{80}".as_bytes(), "ÐŸÑ\u{80}"),
            ("Téléphone".as_bytes(), "Téléphone"),
            (b"T\xe9l\xe9phone", "T\u{FFFD}l\u{FFFD}phone"),
            (b"cut \xf0\x9f", "cut \u{FFFD}"),
            (b"plain", "plain"),
            (b"", ""),
        ] {
            let value = HeaderValue::from_bytes(sent).unwrap();
            let headers = HeaderMap::from_iter([(header::USER_AGENT, value)]);
            assert_eq!(header_text(&headers, header::USER_AGENT).unwrap(), read);
        }
        assert_eq!(header_text(&HeaderMap::new(), "user-agent"), None);
    }

    #[test]
    fn each_refusal_has_its_status_and_says_what_to_do() {
        let invalid = Refusal::Invalid {
            error: "плохо".into(),
            fields: vec![("email", "Введите e-mail".into())],
        };
        for (refusal, status) in [
            (Refusal::UnknownPath, 404),
            (Refusal::UnknownMethod { allow: "POST" }, 405),
            (Refusal::TooLarge, 413),
            (Refusal::Unsigned, 401),
            (Refusal::TooMany, 429),
            (Refusal::NotJsonType, 415),
            (Refusal::NotJson, 400),
            (invalid, 400),
            (Refusal::Unavailable, 503),
        ] {
            let response = refusal.response(texts(Locale::Ru));
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(
                response.headers().contains_key("retry-after"),
                matches!(status, 429 | 503)
            );
            assert_eq!(response.headers().contains_key("allow"), status == 405);
            let Body::Text(body) = response.body() else {
                panic!("no text")
            };
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["success"], false);
            assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()));
            assert_eq!(
                body.get("fields").is_some(),
                matches!(refusal, Refusal::Invalid { .. })
            );
        }
    }
}
