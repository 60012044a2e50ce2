use super::*;
use base64::Engine as _;
use lambda_http::http;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;

/// Budget for HTML, CSS and JavaScript together, compressed, in bytes.
const ALL_MAX: usize = 30 * 1024;
/// Budget for the first answer's body, in bytes: what fits ten packets, a server's first flight, beside the headers.
const FIRST_VIEW_MAX: usize = 14_000;

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = http::Request::builder().method(method);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request: Request = request.body(Body::Empty).unwrap();
    request.with_raw_http_path(path)
}

fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    handle(&request(Method::GET, path, headers))
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn text(response: &Response<Body>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

fn asset(stem: &str) -> String {
    let found = FILES.assets.iter().find(|(name, _)| name.starts_with(stem));
    format!("/proftest/assets/{}", found.unwrap().0)
}

fn unpacked(response: &Response<Body>) -> String {
    let mut plain = String::new();
    let body = response.body().to_vec();
    match header(response, "content-encoding") {
        "br" => brotli::Decompressor::new(&body[..], 4096).read_to_string(&mut plain),
        "gzip" => flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain),
        _ => (&body[..]).read_to_string(&mut plain),
    }
    .unwrap();
    plain
}

#[test]
fn any_campaign_has_the_page_and_other_paths_have_none() {
    let page = text(&get("/proftest", &[]));
    assert!(page.contains("id=\"q12\"") && page.contains("<noscript>") && !page.contains("{{"));
    for path in [
        "/proftest/",
        "/proftest/blogger",
        "/proftest/блогер",
        "/proftest/assets",
        "/proftest/a%2Fb",
    ] {
        let response = get(path, &[]);
        assert_eq!(
            (response.status().as_u16(), text(&response)),
            (200, page.clone()),
            "{path}"
        );
    }
    for path in [
        "/",
        "",
        "/proftestx",
        "/proftest/a/b",
        "/proftest/assets/none.js",
        "/proftest/assets/../x",
    ] {
        let response = get(path, &[]);
        assert_eq!(response.status(), 404, "{path}");
        assert!(text(&response).contains("Такой страницы нет"), "{path}");
        assert!(header(&response, "content-security-policy").starts_with("default-src 'none'"));
    }
}

#[test]
fn the_best_coding_that_the_client_takes_is_sent() {
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, *", "gzip"),
        ("identity", ""),
        ("", ""),
    ] {
        let response = get("/proftest", &[("accept-encoding", accepted)]);
        assert_eq!(header(&response, "content-encoding"), coding, "{accepted:?}");
        assert_eq!(header(&response, "vary"), "accept-encoding");
        assert!(
            matches!(response.body(), Body::Binary(_)),
            "lambda_http sends text as it is"
        );
        assert_eq!(unpacked(&response), text(&get("/proftest", &[])), "{accepted:?}");
    }
    let picture = get(&asset("og"), &[("accept-encoding", "br")]);
    assert_eq!(
        (
            header(&picture, "content-encoding"),
            header(&picture, "content-type")
        ),
        ("", "image/png")
    );
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    for path in ["/proftest".to_owned(), asset("particles")] {
        let accept = ("accept-encoding", "br");
        let first = get(&path, &[accept]);
        let tag = header(&first, "etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with("-br\""), "{tag}");
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"other\", {tag}"),
            "*".to_owned(),
        ] {
            let again = get(&path, &[accept, ("if-none-match", &known)]);
            assert_eq!(again.status(), 304, "{known}");
            assert!(again.body().is_empty());
            assert_eq!(header(&again, "etag"), tag);
            assert_eq!(header(&again, "cache-control"), header(&first, "cache-control"));
        }
        // Another coding is another representation.
        assert_eq!(get(&path, &[("if-none-match", &tag)]).status(), 200);
    }
    let tag = header(&get("/nowhere", &[]), "etag").to_owned();
    assert_eq!(get("/nowhere", &[("if-none-match", &tag)]).status(), 404);
}

#[test]
fn head_has_the_headers_of_get() {
    for path in ["/proftest".to_owned(), asset("icon"), "/nowhere".to_owned()] {
        let head = handle(&request(Method::HEAD, &path, &[("accept-encoding", "br")]));
        let get = get(&path, &[("accept-encoding", "br")]);
        assert!(head.body().is_empty() && !get.body().is_empty());
        assert_eq!((head.status(), head.headers()), (get.status(), get.headers()));
    }
}

#[test]
fn documents_live_shortly_and_assets_for_ever() {
    assert!(header(&get("/proftest", &[]), "cache-control").contains("stale-while-revalidate"));
    for (name, _) in FILES.assets {
        let response = get(&format!("/proftest/assets/{name}"), &[]);
        assert_eq!(
            header(&response, "cache-control"),
            "public, max-age=31536000, immutable",
            "{name}"
        );
    }
    // A name that is cached for ever must depend on the content.
    for (name, asset) in FILES.assets {
        let digest = Sha256::digest(asset.plain);
        let digest = u64::from_be_bytes(digest[..8].try_into().unwrap());
        assert_eq!(asset.tag, format!("{digest:016x}"));
        assert!(name.contains(asset.tag), "{name}");
    }
}

#[test]
fn the_policy_lets_through_what_the_page_holds_and_nothing_else() {
    for (slug, document) in FILES.documents {
        let policy = document.policy;
        for unsafe_source in ["unsafe", "data:", "blob:", "*", "http:"] {
            assert!(!policy.contains(unsafe_source), "{slug}: {policy}");
        }
        let html = std::str::from_utf8(document.content.plain).unwrap();
        for (open, close) in [
            ("<style>", "</style>"),
            ("<script>", "</script>"),
            ("<script type=\"module\">", "</script>"),
        ] {
            let parts: Vec<&str> = html.split(open).skip(1).collect();
            assert_eq!(parts.len(), 1, "{open}");
            let inline = parts[0].split(close).next().unwrap();
            let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(inline));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{open}");
        }
        for inline in [" style=", " onclick=", " onload=", "javascript:"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }
    let (_, everybody) = &FILES.documents[0];
    assert!(!everybody.policy.contains("https://"), "{}", everybody.policy);
    assert!(everybody.policy.contains("require-trusted-types-for 'script'"));
}

#[test]
fn every_answer_has_the_security_headers() {
    for path in ["/proftest".to_owned(), asset("icon"), "/nowhere".to_owned()] {
        let response = get(&path, &[]);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(
            header(&response, "referrer-policy"),
            "strict-origin-when-cross-origin"
        );
        assert!(!header(&response, "strict-transport-security").is_empty());
        assert!(!header(&response, "permissions-policy").is_empty());
    }
}

#[test]
fn every_asset_that_is_named_is_there() {
    let page = text(&get("/proftest", &[]));
    let mut named = 0;
    for part in page.split("/proftest/assets/").skip(1) {
        let name = part.split(['"', '\'']).next().unwrap();
        assert!(FILES.asset(name).is_some(), "{name}");
        named += 1;
    }
    assert!(named >= 6, "{named}");
}

#[test]
fn the_page_is_small() {
    for (coding, first_view_max) in [("br", FIRST_VIEW_MAX), ("gzip", 14 * 1024)] {
        let size = |path: &str| get(path, &[("accept-encoding", coding)]).body().len();
        let first = size("/proftest");
        let all = first + size(&asset("particles")) + size(&asset("pixels"));
        println!("{coding}: first view {first}, all {all}");
        assert!(first <= first_view_max, "{coding}: {first}");
        assert!(all <= ALL_MAX, "{coding}: {all}");
    }
}
