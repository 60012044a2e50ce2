//! The local stack beside a browser: a page of a stranger, open while a developer works, reaches every port of this machine.

use crate::support::stack::{Stack, stack};
use harness::world::run;
use reqwest::{Method, Response};
use std::collections::BTreeSet;

const STRANGER: &str = "http://stranger.example";

/// Asks `server` for `path` as a browser would for a page.
async fn ask(server: &str, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = stack().await.http.request(method, format!("{server}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn status(server: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(server, Method::GET, path, headers).await.status().as_u16()
}

/// The stranger's own name that leads to this machine: DNS rebinding.
fn rebound(server: &str) -> String {
    let (_, port) = server.rsplit_once(':').unwrap();
    format!("stranger.example:{port}")
}

/// Every server of the stack with a path that it answers.
fn servers(stack: &Stack) -> Vec<(&'static str, String, &'static str)> {
    let stand_ins = stack.stand_ins();
    let urls = &stand_ins.urls;
    vec![
        ("gateway", stack.gateway().to_owned(), "/proftest"),
        ("console", stack.console().to_owned(), "/api/leads"),
        ("Resend", urls.resend.clone(), "/emails"),
        ("Mobizon", urls.mobizon.clone(), "/service/user/getownbalance"),
        ("amoCRM", urls.amocrm.clone(), "/api/v4/contacts"),
        (
            "Turnstile",
            stand_ins.turnstile_url.clone(),
            "/turnstile/v0/siteverify",
        ),
        (
            "emulator",
            stack.emulator().to_owned(),
            "/?Action=ListQueues&Version=2012-11-05",
        ),
    ]
}

#[test]
fn no_server_answers_by_a_name_of_a_stranger() {
    run(async {
        for (name, server, path) in servers(stack().await) {
            assert_ne!(status(&server, path, &[]).await, 403, "{name}");
            let host = rebound(&server);
            assert_eq!(status(&server, path, &[("host", &host)]).await, 403, "{name}");
            let (_, port) = server.rsplit_once(':').unwrap();
            let localhost = format!("localhost:{port}");
            assert_ne!(
                status(&server, path, &[("host", &localhost)]).await,
                403,
                "{name}"
            );
        }
    });
}

/// The gateway has production's paths, which any page may call; the functions decide what comes of it.
#[test]
fn a_page_of_a_stranger_is_refused_by_all_but_the_gateway() {
    run(async {
        for (name, server, path) in servers(stack().await).into_iter().skip(1) {
            let of_page = [("origin", STRANGER)];
            assert_eq!(status(&server, path, &of_page).await, 403, "{name}");
            // Before a request that is not a simple one, the browser asks. Without these headers it sends nothing more.
            let asks = [("origin", STRANGER), ("access-control-request-method", "POST")];
            let answer = ask(&server, Method::OPTIONS, path, &asks).await;
            assert_eq!(answer.status(), 403, "{name}");
            assert!(
                !answer.headers().contains_key("access-control-allow-origin"),
                "{name}"
            );
        }
        // A picture or a script comes without Origin.
        for (name, server, path) in servers(stack().await).into_iter().skip(2) {
            let of_page = [("sec-fetch-site", "cross-site")];
            assert_eq!(status(&server, path, &of_page).await, 403, "{name}");
        }
    });
}

/// Nothing of the emulator but the HTTP API that the gateway forwards to: it would run any program, and print every secret.
#[test]
fn the_emulators_own_interfaces_are_closed_to_browsers() {
    run(async {
        let emulator = stack().await.emulator().to_owned();
        for path in [
            "/_ministack/health",
            "/",
            "/_aws/execute-api",
            "/_ministack/sqs/messages",
        ] {
            for headers in [
                &[("origin", STRANGER)][..],
                &[("sec-fetch-site", "same-origin")],
                &[("host", "stranger.example")],
                &[("origin", "null")],
            ] {
                assert_eq!(status(&emulator, path, headers).await, 403, "{path} {headers:?}");
            }
        }
        let api = stack().await.api_url().to_owned();
        assert_eq!(status(&api, "/proftest", &[("origin", STRANGER)]).await, 200);
        assert_eq!(
            status(&api, "/proftest", &[("host", "stranger.example")]).await,
            403
        );
    });
}

/// Each function asks a port of its own for events, which hold what people sent.
#[test]
fn a_function_s_runtime_api_answers_by_no_name_of_a_stranger() {
    run(async {
        let stack = stack().await;
        assert_eq!(status(stack.gateway(), "/proftest", &[]).await, 200);
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return;
        };
        let mut ports = BTreeSet::new();
        for process in processes.flatten() {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let variables: Vec<&str> = environment.split('\0').collect();
            let ours = format!("AWS_ENDPOINT_URL={}", stack.emulator());
            if variables.contains(&ours.as_str()) {
                ports.extend(variables.iter().filter_map(|one| {
                    let address = one.strip_prefix("AWS_LAMBDA_RUNTIME_API=")?;
                    Some(format!("http://{}", address.split('/').next()?))
                }));
            }
        }
        assert!(!ports.is_empty(), "no function is running");
        for runtime in ports {
            let path = "/2018-06-01/runtime/none";
            assert_eq!(status(&runtime, path, &[]).await, 404);
            for headers in [
                [("host", "stranger.example")],
                [("origin", STRANGER)],
                [("sec-fetch-site", "cross-site")],
            ] {
                assert_eq!(status(&runtime, path, &headers).await, 403, "{headers:?}");
            }
        }
    });
}
