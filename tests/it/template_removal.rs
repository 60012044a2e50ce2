//! Nothing can be removed from template.yaml unnoticed: what it grants, sets and listens to is compared with what the code
//! needs, and each removal is tried on the parsed template.

use crate::support::json::pointers;
use crate::template::{functions, objects, routes, template};
use crate::template_routes::expected_routes;
use crate::template_secrets::secret_parameter;
use crate::template_settings::{read_by_function, variable_problems};
use harness::tools;
use proftest::config::is_secret;
use proftest::failpoint::Step;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a function may need of AWS, known by a variable that its configuration reads: the variable, the resource
/// behind it, the actions, and why.
const BY_VARIABLE: [(&str, &str, &[&str], &str); 3] = [
    (
        "SCHEDULE_GROUP",
        "ScheduleGroup",
        &["scheduler:CreateSchedule"],
        "aws::scheduler, wake_at",
    ),
    (
        "SCHEDULE_GROUP",
        "ScheduleGroup itself",
        &["scheduler:GetScheduleGroup"],
        "aws::scheduler, warm_up",
    ),
    (
        "SCHEDULER_ROLE_ARN",
        "SchedulerRole",
        &["iam:PassRole"],
        "CreateSchedule hands the schedule this role",
    ),
];

/// `aws::secrets` fetches each secret in Init.
const OF_A_READER: [&str; 1] = ["secretsmanager:GetSecretValue"];

/// The queues: a function that is handed messages holds them, any other that knows the queue sends to it.
const QUEUES: [(&str, &str); 2] = [
    ("NOTIFICATIONS_QUEUE_URL", "NotificationsQueue"),
    ("CRM_QUEUE_URL", "CrmQueue"),
];
/// aws::queue, send and send_all. Source of the action of SendMessageBatch: "Actions for Amazon SQS", Service
/// Authorization Reference.
const OF_A_SENDER: [&str; 1] = ["sqs:SendMessage"];
/// The event source mapping's three, by the function's role, and aws::queue, hold.
const OF_A_CONSUMER: [&str; 4] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
];
/// aws::queue, warm_up; intake's connection to SQS serves both queues.
const OF_WARMING: (&str, &str) = ("sqs:GetQueueAttributes", "CrmQueue");
/// SAM grants these by itself only to a role that it makes, and there for every log group.
const OF_A_ROLE_OF_ITS_OWN: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// With the parameter Tracing, likewise.
const OF_A_TRACED_ROLE: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// EventBridge Scheduler sends as this role, to the queue and, when it cannot, to the dead letters.
const SCHEDULER: [(&str, &str); 3] = [
    ("sqs:SendMessage", "NotificationsQueue"),
    ("sqs:SendMessage", "NotificationsDlq"),
    ("sts:AssumeRole", "scheduler.amazonaws.com"),
];

/// Calls of shared/src/aws that the functions make, with the action that allows them.
const CALLS: [(&str, &str); 4] = [
    ("SendMessage", "sqs:SendMessage"),
    ("SendMessageBatch", "sqs:SendMessage"),
    ("ChangeMessageVisibility", "sqs:ChangeMessageVisibility"),
    ("CreateSchedule", "scheduler:CreateSchedule"),
];

type Grant = (String, String);

/// Whether a queue hands messages to the function.
fn is_consumer(function: &str) -> bool {
    library(function).contains("SqsEvent")
}

fn library(function: &str) -> String {
    let library = tools::workspace().join(format!("functions/{function}/src/lib.rs"));
    std::fs::read_to_string(library).unwrap()
}

fn owned(grants: &[(&str, &str)]) -> BTreeSet<Grant> {
    grants
        .iter()
        .map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned()))
        .collect()
}

