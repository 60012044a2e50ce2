//! The `$default` route: every request that fits no other route. It knows the paths of all functions, so that it can
//! say what is wrong, and calls none of them. docs/adr.md, 16, has the reasons.

use lambda_http::http::{HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt as _, Response};
use proftest::http::Refusal;
use proftest::texts::{Locale, texts};
use std::fmt::Write as _;

const READ: &str = "GET, HEAD, OPTIONS";
const SEND: &str = "OPTIONS, POST";
const ASK_AND_SEND: &str = "GET, OPTIONS, POST";

/// The methods of a path, as the header `Allow` lists them, if it is one of ours. `template_routes` compares it with
/// the template.
pub fn methods(segments: &[&str]) -> Option<&'static str> {
    match segments {
        ["api", "landing", "proftest"] | ["hooks", "resend" | "mobizon"] => Some(SEND),
        ["api", "landing", "challenge"] => Some(ASK_AND_SEND),
        ["u", _] => Some("GET, HEAD, OPTIONS, POST"),
        ["proftest" | "favicon.ico" | "robots.txt"]
        | ["proftest" | "l" | "r", _]
        | ["proftest", "assets", _]
        | ["api", "landing", "track", _] => Some(READ),
        _ => None,
    }
}

/// Refuses, or leads to the path without the slashes that are too many. HEAD gets no body.
pub fn answer(request: &Request, segments: &[&str]) -> Response<Body> {
    let method = request.method();
    let mut response = match methods(segments) {
        None => refused(request, segments, &Refusal::UnknownPath),
        // Also a preflight: API Gateway adds the headers of CORS, and browsers want a 2xx without a redirect.
        Some(allow) if method == Method::OPTIONS => bare(StatusCode::NO_CONTENT, header::ALLOW, allow),
        Some(allow) if !allow.split(", ").any(|allowed| allowed == method.as_str()) => {
            refused(request, segments, &Refusal::UnknownMethod { allow })
        }
        // 308 and not 301: a form must be posted again, not fetched.
        Some(_) => match plain(request, segments) {
            Some(path) => bare(StatusCode::PERMANENT_REDIRECT, header::LOCATION, &path),
            None => refused(request, segments, &Refusal::UnknownPath),
        },
    };
    if method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    response
}

/// JSON for programs, a document for people.
fn refused(request: &Request, segments: &[&str], refusal: &Refusal) -> Response<Body> {
    let for_programs = refusal.response(texts(Locale::Ru));
    if segments.first() == Some(&"api") {
        return for_programs;
    }
    let mut response = super::lost(request, for_programs.status());
    if let Some(allow) = for_programs.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

/// Without a body, and never cached: each click must reach us.
fn bare(status: StatusCode, name: header::HeaderName, value: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The methods are ASCII, and the path is encoded.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
    response
}

/// Path and query with single slashes and none at the end; `None` where that is the request's own path, and where a
/// browser would read another path from it. It begins with a name of ours, so it never leads to another host.
fn plain(request: &Request, segments: &[&str]) -> Option<String> {
    let mut plain = String::new();
    for segment in segments {
        if matches!(*segment, "." | "..") {
            return None;
        }
        plain.push('/');
        // API Gateway has decoded the path.
        push(&mut plain, segment, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)
        });
    }
    if request.raw_http_path() == format!("/{}", segments.join("/")) {
        return None;
    }
    if let Some(query) = request.uri().query() {
        plain.push('?');
        push(&mut plain, query, |byte| byte.is_ascii_graphic());
    }
    Some(plain)
}

/// Appends, with all bytes encoded that are not plain.
fn push(url: &mut String, text: &str, is_plain: fn(u8) -> bool) {
    for byte in text.bytes() {
        if is_plain(byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}
