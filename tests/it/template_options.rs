//! What template.yaml leaves to whoever deploys it, and what it bounds: throttles, tracing, reserved concurrency.

use crate::support::request::visit;
use crate::template::{functions, page_asset, routes, template};
use harness::world::{Database, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_form_is_throttled_below_the_rest() {
    let template = template();
    let all = &template["Resources"]["FunnelApi"]["Properties"]["DefaultRouteSettings"];
    let form = &functions(&template)["intake"].1["Properties"]["Events"]["Lead"]["Properties"];
    assert_eq!(form["Method"], "POST");
    for limit in ["ThrottlingBurstLimit", "ThrottlingRateLimit"] {
        let (form, all) = (number(&form["RouteSettings"][limit]), number(&all[limit]));
        assert!(0 < form && form < all, "{limit}: {form} of {all}");
    }
}

#[test]
fn tracing_is_off_unless_asked_for() {
    let template = template();
    let parameter = &template["Parameters"]["Tracing"];
    assert_eq!(parameter["Default"], "Disabled");
    assert_eq!(parameter["AllowedValues"], json!(["Active", "Disabled"]));
    assert_eq!(
        template["Globals"]["Function"]["Tracing"],
        json!({"Ref": "Tracing"})
    );
    assert_eq!(
        template["Conditions"]["Traced"],
        json!({"Fn::Equals": [{"Ref": "Tracing"}, "Active"]})
    );
    for (binary, (_, function)) in functions(&template) {
        assert!(function["Properties"].get("Tracing").is_none(), "{binary}");
    }
}

/// Without a bound of its own a function takes as many sandboxes as come, and each holds a connection.
#[test]
fn every_function_that_holds_connections_can_be_bounded() {
    let template = template();
    let mut bounded = Vec::new();
    for (binary, (_, function)) in functions(&template) {
        let properties = &function["Properties"];
        if properties["Environment"]["Variables"]
            .get("DATABASE_URL")
            .is_none()
        {
            assert!(properties.get("ReservedConcurrentExecutions").is_none());
            continue;
        }
        let events = properties["Events"].as_object().unwrap();
        match events.values().next().unwrap()["Type"].as_str().unwrap() {
            "SQS" => assert!(
                events
                    .values()
                    .all(|event| !event["Properties"]["ScalingConfig"]["MaximumConcurrency"].is_null())
            ),
            // Once a minute, for less than a minute.
            "ScheduleV2" => assert_eq!(binary, "sweep"),
            _ => {
                let choice = &properties["ReservedConcurrentExecutions"]["Fn::If"];
                let (condition, parameter) =
                    (choice[0].as_str().unwrap(), choice[1]["Ref"].as_str().unwrap());
                assert_eq!(choice[2], json!({"Ref": "AWS::NoValue"}));
                assert_eq!(
                    template["Conditions"][condition],
                    json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]})
                );
                let parameter = &template["Parameters"][parameter];
                assert_eq!(parameter["Default"], "");
                // AWS takes 0 for "never".
                assert_eq!(parameter["AllowedPattern"], "^([1-9][0-9]*)?$");
                bounded.push(binary);
            }
        }
    }
    assert_eq!(bounded, ["intake", "track"]);
}

/// Data are in the database; logs and dead letters are what else somebody could miss after a stack is gone.
#[test]
fn logs_and_dead_letters_outlive_the_stack() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let dead_letters: Vec<&Value> = resources
        .values()
        .map(|resource| &resource["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
        .collect();
    let mut kept = 0;
    for (name, resource) in resources {
        let holds_data =
            resource["Type"] == "AWS::Logs::LogGroup" || dead_letters.contains(&&Value::from(name.as_str()));
        let policies = (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]);
        if holds_data {
            // What a failed creation leaves behind holds nothing.
            assert_eq!(
                policies,
                (&"RetainExceptOnCreate".into(), &"Retain".into()),
                "{name}"
            );
            kept += 1;
        } else {
            assert_eq!(policies, (&Value::Null, &Value::Null), "{name}");
        }
    }
    assert_eq!(kept, functions(&template).len() + 2);
}

