//! The alarms and the dashboard look at metrics that exist, and somebody is told.

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

/// `function`: the logical name of the one whose deployed name the metric bears.
fn assert_exists(namespace: &str, metric: &str, function: Option<&str>) {
    let exists = match function {
        Some(function) => {
            let folder = function.strip_suffix("Function").map(str::to_lowercase);
            namespace == "proftest" && folder.is_some_and(|folder| is_written_by(&folder, metric))
        }
        None => OF_AWS.contains(&(namespace, metric)),
    };
    assert!(exists, "nobody writes {namespace} {metric} of {function:?}");
}

#[test]
fn every_alarm_watches_a_metric_that_exists_and_tells_somebody() {
    let template = template();
    let mut watched = BTreeSet::new();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        if resource["Type"] != "AWS::CloudWatch::Alarm" {
            continue;
        }
        let alarm = &resource["Properties"];
        let text = |field: &str| alarm[field].as_str().unwrap_or_default().to_owned();
        let dimension = &alarm["Dimensions"][0];
        let function = (dimension["Name"] == "function").then(|| dimension["Value"]["Ref"].as_str().unwrap());
        assert_exists(&text("Namespace"), &text("MetricName"), function);
        assert_eq!(alarm["AlarmActions"], json!([{"Ref": "AlarmTopic"}]), "{name}");
        assert!(text("AlarmDescription").len() > 40, "{name} says nothing");
        assert!(!alarm["TreatMissingData"].is_null(), "{name}");
        watched.insert(text("MetricName"));
    }
    for metric in [
        "ApproximateNumberOfMessagesVisible",
        "OldestOverdueSeconds",
        "ParkedDeliveries",
        "CrmGateShut",
        "CrmTokenDaysLeft",
        "SmsBalance",
        "5xx",
        "Latency",
    ] {
        assert!(watched.contains(metric), "no alarm on {metric}");
    }
    let overdue = &template["Resources"]["OverdueAlarm"]["Properties"];
    assert_eq!(overdue["TreatMissingData"], "breaching", "a dead sweep is silent");
    let balance = &template["Resources"]["SmsBalanceAlarm"]["Properties"];
    assert_eq!(balance["Threshold"], json!({"Ref": "SmsBalanceMin"}));
    assert_eq!(
        balance["TreatMissingData"], "ignore",
        "nobody asks where nothing is sent"
    );
}

/// What an alarm is: metric, statistic, seconds, periods looked at, of them bad, operator, threshold, what silence means,
/// dimension.
fn read_out(alarm: &Value) -> Value {
    let or = |first: &str, second: &str| match &alarm[first] {
        Value::Null => alarm[second].clone(),
        found => found.clone(),
    };
    let dimensions = alarm["Dimensions"].as_array().unwrap();
    assert_eq!(dimensions.len(), 1);
    json!([
        format!(
            "{} {}",
            alarm["Namespace"].as_str().unwrap(),
            alarm["MetricName"].as_str().unwrap()
        ),
        or("Statistic", "ExtendedStatistic"),
        alarm["Period"],
        alarm["EvaluationPeriods"],
        or("DatapointsToAlarm", "EvaluationPeriods"),
        alarm["ComparisonOperator"],
        alarm["Threshold"],
        alarm["TreatMissingData"],
        [dimensions[0]["Name"], dimensions[0]["Value"]],
    ])
}

#[test]
fn the_alarms_are_these() {
    const ABOVE: &str = "GreaterThanThreshold";
    const BELOW: &str = "LessThanThreshold";
    let queue = |name: &str| json!(["QueueName", {"Fn::GetAtt": [name, "QueueName"]}]);
    let of = |name: &str| json!(["function", {"Ref": name}]);
    let api = json!(["ApiId", {"Ref": "FunnelApi"}]);
    let (sweep, dead) = (of("SweepFunction"), "AWS/SQS ApproximateNumberOfMessagesVisible");
    let (good, same) = ("notBreaching", "ignore");
    #[rustfmt::skip]
    let expected = json!({
        "NotificationsDlqAlarm": [dead, "Maximum", 60, 1, 1, ABOVE, 0, good, queue("NotificationsDlq")],
        "CrmDlqAlarm": [dead, "Maximum", 60, 1, 1, ABOVE, 0, good, queue("CrmDlq")],
        "OverdueAlarm": ["proftest OldestOverdueSeconds", "Maximum", 60, 3, 3, ABOVE, 300, "breaching", sweep],
        "ParkedAlarm": ["proftest ParkedDeliveries", "Maximum", 60, 3, 3, ABOVE, 0, good, sweep],
        "SmsBalanceAlarm": ["proftest SmsBalance", "Minimum", 300, 1, 1, BELOW, {"Ref": "SmsBalanceMin"}, same,
                            of("DeliverFunction")],
        "CrmGateAlarm": ["proftest CrmGateShut", "Maximum", 300, 2, 2, ABOVE, 0, good, sweep],
        // Fewer than two weeks: `WARN_DAYS` of crm. Silence is no good news.
        "CrmTokenAlarm": ["proftest CrmTokenDaysLeft", "Minimum", 300, 1, 1, BELOW, 14, same, of("CrmFunction")],
        // An outage at fourteen leads an hour is a few 5xx, not many a minute.
        "ApiErrorsAlarm": ["AWS/ApiGateway 5xx", "Sum", 60, 5, 2, ABOVE, 0, good, api],
        "ApiLatencyAlarm": ["AWS/ApiGateway Latency", "p99", 300, 2, 2, ABOVE, 3000, good, api],
    });
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let alarms = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut found = serde_json::Map::new();
    for (name, alarm) in alarms {
        let alarm = &alarm["Properties"];
        // Who was called is also told that it is over.
        assert_eq!(alarm["OKActions"], json!([{"Ref": "AlarmTopic"}]), "{name}");
        found.insert(name.clone(), read_out(alarm));
    }
    assert_eq!(Value::Object(found), expected);
}

#[test]
fn the_topic_s_subscribers_are_who_is_named() {
    let template = template();
    for (name, protocol, parameter) in [
        ("AlarmSubscription", "email", "AlarmEmail"),
        ("AlarmWebhook", "https", "AlarmUrl"),
    ] {
        let subscription = &template["Resources"][name];
        let condition = subscription["Condition"].as_str().unwrap();
        assert_eq!(
            template["Conditions"][condition],
            json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]})
        );
        let properties = &subscription["Properties"];
        assert_eq!(
            (
                &properties["Protocol"],
                &properties["Endpoint"],
                &properties["TopicArn"]
            ),
            (
                &protocol.into(),
                &json!({"Ref": parameter}),
                &json!({"Ref": "AlarmTopic"})
            ),
            "{name}"
        );
    }
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
    let body = body.to_string();
    for step in [
        "LeadsLastDay",
        "DeliveredLastDay",
        "OnTimeLastDay",
        "ClickedLastDay",
    ] {
        assert!(body.contains(step), "the funnel lacks {step}");
    }
}

/// CloudWatch's shorthand: "." repeats what stood there in the line before, "..." all that came first.
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