fn needs(function: &str) -> BTreeSet<Grant> {
    let read = read_by_function(function).1;
    let mut needs = BTreeSet::new();
    let mut need = |actions: &[&str], resource: &str| {
        needs.extend(
            actions
                .iter()
                .map(|action| ((*action).to_owned(), resource.to_owned())),
        );
    };
    for (variable, resource, actions, _why) in BY_VARIABLE {
        if read.contains(variable) {
            need(actions, resource);
        }
    }
    for (variable, resource) in QUEUES {
        match (read.contains(variable), is_consumer(function)) {
            (true, true) => need(&OF_A_CONSUMER, resource),
            (true, false) => need(&OF_A_SENDER, resource),
            (false, _) => {}
        }
    }
    for variable in read.iter().filter(|variable| is_secret(variable)) {
        need(
            &OF_A_READER,
            &format!("{}Secret", secret_parameter(function, variable)),
        );
    }
    if library(function).contains("self.crm.warm_up()") {
        need(&[OF_WARMING.0], OF_WARMING.1);
    }
    need(&OF_A_TRACED_ROLE, "*");
    let mut logs = function.to_owned();
    logs[..1].make_ascii_uppercase();
    need(&OF_A_ROLE_OF_ITS_OWN, &format!("{logs}Logs"));
    need(&["sts:AssumeRole"], "lambda.amazonaws.com");
    needs
}

fn strings(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(value) => vec![value.clone()],
    }
}

/// A resource by its logical id, a service by its name.
fn name_of(resource: &Value) -> String {
    // An optional one: `!If [HasIt, !GetAtt ItSecret.Id, !Ref AWS::NoValue]`.
    let choice = resource.get("Fn::If");
    let chosen = choice.map_or(resource, |choice| &choice[1]);
    if let Some(id) = chosen["Fn::GetAtt"][0].as_str() {
        let has_it = format!("Has{}", id.strip_suffix("Secret").unwrap_or(id));
        if choice.is_none_or(|choice| *choice == json!([has_it, chosen, {"Ref": "AWS::NoValue"}])) {
            return id.to_owned();
        }
    }
    match resource["Fn::Sub"].as_str() {
        Some(arn) if arn.ends_with(":schedule/${ScheduleGroup}/*") => "ScheduleGroup".to_owned(),
        Some(arn) if arn.ends_with(":schedule-group/${ScheduleGroup}") => "ScheduleGroup itself".to_owned(),
        _ => resource
            .as_str()
            .map_or_else(|| resource.to_string(), str::to_owned),
    }
}

fn grants(value: &Value) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for (_, statement) in objects(value) {
        if statement.get("Effect").is_none() {
            continue;
        }
        let principal = statement.get("Principal").map(|principal| &principal["Service"]);
        for action in strings(statement.get("Action")) {
            for resource in strings(statement.get("Resource").or(principal)) {
                grants.insert((action.as_str().unwrap().to_owned(), name_of(&resource)));
            }
        }
    }
    grants
}

fn differences(who: &str, given: &BTreeSet<Grant>, needed: &BTreeSet<Grant>) -> Vec<String> {
    let missing = needed.difference(given);
    let missing = missing.map(|(action, resource)| format!("{who} may not {action} on {resource}"));
    let idle = given.difference(needed);
    let idle = idle.map(|(action, resource)| format!("{who} needs no {action} on {resource}"));
    missing.chain(idle).collect()
}

/// Permissions compared with calls, both ways; and no statement outside the roles that are compared.
fn permission_problems(template: &Value) -> Vec<String> {
    let resources = &template["Resources"];
    let mut problems = Vec::new();
    for (binary, (_, function)) in functions(template) {
        let properties = &function["Properties"];
        // SAM's own role may write to every log group, so each function has one that it does not make.
        let Some(role) = properties["Role"]["Fn::GetAtt"][0].as_str() else {
            problems.push(format!("{binary} has no role of its own"));
            continue;
        };
        let policy = &resources[role]["Properties"];
        if !(properties["Policies"].is_null() && policy["ManagedPolicyArns"].is_null()) {
            problems.push(format!("{binary} may do what no list here shows"));
        }
        problems.extend(differences(&binary, &grants(&resources[role]), &needs(&binary)));
    }
    let scheduler = grants(&resources["SchedulerRole"]);
    problems.extend(differences("SchedulerRole", &scheduler, &owned(&SCHEDULER)));
    let mut roles = vec!["SchedulerRole".to_owned()];
    for (_, (_, function)) in functions(template) {
        let role = function["Properties"]["Role"]["Fn::GetAtt"][0].as_str();
        roles.extend(role.map(str::to_owned));
    }
    for (path, object) in objects(resources) {
        let compared = |role: &String| path.starts_with(&format!("/{role}/"));
        if object.contains_key("Effect") && !roles.iter().any(compared) {
            problems.push(format!("{path} is a statement that no list here shows"));
        }
    }
    problems
}

