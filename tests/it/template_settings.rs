//! What template.yaml tells the functions, compared with what they read; and its times, compared with each other.

use crate::template::{functions, number, template};
use harness::tools;
use harness::vendors::{MOBIZON_WEBHOOK_SECRET, RESEND_WEBHOOK_SECRET};
use harness::world::GUARD_KEY;
use proftest::config::{self, ConfigError, Env};
use proftest::domain::crm::WorkHours;
use proftest::domain::delivery::LEASE;
use proftest::store::CRM_LEASE;
use proftest::texts::{Locale, texts};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

fn read_by<T>(read: fn(&Env<'_>) -> Result<T, ConfigError>) -> BTreeSet<String> {
    // Some variables are asked for only where their alternative is absent.
    let alternatives: [&[&str]; 2] = [&[], &["AMOCRM_ACCESS_TOKEN", "AMOCRM_PIPELINE_ID"]];
    let asked = alternatives.into_iter().map(|absent| read_without(absent, read));
    asked.flatten().collect()
}

fn read_without<T>(absent: &[&str], read: fn(&Env<'_>) -> Result<T, ConfigError>) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        let value = match name {
            "DATABASE_URL" => "postgres://user:password@127.0.0.1:5432/database",
            "DATABASE_CA_PEM" => "",
            "AMOCRM_UTM_FIELD_IDS" => "utm_source=1",
            "RESEND_WEBHOOK_SECRETS" => RESEND_WEBHOOK_SECRET,
            "MOBIZON_WEBHOOK_SECRETS" => MOBIZON_WEBHOOK_SECRET,
            "GUARD_KEY" => GUARD_KEY,
            // Their defaults.
            "LIMITS" | "RETENTION" | "SMS_COUNTRIES" | "CONSENT" | "CHALLENGE" | "ADDRESS_LIMITS"
            | "BEHIND_CLOUDFRONT" | "LINK_TARGET" | "AMOCRM_TASK_HOURS" => "",
            name if absent.contains(&name) => "",
            name if name.ends_with("_URL") => "https://example.org",
            _ => "1",
        };
        Some(value.to_owned())
    };
    read(&Env::new(&lookup)).unwrap_or_else(|error| panic!("{error}"));
    asked.into_inner()
}

fn main_of(binary: &str) -> String {
    let main = tools::workspace().join(format!("functions/{binary}/src/main.rs"));
    std::fs::read_to_string(main).unwrap()
}

/// Every function's, with the name of its configuration; a function without settings has none.
pub fn read_by_function(binary: &str) -> (&'static str, BTreeSet<String>) {
    match binary {
        "intake" => ("Intake", read_by(config::Intake::read)),
        "deliver" => ("Deliver", read_by(config::Deliver::read)),
        "crm" => ("Crm", read_by(config::Crm::read)),
        "track" => ("Track", read_by(config::Track::read)),
        "receipts" => ("Receipts", read_by(config::Receipts::read)),
        "recipient" => ("Recipient", read_by(config::Recipient::read)),
        "sweep" => ("Sweep", read_by(config::Sweep::read)),
        other if !main_of(other).contains("::read") => ("", BTreeSet::new()),
        other => panic!("which configuration does {other} read?"),
    }
}

/// Where the variables that are set differ from those that the functions read.
pub fn variable_problems(template: &Value) -> Vec<String> {
    let variables = |value: &Value| -> BTreeSet<String> {
        let map = value["Environment"]["Variables"].as_object();
        map.map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let common = variables(&template["Globals"]["Function"]);
    let mut problems = Vec::new();
    for (binary, (_, function)) in functions(template) {
        let own = variables(&function["Properties"]);
        let set: BTreeSet<String> = common.union(&own).cloned().collect();
        let mut read = read_by_function(&binary).1;
        read.insert("RUST_LOG".to_owned());
        for name in set.symmetric_difference(&read) {
            problems.push(format!("{binary}: {name} is not both set and read"));
        }
    }
    problems
}

#[test]
fn every_function_reads_the_configuration_of_its_name() {
    for binary in tools::functions().unwrap() {
        let name = read_by_function(&binary).0;
        let main = main_of(&binary);
        let reads = name.is_empty() || main.contains(&format!("config::{name}::read"));
        assert!(reads, "{binary} reads another configuration");
        assert!(main.contains("log_filter()"), "{binary}");
    }
}

#[test]
fn every_variable_of_the_configuration_is_read_by_some_function() {
    let sources = [
        "config.rs",
        "config/crm.rs",
        "config/deliver.rs",
        "config/guard.rs",
        "config/receipts.rs",
        "config/turnstile.rs",
    ]
    .map(|file| {
        let path = tools::workspace().join("shared/src").join(file);
        let source = std::fs::read_to_string(path).unwrap();
        source.split("#[cfg(test)]").next().unwrap().to_owned()
    });
    let source = sources.concat();
    let quoted: BTreeSet<&str> = source
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.len() > 4 && text.contains('_'))
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect();
    // Lambda gives the name, and AWS is where it is: an emulator alone needs an address.
    let not_set = ["RUST_LOG", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ENDPOINT_URL"];
    let mut read = BTreeSet::from(not_set.map(str::to_owned));
    for binary in tools::functions().unwrap() {
        read.extend(read_by_function(&binary).1);
    }
    assert!(quoted.len() > 15, "{quoted:?}");
    // Other words in capitals are no variables, so those of one word are left out.
    let read: BTreeSet<&str> = read
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains('_'))
        .collect();
    assert_eq!(quoted, read);
}

