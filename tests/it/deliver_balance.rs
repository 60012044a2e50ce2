//! The SMS account's money: told once an hour, and never at a recipient's cost.

use crate::support::delivery::{patient, status, wake};
use crate::support::printing::Printing;
use harness::runtime_api::Function;
use harness::world::{Waiting, World, event, record, run, task};
use standins::{Fault, Mode};
use std::time::{Duration, Instant};
use uuid::Uuid;

const BALANCE: &str = "user/getownbalance";
/// Another stack's function has another one.
const DEPLOYED_NAME: &str = "proftest-DeliverFunction-1A2B3C";

async fn deliver(function: &mut Function, waiting: &Waiting) {
    let id = Uuid::new_v4().to_string();
    let batch = event(vec![record(&id, "no such receipt handle", &task(waiting.id))]);
    let answer = function
        .invoke(&serde_json::to_value(batch).unwrap())
        .await
        .unwrap();
    assert_eq!(answer["batchItemFailures"], serde_json::json!([]), "{answer}");
}

#[test]
fn a_process_tells_the_balance_once_an_hour() {
    run(async {
        let world = World::new().await;
        let mut settings = world.settings("deliver");
        settings.insert("AWS_LAMBDA_FUNCTION_NAME", DEPLOYED_NAME.to_owned());
        let mut process = Printing::start("deliver", &settings).await;
        process.function.ready().await.unwrap();
        for _ in 0..2 {
            let waiting = world.lead().await;
            deliver(&mut process.function, &waiting).await;
            world.assert_delivered_once(&waiting).await;
        }
        let metrics = process.lines_with("SmsBalance");
        let [metric] = &metrics[..] else {
            panic!("{} times: {}", metrics.len(), process.printed())
        };
        // What the stand-in's account has.
        assert_eq!(metric["SmsBalance"], 190.428, "{metric}");
        assert_eq!(
            metric["function"], DEPLOYED_NAME,
            "the alarm's dimension: {metric}"
        );
        let told = &metric["_aws"]["CloudWatchMetrics"][0]["Metrics"][0];
        assert_eq!(*told, serde_json::json!({"Name": "SmsBalance", "Unit": "None"}));
    });
}

#[test]
fn a_balance_that_cannot_be_had_costs_no_recipient_anything() {
    run(async {
        for mode in [
            Mode::Timeout {},
            status(500, None),
            Mode::Html { status: 200 },
            Mode::Drop {},
        ] {
            let world = World::new().await;
            let app = patient(&world).await;
            let waiting = world.lead().await;
            world.vendors.mobizon.faults().add(Fault {
                path: Some(BALANCE.to_owned()),
                ..Fault::times(mode, 1)
            });
            assert!(!wake(&app, &waiting).await, "the message came back");
            assert!(
                world.vendors.mobizon.faults().list().is_empty(),
                "the balance was not asked for"
            );
            world.assert_delivered_once(&waiting).await;
        }
    });
}

#[test]
fn the_balance_is_asked_for_when_everything_is_recorded() {
    run(async {
        let world = World::new().await;
        let app = patient(&world).await;
        let waiting = world.lead().await;
        world.vendors.mobizon.faults().add(Fault {
            path: Some(BALANCE.to_owned()),
            ..Fault::times(Mode::Timeout {}, 1)
        });
        let answered = async {
            wake(&app, &waiting).await;
            Instant::now()
        };
        let recorded = async {
            for _ in 0..1000 {
                if world.notification(&waiting).await["status"] == "completed" {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Instant::now()
        };
        let (answered, recorded) = futures::future::join(answered, recorded).await;
        let waited = answered.duration_since(recorded);
        assert!(waited > Duration::from_secs(1), "recorded only {waited:?} before");
    });
}
