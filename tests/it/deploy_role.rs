//! The boundaries of the role that deploys and of the roles that it makes (`.github/aws`): what docs/deploy.md says of them,
//! by AWS's rules for a policy, and that they leave room for template.yaml.

use crate::template::{objects, template};
use harness::tools;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACCOUNT: &str = "111122223333";

fn boundary(name: &str) -> Value {
    let path = tools::workspace().join(format!(".github/aws/{name}-boundary.json"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text.replace("ACCOUNT", ACCOUNT)).unwrap()
}

/// Whether a pattern with `*` covers a text.
fn covers(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    last.map_or(rest.is_empty(), |part| text.ends_with(part))
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        many => many
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap())
            .collect(),
    }
}

/// A key that the request lacks meets no condition. Source: IAM, "Policy evaluation logic".
fn applies(statement: &Value, action: &str, resource: &str, context: &BTreeMap<&str, &str>) -> bool {
    let named = list(&statement["Action"])
        .iter()
        .any(|pattern| covers(pattern, action))
        && list(&statement["Resource"])
            .iter()
            .any(|pattern| covers(pattern, resource));
    let conditions = statement.get("Condition").and_then(Value::as_object).cloned();
    let met = conditions.unwrap_or_default().iter().all(|(operator, keys)| {
        assert!(
            ["StringEquals", "ArnLike"].contains(&operator.as_str()),
            "{operator}"
        );
        keys.as_object().unwrap().iter().all(|(key, values)| {
            let has = context.get(key.as_str());
            has.is_some_and(|has| list(values).iter().any(|value| covers(value, has)))
        })
    });
    named && met
}

