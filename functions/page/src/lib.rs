//! `GET /proftest`, `GET /proftest/{campaign}` and `GET /proftest/assets/{file}`: the test and its form.
//!
//! Documents, assets, their compressed forms and policies are made at build time. A request only chooses among them,
//! so the function has no settings and calls nothing. A document includes its style and script: one answer is the
//! whole test, and a deployment cannot separate them. Assets are optional for the test (background, pixels, icons);
//! their names hold a digest of their content.

#![allow(missing_docs, reason = "only this workspace uses the crate")]

mod coding;
pub mod files;

use files::{Content, Document, FILES};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt as _, Response};

/// A minute in browsers and five in a CDN. For a day a CDN may serve the old document while it fetches the new one,
/// or while the function is down.
const DOCUMENT_CACHE: &str =
    "public, max-age=60, s-maxage=300, stale-while-revalidate=86400, stale-if-error=86400";
/// For ever: new content gets a new name.
const ASSET_CACHE: &str = "public, max-age=31536000, immutable";
const NOT_FOUND_CACHE: &str = "public, max-age=60";

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
    let path = request.raw_http_path().strip_prefix("/proftest");
    let parts: Vec<&str> = path.map_or_else(Vec::new, |path| path.trim_end_matches('/').split('/').collect());
    match parts[..] {
        [""] => document(request, "", StatusCode::OK),
        ["", slug] => document(request, slug, StatusCode::OK),
        ["", "assets", name] => match FILES.asset(name) {
            Some(asset) => answer(request, asset, StatusCode::OK, ASSET_CACHE),
            None => not_found(request),
        },
        _ => not_found(request),
    }
}

fn document(request: &Request, slug: &str, status: StatusCode) -> Response<Body> {
    let Document { content, policy } = FILES.document(slug);
    with_policy(answer(request, content, status, DOCUMENT_CACHE), policy)
}

fn not_found(request: &Request) -> Response<Body> {
    let Document { content, policy } = &FILES.not_found;
    let response = answer(request, content, StatusCode::NOT_FOUND, NOT_FOUND_CACHE);
    with_policy(response, policy)
}

fn with_policy(mut response: Response<Body>, policy: &'static str) -> Response<Body> {
    let value = HeaderValue::from_static(policy);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, value);
    response
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
