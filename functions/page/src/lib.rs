//! `GET /proftest`, `GET /proftest/{campaign}` and `GET /proftest/assets/{file}`: the test and its form;
//! `GET /proftest/privacy`: the sample of a privacy policy. Beside it, whatever fits no other route (docs/adr.md, 16): see
//! [`rest`].
//!
//! Documents, assets, their compressed forms and policies are made at build time. A request only chooses among them,
//! so the function has no settings and calls nothing. A document includes its style and script: one answer is the
//! whole test, and a deployment cannot separate them. Assets are optional for the test (background, pixels, icons);
//! their names hold a digest of their content.

mod coding;
pub mod files;
pub mod rest;

use files::{Content, FILES};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt as _, Response};
use proftest::http::segments;

/// A minute in browsers and five in a CDN. For a day a CDN may serve the old document while it fetches the new one,
/// or while the function is down.
const DOCUMENT_CACHE: &str =
    "public, max-age=60, s-maxage=300, stale-while-revalidate=86400, stale-if-error=86400";
/// For ever: new content gets a new name.
const ASSET_CACHE: &str = "public, max-age=31536000, immutable";
const NOT_FOUND_CACHE: &str = "public, max-age=60";
/// Of files whose names do not change with their content.
const FIXED_NAME_CACHE: &str = "public, max-age=86400";

const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "browsing-topics=(), camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

/// Also answers HEAD, without a body.
pub fn handle(request: &Request) -> Response<Body> {
    let path = request.raw_http_path();
    let segments = segments(path);
    // The page's script reads the campaign from the address, which may therefore keep no slash but one at its end.
    let doubled = path.trim_end_matches('/').contains("//");
    if doubled || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return rest::answer(request, &segments);
    }
    match segments[..] {
        ["proftest"] => document(request, ""),
        ["proftest", "privacy"] => answer(request, &FILES.privacy, StatusCode::OK, DOCUMENT_CACHE),
        ["proftest", slug] => document(request, slug),
        ["proftest", "assets", name] => match FILES.asset(name) {
            None if is_worker(name) => asset(request, FILES.made_of("worker.js"), FIXED_NAME_CACHE),
            found => asset(request, found, ASSET_CACHE),
        },
        // What browsers and crawlers ask every server for.
        ["favicon.ico"] => asset(request, FILES.made_of("icon.png"), FIXED_NAME_CACHE),
        ["robots.txt"] => asset(request, FILES.made_of("robots.txt"), FIXED_NAME_CACHE),
        _ => rest::answer(request, &segments),
    }
}

fn document(request: &Request, slug: &str) -> Response<Body> {
    answer(request, FILES.document(slug), StatusCode::OK, DOCUMENT_CACHE)
}

/// A worker of an older release. A page that is older than this release needs one, or its visitor's message is held.
fn is_worker(name: &str) -> bool {
    name.starts_with("worker-") && name.rsplit('.').next() == Some("js")
}

fn asset(request: &Request, content: Option<&'static Content>, cache: &'static str) -> Response<Body> {
    match content {
        Some(content) => answer(request, content, StatusCode::OK, cache),
        None => lost(request, StatusCode::NOT_FOUND),
    }
}

/// The document for people who came to a wrong address.
fn lost(request: &Request, status: StatusCode) -> Response<Body> {
    answer(request, &FILES.not_found, status, NOT_FOUND_CACHE)
}

/// The content in the best form that the client accepts, or 304 when the client has it.
fn answer(
    request: &Request,
    content: &'static Content,
    status: StatusCode,
    cache: &'static str,
) -> Response<Body> {
    let accepted = list(request.headers(), &header::ACCEPT_ENCODING);
    let chosen = coding::best(&accepted, content.encodings);
    let (coding, bytes) = chosen.map_or((None, content.plain), |(coding, bytes)| (Some(coding), bytes));
    // A strong tag stands for these exact bytes. Source: RFC 9110 §8.8.3.3.
    let tag = format!("\"{}-{}\"", content.tag, coding.unwrap_or("plain"));
    let known = status == StatusCode::OK && holds_tag(request.headers(), &tag);
    let mut response = Response::new(match request.method() {
        &Method::HEAD => Body::Empty,
        _ if known => Body::Empty,
        _ => Body::Binary(bytes.to_vec()),
    });
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { status };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // A digest and a coding are ASCII.
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if !known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content.media_type));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
    }
    if let Some(policy) = content.policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether `If-None-Match` names this tag. The comparison is weak, because a CDN that compresses may have weakened
/// the tag.
fn holds_tag(headers: &HeaderMap, tag: &str) -> bool {
    let tags = list(headers, &header::IF_NONE_MATCH);
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// The items of all headers of this name, with commas between them.
fn list(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).into_iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(",")
}

#[cfg(test)]
mod tests;