fn event_problems(template: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = expected_routes();
    let routes: BTreeSet<_> = routes(template).into_iter().collect();
    for route in expected.symmetric_difference(&routes) {
        problems.push(format!("the template and the list of routes differ in {route:?}"));
    }
    for (binary, (_, function)) in functions(template) {
        let none = Map::new();
        let events = function["Properties"]["Events"].as_object().unwrap_or(&none);
        let of = |kind: &str| events.values().filter(|event| event["Type"] == kind).count();
        let serves = of("HttpApi");
        let expected = match binary.as_str() {
            consumer if is_consumer(consumer) => [0, 1, 0],
            "sweep" => [0, 0, 1],
            _ => [serves, 0, 0],
        };
        if [serves, of("SQS"), of("ScheduleV2")] != expected {
            problems.push(format!("{binary} is woken by {:?}", events.keys()));
        }
    }
    problems
}

/// Everything that the template lacks for the code to work, or has beyond it.
fn problems(template: &Value) -> Vec<String> {
    let all = [
        permission_problems(template),
        variable_problems(template),
        event_problems(template),
    ];
    all.concat()
}

#[test]
fn the_template_has_what_the_code_needs_and_nothing_else() {
    let problems = problems(&template());
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_call_of_the_functions_has_its_action() {
    // AWS names its calls in capitals; statements and vendors' calls are in small letters.
    let steps = Step::ALL.iter().map(|step| step.as_str());
    let called: BTreeSet<&str> = steps
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect();
    let known: BTreeSet<&str> = CALLS.iter().map(|(call, _)| *call).collect();
    assert_eq!(called, known);
    let granted: BTreeSet<&str> = OF_A_SENDER
        .into_iter()
        .chain(OF_A_CONSUMER)
        .chain(
            BY_VARIABLE
                .iter()
                .flat_map(|(_, _, actions, _)| actions.iter().copied()),
        )
        .collect();
    for (call, action) in CALLS {
        assert!(granted.contains(action), "nothing grants {action} for {call}");
    }
}

/// Whether this is a statement, an action or resource of one, a variable or an event.
fn is_removable(template: &Value, pointer: &str) -> bool {
    let at = |pointer: &str| template.pointer(pointer).unwrap();
    let (parent, _) = pointer.rsplit_once('/').unwrap();
    let (above, name) = parent.rsplit_once('/').unwrap_or_default();
    match name {
        "Variables" | "Events" => at(parent).is_object(),
        "Action" | "Resource" => at(parent).is_array() && at(above).get("Effect").is_some(),
        _ => at(parent).is_array() && at(pointer).get("Effect").is_some(),
    }
}

fn without(template: &Value, pointer: &str) -> Value {
    let mut template = template.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match template.pointer_mut(parent).unwrap() {
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        Value::Object(map) => drop(map.remove(last).unwrap()),
        other => panic!("{pointer}: {other}"),
    }
    template
}

#[test]
fn any_single_permission_variable_or_event_that_is_removed_is_missed() {
    let template = template();
    let mut pointers = pointers(&template);
    pointers.retain(|pointer| is_removable(&template, pointer));
    for (kind, least) in [("/Statement/", 25), ("/Variables/", 40), ("/Events/", 14)] {
        let count = pointers.iter().filter(|pointer| pointer.contains(kind)).count();
        assert!(count >= least, "{count} of {kind}");
    }
    for pointer in &pointers {
        let missed = problems(&without(&template, pointer));
        assert!(!missed.is_empty(), "nothing misses {pointer}");
    }
}
