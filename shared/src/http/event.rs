//! Makes a request of API Gateway's event, whatever the client sent.
//!
//! `lambda_http` builds a URI from host, path and query and panics if it is invalid: a space or a `<` in the query,
//! as some clients send, would get a 500. So this module encodes or removes such parts first.

use http::{Uri, header};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::lambda_runtime;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, Error, LambdaEvent, Request, Response, service_fn};
use std::fmt::Write as _;
use url::Url;

/// The client's scheme, written by API Gateway.
const SCHEME: &str = "x-forwarded-proto";

/// Runs an HTTP function until the sandbox ends; fails if the Lambda runtime cannot be reached.
pub async fn serve<F, R>(handle: F) -> Result<(), Error>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let answer = service_fn(move |request| {
        let response = handle(request);
        async { Ok::<_, Error>(response.await) }
    });
    let from_event = |mut event: LambdaEvent<LambdaRequest>| {
        make_readable(&mut event.payload);
        event
    };
    let served = lambda_runtime::run(MapRequest::new(Adapter::from(answer), from_event));
    // As a task of its own: each wake-up of the future that the runtime blocks on costs a write to an eventfd and
    // another poll, seven times per lead.
    tokio::spawn(served).await?
}

/// Changes the parts of an event that cannot be in a request, so that `lambda_http` can build one.
pub fn make_readable(event: &mut LambdaRequest) {
    let LambdaRequest::ApiGatewayV2(event) = event else {
        return;
    };
    if let Some(query) = &mut event.raw_query_string {
        *query = encoded(query);
    }
    if event.is_base64_encoded && !event.body.as_deref().is_none_or(is_base64) {
        event.is_base64_encoded = false;
    }
    if uri(event).is_none() {
        event.headers.remove(header::HOST);
        event.headers.remove(SCHEME);
        event.request_context.domain_name = None;
    }
    if uri(event).is_none() {
        event.raw_path = Some("/".to_owned());
        event.raw_query_string = None;
        event.request_context.stage = None;
    }
}

/// Encodes the characters that [`Uri`] refuses in a query.
fn encoded(query: &str) -> String {
    let mut encoded = String::with_capacity(query.len());
    for c in query.chars() {
        if c <= ' ' || matches!(c, '"' | '<' | '>' | '#' | '\u{7f}') {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{:02X}", u32::from(c));
        } else {
            encoded.push(c);
        }
    }
    encoded
}

/// The URI that `lambda_http` 1.3 would build (its `build_request_uri`), if it is valid.
fn uri(event: &ApiGatewayV2httpRequest) -> Option<Uri> {
    let header = |name: &str| event.headers.get(name).and_then(|value| value.to_str().ok());
    let path = event.raw_path.as_deref().unwrap_or_default();
    let stage = event
        .request_context
        .stage
        .as_deref()
        .filter(|stage| *stage != "$default");
    let path = match stage {
        Some(stage) if !path.starts_with(&format!("/{stage}/")) => format!("/{stage}{path}"),
        _ => path.to_owned(),
    };
    let host = header("host").or(event.request_context.domain_name.as_deref());
    let mut uri = match host {
        None => Url::parse(&format!("http://localhost{path}"))
            .ok()?
            .path()
            .to_owned(),
        Some(host) => {
            let scheme = header(SCHEME).unwrap_or("https");
            Url::parse(&format!("{scheme}://{host}{path}")).ok()?.to_string()
        }
    };
    if let Some(query) = event
        .raw_query_string
        .as_deref()
        .filter(|query| !query.is_empty())
    {
        uri.push('?');
        uri.push_str(query);
    }
    uri.parse().ok()
}

fn is_base64(body: &str) -> bool {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::RequestExt as _;
    use serde_json::json;

    fn request(path: &str, query: &str, headers: &serde_json::Value) -> Request {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
            "body": "no base64!", "isBase64Encoded": true,
        });
        let mut event: LambdaRequest = serde_json::from_value(event).unwrap();
        make_readable(&mut event);
        event.into()
    }

    /// What lambda_http alone makes of an event; `None` when it panics.
    fn alone(path: &str, query: &str, headers: &serde_json::Value, body: &str) -> Option<Request> {
        let event = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
            "body": body, "isBase64Encoded": true,
        });
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        std::panic::catch_unwind(|| event.into()).ok()
    }

    /// The table of ADR 15. When a line of it fails, lambda_http has learnt to read that event: delete the guard.
    #[test]
    fn lambda_http_alone_panics_where_an_event_makes_no_uri_or_no_base64() {
        let good = json!({"host": "api.onai.academy", "x-forwarded-proto": "https"});
        assert!(alone("/proftest", "source=email", &good, "aGk=").is_some());
        let long = "/".repeat(70_000);
        for (path, query, headers, body) in [
            ("/proftest", "x=a b", &good, "aGk="),
            ("/proftest", "<b>", &good, "aGk="),
            ("/proftest", "x=\u{1}", &good, "aGk="),
            ("/proftest", "", &json!({"host": "a b"}), "aGk="),
            ("/proftest", "", &json!({"host": "a:99999"}), "aGk="),
            (
                "/proftest",
                "",
                &json!({"host": "a", "x-forwarded-proto": "?"}),
                "aGk=",
            ),
            (":99999", "", &json!({}), "aGk="),
            (&long, "", &json!({}), "aGk="),
            ("/proftest", "", &good, "no base64!"),
        ] {
            assert!(
                alone(path, query, headers, body).is_none(),
                "{} {query} {headers} {body}",
                &path[..path.len().min(20)]
            );
        }
    }

    #[test]
    fn a_query_that_no_uri_can_hold_is_still_read() {
        let host = json!({"host": "api.onai.academy", "x-forwarded-proto": "https"});
        for query in [
            "source=email&x=a b",
            "source=email&<b>",
            "source=email&x=\u{1}\n\"#",
            "source=email&x=ә|{}^`\\",
        ] {
            let request = request("/l/a b?c#d", query, &host);
            assert_eq!(
                request.query_string_parameters().first("source"),
                Some("email"),
                "{query:?}"
            );
            assert_eq!(request.raw_http_path(), "/l/a b?c#d");
            assert_eq!(request.uri().host(), Some("api.onai.academy"));
            assert_eq!(*request.body(), Body::Text("no base64!".to_owned()));
        }
    }

    #[test]
    fn a_host_a_scheme_or_a_path_that_is_none_is_left_out() {
        for (path, headers) in [
            ("/proftest", json!({"host": "a b"})),
            ("/proftest", json!({"host": "a:99999"})),
            ("/proftest", json!({"host": "a", "x-forwarded-proto": "?"})),
        ] {
            let request = request(path, "", &headers);
            assert_eq!(
                (request.raw_http_path(), request.uri().path()),
                (path, "/proftest"),
                "{headers}"
            );
        }
        assert_eq!(request(":99999", "a=b", &json!({})).uri(), "/");
        assert_eq!(request(&"/".repeat(70_000), "a=b", &json!({})).uri(), "/");
    }
}
