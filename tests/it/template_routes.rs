//! The public routes: what template.yaml has, what the handlers serve, and the sample events.

use crate::support::request::{Answer, request, sample, visit};
use crate::support::stack::stack;
use crate::template::{DEFAULT_ROUTE, page_asset, routes, template};
use harness::tools;
use harness::world::{World, run, sdk};
use proftest::http::segments;
use std::collections::{BTreeMap, BTreeSet};

/// Every public route, with who serves it. `every_route_is_one_that_its_function_serves` asks the handlers.
const ROUTES: [(&str, &str, &[&str]); 12] = [
    ("intake", "/api/landing/proftest", &["POST"]),
    ("intake", "/api/landing/challenge", &["GET", "POST"]),
    // Messengers and mail scanners look at a link with HEAD before a person follows it.
    ("track", "/api/landing/track/{proxy+}", &["GET", "HEAD"]),
    ("track", "/l/{proxy+}", &["GET", "HEAD"]),
    ("receipts", "/hooks/resend", &["POST"]),
    ("receipts", "/hooks/mobizon", &["POST"]),
    ("recipient", "/r/{proxy+}", &["GET", "HEAD"]),
    ("recipient", "/u/{proxy+}", &["GET", "HEAD", "POST"]),
    ("page", "/proftest", &["GET", "HEAD"]),
    ("page", "/proftest/{proxy+}", &["GET", "HEAD"]),
    ("page", "/api/landing/proftest", &["OPTIONS"]),
    ("page", DEFAULT_ROUTE, &[""]),
];

/// Function, method and path of each, as `routes` has them.
pub fn expected_routes() -> BTreeSet<(String, String, String)> {
    let expected = ROUTES.iter().flat_map(|(function, path, methods)| {
        let route = |method: &&str| ((*function).to_owned(), (*method).to_owned(), (*path).to_owned());
        methods.iter().map(route).collect::<Vec<_>>()
    });
    expected.collect()
}

fn key_of(method: &str, path: &str) -> String {
    format!("{method} {path}").trim_start().to_owned()
}

/// What CloudFormation gets, after the SAM transform.
#[test]
fn the_translated_template_has_these_routes_and_may_invoke_their_functions() {
    run(async {
        let api = &stack().await.deployment().api;
        let expected = expected_routes();
        let keys: BTreeSet<String> = expected
            .iter()
            .map(|(_, method, path)| key_of(method, path))
            .collect();
        assert_eq!(api.routes.iter().cloned().collect::<BTreeSet<_>>(), keys);
        // The policy of a function knows one wildcard, and no variable.
        let mut permitted: BTreeSet<String> = expected
            .iter()
            .filter(|(_, method, _)| !method.is_empty())
            .map(|(_, method, path)| format!("/{method}{}", path.replace("{proxy+}", "*")))
            .collect();
        permitted.insert("/*".to_owned());
        assert_eq!(api.permitted.iter().cloned().collect::<BTreeSet<_>>(), permitted);
        let throttled = [
            "$default",
            "GET /api/landing/challenge",
            "POST /api/landing/challenge",
            "POST /api/landing/proftest",
        ];
        assert_eq!(
            api.throttled.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            throttled.into()
        );
    });
}

/// `page::rest` answers 405 with these methods, and 404 elsewhere.
#[test]
fn the_default_route_knows_each_path_with_its_methods() {
    let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, method, path) in routes(&template()) {
        if path != DEFAULT_ROUTE {
            taken.entry(path).or_default().insert(method);
        }
    }
    for (path, mut methods) in taken {
        let path = path.replace("{proxy+}", "one");
        let known = page::rest::methods(&segments(&path)).unwrap_or_else(|| panic!("{path} is unknown"));
        // It answers OPTIONS itself.
        methods.insert("OPTIONS".to_owned());
        assert_eq!(
            known,
            methods.into_iter().collect::<Vec<_>>().join(", "),
            "{path}"
        );
    }
    let file = format!("/proftest/assets/{}", page_asset());
    assert_eq!(page::rest::methods(&segments(&file)), Some("GET, HEAD, OPTIONS"));
    for unknown in [
        "/",
        "/l",
        "/l/a/b",
        "/proftest/a/b",
        "/api",
        "/api/landing",
        "/api/landing/proftest/a",
    ] {
        assert_eq!(page::rest::methods(&segments(unknown)), None, "{unknown}");
    }
}

