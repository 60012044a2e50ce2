//! What the gateway makes of paths and methods, through the real functions: slashes, unknown paths, wrong methods.

use crate::support::hits::BROWSER;
use crate::support::stack::{COURSE, DELAY, Stack, stack};
use crate::track::query;
use harness::world::{eventually, run};
use reqwest::{Method, Response};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn ask(stack: &Stack, method: Method, path: &str) -> Response {
    let url = format!("{}{path}", stack.gateway());
    let mut request = stack.http.request(method, url);
    for (name, value) in BROWSER {
        request = request.header(name, value);
    }
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// A new lead's id and code.
async fn lead(stack: &Stack, number: u32) -> (String, String) {
    let (status, answer) = stack.post(&Stack::person("routes", 771, number)).await;
    assert_eq!(status, 200, "{answer}");
    let lead = answer["leadId"].as_str().unwrap().to_owned();
    let code = format!("select code from short_links where lead_id = '{lead}'");
    let code = stack.db.row(&code).await["code"].as_str().unwrap().to_owned();
    (lead, code)
}

async fn clicks(stack: &Stack, lead: &str) -> Value {
    let sql = format!("select click_count from landing_leads where id = '{lead}'");
    stack.db.row(&sql).await["click_count"].clone()
}

#[test]
fn a_link_with_what_stood_behind_it_counts_one_click_and_leads_to_the_course() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let (lead, code) = lead(stack, 1).await;
        let sent = format!(
            "update deliveries set first_attempt_at = now() - interval '1 minute' where notification_id in
                 (select id from scheduled_notifications where lead_id = '{lead}')"
        );
        stack.db.execute(&sent).await;
        let mut counted = 0;
        for (path, source) in [
            (format!("/l/{code}/"), "sms"),
            (format!("//l/{code}"), "sms"),
            (format!("/l//{code}/"), "sms"),
            // A messenger takes the end of the sentence into the link.
            (format!("/l/{code}."), "sms"),
            (format!("/l/{code})"), "sms"),
            (format!("/api/landing/track/{lead}/?source=email"), "email"),
            (format!("/api/landing/track/{lead}?source=email/"), "email"),
        ] {
            let course = format!("{COURSE}?{}&click_id=", query(source));
            let head = ask(stack, Method::HEAD, &path).await;
            assert_eq!(head.status(), 302, "HEAD {path}");
            assert_eq!(clicks(stack, &lead).await, counted, "HEAD {path}");
            let answer = ask(stack, Method::GET, &path).await;
            assert_eq!(answer.status(), 302, "{path}");
            assert!(header(&answer, "location").starts_with(&course), "{path}");
            counted += 1;
            assert_eq!(clicks(stack, &lead).await, counted, "{path}");
        }
    });
}

/// As a mail provider does it: no cookie, no Origin, and neither form of the body is read as text by API Gateway.
#[test]
fn a_mail_provider_s_button_stops_e_mail_through_the_gateway() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        for (number, content_type, body) in [
            (
                4,
                "application/x-www-form-urlencoded",
                "List-Unsubscribe=One-Click",
            ),
            (
                5,
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n",
            ),
        ] {
            let (lead, code) = lead(stack, number).await;
            let address = format!("routes{number}@example.com");
            let email = eventually("the e-mail", DELAY + Duration::from_secs(30), async || {
                stack.emails_to(&address).pop()
            })
            .await;
            let list = &email.headers["List-Unsubscribe"];
            let url = list.trim_matches(['<', '>']);
            let choices = stack.get(url).await;
            assert_eq!(choices.status(), 200, "{url}");
            assert!(choices.text().await.unwrap().contains("<form method=\"post\">"));
            let result = format!("/r/{code}");
            assert_eq!(ask(stack, Method::GET, &result).await.status(), 200, "{result}");
            let stopped = format!("lead_events where lead_id = '{lead}' and what = 'stop'");
            assert_eq!(stack.db.count(&stopped).await, 0);
            let post = stack
                .http
                .post(url)
                .header("content-type", content_type)
                .body(body);
            let answer = post.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{content_type}");
            assert_eq!(answer.text().await.unwrap(), "");
            assert_eq!(stack.db.count(&stopped).await, 1, "{content_type}");
        }
    });
}

#[test]
fn a_slash_at_the_end_of_the_page_is_the_page() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let plain = ask(stack, Method::GET, "/proftest").await.text().await.unwrap();
        assert!(plain.contains("<form"));
        for path in [
            "/proftest/",
            "/proftest/blogger",
            "/proftest/blogger/",
            "/proftest/blogger/?utm_source=ig",
        ] {
            let answer = ask(stack, Method::GET, path).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.text().await.unwrap(), plain, "{path}");
            let head = ask(stack, Method::HEAD, path).await;
            assert_eq!(head.status(), 200, "HEAD {path}");
        }
        let doubled = ask(stack, Method::GET, "/proftest//blogger?utm_source=ig").await;
        assert_eq!(doubled.status(), 308);
        assert_eq!(header(&doubled, "location"), "/proftest/blogger?utm_source=ig");
    });
}