/// Whether the boundary lets the request pass: some statement allows it, and none denies it.
fn passes(boundary: &Value, action: &str, resource: &str, context: &[(&'static str, &str)]) -> bool {
    let context = context.iter().copied().collect();
    let statements = boundary["Statement"].as_array().unwrap().iter();
    let mut effects = statements
        .filter(|statement| applies(statement, action, resource, &context))
        .map(|statement| statement["Effect"].as_str().unwrap());
    let first = effects.next();
    first == Some("Allow") && effects.all(|effect| effect == "Allow")
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn policy(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

#[test]
fn the_role_that_deploys_gives_rights_only_to_roles_with_their_boundary() {
    let deploy = boundary("deploy");
    let bounded = policy("proftest-roles-boundary");
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let ours = role("proftest-PageRole-1A2B");
    for action in [
        "CreateRole",
        "PutRolePolicy",
        "AttachRolePolicy",
        "PutRolePermissionsBoundary",
    ] {
        let action = format!("iam:{action}");
        let may = |role: &str, context: &[(&'static str, &str)]| passes(&deploy, &action, role, context);
        assert!(may(&ours, &[("iam:PermissionsBoundary", &bounded)]), "{action}");
        assert!(!may(&ours, &[]), "{action} without a boundary");
        assert!(
            !may(&ours, &[("iam:PermissionsBoundary", administrator)]),
            "{action}"
        );
        assert!(
            !may(&role("other"), &[("iam:PermissionsBoundary", &bounded)]),
            "{action}"
        );
        let itself = role("proftest-deploy");
        assert!(
            !may(&itself, &[("iam:PermissionsBoundary", &bounded)]),
            "{action} of itself"
        );
    }
}

#[test]
fn the_role_that_deploys_reads_no_secret_and_makes_no_way_back_in() {
    let deploy = boundary("deploy");
    let bounded = policy("proftest-roles-boundary");
    let ours = role("proftest-PageRole-1A2B");
    let secret = format!("arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:DatabaseUrlSecret-1A2B");
    let function = format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:proftest-CrmFunction-1A2B");
    for (action, resource) in [
        ("secretsmanager:GetSecretValue", &secret),
        ("secretsmanager:BatchGetSecretValue", &secret),
        ("secretsmanager:PutResourcePolicy", &secret),
        ("lambda:InvokeFunction", &function),
        ("lambda:CreateFunctionUrlConfig", &function),
        ("iam:DeleteRolePermissionsBoundary", &ours),
        ("iam:UpdateAssumeRolePolicy", &ours),
        ("iam:CreatePolicyVersion", &bounded),
        ("iam:DeletePolicy", &bounded),
        ("iam:CreateUser", &format!("arn:aws:iam::{ACCOUNT}:user/new")),
        ("iam:CreateAccessKey", &format!("arn:aws:iam::{ACCOUNT}:user/old")),
        (
            "iam:UpdateOpenIDConnectProviderThumbprint",
            &format!("arn:aws:iam::{ACCOUNT}:oidc-provider/x"),
        ),
        ("sts:AssumeRole", &ours),
        ("cloudtrail:StopLogging", &"*".to_owned()),
        ("ec2:RunInstances", &"*".to_owned()),
        ("organizations:LeaveOrganization", &"*".to_owned()),
        (
            "cloudformation:UpdateStack",
            &format!("arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/other/1"),
        ),
        ("s3:GetObject", &"arn:aws:s3:::other/key".to_owned()),
    ] {
        assert!(!passes(&deploy, action, resource, &[]), "{action} on {resource}");
    }
    // A role is handed to the services that the stack hands it to, and to no machine of somebody's.
    let to = |service: &str| {
        passes(
            &deploy,
            "iam:PassRole",
            &ours,
            &[("iam:PassedToService", service)],
        )
    };
    assert!(to("lambda.amazonaws.com") && to("codedeploy.amazonaws.com") && to("scheduler.amazonaws.com"));
    assert!(!to("ec2.amazonaws.com"));
}

/// What CloudFormation asks first of all for each type of the template, and what SAM makes of its own types.
const CREATED_BY: [(&str, &[&str]); 15] = [
    ("AWS::ApiGatewayV2::ApiMapping", &["apigateway:POST"]),
    (
        "AWS::ApiGatewayV2::DomainName",
        &["apigateway:POST", "acm:DescribeCertificate"],
    ),
    ("AWS::CloudFront::CachePolicy", &["cloudfront:CreateCachePolicy"]),
    (
        "AWS::CloudFront::Distribution",
        &["cloudfront:CreateDistribution"],
    ),
    ("AWS::CloudWatch::Alarm", &["cloudwatch:PutMetricAlarm"]),
    ("AWS::CloudWatch::Dashboard", &["cloudwatch:PutDashboard"]),
    ("AWS::IAM::Role", &["iam:GetRole"]),
    ("AWS::Logs::LogGroup", &["logs:CreateLogGroup"]),
    ("AWS::SNS::Subscription", &["sns:Subscribe"]),
    ("AWS::SNS::Topic", &["sns:CreateTopic"]),
    ("AWS::SQS::Queue", &["sqs:CreateQueue"]),
    (
        "AWS::Scheduler::ScheduleGroup",
        &["scheduler:CreateScheduleGroup"],
    ),
    ("AWS::SecretsManager::Secret", &["secretsmanager:CreateSecret"]),
    (
        "AWS::Serverless::Function",
        &[
            "codedeploy:CreateDeploymentGroup",
            "lambda:CreateFunction",
            "lambda:PublishVersion",
            "scheduler:CreateSchedule",
        ],
    ),
    ("AWS::Serverless::HttpApi", &["apigateway:POST"]),
];

#[test]
fn the_role_that_deploys_may_make_all_that_the_template_has() {
    let (deploy, template) = (boundary("deploy"), template());
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let created = CREATED_BY.iter().find(|(one, _)| *one == kind);
        let (_, actions) = created.unwrap_or_else(|| panic!("{name}: say in CREATED_BY what makes a {kind}"));
        for action in *actions {
            assert!(
                passes(&deploy, action, &role("proftest-PageRole-1A2B"), &[]),
                "deploy-boundary.json lacks {action}"
            );
        }
    }
}

/// What SAM adds: the role of the sweep's schedule, and CodeDeploy's with AWSCodeDeployRoleForLambda, without what it says of
/// hooks, triggers and packages, which this stack has none of.
const OF_SAM: [&str; 5] = [
    "lambda:InvokeFunction",
    "lambda:GetAlias",
    "lambda:UpdateAlias",
    "lambda:GetProvisionedConcurrencyConfig",
    "cloudwatch:DescribeAlarms",
];

/// The conditions of the boundary are asked in the tests below; here an action counts that some statement allows.
#[test]
fn the_boundary_of_the_roles_leaves_room_for_what_the_template_gives_them() {
    let (roles, template) = (boundary("roles"), template());
    let statements = roles["Statement"].as_array().unwrap();
    let allowed = |action: &str| {
        let allows = |one: &Value| list(&one["Action"]).iter().any(|pattern| covers(pattern, action));
        statements.iter().any(allows)
    };
    let mut given = 0;
    for (name, resource) in template["Resources"].as_object().unwrap() {
        if resource["Type"] != "AWS::IAM::Role" {
            continue;
        }
        for (place, statement) in objects(&resource["Properties"]["Policies"]) {
            for action in statement.get("Action").map(list).unwrap_or_default() {
                assert!(
                    allowed(action),
                    "{name}{place}: roles-boundary.json lacks {action}"
                );
                given += 1;
            }
        }
    }
    assert!(given > 20, "{given}");
    for action in OF_SAM {
        assert!(allowed(action), "{action}");
    }
}

#[test]
fn a_role_of_the_stack_reads_secrets_only_as_a_function_and_gets_no_further() {
    let roles = boundary("roles");
    let secret = format!("arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:DatabaseUrlSecret-1A2B");
    let function = format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:proftest-CrmFunction-1A2B");
    let read =
        |context: &[(&'static str, &str)]| passes(&roles, "secretsmanager:GetSecretValue", &secret, context);
    assert!(read(&[("lambda:SourceFunctionArn", &function)]));
    // A role that was made for somebody else to take on.
    assert!(!read(&[]));
    let everything = json!([
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "sts:AssumeRole",
        "s3:GetObject",
        "ec2:RunInstances",
        "lambda:UpdateFunctionCode",
        "secretsmanager:PutSecretValue",
        "logs:GetLogEvents",
        "cloudformation:UpdateStack"
    ]);
    for action in list(&everything) {
        for resource in [
            &secret,
            &function,
            &role("proftest-PageRole-1A2B"),
            &"*".to_owned(),
        ] {
            assert!(!passes(&roles, action, resource, &[]), "{action}");
        }
    }
    let pass = |service: &str| {
        let role = role("proftest-SchedulerRole-1A2B");
        passes(&roles, "iam:PassRole", &role, &[("iam:PassedToService", service)])
    };
    assert!(pass("scheduler.amazonaws.com") && !pass("lambda.amazonaws.com"));
}