fn assert_the_page_serves(method: &str, path: &str) {
    let asset = format!("assets/{}", page_asset());
    let (method, path, status) = match (method, path) {
        (_, DEFAULT_ROUTE) => ("GET", "/elsewhere".to_owned(), 404),
        ("OPTIONS", path) => ("OPTIONS", path.to_owned(), 204),
        (method, path) => (method, path.replace("{proxy+}", &asset), 200),
    };
    let answer = page::handle(&visit(method, &path, ""));
    assert_eq!(answer.status(), status, "{method} {path}");
}

#[test]
fn every_route_is_one_that_its_function_serves() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let code = world.db.row("select code from short_links").await;
        let track = crate::track::app_of(world.db.config("track"));
        let intake = intake::App::new(&world.intake_config(), &sdk().await).unwrap();
        let receipts = receipts::App::new(&world.receipts_config()).unwrap();
        let recipient = recipient::App::new(&world.recipient_config()).unwrap();
        let mut hits = 0;
        for (binary, method, path) in routes(&template()) {
            if binary == "intake" {
                let mut event = sample("intake/valid.json");
                event["rawPath"] = path.as_str().into();
                event["requestContext"]["http"]["path"] = path.as_str().into();
                event["requestContext"]["http"]["method"] = method.as_str().into();
                let answer: Answer = intake::handle(&intake, request(&event)).await.into();
                let (status, member) = match (method.as_str(), path.as_str()) {
                    ("POST", "/api/landing/proftest") => (200, "leadId"),
                    ("GET", "/api/landing/challenge") => (200, "ticket"),
                    // A form is no proof.
                    ("POST", "/api/landing/challenge") => (400, "error"),
                    other => panic!("{other:?}"),
                };
                assert_eq!(answer.status, status, "{method} {path}");
                assert!(answer.body[member].is_string(), "{method} {path}: {answer:?}");
                continue;
            }
            if binary == "page" {
                assert_the_page_serves(&method, &path);
                continue;
            }
            if binary == "recipient" {
                let path = path.replace("{proxy+}", code["code"].as_str().unwrap());
                let answer = recipient::handle(&recipient, &visit(&method, &path, "")).await;
                // A body without a wish.
                let status = if method == "POST" { 400 } else { 200 };
                assert_eq!(answer.status(), status, "{method} {path}");
                continue;
            }
            if binary == "receipts" {
                let mut event = sample("receipts/resend.json");
                event["rawPath"] = path.as_str().into();
                event["requestContext"]["http"]["path"] = path.as_str().into();
                let answer: Answer = receipts::handle(&receipts, &request(&event)).await.into();
                // An old signature, which another path would not even look at.
                assert_eq!(answer.status, 401, "{method} {path}");
                continue;
            }
            assert_eq!(binary, "track");
            let last = match path.as_str() {
                "/l/{proxy+}" => code["code"].as_str().unwrap().to_owned(),
                _ => waiting.lead.to_string(),
            };
            let path = path.replace("{proxy+}", &last);
            track::handle(&track, &visit(&method, &path, "source=email")).await;
            hits += 1;
            assert_eq!(world.db.count("clicks").await, hits, "{method} {path}");
        }
        assert_eq!(hits, 4);
    });
}

#[test]
fn every_sample_event_comes_by_a_route_of_its_function() {
    let routes = routes(&template());
    let binaries: BTreeSet<_> = routes.iter().map(|(binary, _, _)| binary).collect();
    assert!(binaries.len() >= 3, "{binaries:?}");
    for binary in binaries {
        let files = std::fs::read_dir(tools::workspace().join("events").join(binary)).unwrap();
        for file in files {
            let name = file.unwrap().file_name().into_string().unwrap();
            let event = sample(&format!("{binary}/{name}"));
            let key = event["routeKey"].as_str().unwrap();
            let known = routes
                .iter()
                .any(|(owner, method, path)| owner == binary && key == key_of(method, path));
            assert!(known, "{binary}/{name}: {key}");
            if key != DEFAULT_ROUTE {
                assert_eq!(request(&event).method(), key.split(' ').next().unwrap(), "{name}");
            }
        }
    }
}