/// Otherwise a deployment ends well and everybody goes on with the version before.
#[test]
fn every_deployment_publishes_a_version_and_alarms_take_it_back() {
    let template = template();
    let release = &template["Parameters"]["Release"];
    assert!(release.get("Default").is_none(), "it has to be given");
    for (binary, (_, function)) in functions(&template) {
        let properties = &function["Properties"];
        assert_eq!(
            properties["AutoPublishCodeSha256"],
            json!({"Ref": "Release"}),
            "{binary}: SAM publishes nothing"
        );
        let description = properties["Description"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(
            description.contains("${Release}"),
            "{binary}: Lambda refuses a version that is as the one before"
        );
    }
    let globals = &template["Globals"]["Function"];
    assert_eq!(globals["AutoPublishAlias"], "live");
    let preference = &globals["DeploymentPreference"];
    assert_eq!(preference["Type"], json!({"Ref": "DeploymentPreference"}));
    assert_eq!(
        template["Parameters"]["DeploymentPreference"]["Default"],
        "AllAtOnce"
    );
    assert_eq!(
        preference["Alarms"]["Fn::If"],
        json!([
            "InSteps",
            [
                template["Resources"]["ApiErrorsAlarm"]["Properties"]["AlarmName"],
                {"Ref": "NotificationsDlqAlarm"},
                {"Ref": "CrmDlqAlarm"},
            ],
            // An alarm that is on stops a deployment, also the one that mends what it is about.
            [],
        ])
    );
}

#[test]
fn a_domain_of_its_own_is_made_only_when_it_is_named() {
    let template = template();
    let resources = &template["Resources"];
    for resource in ["ApiDomain", "ApiOnItsDomain"] {
        assert_eq!(resources[resource]["Condition"], "OwnDomain", "{resource}");
    }
    let domain = &resources["ApiDomain"]["Properties"];
    assert_eq!(domain["DomainNameConfigurations"][0]["SecurityPolicy"], "TLS_1_2");
    let mapping = &resources["ApiOnItsDomain"]["Properties"];
    assert_eq!(mapping["ApiId"], json!({"Ref": "FunnelApi"}));
    assert_eq!(mapping["Stage"], json!({"Ref": "FunnelApi.Stage"}));
    for parameter in ["DomainName", "PageDomainName"] {
        assert_eq!(template["Parameters"][parameter]["Default"], "", "{parameter}");
    }
    let rules = template["Rules"].as_object().unwrap();
    let rules: Vec<_> = rules.keys().map(String::as_str).collect();
    let expected = [
        "AmocrmHasStage",
        "AmocrmIsAuthorised",
        "DomainHasCertificate",
        "PageDomainHasCertificate",
    ];
    assert_eq!(
        rules.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(expected)
    );
    assert_eq!(
        template["Outputs"]["ApiDomainTarget"]["Value"],
        json!({"Fn::GetAtt": ["ApiDomain", "RegionalDomainName"]})
    );
}

#[test]
fn cloudfront_caches_the_page_as_it_asks_for_and_nothing_else() {
    let template = template();
    assert_eq!(template["Parameters"]["PageCdn"]["Default"], "no");
    let resources = &template["Resources"];
    for resource in ["PageDistribution", "PageCachePolicy"] {
        assert_eq!(resources[resource]["Condition"], "PageBehindCdn", "{resource}");
    }
    let distribution = &resources["PageDistribution"]["Properties"]["DistributionConfig"];
    let cached = distribution["CacheBehaviors"].as_array().unwrap();
    assert_eq!(cached.len(), 1);
    let prefix = cached[0]["PathPattern"]
        .as_str()
        .unwrap()
        .strip_suffix('*')
        .unwrap();
    let methods = |behaviour: &Value| behaviour["AllowedMethods"].as_array().unwrap().clone();
    let rest = &distribution["DefaultCacheBehavior"];
    for (binary, method, path) in routes(&template) {
        assert_eq!(path.starts_with(prefix), binary == "page", "{path}");
        let behaviour = if binary == "page" { &cached[0] } else { rest };
        assert!(
            methods(behaviour).contains(&method.clone().into()),
            "{method} {path}"
        );
    }
    // CloudFront, "Use managed cache policies" and "Use managed origin request policies".
    assert_eq!(rest["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    assert_eq!(
        rest["OriginRequestPolicyId"],
        "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    );
    for behaviour in [&cached[0], rest] {
        let viewers = behaviour["ViewerProtocolPolicy"].as_str().unwrap();
        assert!(
            ["https-only", "redirect-to-https"].contains(&viewers),
            "{viewers}"
        );
    }
    assert_eq!(
        distribution["Origins"][0]["CustomOriginConfig"]["OriginProtocolPolicy"],
        "https-only"
    );
    let policy = &resources["PageCachePolicy"]["Properties"]["CachePolicyConfig"];
    assert_eq!(cached[0]["CachePolicyId"], json!({"Ref": "PageCachePolicy"}));
    // Nothing is kept that does not ask for it, and what asks is kept as long as it says.
    assert_eq!((number(&policy["MinTTL"]), number(&policy["DefaultTTL"])), (0, 0));
    let longest = number(&policy["MaxTTL"]);
    for path in [
        "/proftest".to_owned(),
        format!("/proftest/assets/{}", page_asset()),
    ] {
        let answer = page::handle(&visit("GET", &path, ""));
        let cache = answer.headers()["cache-control"].to_str().unwrap();
        let age = cache
            .split(',')
            .find_map(|part| part.trim().strip_prefix("max-age="));
        let age: u64 = age.unwrap().parse().unwrap();
        assert!((1..=longest).contains(&age), "{path}: {cache}");
    }
}

/// What a process would refuse at its start, CloudFormation refuses before it changes anything.
#[test]
fn every_parameter_says_what_it_may_be() {
    let template = template();
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let bounds: &[&str] = match parameter["Type"].as_str().unwrap() {
            _ if parameter["AllowedValues"].is_array() => &["AllowedValues"],
            "Number" => &["MinValue", "MaxValue"],
            _ => &["AllowedPattern"],
        };
        for bound in bounds {
            assert!(!parameter[bound].is_null(), "{name} has no {bound}");
        }
    }
}

/// A blank is no value to a function, so the rules must not count it; a misspelt level is a module's name to the log, and
/// silences it. PostgreSQL's regular expressions are the real ones at hand, and read these as CloudFormation's do.
#[test]
fn parameters_take_no_blank_and_no_misspelt_level() {
    let list = "a::b=trace,c=off,warn";
    let level: &[&str] = &["info", "debug", "proftest=debug,info", list];
    let wrong_level: &[&str] = &["debugg", "", " ", "proftest=debug", "info,", "info,proftest=loud"];
    let mut cases = vec![("LogLevel", level, wrong_level)];
    for name in [
        "AmocrmAccessToken",
        "AmocrmClientId",
        "AmocrmClientSecret",
        "AmocrmRedirectUri",
        "AmocrmRefreshToken",
    ] {
        cases.push((name, &["", "one", " one\n"], &[" ", "\n", "one two"]));
    }
    for name in ["AmocrmPipeline", "AmocrmStage"] {
        cases.push((name, &["", "Воронка", "ЗАЯВКА С ТЕСТА"], &[" ", "one\ntwo"]));
    }
    run(async {
        let db = Database::unmigrated().await;
        let template = template();
        for (name, right, wrong) in cases {
            let pattern = template["Parameters"][name]["AllowedPattern"].as_str().unwrap();
            for (values, taken) in [(right, true), (wrong, false)] {
                for value in values {
                    let row = db
                        .row(&format!("select $v${value}$v$ ~ $p${pattern}$p$ as taken"))
                        .await;
                    assert_eq!(row["taken"], taken, "{name}: {value:?}");
                }
            }
        }
    });
}

#[test]
fn every_queue_is_encrypted_and_every_log_line_is_json() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap().iter();
    let queues: Vec<_> = resources
        .filter(|(_, resource)| resource["Type"] == "AWS::SQS::Queue")
        .collect();
    assert_eq!(queues.len(), 4);
    for (name, queue) in queues {
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true, "{name}");
    }
    let logging = &template["Globals"]["Function"]["LoggingConfig"];
    assert_eq!(logging["LogFormat"], "JSON");
    assert_eq!(logging["ApplicationLogLevel"], "TRACE", "RUST_LOG alone decides");
}
