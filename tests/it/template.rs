//! template.yaml, read as CloudFormation would: what `sam validate --lint` misses.

use crate::support::json::pointers;
use harness::tools;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The template as JSON, its short forms (`!Ref`, `!GetAtt`, …) written out.
pub fn template() -> Value {
    let text = std::fs::read_to_string(tools::workspace().join("template.yaml")).unwrap();
    written_out(yaml_serde::from_str(&text).unwrap())
}

pub fn written_out(yaml: yaml_serde::Value) -> Value {
    use yaml_serde::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(written_out).collect(),
        Yaml::Mapping(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let Value::String(key) = written_out(key) else {
                    panic!("a key is no string")
                };
                (key, written_out(value))
            });
            entries.collect::<Map<_, _>>().into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let value = written_out(tagged.value);
            match (name, &value) {
                ("Ref" | "Condition", _) => json!({name: value}),
                ("GetAtt", Value::String(path)) => {
                    let (resource, attribute) = path.split_once('.').unwrap();
                    json!({"Fn::GetAtt": [resource, attribute]})
                }
                _ => json!({format!("Fn::{name}"): value}),
            }
        }
    }
}

/// The functions: logical id and resource, by their binaries' names.
pub fn functions(template: &Value) -> BTreeMap<String, (String, Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|(id, function)| {
            let binary = function["Metadata"]["BuildProperties"]["Binary"]
                .as_str()
                .unwrap();
            (binary.to_owned(), (id.clone(), function.clone()))
        })
        .collect()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Every object in it, with its JSON pointer.
pub fn objects(value: &Value) -> Vec<(String, Map<String, Value>)> {
    let below = std::iter::once(String::new()).chain(pointers(value));
    let objects = below.filter_map(|path| Some((path.clone(), value.pointer(&path)?.as_object()?.clone())));
    objects.collect()
}

#[test]
fn every_function_has_its_folder_its_events_and_its_log_group() {
    let template = template();
    let functions = functions(&template);
    let names: BTreeSet<&str> = functions.keys().map(String::as_str).collect();
    let folders = tools::functions().unwrap();
    assert_eq!(
        names,
        folders.iter().map(String::as_str).collect(),
        "one function per folder"
    );
    for (binary, (id, function)) in &functions {
        let root = tools::workspace();
        assert!(
            root.join(format!("functions/{binary}/src/main.rs")).is_file(),
            "{binary}"
        );
        let events = std::fs::read_dir(root.join(format!("events/{binary}"))).unwrap();
        assert!(events.count() > 0, "{binary} has no sample event");
        let log_group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .unwrap();
        let group = &template["Resources"][log_group];
        assert_eq!(group["Type"], "AWS::Logs::LogGroup", "{binary}");
        assert!(
            group["Properties"]["RetentionInDays"]["Ref"].is_string(),
            "{binary}: its logs are kept for ever"
        );
        let mut expected = binary.clone();
        expected[..1].make_ascii_uppercase();
        assert_eq!(*id, format!("{expected}Function"));
    }
}

/// Names in `${…}`.
fn substitutions(text: &str) -> Vec<&str> {
    text.split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect()
}

