//! Secrets are in Secrets Manager and nowhere else in template.yaml, and only the functions that need one may read it.

use crate::template::{functions, objects, template};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The parameters that are secret.
const SECRET: [&str; 6] = [
    "AmocrmAccessToken",
    "AmocrmClientSecret",
    "AmocrmRefreshToken",
    "DatabaseUrl",
    "MobizonApiKey",
    "ResendApiKey",
];

fn is_secret_resource(template: &Value, id: &str) -> bool {
    template["Resources"][id]["Type"] == "AWS::SecretsManager::Secret"
}

/// `value`, or what it is under the condition `{"Fn::If": [condition, value, otherwise]}`.
fn unless_conditional<'a>(value: &'a Value, otherwise: &Value) -> (Option<&'a str>, &'a Value) {
    let Some(choice) = value.get("Fn::If") else {
        return (None, value);
    };
    assert_eq!(choice[2], *otherwise, "{value}");
    (choice[0].as_str(), &choice[1])
}

/// Secrets by their logical ids, each with the condition under which it is there.
type Secrets = BTreeMap<String, Option<String>>;

/// The variables of a function that refer to a secret; each to the one that is named after it.
fn referred_to(function: &Value) -> Secrets {
    let variables = function["Properties"]["Environment"]["Variables"].as_object();
    let mut secrets = Secrets::new();
    for (variable, value) in variables.into_iter().flatten() {
        if !value.to_string().contains("secretsmanager:") {
            continue;
        }
        let (condition, value) = unless_conditional(value, &json!(""));
        let id = format!("{}Secret", parameter(variable));
        let reference = format!("secretsmanager:${{{id}.Id}}");
        assert_eq!(*value, json!({"Fn::Sub": reference}), "{variable}");
        secrets.insert(id, condition.map(str::to_owned));
    }
    secrets
}

/// `RESEND_API_KEY` as `ResendApiKey`.
fn parameter(variable: &str) -> String {
    let words = variable.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect()
}

/// The secrets that a function's policies, or those of its role, let it read.
fn permitted(template: &Value, function: &Value) -> Secrets {
    let properties = &function["Properties"];
    let of_its_role = |role: &str| template["Resources"][role]["Properties"]["Policies"].clone();
    let policies = match properties["Role"]["Fn::GetAtt"][0].as_str() {
        Some(role) => of_its_role(role),
        None => properties["Policies"].clone(),
    };
    let mut secrets = Secrets::new();
    for (path, statement) in objects(&policies) {
        if !statement
            .get("Action")
            .is_some_and(|action| action.to_string().contains("secretsmanager:"))
        {
            continue;
        }
        assert_eq!(statement["Action"], "secretsmanager:GetSecretValue", "{path}");
        let resources = match &statement["Resource"] {
            Value::Array(resources) => resources.clone(),
            resource => vec![resource.clone()],
        };
        for resource in &resources {
            let (condition, resource) = unless_conditional(resource, &json!({"Ref": "AWS::NoValue"}));
            let target = &resource["Fn::GetAtt"];
            assert_eq!(target[1], "Id", "{path}: {resource}");
            let id = target[0].as_str().unwrap();
            secrets.insert(id.to_owned(), condition.map(str::to_owned));
        }
    }
    secrets
}

#[test]
fn a_function_may_read_the_secrets_of_its_variables_and_no_others() {
    let template = template();
    let mut read = BTreeSet::new();
    for (binary, (_, function)) in functions(&template) {
        let referred_to = referred_to(&function);
        assert_eq!(
            referred_to,
            permitted(&template, &function),
            "{binary}: its variables refer to, and its policy permits"
        );
        for (id, condition) in &referred_to {
            assert!(is_secret_resource(&template, id), "{binary}: {id}");
            let of_the_secret = template["Resources"][id]["Condition"].as_str();
            assert_eq!(condition.as_deref(), of_the_secret, "{binary}: {id}");
        }
        read.extend(referred_to.into_keys());
    }
    let resources = template["Resources"].as_object().unwrap().keys();
    let made: BTreeSet<String> = resources
        .filter(|id| is_secret_resource(&template, id))
        .cloned()
        .collect();
    assert_eq!(made, read, "secrets that are made, and that a function reads");
}

#[test]
fn a_secret_parameter_goes_nowhere_but_into_its_secret() {
    let template = template();
    let parameters = template["Parameters"].as_object().unwrap();
    let hidden: Vec<&str> = parameters
        .iter()
        .filter(|(_, parameter)| parameter["NoEcho"] == true)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(hidden, SECRET);
    for name in SECRET {
        let id = format!("{name}Secret");
        let secret = &template["Resources"][&id];
        assert!(is_secret_resource(&template, &id), "{id}");
        assert_eq!(secret["Properties"]["SecretString"], json!({"Ref": name}));
        // The account's own key needs no right to KMS; another one would.
        assert_eq!(secret["Properties"].get("KmsKeyId"), None, "{id}");
        let condition = parameters[name].get("Default").map(|default| {
            assert_eq!(default, "", "{name}");
            format!("Has{name}")
        });
        assert_eq!(secret["Condition"].as_str(), condition.as_deref(), "{id}");
        if let Some(condition) = condition {
            let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]});
            assert_eq!(template["Conditions"][condition], given);
        }
        let mut uses = 0;
        for section in ["Globals", "Resources", "Outputs"] {
            for (path, object) in objects(&template[section]) {
                let in_a_text = object.get("Fn::Sub").is_some_and(|text| {
                    let text = text.to_string();
                    text.contains(&format!("${{{name}}}"))
                });
                assert!(!in_a_text, "{section}{path}");
                uses += usize::from(object.get("Ref") == Some(&json!(name)));
            }
        }
        assert_eq!(uses, 1, "{name}");
    }
}