fn queue<'a>(template: &'a Value, reference: &Value) -> &'a Value {
    let id = reference["Fn::GetAtt"][0].as_str().unwrap();
    let queue = &template["Resources"][id];
    assert_eq!(queue["Type"], "AWS::SQS::Queue", "{id}");
    &queue["Properties"]
}

#[test]
fn every_queue_gives_its_function_time_and_reports_record_by_record() {
    let template = template();
    let mut consumers = 0;
    for (binary, (_, function)) in functions(&template) {
        let events = function["Properties"]["Events"].as_object().unwrap();
        for event in events.values().filter(|event| event["Type"] == "SQS") {
            consumers += 1;
            let source = &event["Properties"];
            assert_eq!(
                source["FunctionResponseTypes"],
                json!(["ReportBatchItemFailures"]),
                "{binary}"
            );
            let concurrency = &source["ScalingConfig"]["MaximumConcurrency"];
            let least = match concurrency["Ref"].as_str() {
                Some(parameter) => &template["Parameters"][parameter]["MinValue"],
                None => concurrency,
            };
            assert!(number(least) >= 2, "{binary}: AWS takes no less");
            let queue_properties = queue(&template, &source["Queue"]);
            let timeout = number(&function["Properties"]["Timeout"]);
            assert!(
                number(&queue_properties["VisibilityTimeout"]) >= 6 * timeout,
                "{binary}"
            );
            let redrive = &queue_properties["RedrivePolicy"];
            assert!(number(&redrive["maxReceiveCount"]) >= 5, "{binary}");
            let dlq = queue(&template, &redrive["deadLetterTargetArn"]);
            // A dead letter's days count from when it was first sent. Source: SQS, "Using dead-letter queues".
            assert!(
                number(&dlq["MessageRetentionPeriod"]) >= number(&queue_properties["MessageRetentionPeriod"]),
                "{binary}: a message may end before it is a dead letter"
            );
        }
    }
    assert!(consumers >= 2, "{consumers}");
}

#[test]
fn a_lease_outlives_the_function_that_holds_it() {
    let deliver = &functions(&template())["deliver"].1;
    assert!(LEASE.as_secs() > number(&deliver["Properties"]["Timeout"]));
    let crm = &functions(&template())["crm"].1;
    assert!(CRM_LEASE.as_secs() > number(&crm["Properties"]["Timeout"]));
}

#[test]
fn the_sweep_runs_every_minute_and_ends_before_the_next() {
    let sweep = &functions(&template())["sweep"].1["Properties"];
    let event = &sweep["Events"]["EveryMinute"];
    assert_eq!(
        (&event["Type"], &event["Properties"]["ScheduleExpression"]),
        (&"ScheduleV2".into(), &"rate(1 minute)".into())
    );
    assert!(number(&sweep["Timeout"]) < 60);
}

/// Reads with the variables alone that the function cannot do without: those that it names as missing.
fn with_required_alone<T>(read: fn(&Env<'_>) -> Result<T, ConfigError>) -> T {
    let mut given = BTreeMap::from([("DATABASE_URL", "postgres://user:password@127.0.0.1:5432/database")]);
    loop {
        let settings = read(&Env::new(&|name| given.get(name).map(|&value| value.to_owned())));
        match settings {
            Ok(settings) => return settings,
            Err(ConfigError::Missing { name, .. }) => {
                let value = if name == "GUARD_KEY" { GUARD_KEY } else { "1" };
                assert_eq!(given.insert(name, value), None, "{name}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Otherwise the documents would be right for one of the two: a deployment by SAM, or a function started by hand.
#[test]
fn the_template_s_defaults_are_the_functions_own() {
    let intake = with_required_alone(config::Intake::read);
    let track = with_required_alone(config::Track::read);
    let deliver = with_required_alone(config::Deliver::read);
    let crm = with_required_alone(config::Crm::read);
    let tasks = crm.amocrm.tasks.expect("a task by default");
    let template = template();
    let hours = template["Parameters"]["AmocrmTaskHours"]["Default"]
        .as_str()
        .unwrap();
    assert_eq!(WorkHours::parse(hours), Some(tasks.hours));
    for (parameter, own) in [
        ("NotificationDelaySeconds", json!(intake.delay.as_secs())),
        ("ScheduleLeadSeconds", json!(intake.schedule.lead.as_secs())),
        ("CourseUrl", json!(track.course.as_str())),
        ("ResendBaseUrl", json!(deliver.resend.base_url)),
        ("EmailFrom", json!(deliver.resend.from)),
        ("MobizonBaseUrl", json!(deliver.mobizon.base_url)),
        ("PublicBaseUrl", json!(deliver.links.public)),
        (
            "PublicBaseUrl",
            json!(with_required_alone(config::Recipient::read).public),
        ),
        ("AmocrmRequestsPerSecond", json!(crm.amocrm.requests_per_second)),
        ("AmocrmTaskText", json!(texts(Locale::Ru).crm.task)),
        ("AmocrmTaskMinutes", json!(tasks.within.as_secs() / 60)),
    ] {
        assert_eq!(template["Parameters"][parameter]["Default"], own, "{parameter}");
    }
}

#[test]
fn the_page_promises_the_message_for_when_it_is_due() {
    let minutes = number(&template()["Parameters"]["NotificationDelaySeconds"]["Default"]) / 60;
    for text in ["index.html", "js/texts.js"] {
        let text = tools::workspace().join("functions/page/web").join(text);
        let text = std::fs::read_to_string(text).unwrap().replace("&nbsp;", " ");
        let promises: Vec<&str> = text
            .split("ерез ")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(" минут")?.0))
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            .collect();
        assert_eq!(promises, [minutes.to_string()]);
    }
}
