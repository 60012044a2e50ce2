//! A function's process between the Runtime API and the world.

use crate::support::request::sample;
use harness::runtime_api::Failed;
use harness::world::{Settings, World, run, start};
use serde_json::Value;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_process_answers_event_after_event_until_it_dies() {
    run(async {
        let world = World::new().await;
        let mut intake = start("intake", TIMEOUT, &world.settings()).await;
        intake.ready().await.unwrap();
        for _ in 0..2 {
            let answer = intake.invoke(&sample("intake/valid.json")).await.unwrap();
            assert_eq!(answer["statusCode"], 200, "{answer}");
        }
        assert_eq!(world.db.count("landing_leads").await, 1);
        let kill = std::process::Command::new("kill")
            .args(["-9", &intake.pid().unwrap().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let failed = intake.invoke(&sample("intake/valid.json")).await.unwrap_err();
        assert!(matches!(failed, Failed::Died(_)), "{failed}");
    });
}

#[test]
fn a_process_that_cannot_start_says_so_by_ending() {
    run(async {
        let mut intake = start(
            "intake",
            TIMEOUT,
            &Settings::from([("DATABASE_URL", "nonsense".to_owned())]),
        )
        .await;
        let failed = intake.ready().await.unwrap_err();
        assert!(matches!(failed, Failed::Died(_)), "{failed}");
        let event: Value = sample("intake/valid.json");
        assert!(intake.invoke(&event).await.is_err());
    });
}
