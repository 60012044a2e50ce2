//! The long-lived token's end is told in good times too: an alarm cannot tell good news from none.

use crate::support::doctor::token;
use crate::support::printing::Printing;
use harness::world::{CLOSED, World, event, run};

const DEPLOYED_NAME: &str = "proftest-CrmFunction-1A2B3C";

/// crm after an empty batch, with a token that ends in so many days.
async fn woken(days: i64) -> Printing {
    let mut world = World::new().await;
    // The address is closed, and no request is made.
    CLOSED.clone_into(&mut world.vendors.urls.amocrm);
    world.changes.extend([
        ("AMOCRM_ACCESS_TOKEN", token(days)),
        ("AWS_LAMBDA_FUNCTION_NAME", DEPLOYED_NAME.to_owned()),
    ]);
    let mut process = Printing::start("crm", &world.settings("crm")).await;
    let batch = serde_json::to_value(event(Vec::new())).unwrap();
    process.function.invoke(&batch).await.unwrap();
    process
}

#[test]
fn each_batch_tells_how_long_the_token_lives_and_the_log_warns_of_its_end() {
    run(async {
        for (days, is_warned) in [(200, false), (10, true)] {
            let process = woken(days).await;
            let metrics = process.lines_with("CrmTokenDaysLeft");
            let [metric] = &metrics[..] else {
                panic!("{days}: {}", process.printed())
            };
            let left = metric["CrmTokenDaysLeft"].as_f64().unwrap();
            #[allow(clippy::cast_precision_loss, reason = "a number of days")]
            let expected = days as f64;
            assert!((expected - 1.0..=expected).contains(&left), "{metric}");
            assert_eq!(
                metric["function"], DEPLOYED_NAME,
                "the alarm's dimension: {metric}"
            );
            let mut levels = process.lines_with("level").into_iter();
            assert_eq!(
                levels.any(|line| line["level"] == "WARN"),
                is_warned,
                "{}",
                process.printed()
            );
        }
    });
}
