//! Requests as API Gateway hands them to a function: from the sample events, changed where a test needs it.

use harness::tools;
use lambda_http::http::HeaderMap;
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request, Response};
use proftest::http::make_readable;
use serde_json::Value;

pub fn sample(path: &str) -> Value {
    let path = tools::workspace().join("events").join(path);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// As the runtime makes it of an event.
pub fn request(event: &Value) -> Request {
    let mut event: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    make_readable(&mut event);
    event.into()
}

pub fn raw_submission(content_type: Option<&str>, body: &str) -> Request {
    let mut event = sample("intake/valid.json");
    event["body"] = body.into();
    event["headers"]["content-length"] = body.len().to_string().into();
    match content_type {
        Some(content_type) => event["headers"]["content-type"] = content_type.into(),
        None => {
            event["headers"].as_object_mut().unwrap().remove("content-type");
        }
    }
    request(&event)
}

pub fn submission(body: &Value) -> Request {
    raw_submission(Some("application/json"), &body.to_string())
}

/// The event of a visit to a tracked link: the path, and the query without its question mark.
pub fn visit_event(method: &str, path: &str, query: &str) -> Value {
    let mut event = sample("track/email.json");
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    event["queryStringParameters"] = parameters
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    event
}

pub fn visit(method: &str, path: &str, query: &str) -> Request {
    request(&visit_event(method, path, query))
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn lead(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["leadId"].as_str().unwrap()
    }
}

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = match body {
            Body::Text(text) => serde_json::from_str(&text).unwrap(),
            _ => Value::Null,
        };
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }
}
