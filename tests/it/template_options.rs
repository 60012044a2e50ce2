//! The parameters of template.yaml, and what it bounds and keeps: throttles, concurrency, caches, logs, versions.

use crate::support::request::visit;
use crate::template::{functions, number, page_asset, routes, template};
use harness::world::{Database, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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

/// Bots that try paths of other software come by that route alone, and a form's preflight does not.
#[test]
fn a_flood_of_unknown_paths_is_throttled_apart_from_people() {
    let template = template();
    let all = &template["Resources"]["FunnelApi"]["Properties"]["DefaultRouteSettings"];
    let events = functions(&template)["page"].1["Properties"]["Events"].clone();
    for (name, event) in events.as_object().unwrap() {
        let own = &event["Properties"]["RouteSettings"];
        if name == "Rest" {
            assert!(event["Properties"]["Path"].is_null(), "the $default route");
            for limit in ["ThrottlingBurstLimit", "ThrottlingRateLimit"] {
                let (rest, all) = (number(&own[limit]), number(&all[limit]));
                assert!(0 < rest && rest * 5 <= all, "{limit}: {rest} of {all}");
            }
        } else {
            assert!(own.is_null(), "{name}");
        }
    }
    assert_eq!(events["Preflight"]["Properties"]["Method"], "OPTIONS");
}

/// Without a bound a function takes as many sandboxes as requests come, and each holds a connection.
#[test]
fn every_function_that_holds_connections_can_be_bounded() {
    let template = template();
    for (binary, (_, function)) in functions(&template) {
        let properties = &function["Properties"];
        let variables = &properties["Environment"]["Variables"];
        if variables.get("DATABASE_URL").is_none() {
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
                assert!(choice[1]["Ref"].is_string(), "{binary}");
            }
        }
    }
}

/// Leads are in the database; logs and dead letters are the only other data of a stack.
#[test]
fn logs_and_dead_letters_outlive_the_stack() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let dead_letters: BTreeSet<&str> = resources
        .values()
        .map(|resource| &resource["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
        .filter_map(Value::as_str)
        .collect();
    let mut kept = 0;
    for (name, resource) in resources {
        let holds_data = resource["Type"] == "AWS::Logs::LogGroup" || dead_letters.contains(name.as_str());
        let policies = (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]);
        if holds_data {
            // What a failed creation leaves holds nothing.
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
    assert_eq!(kept, functions(&template).len() + dead_letters.len());
}

/// Otherwise a deployment succeeds and the version before goes on serving.
#[test]
fn every_deployment_publishes_a_version_and_the_alarms_that_take_it_back_exist() {
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
            "{binary}: Lambda publishes no version of an unchanged function"
        );
    }
    // One of them is named, not referred to: `every_reference_leads_somewhere` does not see it.
    let alarms = &template["Globals"]["Function"]["DeploymentPreference"]["Alarms"]["Fn::If"][1];
    let resources = template["Resources"].as_object().unwrap();
    for alarm in alarms.as_array().unwrap() {
        let exists = |(id, resource): (&String, &Value)| {
            resource["Type"] == "AWS::CloudWatch::Alarm"
                && (*alarm == json!({"Ref": id}) || *alarm == resource["Properties"]["AlarmName"])
        };
        assert!(resources.iter().any(exists), "{alarm}");
    }
}

#[test]
fn cloudfront_caches_the_page_as_it_asks_for_and_nothing_else() {
    let template = template();
    let resources = &template["Resources"];
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
    for (binary, _, path) in routes(&template) {
        let is_cached = path.starts_with(prefix);
        assert!(binary == "page" || !is_cached, "{path}");
    }
    // The $default route takes them all, and refuses in our words.
    for behaviour in [&cached[0], rest] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"] {
            assert!(methods(behaviour).contains(&method.into()), "{method}");
        }
    }
    // Managed-CachingDisabled: no answer to a form or a click may be cached. Source: CloudFront, "Use managed cache policies".
    assert_eq!(rest["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    let policy = &resources["PageCachePolicy"]["Properties"]["CachePolicyConfig"];
    assert_eq!(cached[0]["CachePolicyId"], json!({"Ref": "PageCachePolicy"}));
    // An answer without max-age is not cached, and the page's own max-age fits.
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

/// CloudFormation refuses a wrong value before it changes anything; a function would refuse it only at its start.
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

/// A function takes a blank for no value, so the rules must not count it as one. The log takes a misspelt level for a
/// module's name, and falls silent. PostgreSQL's regular expressions read these patterns as CloudFormation's do.
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
fn every_queue_is_encrypted() {
    for (name, resource) in template()["Resources"].as_object().unwrap() {
        let is_queue = resource["Type"] == "AWS::SQS::Queue";
        assert!(
            !is_queue || resource["Properties"]["SqsManagedSseEnabled"] == true,
            "{name}"
        );
    }
}
