//! One port with production's paths, in front of the emulated HTTP API.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use standins::browser::only_by_our_names;
use std::time::Duration;

/// API Gateway's own limit. Source: quotas of HTTP APIs.
const BODY_MAX: usize = 10 * 1024 * 1024;
/// The longest an HTTP API waits for its function; a busy machine needs it for fifty cold starts at once.
/// Source: as above.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Headers that belong to one connection, not to the message. Source: RFC 9110 §7.6.1.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::UPGRADE,
];

#[derive(Clone)]
struct Gateway {
    http: reqwest::Client,
    api_url: String,
}

pub fn router(http: reqwest::Client, api_url: String) -> Router {
    Router::new()
        .fallback(forward)
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(only_by_our_names))
        .with_state(Gateway { http, api_url })
}

async fn forward(
    State(gateway): State<Gateway>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    strip(&mut headers);
    let url = format!("{}{}", gateway.api_url, path_and_query(&uri));
    let answer = gateway
        .http
        .request(method, url)
        .headers(headers)
        .body(body)
        .timeout(ANSWER_WITHIN)
        .send()
        .await;
    let Ok(answer) = answer else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "3")],
            "the emulator is down\n",
        )
            .into_response();
    };
    let status = answer.status();
    let mut headers = answer.headers().clone();
    strip(&mut headers);
    match answer.bytes().await {
        Ok(bytes) => (status, headers, Body::from(bytes)).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// With its dot segments taken out. The client would take them out of the whole address, and `/../..` would lead to the
/// emulator's other interfaces.
fn path_and_query(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let Ok(url) = reqwest::Url::parse(&format!("http://gateway{path}")) else {
        return "/".to_owned();
    };
    let query = url.query().map(|query| format!("?{query}"));
    url.path().to_owned() + &query.unwrap_or_default()
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
