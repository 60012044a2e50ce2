use super::*;
use base64::Engine as _;
use lambda_http::http;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;

mod beside;

/// Budget for HTML, CSS and JavaScript together, compressed, in bytes.
const ALL_MAX: usize = 30 * 1024;
/// Budget for the first answer's body, in bytes. Ten packets, a server's first flight, hold 14,000 beside the headers.
const FIRST_VIEW_MAX: usize = 12_800;
/// Budget for the worker, in bytes.
const WORKER_MAX: usize = 2 * 1024;
/// The same in gzip, a little more: every browser that runs the page's script takes Brotli.
const GZIP_MAX: usize = 15 * 1024;

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
        "/proftest/blogger/",
        "/proftest/blogger//",
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
fn slashes_that_are_too_many_lead_to_the_plain_path_of_this_host() {
    for (method, path, location) in [
        (Method::GET, "//proftest", "/proftest"),
        (Method::GET, "/proftest//blogger", "/proftest/blogger"),
        (Method::HEAD, "//proftest//blogger//", "/proftest/blogger"),
        (
            Method::GET,
            "/proftest//блогер",
            "/proftest/%D0%B1%D0%BB%D0%BE%D0%B3%D0%B5%D1%80",
        ),
        (Method::GET, "/proftest//a b", "/proftest/a%20b"),
        (Method::GET, "//robots.txt", "/robots.txt"),
        (Method::GET, "/l/k3Qx9TzB7mWp/", "/l/k3Qx9TzB7mWp"),
        (Method::GET, "//l//k3Qx9TzB7mWp", "/l/k3Qx9TzB7mWp"),
        (Method::HEAD, "/api/landing/track/1/", "/api/landing/track/1"),
        (Method::POST, "/api/landing/proftest/", "/api/landing/proftest"),
        (Method::POST, "/api//landing/proftest", "/api/landing/proftest"),
        (Method::GET, "//l/\\evil.example", "/l/%5Cevil.example"),
        (
            Method::GET,
            "/l/evil\r\nSet-Cookie: a=b/",
            "/l/evil%0D%0ASet-Cookie%3A%20a%3Db",
        ),
    ] {
        let response = handle(&request(method, path, &[]));
        assert_eq!(response.status(), 308, "{path}");
        assert_eq!(header(&response, "location"), location, "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert!(response.body().is_empty());
        // There the redirects end.
        let there = handle(&request(Method::GET, location, &[]));
        assert_ne!(there.status(), 308, "{location}");
    }
    let with_query = http::Request::get("https://a.kz/l/k3Qx9TzB7mWp/?source=email&x=%20ә").body(Body::Empty);
    let request = with_query.unwrap().with_raw_http_path("//l/k3Qx9TzB7mWp");
    assert_eq!(
        header(&handle(&request), "location"),
        "/l/k3Qx9TzB7mWp?source=email&x=%20%D3%99"
    );
    for path in [
        "//evil.example",
        "//evil.example/l",
        "/\\evil.example",
        "/l//..",
        "//l/..\\..//x",
        "/l//.",
    ] {
        assert_eq!(get(path, &[]).status(), 404, "{path}");
    }
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_refused_in_our_words() {
    for (method, path, status, allow) in [
        (Method::GET, "/", 404, ""),
        (Method::GET, "/wp-login.php", 404, ""),
        (Method::POST, "/wp-login.php", 404, ""),
        (Method::OPTIONS, "/wp-login.php", 404, ""),
        (Method::GET, "/proftest/a/b", 404, ""),
        (Method::POST, "/proftest/a/b", 404, ""),
        (Method::POST, "/proftest", 405, "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/proftest/blogger", 405, "GET, HEAD, OPTIONS"),
        (Method::POST, "/l/k3Qx9TzB7mWp", 405, "GET, HEAD, OPTIONS"),
        (Method::POST, "/l/k3Qx9TzB7mWp/", 405, "GET, HEAD, OPTIONS"),
        (Method::PUT, "/robots.txt", 405, "GET, HEAD, OPTIONS"),
        (Method::GET, "/apis", 404, ""),
        (Method::GET, "/api", 404, ""),
        (Method::GET, "/api/leads", 404, ""),
        (Method::PUT, "/api/leads", 404, ""),
        (Method::GET, "/api/landing/proftest", 405, "OPTIONS, POST"),
        (Method::PUT, "/api/landing/proftest", 405, "OPTIONS, POST"),
        (Method::HEAD, "/api/landing/proftest", 405, "OPTIONS, POST"),
        (Method::PUT, "/api/landing/challenge", 405, "GET, OPTIONS, POST"),
        (Method::PATCH, "/api/landing/track/1", 405, "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/api/landing/track/1/", 405, "GET, HEAD, OPTIONS"),
    ] {
        let response = handle(&request(method.clone(), path, &[]));
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(header(&response, "allow"), allow, "{method} {path}");
        let media_type = header(&response, "content-type");
        if path.starts_with("/api") && path != "/apis" {
            assert_eq!(media_type, "application/json; charset=utf-8", "{path}");
            assert_eq!(header(&response, "cache-control"), "no-store");
            if method != Method::HEAD {
                let body: serde_json::Value = serde_json::from_str(&text(&response)).unwrap();
                assert_eq!(body["success"], false);
                assert!(!body["error"].as_str().unwrap().is_ascii(), "in Russian: {body}");
            }
        } else {
            assert_eq!(media_type, "text/html; charset=utf-8", "{path}");
            assert!(text(&response).contains("Такой страницы нет"), "{path}");
        }
        assert_eq!(
            response.body().is_empty(),
            method == Method::HEAD,
            "{method} {path}"
        );
    }
}

/// A browser takes any 2xx without a redirect, and API Gateway adds the headers of CORS.
#[test]
fn a_preflight_and_any_other_options_gets_the_methods() {
    for (path, allow) in [
        ("/api/landing/proftest", "OPTIONS, POST"),
        ("/api/landing/proftest/", "OPTIONS, POST"),
        ("/proftest/blogger", "GET, HEAD, OPTIONS"),
        ("//l/k3Qx9TzB7mWp", "GET, HEAD, OPTIONS"),
    ] {
        let response = handle(&request(Method::OPTIONS, path, &[("origin", "https://a.kz")]));
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(header(&response, "allow"), allow, "{path}");
        assert!(response.body().is_empty());
    }
}

#[test]
fn what_browsers_and_crawlers_ask_every_server_for_is_there() {
    let icon = get("/favicon.ico", &[]);
    assert_eq!(
        (icon.status().as_u16(), header(&icon, "content-type")),
        (200, "image/png")
    );
    let robots = get("/robots.txt", &[]);
    assert_eq!(header(&robots, "content-type"), "text/plain; charset=utf-8");
    // A crawler that follows a tracked link would be counted as a person; the pages of one person are nobody else's. The test may
    // be found and previewed.
    let robots = text(&robots);
    let forbidden: Vec<&str> = robots
        .lines()
        .filter_map(|line| line.strip_prefix("Disallow: "))
        .collect();
    assert_eq!(forbidden, ["/api/", "/l/", "/r/", "/u/"]);
    assert!(robots.starts_with("User-agent: *\n"));
    for path in ["/favicon.ico", "/robots.txt"] {
        assert_eq!(header(&get(path, &[]), "cache-control"), "public, max-age=86400");
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
        let policy = document.policy.unwrap();
        for unsafe_source in ["unsafe", "data:", "blob:", "*", "http:"] {
            assert!(!policy.contains(unsafe_source), "{slug}: {policy}");
        }
        let html = std::str::from_utf8(document.plain).unwrap();
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
    let policy = everybody.policy.unwrap();
    assert!(!policy.contains("https://"), "{policy}");
    for directive in [
        "require-trusted-types-for 'script'",
        "trusted-types worker",
        "worker-src 'self'",
        "frame-src 'self'",
    ] {
        assert!(
            policy.split("; ").any(|one| one == directive),
            "{directive}: {policy}"
        );
    }
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
    for (coding, first_view_max) in [("br", FIRST_VIEW_MAX), ("gzip", GZIP_MAX)] {
        let size = |path: &str| get(path, &[("accept-encoding", coding)]).body().len();
        let first = size("/proftest");
        let worker = size(&asset("worker"));
        let all = first + size(&asset("particles")) + size(&asset("pixels")) + worker;
        println!("{coding}: first view {first}, worker {worker}, all {all}");
        assert!(worker <= WORKER_MAX, "{coding}: {worker}");
        assert!(first <= first_view_max, "{coding}: {first}");
        assert!(all <= ALL_MAX, "{coding}: {all}");
    }
}
