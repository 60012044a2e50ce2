//! Whatever comes from outside: events of API Gateway and SQS, and vendors' answers. No panic, no 5xx, no trace of what
//! was refused, and nothing stored that cannot be read again.
//!
//! `PROPTEST_CASES=100000` and the like make each property run that often, for as long as it takes. A run is random; what
//! one finds becomes a plain test with that very input, so no seeds are kept in files.

mod hooks;
mod intake;
mod mutate;
mod queues;
mod recipient;
mod track;
mod vendors;

use axum::Router;
use axum::http::StatusCode;
use harness::world::sdk_at;
use proftest::aws::SdkConfig;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRunner, contextualize_config};
use standins::{Running, serve};
use std::time::Instant;
use tokio::net::TcpListener;

/// Checks so many inputs, or as many as `PROPTEST_CASES` says, and prints how fast.
fn check<S: Strategy>(
    what: &str,
    cases: u32,
    inputs: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = contextualize_config(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2000,
        // Unoptimised, the default's cipher takes half of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..Config::default()
    });
    let cases = config.cases;
    let start = Instant::now();
    TestRunner::new(config)
        .run(inputs, test)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {cases} inputs in {seconds:.1} s, {:.0} a second",
        f64::from(cases) / seconds
    );
}

/// An AWS that refuses every call at once: each function has a way on without it.
async fn refusing_aws() -> (Running, SdkConfig) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router =
        Router::new().fallback(async || (StatusCode::BAD_REQUEST, r#"{"__type":"ValidationException"}"#));
    let server = serve(listener, router).unwrap();
    let sdk = sdk_at(&server.url());
    (server, sdk)
}
