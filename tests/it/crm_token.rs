//! The long-lived token's end is told in good times too: an alarm cannot tell good news from none.

use crate::support::doctor::token;
use harness::runtime_api::Function;
use harness::world::{CLOSED, World, binaries, event, run};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

const DEPLOYED_NAME: &str = "proftest-CrmFunction-1A2B3C";

/// What crm prints when it gets an empty batch and its token ends in so many days.
async fn printed(days: i64) -> Vec<Value> {
    let mut world = World::new().await;
    // The address is closed, and no request is made.
    CLOSED.clone_into(&mut world.vendors.urls.amocrm);
    world.changes.extend([
        ("AMOCRM_ACCESS_TOKEN", token(days)),
        ("AWS_LAMBDA_FUNCTION_NAME", DEPLOYED_NAME.to_owned()),
    ]);
    let settings = world.settings();
    let log = std::env::temp_dir().join(format!("crm-{}.log", Uuid::new_v4()));
    let output = std::fs::File::create(&log).unwrap();
    let binary = binaries().await.join("crm");
    let configure = |command: &mut tokio::process::Command| {
        command.envs(settings).stdout(output);
    };
    let mut function = Function::start(&binary, Duration::from_secs(30), configure)
        .await
        .unwrap();
    let batch = serde_json::to_value(event(Vec::new())).unwrap();
    function.invoke(&batch).await.unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_batch_tells_how_long_the_token_lives_and_the_log_warns_of_its_end() {
    run(async {
        for (days, is_warned) in [(200, false), (10, true)] {
            let lines = printed(days).await;
            let metrics: Vec<&Value> = lines
                .iter()
                .filter(|line| line.get("CrmTokenDaysLeft").is_some())
                .collect();
            let [metric] = metrics[..] else {
                panic!("{days}: {lines:?}")
            };
            let left = metric["CrmTokenDaysLeft"].as_f64().unwrap();
            #[allow(clippy::cast_precision_loss, reason = "a number of days")]
            let expected = days as f64;
            assert!((expected - 1.0..=expected).contains(&left), "{metric}");
            assert_eq!(
                metric["function"], DEPLOYED_NAME,
                "the alarm's dimension: {metric}"
            );
            let warned = lines.iter().any(|line| line["level"] == "WARN");
            assert_eq!(warned, is_warned, "{lines:?}");
        }
    });
}