#[test]
fn a_form_posted_with_a_slash_at_the_end_is_saved() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let following = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/landing/proftest/", stack.gateway());
        let answer = following
            .post(url)
            .json(&Stack::person("routes", 771, 2))
            .send()
            .await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        assert_eq!(answer["success"], true, "{answer}");
        let saved = stack
            .db
            .count("landing_leads where email = 'routes2@example.com'")
            .await;
        assert_eq!(saved, 1);
    });
}

#[test]
fn an_unknown_path_and_a_wrong_method_get_a_page_for_people_and_json_for_programs() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        let (lead, code) = lead(stack, 3).await;
        for (method, path, status, allow) in [
            ("GET", "/".to_owned(), 404, ""),
            ("GET", "/wp-login.php".to_owned(), 404, ""),
            ("POST", "/xmlrpc.php".to_owned(), 404, ""),
            ("GET", "/proftest/a/b".to_owned(), 404, ""),
            ("GET", "/proftest/assets/none.js".to_owned(), 404, ""),
            ("GET", format!("/{}", "x".repeat(7_000)), 404, ""),
            ("POST", "/proftest/blogger/".to_owned(), 405, "GET, HEAD, OPTIONS"),
            ("POST", format!("/l/{code}"), 405, "GET, HEAD, OPTIONS"),
            ("DELETE", format!("/l/{code}/"), 405, "GET, HEAD, OPTIONS"),
            ("POST", format!("/r/{code}"), 405, "GET, HEAD, OPTIONS"),
            ("PUT", format!("/u/{code}"), 405, "GET, HEAD, OPTIONS, POST"),
            ("GET", "/u".to_owned(), 404, ""),
            ("GET", "/api/leads".to_owned(), 404, ""),
            ("PUT", "/api/leads".to_owned(), 404, ""),
            ("GET", "/api/landing/proftest".to_owned(), 405, "OPTIONS, POST"),
            ("PUT", "/api/landing/proftest".to_owned(), 405, "OPTIONS, POST"),
            (
                "POST",
                format!("/api/landing/track/{lead}?source=email"),
                405,
                "GET, HEAD, OPTIONS",
            ),
        ] {
            let answer = ask(stack, method.parse().unwrap(), &path).await;
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(header(&answer, "allow"), allow, "{method} {path}");
            let body = answer.text().await.unwrap();
            if path.starts_with("/api/") {
                let body: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(body["success"], false, "{path}");
                assert!(body["error"].is_string(), "{path}");
            } else {
                assert!(body.contains("Такой страницы нет"), "{method} {path}: {body}");
            }
        }
        assert_eq!(clicks(stack, &lead).await, 0);
    });
}

// The emulator answers every preflight itself, by the template's CorsConfiguration. What the routes and `page` answer is
// held by `template_routes` and the page's own tests.
#[test]
fn a_preflight_is_answered_with_cors_on_every_path_of_ours() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        for path in ["/api/landing/proftest", "/api/landing/proftest/"] {
            let url = format!("{}{path}", stack.gateway());
            let request = stack.http.request(Method::OPTIONS, url);
            let request = request.header("origin", "https://onai.academy");
            let request = request.header("access-control-request-method", "POST");
            let answer = request
                .header("access-control-request-headers", "content-type")
                .send()
                .await;
            let answer = answer.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            assert_eq!(
                header(&answer, "access-control-allow-origin"),
                "https://onai.academy"
            );
        }
    });
}

/// As no HTTP client sends it.
async fn raw(stack: &Stack, target: &str) -> String {
    let address = stack.gateway().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn dots_and_encoded_slashes_lead_out_of_nothing() {
    run(async {
        let stack = stack().await;
        let _peace = stack.peace.read().await;
        for (target, status) in [
            ("/../../../../../2015-03-31/functions", "404"),
            ("/l/../../../../../../_ministack/health", "404"),
            ("/%2e%2e/%2e%2e/%2e%2e/%2e%2e/2015-03-31/functions", "404"),
            ("/l/../proftest/", "200"),
            ("/l/..%2f..%2fproftest", "302"),
            ("/proftest/a%2Fb", "404"),
            ("//evil.example/%2e%2e", "404"),
            ("/robots.txt", "200"),
            ("/favicon.ico", "200"),
        ] {
            let answer = raw(stack, target).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{target}: {answer:.300}"
            );
            let location = answer.lines().find(|line| line.starts_with("location: "));
            assert!(
                location.is_none_or(|location| location.contains(COURSE)),
                "{target}: {location:?}"
            );
            // Another answer than ours would be the emulator's.
            let ours = status != "404" || answer.contains("Такой страницы нет");
            assert!(ours, "{target}: {answer:.300}");
        }
    });
}