#[test]
fn every_reference_leads_somewhere_and_no_parameter_is_idle() {
    let template = template();
    let has = |section: &str, name: &str| template[section].get(name).is_some();
    let mut used = BTreeSet::new();
    let mut check = |path: &str, name: &str| {
        used.insert(name.to_owned());
        let found = has("Parameters", name) || has("Resources", name) || name.starts_with("AWS::");
        assert!(found, "{path}: {name} is nowhere");
    };
    let mut references = 0;
    for (path, object) in objects(&template) {
        if let Some(name) = object.get("Ref") {
            // SAM gives the stage that it makes a name within the API's.
            let name = name.as_str().unwrap().trim_end_matches(".Stage");
            check(&path, name);
            references += 1;
        }
        if let Some(target) = object.get("Fn::GetAtt") {
            let (resource, attribute) = (target[0].as_str().unwrap(), target[1].as_str().unwrap());
            assert!(has("Resources", resource), "{path}: no resource {resource}");
            let known = match template["Resources"][resource]["Type"].as_str().unwrap() {
                "AWS::SQS::Queue" => attribute == "QueueName" || attribute == "Arn",
                "AWS::ApiGatewayV2::DomainName" => attribute.starts_with("Regional"),
                "AWS::CloudFront::Distribution" => attribute == "DomainName",
                "AWS::SecretsManager::Secret" => attribute == "Id",
                _ => attribute == "Arn",
            };
            assert!(
                known,
                "{path}: an attribute that this test does not know: {attribute}"
            );
            references += 1;
        }
        if let Some(text) = object.get("Fn::Sub") {
            for name in substitutions(text.as_str().unwrap()) {
                let (name, attribute) = name.split_once('.').unwrap_or((name, ""));
                let of_a_secret = template["Resources"][name]["Type"] == "AWS::SecretsManager::Secret";
                assert!(!of_a_secret || attribute == "Id", "{path}: {name}.{attribute}");
                check(&path, name);
                references += 1;
            }
        }
    }
    assert!(references > 40, "{references}");
    for parameter in template["Parameters"].as_object().unwrap().keys() {
        assert!(used.contains(parameter), "nothing uses the parameter {parameter}");
    }
}

/// The actions of a statement that write traces. X-Ray has no resource to name for them.
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS X-Ray".
fn traces(statement: &Value) -> bool {
    statement["Action"].to_string().contains("xray:")
}

/// `template_removal` compares actions and resources; this is what bounds them besides.
#[test]
fn a_role_is_handed_on_assumed_and_traced_only_under_its_condition() {
    let template = template();
    let (mut handed_on, mut assumed, mut traced, mut conditional) = (0, 0, 0, 0);
    for (path, object) in objects(&template["Resources"]) {
        let choice = object.get("Fn::If");
        conditional += i32::from(choice.is_some_and(|choice| choice[0] == "Traced" && traces(&choice[1])));
        if object.get("Effect").is_none() {
            continue;
        }
        let statement = Value::from(object);
        assert_eq!(statement["Effect"], "Allow", "{path}");
        traced += i32::from(traces(&statement));
        if statement["Action"].to_string().contains("iam:PassRole") {
            let condition = json!({"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}});
            assert_eq!(statement["Condition"], condition, "{path}");
            handed_on += 1;
        }
        // Without the account another customer's schedules could act as this role. Source: EventBridge Scheduler, "Confused
        // deputy prevention".
        if statement["Principal"]["Service"] == "scheduler.amazonaws.com" {
            let condition = json!({"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}});
            assert_eq!(statement["Condition"], condition, "{path}");
            assumed += 1;
        }
    }
    assert!(handed_on > 0 && assumed > 0);
    assert_eq!(
        traced, conditional,
        "a role may write traces without the parameter"
    );
}

/// The key of the route that takes what fits no other.
pub const DEFAULT_ROUTE: &str = "$default";

/// The name of some asset, which changes with its content.
pub fn page_asset() -> &'static str {
    page::files::FILES.assets[0].0
}

/// Function, method and path of each route; of the `$default` route the method is empty.
pub fn routes(template: &Value) -> Vec<(String, String, String)> {
    let mut routes = Vec::new();
    for (binary, (_, function)) in functions(template) {
        let events = function["Properties"]["Events"].as_object().unwrap().clone();
        for (name, event) in events {
            if event["Type"] != "HttpApi" {
                continue;
            }
            let properties = &event["Properties"];
            assert_eq!(properties["PayloadFormatVersion"], "2.0", "{name}");
            assert_eq!(properties["ApiId"], json!({"Ref": "FunnelApi"}), "{name}");
            // SAM makes the $default route of an event that has neither.
            if properties["Method"].is_null() && properties["Path"].is_null() {
                routes.push((binary.clone(), String::new(), DEFAULT_ROUTE.to_owned()));
                continue;
            }
            let text = |field: &str| properties[field].as_str().unwrap().to_owned();
            routes.push((binary.clone(), text("Method"), text("Path")));
        }
    }
    routes
}
