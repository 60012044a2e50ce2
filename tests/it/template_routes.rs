//! The public routes: what template.yaml has, what the handlers serve, and the sample events.

use crate::support::request::{request, sample, visit};
use crate::template::{page_asset, routes, template};
use harness::tools;
use harness::world::{World, run};
use proftest::config;
use std::collections::BTreeSet;

/// Every public route, with who serves it. `every_route_is_one_that_its_function_serves` asks the handlers.
const ROUTES: [(&str, &str, &[&str]); 6] = [
    ("intake", "/api/landing/proftest", &["POST"]),
    // Messengers and mail scanners look at a link with HEAD before a person follows it.
    ("track", "/api/landing/track/{leadId}", &["GET", "HEAD"]),
    ("track", "/l/{code}", &["GET", "HEAD"]),
    ("page", "/proftest", &["GET", "HEAD"]),
    ("page", "/proftest/{campaign}", &["GET", "HEAD"]),
    ("page", "/proftest/assets/{file}", &["GET", "HEAD"]),
];

/// Function, method and path of each, as `routes` has them.
pub fn expected_routes() -> BTreeSet<(String, String, String)> {
    let expected = ROUTES.iter().flat_map(|(function, path, methods)| {
        let route = |method: &&str| ((*function).to_owned(), (*method).to_owned(), (*path).to_owned());
        methods.iter().map(route).collect::<Vec<_>>()
    });
    expected.collect()
}

#[test]
fn every_route_is_one_that_its_function_serves() {
    run(async {
        let world = World::new().await;
        let waiting = world.lead().await;
        let code = world.db.row("select code from short_links").await;
        let config = config::Track {
            database: world.db.config(),
            course: "https://onai.academy/course".parse().unwrap(),
        };
        let track = track::App::new(&config).unwrap();
        let mut gets = 0;
        for (binary, method, path) in routes(&template()) {
            if binary == "intake" {
                assert_eq!(
                    (method.as_str(), path.as_str()),
                    ("POST", "/api/landing/proftest")
                );
                continue;
            }
            if binary == "page" {
                let file = page_asset();
                let path = path.replace("{campaign}", "blogger").replace("{file}", file);
                let answer = page::handle(&visit(&method, &path, ""));
                assert_eq!(answer.status(), 200, "{method} {path}");
                continue;
            }
            assert_eq!(binary, "track");
            let path = path
                .replace("{leadId}", &waiting.lead.to_string())
                .replace("{code}", code["code"].as_str().unwrap());
            track::handle(&track, &visit(&method, &path, "source=email")).await;
            gets += i64::from(method == "GET");
            assert_eq!(world.db.count("clicks").await, gets, "{method} {path}");
        }
        assert_eq!(gets, 2);
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
                .any(|(owner, method, path)| owner == binary && key == format!("{method} {path}"));
            assert!(known, "{binary}/{name}: {key}");
            assert_eq!(request(&event).method(), key.split(' ').next().unwrap(), "{name}");
        }
    }
}
