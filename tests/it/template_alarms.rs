//! The alarms and the dashboard use metrics that exist, and every alarm reaches the topic.

use crate::template::template;
use harness::tools;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What CloudWatch has by itself, as far as this template uses it.
/// Source: API Gateway, "HTTP API metrics"; SQS, "Available CloudWatch metrics".
const OF_AWS: [(&str, &str); 5] = [
    ("AWS/ApiGateway", "Count"),
    ("AWS/ApiGateway", "4xx"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/ApiGateway", "Latency"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
];

/// Every string literal of a function's sources: a metric's name is one of them.
fn is_written_by(function: &str, metric: &str) -> bool {
    let sources = tools::workspace().join("functions").join(function).join("src");
    let files = std::fs::read_dir(sources).unwrap();
    files.flatten().any(|file| {
        let source = std::fs::read_to_string(file.path()).unwrap_or_default();
        source.contains(&format!("\"{metric}\""))
    })
}

/// `function`: the logical name of the function in the metric's dimension.
fn assert_exists(namespace: &str, metric: &str, function: Option<&str>) {
    let exists = match function {
        Some(function) => {
            let folder = function.strip_suffix("Function").map(str::to_lowercase);
            namespace == "proftest" && folder.is_some_and(|folder| is_written_by(&folder, metric))
        }
        None => OF_AWS.contains(&(namespace, metric)),
    };
    assert!(exists, "nothing writes {namespace} {metric} of {function:?}");
}

#[test]
fn every_alarm_watches_a_metric_that_exists_and_reaches_the_topic() {
    let template = template();
    let (mut watched, mut by_silence) = (BTreeSet::new(), Vec::new());
    for (name, resource) in template["Resources"].as_object().unwrap() {
        if resource["Type"] != "AWS::CloudWatch::Alarm" {
            continue;
        }
        let alarm = &resource["Properties"];
        let text = |field: &str| alarm[field].as_str().unwrap_or_default().to_owned();
        let dimension = &alarm["Dimensions"][0];
        let function = (dimension["Name"] == "function").then(|| dimension["Value"]["Ref"].as_str().unwrap());
        assert_exists(&text("Namespace"), &text("MetricName"), function);
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(
                alarm[actions],
                json!([{"Ref": "AlarmTopic"}]),
                "{name}: {actions}"
            );
        }
        assert!(text("AlarmDescription").len() > 40, "{name} says nothing");
        assert!(!alarm["TreatMissingData"].is_null(), "{name}");
        watched.insert(text("MetricName"));
        by_silence.extend((alarm["TreatMissingData"] == "breaching").then_some(function));
    }
    for metric in [
        "ApproximateNumberOfMessagesVisible",
        "OldestOverdueSeconds",
        "ParkedDeliveries",
        "BudgetPercent",
        "BurntInTenMinutesPercent",
        "HeldLastHour",
        "SmsWithoutClick",
        "BouncedPercent",
        "ComplainedPercent",
        "CrmGateShut",
        "CrmTokenDaysLeft",
        "SmsBalance",
        "5xx",
        "Latency",
    ] {
        assert!(watched.contains(metric), "no alarm on {metric}");
    }
    assert!(
        by_silence.contains(&Some("SweepFunction")),
        "a sweep that does not run raises no alarm"
    );
}

/// The only number that follows a constant's name in a folder's Rust files.
fn constant(folder: &str, name: &str) -> f64 {
    let folder = tools::workspace().join(folder);
    let sources = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|file| file.path());
    let sources = sources.filter_map(|path| std::fs::read_to_string(path).ok());
    let start = format!("const {name}: f64 = ");
    let found: Vec<f64> = sources
        .filter_map(|source| source.split_once(&start)?.1.split_once(';')?.0.parse().ok())
        .collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

#[test]
fn the_alarm_the_log_and_doctor_warn_of_an_ending_token_on_the_same_day() {
    let days = template()["Resources"]["CrmTokenAlarm"]["Properties"]["Threshold"].as_f64();
    assert_eq!(days, Some(constant("functions/crm/src", "WARN_DAYS")));
    assert_eq!(days, Some(constant("tools/ops/src/doctor", "DAYS_MIN")));
}

#[test]
fn the_dashboard_draws_metrics_that_exist() {
    let template = template();
    let body = &template["Resources"]["FunnelDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let mut drawn = 0;
    for widget in body["widgets"].as_array().unwrap() {
        let mut before: Vec<Value> = Vec::new();
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            let line = written_out(metric.as_array().unwrap(), &before);
            let text = |at: usize| line[at].as_str().unwrap();
            let function = (text(2) == "function").then(|| {
                let reference = text(3).strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                reference.unwrap_or_else(|| panic!("{}: another stack's too", text(3)))
            });
            assert_exists(text(0), text(1), function);
            drawn += 1;
            before = line;
        }
    }
    assert!(drawn >= 12, "{drawn}");
}

/// CloudWatch's shorthand: "." repeats the field above, "..." all fields above that are not given.
fn written_out(line: &[Value], before: &[Value]) -> Vec<Value> {
    let mut fields: Vec<Value> = line.iter().filter(|field| !field.is_object()).cloned().collect();
    if fields.first().is_some_and(|field| field == "...") {
        let kept = 4 - (fields.len() - 1);
        fields.splice(..1, before[..kept].iter().cloned());
    }
    for (at, field) in fields.iter_mut().enumerate() {
        if field == "." {
            *field = before[at].clone();
        }
    }
    fields
}
